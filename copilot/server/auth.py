"""Who is calling: keys for programs, a password or a key for people at the console."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi.security import HTTPBearer
from starlette.requests import HTTPConnection

from copilot.agent.tools import Caller
from copilot.desk.keys import Key, Keys, Role
from copilot.errors import Forbidden, Unauthorized
from copilot.playbook.evidence import Audience

COOKIE = "copilot_session"

# Tells the API's description that a key goes into a Bearer header; `Auth.program` checks it.
BEARER = HTTPBearer(auto_error=False, description="A key made by `copilot keys create`.")

# Who may be answered as whom; the first is the role's own. The key's role decides, never the
# model's id.
AUDIENCES: dict[Role, tuple[Audience, ...]] = {
    "admin": ("operator", "trainee", "member"),
    "operator": ("operator", "trainee", "member"),
    "trainer": ("trainee", "member"),
    "bot": ("member",),
}

# Roles that may use the console.
STAFF: tuple[Role, ...] = ("admin", "operator", "trainer")

# How long a console session lasts, seconds, and how many are kept; the oldest goes first.
SESSION_SECONDS = 12 * 3600.0
_SESSIONS = 200

# Sign-ins from one address that may fail before it has to wait, and for how many seconds. The
# secrets have 72 bits and more: this keeps the records database from being hammered.
TRIES = 10
SHUT_SECONDS = 60.0

# Headers of a proxy. One on this machine makes strangers look like this machine.
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")

# The id of whoever signed in with the one-time password.
_PASSWORD = "password"


class TooManyTries(Exception):
    """Too many sign-ins from one address failed."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody or something that calls: the key's id and its role."""

    id: str
    role: Role

    def caller(self, wanted: Audience | None = None) -> Caller:
        """Whom to answer; an audience that the role may not take becomes the role's own."""
        allowed = AUDIENCES[self.role]
        return Caller(self.role, wanted if wanted in allowed else allowed[0])

    def thread(self, door: str, *names: str) -> str:
        """The id of one of this caller's own conversations.

        Two callers never share one, whatever they name it: the key's id is part of it.
        """
        id_ = json.dumps([door, self.id, *names])
        if len(id_) <= 300:
            return id_
        return json.dumps([door, self.id, hashlib.sha256(id_.encode()).hexdigest()])


@dataclass(frozen=True, slots=True)
class _Session:
    person: Person
    ends: float


class Auth:
    """Checks keys and keeps the console's sessions (in memory: a restart signs everybody out)."""

    def __init__(self, keys: Keys, clock: Callable[[], float], *, password: str = "") -> None:
        """Args:
        clock: seconds, monotonic.
        password: opens console and API as an operator for as long as there is no key; empty
            opens nothing.
        """
        self._keys = keys
        self._clock = clock
        self._password = password
        self._sessions: dict[str, _Session] = {}
        self._failed: dict[str, list[float]] = {}
        self._lock = threading.Lock()

    def program(self, connection: HTTPConnection) -> Person:
        """Who calls the API.

        While there is no key, callers on this machine count as bots, the least there is. The
        request must be made to this machine's own name and by no other site's page, or any web
        page could call through the browser.

        Raises:
            Unauthorized: no key, or one that is unknown or revoked.
        """
        scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
        secret = secret.strip() if scheme.lower() == "bearer" else ""
        if secret:
            # Looked up first: it is the one query that a call with a key costs.
            with suppress(Unauthorized):
                return _person(self._keys.check(secret))
        if self._keys.any():
            raise Unauthorized(
                "" if secret else "no key was sent.", remedy="Send `Authorization: Bearer KEY`."
            )
        if self._is_password(secret):
            return Person(_PASSWORD, "operator")
        if is_local(connection):
            return Person("local", "bot")
        raise Unauthorized(
            "there is no key yet, so programs on the same machine alone are served.",
            remedy="Make one with `copilot keys create`.",
        )

    def _is_password(self, secret: str) -> bool:
        return bool(self._password) and hmac.compare_digest(
            secret.encode("utf-8", "surrogatepass"), self._password.encode()
        )

    def sign_in(self, secret: str, address: str) -> str:
        """Start a console session; its token, for the cookie.

        Args:
            address: where the try comes from; each has its own count of failed ones.

        Raises:
            TooManyTries: too many failed lately.
            Unauthorized: wrong.
            Forbidden: a key whose role has no console.
        """
        now = self._clock()
        with self._lock:
            tries = self._failed.get(address, ())
            if sum(now - each < SHUT_SECONDS for each in tries) >= TRIES:
                raise TooManyTries
        try:
            person = self._who(secret.strip())
        except Unauthorized:
            with self._lock:
                # Only the last ones count, so no more are kept.
                self._failed[address] = [*self._failed.get(address, ()), now][-TRIES:]
                self._forget(now)
            raise
        if person.role not in STAFF:
            raise Forbidden(remedy="Use a key with the role operator, trainer or admin.")
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._sessions[token] = _Session(person, now + SESSION_SECONDS)
            self._forget(now)
        return token

    def _forget(self, now: float) -> None:
        """Drop what has run out, and the oldest of what is too much. The lock is held."""
        for token in [t for t, session in self._sessions.items() if session.ends <= now]:
            del self._sessions[token]
        while len(self._sessions) > _SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        for address in [a for a, at in self._failed.items() if now - at[-1] >= SHUT_SECONDS]:
            del self._failed[address]

    def _who(self, secret: str) -> Person:
        if self._is_password(secret) and not self._keys.any():
            return Person(_PASSWORD, "operator")
        return _person(self._keys.check(secret))

    def sign_out(self, token: str) -> None:
        """End a console session."""
        with self._lock:
            self._sessions.pop(token, None)

    def person(self, connection: HTTPConnection) -> Person | None:
        """Who is signed in at the console, if anybody.

        A session ends with its time, with its key, or, begun with the password, with the first key.
        """
        token = connection.cookies.get(COOKIE, "")
        session = self._sessions.get(token)
        if session is None:
            return None
        if session.ends > self._clock() and self._still(session.person):
            return session.person
        self.sign_out(token)
        return None

    def _still(self, person: Person) -> bool:
        if person.id == _PASSWORD:
            return not self._keys.any()
        return any(key.id == person.id and key.revoked is None for key in self._keys.list())


def _person(key: Key) -> Person:
    return Person(key.id, key.role)


def is_local(connection: HTTPConnection) -> bool:
    """Whether a request comes from this machine, to this machine, past no proxy and no other site.

    The host name is checked because a page anywhere may let its own name point here (DNS
    rebinding), the origin because a page may post here without reading the answer.
    """
    client = connection.client.host if connection.client else ""
    if not is_loopback(client) or not is_loopback(_host_name(connection)):
        return False
    if any(name in connection.headers for name in _FORWARDED):
        return False
    return is_same_origin(connection)


def is_same_origin(connection: HTTPConnection) -> bool:
    """Whether a request was made by a page of this server, or by no page at all."""
    if connection.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return False
    origin = connection.headers.get("origin")
    return origin is None or origin.partition("://")[2] == connection.headers.get("host", "")


def _host_name(connection: HTTPConnection) -> str:
    """The name in the Host header; Starlette's own falls back to the server's address."""
    try:
        return urlsplit(f"//{connection.headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
