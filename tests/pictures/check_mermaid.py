"""Every Mermaid source in the scenarios' transcripts, by Mermaid's own grammar and renderer: GitHub shows a red box for a wrong one.

The scenarios' summaries are what the binary writes; this finds what a transcript cannot show.
"""

import re
import sys
import textwrap
from pathlib import Path

from browser import MERMAID, chromium, opened

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^([ ]*)```mermaid\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
# It must be able to say no.
WRONG = ["gantt\n    dateFormat YYYY-MM-DD\n    build : done, not a date, 1\n", "gantt\n    section A\n    build without a colon\n", "no diagram at all"]
TRY = """async source => {
  try {
    await mermaid.parse(source);
    const { svg } = await mermaid.render("d" + Math.random().toString(36).slice(2), source);
    return svg.includes("<svg") ? "" : "no picture";
  } catch (error) { return String(error.message || error); }
}"""


def sources():
    for path in sorted((ROOT / "tests" / "scenarios").glob("*.yml")):
        for _, source in FENCE.findall(path.read_text()):
            yield path.name, textwrap.dedent(source)


def main():
    found = list(sources())
    failed = 0
    with chromium() as browser, opened(browser, 1000, scale=1) as tab:
        tab.set_content("<!doctype html>")
        tab.add_script_tag(path=str(MERMAID))
        tab.evaluate("mermaid.initialize({startOnLoad: false})")
        for source in WRONG:
            if not tab.evaluate(TRY, source):
                failed += 1
                print(f"FAIL  this is taken for a diagram:\n{source}")
        for name, source in found:
            if said := tab.evaluate(TRY, source):
                failed += 1
                print(f"FAIL  {name}: {said}\n{textwrap.indent(source, '        ')}")
    if not found:
        failed += 1
        print("FAIL  no Mermaid in tests/scenarios: a check of nothing")
    print(f"mermaid: {len(found)} sources, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
