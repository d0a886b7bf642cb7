"""Who may call: keys, this machine without keys, the one-time password, sessions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.requests import HTTPConnection

from copilot.desk.keys import Keys
from copilot.errors import Forbidden, Unauthorized
from copilot.server.auth import (
    AUDIENCES,
    COOKIE,
    SESSION_SECONDS,
    SHUT_SECONDS,
    TRIES,
    Auth,
    Person,
    TooManyTries,
    is_same_origin,
)
from copilot.store import connect
from tests.conftest import SECRET
from tests.server.serving import ASK, PASSWORD, Served, question

PATH = "/v1/chat/completions"
HOME = "192.168.1.7"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[Keys]:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    store = connect(f"sqlite:///{tmp_path / 'records.db'}", backups=tmp_path, now=now)
    yield Keys(store, lambda: now)
    store.close()


@pytest.fixture
def auth(keys: Keys, clock: Clock) -> Auth:
    return Auth(keys, clock, password=PASSWORD)


def connection(
    headers: dict[str, str] | None = None, client: str = "127.0.0.1", host: str = "127.0.0.1:8000"
) -> HTTPConnection:
    given = {"host": host} | {name.lower(): value for name, value in (headers or {}).items()}
    raw = [(name.encode(), value.encode()) for name, value in given.items()]
    return HTTPConnection(
        {
            "type": "http",
            "scheme": "http",
            "path": "/",
            "query_string": b"",
            "headers": raw,
            "client": (client, 1234),
            "server": ("127.0.0.1", 8000),
        }
    )


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def cookie(token: str) -> dict[str, str]:
    return {"Cookie": f"{COOKIE}={token}"}


# Without any key ---------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "localhost", "[::1]:8000"])
def test_this_machine_is_a_bot_without_a_key(auth: Auth, host: str) -> None:
    assert auth.program(connection(host=host)) == Person("local", "bot")
    # Many clients insist on sending some key.
    assert auth.program(connection(bearer("sk-anything"), host=host)) == Person("local", "bot")


@pytest.mark.parametrize(
    ("headers", "client", "host"),
    [
        ({}, HOME, "127.0.0.1:8000"),
        ({}, "127.0.0.1", "evil.example"),
        ({}, "127.0.0.1", "127.0.0.1.evil.example:8000"),
        ({}, "127.0.0.1", "localhost.evil.example"),
        ({}, "127.0.0.1", "[bad"),
        ({}, "127.0.0.1", ""),
        ({"X-Forwarded-For": "8.8.8.8"}, "127.0.0.1", "127.0.0.1:8000"),
        ({"Forwarded": "for=8.8.8.8"}, "127.0.0.1", "localhost"),
        ({"Origin": "https://evil.example"}, "127.0.0.1", "127.0.0.1:8000"),
        ({"Origin": "http://localhost:3000"}, "127.0.0.1", "localhost:8000"),
        ({"Origin": "null"}, "127.0.0.1", "localhost:8000"),
        ({"Sec-Fetch-Site": "cross-site"}, "127.0.0.1", "localhost:8000"),
        ({"Sec-Fetch-Site": "same-site"}, "127.0.0.1", "localhost:8000"),
    ],
)
def test_strangers_and_web_pages_are_refused_without_a_key(
    auth: Auth, headers: dict[str, str], client: str, host: str
) -> None:
    """DNS rebinding, proxies on this machine, and pages of other sites all look like this machine."""
    with pytest.raises(Unauthorized):
        auth.program(connection(headers, client, host))


def test_rebinding_is_refused_on_the_wire(keyless: Served) -> None:
    with keyless.client() as client:
        assert client.get("/v1/models").status_code == 200
        for host in ("evil.example", f"evil.example:{keyless.port}"):
            assert client.get("/v1/models", headers={"Host": host}).status_code == 401
            asked = client.post(PATH, json=question(), headers={"Host": host})
            assert asked.status_code == 401
            assert asked.json()["error"]["code"] == "unauthorized"


def test_without_a_key_everybody_is_a_member(keyless: Served) -> None:
    text = "退款由谁审批，内部口令是什么？"
    for model in ("community-qa", "community-ops"):
        assert SECRET not in keyless.post(PATH, question(text, model=model)).text
    assert keyless.post("/api/ask", {"q": ASK, "as": "operator"}).status_code == 403
    with keyless.client() as client:
        assert client.get("/api/gaps").status_code == 403


# The one-time password ---------------------------------------------------------------------------


def test_the_password_is_an_operator_until_there_is_a_key(auth: Auth, keys: Keys) -> None:
    assert auth.program(connection(bearer(PASSWORD))) == Person("password", "operator")
    assert auth.program(connection(bearer(PASSWORD), HOME)) == Person("password", "operator")
    token = auth.sign_in(PASSWORD, HOME)
    assert auth.person(connection(cookie(token))) == Person("password", "operator")
    key, secret = keys.create("bot", "the first")
    with pytest.raises(Unauthorized):
        auth.program(connection(bearer(PASSWORD)))
    with pytest.raises(Unauthorized):
        auth.sign_in(PASSWORD, HOME)
    assert auth.person(connection(cookie(token))) is None
    # Now this machine needs a key as well.
    with pytest.raises(Unauthorized):
        auth.program(connection())
    assert auth.program(connection(bearer(secret))) == Person(key.id, "bot")


def test_no_password_opens_nothing(keys: Keys, clock: Clock) -> None:
    auth = Auth(keys, clock)
    for secret in ("", " ", "\ud800"):
        with pytest.raises(Unauthorized):
            auth.sign_in(secret, HOME)
    with pytest.raises(Unauthorized):
        auth.program(connection(bearer(""), HOME))


def test_the_password_works_as_a_key_on_the_wire(keyless: Served) -> None:
    with keyless.client() as client:
        reply = client.post(
            "/api/ask",
            json={"q": "退款由谁审批，内部口令是什么？"},
            headers=bearer(PASSWORD),
        )
    assert SECRET in reply.json()["text"]


# Sessions ----------------------------------------------------------------------------------------


def test_a_session_ends_with_its_key(auth: Auth, keys: Keys) -> None:
    key, secret = keys.create("operator", "console")
    token = auth.sign_in(f" {secret}\n", HOME)
    assert auth.person(connection(cookie(token))) == Person(key.id, "operator")
    keys.revoke(key.id)
    assert auth.person(connection(cookie(token))) is None


def test_a_session_ends_with_its_time(auth: Auth, clock: Clock) -> None:
    token = auth.sign_in(PASSWORD, HOME)
    clock.now += SESSION_SECONDS - 1
    assert auth.person(connection(cookie(token))) is not None
    clock.now += 1
    assert auth.person(connection(cookie(token))) is None


def test_signing_out_ends_one_session_alone(auth: Auth) -> None:
    one, two = auth.sign_in(PASSWORD, HOME), auth.sign_in(PASSWORD, HOME)
    assert one != two
    auth.sign_out(one)
    assert auth.person(connection(cookie(one))) is None
    assert auth.person(connection(cookie(two))) is not None
    assert auth.person(connection()) is None


def test_a_bot_key_does_not_open_the_console(auth: Auth, keys: Keys) -> None:
    _, secret = keys.create("bot", "a bot")
    with pytest.raises(Forbidden):
        auth.sign_in(secret, HOME)


def test_failed_sign_ins_shut_the_door_for_their_address_alone(auth: Auth, clock: Clock) -> None:
    for _ in range(TRIES):
        with pytest.raises(Unauthorized):
            auth.sign_in("wrong", HOME)
    with pytest.raises(TooManyTries):
        auth.sign_in(PASSWORD, HOME)
    assert auth.sign_in(PASSWORD, "192.168.1.8")
    clock.now += SHUT_SECONDS
    assert auth.sign_in(PASSWORD, HOME)


def test_only_the_latest_sessions_are_kept(auth: Auth) -> None:
    first = auth.sign_in(PASSWORD, HOME)
    others = [auth.sign_in(PASSWORD, HOME) for _ in range(200)]
    assert auth.person(connection(cookie(first))) is None
    assert auth.person(connection(cookie(others[0]))) is not None


# Roles -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", AUDIENCES)
def test_the_role_decides_whom_one_may_be_answered_as(role: str) -> None:
    person = Person("k", role)  # type: ignore[arg-type]
    for wanted in ("member", "operator", "trainee", None):
        got = person.caller(wanted)  # type: ignore[arg-type]
        assert got.role == role
        assert got.audience in AUDIENCES[role]  # type: ignore[index]
        assert got.audience == (wanted if wanted in AUDIENCES[role] else AUDIENCES[role][0])  # type: ignore[index]
    assert AUDIENCES["bot"] == ("member",)


def test_conversations_of_two_callers_never_meet() -> None:
    a, b = Person("a", "bot"), Person("b", "bot")
    assert a.thread("api", "x") != b.thread("api", "x")
    assert a.thread("api", "x") != a.thread("openai", "x")
    assert a.thread("api", "x", "y") != a.thread("api", 'x", "y')
    long = "x" * 1000
    assert len(a.thread("api", long)) < 300
    assert a.thread("api", long) != b.thread("api", long)
    assert a.thread("api", long) != a.thread("api", long + "x")


def test_a_request_of_no_page_has_the_same_origin() -> None:
    assert is_same_origin(connection())
    assert is_same_origin(connection({"Origin": "http://127.0.0.1:8000"}))
    # Behind a proxy that ends TLS the scheme differs.
    assert is_same_origin(connection({"Origin": "https://127.0.0.1:8000"}))
    assert not is_same_origin(connection({"Origin": "http://127.0.0.1:9000"}))
