"""The table: intervals, rows, baselines."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from evals import table
from evals.table import Case, Row

ABOUT = {"split": "dev", "corpus": "documents", "audience": "operator"}


def _cases(values: list[float], topics: list[str]) -> list[Case]:
    return [Case(v, "hard", t, True) for v, t in zip(values, topics, strict=True)]


def _row(name: str, value: float, low: float) -> Row:
    metric, group = name.rsplit(" ", 1)
    return Row(metric, group, value, 10, low, 1.0)


def test_the_interval_holds_the_mean_and_is_the_same_every_time() -> None:
    cases = _cases([0.0, 1.0] * 20, [str(i) for i in range(40)])
    low, high = table.interval(cases)
    assert low < 0.5 < high
    assert 0.25 < high - low < 0.40
    assert table.interval(cases) == (low, high)


def test_questions_of_one_topic_fail_together() -> None:
    values = [0.0] * 10 + [1.0] * 10
    apart = table.interval(_cases(values, [str(i) for i in range(20)]))
    together = table.interval(_cases(values, ["a"] * 10 + ["b"] * 10))
    assert together[1] - together[0] > apart[1] - apart[0]


def test_a_row_without_cases_is_left_out() -> None:
    assert table.row("recall@1", "all", []) is None
    assert table.row("recall@1", "all", _cases([1.0], ["a"])) == Row(
        "recall@1", "all", 1.0, 1, 1.0, 1.0
    )


def test_a_drop_below_the_interval_is_told_and_a_smaller_one_is_not() -> None:
    baseline = table.headlines([_row("recall@5 all", 0.9, 0.8)], ABOUT)
    assert table.drops([_row("recall@5 all", 0.81, 0.7)], ABOUT, baseline) == []
    [told] = table.drops([_row("recall@5 all", 0.79, 0.7)], ABOUT, baseline)
    assert "0.790 is below 0.800" in told


def test_a_headline_that_vanished_is_a_drop() -> None:
    baseline = table.headlines([_row("recall@5 all", 0.9, 0.8)], ABOUT)
    [told] = table.drops([], ABOUT, baseline)
    assert "not measured any more" in told


def test_a_baseline_of_something_else_is_not_compared() -> None:
    baseline = table.headlines([_row("recall@5 all", 0.9, 0.8)], ABOUT)
    with pytest.raises(ValueError, match="corpus 'documents', this run 'knowledge'"):
        table.drops([], ABOUT | {"corpus": "knowledge"}, baseline)


def test_a_baseline_keeps_headlines_only_and_survives_the_file(tmp_path: Path) -> None:
    rows = [_row("recall@5 all", 0.9, 0.8), _row("mrr easy", 0.9, 0.8)]
    path = tmp_path / "out" / "baseline.json"
    table.write(path, table.headlines(rows, ABOUT))
    baseline = table.read(path)
    assert list(baseline["rows"]) == ["recall@5 all"]
    assert table.drops(rows, ABOUT, baseline) == []


def test_the_committed_baseline_names_every_headline() -> None:
    baseline = table.read(table.BASELINE)
    assert set(baseline["rows"]) == set(table.HEADLINES)
    assert baseline["split"] == "dev"


def test_the_table_shows_value_count_interval_and_split() -> None:
    console = Console(width=100, record=True)
    console.print(table.render([_row("recall@5 all", 0.875, 0.8)], "title", "dev"))
    shown = console.export_text()
    for part in ("title", "recall@5", "all", "0.875", "10", "0.800 – 1.000", "dev"):
        assert part in shown
