"""Admission: places are given, waited for, refused, and always given back."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from copilot.app import Copilot
from copilot.server.admission import RETRY_AFTER, Admission, Busy
from tests.conftest import settings_for, wait_until
from tests.server.serving import ASK, Served, question, served
from tests.server.test_tolerance import is_in_shape
from tests.server.upstream import Upstream, upstream

PATH = "/v1/chat/completions"


# Places ------------------------------------------------------------------------------------------


def test_as_many_wait_as_may_wait() -> None:
    admission = Admission(workers=1, queue=1)
    first, second = admission.enter(), admission.enter()
    with pytest.raises(Busy):
        admission.enter()
    first.leave()
    third = admission.enter()
    with pytest.raises(Busy):
        admission.enter()
    second.leave()
    third.leave()


def test_a_place_waits_for_its_turn() -> None:
    admission = Admission(workers=1, queue=1)
    order: list[str] = []
    working, done = threading.Event(), threading.Event()

    def first() -> None:
        with admission.enter():
            working.set()
            done.wait(10)
            order.append("first")

    def second() -> None:
        working.wait(10)
        with admission.enter():
            order.append("second")

    threads = [threading.Thread(target=each) for each in (first, second)]
    for each in threads:
        each.start()
    assert working.wait(10)
    assert order == []
    done.set()
    for each in threads:
        each.join(10)
    assert order == ["first", "second"]


def test_leaving_twice_gives_back_one_place() -> None:
    admission = Admission(workers=1, queue=0)
    place = admission.enter()
    with place:
        pass
    place.leave()
    place.leave()
    one = admission.enter()
    with pytest.raises(Busy):
        admission.enter()
    one.leave()


def test_a_place_is_given_back_after_a_failure() -> None:
    admission = Admission(workers=1, queue=0)
    for _ in range(3):
        with pytest.raises(RuntimeError), admission.enter():
            raise RuntimeError
    with admission.enter():
        pass


# On the wire, with a language model that takes its time ------------------------------------------


@pytest.fixture
def slow() -> Iterator[Upstream]:
    with upstream() as made:
        yield made


@pytest.fixture
def busy(tmp_path: Path, sample_playbook: Path, slow: Upstream) -> Iterator[Served]:
    """A server with one place and no queue, whose model holds every call."""
    settings = settings_for(
        tmp_path,
        workers=1,
        queue=0,
        model="openai:test",
        model_base_url=slow.url,
        model_api_key="x",
        model_retries=0,
    )
    with Copilot(settings, doing="pytest") as copilot:
        copilot.index([sample_playbook])
        with served(copilot, ("bot", "operator")) as running:
            yield running


def streams(wire: socket.socket, server: Served, path: str, body: object) -> None:
    """Ask for a stream on a raw connection, and take its beginning."""
    content = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {server.keys['bot']}\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    wire.sendall(head.encode() + content)
    assert wire.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_whoever_finds_no_place_is_told_when_to_come_back(busy: Served, slow: Upstream) -> None:
    with ThreadPoolExecutor() as pool:
        first = pool.submit(busy.post, PATH, question(), "bot")
        wait_until(lambda: slow.calls > 0)
        for path, body in ((PATH, question()), ("/api/ask", {"q": ASK})):
            for stream in (False, True):
                refused = busy.post(path, {**body, "stream": stream}, "operator")
                assert refused.status_code == 429
                assert refused.headers["Retry-After"] == str(RETRY_AFTER)
                assert refused.json()["error"]["code"] == "too_many_requests"
                assert is_in_shape(refused.json())
        # Health, models and sign-in need no place.
        with busy.client("bot") as client:
            assert client.get("/healthz").status_code == 200
            assert client.get("/v1/models").status_code == 200
            assert client.get("/login").status_code == 200
        slow.go.set()
        done = first.result(30)
    # The model failed, the offline one answered; that is told.
    assert done.status_code == 200
    assert done.headers["X-Copilot-Degraded"] == "1"
    assert done.json()["degraded"]
    assert busy.post(PATH, question(), "bot").status_code == 200


@pytest.mark.parametrize(
    ("path", "body"), [(PATH, question(stream=True)), ("/api/ask", {"q": ASK, "stream": True})]
)
def test_a_client_that_goes_away_gives_its_place_back(
    busy: Served, slow: Upstream, path: str, body: object
) -> None:
    with socket.create_connection(("127.0.0.1", busy.port), timeout=20) as wire:
        if path == PATH:
            streams(wire, busy, path, body)
        else:
            # The native stream begins with the first thing that happens.
            content = json.dumps(body).encode()
            wire.sendall(
                f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                f"Authorization: Bearer {busy.keys['bot']}\r\n"
                f"Content-Length: {len(content)}\r\n\r\n".encode()
                + content
            )
        wait_until(lambda: slow.calls > 0)
        assert busy.post(PATH, question(), "bot").status_code == 429
    slow.go.set()
    wait_until(lambda: busy.post(PATH, question(), "bot").status_code == 200)


def test_many_callers_are_all_answered_or_turned_away(server: Served) -> None:
    """More than may wait, at once: nothing hangs, nothing fails, every place comes back."""

    def call(n: int) -> int:
        return server.post(PATH, question(f"第{n}次：{ASK}", stream=bool(n % 2)), "bot").status_code

    with ThreadPoolExecutor(40) as pool:
        statuses = list(pool.map(call, range(60)))
    assert set(statuses) <= {200, 429}
    assert statuses.count(200) >= 40
    assert server.post(PATH, question(), "bot").status_code == 200
