"""The gate: a calibrated probability that the hits answer the question; below it, refusal."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from copilot.language import normalize, segment
from copilot.playbook.evidence import Audience, Evidence, Hit

# Logistic regression on evals/data/questions.dev.jsonl, fitted by `python -m evals.calibrate`.
# Feature order: see `features`.
INTERCEPT = -3.0
WEIGHTS = (4.0, 2.0, 0.05, 1.0, -1.0)

_NUMBER = re.compile(r"\d+(?:\.\d+)?%?")


def features(question: str, hits: Sequence[Hit]) -> tuple[float, ...]:
    """What the gate looks at, for non-empty hits.

    Returns:
        best dense similarity (−1…1); coverage of the question's content words by the best five
        hits together (0–1); best BM25 per content word; lead of the best hit over the fifth in
        standard deviations; share of the question's numbers that stand in none of the hits (0–1).
    """
    top = hits[:5]
    text = normalize.search_form(
        "\n".join(
            "\n".join((h.passage.title, h.passage.section, h.passage.text, *h.passage.asks))
            for h in top
        )
    )
    wanted = set(segment.content_words(question))
    covered = sum(word in text for word in wanted) / len(wanted) if wanted else 0.0
    numbers = set(_NUMBER.findall(normalize.search_form(question)))
    unknown = sum(number not in text for number in numbers) / len(numbers) if numbers else 0.0
    return (
        max(hit.dense for hit in top),
        covered,
        max(hit.lexical for hit in top) / max(1, len(wanted)),
        top[0].score - top[-1].score,
        unknown,
    )


def judge(question: str, audience: Audience, hits: Sequence[Hit], threshold: float) -> Evidence:
    """Decide whether the hits are evidence enough.

    Args:
        threshold: probability (0–1) below which nothing may be composed.
    """
    if not hits:
        return Evidence(question, audience, (), False, 0.0, "nothing was found")
    values = features(question, hits)
    logit = INTERCEPT + sum(w * v for w, v in zip(WEIGHTS, values, strict=True))
    confidence = 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))
    enough = confidence >= threshold
    reason = (
        f"probability {confidence:.2f} {'≥' if enough else '<'} {threshold:.2f}; similarity"
        f" {values[0]:.2f}, words covered {values[1]:.0%}"
    )
    return Evidence(question, audience, tuple(hits), enough, confidence, reason)
