"""Gaps: questions the playbook could not answer, counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import DateTime, String, Text, select
from sqlalchemy.orm import Mapped, mapped_column

from copilot.language import normalize
from copilot.store import Base, Store

# Longest question kept; the rest of a longer one says no more about what is missing.
_LONGEST = 500


class GapRow(Base):
    """One question, however often it was asked in the same words."""

    __tablename__ = "desk_gaps"
    id: Mapped[int] = mapped_column(primary_key=True)
    question: Mapped[str] = mapped_column(Text)
    form: Mapped[str] = mapped_column(Text)
    audience: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(Text)
    times: Mapped[int]
    first: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last: Mapped[datetime] = mapped_column(DateTime(timezone=True))


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
        now = self._clock()
        with self._store.begin() as session:
            row = session.scalar(
                select(GapRow).where(GapRow.form == form, GapRow.audience == audience)
            )
            if row is None:
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
            else:
                row.times, row.last, row.reason = row.times + 1, now, reason

    def list(self, limit: int = 100) -> list[Gap]:
        """The most frequent gaps first, then the latest."""
        with self._store.begin() as session:
            rows = session.scalars(
                select(GapRow).order_by(GapRow.times.desc(), GapRow.last.desc()).limit(limit)
            )
            return [
                Gap(row.id, row.question, row.audience, row.reason, row.times, row.first, row.last)
                for row in rows
            ]
