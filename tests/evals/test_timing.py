"""Timing: medians, percentiles, limits."""

from __future__ import annotations

import pytest

from evals.bench import timing
from evals.bench.timing import Measure


def test_a_limit_is_for_the_statistic_it_names() -> None:
    values = (1.0,) * 90 + (100.0,) * 10
    assert Measure("x", "ms", values, limit=60.0).held
    assert not Measure("x", "ms", values, limit=60.0, on="p95").held
    assert Measure("x", "ms", values).held


def test_median_and_percentile() -> None:
    measure = Measure("x", "ms", tuple(map(float, range(1, 101))))
    assert (measure.median, measure.p95) == (50.5, pytest.approx(95.05))


def test_every_call_is_timed() -> None:
    calls: list[int] = []
    found = timing.timed(lambda: calls.append(1), 5)
    assert len(found) == len(calls) == 5
    assert all(seconds >= 0 for seconds in found)


def test_the_table_says_what_was_missed_and_on_which_machine(
    capsys: pytest.CaptureFixture[str],
) -> None:
    timing.show("Bench", [Measure("slow", "s", (4.0,), limit=3.0), Measure("quick", "s", (1.0,))])
    shown = capsys.readouterr().out
    assert "MISSED" in shown
    assert "kept" not in shown
    assert "Python 3." in shown
