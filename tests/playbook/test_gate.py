"""The gate: what it looks at, and what it decides."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import pytest

from copilot.errors import EmbedderError
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


NAMES = [field.name for field in fields(Features)]
NONE = Features(**dict.fromkeys(NAMES, 0.0))


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Weights that are easy to follow, in a file of their own: the shipped ones change."""
    monkeypatch.setattr(gate, "WEIGHTS", tmp_path / "gate.json")
    plain = {"intercept": 0.0} | dict.fromkeys(NAMES, 0.0)
    known = plain | {"intercept": 2.0, "absent": -3.0, "strange": -1.23456}
    true = plain | {"intercept": 2.0, "unknown": -5.0}
    gate.save({"known": known, "true": true, "both": {"intercept": 1.0, "slope": 1.0}})
    yield gate.WEIGHTS
    gate._model.cache_clear()


def test_weights_come_back_as_they_were_saved(made: Path) -> None:
    held = json.loads(made.read_text("utf-8"))
    assert held["known"]["strange"] == -1.2346
    assert gate._model() == held
    held["known"]["intercept"] = -2.0
    before = gate.weigh(NONE).known
    gate.save(held)
    assert gate.weigh(NONE).known == pytest.approx(1 - before)


def test_both_is_the_product_shifted(made: Path) -> None:
    verdict = gate.weigh(NONE)
    one = 1 / (1 + math.exp(-2))
    assert (verdict.known, verdict.true) == pytest.approx((one, one))
    odds = one * one / (1 - one * one)
    assert verdict.both == pytest.approx(1 / (1 + math.exp(-1) / odds))
    worse = (replace(NONE, absent=1.0), replace(NONE, unknown=1.0), replace(NONE, strange=1.0))
    assert all(gate.weigh(each).both < verdict.both for each in worse)


@pytest.mark.parametrize(
    ("question", "enough", "premise"),
    [
        ("签到使互动率提升至80%吗", True, False),
        # It speaks of it, and says otherwise.
        ("签到使互动率提升至95%吗", False, True),
        # It does not even name what is asked for: whatever else is wrong, nothing is put right.
        ("签到协议的模板发我", False, False),
        ("签到协议怎么让互动率提升至95%", False, False),
    ],
)
@pytest.mark.usefixtures("made")
def test_a_wrong_premise_is_told_on_the_evidence(
    question: str, enough: bool, premise: bool
) -> None:
    evidence = _judge(question, _hits())
    assert (evidence.enough, evidence.premise) == (enough, premise)


@pytest.mark.usefixtures("made")
def test_what_a_statement_bears_out_takes_nothing_wrong_for_granted() -> None:
    doubted = replace(NONE, premise=1.0)
    model = {name: dict(weights) for name, weights in gate._model().items()}
    model["true"]["premise"] = -9.0
    gate.save(model)
    assert gate.weigh(doubted).true < 0.01
    assert gate.weigh(replace(doubted, borne_out=1.0)).true == gate.BORNE_OUT
    for name in gate.AGAINST:
        assert gate.weigh(replace(doubted, borne_out=1.0, **{name: 1.0})).true < 0.01
    # It lifts, and never presses down.
    assert gate.weigh(replace(NONE, borne_out=1.0)).true >= gate.weigh(NONE).true


@pytest.mark.parametrize("content", [None, b"{", b"\xff"])
def test_weights_that_cannot_be_read_are_named(made: Path, content: bytes | None) -> None:
    made.unlink() if content is None else made.write_bytes(content)
    gate._model.cache_clear()
    with pytest.raises(EmbedderError, match="weights"):
        gate.weigh(NONE)


@pytest.mark.usefixtures("made")
def test_what_passes_has_no_wrong_premise() -> None:
    evidence = _judge("签到使互动率提升至95%吗", _hits(), 0.0)
    assert (evidence.enough, evidence.premise) == (True, False)


@pytest.mark.usefixtures("made")
def test_the_reason_names_only_what_weighs_against_an_answer() -> None:
    reason = _judge("签到使互动率提升至95%吗", _hits()).reason
    assert reason.startswith("probability 0.")
    assert reason.endswith(": unknown 1.00")
    assert _judge("签到协议的模板发我", _hits()).reason.endswith(": absent 1.00")


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
