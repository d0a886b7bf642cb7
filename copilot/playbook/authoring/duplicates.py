"""Duplicates: pairs of entries that say the same, told by their bodies and their asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from copilot.playbook.authoring import notes
from copilot.playbook.authoring.entries import Entry
from copilot.playbook.authoring.wording import letters

# Takes texts, gives unit vectors of shape (texts, dimensions).
Encode = Callable[[Sequence[str]], NDArray[np.float32]]

# Of the 142 entries of 2026-11-21, 13 pairs reached it (median of all pairs 0.21, 99th percentile
# 0.57), and ten of these held an entry that was then merged into another.
THRESHOLD = 0.75

# Sections that say nothing about what an entry is about.
_LINKS = "相关"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two entries that are alike: the cosine of their bodies (-1 to 1), the asks they share."""

    one: Entry
    other: Entry
    similarity: float
    shared: tuple[str, ...]


def pairs(entries: Sequence[Entry], encode: Encode, threshold: float = THRESHOLD) -> list[Pair]:
    """Pairs of entries for one audience that reach the threshold or share an ask, likest first.

    Entries for different audiences are no pair: what members read says it in their words.
    """
    vectors = encode([said(entry) for entry in entries])
    similarities = vectors @ vectors.T
    asks = [{letters(ask): ask for ask in entry.asks} for entry in entries]
    found: list[Pair] = []
    for at, one in enumerate(entries):
        for to in range(at + 1, len(entries)):
            other = entries[to]
            if one.audience != other.audience:
                continue
            shared = tuple(ask for form, ask in asks[at].items() if form in asks[to])
            similarity = float(similarities[at, to])
            if similarity >= threshold or shared:
                found.append(Pair(one, other, similarity, shared))
    return sorted(found, key=lambda pair: (-pair.similarity, pair.one.file, pair.other.file))


def said(entry: Entry) -> str:
    """What an entry says: its title and its body without headings, notes and links."""
    texts = [
        statement.text
        for part in entry.parts
        if part.title != _LINKS
        for statement in notes.statements(part.text)
    ]
    return "\n".join([entry.title, *texts])
