"""Keys: who may call, in which role. Only a digest is kept."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast, get_args

from sqlalchemy import String, func, select
from sqlalchemy.orm import Mapped, mapped_column

from copilot.errors import BadInput, NotFound, Unauthorized
from copilot.store import AnyText, Base, Instant, Store

Role = Literal["admin", "operator", "trainer", "bot"]
ROLES: tuple[Role, ...] = get_args(Role)


class KeyRow(Base):
    """One key; ``digest`` is the SHA-256 of the secret, which has 256 bits and needs no salt."""

    __tablename__ = "desk_keys"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(AnyText)
    role: Mapped[str] = mapped_column(String(16))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    created: Mapped[datetime] = mapped_column(Instant)
    revoked: Mapped[datetime | None] = mapped_column(Instant)


@dataclass(frozen=True, slots=True)
class Key:
    """A key without its secret."""

    id: str
    name: str
    role: Role
    created: datetime
    revoked: datetime | None


class Keys:
    """Makes, checks and revokes keys."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def create(self, role: str, name: str) -> tuple[Key, str]:
        """Make a key; the secret is returned this once and kept nowhere.

        Raises:
            BadInput: no such role.
        """
        if role not in ROLES:
            raise BadInput(f"there is no role {role!r}.", remedy=f"Use one of {', '.join(ROLES)}.")
        secret = "cop-" + secrets.token_urlsafe(32)
        row = KeyRow(
            id=secrets.token_hex(4),
            name=name,
            role=role,
            digest=_digest(secret),
            created=self._clock(),
            revoked=None,
        )
        with self._store.begin() as session:
            session.add(row)
        return _key(row), secret

    def check(self, secret: str) -> Key:
        """The key that a secret belongs to.

        The look-up is by digest, so its time says nothing about the secret.

        Raises:
            Unauthorized: unknown or revoked.
        """
        with self._store.read() as session:
            row = session.scalar(select(KeyRow).where(KeyRow.digest == _digest(secret)))
            if row is None or row.revoked is not None:
                raise Unauthorized()
            return _key(row)

    def revoke(self, id_: str) -> Key:
        """Revoke a key; a revoked one stays revoked.

        Raises:
            NotFound: no such key.
        """
        with self._store.begin() as session:
            row = session.get(KeyRow, id_)
            if row is None:
                raise NotFound(f"no key {id_!r}.", remedy="See `copilot keys list`.")
            row.revoked = row.revoked or self._clock()
            return _key(row)

    def list(self) -> list[Key]:
        """Every key, oldest first."""
        with self._store.read() as session:
            return [_key(row) for row in session.scalars(select(KeyRow).order_by(KeyRow.created))]

    def any(self) -> bool:
        """Whether there is a key that is not revoked."""
        with self._store.read() as session:
            count = session.scalar(
                select(func.count()).select_from(KeyRow).where(KeyRow.revoked.is_(None))
            )
            return bool(count)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _key(row: KeyRow) -> Key:
    return Key(row.id, row.name, cast(Role, row.role), row.created, row.revoked)
