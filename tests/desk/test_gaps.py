"""Gaps: counted by words, whatever the script, also by many threads at once."""

from __future__ import annotations

import threading

import pytest

from copilot.desk.gaps import Gaps
from copilot.store import Store
from tests.conftest import NOW, Clock


@pytest.fixture
def gaps(records_store: Store) -> Gaps:
    return Gaps(records_store, Clock())


def test_a_question_is_kept_with_its_reason(gaps: Gaps) -> None:
    gaps.log("群主能报销吗？", "member", "nothing was found")
    (gap,) = gaps.list()
    assert (gap.question, gap.audience, gap.reason, gap.times) == (
        "群主能报销吗？",
        "member",
        "nothing was found",
        1,
    )
    assert NOW < gap.first == gap.last


def test_the_same_words_count_once_more(gaps: Gaps) -> None:
    for question in ("群主能报销吗？", " 群主能报销吗", "群主能報銷嗎?", "群主，能报销吗！\u200b"):
        gaps.log(question, "member", question)
    (gap,) = gaps.list()
    assert (gap.times, gap.question) == (4, "群主能报销吗？")
    assert gap.last > gap.first
    assert gap.reason.startswith("群主，")


def test_each_audience_has_its_own(gaps: Gaps) -> None:
    gaps.log("谁批准退款", "member", "")
    gaps.log("谁批准退款", "operator", "")
    assert {(gap.audience, gap.times) for gap in gaps.list()} == {("member", 1), ("operator", 1)}


@pytest.mark.parametrize("question", ["", "？？？", "\u200b\n", "👍"])
def test_what_says_nothing_is_no_gap(gaps: Gaps, question: str) -> None:
    gaps.log(question, "member", "")
    assert gaps.list() == []


@pytest.mark.parametrize("question", ["a\x00b", "问\ud800题", "问" * 5000])
def test_any_text_can_be_logged(gaps: Gaps, question: str) -> None:
    gaps.log(question, "member", "r")
    gaps.log(question, "member", "r")
    (gap,) = gaps.list()
    assert gap.times == 2
    assert len(gap.question) <= 500


def test_most_frequent_first_then_latest(gaps: Gaps) -> None:
    for question in ("甲甲", "乙乙", "丙丙", "乙乙"):
        gaps.log(question, "member", "")
    assert [gap.question for gap in gaps.list()] == ["乙乙", "丙丙", "甲甲"]
    assert len(gaps.list(limit=2)) == 2


def test_threads_lose_no_count(gaps: Gaps) -> None:
    errors: list[Exception] = []

    def log() -> None:
        try:
            for _ in range(10):
                gaps.log("同一个问题", "member", "")
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=log) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert [gap.times for gap in gaps.list()] == [50]
