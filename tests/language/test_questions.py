"""Questions: the parts of a message, and whether a figure is asked for."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.language import questions


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("怎么拉新？群规怎么定？", ["怎么拉新？", "群规怎么定？"]),
        ("新人进群怎么欢迎，另外积分怎么设计", ["新人进群怎么欢迎", "积分怎么设计"]),
        ("怎么激活沉默成员？预算呢？", ["怎么激活沉默成员？", "怎么激活沉默成员？ 预算呢？"]),
        (
            "群里三百人，很冷清。怎么激活成员？群规怎么写？",
            ["群里三百人，很冷清。怎么激活成员？", "群规怎么写？"],
        ),
    ],
)
def test_several_questions_come_apart(question: str, parts: list[str]) -> None:
    assert questions.parts(question) == parts


@pytest.mark.parametrize(
    "question",
    [
        "怎么拉新",
        "那个母婴社群留存多少，靠哪三样",
        "成长阶段是第3到第9个月，对吧？这段时间核心抓什么",
        "系统崩了，谁也不知道先干嘛。有没有现成的预案？",
        "一？二？三？四？五？",
        "",
    ],
)
def test_what_asks_one_thing_stays_whole(question: str) -> None:
    assert questions.parts(question) == [question]


def test_traditional_messages_come_apart() -> None:
    assert questions.parts("怎麼拉新？群規怎麼定？") == ["怎麼拉新？", "群規怎麼定？"]


def test_a_remark_after_the_last_question_belongs_to_it() -> None:
    found = questions.parts("怎么拉新？群规怎么定？我们群三百人。")
    assert found == ["怎么拉新？", "群规怎么定？我们群三百人。"]


def test_signs_in_a_row_end_one_question() -> None:
    assert questions.parts("怎么拉新？？") == ["怎么拉新？？"]


@given(st.text(alphabet="怎么拉新群规？?，。；！\n另外积分多少对吧 a1", max_size=60))
def test_any_message_has_parts(question: str) -> None:
    found = questions.parts(question)
    assert 1 <= len(found) <= questions.MOST


@given(st.text(max_size=80))
def test_any_text_is_read(question: str) -> None:
    assert questions.parts(question)
    assert questions.asks_figure(question) in (True, False)


CLAUSES = [
    "怎么拉新",
    "群规怎么写",
    "积分多少",
    "我们群三百人",
    "预算呢",
    "那具体呢",
    "这样对吧",
    "a 1",
]
MESSAGES = st.lists(
    st.tuples(
        st.sampled_from(["", "另外", "还有，", "以及"]),
        st.sampled_from(CLAUSES),
        st.sampled_from(["，", "？", "。", "！", "；", "\n", "？ "]),
    ),
    max_size=6,
    unique_by=lambda said: said[1],
).map(lambda said: "".join(map("".join, said)))


def _words(text: str) -> str:
    """What a text says, without its signs and the words that only lead to the next question."""
    return re.sub(r"\W", "", re.sub("另外|还有|以及", "", text))


@given(MESSAGES)
def test_the_parts_join_back_to_the_message(question: str) -> None:
    first, *others = map(_words, questions.parts(question))
    # A part that cannot stand alone has the first one before it.
    rest = _words(question)
    for part in (first, *others):
        told = part if rest.startswith(part) else part.removeprefix(first)
        assert rest.startswith(told)
        rest = rest.removeprefix(told)
    assert rest == ""


@pytest.mark.parametrize(
    "question", ["留存多少", "涨了几成", "多久回复一次", "占比是多少", "第几个月"]
)
def test_questions_for_a_figure(question: str) -> None:
    assert questions.asks_figure(question)


@pytest.mark.parametrize("question", ["怎么拉新", "为什么要复购", "哪几样", "几乎没人说话怎么办"])
def test_questions_for_something_else(question: str) -> None:
    assert not questions.asks_figure(question)
