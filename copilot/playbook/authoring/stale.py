"""Stale: entries that nobody has looked at for long, or whose source says something else now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from copilot.playbook.authoring.entries import Entry
from copilot.playbook.authoring.sources import Sources

DAYS = 180


@dataclass(frozen=True, slots=True)
class Stale:
    """An entry to look at: how old it is (days; None: it has no date), what changed under it.

    ``changed`` are the sections it rests on whose words are no longer those of the digest.
    """

    entry: Entry
    age: int | None
    changed: tuple[str, ...]


def stale(
    entries: Sequence[Entry], today: date, days: int, changed: frozenset[str] = frozenset()
) -> list[Stale]:
    """Entries older than ``days``, or resting on a section of ``changed``, oldest first."""
    found: list[Stale] = []
    for entry in entries:
        age = (today - entry.updated).days if entry.updated else None
        under = tuple(place for place in entry.sources if place in changed)
        if age is None or age > days or under:
            found.append(Stale(entry, age, under))
    return sorted(found, key=lambda each: (-(each.age or 0), each.entry.file))


def changed(now: Sources, before: Sources) -> frozenset[str]:
    """The sections whose words differ from what they were, gone ones included; new ones not."""
    return frozenset(
        key
        for key, section in before.sections.items()
        if key not in now.sections or now.sections[key].digest != section.digest
    )
