"""Who is calling: keys for programs, a password or key for people at the console."""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address

from starlette.requests import HTTPConnection

from copilot.agent.tools import Caller
from copilot.desk.keys import Key, Keys, Role
from copilot.errors import Forbidden, Unauthorized
from copilot.playbook.evidence import Audience

COOKIE = "copilot_session"

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

# Sign-ins that fail before the door stays shut for a while, and for how many seconds.
_TRIES = 10
_SHUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody or something that calls: the key's id and its role."""

    id: str
    role: Role

    def caller(self, wanted: Audience | None = None) -> Caller:
        """Whom to answer; an audience that the role may not take becomes the role's own."""
        allowed = AUDIENCES[self.role]
        return Caller(self.role, wanted if wanted in allowed else allowed[0])


class Auth:
    """Checks keys and keeps the console's sessions (in memory: a restart signs everybody out)."""

    def __init__(self, keys: Keys, clock: Callable[[], float]) -> None:
        """Args:
        clock: seconds, monotonic.
        """
        self._keys = keys
        self._clock = clock
        self._sessions: dict[str, Person] = {}
        self._lock = threading.Lock()
        self._failed: list[float] = []
        # Used while there is no key; shown once on the terminal.
        self.password = "" if keys.any() else secrets.token_urlsafe(9)

    @property
    def keyless(self) -> bool:
        """Whether no key exists, so that programs on this machine may call without one."""
        return not self._keys.any()

    def program(self, connection: HTTPConnection) -> Person:
        """Who calls the API.

        Without any key, callers on this machine count as bots, the least there is; the host name
        must be this machine's too, or any web page could call through the browser.

        Raises:
            Unauthorized: no key, or one that is unknown or revoked.
        """
        scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
        secret = secret.strip() if scheme.lower() == "bearer" else ""
        if self.password and secret and hmac.compare_digest(secret.encode(), self._own()):
            return Person("password", "operator")
        if self.keyless:
            if _is_local(connection):
                return Person("local", "bot")
            raise Unauthorized()
        if not secret:
            raise Unauthorized()
        return _person(self._keys.check(secret))

    def _own(self) -> bytes:
        return self.password.encode()

    def sign_in(self, secret: str) -> str:
        """Start a console session; its token, for the cookie.

        Raises:
            Unauthorized: wrong, or too many wrong ones lately.
            Forbidden: a key whose role has no console.
        """
        now = self._clock()
        with self._lock:
            self._failed = [each for each in self._failed if now - each < _SHUT_SECONDS]
            if len(self._failed) >= _TRIES:
                raise Unauthorized("too many failed tries.", remedy="Wait a minute.")
        try:
            person = self._who(secret.strip())
        except Unauthorized:
            with self._lock:
                self._failed.append(now)
            raise
        if person.role not in STAFF:
            raise Forbidden(remedy="Use a key with the role operator, trainer or admin.")
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._sessions[token] = person
        return token

    def _who(self, secret: str) -> Person:
        if self.password and hmac.compare_digest(secret.encode(), self._own()):
            return Person("password", "operator")
        return _person(self._keys.check(secret))

    def sign_out(self, token: str) -> None:
        """End a console session."""
        with self._lock:
            self._sessions.pop(token, None)

    def person(self, connection: HTTPConnection) -> Person | None:
        """Who is signed in at the console, if anybody; a revoked key's session ends."""
        token = connection.cookies.get(COOKIE, "")
        person = self._sessions.get(token)
        if person is None or person.id == "password":
            return person
        if any(key.id == person.id and key.revoked is None for key in self._keys.list()):
            return person
        self.sign_out(token)
        return None


def _person(key: Key) -> Person:
    return Person(key.id, key.role)


def _is_local(connection: HTTPConnection) -> bool:
    host = connection.url.hostname or ""
    client = connection.client.host if connection.client else ""
    return _is_loopback(client) and (host == "localhost" or _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
