"""Serve: answers over the API, native and OpenAI dialect, from one client and from eight."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import httpx

from evals import questions
from evals.bench.process import Server, served
from evals.bench.timing import Measure, show

_CALLS = 160
_CLIENTS = (1, 8)

# A warm answer over the API on two cores (issue "Foundation", "Must hold").
_LIMIT_MS = 60.0


def measure() -> list[Measure]:
    """Milliseconds of a call, dev questions in turn, after the first few."""
    with served() as server:
        return [Measure("start until ready", "s", (server.started,)), *calls(server)]


def calls(server: Server) -> list[Measure]:
    """Both dialects, with each number of clients."""
    asked = [question.q for question in questions.load("dev")]
    found = []
    for path in ("/api/ask", "/v1/chat/completions"):
        _batch(server, path, asked[:10], clients=1)
        for clients in _CLIENTS:
            values = _batch(server, path, list(islice(asked, _CALLS)), clients=clients)
            limit = _LIMIT_MS if clients == 1 else 0.0
            name = f"POST {path}, {clients} client{'s' if clients > 1 else ''}"
            found.append(Measure(name, "ms", values, limit=limit, on="p95"))
    return found


def _batch(server: Server, path: str, asked: list[str], *, clients: int) -> tuple[float, ...]:
    """Milliseconds of each call, the questions shared out among the clients."""

    def client(mine: list[str]) -> list[float]:
        headers = {"Authorization": f"Bearer {server.key}"}
        with httpx.Client(
            base_url=server.url, headers=headers, timeout=30, trust_env=False
        ) as session:
            return [_call(session, path, question) for question in mine]

    with ThreadPoolExecutor(clients) as pool:
        shares = pool.map(client, [asked[i::clients] for i in range(clients)])
        return tuple(value for share in shares for value in share)


def _call(session: httpx.Client, path: str, question: str) -> float:
    if path == "/api/ask":
        body: dict[str, object] = {"q": question}
    else:
        body = {"model": "community-ops", "messages": [{"role": "user", "content": question}]}
    started = time.perf_counter()
    session.post(path, json=body).raise_for_status()
    return 1000 * (time.perf_counter() - started)


if __name__ == "__main__":
    show("Serve", measure())
