"""The gate: a calibrated probability that the hits answer the question; below it, refusal."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from copilot.errors import EmbedderError
from copilot.language import normalize, segment
from copilot.models import scope
from copilot.playbook import cues
from copilot.playbook.claims import compare
from copilot.playbook.evidence import Audience, Evidence, Hit, Passage
from copilot.playbook.outside import Outside

# Two logistic regressions on `Features`: whether the playbook speaks of what is asked, and whether
# it is as the question takes it. Fitted on evals/data/questions.dev.jsonl by
# `python -m evals.calibrate`, which also chooses the shift: at probability 0.5 about one answerable
# question in twenty is refused (docs/decisions/0010-gate.md).
WEIGHTS = Path(__file__).parent / "gate.json"

# More similarity than this says nothing more: a false premise is as near to its passage as a fair
# question (0.45 is where nine of ten everyday questions that the playbook does not answer end).
_NEAR = 0.45

# Hits that a claim is held against; further down, chance agreement outweighs evidence.
_READ = 3

# The hit whose distance from the first tells whether one passage stands out.
_SIXTH = 5

# From here on a question has so many words that some of them are told, not asked.
_LONG = 6

# Below this it is not sure that the playbook speaks of it at all, and nothing is put right.
_SPOKEN_OF = 0.5

# A question whose words all stand in one statement, with nothing against it, takes nothing wrong
# for granted, however it is worded.
BORNE_OUT = 0.9
AGAINST = ("unknown", "elsewhere", "trades", "strong", "opposite")

# What a person is told of the features: those that weigh at least so much on the logit.
_TOLD = 0.5


@dataclass(frozen=True, slots=True)
class Features:
    """What the gate looks at. Each can be told to a person.

    Attributes:
        similarity: of the best hit (`Hit.dense`, −1…1); ``near`` is the same, counted up to 0.45.
        ask: cosine of the nearest ask; ``statement`` that of the nearest statement.
        stands_out: how much nearer the first hit is than the sixth.
        outsider: cosine of the nearest question known to have no answer; ``outsiders`` the mean of
            the five nearest; ``inside`` how much nearer an ask or statement is.
        covered: share of the question's words in the evidence; ``asked`` with its asks.
        strange: share of the words that no passage has, and nobody who asks about communities.
        said: 1 when the question says that a document says so.
        live: 1 when only the asker's own records could answer.
        absent: how much of what an answer would have to name is not in the evidence (0–4).
        unknown, elsewhere, trades, strong, opposite, overlap, supported, borne_out: see
            `claims.Compared`.
        outside, premise, outside_new, premise_new: see `scope.Scores`.
        long: 1 for a question of more than six content words.
    """

    similarity: float
    near: float
    ask: float
    statement: float
    stands_out: float
    outsider: float
    outsiders: float
    inside: float
    covered: float
    asked: float
    strange: float
    said: float
    live: float
    absent: float
    unknown: float
    elsewhere: float
    trades: float
    strong: float
    opposite: float
    overlap: float
    supported: float
    borne_out: float
    outside: float
    premise: float
    outside_new: float
    premise_new: float
    long: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Probabilities (0–1): ``known`` that the evidence speaks of what is asked, ``true`` that it
    does not contradict the question, ``both`` calibrated together."""

    known: float
    true: float
    both: float


class Gate:
    """Decides whether hits are evidence enough."""

    def __init__(
        self,
        threshold: float,
        outside: Outside,
        heard: Callable[[Sequence[str]], Collection[str]] = tuple,
    ) -> None:
        """Args:
        threshold: probability (0–1) below which nothing may be composed.
        outside: questions that the playbook does not answer.
        heard: those of some words (in search form) that the playbook has; by default all.
        """
        self._threshold = threshold
        self._outside = outside
        self._heard = heard

    def judge(self, question: str, audience: Audience, hits: Sequence[Hit]) -> Evidence:
        """The hits as evidence, with the verdict on them."""
        if not hits:
            return Evidence(question, audience, (), False, 0.0, "nothing was found")
        if not segment.content_words(question) or len(set(re.sub(r"\W", "", question))) < 2:
            reason = "no word of the question says what it is about"
            return Evidence(question, audience, tuple(hits), False, 0.0, reason)
        found = self.features(question, hits)
        verdict = weigh(found)
        enough = verdict.both >= self._threshold
        # The playbook does speak of it, but otherwise than the question has it.
        premise = not enough and verdict.known > max(verdict.true, _SPOKEN_OF)
        reason = (
            f"probability {verdict.both:.2f} {'≥' if enough else '<'} {self._threshold:.2f}"
            f" (known {verdict.known:.2f}, as it says {verdict.true:.2f}): {_told(found)}"
        )
        return Evidence(question, audience, tuple(hits), enough, verdict.both, reason, premise)

    def features(self, question: str, hits: Sequence[Hit]) -> Features:
        """What is looked at, for non-empty hits."""
        form = normalize.search_form(question)
        words = segment.content_words(question)
        read = [hit.passage for hit in hits[:_READ]]
        passages = [_form(passage) for passage in read]
        evidence = "\n".join(passages)
        everything = evidence + "\n".join(_asks(passage) for passage in read)
        strange = [word for word in words if not scope.community(word)]
        strange = [word for word in strange if word not in set(self._heard(strange))]
        similarity = max(hit.dense for hit in hits[:_READ])
        ask, statement = (max(getattr(hit.why, n) for hit in hits) for n in ("ask", "statement"))
        nearest, several = self._outside.nearest(question)
        return Features(
            similarity=similarity,
            near=min(similarity, _NEAR),
            ask=ask,
            statement=statement,
            stands_out=hits[0].dense - hits[min(_SIXTH, len(hits) - 1)].dense,
            outsider=nearest,
            outsiders=several,
            inside=max(ask, statement) - nearest,
            covered=_share(words, evidence),
            asked=_share(words, everything),
            strange=len(strange) / max(1, len(words)),
            said=float(cues.said(form)),
            live=float(cues.live(form)),
            absent=float(cues.absent(question, form, evidence)),
            long=float(len(words) > _LONG),
            **asdict(compare(form, passages)),
            **asdict(scope.score(form, everything)),
        )


def weigh(found: Features) -> Verdict:
    """What the features come to."""
    model = _model()
    values = asdict(found)
    known, true = (_logistic(_sum(model[name], values)) for name in ("known", "true"))
    if found.borne_out and not any(values[name] for name in AGAINST):
        true = max(true, BORNE_OUT)
    product = min(max(known * true, 1e-9), 1 - 1e-9)
    shift = model["both"]
    logit = shift["intercept"] + shift["slope"] * math.log(product / (1 - product))
    return Verdict(known, true, _logistic(logit))


@lru_cache(maxsize=1)
def _model() -> dict[str, dict[str, float]]:
    try:
        found: dict[str, dict[str, float]] = json.loads(WEIGHTS.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise EmbedderError(
            f"the gate's weights cannot be read: {error}.",
            remedy="Install the copilot anew, or run `python -m evals.calibrate` in a clone.",
        ) from error
    return found


def save(model: Mapping[str, Mapping[str, float]]) -> None:
    """Write weights: `known` and `true` by feature (and `intercept`), `both` with `slope`."""
    rounded = {
        name: {key: round(float(value), 4) for key, value in weights.items()}
        for name, weights in model.items()
    }
    WEIGHTS.write_text(json.dumps(rounded, indent=2) + "\n", "utf-8")
    _model.cache_clear()


def _sum(weights: Mapping[str, float], values: Mapping[str, float]) -> float:
    return weights["intercept"] + sum(weights[name] * value for name, value in values.items())


def _logistic(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))


def _told(found: Features) -> str:
    """The features that weigh most against an answer, for the gap list."""
    model, values = _model(), asdict(found)
    against = {
        name: min(model["known"][name] * value, model["true"][name] * value)
        for name, value in values.items()
    }
    worst = sorted(against.items(), key=lambda pair: pair[1])[:4]
    return ", ".join(f"{name} {values[name]:.2f}" for name, worth in worst if worth < -_TOLD)


def _share(words: Sequence[str], text: str) -> float:
    return sum(word in text for word in words) / max(1, len(words))


@lru_cache(maxsize=1024)
def _form(passage: Passage) -> str:
    return normalize.search_form("\n".join((passage.title, passage.section, passage.text)))


@lru_cache(maxsize=1024)
def _asks(passage: Passage) -> str:
    return normalize.search_form("\n".join(passage.asks))
