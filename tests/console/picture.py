"""`python -m tests.console.picture`: takes docs/console.png from the real console in Chromium."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from copilot.app import Copilot
from copilot.server.auth import Auth
from copilot.server.run import application
from tests.conftest import ROOT, SOURCES, settings_for
from tests.console.conftest import FLAGS, ask, launched, signed_in
from tests.server.serving import PASSWORD, Served, running

QUESTION = "怎么让群里的人多说话？"
TARGET = ROOT / "docs" / "console.png"
# Bytes; a README that loads slowly is not read.
LARGEST = 400 * 1024


def take(target: Path) -> None:
    """Index what `make demo` indexes, ask, open the first passage, and keep what is seen."""
    with tempfile.TemporaryDirectory() as folder:
        with Copilot(settings_for(Path(folder)), doing="the picture") as copilot:
            copilot.index([*([SOURCES] if SOURCES.is_dir() else []), ROOT / "knowledge"])
            auth = Auth(copilot.keys, time.monotonic, password=PASSWORD)
            with running(application(copilot, auth)) as port, sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=launched(), args=FLAGS)
                page = browser.new_page(
                    locale="zh-CN", viewport={"width": 1360, "height": 860}, color_scheme="light"
                )
                signed_in(page, Served(copilot, port), PASSWORD)
                ask(page, QUESTION)
                page.locator(".said a.mark").first.click()
                page.locator("#panel .cite[open]").wait_for()
                page.mouse.move(680, 855)
                page.wait_for_timeout(300)
                page.screenshot(path=target)
                browser.close()


def main() -> None:
    """Take the picture and say how large it is."""
    take(TARGET)
    size = TARGET.stat().st_size
    print(f"{TARGET.relative_to(ROOT)}: {size // 1024} KiB")
    if size > LARGEST:
        raise SystemExit(f"more than {LARGEST // 1024} KiB")


if __name__ == "__main__":
    main()
