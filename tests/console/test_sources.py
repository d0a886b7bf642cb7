"""The side panel: the passages behind an answer, and what was taken from them."""

from __future__ import annotations

import re

import pytest

from copilot.console import sources
from copilot.jobs.answer import Citation, compose
from copilot.language import strings
from copilot.playbook.evidence import Evidence, Hit, Passage

PASSAGE = (
    "活跃度下降时，先看话题是不是太专业。把大话题拆成小问题，每天早上九点抛一个。\n"
    "1. 群规：不发广告，不刷屏，违者先提醒再移出\n"
    "2. **自我介绍**的格式：城市、职业\n"
)


def cited(
    n: int = 1, text: str = PASSAGE, title: str = "手册", section: str = "活跃 › 第一步"
) -> Citation:
    return Citation(n, f"p{n}", title, section, "a/b.md", text)


def marked(answer: str, text: str = PASSAGE) -> list[str]:
    html = sources.section([cited(text=text)], answer, "x", strings.text)
    return [re.sub("<[^>]+>", "", each) for each in re.findall("<mark>(.*?)</mark>", html)]


def test_the_sentence_that_was_taken_is_marked() -> None:
    assert marked("把大话题拆成小问题，每天早上九点抛一个。[1]") == [
        "把大话题拆成小问题，每天早上九点抛一个。"
    ]


def test_items_are_marked_without_their_numbers_and_emphasis() -> None:
    assert marked("2. 自我介绍的格式：城市、职业[1]") == ["自我介绍的格式：城市、职业"]


def test_the_beginning_of_a_long_item_marks_the_item() -> None:
    assert marked("1. 群规：不发广告[1]") == ["群规：不发广告，不刷屏，违者先提醒再移出"]


def test_several_sentences_before_one_mark_are_all_marked() -> None:
    answer = "活跃度下降时，先看话题是不是太专业。把大话题拆成小问题，每天早上九点抛一个。[1]"
    assert len(marked(answer)) == 2


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("每天早上抛一个问题。[1]", "每天早上抛一个问题（002 §4.2）。"),
        ("每天早上抛一个问题。[1]", "每天早上抛一个问题（另见 [[rules]]）。"),
        ("1. 每天早上抛一个问题[1]", "每天早上抛一个问题（000 Q4）"),
    ],
)
def test_a_statement_whose_note_was_left_out_is_still_marked(answer: str, text: str) -> None:
    assert marked(answer, f"{text}\n\n别的事情另外再说。") == [text]


def test_what_is_composed_of_an_entry_is_marked_in_it() -> None:
    text = (
        "每天早上九点抛一个小问题（002 §4.2）。答过的人送一枚贴纸。（000 Q18）\n\n"
        "1. 先把群规写进公告（002 §3.1、§4.1）\n2. 再请老成员带新成员（见 [[mentor]]）\n"
    )
    entry = Passage("p1", "a/b.md", "手册", "活跃", text, "member")
    found = Evidence("怎么办？", "member", (Hit(entry, 5.0),), True, 0.9, "")
    said = compose(found, lambda _, texts: [0.0] * len(texts), {"p1": 1})
    assert "§" not in said
    assert [re.sub(r"（.*?）", "", each).strip("。") for each in marked(said, text)] == [
        "每天早上九点抛一个小问题",
        "答过的人送一枚贴纸",
        "先把群规写进公告",
        "再请老成员带新成员",
    ]


def test_script_does_not_matter() -> None:
    traditional = "活躍度下降時，先看話題是不是太專業。"
    assert marked("活跃度下降时，先看话题是不是太专业。[1]", traditional) == [traditional]


def test_what_another_number_says_is_not_marked() -> None:
    assert marked("把大话题拆成小问题，每天早上九点抛一个。[2]") == []
    assert marked("完全另外的一句话，和原文没有关系。[1]") == []
    assert marked("的。[1]") == [], "too short to say anything"


def test_the_name_of_a_section_is_not_something_said() -> None:
    assert sources.said_of("【怎么提高群活跃度】[1]\n先看话题是不是太专业。[1]") == {
        1: ["先看话题是不是太专业"]
    }


def test_two_marks_stand_for_the_same_statement() -> None:
    said = sources.said_of("先看话题是不是太专业。[1][2]再看时间合不合适。[3]")
    assert said[1] == said[2] == ["先看话题是不是太专业"]
    assert said[3] == ["再看时间合不合适"]


def test_everything_is_text() -> None:
    nasty = '<img src=x onerror="1">“引号"和<b>粗</b>'
    html = sources.section(
        [cited(text=nasty, title=nasty, section=nasty)], f"{nasty}。[1]", 'i"d', strings.text
    )
    assert "<img" not in html
    assert "<b>" not in html
    assert 'i"d' not in html


def test_a_card_names_title_path_and_file() -> None:
    html = sources.section([cited()], "", "x", strings.text)
    assert 'id="cite-x-1"' in html
    assert "《手册》" in html
    assert "活跃 › 第一步" in html
    assert "文件 a/b.md" in html
    assert " open" not in html
