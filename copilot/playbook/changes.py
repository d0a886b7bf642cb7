"""Changes: a document's passages and asks out of the tables and into them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from copilot.playbook.embeddings import prune
from copilot.playbook.evidence import Passage
from copilot.playbook.rows import (
    PASSAGE_COLUMNS,
    Ask,
    AskRow,
    DocumentRow,
    Origin,
    PassageRow,
    content_of,
    digest_of,
    to_embed,
)


def take_out(session: Session, passages: Any) -> tuple[set[str], dict[str, list[Ask]]]:
    """Delete passages by a select of their ids; what was embedded, and the asks added to each."""
    taken = contents(session, passages), added(session, passages)
    delete_passages(session, passages)
    return taken


def contents(session: Session, passages: Any) -> set[str]:
    """What is embedded of passages and their asks, by a select of the passages' ids."""
    return {
        *session.scalars(select(PassageRow.content).where(PassageRow.id.in_(passages))),
        *session.scalars(select(AskRow.content).where(AskRow.passage_id.in_(passages))),
    }


def added(session: Session, passages: Any) -> dict[str, list[Ask]]:
    """The asks that were added to passages, in order."""
    rows = session.execute(
        select(AskRow.passage_id, AskRow.text, AskRow.origin)
        .where(AskRow.passage_id.in_(passages), AskRow.origin != "author")
        .order_by(AskRow.position)
    )
    found: dict[str, list[Ask]] = {}
    for id_, text, origin in rows:
        found.setdefault(id_, []).append(Ask(text, cast(Origin, origin)))
    return found


def insert_passages(
    session: Session,
    document: int,
    passages: Sequence[Passage],
    added: Mapping[str, Sequence[Ask]],
) -> dict[str, str]:
    """Insert passages with their own asks and the added ones; embedded content → passage id."""
    rows: list[dict[str, Any]] = []
    asked: list[dict[str, Any]] = []
    said: dict[str, str] = {}
    for passage in passages:
        asks: dict[str, Ask] = {}
        for ask in (*(Ask(each, "author") for each in passage.asks), *added.get(passage.id, ())):
            asks.setdefault(content_of(ask.text), ask)
        whole = replace(passage, asks=tuple(ask.text for ask in asks.values()))
        content = content_of(to_embed(passage.title, passage.section, passage.text))
        said[content] = passage.id
        rows.append(
            {column.key: getattr(whole, column.key) for column in PASSAGE_COLUMNS}
            | {"asks": list(whole.asks), "document_id": document}
            | {"digest": digest_of(whole), "content": content}
        )
        asked.extend(
            {
                "passage_id": passage.id,
                "content": name,
                "position": place,
                "text": ask.text,
                "origin": ask.origin,
            }
            for place, (name, ask) in enumerate(asks.items())
        )
    if rows:
        session.execute(insert(PassageRow), rows)
    if asked:
        session.execute(insert(AskRow), asked)
    return said


def delete_passages(session: Session, passages: Any) -> None:
    """Delete passages and all their asks, by a select of their ids."""
    session.execute(delete(AskRow).where(AskRow.passage_id.in_(passages)))
    session.execute(delete(PassageRow).where(PassageRow.id.in_(passages)))


def delete_documents(session: Session, ids: Any) -> None:
    """Delete documents by a select of their ids (passages first: no reliance on cascades)."""
    chosen = list(session.scalars(ids))
    for start in range(0, len(chosen), 500):
        chunk = chosen[start : start + 500]
        mine = select(PassageRow.id).where(PassageRow.document_id.in_(chunk))
        said = contents(session, mine)
        delete_passages(session, mine)
        session.execute(delete(DocumentRow).where(DocumentRow.id.in_(chunk)))
        prune(session, said)
