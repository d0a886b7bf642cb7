"""The playbook's tables, and how a row becomes a passage."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from typing import Any, Literal, cast

from sqlalchemy import JSON, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, Session, mapped_column

from copilot.playbook.evidence import Audience, Passage
from copilot.store import AnyText, Base

# Who wrote an ask: the document's author, or who added it later.
Origin = Literal["author", "person", "model"]


@dataclass(frozen=True, slots=True)
class Ask:
    """A way people ask for a passage."""

    text: str
    origin: Origin


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
    """One passage; ``asks`` are all of its asks, ``content`` names what is embedded of it."""

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
    content: Mapped[str] = mapped_column(String(32), index=True)


class AskRow(Base):
    """One way people ask for a passage, and who wrote it.

    ``origin`` is `author` (the document's front matter, replaced with the document), `person` or
    `model` (added later, kept for as long as a passage has this id: no foreign key, since a
    document's passages are put in anew).
    """

    __tablename__ = "playbook_asks"
    passage_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    content: Mapped[str] = mapped_column(String(32), primary_key=True, index=True)
    position: Mapped[int]
    text: Mapped[str] = mapped_column(AnyText)
    origin: Mapped[str] = mapped_column(String(16))


class EmbedderRow(Base):
    """An embedder that has made vectors; the active one's are searched.

    ``reference`` is what it was loaded by (a folder, a hub name, `shipped`; empty: unknown).
    """

    __tablename__ = "playbook_embedders"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(AnyText, unique=True)
    reference: Mapped[str] = mapped_column(AnyText)
    dimensions: Mapped[int]
    active: Mapped[bool]


class VectorRow(Base):
    """The vector of one text by one embedder (float32, little endian), whoever says the text."""

    __tablename__ = "playbook_vectors"
    embedder_id: Mapped[int] = mapped_column(
        ForeignKey("playbook_embedders.id", ondelete="CASCADE"), primary_key=True
    )
    content: Mapped[str] = mapped_column(String(32), primary_key=True)
    vector: Mapped[bytes] = mapped_column(LargeBinary)


class GenerationRow(Base):
    """A mark that changes with every change of passages, so that caches see they are behind."""

    __tablename__ = "playbook_generation"
    id: Mapped[int] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(String(32))


def touch(session: Session) -> None:
    """Change the mark of the present state."""
    session.merge(GenerationRow(id=1, value=uuid.uuid4().hex))


def to_embed(title: str, section: str, text: str) -> str:
    """What stands for a passage in the vector space: its headings and its body."""
    return f"{title} {section}\n{text}"


def content_of(text: str) -> str:
    """The name of an embedded text: 32 hex digits of its SHA-256."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def digest_of(passage: Passage) -> str:
    """Digest of everything about a passage that is searched (SHA-256, hex).

    Its place in the document is left out: a section inserted above re-embeds nothing below.
    """
    parts = (passage.title, passage.section, passage.text, passage.audience, *passage.asks)
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


# What `passage_from` needs, in its order.
PASSAGE_COLUMNS = (
    PassageRow.id,
    PassageRow.source,
    PassageRow.title,
    PassageRow.section,
    PassageRow.text,
    PassageRow.audience,
    PassageRow.position,
    PassageRow.asks,
)


def passage_from(row: Any) -> Passage:
    """A passage from a row that begins with `PASSAGE_COLUMNS`."""
    id_, source, title, section, text, audience, position, asks = row[:8]
    return Passage(
        id_, source, title, section, text, cast(Audience, audience), position, tuple(asks)
    )
