"""Processes: the copilot's commands and its server, started as a user starts them."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from copilot.settings import environment
from evals import corpus

# A server that is not ready by then never will be (the console's imports take about 5 s).
_READY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: where it is, a key of an operator, its process."""

    url: str
    key: str
    pid: int
    started: float


def command(home: Path, *arguments: str) -> str:
    """Run `copilot …` on a home as a process of its own; what it printed.

    Raises:
        RuntimeError: it failed; the message is what it said.
    """
    done = subprocess.run(
        [_script(), *arguments],
        env=_environment(home),
        cwd=home,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )
    if done.returncode:
        raise RuntimeError(f"copilot {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


@contextmanager
def served() -> Iterator[Server]:
    """`copilot serve` on a free port, over the indexed documents; ready when entered.

    Raises:
        RuntimeError: it ended or was not ready in time; the message is its log.
    """
    with corpus.home("documents") as (home, _), tempfile.TemporaryFile() as log:
        key = json.loads(command(home, "keys", "create", "--role", "operator", "--json"))["key"]
        port = _free_port()
        began = time.perf_counter()
        process = subprocess.Popen(
            [_script(), "serve", "--port", str(port)],
            env=_environment(home),
            cwd=home,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            while not _ready(url):
                if process.poll() is not None or time.perf_counter() - began > _READY_SECONDS:
                    log.seek(0)
                    raise RuntimeError(f"no server: {log.read().decode('utf-8', 'replace')}")
                time.sleep(0.05)
            yield Server(url, key, process.pid, time.perf_counter() - began)
        finally:
            process.terminate()
            process.wait(timeout=20)


def resident(pid: int) -> float:
    """Resident memory of a process and its children, MB."""
    process = psutil.Process(pid)
    family = [process, *process.children(recursive=True)]
    return sum(each.memory_info().rss for each in family) / 1e6


def maps(pid: int) -> str | None:
    """The files a process has mapped (Linux); nothing where the system does not tell."""
    path = Path(f"/proc/{pid}/maps")
    return path.read_text("utf-8", "replace") if path.exists() else None


def _script() -> str:
    return str(Path(sys.executable).with_name("copilot"))


def _environment(home: Path) -> dict[str, str]:
    """The environment with this home and no model: what is measured is the copilot alone."""
    kept = {
        name: value
        for name, value in environment().items()
        if not name.startswith("COPILOT_") or name == "COPILOT_EMBEDDER"
    }
    return kept | {"COPILOT_HOME": str(home)}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
