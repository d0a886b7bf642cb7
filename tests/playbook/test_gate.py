"""The gate: what it looks at, and what it decides."""

from __future__ import annotations

import math
from dataclasses import astuple, fields

import pytest

from copilot.playbook import gate
from copilot.playbook.evidence import Hit, Passage

TEXT = "每日签到使互动率从5%提升至80%。抽奖的奖品不超过50元。"


def _hit(text: str = TEXT, dense: float = 0.6, place: int = 0) -> Hit:
    passage = Passage(f"p{place}", "a.md", "留存与活跃", "提高互动", text, "member")
    return Hit(passage, 3.0 - place, 8.0, dense)


def test_nothing_found_is_not_enough() -> None:
    evidence = gate.judge("怎么签到", "member", [], 0.0)
    assert (evidence.enough, evidence.confidence, evidence.hits) == (False, 0.0, ())


@pytest.mark.parametrize("question", ["？？？", "啊啊啊啊？", "", "的了吗"])
def test_a_question_without_content_is_refused(question: str) -> None:
    evidence = gate.judge(question, "member", [_hit()], 0.0)
    assert not evidence.enough
    assert "no word" in evidence.reason


def test_a_near_passage_is_enough_and_a_far_one_is_not() -> None:
    near = gate.judge("怎么用签到提高互动", "member", [_hit(dense=0.6)], 0.5)
    far = gate.judge("红烧肉怎么炖", "member", [_hit(dense=0.1)], 0.5)
    assert near.enough
    assert near.confidence > 0.8
    assert not far.enough
    assert far.confidence < 0.2


@pytest.mark.parametrize(
    "question",
    [
        "签到为什么让互动率下降",
        "签到把互动率提升到了95%吗",
        "为什么只能靠签到提高互动",
        "签到协议的模板发我",
        "今天群里有多少人签到",
    ],
)
def test_a_false_premise_or_a_missing_thing_is_refused_however_near(question: str) -> None:
    assert not gate.judge(question, "member", [_hit(dense=0.9)], 0.5).enough


def test_the_threshold_decides() -> None:
    hits = [_hit(dense=0.3)]
    confidence = gate.judge("怎么签到", "member", hits, 0.5).confidence
    assert gate.judge("怎么签到", "member", hits, confidence).enough
    assert not gate.judge("怎么签到", "member", hits, math.nextafter(confidence, 1)).enough


def test_confidence_grows_with_similarity_and_falls_with_every_cue() -> None:
    base = gate.Features(0.3, 0.0, 0.0, 0.0, 0.0)
    assert gate.probability(gate.Features(0.4, 0.0, 0.0, 0.0, 0.0)) > gate.probability(base)
    for place in range(1, len(fields(gate.Features))):
        values = [*astuple(base)]
        values[place] = 1.0
        assert gate.probability(gate.Features(*values)) < gate.probability(base)


def test_there_is_a_weight_for_every_feature() -> None:
    assert len(gate.WEIGHTS) == len(fields(gate.Features))


def test_the_reason_tells_what_spoke_against_it() -> None:
    evidence = gate.judge("书里说签到让互动率提升到95%", "member", [_hit()], 0.5)
    assert "said 1.00" in evidence.reason
    assert "contradicted 1.00" in evidence.reason
    assert "live" not in evidence.reason


def test_traditional_and_simplified_are_judged_alike() -> None:
    hits = [_hit(), _hit("另一段", 0.2, 1)]
    one = gate.features("簽到為什麼讓互動率下降", hits)
    assert one == gate.features("签到为什么让互动率下降", hits)


def test_only_the_best_hits_count_as_evidence() -> None:
    hits = [_hit("别的", 0.5, i) for i in range(3)] + [_hit("报名费100元", 0.4, 4)]
    assert gate.features("活动报名费多少钱", hits).absent == 2.0
    assert gate.features("活动报名费多少钱", hits[::-1]).absent == 0.0
