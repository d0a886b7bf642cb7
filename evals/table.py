"""The table: every metric with its count and interval, and what a baseline says to it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from inspect_ai.log import EvalLog
from rich.table import Table

from evals.answers import MEMBER_LIMIT

BASELINE = Path(__file__).parent / "baseline.json"

_DRAWS = 2000
_SEED = 7

# What must not drop, each better when higher.
HEADLINES = (
    "recall@5 all",
    "recall@5 hard",
    "complete all",
    "cited all",
    "supported all",
    "refused unanswerable",
    "answered answerable",
)


@dataclass(frozen=True, slots=True)
class Case:
    """One question's value of one metric."""

    value: float
    group: str
    topic: str
    answerable: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A metric on one group of questions with its 95 % interval; ``n`` questions were scored."""

    metric: str
    group: str
    value: float
    n: int
    low: float
    high: float

    @property
    def name(self) -> str:
        """What the row is called in a baseline."""
        return f"{self.metric} {self.group}"


Statistic = Callable[[Any], Any]


def _mean(values: Any) -> Any:
    return np.mean(values, axis=-1)


def _median(values: Any) -> Any:
    return np.median(values, axis=-1)


def interval(cases: Sequence[Case], statistic: Statistic = _mean) -> tuple[float, float]:
    """The 95 % percentile bootstrap interval of a statistic.

    Whole topics are drawn, not questions: questions of one topic rest on the same passages and fail
    together, so that drawing them one by one would promise too much.
    """
    topics: dict[str, list[float]] = {}
    for case in cases:
        topics.setdefault(case.topic, []).append(case.value)
    blocks = list(topics.values())
    random = np.random.default_rng(_SEED)
    drawn = [
        float(statistic(np.concatenate([blocks[i] for i in draw])))
        for draw in random.integers(0, len(blocks), (_DRAWS, len(blocks)))
    ]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def row(metric: str, group: str, cases: Sequence[Case], statistic: Statistic = _mean) -> Row | None:
    """A row of the table; nothing when no case was scored."""
    if not cases:
        return None
    value = float(statistic([case.value for case in cases]))
    return Row(metric, group, value, len(cases), *interval(cases, statistic))


def cases(log: EvalLog, scorer: str, key: str = "") -> list[Case]:
    """The scored cases of a scorer (of one key of it, where its value has keys)."""
    found: list[Case] = []
    for sample in log.samples or ():
        score = (sample.scores or {}).get(scorer)
        value: Any = score.value if score else math.nan
        value = float(value[key]) if isinstance(value, dict) else float(value)
        if not math.isnan(value):
            about = sample.metadata
            found.append(Case(value, about["group"], about["topic"], about["answerable"]))
    return found


def retrieval_rows(log: EvalLog) -> list[Row]:
    """Recall, rank and gain: all, hard, easy."""
    keys = [key for key in ("recall@1", "recall@5", "mrr", "ndcg@10")]
    return [each for key in keys for each in _by_hardness(key, cases(log, "found", key))]


def answer_rows(log: EvalLog) -> list[Row]:
    """Completeness, citations, support, length, refusal by reason, over-refusal (as `answered`)."""
    rows = _by_hardness("complete", cases(log, "complete"))
    rows += _rows([row(name, "all", cases(log, name)) for name in ("cited", "supported")])
    lengths = cases(log, "length")
    rows += _rows([row("characters (median)", "all", lengths, _median)])
    if (log.eval.metadata or {}).get("audience") == "member":
        within = [Case(float(c.value <= MEMBER_LIMIT), c.group, c.topic, True) for c in lengths]
        rows += _rows([row(f"within {MEMBER_LIMIT} characters", "all", within)])
    judged = cases(log, "refused")
    unanswerable = [case for case in judged if not case.answerable]
    whys = sorted({case.group for case in unanswerable})
    rows += _rows([row("refused", "unanswerable", unanswerable)])
    rows += _rows(
        [row("refused", why, [c for c in unanswerable if c.group == why]) for why in whys]
    )
    answered = [Case(1 - c.value, c.group, c.topic, True) for c in judged if c.answerable]
    return rows + _by_hardness("answered", answered, "answerable")


def _by_hardness(metric: str, found: Sequence[Case], everything: str = "all") -> list[Row]:
    return _rows(
        [
            row(metric, everything, found),
            row(metric, "hard", [case for case in found if case.group == "hard"]),
            row(metric, "easy", [case for case in found if case.group == "easy"]),
        ]
    )


def _rows(rows: Iterable[Row | None]) -> list[Row]:
    return [each for each in rows if each is not None]


def render(rows: Sequence[Row], title: str, split: str) -> Table:
    """The table people read."""
    table = Table(title=title, title_justify="left")
    for name in ("metric", "on", "value", "n", "95 % interval", "split"):
        table.add_column(name, justify="left" if name in ("metric", "on", "split") else "right")
    previous = ""
    for each in rows:
        digits = 0 if each.value > 1 else 3
        if previous and previous != each.metric:
            table.add_section()
        previous = each.metric
        table.add_row(
            each.metric,
            each.group,
            f"{each.value:.{digits}f}",
            str(each.n),
            f"{each.low:.{digits}f} – {each.high:.{digits}f}",
            split,
        )
    return table


# Baselines ---------------------------------------------------------------------------------------


def as_object(rows: Sequence[Row], about: dict[str, str]) -> dict[str, object]:
    """The rows as JSON: what was measured on, and every row under its name."""
    return about | {"rows": {each.name: asdict(each) for each in rows}}


def headlines(rows: Sequence[Row], about: dict[str, str]) -> dict[str, object]:
    """What a baseline keeps: the headlines only."""
    return as_object([each for each in rows if each.name in HEADLINES], about)


def drops(rows: Sequence[Row], about: dict[str, str], baseline: dict[str, Any]) -> list[str]:
    """Headlines that have fallen below the lower end of the baseline's interval.

    Raises:
        ValueError: the baseline was measured on something else.
    """
    for key, value in about.items():
        if baseline.get(key) != value:
            raise ValueError(f"the baseline has {key} {baseline.get(key)!r}, this run {value!r}")
    now = {each.name: each for each in rows}
    found: list[str] = []
    for name, before in baseline["rows"].items():
        if name not in now:
            found.append(f"{name}: was {before['value']:.3f}, is not measured any more")
        elif now[name].value < before["low"]:
            found.append(
                f"{name}: {now[name].value:.3f} is below {before['low']:.3f},"
                f" the lower end of the baseline {before['value']:.3f}"
            )
    return found


def read(path: Path) -> dict[str, Any]:
    """A baseline as it was saved."""
    baseline: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return baseline


def write(path: Path, content: dict[str, object]) -> None:
    """Save as JSON, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", "utf-8")
