"""Embeddings: the vectors of passages and asks by embedder, and which embedder's are searched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, cast, get_args

import numpy as np
from sqlalchemy import delete, exists, func, select, text, union, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from copilot.playbook.evidence import Audience, Vector
from copilot.playbook.rows import (
    AskRow,
    EmbedderRow,
    PassageRow,
    VectorRow,
    to_embed,
    touch,
)
from copilot.store import Store

# What is embedded: a passage, or a way people ask for it.
Kind = Literal["passages", "asks"]
KINDS: tuple[Kind, ...] = get_args(Kind)

# Values in one `IN (…)`: far below what any database takes.
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Known:
    """An embedder that the records have vectors of."""

    name: str
    reference: str
    dimensions: int
    active: bool


class Embeddings:
    """The vectors in the records. Each writing method is one transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # Embedders -----------------------------------------------------------------------------------

    def known(self) -> list[Known]:
        """Every embedder that vectors were kept of, the active one first."""
        with self._store.read() as session:
            rows = session.scalars(select(EmbedderRow).order_by(EmbedderRow.id))
            found = [Known(row.name, row.reference, row.dimensions, row.active) for row in rows]
        return sorted(found, key=lambda each: not each.active)

    def active(self) -> Known | None:
        """The embedder whose vectors are searched; none before there was any."""
        return next((each for each in self.known() if each.active), None)

    def remember(self, name: str, reference: str, dimensions: int) -> bool:
        """Note how an embedder was loaded; the first one is active from then on.

        Returns:
            whether its vectors had another length and were thrown away: they are of no use to it.
        """
        with self._store.begin() as session:
            row = session.scalar(select(EmbedderRow).where(EmbedderRow.name == name))
            stale = row is not None and row.dimensions != dimensions
            claim(session, name, dimensions).reference = reference
            return stale

    def activate(self, name: str) -> None:
        """Have this embedder's vectors searched from now on, and forget all others'.

        The generation stays: the words are what they were, and so are this embedder's vectors.
        """
        with self._store.begin() as session:
            others = select(EmbedderRow.id).where(EmbedderRow.name != name)
            session.execute(delete(VectorRow).where(VectorRow.embedder_id.in_(others)))
            session.execute(delete(EmbedderRow).where(EmbedderRow.name != name))
            session.execute(update(EmbedderRow).where(EmbedderRow.name == name).values(active=True))

    # Vectors -------------------------------------------------------------------------------------

    def missing(self, name: str) -> list[str]:
        """Contents of passages and asks that this embedder has no whole vector of."""
        self._analyse()
        with self._store.read() as session:
            wanted = union(
                *(
                    select(column).where(~_whole(column, name))
                    for column in (PassageRow.content, AskRow.content)
                )
            )
            return list(session.scalars(wanted))

    def _analyse(self) -> None:
        """Have PostgreSQL look at what was loaded: without it such a query took 16 minutes."""
        if self._store.engine.dialect.name == "postgresql":
            with self._store.begin() as session:
                session.execute(text("ANALYZE playbook_passages, playbook_asks, playbook_vectors"))

    def texts(self, contents: Sequence[str]) -> dict[str, str]:
        """Content → the text to embed; what nobody says any more is left out."""
        found: dict[str, str] = {}
        with self._store.read() as session:
            for chunk in chunks(contents):
                rows = session.execute(
                    select(
                        PassageRow.content, PassageRow.title, PassageRow.section, PassageRow.text
                    ).where(PassageRow.content.in_(chunk))
                )
                found |= {content: to_embed(*parts) for content, *parts in rows}
                asked = select(AskRow.content, AskRow.text).where(AskRow.content.in_(chunk))
                found |= {content: text for content, text in session.execute(asked)}
        return found

    def keep(self, vectors: Mapping[str, Vector], name: str) -> None:
        """Add vectors or replace them (content → float32, unit length)."""
        with self._store.begin() as session:
            put(session, vectors, name)
            touch(session)

    def vectors(self, contents: Iterable[str], name: str) -> dict[str, Vector]:
        """Content → vector (float32); what this embedder has none of is left out."""
        found: dict[str, Vector] = {}
        with self._store.read() as session:
            row = session.scalar(select(EmbedderRow).where(EmbedderRow.name == name))
            if row is None:
                return {}
            for chunk in chunks(contents):
                rows = session.execute(
                    select(VectorRow.content, VectorRow.vector).where(
                        VectorRow.embedder_id == row.id, VectorRow.content.in_(chunk)
                    )
                )
                found |= {
                    content: np.frombuffer(blob, dtype="<f4")
                    for content, blob in rows
                    if len(blob) == 4 * row.dimensions
                }
        return found

    def stored(self, name: str) -> dict[tuple[Kind, Audience], dict[str, str]]:
        """What can be searched: for passages and asks of each audience, id → content.

        An ask is known by its content: passages that share it share its vector.
        """
        passages = select(PassageRow.audience, PassageRow.id, PassageRow.content).where(
            _whole(PassageRow.content, name)
        )
        asks = (
            select(PassageRow.audience, AskRow.content, AskRow.content)
            .join(AskRow, AskRow.passage_id == PassageRow.id)
            .where(_whole(AskRow.content, name))
            .distinct()
        )
        both: dict[Kind, Any] = {"passages": passages, "asks": asks}
        found: dict[tuple[Kind, Audience], dict[str, str]] = {}
        with self._store.read() as session:
            for kind, wanted in both.items():
                for audience, id_, content in session.execute(wanted):
                    found.setdefault((kind, cast(Audience, audience)), {})[id_] = content
        return found


def claim(session: Session, name: str, dimensions: int) -> EmbedderRow:
    """The row of an embedder, made if missing; vectors of another length are thrown away."""
    row = session.scalar(select(EmbedderRow).where(EmbedderRow.name == name))
    if row is None:
        first = session.scalar(select(EmbedderRow.id).limit(1)) is None
        row = EmbedderRow(name=name, reference="", dimensions=dimensions, active=first)
        session.add(row)
        session.flush()
    elif row.dimensions != dimensions:
        session.execute(delete(VectorRow).where(VectorRow.embedder_id == row.id))
        row.dimensions = dimensions
        touch(session)
    return row


def put(session: Session, vectors: Mapping[str, Vector], name: str) -> None:
    """Add vectors or replace them (content → float32)."""
    if not vectors:
        return
    row = claim(session, name, int(next(iter(vectors.values())).shape[0]))
    postgres = session.get_bind().dialect.name == "postgresql"
    insert = (postgresql if postgres else sqlite).insert(VectorRow)
    session.execute(
        insert.on_conflict_do_update(
            index_elements=["embedder_id", "content"], set_={"vector": insert.excluded.vector}
        ),
        [
            {
                "embedder_id": row.id,
                "content": content,
                "vector": np.asarray(vector).astype("<f4").tobytes(),
            }
            for content, vector in vectors.items()
        ],
    )


def prune(session: Session, contents: Iterable[str]) -> None:
    """Forget the vectors of texts that nobody says any more."""
    for chunk in chunks(contents):
        session.execute(
            delete(VectorRow).where(
                VectorRow.content.in_(chunk),
                ~exists().where(PassageRow.content == VectorRow.content),
                ~exists().where(AskRow.content == VectorRow.content),
            )
        )


def chunks(values: Iterable[str]) -> Iterator[list[str]]:
    """Values in lists short enough for one statement."""
    remaining = iter(values)
    while chunk := list(islice(remaining, _CHUNK)):
        yield chunk


def _whole(content: Any, name: str) -> Any:
    """That an embedder has a vector of its own length for a content."""
    return exists().where(
        EmbedderRow.name == name,
        VectorRow.embedder_id == EmbedderRow.id,
        VectorRow.content == content,
        func.length(VectorRow.vector) == 4 * EmbedderRow.dimensions,
    )
