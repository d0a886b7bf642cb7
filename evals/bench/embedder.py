"""Embedder: how fast the shipped one serves, how long it loads, what it holds in memory."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from itertools import cycle, islice
from pathlib import Path

from copilot.models import embedder, pairs
from evals.bench.timing import Measure, show, timed

_KNOWLEDGE = Path(__file__).parents[2] / "knowledge" / "playbook"
_BATCH = 1000
# Issue 3: at least 8 000 passages a second.
_BATCH_LIMIT_MS = 1000 * _BATCH / 8000

_FRESH = """
import json, time
import psutil
before = psutil.Process().memory_info().rss
began = time.perf_counter()
from copilot.models import embedder
embedder.load().encode(["群规"])
seconds = time.perf_counter() - began
print(json.dumps([seconds, (psutil.Process().memory_info().rss - before) / 2**20]))
"""


def measure() -> list[Measure]:
    """Throughput, latency of one question, and, in fresh processes, load time and memory."""
    model = embedder.load()
    topics = pairs.read_knowledge(_KNOWLEDGE)
    passages = list(islice(cycle(text for topic in topics for text in topic.passages), _BATCH))
    asks = [ask for topic in topics for ask in topic.asks]
    length = sum(map(len, passages)) // len(passages)
    model.encode(passages)
    batches = timed(lambda: model.encode(passages), 10)
    singles = [timed(partial(model.encode, [ask]), 1)[0] for ask in asks]
    fresh = [_fresh() for _ in range(5)]
    return [
        Measure(
            f"{_BATCH} passages of {length} characters",
            "ms",
            tuple(seconds * 1000 for seconds in batches),
            limit=_BATCH_LIMIT_MS,
        ),
        Measure("throughput", "texts/s", tuple(_BATCH / seconds for seconds in batches)),
        Measure("one question", "ms", tuple(seconds * 1000 for seconds in singles)),
        Measure("import, load, first vector", "s", tuple(seconds for seconds, _ in fresh)),
        Measure("memory added", "MB", tuple(megabytes for _, megabytes in fresh)),
    ]


def _fresh() -> tuple[float, float]:
    done = subprocess.run(
        [sys.executable, "-c", _FRESH], capture_output=True, text=True, check=True
    )
    seconds, megabytes = json.loads(done.stdout)
    return seconds, megabytes


if __name__ == "__main__":
    show("Embedder", measure())
