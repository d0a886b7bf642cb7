"""Text to HTML: structure becomes tags, everything else stays text."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.console import markup

ALLOWED = {
    "p": set(),
    "h4": set(),
    "ul": set(),
    "ol": set(),
    "li": {"value"},
    "strong": set(),
    "table": set(),
    "tr": set(),
    "td": set(),
    "br": set(),
    "a": {"class", "href"},
}


class Reader(HTMLParser):
    """Takes HTML apart: its tags with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(data)


# Text that looks like markup, and what holds an answer together.
PIECES = [
    "<",
    ">",
    "&",
    '"',
    "'",
    "<img",
    "src=x",
    "onerror=1>",
    "</p>",
    "<!--",
    "&lt;",
    "**",
    "[1]",
    "[2]",
    "javascript:",
    "](x)",
    "![",
    "`",
    "${x}",
    "{{x}}",
    "社群",
]
PIECES += ["\n", "- ", "1. ", "| ", "# "]
nasty = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=30).map("".join)


@given(nasty)
def test_nothing_becomes_a_tag_but_structure(text: str) -> None:
    read = Reader(markup.answer(text, {1: "cite-a-1"}))
    for tag, attributes in read.tags:
        assert tag in ALLOWED
        assert set(attributes) <= ALLOWED[tag]
        assert attributes.get("href", "#cite-a-1") == "#cite-a-1"
        assert (attributes.get("value") or "1").isdigit()


@given(nasty)
def test_what_somebody_typed_stays_what_it_is(text: str) -> None:
    read = Reader(markup.plain(text))
    assert {tag for tag, _ in read.tags} <= {"br"}
    assert read.text == text.replace("\n", "")


def test_lists_paragraphs_and_headings() -> None:
    text = "【怎么做】[1]\n先看话题。[1]再看时间。[2]\n\n1. 群规[1]\n3. 找谁[2]\n- 甲\n- **乙**：好\n## 小结\n完。"
    assert markup.answer(text, {1: "c1", 2: "c2"}) == (
        '<h4>【怎么做】<a class="mark" href="#c1">[1]</a></h4>'
        '<p>先看话题。<a class="mark" href="#c1">[1]</a>再看时间。<a class="mark" href="#c2">[2]</a></p>'
        '<ol><li value="1">群规<a class="mark" href="#c1">[1]</a></li>'
        '<li value="3">找谁<a class="mark" href="#c2">[2]</a></li></ol>'
        "<ul><li>甲</li><li><strong>乙</strong>：好</li></ul><h4>小结</h4><p>完。</p>"
    )


def test_a_table_keeps_its_cells() -> None:
    text = "| 指标 | 值 |\n|---|:--:|\n| 复购 | 30% |"
    assert markup.blocks(text, markup.inline) == (
        "<table><tr><td>指标</td><td>值</td></tr><tr><td>复购</td><td>30%</td></tr></table>"
    )


@pytest.mark.parametrize("text", ["[9]", "[1234]", "[a]", "[]", "[ 1 ]"])
def test_a_mark_that_opens_nothing_stays_text(text: str) -> None:
    assert markup.answer(text, {1: "c1"}) == f"<p>{text}</p>"


@pytest.mark.parametrize("text", ["2024年的计划", "3.5倍", "1.5万人", "-5度"])
def test_numbers_at_the_start_of_a_sentence_begin_no_list(text: str) -> None:
    assert markup.blocks(text, markup.inline) == f"<p>{text}</p>"
