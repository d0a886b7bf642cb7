"""The gate: what it looks at, and what it decides."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import pytest

from copilot.models import embedder
from copilot.playbook import gate
from copilot.playbook.evidence import Evidence, Hit, Passage, Why
from copilot.playbook.gate import Features, Gate
from copilot.playbook.outside import Outside

TEXT = "每日签到使互动率从5%提升至80%。抽奖的奖品不超过50元。"
NOTHING = Outside((), lambda: embedder.load("shipped"))


def _hit(text: str = TEXT, near: float = 0.6, place: int = 0) -> Hit:
    passage = Passage(f"p{place}", "a.md", "留存与活跃", "提高互动", text, "member")
    return Hit(passage, 3.0 - place, 8.0, near, Why(near, near, near))


def _hits(near: float = 0.7) -> list[Hit]:
    return [_hit(near=near), *(_hit("别的话", near / 2, place) for place in range(1, 8))]


def _judge(question: str, hits: list[Hit], threshold: float = 0.5) -> Evidence:
    return Gate(threshold, NOTHING).judge(question, "member", hits)


def test_nothing_found_is_not_enough() -> None:
    evidence = _judge("怎么签到", [], 0.0)
    assert (evidence.enough, evidence.confidence, evidence.hits) == (False, 0.0, ())


@pytest.mark.parametrize("question", ["？？？", "啊啊啊啊？", "", "的了吗"])
def test_a_question_without_content_is_refused(question: str) -> None:
    evidence = _judge(question, [_hit()], 0.0)
    assert not evidence.enough
    assert "no word" in evidence.reason


def test_a_near_passage_is_enough_and_a_far_one_is_not() -> None:
    near = _judge("怎么用签到提高互动", _hits(0.7))
    far = _judge("红烧肉怎么炖", _hits(0.1))
    assert near.enough
    assert near.confidence > 0.7
    assert not far.enough
    assert far.confidence < near.confidence - 0.3


@pytest.mark.parametrize(
    "question",
    [
        "书里为什么说签到反而让互动率下降到3%",
        "签到协议的模板发我",
        "今天我们群里有多少人签到了",
        "红烧肉怎么炖才好吃",
    ],
)
def test_a_false_premise_or_a_missing_thing_is_trusted_less(question: str) -> None:
    fair = _judge("怎么用签到提高互动", _hits()).confidence
    assert _judge(question, _hits()).confidence < fair - 0.02


def test_a_wrong_premise_is_told_from_an_unknown_thing() -> None:
    low = dict.fromkeys((field.name for field in fields(Features)), 0.0)
    found = Gate(0.5, NOTHING).features("怎么用签到提高互动", _hits())
    assert gate.weigh(found).both > gate.weigh(replace(Features(**low), outside=-9.0)).both
    untrue = gate.weigh(replace(found, premise=-6.0, premise_new=-6.0))
    far = replace(found, similarity=0.0, near=0.0, statement=0.0, inside=-0.5)
    unknown = gate.weigh(replace(far, outside=-6.0, outside_new=-6.0))
    assert untrue.known > untrue.true
    assert unknown.known < 0.5


def test_the_threshold_decides() -> None:
    hits = _hits(0.4)
    confidence = _judge("怎么签到", hits).confidence
    assert _judge("怎么签到", hits, confidence).enough
    assert not _judge("怎么签到", hits, math.nextafter(confidence, 1)).enough


def test_words_that_nobody_has_are_strange() -> None:
    asked = "量子力学的薛定谔方程怎么解"
    heard = Gate(0.5, NOTHING).features(asked, _hits())
    unheard = Gate(0.5, NOTHING, lambda words: ()).features(asked, _hits())
    assert heard.strange == 0.0
    assert unheard.strange > 0.5
    assert gate.weigh(unheard).known < gate.weigh(heard).known


def test_nearness_to_an_outsider_counts() -> None:
    model = embedder.load("shipped")
    known = Outside(["签到协议的模板发我"], lambda: model)
    with_it = Gate(0.5, known).features("签到协议的模板发我", _hits())
    without = Gate(0.5, NOTHING).features("签到协议的模板发我", _hits())
    assert with_it.outsider == pytest.approx(1.0, abs=1e-3)
    assert gate.weigh(with_it).known < gate.weigh(without).known


def test_there_is_a_weight_for_every_feature() -> None:
    for part in ("known", "true"):
        assert set(gate._model()[part]) == {
            "intercept",
            *(field.name for field in fields(Features)),
        }


def test_the_reason_tells_what_spoke_against_it() -> None:
    evidence = _judge("今天我们群里有多少人签到，签到协议的模板发我", _hits(0.3))
    assert not evidence.enough
    assert "known" in evidence.reason
    assert "<" in evidence.reason


def test_traditional_and_simplified_are_judged_alike() -> None:
    judge = Gate(0.5, NOTHING)
    one = judge.features("簽到為什麼讓互動率下降", _hits())
    assert one == judge.features("签到为什么让互动率下降", _hits())


def test_only_the_best_hits_count_as_evidence() -> None:
    hits = [_hit("别的", 0.5, i) for i in range(3)] + [_hit("报名费100元", 0.4, 4)]
    judge = Gate(0.5, NOTHING)
    assert judge.features("活动报名费多少钱", hits).absent == 2.0
    assert judge.features("活动报名费多少钱", hits[::-1]).absent == 0.0
