"""`python -m evals.calibrate`: trains the gate's wording models, fits the gate on dev, saves both.

The wording models (`copilot.models.scope`) learn from evals/data/gate and the entries' asks; the
gate's two regressions and its shift from the dev questions. The test questions are never read.
"""

from __future__ import annotations

import json
import math
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from copilot.language import normalize, segment
from copilot.models import pairs, scope
from copilot.playbook import gate
from copilot.playbook.evidence import Hit
from copilot.playbook.gate import Features
from evals import corpus, questions
from evals.corpus import Corpus

Array = NDArray[np.float64]
NAMES = tuple(field.name for field in fields(Features))

# What each regression may look at. How near the evidence is depends on the documents, and whether a
# premise is right does not depend on it: fitted on everything, that part took a hit that stands far
# out, as in a small folder of one's own, for a false premise.
LOOKS_AT = {
    "known": tuple(name for name in NAMES if name not in ("stands_out", "opposite", "elsewhere")),
    "true": (
        "said",
        "unknown",
        "elsewhere",
        "trades",
        "strong",
        "opposite",
        "overlap",
        "supported",
        "borne_out",
        "outside",
        "premise",
        "premise_new",
        "long",
    ),
}

# Strength of the L2 penalty on standardised features, in observations.
PENALTY = 10.0
FOLDS, REPEATS, SEED = 5, 10, 7

# At most this share of answerable dev and everyday questions may be refused.
OVER_REFUSAL = 0.05

# Inverse strength of the penalty on the wording models, and how many asks they learn from.
WORDING = 3.0
ASKS = 4000

# How topics of everyday questions begin.
EVERYDAY = "everyday-"

# Hits that the gate is given (copilot.app), and that its evidence is.
_HITS = 8
_READ = 3


@dataclass(frozen=True, slots=True)
class Example:
    """A question to learn wordings from; ``kind`` is `ask`, `twin`, `outside` or `premise`."""

    q: str
    kind: str

    @property
    def answered(self) -> bool:
        """Whether the playbook answers it."""
        return self.kind in ("ask", "twin")


@dataclass(frozen=True, slots=True)
class Data:
    """Questions as the gate sees them: features (n, f), why unanswerable (n), topics (n)."""

    x: Array
    why: NDArray[np.str_]
    topics: tuple[str, ...]

    @property
    def dev(self) -> NDArray[np.bool_]:
        """The rows that are dev questions."""
        return np.array([not topic.startswith(EVERYDAY) for topic in self.topics])

    @property
    def y(self) -> Array:
        """1 for the answerable."""
        return (self.why == "").astype(float)


def examples(asks: Sequence[str]) -> list[Example]:
    """What the wording models learn from: some of the asks, and evals/data/gate."""
    folder = questions.DATA / "gate"
    chosen = random.Random(SEED).sample(sorted(set(asks)), min(ASKS, len(set(asks))))
    found = [Example(ask, "ask") for ask in chosen]
    for row in _rows(folder / "premises.jsonl"):
        found += [Example(row["q"], "premise"), Example(row["true"], "twin")]
    outside = _rows(corpus.KNOWLEDGE / "outside.jsonl")
    found += [Example(row["q"], "outside") for row in outside]
    return found


def _rows(path: Any) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def train_wordings(opened: Corpus) -> None:
    """Train the wording models on a corpus and save them."""
    asks = [ask for topic in pairs.read_knowledge(corpus.KNOWLEDGE) for ask in topic.asks]
    found = examples(asks)
    whole: list[scope.Buckets] = []
    new: list[scope.Buckets] = []
    for each in found:
        form = normalize.search_form(each.q)
        hits = opened.copilot.search(each.q, "operator", _READ)
        evidence = "\n".join(_all(hit, each.q) for hit in hits)
        whole.append(scope.grams(form))
        new.append(scope.grams(form, evidence or " "))
    heads = {
        "outside": (whole, "outside"),
        "premise": (whole, "premise"),
        "outside_new": (new, "outside"),
        "premise_new": (new, "premise"),
    }
    assert tuple(heads) == scope.HEADS
    models = [_fit_wording(found, rows, against) for rows, against in heads.values()]
    words = {word for ask in asks for word in segment.content_words(ask)}
    weights = np.stack([model[0] for model in models])
    scope.save(weights, np.array([model[1] for model in models]), words)
    counts = {
        kind: sum(each.kind == kind for each in found) for kind in sorted({e.kind for e in found})
    }
    print(f"wording models trained on {counts}", file=sys.stderr)


def _all(hit: Hit, ask: str) -> str:
    """All that a passage can be found by, without the very ask that is learnt from."""
    passage = hit.passage
    asks = "\n".join(each for each in passage.asks if each != ask)
    return normalize.search_form("\n".join((passage.title, passage.section, passage.text, asks)))


def _fit_wording(
    found: Sequence[Example], rows: Sequence[scope.Buckets], against: str
) -> tuple[Array, float]:
    """Weights (buckets,) and intercept that tell the answered from one kind of the others.

    Twins count three times: a false premise differs from its twin in what makes it false.
    """
    kept = [i for i, each in enumerate(found) if each.answered or each.kind == against]
    lengths = [len(rows[i]) for i in kept]
    values = np.repeat([1 / math.sqrt(max(1, n)) for n in lengths], lengths)
    indices = np.concatenate([rows[i] for i in kept])
    matrix = csr_matrix(
        (values, indices, np.r_[0, np.cumsum(lengths)]), shape=(len(kept), scope.BUCKETS)
    )
    y = np.array([found[i].answered for i in kept], dtype=float)
    weight = np.array([3.0 if found[i].kind == "twin" else 1.0 for i in kept])
    model = LogisticRegression(C=WORDING, class_weight="balanced", max_iter=3000)
    model.fit(matrix, y, sample_weight=weight)
    return model.coef_[0], float(model.intercept_[0])


def gather(opened: Corpus) -> Data:
    """The features of every dev and everyday question over a corpus.

    Everyday questions are plain on both sides: the dev questions' construction is not the world.
    """
    asked = [(question.q, question.why, question.topic) for question in questions.load("dev")]
    for number, row in enumerate(_rows(questions.DATA / "everyday.jsonl")):
        why = "" if row["answerable"] else "out_of_scope"
        asked.append((row["q"], why, f"{EVERYDAY}{number}"))
    x = [_seen(opened, question) for question, _, _ in asked]
    return Data(np.array(x), np.array([why for _, why, _ in asked]), tuple(t for *_, t in asked))


def _seen(opened: Corpus, question: str) -> list[float]:
    hits = opened.copilot.search(question, "operator", _HITS)
    if not hits:
        return [0.0] * len(NAMES)
    found = asdict(opened.copilot.gate.features(question, hits))
    return [found[name] for name in NAMES]


Weights = dict[str, dict[str, float]]


def fit(data: Sequence[Data], rows: Sequence[NDArray[np.bool_]]) -> Weights:
    """The gate's weights from some rows of each corpus's data."""
    x = np.concatenate([each.x[kept] for each, kept in zip(data, rows, strict=True)])
    why = np.concatenate([each.why[kept] for each, kept in zip(data, rows, strict=True)])
    answered = why == ""
    sides = {"known": why != "false_premise", "true": answered | (why == "false_premise")}
    known, true = (
        _logistic(x[sides[name]], answered[sides[name]], LOOKS_AT[name]) for name in sides
    )
    both = {"intercept": 0.0, "slope": 1.0}
    return {"known": known, "true": true, "both": both}


def _logistic(x: Array, y: NDArray[np.bool_], looks_at: Sequence[str]) -> dict[str, float]:
    """Logistic regression, L2 on standardised weights, for the features as they are."""
    columns = [NAMES.index(name) for name in looks_at]
    mean, spread = x[:, columns].mean(axis=0), x[:, columns].std(axis=0)
    spread[spread < 1e-9] = 1.0
    model = LogisticRegression(C=1 / PENALTY, max_iter=3000, class_weight="balanced")
    model.fit((x[:, columns] - mean) / spread, y)
    weights = dict(zip(looks_at, model.coef_[0] / spread, strict=True))
    intercept = float(model.intercept_[0] - np.array(list(weights.values())) @ mean)
    return {"intercept": intercept} | {name: float(weights.get(name, 0.0)) for name in NAMES}


def products(weights: Weights, x: Array) -> Array:
    """The product of both probabilities, (n,)."""

    def part(name: str) -> Array:
        own = weights[name]
        return sigmoid(own["intercept"] + x @ np.array([own[each] for each in NAMES]))

    against = x[:, [NAMES.index(name) for name in gate.AGAINST]].any(axis=1)
    borne_out = (x[:, NAMES.index("borne_out")] == 1) & ~against
    true = np.where(borne_out, np.maximum(part("true"), gate.BORNE_OUT), part("true"))
    found: Array = part("known") * true
    return found


def sigmoid(values: Array) -> Array:
    """The logistic function, saturated at ±30."""
    result: Array = 1.0 / (1.0 + np.exp(-np.clip(values, -30, 30)))
    return result


def cross_validated(data: Sequence[Data]) -> list[Array]:
    """Each row's product by models that never saw its topic, the mean over `REPEATS` divisions.

    Args:
        data: the same questions over several corpora, fitted together.
    """
    topics = data[0].topics
    found = [np.zeros(len(topics)) for _ in data]
    for repeat in range(REPEATS):
        fold = _folds(topics, np.random.default_rng(SEED + repeat))
        for held in range(FOLDS):
            kept = fold != held
            weights = fit(data, [kept for _ in data])
            for products_, each in zip(found, data, strict=True):
                products_[~kept] += products(weights, each.x[~kept]) / REPEATS
    return found


def _folds(topics: Sequence[str], random_: np.random.Generator) -> NDArray[np.int64]:
    """A fold for each row; a topic's rows share one."""
    names = sorted(set(topics))
    of = dict(zip(names, random_.permutation(len(names)) % FOLDS, strict=True))
    return np.array([of[topic] for topic in topics])


def threshold(y: Array, p: Array) -> float:
    """The highest product that refuses no more than `OVER_REFUSAL` of the answerable."""
    answerable = np.sort(p[y == 1])
    return float(answerable[math.floor(OVER_REFUSAL * len(answerable))])


def shift(y: Array, p: Array, level: float) -> dict[str, float]:
    """What makes the product at ``level`` 0.5: a slope by maximum likelihood, and its intercept."""
    logit = np.log(np.clip(p, 1e-9, 1 - 1e-9) / np.clip(1 - p, 1e-9, 1))
    away = logit - math.log(level / (1 - level))
    slopes = np.linspace(0.2, 3.0, 57)
    loss = [
        float(-np.mean(np.log(np.clip(sigmoid((2 * y - 1) * s * away), 1e-9, 1)))) for s in slopes
    ]
    slope = float(slopes[int(np.argmin(loss))])
    return {"intercept": -slope * math.log(level / (1 - level)), "slope": slope}


def auc(y: Array, p: Array) -> float:
    """Chance that an answerable question gets more than an unanswerable one (ties count half)."""
    more = p[y == 1][:, None] - p[y == 0][None, :]
    return float((more > 0).mean() + 0.5 * (more == 0).mean())


def main(
    wordings: Annotated[bool, typer.Option(help="Train the wording models anew, too.")] = True,
    save: Annotated[bool, typer.Option(help="Write what was fitted into the package.")] = True,
) -> None:
    """Train, fit, cross-validate, print, save."""
    names: list[corpus.Name] = ["all", "documents"] if corpus.DOCUMENTS.is_dir() else ["knowledge"]
    data = []
    for name in names:
        with corpus.opened(name) as opened:
            if wordings and name != "documents":
                train_wordings(opened)
            data.append(gather(opened))
    found = cross_validated(data)
    weights = fit(data, [np.ones(len(each.why), bool) for each in data])
    # Shipped homes hold our entries: the threshold is set on the first corpus.
    # Everyday questions count, too: half of the dev set's are twins of false premises.
    level = threshold(data[0].y, found[0])
    weights["both"] = shift(data[0].y, found[0], level)
    console = Console(width=None if sys.stdout.isatty() else 110)
    for name, each, p in zip(names, data, found, strict=True):
        console.print(_trade_off(name, each, p, level))
        console.print(_reliability(name, each, _final(weights, p)))
    for name in ("known", "true"):
        spread = data[0].x.std(axis=0)
        worth = sorted(
            zip(
                NAMES,
                (weights[name][n] * s for n, s in zip(NAMES, spread, strict=True)),
                strict=True,
            ),
            key=lambda pair: -abs(pair[1]),
        )
        print(f"{name}: " + ", ".join(f"{n} {w:+.2f}" for n, w in worth))
    if save:
        gate.save(weights)
        print(f"saved in {gate.WEIGHTS} and {scope.SHIPPED}")


def _final(weights: Weights, p: Array) -> Array:
    clipped = np.clip(p, 1e-9, 1 - 1e-9)
    both = weights["both"]
    return sigmoid(both["intercept"] + both["slope"] * np.log(clipped / (1 - clipped)))


def _trade_off(name: str, data: Data, p: Array, chosen: float) -> Table:
    title = f"{name}: cross-validated on dev, AUC {auc(data.y[data.dev], p[data.dev]):.3f}"
    table = Table(title=title, title_justify="left")
    kinds = sorted(set(data.why) - {""})
    for column in ("product", "over-refused", "refused", *kinds, "everyday", "over-refused "):
        table.add_column(column, justify="right")
    share: Callable[[Any, float], str] = lambda rows, level: f"{(p[rows] < level).mean():.3f}"  # noqa: E731
    for level in sorted({0.1, 0.2, 0.3, 0.4, 0.5, chosen}):
        mark = " ←" if level == chosen else ""
        plain = ~data.dev
        groups = [data.dev & (data.y == y) for y in (1, 0)]
        groups += [data.dev & (data.why == kind) for kind in kinds]
        groups += [plain & (data.y == y) for y in (0, 1)]
        table.add_row(f"{level:.3f}{mark}", *(share(rows, level) for rows in groups))
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
    typer.run(main)
