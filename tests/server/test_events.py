"""Server-sent events: one thread, no waiting for slow readers, closed when the reader goes."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Generator

from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from copilot.server.admission import Admission, Busy
from copilot.server.events import EventStream, data
from tests.conftest import wait_until
from tests.server.serving import running, unchunked


@given(st.dictionaries(st.text(), st.text()))
def test_an_event_is_one_data_line_whatever_it_holds(thing: dict[str, str]) -> None:
    event = data(thing)
    assert event.startswith("data: {")
    assert event.endswith("}\n\n")
    assert event.count("\n") == 2
    assert "\r" not in event


def fetch(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as wire:
        wire.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = b""
        while part := wire.recv(65536):
            received += part
    return received


def app(events: Generator[str, None, None], admission: Admission) -> Starlette:
    def answer(request: Request) -> Response:
        return EventStream(events, admission.enter())

    return Starlette(routes=[Route("/", answer)])


def test_a_generator_runs_in_one_thread_from_end_to_end() -> None:
    threads: set[int] = set()

    def events() -> Generator[str, None, None]:
        for n in range(5):
            threads.add(threading.get_ident())
            yield data({"n": n})

    admission = Admission(1, 0)
    with running(app(events(), admission)) as port:
        body = unchunked(fetch(port))
    assert body.count(b"data: ") == 5
    assert len(threads) == 1
    admission.enter().leave()


def test_each_event_is_sent_when_it_happens() -> None:
    go = threading.Event()

    def events() -> Generator[str, None, None]:
        yield data({"n": 1})
        go.wait(20)
        yield data({"n": 2})

    with (
        running(app(events(), Admission(1, 0))) as port,
        socket.create_connection(("127.0.0.1", port), timeout=20) as wire,
    ):
        wire.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = b""
        while b'{"n": 1}' not in received:
            received += wire.recv(4096)
        assert b'{"n": 2}' not in received
        go.set()
        while part := wire.recv(4096):
            received += part
        assert b'{"n": 2}' in received


def test_a_reader_that_stalls_keeps_no_place() -> None:
    admission = Admission(1, 0)
    ended = threading.Event()

    def events() -> Generator[str, None, None]:
        try:
            for _ in range(200):
                yield data({"text": "x" * 100_000})
        finally:
            ended.set()

    with (
        running(app(events(), admission)) as port,
        socket.create_connection(("127.0.0.1", port), timeout=20) as wire,
    ):
        wire.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert ended.wait(20), "the generator waits for the reader"


def test_a_reader_that_goes_ends_the_generator_and_frees_its_place() -> None:
    admission = Admission(1, 0)
    ended = threading.Event()
    made = 0

    def events() -> Generator[str, None, None]:
        nonlocal made
        try:
            while True:
                made += 1
                yield data({"n": made})
                time.sleep(0.01)
        finally:
            ended.set()

    with running(app(events(), admission)) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as wire:
            wire.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert wire.recv(1000)
        assert ended.wait(20)

        def free() -> bool:
            try:
                admission.enter().leave()
            except Busy:
                return False
            return True

        wait_until(free)
