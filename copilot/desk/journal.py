"""Journal: every answer given, from what, and what people thought of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import JSON, String, select
from sqlalchemy.orm import Mapped, mapped_column

from copilot.errors import NotFound
from copilot.store import AnyText, Base, Instant, Store

Rating = Literal["like", "dislike"]


class EntryRow(Base):
    """One answer."""

    __tablename__ = "desk_journal"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant, index=True)
    door: Mapped[str] = mapped_column(String(16))
    role: Mapped[str] = mapped_column(String(16))
    thread: Mapped[str] = mapped_column(AnyText)
    question: Mapped[str] = mapped_column(AnyText)
    answer: Mapped[str] = mapped_column(AnyText)
    passages: Mapped[list[str]] = mapped_column(JSON)
    refused: Mapped[bool]
    degraded: Mapped[bool]
    model: Mapped[str] = mapped_column(AnyText)
    confidence: Mapped[float]
    rating: Mapped[str | None] = mapped_column(String(16))
    comment: Mapped[str | None] = mapped_column(AnyText)


@dataclass(frozen=True, slots=True)
class Entry:
    """An answer as it was given. ``model`` is `offline`, or the model with its prompt's label."""

    door: str
    role: str
    thread: str
    question: str
    answer: str
    passages: Sequence[str]
    refused: bool
    degraded: bool
    model: str
    confidence: float


class Journal:
    """Writes entries and takes ratings."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def write(self, entry: Entry) -> str:
        """Keep an answer; its id."""
        id_ = secrets.token_hex(8)
        with self._store.begin() as session:
            session.add(
                EntryRow(
                    id=id_,
                    at=self._clock(),
                    door=entry.door,
                    role=entry.role,
                    thread=entry.thread,
                    question=entry.question,
                    answer=entry.answer,
                    passages=list(entry.passages),
                    refused=entry.refused,
                    degraded=entry.degraded,
                    model=entry.model,
                    confidence=entry.confidence,
                    rating=None,
                    comment=None,
                )
            )
        return id_

    def rate(self, id_: str, rating: Rating | None, comment: str = "") -> None:
        """Keep what somebody thought of an answer; ``None`` takes it back.

        Raises:
            NotFound: no such answer.
        """
        with self._store.begin() as session:
            row = session.get(EntryRow, id_)
            if row is None:
                raise NotFound(
                    f"no answer {id_!r}.", remedy="Rate an answer by the id it came with."
                )
            row.rating, row.comment = rating, comment or None

    def latest(self, limit: int = 50) -> list[tuple[str, datetime, str, str, bool, str | None]]:
        """(id, time, question, answer, refused, rating) of the latest answers, newest first."""
        with self._store.read() as session:
            rows = session.scalars(select(EntryRow).order_by(EntryRow.at.desc()).limit(limit))
            return [(r.id, r.at, r.question, r.answer, r.refused, r.rating) for r in rows]
