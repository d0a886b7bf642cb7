"""Questions: the parts of a message, and whether a figure is asked for."""

from __future__ import annotations

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


@given(st.text(alphabet="怎么拉新群规？?，。；！\n另外积分多少对吧 a1", max_size=60))
def test_any_message_has_parts(question: str) -> None:
    found = questions.parts(question)
    assert 1 <= len(found) <= questions.MOST


@pytest.mark.parametrize(
    "question", ["留存多少", "涨了几成", "多久回复一次", "占比是多少", "第几个月"]
)
def test_questions_for_a_figure(question: str) -> None:
    assert questions.asks_figure(question)


@pytest.mark.parametrize("question", ["怎么拉新", "为什么要复购", "哪几样", "几乎没人说话怎么办"])
def test_questions_for_something_else(question: str) -> None:
    assert not questions.asks_figure(question)
