"""Claims: each comparison, with a case for it and one against."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.language import normalize
from copilot.playbook.claims import Compared, compare

TEXT = "某母婴社群的每日签到使互动率从5%提升至80%。\n奖品不超过50元。新人只能靠签到升级。"


def _compared(question: str, text: str = TEXT) -> Compared:
    return compare(normalize.search_form(question), [normalize.search_form(text)])


@pytest.mark.parametrize(
    ("question", "unknown"),
    [
        ("签到让互动率提升到80%了吗", 0.0),
        ("签到让互动率提升到八成了吗", 0.0),
        ("签到让互动率提升到90%了吗", 1.0),
        ("签到让互动率提升到九成了吗", 1.0),
        ("签到有什么用", 0.0),
        ("我们群900个人，签到有用吗", 0.0),
    ],
)
def test_figures_that_stand_nowhere_are_unknown(question: str, unknown: float) -> None:
    assert _compared(question).unknown == unknown


def test_a_figure_of_another_statement_stands_elsewhere() -> None:
    here = _compared("每日签到使互动率提升至80%吗").elsewhere
    elsewhere = _compared("每日签到使互动率提升至50元吗").elsewhere
    assert here == 0.0
    assert elsewhere > 0.5


@pytest.mark.parametrize(
    ("question", "trades"),
    [("母婴群怎么签到", 0.0), ("美妆群怎么签到", 1.0), ("抖音上的保险群怎么签到", 2.0)],
)
def test_trades_and_houses_that_the_evidence_does_not_know(question: str, trades: float) -> None:
    assert _compared(question).trades == trades


@pytest.mark.parametrize(
    ("question", "strong"),
    [
        ("为什么只能靠签到升级", 0.0),
        ("为什么不用签到", 1.0),
        ("为什么必须禁止签到", 2.0),
        ("怎么签到", 0.0),
    ],
)
def test_strong_words_that_stand_nowhere(question: str, strong: float) -> None:
    assert _compared(question).strong == strong


@pytest.mark.parametrize(
    ("question", "opposite"),
    [("签到为什么让互动率下降", 1.0), ("签到为什么让互动率提升", 0.0), ("互动率是什么", 0.0)],
)
def test_up_for_down(question: str, opposite: float) -> None:
    assert _compared(question).opposite == opposite


def test_overlap_is_that_of_the_nearest_statement() -> None:
    near, far = _compared("每日签到使互动率提升").overlap, _compared("红烧肉怎么炖").overlap
    assert near > 0.7
    assert far == 0.0


@pytest.mark.parametrize(
    ("question", "supported", "borne_out"),
    [
        ("每日签到使互动率提升", 1.0, 1.0),
        ("每日抽奖使互动率提升", None, 0.0),
        # Words of two statements are no statement.
        ("每日签到的奖品", None, 0.0),
        ("红烧肉怎么炖", 0.0, 0.0),
    ],
)
def test_what_one_statement_holds_bears_a_question_out(
    question: str, supported: float | None, borne_out: float
) -> None:
    found = _compared(question)
    assert found.borne_out == borne_out
    assert 0.0 < found.supported < 1.0 if supported is None else found.supported == supported


def test_every_passage_counts_as_evidence() -> None:
    passages = ["签到每天一次。", "抽奖每月一次。"]
    found = compare("为什么抽奖每周一次", [normalize.search_form(each) for each in passages])
    assert found.overlap == compare("为什么抽奖每周一次", ["抽奖每月一次。"]).overlap > 0


def test_without_evidence_everything_said_is_unknown() -> None:
    found = compare("母婴群只能签到到80%吗", [])
    assert (found.unknown, found.trades, found.strong) == (1.0, 1.0, 1.0)
    assert (found.elsewhere, found.opposite, found.overlap) == (0.0, 0.0, 0.0)


@given(st.text(max_size=60), st.text(max_size=80))
def test_any_text_is_compared(question: str, text: str) -> None:
    found = _compared(question, text)
    assert 0.0 <= found.elsewhere <= 1.0
    assert 0.0 <= found.overlap <= 1.0
    assert found.unknown in (0.0, 1.0)
