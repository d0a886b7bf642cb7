"""Search, warm: one question against the indexed documents, gate included."""

from __future__ import annotations

from collections.abc import Iterator

from evals import corpus, questions
from evals.bench.timing import Measure, show, timed


def measure() -> list[Measure]:
    """Milliseconds for a search and for evidence (search and gate), over the dev questions."""
    asked = [question.q for question in questions.load("dev")]
    with corpus.opened("documents") as opened:
        copilot = opened.copilot
        copilot.search(asked[0], "operator")

        def each() -> Iterator[str]:
            while True:
                yield from asked

        turn = each()
        search = timed(lambda: copilot.search(next(turn), "operator"), len(asked))
        evidence = timed(lambda: copilot.evidence(next(turn), "operator"), len(asked))
    return [
        Measure("search, warm", "ms", tuple(1000 * s for s in search)),
        Measure("search and gate, warm", "ms", tuple(1000 * s for s in evidence)),
    ]


if __name__ == "__main__":
    show("Search", measure())
