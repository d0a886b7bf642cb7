"""A server with the console, and a real browser."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from copilot.app import Copilot
from copilot.server.auth import Auth
from tests.conftest import ROOT, settings_for, write_documents
from tests.server.serving import Served, running

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# A document that means harm: whatever it says must be shown, not done.
HOSTILE = """# 表情包规范

## 群里发表情包的规矩

发表情包之前先看群公告，<img src=x onerror="window.hacked=1">一天最多发三个表情包。
禁止在表情包里夹带外链，比如![图](http://outside.example/x.png)和[链接](javascript:window.hacked=1)都不行。
模板符号${window.hacked=1}和{{constructor}}要原样保留。
"""


@pytest.fixture(scope="package")
def console(tmp_path_factory: pytest.TempPathFactory, sample_playbook: Path) -> Iterator[Served]:
    """A server with the console over what we ship on 互动, the sample and a hostile document."""
    from copilot.server.run import application

    hostile = write_documents(tmp_path_factory.mktemp("hostile"), {"stickers.md": HOSTILE})
    with Copilot(settings_for(tmp_path_factory.mktemp("console")), doing="pytest") as copilot:
        copilot.index([ROOT / "knowledge" / "playbook" / "互动", sample_playbook, hostile])
        keys = {role: copilot.keys.create(role, "a test")[1] for role in ("operator", "bot")}
        with running(application(copilot, Auth(copilot.keys, time.monotonic))) as port:
            yield Served(copilot, port, keys)


def launched() -> str:
    """The browser's program.

    Raises:
        pytest.fail.Exception: there is none.
    """
    found = shutil.which("chromium")
    if found is None:
        pytest.fail("Chromium is not installed: run `sh .ci/packages` (`make packages`)")
    return found


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A real Chromium."""
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=launched(), args=FLAGS)
        yield made
        made.close()


@dataclass
class Seen:
    """What a page asked for and complained about."""

    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def opened(browser: Browser, console: Served, **options: object) -> tuple[Page, Seen]:
    """A page of a fresh browser profile, watched."""
    settings = {"locale": "zh-CN", "viewport": {"width": 1360, "height": 860}} | options
    page = browser.new_context(**settings).new_page()  # type: ignore[arg-type]
    page.set_default_timeout(20_000)
    seen = Seen()
    page.on("request", lambda request: seen.requests.append(request.url))
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on(
        "console",
        lambda message: seen.errors.append(message.text) if message.type == "error" else None,
    )
    return page, seen


def signed_in(page: Page, console: Served, secret: str | None = None) -> None:
    """Sign in through the login page and wait for the console."""
    page.goto(console.url)
    page.fill("#secret", secret or console.keys["operator"])
    page.click("button[type=submit]")
    page.wait_for_selector("#box textarea")
    page.wait_for_selector("#turns .try")


def ask(page: Page, text: str) -> None:
    """Type a question, send it, and wait until its answer is there."""
    before = page.locator(".turn").count()
    page.fill("#box textarea", text)
    page.keyboard.press("Enter")
    page.wait_for_function(
        "before => { const t = document.querySelectorAll('.turn');"
        " return t.length > before && t[t.length - 1].querySelector('.actions'); }",
        arg=before,
    )
