"""Scope: the wording models."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from copilot.errors import EmbedderError
from copilot.language import normalize
from copilot.models import scope


def test_runs_that_the_evidence_has_are_left_out() -> None:
    whole, new = scope.grams("怎么签到"), scope.grams("怎么签到", "每天签到")
    assert set(new) < set(whole)
    assert len(scope.grams("签到", "签到")) < len(scope.grams("签到"))


def test_buckets_are_sorted_and_in_range() -> None:
    found = scope.grams("怎么提高社群的复购率和留存率")
    assert (np.diff(found) > 0).all()
    assert 0 <= found.min() <= found.max() < scope.BUCKETS


def test_models_come_back_as_they_were_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(1)
    weights = random.normal(size=(len(scope.HEADS), scope.BUCKETS))
    path = tmp_path / "scope.npz"
    scope.save(weights, np.array([0.5, 0.0, -0.5, 1.0]), ["复购"], path)
    monkeypatch.setattr(scope, "SHIPPED", path)
    scope._model.cache_clear()
    scope._words.cache_clear()
    try:
        found = scope.score("怎么签到", "")
        buckets = scope.grams("怎么签到")
        new = scope.grams("怎么签到", " ")
        wanted = [
            row[held].sum() / np.sqrt(len(held)) + intercept
            for row, held, intercept in zip(
                weights, (buckets, buckets, new, new), (0.5, 0.0, -0.5, 1.0), strict=True
            )
        ]
        told = [found.outside, found.premise, found.outside_new, found.premise_new]
        # One byte for each weight.
        assert told == pytest.approx(wanted, abs=0.2)
        assert max(abs(a - b) for a, b in pairwise(wanted)) > 0.4
        assert scope.community("复购")
        assert not scope.community("红烧肉")
    finally:
        scope._model.cache_clear()
        scope._words.cache_clear()


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"no archive",
        b"",
    ],
)
def test_models_that_cannot_be_read_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    path = tmp_path / "scope.npz"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setattr(scope, "SHIPPED", path)
    scope._model.cache_clear()
    scope._words.cache_clear()
    try:
        with pytest.raises(EmbedderError, match="wording models"):
            scope.score("怎么签到", "")
        with pytest.raises(EmbedderError, match="wording models"):
            scope.community("复购")
    finally:
        scope._model.cache_clear()
        scope._words.cache_clear()


@pytest.mark.parametrize(
    ("inside", "outsider"),
    [
        ("怎么提高群里的活跃度", "红烧肉怎么做才好吃"),
        ("种子期应该先做什么", "我的订单发货了吗"),
        ("群里有人吵架怎么处理", "帮我写一首关于秋天的诗"),
    ],
)
def test_the_shipped_models_tell_questions_for_a_playbook(inside: str, outsider: str) -> None:
    scores = [scope.score(normalize.search_form(q), "").outside for q in (inside, outsider)]
    assert scores[0] > scores[1]


@pytest.mark.parametrize("question", ["怎么提高社群的活跃度", "社群怎么做复购", "种子用户怎么找"])
def test_plain_questions_for_a_playbook_are_positive(question: str) -> None:
    assert scope.score(normalize.search_form(question), "").outside > 0


@pytest.mark.parametrize(
    "question", ["红烧肉怎么做才好吃", "明天北京会下雨吗", "帮我写一首关于秋天的诗"]
)
def test_clear_outsiders_are_negative(question: str) -> None:
    assert scope.score(normalize.search_form(question), "").outside < 0


def test_what_the_evidence_says_is_left_to_it() -> None:
    question = normalize.search_form("怎么提高社群的活跃度")
    alone, beside = scope.score(question, ""), scope.score(question, "怎么提高社群的留存")
    assert (beside.outside, beside.premise) == (alone.outside, alone.premise)
    assert beside.outside_new != alone.outside_new


@pytest.mark.parametrize("question", ["", "？", "𠮷" * 3])
def test_any_question_has_scores(question: str) -> None:
    assert np.isfinite(scope.score(question, question).outside_new)


def test_words_of_the_trade_are_known() -> None:
    assert scope.community("复购")
    assert not scope.community("量子力学")
