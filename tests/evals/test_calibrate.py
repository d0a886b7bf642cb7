"""Calibration: the two regressions, the division by topic, the threshold, the shift."""

from __future__ import annotations

import numpy as np
import pytest

from copilot.playbook import gate
from copilot.playbook.gate import Features
from evals import calibrate
from evals.calibrate import NAMES, Data

UNKNOWN, UNTRUE = NAMES.index("strange"), NAMES.index("premise")


def _data(n: int = 300) -> Data:
    """Answerable unless one feature (unknown) or another (untrue) is high."""
    random = np.random.default_rng(1)
    x = np.zeros((n, len(NAMES)))
    x[:, [UNKNOWN, UNTRUE]] = random.normal(size=(n, 2))
    untrue = np.where(x[:, UNTRUE] > 0.8, "false_premise", "")
    why = np.where(x[:, UNKNOWN] > 0.8, "out_of_scope", untrue)
    return Data(x, why, tuple(f"t{i // 4}" for i in range(n)))


def _fit(data: Data) -> calibrate.Weights:
    return calibrate.fit([data], [np.ones(len(data.why), bool)])


def test_each_regression_learns_its_own_kind() -> None:
    weights = _fit(_data())
    known, true = weights["known"], weights["true"]
    assert known["strange"] < 0
    assert abs(known["premise"]) < abs(known["strange"]) / 2
    assert true["premise"] < 0
    assert true["strange"] == 0


def test_the_product_is_low_when_either_fails() -> None:
    data = _data()
    p = calibrate.products(_fit(data), data.x)
    assert calibrate.auc(data.y, p) > 0.95


def test_products_are_what_the_gate_weighs() -> None:
    data = _data(40)
    x = data.x.copy()
    x[:, NAMES.index("borne_out")] = np.arange(40) % 2
    x[:, NAMES.index("unknown")] = np.arange(40) // 2 % 2
    found = calibrate.products(_fit(data), x)
    shipped = calibrate.products(gate._model(), x)
    verdicts = [gate.weigh(Features(*map(float, row))) for row in x]
    assert shipped == pytest.approx([each.known * each.true for each in verdicts])
    assert not np.allclose(found, shipped)


def test_a_feature_that_never_changes_gets_no_weight() -> None:
    weights = _fit(_data())
    assert weights["known"]["live"] == pytest.approx(0.0, abs=1e-6)
    assert np.isfinite(list(weights["true"].values())).all()


def test_cross_validation_learns_nothing_from_the_held_topic() -> None:
    # The label is a topic's own secret: only who has seen the topic can know it.
    random = np.random.default_rng(2)
    topics = tuple(f"t{i // 8}" for i in range(8 * 20))
    x = np.zeros((len(topics), len(NAMES)))
    x[np.arange(len(topics)), np.arange(len(topics)) // 8] = 1.0
    secret = random.choice(["", "out_of_scope", "false_premise"], 20)
    data = Data(x, np.repeat(secret, 8), topics)
    [unseen] = calibrate.cross_validated([data])
    seen = calibrate.products(_fit(data), x)
    assert calibrate.auc(data.y, seen) > 0.95
    assert calibrate.auc(data.y, unseen) < 0.7


def test_folds_keep_topics_together_and_share_them_out() -> None:
    topics = [f"t{i // 3}" for i in range(90)]
    fold = calibrate._folds(topics, np.random.default_rng(3))
    for topic in set(topics):
        assert len({int(f) for f, of in zip(fold, topics, strict=True) if of == topic}) == 1
    assert np.bincount(fold).tolist() == [18] * calibrate.FOLDS
    assert fold.tolist() != calibrate._folds(topics, np.random.default_rng(4)).tolist()


def test_rows_left_out_teach_nothing() -> None:
    data = _data()
    kept = np.arange(len(data.why)) < 200
    part = Data(data.x[kept], data.why[kept], data.topics[:200])
    assert calibrate.fit([data], [kept]) == _fit(part)
    spoilt = Data(np.where(kept[:, None], data.x, 99.0), data.why, data.topics)
    assert calibrate.fit([spoilt], [kept]) == _fit(part)


def test_the_threshold_refuses_no_more_than_allowed() -> None:
    data = _data()
    p = np.linspace(0, 1, len(data.y))
    level = calibrate.threshold(data.y, p)
    refused = (p[data.y == 1] < level).mean()
    assert refused <= calibrate.OVER_REFUSAL
    assert (p[data.y == 1] < level + 0.02).mean() > calibrate.OVER_REFUSAL


def test_the_shift_makes_the_threshold_one_half() -> None:
    data = _data()
    p = calibrate.products(_fit(data), data.x)
    level = calibrate.threshold(data.y, p)
    both = calibrate.shift(data.y, p, level)
    assert both["slope"] > 0
    logit = both["intercept"] + both["slope"] * np.log(level / (1 - level))
    assert calibrate.sigmoid(np.array([logit]))[0] == pytest.approx(0.5)


def test_everyday_rows_are_told_from_dev_rows() -> None:
    data = Data(np.zeros((2, len(NAMES))), np.array(["", ""]), (f"{calibrate.EVERYDAY}0", "t"))
    assert data.dev.tolist() == [False, True]


def test_examples_hold_every_kind_and_no_question_of_the_splits() -> None:
    found = calibrate.examples([f"问{i}" for i in range(10)])
    assert {each.kind for each in found} == {"ask", "twin", "outside", "premise"}
    asked = {q.q for split in calibrate.questions.SPLITS for q in calibrate.questions.load(split)}
    assert not asked & {each.q for each in found}


def test_auc_counts_ties_as_half() -> None:
    assert calibrate.auc(np.array([1.0, 0.0]), np.array([0.9, 0.1])) == 1.0
    assert calibrate.auc(np.array([1.0, 0.0]), np.array([0.5, 0.5])) == 0.5
