"""Calibration: the regression, the division by topic, the threshold."""

from __future__ import annotations

import numpy as np
import pytest

from evals import calibrate
from evals.calibrate import Data


def _data(n: int = 200, noise: float = 0.5) -> Data:
    random = np.random.default_rng(1)
    x = random.normal(size=(n, 2))
    y = (2 * x[:, 0] - x[:, 1] + noise * random.normal(size=n) > 0.3).astype(float)
    return Data(x, y, tuple(f"t{i // 4}" for i in range(n)))


def test_the_fit_finds_the_direction() -> None:
    data = _data()
    beta = calibrate.fit(data.x, data.y)
    assert beta[1] > 0 > beta[2]
    assert beta[1] / -beta[2] == pytest.approx(2.0, rel=0.35)
    assert ((calibrate.predict(beta, data.x) > 0.5) == data.y).mean() > 0.9


def test_the_intercept_makes_the_mean_right() -> None:
    data = _data()
    beta = calibrate.fit(data.x, data.y)
    assert calibrate.predict(beta, data.x).mean() == pytest.approx(data.y.mean(), abs=1e-6)


def test_a_feature_that_never_changes_gets_no_weight() -> None:
    data = _data()
    beta = calibrate.fit(np.c_[data.x, np.full(len(data.x), 3.0)], data.y)
    assert np.isfinite(beta).all()
    assert beta[3] == pytest.approx(0.0, abs=1e-6)


def test_more_penalty_gives_smaller_weights() -> None:
    data = _data()
    loose, tight = (calibrate.fit(data.x, data.y, penalty) for penalty in (0.1, 100.0))
    assert np.abs(tight[1:]).sum() < np.abs(loose[1:]).sum()


def test_cross_validation_learns_nothing_from_the_held_topic() -> None:
    # The label is a topic's own secret: only who has seen the topic can know it.
    random = np.random.default_rng(2)
    topics = tuple(f"t{i // 5}" for i in range(200))
    x = np.zeros((200, 40))
    x[np.arange(200), np.arange(200) // 5] = 1.0
    y = np.repeat(random.integers(0, 2, 40), 5).astype(float)
    data = Data(x, y, topics)
    seen = calibrate.predict(calibrate.fit(x, y, 0.01), x)
    [unseen] = calibrate.cross_validated([data])
    assert calibrate.auc(y, seen) == 1.0
    assert calibrate.auc(y, unseen) < 0.7


def test_the_threshold_refuses_no_more_than_allowed_anywhere() -> None:
    data = _data()
    found = [np.linspace(0, 1, 200), np.linspace(1, 0, 200)]
    level = calibrate.threshold([data, data], found)
    for each in found:
        assert (each[data.y == 1] < level).mean() <= calibrate.OVER_REFUSAL
    more = level + 0.02
    assert any((each[data.y == 1] < more).mean() > calibrate.OVER_REFUSAL for each in found)


def test_auc_counts_ties_as_half() -> None:
    assert calibrate.auc(np.array([1.0, 0.0]), np.array([0.9, 0.1])) == 1.0
    assert calibrate.auc(np.array([1.0, 0.0]), np.array([0.5, 0.5])) == 0.5
