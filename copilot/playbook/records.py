"""The playbook's records: roots, documents and passages with their embeddings. The truth."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from sqlalchemy import (
    JSON,
    ForeignKey,
    LargeBinary,
    String,
    UniqueConstraint,
    delete,
    func,
    select,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from copilot.errors import NotFound
from copilot.playbook.evidence import Audience, Passage, Vector
from copilot.store import AnyText, Base, Store


class RootRow(Base):
    """A file or folder that the operator asked to index."""

    __tablename__ = "playbook_roots"
    path: Mapped[str] = mapped_column(AnyText, primary_key=True)
    audience: Mapped[str] = mapped_column(String(16))


class DocumentRow(Base):
    """One file below a root, as it was when last read."""

    __tablename__ = "playbook_documents"
    __table_args__ = (UniqueConstraint("root", "source"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    root: Mapped[str] = mapped_column(ForeignKey("playbook_roots.path", ondelete="CASCADE"))
    source: Mapped[str] = mapped_column(AnyText)
    title: Mapped[str] = mapped_column(AnyText)
    audience: Mapped[str] = mapped_column(String(16))
    digest: Mapped[str] = mapped_column(String(80))
    report: Mapped[dict[str, Any]] = mapped_column(JSON)


class PassageRow(Base):
    """One passage with its embedding (float32, little endian)."""

    __tablename__ = "playbook_passages"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    document_id: Mapped[int] = mapped_column(
        ForeignKey("playbook_documents.id", ondelete="CASCADE"), index=True
    )
    position: Mapped[int]
    source: Mapped[str] = mapped_column(AnyText)
    title: Mapped[str] = mapped_column(AnyText)
    section: Mapped[str] = mapped_column(AnyText)
    text: Mapped[str] = mapped_column(AnyText)
    audience: Mapped[str] = mapped_column(String(16))
    asks: Mapped[list[str]] = mapped_column(JSON)
    digest: Mapped[str] = mapped_column(String(64))
    embedder: Mapped[str] = mapped_column(AnyText)
    embedding: Mapped[bytes] = mapped_column(LargeBinary)


class GenerationRow(Base):
    """A mark that changes with every change of passages, so that caches see they are behind."""

    __tablename__ = "playbook_generation"
    id: Mapped[int] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(String(32))


@dataclass(frozen=True, slots=True)
class Root:
    """A place that is indexed, and who may be answered from it by default."""

    path: str
    audience: Audience


@dataclass(frozen=True, slots=True)
class Indexed:
    """A passage as the caches need it: the passage, its content digest and its embedding."""

    passage: Passage
    digest: str
    embedding: Vector


def digest_of(passage: Passage) -> str:
    """Digest of everything about a passage that is searched (SHA-256, hex).

    Its place in the document is left out: a section inserted above re-embeds nothing below.
    """
    parts = (passage.title, passage.section, passage.text, passage.audience, *passage.asks)
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


class Records:
    """Reads and writes the playbook's tables. Each writing method is one transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

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
            _delete_documents(session, select(DocumentRow.id).where(DocumentRow.root == path))
            session.delete(root)
            _touch(session)
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
    ) -> None:
        """Put a document and its passages in place of what was there, in one transaction.

        Args:
            embeddings: passage id → embedding (float32, unit length), for every passage.
        """
        with self._store.begin() as session:
            row = session.scalar(
                select(DocumentRow).where(DocumentRow.root == root, DocumentRow.source == source)
            )
            if row is None:
                row = DocumentRow(root=root, source=source)
                session.add(row)
            row.title, row.audience, row.digest = title, audience, digest
            row.report = dict(report)
            session.flush()
            session.execute(delete(PassageRow).where(PassageRow.document_id == row.id))
            session.add_all(
                PassageRow(
                    id=passage.id,
                    document_id=row.id,
                    position=passage.position,
                    source=passage.source,
                    title=passage.title,
                    section=passage.section,
                    text=passage.text,
                    audience=passage.audience,
                    asks=list(passage.asks),
                    digest=digest_of(passage),
                    embedder=embedder,
                    embedding=embeddings[passage.id].astype("<f4").tobytes(),
                )
                for passage in passages
            )
            _touch(session)

    def drop_documents(self, root: str, sources: Iterable[str]) -> int:
        """Forget documents whose files are gone; their number."""
        gone = list(sources)
        if not gone:
            return 0
        with self._store.begin() as session:
            for source in gone:
                _delete_documents(
                    session,
                    select(DocumentRow.id).where(
                        DocumentRow.root == root, DocumentRow.source == source
                    ),
                )
            _touch(session)
        return len(gone)

    def embeddings_of(self, root: str, source: str, embedder: str) -> dict[str, Vector]:
        """Embeddings that can be kept for a document: content digest → vector."""
        with self._store.read() as session:
            rows = session.execute(
                select(PassageRow.digest, PassageRow.embedding)
                .join(DocumentRow, DocumentRow.id == PassageRow.document_id)
                .where(
                    DocumentRow.root == root,
                    DocumentRow.source == source,
                    PassageRow.embedder == embedder,
                )
            )
            return {digest: np.frombuffer(blob, dtype="<f4") for digest, blob in rows}

    # Passages ------------------------------------------------------------------------------------

    def generation(self) -> str:
        """The mark of the present state; empty before anything was indexed."""
        with self._store.read() as session:
            return session.scalar(select(GenerationRow.value)) or ""

    def count(self) -> int:
        """Number of passages."""
        with self._store.read() as session:
            return int(session.scalar(select(func.count()).select_from(PassageRow)) or 0)

    def digests(self, embedder: str | None = None) -> dict[str, tuple[str, Audience]]:
        """Passage id → (content digest, audience), for every passage.

        Args:
            embedder: when given, only passages that this one has embedded.
        """
        wanted = select(PassageRow.id, PassageRow.digest, PassageRow.audience)
        if embedder is not None:
            wanted = wanted.where(PassageRow.embedder == embedder)
        with self._store.read() as session:
            rows = session.execute(wanted)
            return {id_: (digest, cast(Audience, audience)) for id_, digest, audience in rows}

    def embedded_by_others(self, embedder: str) -> list[Passage]:
        """Passages whose embedding comes from another embedder than this one."""
        with self._store.read() as session:
            rows = session.scalars(select(PassageRow).where(PassageRow.embedder != embedder))
            return [_passage(row) for row in rows]

    def re_embed(self, embeddings: Mapping[str, Vector], embedder: str) -> None:
        """Replace the embeddings of some passages (id → vector)."""
        with self._store.begin() as session:
            for row in session.scalars(
                select(PassageRow).where(PassageRow.id.in_(list(embeddings)))
            ):
                row.embedding = embeddings[row.id].astype("<f4").tobytes()
                row.embedder = embedder
            _touch(session)

    def load(self, ids: Sequence[str]) -> list[Indexed]:
        """Passages with digest and embedding; ids that are gone are left out."""
        found: list[Indexed] = []
        with self._store.read() as session:
            for start in range(0, len(ids), 500):
                chunk = ids[start : start + 500]
                rows = session.scalars(select(PassageRow).where(PassageRow.id.in_(chunk)))
                found.extend(
                    Indexed(_passage(row), row.digest, np.frombuffer(row.embedding, dtype="<f4"))
                    for row in rows
                )
        return found

    def passages(self, ids: Sequence[str], audiences: Sequence[Audience]) -> dict[str, Passage]:
        """Passages by id, only those that these audiences may see."""
        with self._store.read() as session:
            rows = session.scalars(
                select(PassageRow).where(
                    PassageRow.id.in_(list(ids)), PassageRow.audience.in_(list(audiences))
                )
            )
            return {row.id: _passage(row) for row in rows}

    def section(self, passage_id: str, audiences: Sequence[Audience]) -> list[Passage]:
        """All passages of the section that a passage belongs to, in order.

        Raises:
            NotFound: no such passage for these audiences.
        """
        with self._store.read() as session:
            row = session.get(PassageRow, passage_id)
            if row is None or row.audience not in audiences:
                raise NotFound(f"no passage {passage_id!r}.", remedy="Search for it first.")
            rows = session.scalars(
                select(PassageRow)
                .where(
                    PassageRow.document_id == row.document_id,
                    PassageRow.section == row.section,
                    PassageRow.audience.in_(list(audiences)),
                )
                .order_by(PassageRow.position)
            )
            return [_passage(each) for each in rows]

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


def _delete_documents(session: Session, ids: Any) -> None:
    """Delete documents by a select of their ids (passages first: no reliance on cascades)."""
    chosen = list(session.scalars(ids))
    session.execute(delete(PassageRow).where(PassageRow.document_id.in_(chosen)))
    session.execute(delete(DocumentRow).where(DocumentRow.id.in_(chosen)))


def _touch(session: Session) -> None:
    session.merge(GenerationRow(id=1, value=uuid.uuid4().hex))


def _passage(row: PassageRow) -> Passage:
    return Passage(
        id=row.id,
        source=row.source,
        title=row.title,
        section=row.section,
        text=row.text,
        audience=cast(Audience, row.audience),
        position=row.position,
        asks=tuple(row.asks),
    )
