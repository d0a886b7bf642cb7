"""Ask, cold: `copilot ask` as a whole process."""

from __future__ import annotations

from evals import corpus
from evals.bench.process import command
from evals.bench.timing import Measure, show, timed

_QUESTION = "怎么让群里的人多说话？"


def measure() -> list[Measure]:
    """Seconds from starting the process to its end."""
    with corpus.home("documents") as (home, _):
        seconds = timed(lambda: command(home, "ask", _QUESTION), 5)
    return [Measure("copilot ask, cold", "s", seconds, limit=3.0)]


if __name__ == "__main__":
    show("Ask", measure())
