"""Pictures of what people read: Markdown as GitHub shows it, and a terminal.

Knows: HTML, Chromium, PNG. Does not know: where a text comes from. The look is like GitHub's, not a copy of it; what is tested by
eye here is wrapping, tables, fences and diagrams, not shades.
"""

import html
import io
import re
from pathlib import Path

import cmarkgfm
import pyte
from cmarkgfm.cmark import Options
from PIL import Image

from browser import MERMAID, opened

HERE = Path(__file__).parent
FENCE = re.compile(r'<pre lang="mermaid"><code>(.*?)</code></pre>', re.DOTALL)
ALERT = re.compile(r"<blockquote>\s*<p>\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]\s*(?:<br\s*/?>)?\n?(.*?)</blockquote>", re.DOTALL)


def markdown(text):
    """As GitHub: tables, autolinks, alerts, Mermaid; raw HTML only of the few tags that we write."""
    body = cmarkgfm.github_flavored_markdown_to_html(text, options=Options.CMARK_OPT_UNSAFE)
    body = FENCE.sub(lambda m: f'<pre class="mermaid">{m[1]}</pre>', body)
    return ALERT.sub(lambda m: f'<div class="alert {m[1].lower()}"><p class="title">{m[1].title()}</p><p>{m[2]}</div>', body)


def page(body, kind):
    style = (HERE / "style.css").read_text()
    return f'<!doctype html><meta charset="utf-8"><style>{style}</style><body class="{kind}"><main>{body}</main>'


def comment(text):
    head = '<header><b>github-actions</b> <span class="bot">bot</span> commented now</header>'
    return page(f"{head}<article>{markdown(text)}</article>", "comment")


def summary(text):
    return page(f"<header>deploy summary</header><article>{markdown(text)}</article>", "summary")


def terminal(written, columns, command, rows=400):
    """What stands on the screen after these bytes, colours included."""
    screen = pyte.Screen(columns, rows)
    pyte.ByteStream(screen).feed(written)
    lines = []
    for row in range(screen.cursor.y + 1):
        line, cells = "", screen.buffer[row]
        for column in range(columns):
            cell = cells[column]
            if not cell.data:
                continue  # the second half of a wide character
            classes = [name for name in ("bold", "italics", "underscore") if getattr(cell, name)]
            classes += [f"fg-{cell.fg}"] if cell.fg != "default" else []
            text = html.escape(cell.data)
            line += f'<i class="{" ".join(classes)}">{text}</i>' if classes else text
        lines.append(line.rstrip())
    while lines and not lines[-1]:
        lines.pop()
    prompt = f'<i class="prompt">$</i> {html.escape(command)}\n'
    return page(f'<pre class="screen" style="width:{columns}ch">{prompt}' + "\n".join(lines) + "</pre>", "terminal")


def draw(tab):
    """Turns every Mermaid source of the page into its picture; the error of the first that cannot be."""
    if tab.locator("pre.mermaid").count():
        tab.add_script_tag(path=str(MERMAID))
        tab.evaluate("async () => { mermaid.initialize({startOnLoad: false}); await mermaid.run({querySelector: 'pre.mermaid'}); }")


def shoot(browser, text, width, path, open_details=False, colours=192, scale=2):
    """A PNG of the whole page, as small as few colours make it; how far it is wider than the screen."""
    with opened(browser, width, scale) as tab:
        tab.set_content(text)
        draw(tab)
        if open_details:
            tab.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        overflow = tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        png = tab.locator("main").screenshot()
    image = Image.open(io.BytesIO(png)).convert("RGB").quantize(colours, dither=Image.Dither.NONE)
    image.save(path, optimize=True)
    return overflow
