"""Memory: what an idle server holds, before and after answering, and that torch is not in it."""

from __future__ import annotations

import time

from evals.bench.process import Server, maps, resident, served
from evals.bench.serve import calls
from evals.bench.timing import Measure, show

_LIMIT_MB = 700.0


def measure() -> list[Measure]:
    """Resident memory in MB."""
    with served() as server:
        return idle(server)


def idle(server: Server) -> list[Measure]:
    """Memory when ready, and again when a few hundred questions have been answered.

    Raises:
        RuntimeError: the server has loaded torch.
    """
    time.sleep(1)
    ready = resident(server.pid)
    calls(server)
    time.sleep(1)
    used = resident(server.pid)
    mapped = maps(server.pid)
    if mapped is not None and "libtorch" in mapped:
        raise RuntimeError("the server has loaded torch")
    told = "" if mapped is None else ", no torch"
    return [
        Measure("resident, ready", "MB", (ready,), limit=_LIMIT_MB),
        Measure(f"resident, idle after answering{told}", "MB", (used,), limit=_LIMIT_MB),
    ]


if __name__ == "__main__":
    show("Memory", measure())
