"""The console in a real Chromium."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import SECRET
from tests.console.conftest import Seen, ask, opened, signed_in
from tests.server.serving import Served

# Gradio summarises its own statistics with an option that pandas has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:.*no_silent_downcasting")

MAIN_JOB = "怎么让群里的人多说话？"
QUESTION = "读书会的预算是多少？"
BUDGET = "一场读书会的预算是1500元"


@pytest.fixture
def watched(browser: Browser, console: Served) -> Iterator[tuple[Page, Seen]]:
    page, seen = opened(browser, console)
    yield page, seen
    page.context.close()


@pytest.fixture
def page(watched: tuple[Page, Seen], console: Served) -> Page:
    signed_in(watched[0], console)
    return watched[0]


def test_from_login_to_the_cited_passage(watched: tuple[Page, Seen], console: Served) -> None:
    """The main job: sign in, ask, read the cited answer, open what stands behind it."""
    page, seen = watched
    signed_in(page, console)
    expect(page).to_have_title("社群运营助手")
    page.evaluate(
        """() => { window.shown = [];
        new MutationObserver(() => window.shown.push([document.querySelector('#turns').innerText,
                                                      !!document.querySelector('.actions')]))
          .observe(document.querySelector('#turns'),
                   {childList: true, subtree: true, characterData: true}); }"""
    )
    ask(page, MAIN_JOB)
    expect(page.locator("#box textarea")).to_have_value("")
    expect(page.locator(".question")).to_have_text(MAIN_JOB)
    # It streamed: a quiet line first, then the beginning of the answer, then all of it.
    shown: list[tuple[str, bool]] = page.evaluate("window.shown")
    assert any("正在查资料……" in text for text, _ in shown)
    answer = page.locator(".answer")
    first = page.locator(".said").inner_text()[:12]
    assert any(first in text and not done for text, done in shown)
    # The sources are listed once, not as plain lines besides.
    assert page.locator(".sources li").count() >= 1
    assert "来源：[" not in answer.inner_text()
    # The mark opens the passage beside, with what was taken from it marked.
    expect(page.locator("#panel .cite[open]")).to_have_count(0)
    page.locator(".said a.mark", has_text="[1]").first.click()
    passage = page.locator("#panel .cite[open]")
    expect(passage).to_have_count(1)
    expect(passage).to_contain_text(".md")
    expect(passage.locator("mark").first).to_be_in_viewport()
    taken = passage.locator("mark").first.inner_text().strip()
    assert taken in answer.inner_text()
    assert urlsplit(page.url).fragment == ""
    # Nothing came from anywhere else, and nothing broke.
    hosts = {
        urlsplit(url).netloc for url in seen.requests if not url.startswith(("data:", "blob:"))
    }
    assert hosts == {urlsplit(console.url).netloc}
    assert seen.errors == []


def test_the_beginning_offers_four_questions(page: Page) -> None:
    expect(page.locator("#turns .try")).to_have_count(4)
    expect(page.locator("#side")).to_be_hidden()
    page.locator("#turns .try", has_text=MAIN_JOB).click()
    expect(page.locator(".question")).to_have_text(MAIN_JOB)
    expect(page.locator(".answer .sources li").first).to_be_visible()
    expect(page.locator("#side")).to_be_visible()


def test_enter_sends_and_shift_enter_begins_a_line(page: Page) -> None:
    box = page.locator("#box textarea")
    box.click()
    page.keyboard.type("积分制度")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("是怎么回事？")
    expect(box).to_have_value("积分制度\n是怎么回事？")
    expect(page.locator(".turn")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.locator(".question")).to_be_visible()
    assert page.locator(".question").inner_text() == "积分制度\n是怎么回事？"


def test_an_empty_question_does_nothing(page: Page) -> None:
    page.fill("#box textarea", "  \n ")
    page.click("#send")
    expect(page.locator("#box textarea")).to_have_value("")
    expect(page.locator("#turns .try")).to_have_count(4)


def test_enter_that_chooses_characters_sends_nothing(page: Page) -> None:
    """With an input method, Enter takes the letters typed so far; it does not send."""
    page.locator("#box textarea").click()
    devtools = page.context.new_cdp_session(page)
    devtools.send(
        "Input.imeSetComposition", {"text": "shequn", "selectionStart": 6, "selectionEnd": 6}
    )
    devtools.send(
        "Input.dispatchKeyEvent",
        {"type": "rawKeyDown", "windowsVirtualKeyCode": 229, "key": "Enter", "code": "Enter"},
    )
    devtools.send("Input.insertText", {"text": "社群"})
    expect(page.locator("#box textarea")).to_have_value("社群")
    expect(page.locator(".turn")).to_have_count(0)


def test_ratings_are_kept_in_the_journal(page: Page, console: Served) -> None:
    ask(page, QUESTION)
    like = page.locator('[data-rating="like"]')
    dislike = page.locator('[data-rating="dislike"]')
    answer = like.get_attribute("data-answer")

    def kept() -> str | None:
        return next(row[-1] for row in console.copilot.journal.latest(100) if row[0] == answer)

    assert kept() is None
    like.click()
    expect(like).to_have_attribute("aria-pressed", "true")
    assert kept() == "like"
    dislike.click()
    expect(dislike).to_have_attribute("aria-pressed", "true")
    expect(like).to_have_attribute("aria-pressed", "false")
    assert kept() == "dislike"
    dislike.click()
    expect(dislike).to_have_attribute("aria-pressed", "false")
    assert kept() is None


def test_an_answer_can_be_copied_as_text(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ask(page, QUESTION)
    page.locator('[data-do="copy"]').click()
    expect(page.locator('[data-do="copy"]')).to_have_text("已复制")
    copied = str(page.evaluate("navigator.clipboard.readText()"))
    assert BUDGET in copied
    assert re.search(r"^\[1\] 《线下读书会", copied, re.M)
    assert "cite-" not in copied
    assert "<" not in copied
    expect(page.locator('[data-do="copy"]')).to_have_text("复制", timeout=5000)


def test_a_conversation_goes_on_and_a_new_one_forgets(page: Page) -> None:
    ask(page, QUESTION)
    ask(page, "那场地呢？")
    expect(page.locator(".turn")).to_have_count(2)
    expect(page.locator(".turn").nth(1).locator(".sources")).to_contain_text("线下读书会")
    # Each answer opens its own passages.
    page.locator(".turn").nth(0).locator("a.mark").first.click()
    first = page.locator("#panel .cite.lit").get_attribute("id")
    page.locator(".turn").nth(1).locator("a.mark").first.click()
    second = page.locator("#panel .cite.lit").get_attribute("id")
    assert first != second
    expect(page.locator("#panel .cite.lit")).to_be_visible()
    page.click("#fresh")
    expect(page.locator(".turn")).to_have_count(0)
    expect(page.locator("#turns .try")).to_have_count(4)
    expect(page.locator("#side")).to_be_hidden()
    ask(page, QUESTION)
    expect(page.locator(".turn")).to_have_count(1)


def test_a_refusal_is_calm_and_has_no_sources(page: Page) -> None:
    ask(page, "火星上的房租一个月是多少钱")
    expect(page.locator(".answer.refused")).to_contain_text("没有找到")
    expect(page.locator(".sources")).to_have_count(0)


def test_operators_are_answered_as_operators(page: Page) -> None:
    ask(page, "退款由谁审批，内部口令是什么？")
    expect(page.locator(".answer")).to_contain_text(SECRET)


HOSTILE = (
    '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
    "**粗** ![图](http://outside.example/q.png) [链接](javascript:window.hacked=1)"
    " ${window.hacked=1} {{constructor.constructor('window.hacked=1')()}} &lt;b&gt;"
)


def test_what_anybody_writes_is_shown_and_never_done(
    watched: tuple[Page, Seen], console: Served
) -> None:
    page, seen = watched
    signed_in(page, console)
    ask(page, HOSTILE)
    assert page.locator(".question").inner_text() == HOSTILE
    ask(page, "群里发表情包一天最多发几个？")
    answer = page.locator(".turn").last.locator(".answer")
    expect(answer).to_contain_text('<img src=x onerror="window.hacked=1">')
    answer.locator("a.mark").first.click()
    passage = page.locator("#panel .cite[open]")
    expect(passage).to_contain_text('<img src=x onerror="window.hacked=1">')
    expect(passage).to_contain_text("![图](http://outside.example/x.png)")
    expect(passage).to_contain_text("${window.hacked=1}和{{constructor}}")
    assert page.locator("#turns img, #panel img, #turns script, #panel script").count() == 0
    assert page.locator('#turns a:not([href^="#"]), #panel a:not([href^="#"])').count() == 0
    assert page.evaluate("window.hacked") is None
    assert not [url for url in seen.requests if "outside.example" in url]


def test_signing_out_and_being_signed_out(page: Page, console: Served) -> None:
    page.click("#leave button")
    expect(page).to_have_url(f"{console.url}/login")
    page.goto(f"{console.url}/console/")
    expect(page).to_have_url(f"{console.url}/login")


def test_a_session_that_has_ended_leads_back_to_the_login(page: Page, console: Served) -> None:
    page.context.clear_cookies()
    page.fill("#box textarea", QUESTION)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{console.url}/login")


def test_a_failure_is_told_calmly(page: Page, console: Served) -> None:
    """The journal is lost for a moment: no trace, no English, and the page goes on."""
    import sqlite3

    def rename(old: str, new: str) -> None:
        with sqlite3.connect(console.copilot.settings.home / "records.db") as records:
            records.execute(f"ALTER TABLE {old} RENAME TO {new}")
        records.close()

    rename("desk_journal", "lost")
    try:
        page.fill("#box textarea", QUESTION)
        page.keyboard.press("Enter")
        expect(page.locator(".turn .answer")).to_contain_text("出了点问题，请稍后再试。")
    finally:
        rename("lost", "desk_journal")
    expect(page.locator(".searching")).to_have_count(0)
    assert not re.search("error|Traceback", page.locator("body").inner_text(), re.I)
    ask(page, QUESTION)
    expect(page.locator(".turn").last.locator(".sources")).to_be_visible()


def test_two_pages_do_not_share_a_conversation(
    browser: Browser, page: Page, console: Served
) -> None:
    ask(page, QUESTION)
    other, _ = opened(browser, console)
    signed_in(other, console)
    expect(other.locator(".turn")).to_have_count(0)
    ask(other, QUESTION)
    expect(other.locator(".turn")).to_have_count(1)
    expect(page.locator(".turn")).to_have_count(1)
    other.context.close()


# Sizes and colours -------------------------------------------------------------------------------


def overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def test_a_phone_shows_the_passage_in_a_sheet(browser: Browser, console: Served) -> None:
    page, _ = opened(browser, console, viewport={"width": 390, "height": 844}, has_touch=True)
    page.goto(console.url)
    assert overflow(page) <= 0
    signed_in(page, console)
    assert overflow(page) <= 0
    ask(page, QUESTION)
    assert overflow(page) <= 0
    expect(page.locator("#send")).to_be_in_viewport()
    expect(page.locator("#panel")).to_be_hidden()
    page.locator("a.mark").first.click()
    expect(page.locator("#panel .cite[open] mark").first).to_be_in_viewport()
    page.locator("#shut").click()
    expect(page.locator("#panel")).to_be_hidden()
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_both_schemes(browser: Browser, console: Served, scheme: str) -> None:
    """Contrast by WCAG 2: at least 4.5 for text, 3 for the faint lines beside it."""
    page, _ = opened(browser, console, color_scheme=scheme)
    signed_in(page, console)
    ask(page, QUESTION)
    page.locator("a.mark").first.click()
    for selector, least in (
        (".said p", 7.0),
        (".question", 7.0),
        (".said a.mark", 4.5),
        (".sources a", 4.5),
        (".passage mark", 7.0),
        ("#send", 4.5),
        ("#box textarea", 7.0),
        (".passage .file", 3.0),
        ("#fresh", 7.0),
        ("#leave button", 4.5),
    ):
        ratio = page.locator(selector).first.evaluate(CONTRAST)
        assert ratio >= least, f"{selector} in {scheme}: {ratio:.1f}"
    page.context.close()


CONTRAST = """element => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const over = (top, below) => {
    const a = top.length > 3 ? top[3] : 1;
    return [0, 1, 2].map((i) => top[i] * a + below[i] * (1 - a));
  };
  const layers = [];
  for (let e = element; e; e = e.parentElement) layers.unshift(parse(getComputedStyle(e).backgroundColor));
  const back = layers.reduce((below, top) => over(top, below), [255, 255, 255]);
  const front = over(parse(getComputedStyle(element).color), back);
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [a, b] = [light(front), light(back)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
}"""
