"""A headless Chromium, and where Mermaid's script is. Knows nothing of what is shown in it."""

import importlib.util
import shutil
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

# Its package imports another that is not needed for the script.
MERMAID = Path(importlib.util.find_spec("artoo_mermaid").origin).parent / "assets" / "mermaid.min.js"


@contextmanager
def chromium():
    found = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
    if not found:
        raise SystemExit("no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        # Its own sandbox needs rights that a container does not have; only our own pages are opened, without a network.
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser, width, scale=2):
    context = browser.new_context(viewport={"width": width, "height": 400}, device_scale_factor=scale, offline=True)
    try:
        yield context.new_page()
    finally:
        context.close()
