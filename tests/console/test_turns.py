"""The conversation as HTML."""

from __future__ import annotations

import re

import pytest

from copilot.console import turns
from copilot.console.turns import Turn
from copilot.jobs.answer import Answer, Citation
from copilot.language import strings

CITED = Citation(1, "p", "社群手冊", "活躍 › 第一步", "a.md", "先看话题。")
TAIL = "\n\n来源：[1]《社群手册》§第一步"


def answered(text: str, question: str = "怎么办？", refused: bool = False) -> Turn:
    citations = () if refused else (CITED,)
    answer = Answer(question, text, citations, 0.9, refused=refused)
    return Turn(question, text, answer, "abc")


def shown(*given: Turn) -> str:
    return turns.conversation(given, strings.text)


def test_before_the_first_question_there_are_examples() -> None:
    html = turns.beginning(strings.text)
    assert html.count('data-do="example"') == len(turns.EXAMPLES) == 4
    assert "怎么让群里的人多说话？" in html


def test_while_nothing_is_said_it_is_looked_up() -> None:
    assert "正在查资料……" in shown(Turn("怎么办？"))
    growing = shown(Turn("怎么办？", "先看话题。[1]"))
    assert "正在查资料" not in growing
    assert "<a " not in growing, "a mark opens nothing before its passage is there"
    assert "data-do" not in growing


def test_an_answer_has_marks_sources_and_buttons() -> None:
    html = shown(answered("先看话题。[1]" + TAIL))
    assert '<a class="mark" href="#cite-abc-1">[1]</a>' in html
    assert html.count("《社群手册》") == 1, "the source is listed, not said besides"
    assert "第一步" in html
    assert re.findall('data-do="([a-z]+)"', html) == ["copy", "rate", "rate"]
    assert html.count('aria-pressed="false"') == 2


def test_a_rating_shows() -> None:
    turn = answered("先看话题。[1]")
    liked = Turn(turn.question, turn.text, turn.answer, turn.id, "like")
    assert 'data-rating="like" aria-pressed="true"' in shown(liked)
    assert 'data-rating="dislike" aria-pressed="false"' in shown(liked)


def test_a_refusal_has_no_sources() -> None:
    html = shown(answered("资料里没有。", refused=True))
    assert "answer refused" in html
    assert "sources" not in html


def test_what_failed_is_a_sentence_without_buttons() -> None:
    html = shown(Turn("怎么办？", "出了点问题，请稍后再试。"))
    assert "出了点问题，请稍后再试。" in html
    assert "data-do" not in html


@pytest.mark.parametrize(
    "tail", [TAIL, "\n\n來源：[1]《社群手冊》", "\n来源：[1]《甲》\n来源：[2]《乙》"]
)
def test_source_lines_are_taken_out(tail: str) -> None:
    assert turns.body_of(f"先看话题。[1]{tail}", strings.text) == "先看话题。[1]"


def test_what_follows_the_sources_stays() -> None:
    text = f"先看话题。[1]{TAIL}\n\n（离线整理）"
    assert turns.body_of(text, strings.text) == "先看话题。[1]\n\n\n（离线整理）"
    assert turns.body_of("来源：网上说的。", strings.text) == "来源：网上说的。"


def test_titles_are_in_the_askers_script() -> None:
    assert "《社群手册》" in shown(answered("先看话题。[1]"))
    assert "《社群手冊》" in shown(answered("先看話題。[1]", "怎麼辦？"))


def test_everything_is_text() -> None:
    nasty = '<img src=x onerror="1">'
    citation = Citation(1, "p", nasty, nasty, nasty, nasty)
    turn = Turn(nasty, nasty, Answer(nasty, f"{nasty}[1]", (citation,), 1.0), 'i"d')
    html = shown(turn, Turn(nasty, nasty))
    assert "<img" not in html
    assert 'data-answer="i"d"' not in html
