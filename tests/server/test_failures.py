"""Failures: each status in the dialect's shape, and polite texts where members read along."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from copilot.app import Copilot
from tests.conftest import settings_for
from tests.server.conftest import ROLES
from tests.server.serving import ASK, Served, question, served, unchunked
from tests.server.test_openai import chunks
from tests.server.test_tolerance import is_in_shape

PATH = "/v1/chat/completions"


def refused(reply: httpx.Response, status: int, code: str) -> None:
    assert reply.status_code == status
    assert is_in_shape(reply.json()), reply.text
    assert reply.json()["error"]["code"] == code


# The shapes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v1/models", "/models", "/api/gaps"])
def test_a_missing_or_wrong_key_is_401(server: Served, path: str) -> None:
    with server.client() as client:
        for headers in (
            {},
            {"Authorization": "Bearer cop-wrong"},
            {"Authorization": f"Basic {server.keys['bot']}"},
            {"Authorization": server.keys["bot"]},
            {"Authorization": "Bearer"},
        ):
            reply = client.get(path, headers=headers)
            refused(reply, 401, "unauthorized")
            assert reply.headers["www-authenticate"] == "Bearer"
            assert server.keys["bot"] not in reply.text


def test_the_key_is_asked_for_before_the_body_is_read(server: Served) -> None:
    for path in (PATH, "/chat/completions", "/api/ask"):
        with server.client() as client:
            refused(client.post(path, content=b"{"), 401, "unauthorized")


def test_a_revoked_key_is_401_at_once(server: Served) -> None:
    key, secret = server.copilot.keys.create("bot", "to be revoked")
    with server.client() as client:
        headers = {"Authorization": f"Bearer {secret}"}
        assert client.get("/v1/models", headers=headers).status_code == 200
        server.copilot.keys.revoke(key.id)
        refused(client.get("/v1/models", headers=headers), 401, "unauthorized")


def test_what_a_role_may_not_do_is_403(server: Served) -> None:
    refused(server.post("/api/ask", {"q": ASK, "as": "operator"}, "bot"), 403, "forbidden")
    refused(server.post("/api/ask", {"q": ASK, "as": "operator"}, "trainer"), 403, "forbidden")
    with server.client("bot") as client:
        refused(client.get("/api/gaps"), 403, "forbidden")


@pytest.mark.parametrize("path", ["/v1/nothing", "/api", "/v1/files/upload", "/console.php"])
def test_an_unknown_path_is_404(server: Served, path: str) -> None:
    with server.client("bot") as client:
        for method in ("GET", "POST", "DELETE"):
            refused(client.request(method, path), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", PATH), ("DELETE", "/v1/models"), ("GET", "/api/ask"), ("POST", "/healthz")],
)
def test_a_wrong_method_is_405_and_says_which_is_right(
    server: Served, method: str, path: str
) -> None:
    with server.client("bot") as client:
        reply = client.request(method, path)
    refused(reply, 405, "method_not_allowed")
    assert reply.headers["allow"]


def test_invalid_parameters_are_400_and_named(server: Served) -> None:
    for body, param in (
        ({}, "q"),
        ({"q": ""}, "q"),
        ({"q": "  \u200b "}, None),
        ({"q": "长" * 4001}, "q"),
        ({"q": ASK, "as": "king"}, "as"),
        ({"q": ASK, "nonsense": 1}, "nonsense"),
        ({"q": ASK, "thread": "x" * 201}, "thread"),
    ):
        reply = server.post("/api/ask", body, "operator")
        refused(reply, 400, "invalid_param")
        assert reply.json()["error"]["param"] == param
    with server.client("operator") as client:
        refused(client.post("/api/ask", content=b"{"), 400, "invalid_param")
        refused(client.get("/api/gaps", params={"limit": 0}), 400, "invalid_param")


def test_nothing_ever_looks_like_fastapi(server: Served) -> None:
    with server.client("bot") as client:
        for method, path in (
            ("GET", "/nothing"),
            ("PUT", PATH),
            ("POST", PATH),
            ("POST", "/api/ask"),
            ("GET", "/api/gaps?limit=x"),
            ("POST", "/api/answers/x/rating"),
            ("POST", "/login"),
        ):
            assert '"detail"' not in client.request(method, path).text


# Bodies that are too large -----------------------------------------------------------------------


def test_a_declared_length_over_the_limit_is_413(server: Served) -> None:
    reply = server.raw(
        f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n".encode() + b"x" * 9,
        seconds=10,
    )
    assert reply.startswith(b"HTTP/1.1 413 ")
    assert b"request_too_large" in reply


def test_a_body_without_length_is_counted_as_it_comes(server: Served) -> None:
    """Streamed in chunks that never end: refused once the limit is passed, not at the end."""
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    head += f"Authorization: Bearer {server.keys['bot']}\r\n\r\n"
    part = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    sent = 0
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as wire:
        wire.sendall(head.encode())
        for _ in range(17):
            wire.sendall(part)
            sent += 0x10000
        received = wire.recv(65536)
    assert received.startswith(b"HTTP/1.1 413 ")
    assert b"request_too_large" in received
    assert sent < 2 * 1024 * 1024


def test_a_large_body_below_the_limit_is_taken(server: Served) -> None:
    body = question()
    body["padding"] = "x" * 900_000
    assert server.post(PATH, body, "bot").status_code == 200


# Failures nobody expected ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory, sample_playbook: Path) -> Iterator[Served]:
    """A server whose journal has been lost under it: answers cannot be concluded."""
    with Copilot(settings_for(tmp_path_factory.mktemp("broken")), doing="pytest") as copilot:
        copilot.index([sample_playbook])
        with served(copilot, ROLES) as running:
            with closing(sqlite3.connect(copilot.settings.home / "records.db")) as records:
                records.execute("DROP TABLE desk_journal")
                records.commit()
            yield running


@pytest.mark.parametrize("role", ["admin", "operator", "trainer"])
@pytest.mark.parametrize(("path", "body"), [(PATH, question()), ("/api/ask", {"q": ASK})])
def test_staff_get_the_proper_code(broken: Served, role: str, path: str, body: object) -> None:
    reply = broken.post(path, body, role)
    refused(reply, 500, "internal_error")
    assert "desk_journal" not in reply.text
    assert "Traceback" not in reply.text


def test_a_bot_gets_a_polite_answer(broken: Served) -> None:
    reply = broken.post(PATH, question(), "bot")
    assert reply.status_code == 200
    assert reply.headers["X-Copilot-Degraded"] == "1"
    body = reply.json()
    assert "请稍后再试" in body["choices"][0]["message"]["content"]
    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["usage"]["completion_tokens"] >= 1
    assert body["handoff"]
    native = broken.post("/api/ask", {"q": ASK}, "bot")
    assert native.status_code == 200
    assert native.headers["X-Copilot-Degraded"] == "1"
    assert native.json()["handoff"]
    assert native.json()["id"] == ""


@pytest.mark.parametrize("role", ["bot", "operator"])
def test_a_stream_that_breaks_ends_in_words(broken: Served, role: str) -> None:
    """An error event is shown raw by one bot and swallowed by the next."""
    body = unchunked(broken.chat(question(stream=True), role))
    found = chunks(body)
    said = "".join(each["choices"][0]["delta"].get("content", "") for each in found)
    assert "请稍后再试" in said
    assert found[-1]["choices"][0]["finish_reason"] == "stop"
    assert b'"error"' not in body


def test_a_native_stream_that_breaks_ends_in_an_answer(broken: Served) -> None:
    reply = broken.post("/api/ask", {"q": ASK, "stream": True}, "operator")
    last = reply.text.strip().rsplit("\n\n", 1)[-1]
    assert '"answer"' in last
    assert "请稍后再试" in last


def test_the_server_goes_on_after_a_failure(broken: Served) -> None:
    for _ in range(3):
        broken.post(PATH, question(), "operator")
    with broken.client("operator") as client:
        assert client.get("/v1/models").status_code == 200
        assert client.get("/healthz").json() == {"status": "ok"}
