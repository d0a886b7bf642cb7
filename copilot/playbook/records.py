"""The playbook's records: roots, documents, passages and their asks. The truth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from copilot.errors import NotFound
from copilot.playbook import changes
from copilot.playbook.embeddings import Embeddings, chunks, prune, put
from copilot.playbook.evidence import Audience, Passage, Vector
from copilot.playbook.rows import (
    PASSAGE_COLUMNS,
    Ask,
    AskRow,
    DocumentRow,
    GenerationRow,
    Origin,
    PassageRow,
    RootRow,
    content_of,
    digest_of,
    passage_from,
    touch,
)
from copilot.store import Store

# Who may add an ask.
Added = Literal["person", "model"]


@dataclass(frozen=True, slots=True)
class Root:
    """A place that is indexed, and who may be answered from it by default."""

    path: str
    audience: Audience


@dataclass(frozen=True, slots=True)
class Indexed:
    """A passage as the file of words needs it: with its digest."""

    passage: Passage
    digest: str


class Records:
    """Reads and writes the playbook's tables. Each writing method is one transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.embeddings = Embeddings(store)

    # Roots ---------------------------------------------------------------------------------------

    def roots(self) -> list[Root]:
        """Every root, by path."""
        with self._store.read() as session:
            rows = session.scalars(select(RootRow).order_by(RootRow.path))
            return [Root(row.path, cast(Audience, row.audience)) for row in rows]

    def add_root(self, path: str, audience: Audience) -> None:
        """Remember a root; a known one gets the new audience."""
        with self._store.begin() as session:
            session.merge(RootRow(path=path, audience=audience))

    def remove_root(self, path: str) -> int:
        """Forget a root with all its documents and passages; the number of documents forgotten.

        Raises:
            NotFound: the root is not indexed.
        """
        with self._store.begin() as session:
            root = session.get(RootRow, path)
            if root is None:
                known = ", ".join(session.scalars(select(RootRow.path))) or "none"
                raise NotFound(f"{path!r} is not indexed.", remedy=f"What is indexed: {known}.")
            count = session.scalar(
                select(func.count()).select_from(DocumentRow).where(DocumentRow.root == path)
            )
            changes.delete_documents(
                session, select(DocumentRow.id).where(DocumentRow.root == path)
            )
            session.delete(root)
            touch(session)
            return int(count or 0)

    # Documents -----------------------------------------------------------------------------------

    def known(self, root: str) -> dict[str, str]:
        """Digest of each document of a root when it was last read, by source."""
        with self._store.read() as session:
            rows = session.execute(
                select(DocumentRow.source, DocumentRow.digest).where(DocumentRow.root == root)
            )
            return {source: digest for source, digest in rows}

    def reports(self) -> list[tuple[str, str, str, dict[str, Any]]]:
        """(root, source, title, cleaning report) of every document, in order."""
        with self._store.read() as session:
            rows = session.execute(
                select(
                    DocumentRow.root, DocumentRow.source, DocumentRow.title, DocumentRow.report
                ).order_by(DocumentRow.root, DocumentRow.source)
            )
            return [(root, source, title, report) for root, source, title, report in rows]

    def save_document(
        self,
        root: str,
        source: str,
        *,
        digest: str,
        title: str,
        audience: Audience,
        report: Mapping[str, Any],
        passages: Sequence[Passage],
        embeddings: Mapping[str, Vector],
        embedder: str,
        asks: Mapping[str, Vector] | None = None,
    ) -> None:
        """Put a document and its passages in place of what was there, in one transaction.

        Asks that were added to a passage stay while there is a passage of its id.

        Args:
            embeddings: passage id → embedding (float32, unit length), for every passage.
            asks: ask → embedding; one that is left out is embedded later (`Embeddings.missing`).
        """
        with self._store.begin() as session:
            row = session.scalar(
                select(DocumentRow).where(DocumentRow.root == root, DocumentRow.source == source)
            )
            new = row is None
            if row is None:
                row = DocumentRow(root=root, source=source)
                session.add(row)
            row.title, row.audience, row.digest = title, audience, digest
            row.report = dict(report)
            session.flush()
            before: set[str] = set()
            added: dict[str, list[Ask]] = {}
            if not new:
                mine = select(PassageRow.id).where(PassageRow.document_id == row.id)
                before, added = changes.take_out(session, mine)
            said = changes.insert_passages(session, row.id, passages, added)
            vectors = {content: embeddings[id_] for content, id_ in said.items()}
            vectors |= {content_of(ask): vector for ask, vector in (asks or {}).items()}
            put(session, vectors, embedder)
            prune(session, before - vectors.keys())
            touch(session)

    def drop_documents(self, root: str, sources: Iterable[str]) -> int:
        """Forget documents whose files are gone; their number."""
        gone = list(sources)
        if not gone:
            return 0
        with self._store.begin() as session:
            for source in gone:
                changes.delete_documents(
                    session,
                    select(DocumentRow.id).where(
                        DocumentRow.root == root, DocumentRow.source == source
                    ),
                )
            touch(session)
        return len(gone)

    # Passages ------------------------------------------------------------------------------------

    def generation(self) -> str:
        """The mark of the present state; empty before anything was indexed."""
        with self._store.read() as session:
            return session.scalar(select(GenerationRow.value)) or ""

    def count(self) -> int:
        """Number of passages."""
        with self._store.read() as session:
            return int(session.scalar(select(func.count()).select_from(PassageRow)) or 0)

    def digests(self) -> dict[str, tuple[str, Audience]]:
        """Passage id → (content digest, audience), for every passage."""
        with self._store.read() as session:
            rows = session.execute(select(PassageRow.id, PassageRow.digest, PassageRow.audience))
            return {id_: (digest, cast(Audience, audience)) for id_, digest, audience in rows}

    def load(self, ids: Sequence[str]) -> list[Indexed]:
        """Passages with their digests; ids that are gone are left out."""
        found: list[Indexed] = []
        with self._store.read() as session:
            for chunk in chunks(ids):
                rows = session.execute(
                    select(*PASSAGE_COLUMNS, PassageRow.digest).where(PassageRow.id.in_(chunk))
                )
                found.extend(Indexed(passage_from(row), row[-1]) for row in rows)
        return found

    def passages(self, ids: Sequence[str], audiences: Sequence[Audience]) -> dict[str, Passage]:
        """Passages by id, only those that these audiences may see."""
        found: dict[str, Passage] = {}
        with self._store.read() as session:
            for chunk in chunks(ids):
                rows = session.execute(
                    select(*PASSAGE_COLUMNS).where(
                        PassageRow.id.in_(chunk), PassageRow.audience.in_(list(audiences))
                    )
                )
                found |= {row[0]: passage_from(row) for row in rows}
        return found

    def section(self, passage_id: str, audiences: Sequence[Audience]) -> list[Passage]:
        """All passages of the section that a passage belongs to, in order.

        Raises:
            NotFound: no such passage for these audiences.
        """
        with self._store.read() as session:
            row = session.get(PassageRow, passage_id)
            if row is None or row.audience not in audiences:
                raise NotFound(f"no passage {passage_id!r}.", remedy="Search for it first.")
            rows = session.execute(
                select(*PASSAGE_COLUMNS)
                .where(
                    PassageRow.document_id == row.document_id,
                    PassageRow.section == row.section,
                    PassageRow.audience.in_(list(audiences)),
                )
                .order_by(PassageRow.position)
            )
            return [passage_from(each) for each in rows]

    def sections(self, audiences: Sequence[Audience]) -> list[tuple[str, str, str]]:
        """(first passage id, title, section) of every section, in document order."""
        with self._store.read() as session:
            rows = session.execute(
                select(PassageRow.id, PassageRow.title, PassageRow.section, PassageRow.document_id)
                .where(PassageRow.audience.in_(list(audiences)))
                .order_by(PassageRow.document_id, PassageRow.position)
            )
            seen: dict[tuple[int, str], tuple[str, str, str]] = {}
            for id_, title, section, document in rows:
                seen.setdefault((document, section), (id_, title, section))
            return list(seen.values())

    # Asks ----------------------------------------------------------------------------------------

    def asks_of(self, passage_id: str) -> list[Ask]:
        """The ways people ask for a passage, the author's first.

        Raises:
            NotFound: no such passage.
        """
        with self._store.read() as session:
            _existing(session, passage_id)
            rows = session.execute(
                select(AskRow.text, AskRow.origin)
                .where(AskRow.passage_id == passage_id)
                .order_by(AskRow.position)
            )
            return [Ask(text, cast(Origin, origin)) for text, origin in rows]

    def add_asks(self, passage_id: str, asks: Iterable[str], origin: Added) -> int:
        """Add ways people ask for a passage; blank and known ones are left out.

        They stay when its document is indexed again, as long as there is a passage of this id.
        Words and vectors follow with the next `Index.sync`.

        Returns:
            how many were new.

        Raises:
            NotFound: no such passage.
        """
        with self._store.begin() as session:
            row = _existing(session, passage_id)
            known = _said(session, passage_id)
            place = 1 + max((each.position for each in known.values()), default=-1)
            wanted = {content_of(ask): ask for ask in map(str.strip, asks) if ask}
            new = [(content, ask) for content, ask in wanted.items() if content not in known]
            session.add_all(
                AskRow(
                    passage_id=passage_id,
                    content=content,
                    position=place + n,
                    text=ask,
                    origin=origin,
                )
                for n, (content, ask) in enumerate(new)
            )
            if new:
                _say(session, row)
            return len(new)

    def remove_ask(self, passage_id: str, ask: str) -> None:
        """Take an added ask away.

        Raises:
            NotFound: no such passage, or none of its added asks is this one.
        """
        with self._store.begin() as session:
            row = _existing(session, passage_id)
            content = content_of(ask.strip())
            found = _said(session, passage_id).get(content)
            if found is None or found.origin == "author":
                authored = "It stands in the document's front matter: edit it there."
                raise NotFound(
                    f"passage {passage_id!r} has no added ask {ask!r}.",
                    remedy=authored if found is not None else "List its asks first.",
                )
            session.delete(found)
            _say(session, row)
            prune(session, [content])

    def asking(
        self, contents: Iterable[str], audiences: Sequence[Audience]
    ) -> list[tuple[str, str, str]]:
        """(passage id, content, text) of every passage that these audiences may see, by its asks.

        Args:
            contents: of the asks (`rows.content_of`).
        """
        found: list[tuple[str, str, str]] = []
        with self._store.read() as session:
            for chunk in chunks(contents):
                rows = session.execute(
                    select(AskRow.passage_id, AskRow.content, AskRow.text)
                    .join(PassageRow, PassageRow.id == AskRow.passage_id)
                    .where(AskRow.content.in_(chunk), PassageRow.audience.in_(list(audiences)))
                )
                found.extend((id_, content, text) for id_, content, text in rows)
        return found

    def ask_vectors(
        self, ids: Sequence[str], embedder: str | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """The vectors of passages' asks: passage id → float32, shape (asks, dimensions).

        Passages without asks, and asks not yet embedded, are left out.

        Args:
            embedder: whose vectors; by default those of the active one. A question's vector can be
                compared only with its own embedder's (`Index.embedder.name`).
        """
        if embedder is None:
            known = self.embeddings.active()
            if known is None:
                return {}
            embedder = known.name
        asks: dict[str, list[str]] = {}
        with self._store.read() as session:
            for chunk in chunks(ids):
                rows = session.execute(
                    select(AskRow.passage_id, AskRow.content)
                    .where(AskRow.passage_id.in_(chunk))
                    .order_by(AskRow.passage_id, AskRow.position)
                )
                for id_, content in rows:
                    asks.setdefault(id_, []).append(content)
        distinct = dict.fromkeys(content for contents in asks.values() for content in contents)
        vectors = self.embeddings.vectors(distinct, embedder)
        held = {
            id_: [vectors[content] for content in contents if content in vectors]
            for id_, contents in asks.items()
        }
        return {id_: np.stack(found) for id_, found in held.items() if found}


def _existing(session: Session, passage_id: str) -> PassageRow:
    row = session.get(PassageRow, passage_id)
    if row is None:
        raise NotFound(f"no passage {passage_id!r}.", remedy="Search for it first.")
    return row


def _said(session: Session, passage_id: str) -> dict[str, AskRow]:
    """A passage's asks by content, in order."""
    rows = session.scalars(
        select(AskRow).where(AskRow.passage_id == passage_id).order_by(AskRow.position)
    )
    return {row.content: row for row in rows}


def _say(session: Session, row: PassageRow) -> None:
    """Bring a passage's list of asks and its digest into step with the asks' rows."""
    session.flush()
    row.asks = [each.text for each in _said(session, row.id).values()]
    columns = tuple(getattr(row, column.key) for column in PASSAGE_COLUMNS)
    row.digest = digest_of(passage_from(columns))
    touch(session)
