"""`python -m evals.calibrate`: fits the gate on the dev questions and prints its constants."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from copilot.playbook.gate import Features, features
from evals import corpus, questions

Array = NDArray[np.float64]

# Strength of the L2 penalty on standardised features: one observation's worth.
PENALTY = 1.0
FOLDS, REPEATS, SEED = 5, 10, 7

# At most this share of answerable dev questions may be refused (issue "Foundation", evals).
OVER_REFUSAL = 0.05

# Hits that the gate is given (copilot.app).
_HITS = 8


@dataclass(frozen=True, slots=True)
class Data:
    """Questions as the gate sees them: features (n, f), whether answerable (n), topics (n).

    Rows with the topic "" are everyday questions: always trained on, never scored in ``dev``.
    """

    x: Array
    y: Array
    topics: tuple[str, ...]

    @property
    def dev(self) -> NDArray[np.bool_]:
        """The rows that are dev questions."""
        return np.array([bool(topic) for topic in self.topics])


def everyday() -> list[tuple[str, bool]]:
    """Plain questions and whether the playbook answers them (evals/data/everyday.jsonl).

    The dev questions are hard on both sides: answerable ones that share no word with their passage,
    unanswerable ones that borrow its words. Fitted on them alone the gate lets 「红烧肉怎么做」
    pass, and refuses whoever asks in half the playbook's words.
    """
    lines = (questions.DATA / "everyday.jsonl").read_text("utf-8").splitlines()
    return [(row["q"], row["answerable"]) for row in map(json.loads, lines)]


def gather(name: corpus.Name) -> Data:
    """The features of every dev and everyday question over a corpus."""
    with corpus.opened(name) as opened:

        def seen(question: str) -> tuple[float, ...]:
            hits = opened.copilot.search(question, "operator", _HITS)
            return astuple(features(question, hits)) if hits else (0.0,) * len(fields(Features))

        dev = [(seen(q.q), q.answerable, q.topic) for q in questions.load("dev")]
        plain = [(seen(q), answerable, "") for q, answerable in everyday()]
    x, y, topics = zip(*dev, *plain, strict=True)
    return Data(np.array(x), np.array(y, dtype=float), topics)


def fit(x: Array, y: Array, penalty: float = PENALTY) -> Array:
    """Logistic regression by Newton's method, L2 on standardised weights, the intercept free.

    Args:
        x: features (n, f); y: 0 or 1 (n,).

    Returns:
        intercept and weights for the features as they are, (f + 1,).
    """
    mean, spread = x.mean(axis=0), x.std(axis=0)
    spread[spread < 1e-9] = 1.0
    z = np.c_[np.ones(len(x)), (x - mean) / spread]
    ridge = penalty * np.eye(z.shape[1])
    ridge[0, 0] = 0.0
    beta = np.zeros(z.shape[1])
    for _ in range(100):
        p = sigmoid(z @ beta)
        step = np.linalg.solve(
            (z * (p * (1 - p))[:, None]).T @ z + ridge + 1e-9 * np.eye(len(beta)),
            z.T @ (p - y) + ridge @ beta,
        )
        beta = beta - step
        if np.abs(step).max() < 1e-9:
            break
    weights = beta[1:] / spread
    found: Array = np.r_[beta[0] - weights @ mean, weights]
    return found


def sigmoid(values: Array) -> Array:
    """The logistic function, saturated at ±30."""
    result: Array = 1.0 / (1.0 + np.exp(-np.clip(values, -30, 30)))
    return result


def predict(beta: Array, x: Array) -> Array:
    """Probabilities (n,) by what `fit` returned."""
    return sigmoid(np.c_[np.ones(len(x)), x] @ beta)


def cross_validated(data: Sequence[Data]) -> list[Array]:
    """Each row's probability by models that never saw its topic, the mean over `REPEATS` divisions.

    Args:
        data: the same questions over several corpora, fitted together.
    """
    topics = data[0].topics
    found = [np.zeros(len(topics)) for _ in data]
    for repeat in range(REPEATS):
        fold = _folds(topics, np.random.default_rng(SEED + repeat))
        for held in range(FOLDS):
            kept = fold != held
            beta = fit(
                np.concatenate([each.x[kept] for each in data]),
                np.concatenate([each.y[kept] for each in data]),
            )
            for probabilities, each in zip(found, data, strict=True):
                probabilities[~kept] += predict(beta, each.x[~kept]) / REPEATS
    return found


def _folds(topics: Sequence[str], random: np.random.Generator) -> NDArray[np.int64]:
    """A fold for each row; a topic's rows share one, everyday rows are spread."""
    names = sorted(set(topics) - {""})
    of = dict(zip(names, random.permutation(len(names)) % FOLDS, strict=True))
    spread = random.permutation(len(topics)) % FOLDS
    return np.array([of.get(topic, spread[i]) for i, topic in enumerate(topics)])


def threshold(data: Sequence[Data], found: Sequence[Array]) -> float:
    """The highest threshold that refuses no more than `OVER_REFUSAL` of any corpus's answerable."""
    levels = []
    for each, probabilities in zip(data, found, strict=True):
        answerable = np.sort(probabilities[each.dev & (each.y == 1)])
        levels.append(float(answerable[math.floor(OVER_REFUSAL * len(answerable))]))
    return min(levels)


def auc(y: Array, p: Array) -> float:
    """Chance that an answerable question gets more than an unanswerable one (ties count half)."""
    more = p[y == 1][:, None] - p[y == 0][None, :]
    return float((more > 0).mean() + 0.5 * (more == 0).mean())


def main() -> None:
    """Fit, cross-validate, print."""
    names: list[corpus.Name] = ["documents", "all"] if corpus.DOCUMENTS.is_dir() else ["knowledge"]
    data = [gather(name) for name in names]
    found = cross_validated(data)
    beta = fit(np.concatenate([d.x for d in data]), np.concatenate([d.y for d in data]))
    # The final model has seen what the cross-validated ones had not: the stricter of both counts.
    chosen = min(threshold(data, found), threshold(data, [predict(beta, d.x) for d in data]))
    console = Console(width=None if sys.stdout.isatty() else 110)
    for name, each, probabilities in zip(names, data, found, strict=True):
        console.print(_trade_off(name, each, probabilities, chosen))
        console.print(_reliability(name, each, probabilities))
    shift = math.log(chosen / (1 - chosen))
    print(f"threshold {chosen:.3f} becomes 0.5: the intercept is lowered by {shift:.2f}")
    print(f"INTERCEPT = {math.ceil(100 * (beta[0] - shift)) / 100:.2f}")
    print(f"WEIGHTS = ({', '.join(f'{weight:.2f}' for weight in beta[1:])})")
    for field, weight in zip(fields(Features), beta[1:], strict=True):
        print(f"  {weight:+6.2f}  {field.name}")


def _trade_off(name: str, data: Data, p: Array, chosen: float) -> Table:
    title = f"{name}: cross-validated on dev, AUC {auc(data.y[data.dev], p[data.dev]):.3f}"
    table = Table(title=title, title_justify="left")
    for column in ("threshold", "refused", "over-refused", "everyday refused", "over-refused "):
        table.add_column(column, justify="right")
    groups: list[Any] = [
        data.dev & (data.y == 0),
        data.dev & (data.y == 1),
        ~data.dev & (data.y == 0),
        ~data.dev & (data.y == 1),
    ]
    for level in sorted({0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, chosen}):
        shares = [f"{(p[group] < level).mean():.3f}" for group in groups]
        mark = " ←" if level == chosen else ""
        table.add_row(f"{level:.3f}{mark}", *shares)
    return table


def _reliability(name: str, data: Data, p: Array) -> Table:
    table = Table(title=f"{name}: reliability on dev", title_justify="left")
    for column in ("said", "mean said", "answerable", "n"):
        table.add_column(column, justify="right")
    edges = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0001]
    for low, high in pairwise(edges):
        rows = data.dev & (p >= low) & (p < high)
        if rows.any():
            said, true = p[rows].mean(), data.y[rows].mean()
            table.add_row(f"{low:.1f} – {high:.1f}", f"{said:.2f}", f"{true:.2f}", str(rows.sum()))
    return table


if __name__ == "__main__":
    main()
