"""Gaps: questions the playbook could not answer, counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import String, UniqueConstraint, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from copilot.language import normalize
from copilot.store import AnyText, Base, Instant, Store

# Longest question kept; the rest of a longer one says no more about what is missing.
_LONGEST = 500


class GapRow(Base):
    """One question, however often it was asked in the same words."""

    __tablename__ = "desk_gaps"
    __table_args__ = (UniqueConstraint("form", "audience"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    question: Mapped[str] = mapped_column(AnyText)
    form: Mapped[str] = mapped_column(AnyText)
    audience: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(AnyText)
    times: Mapped[int]
    first: Mapped[datetime] = mapped_column(Instant)
    last: Mapped[datetime] = mapped_column(Instant)


@dataclass(frozen=True, slots=True)
class Gap:
    """A question without evidence: how often, for whom, since when."""

    id: int
    question: str
    audience: str
    reason: str
    times: int
    first: datetime
    last: datetime


class Gaps:
    """Logs gaps and lists them."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def log(self, question: str, audience: str, reason: str) -> None:
        """Count a question that was refused; the same words in another script count as the same."""
        question = normalize.clean(question).strip()[:_LONGEST]
        form = "".join(each for each in normalize.search_form(question) if each.isalnum())
        if not form:
            return
        try:
            self._count(question, form, audience, reason)
        except IntegrityError:
            # Another thread has logged the same words first: now they are there to be counted.
            self._count(question, form, audience, reason)

    def _count(self, question: str, form: str, audience: str, reason: str) -> None:
        now = self._clock()
        with self._store.begin() as session:
            known = session.scalar(
                update(GapRow)
                .where(GapRow.form == form, GapRow.audience == audience)
                .values(times=GapRow.times + 1, last=now, reason=reason)
                .returning(GapRow.id)
            )
            if known is None:
                session.add(
                    GapRow(
                        question=question,
                        form=form,
                        audience=audience,
                        reason=reason,
                        times=1,
                        first=now,
                        last=now,
                    )
                )

    def list(self, limit: int = 100) -> list[Gap]:
        """The most frequent gaps first, then the latest."""
        with self._store.read() as session:
            rows = session.scalars(
                select(GapRow).order_by(GapRow.times.desc(), GapRow.last.desc()).limit(limit)
            )
            return [
                Gap(row.id, row.question, row.audience, row.reason, row.times, row.first, row.last)
                for row in rows
            ]
