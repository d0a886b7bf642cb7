"""Start: `copilot --help`, and `copilot index` of both documents into an empty home."""

from __future__ import annotations

import tempfile
from pathlib import Path

from evals import corpus
from evals.bench.process import command
from evals.bench.timing import Measure, show, timed


def measure() -> list[Measure]:
    """Seconds of whole processes."""
    name, _ = corpus.chosen("documents")
    paths = [str(path) for path in corpus.paths(name)]

    def index() -> None:
        with tempfile.TemporaryDirectory(prefix="copilot-bench-") as home:
            command(Path(home), "index", *paths)

    with tempfile.TemporaryDirectory(prefix="copilot-bench-") as home:
        help_ = timed(lambda: command(Path(home), "--help"), 7)
    return [
        Measure("copilot --help", "s", help_, limit=0.5),
        Measure(f"copilot index ({name})", "s", timed(index, 3), limit=10.0),
    ]


if __name__ == "__main__":
    show("Start", measure())
