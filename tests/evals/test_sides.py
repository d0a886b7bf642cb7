"""Sides: four retrievers, the same questions, and how far ours is ahead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from copilot.app import Copilot
from evals import corpus
from evals.bench import sides
from evals.bench.sides import Result
from evals.questions import Facts, Question

GROUPS = ("all", "hard", "easy")


def _question(q: str, facts: Facts, *, hard: bool) -> Question:
    return Question("x", q, "answerable", "", hard, facts, ("000#Q1",), "t")


def _result(side: str, hard: float, lead: float | None = None) -> Result:
    recalls = {f"recall@{k} {group}": hard for k in (5, 1) for group in GROUPS}
    return Result("knowledge", side, 7, recalls, 2, (1.0, 2.0, 9.0), 800, lead)


ASKED = [
    _question("读书会预算多少", ((("1500元"),), ("场地费800元",)), hard=False),
    # Its words stand in the asks alone.
    _question("有人要退钱怎么办", (("运营主管审批",),), hard=True),
    _question("zzz", (("没有的事实",),), hard=True),
]


def test_all_four_are_asked_the_same_and_ours_comes_last(
    copilot: Copilot, sample_playbook: Path
) -> None:
    found = sides.compare("knowledge", copilot, [sample_playbook], ASKED)
    words, vectors, textbook, ours = found
    assert [each.side for each in found] == [
        "BM25 alone", "vectors alone", "LangChain textbook", "ours",
    ]  # fmt: skip
    assert words.pieces == vectors.pieces == ours.pieces == copilot.health().passages
    assert {len(each.milliseconds) for each in found} == {3}
    assert words.recalls["recall@5 easy"] == ours.recalls["recall@1 easy"] == 1.0
    # One of the two hard ones is answered nowhere.
    assert (words.recalls["recall@5 hard"], ours.recalls["recall@5 hard"]) == (0.0, 0.5)
    assert ours.recalls["recall@5 all"] == pytest.approx(2 / 3)
    assert (words.lead, ours.lead) == (50.0, None)
    assert textbook.lead == 100 * (0.5 - textbook.recalls["recall@5 hard"])


@pytest.mark.parametrize(
    ("ours", "other", "lead", "kept"),
    [
        (0.9, 0.75, 15.0, True),
        (0.9, 0.7504, 15.0, True),
        (0.9, 0.76, 14.0, False),
        (0.5, 0.6, -10.0, False),
    ],
)
def test_fifteen_points_are_enough(ours: float, other: float, lead: float, kept: bool) -> None:
    behind = sides._behind(_result("BM25 alone", other), ours)
    assert (behind.lead, behind.kept) == (lead, kept)


def test_the_table_says_where_the_limit_is_missed_and_what_it_ran_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [
        _result("BM25 alone", 0.6, 31.5),
        _result("vectors alone", 0.9, 1.5),
        _result("ours", 0.916),
    ]
    sides.show(rows, "dev", "shipped@0123")
    shown = capsys.readouterr().out
    assert "dev questions, embedder shipped@0123" in shown
    assert "Python 3." in shown
    words, vectors, ours = (
        next(line for line in shown.splitlines() if f" {row.side}  " in line) for row in rows
    )
    assert "+31.5 kept" in words
    assert "+1.5 MISSED" in vectors
    assert "0.92 0.92 0.92" in ours
    assert "kept" not in ours
    assert "2.0" in ours  # the median; the mean is 4
    assert "3 (2)" in ours
    assert "…" not in shown


def test_json_tells_the_same_under_stable_keys() -> None:
    told = json.loads(json.dumps(_result("BM25 alone", 0.6, 12.0).told(), allow_nan=False))
    assert list(told) == [
        "corpus", "retriever", "pieces", "n", "n_hard",
        *(f"recall@{k} {group}" for k in (5, 1) for group in GROUPS),
        "median_ms", "p95_ms", "characters_in_5", "ours_ahead_points", "limit_points", "kept",
    ]  # fmt: skip
    assert (told["n"], told["median_ms"], told["kept"]) == (3, 2.0, False)
    assert _result("ours", 0.9).told()["kept"] is None


def test_what_is_not_at_hand_is_measured_once_on_our_entries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = corpus.chosen
    monkeypatch.setattr(corpus, "chosen", lambda name: real(name, tmp_path / "absent"))
    assert sides.at_hand() == ["knowledge"]


@pytest.mark.shared
def test_with_the_documents_all_three_are_measured() -> None:
    assert sides.at_hand() == ["documents", "knowledge", "all"]
