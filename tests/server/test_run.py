"""`copilot serve` as a process: what it prints, what it refuses, how it ends."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from copilot.app import Copilot, lock_home
from copilot.errors import SettingsError
from copilot.server import run
from copilot.settings import environment
from tests.conftest import settings_for
from tests.server.serving import ASK, FOUND
from tests.server.upstream import upstream

COPILOT = [sys.executable, "-c", "from copilot.cli.main import main; main()"]


class Process:
    """A server that runs; ``told`` is what it printed until it was up."""

    def __init__(self, process: subprocess.Popen[str], told: str, url: str) -> None:
        self.process = process
        self.told = told
        self.url = url

    def end(self, number: int = signal.SIGTERM) -> tuple[int, float, str]:
        """Signal it; its exit status, the seconds it took, and what it printed more."""
        started = time.monotonic()
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=30)
        return self.process.returncode, time.monotonic() - started, rest


@contextmanager
def serving(home: Path, **env: str) -> Iterator[Process]:
    """Start `copilot serve` and wait until it answers."""
    given = environment() | {"COPILOT_HOME": str(home), "PYTHONUNBUFFERED": "1"} | env
    process = subprocess.Popen(
        [*COPILOT, "serve", "--port", "0"],
        env=given,
        cwd=home,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout is not None
    told = ""
    try:
        while "Application startup complete" not in told:
            line = process.stdout.readline()
            assert line, f"it ended: {told}"
            told += line
        found = re.search(r"API +(http://\S+?)/v1", told)
        assert found, told
        yield Process(process, told, found.group(1))
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, sample_playbook: Path) -> Path:
    """A home with the sample playbook and no key."""
    folder = tmp_path_factory.mktemp("serve")
    with Copilot(settings_for(folder), doing="pytest") as copilot:
        copilot.index([sample_playbook])
    return folder


def test_it_serves_greets_and_ends_in_good_order(home: Path) -> None:
    with serving(home) as server, httpx.Client(base_url=server.url, timeout=30) as client:
        assert f"Console  {server.url}/console" in server.told
        assert re.search(r"Playbook \d+ passages indexed", server.told)
        assert "Warning" not in server.told
        [password] = re.findall(r"One-time operator password: (\S+)", server.told)
        assert FOUND in client.post("/api/ask", json={"q": ASK}).json()["text"]
        assert client.post("/login", data={"secret": password}).status_code == 303
        assert "社群运营助手" in client.get("/console/").text
        # Serving has imported neither torch nor anything else of training.
        mapped = Path(f"/proc/{server.process.pid}/maps").read_text()
        assert "numpy" in mapped
        assert "torch" not in mapped
        assert "sklearn" not in mapped
        second = subprocess.run(
            [*COPILOT, "serve", "--port", "0"],
            env=environment() | {"COPILOT_HOME": str(home)},
            cwd=home,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert second.returncode == 1
        assert f"`copilot serve at {server.url}`" in second.stderr
        assert "Traceback" not in second.stderr
        # An open console page holds a connection for as long as it is open.
        with client.stream("GET", "/console/gradio_api/heartbeat/abc") as page:
            assert page.status_code == 200
            code, seconds, rest = server.end()
    assert code == 0, rest
    assert seconds < 10
    assert password not in rest
    assert "Traceback" not in rest, rest
    lock_home(home, "pytest").release()


def test_sigterm_does_not_wait_for_a_slow_model(home: Path) -> None:
    """An answer under way is given time to end, but the process ends within ten seconds."""
    with (
        upstream() as slow,
        serving(
            home,
            COPILOT_MODEL="openai:test",
            COPILOT_MODEL_BASE_URL=slow.url,
            COPILOT_MODEL_API_KEY="x",
        ) as server,
    ):
        told: list[int] = []

        def ask() -> None:
            try:
                reply = httpx.post(f"{server.url}/api/ask", json={"q": ASK}, timeout=60)
                told.append(reply.status_code)
            except httpx.HTTPError:
                told.append(0)

        asking = threading.Thread(target=ask)
        asking.start()
        while not slow.calls:
            time.sleep(0.02)
        code, seconds, rest = server.end()
        asking.join(20)
    assert code == 0, rest
    assert seconds < 10
    assert told in ([0], [500]), "the caller is not left waiting"
    lock_home(home, "pytest").release()


def test_ctrl_c_ends_it_quietly(home: Path) -> None:
    with serving(home) as server:
        code, seconds, rest = server.end(signal.SIGINT)
    assert code == 0, rest
    assert seconds < 10
    assert "Traceback" not in rest


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_other_machines_are_not_served_without_a_key(tmp_path: Path, host: str) -> None:
    settings = settings_for(tmp_path / "home", host=host, port=0)
    with pytest.raises(SettingsError, match="without a key") as refused:
        run.serve(settings)
    assert "copilot keys create" in refused.value.remedy
    lock_home(settings.home, "pytest").release()


def test_an_address_in_use_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"port {port}") as refused:
            run.listen("127.0.0.1", port)
    assert "--port" in refused.value.remedy


def test_a_host_that_does_not_exist_is_told() -> None:
    with pytest.raises(SettingsError, match="cannot listen"):
        run.listen("203.0.113.1", 0)


def test_addresses_are_written_as_urls() -> None:
    assert run.address("127.0.0.1", 80) == "http://127.0.0.1:80"
    assert run.address("::1", 80) == "http://[::1]:80"
