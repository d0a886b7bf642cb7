"""Asks added to passages: which passages there are to ask for, and what a person changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from sqlalchemy import exists, func, select

from copilot.errors import BadInput, NotFound
from copilot.language.normalize import clean, search_form
from copilot.playbook.embeddings import chunks
from copilot.playbook.evidence import Passage
from copilot.playbook.records import Records
from copilot.playbook.rows import (
    PASSAGE_COLUMNS,
    Ask,
    AskRow,
    DocumentRow,
    PassageRow,
    passage_from,
)
from copilot.store import Store

# Longest ask a person may add, in characters, as for the questions in the gaps.
LONGEST = 500


@dataclass(frozen=True, slots=True)
class Held:
    """A passage below its root, and how people ask for it."""

    root: str
    passage: Passage
    asks: tuple[Ask, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """How many asks are new, and how many are gone."""

    added: int
    removed: int


class Asks:
    """Finds passages by what a person calls them, and changes the asks that were added to them.

    The index is brought into step by whoever calls (`Index.sync`).
    """

    def __init__(self, store: Store, records: Records) -> None:
        self._store = store
        self._records = records

    def unasked(self, roots: Sequence[str], limit: int | None = None) -> tuple[list[Passage], int]:
        """The passages below these roots that nobody has an ask for, in reading order.

        Returns:
            the first ``limit`` of them, and how many there are in all.
        """
        without = ~exists().where(AskRow.passage_id == PassageRow.id)
        where = (DocumentRow.root.in_(list(roots)), without)
        with self._store.read() as session:
            count = session.scalar(
                select(func.count()).select_from(PassageRow).join(DocumentRow).where(*where)
            )
            rows = session.execute(
                select(*PASSAGE_COLUMNS)
                .join(DocumentRow)
                .where(*where)
                .order_by(DocumentRow.root, DocumentRow.source, PassageRow.position)
                .limit(limit)
            )
            return [passage_from(row) for row in rows], int(count or 0)

    def held(self, ids: Sequence[str]) -> list[Held]:
        """Passages with their asks, in the order of the ids; ids that are gone are left out."""
        found: dict[str, tuple[str, Passage]] = {}
        with self._store.read() as session:
            for chunk in chunks(ids):
                rows = session.execute(
                    select(*PASSAGE_COLUMNS, DocumentRow.root)
                    .join(DocumentRow)
                    .where(PassageRow.id.in_(chunk))
                )
                found |= {row[0]: (row[-1], passage_from(row)) for row in rows}
        return [Held(*found[id_], tuple(self._records.asks_of(id_))) for id_ in ids if id_ in found]

    def at(self, place: str, path: Path, section: str = "") -> list[Held]:
        """The passages that a person means, in reading order.

        Args:
            place: a passage's id, or a document's source as `copilot index` lists it.
            path: the same as an absolute path, for a document given by its file.
            section: one that is called so, or else those with this in their heading path; empty
                means all.

        Raises:
            NotFound: no such passage, document or section; the remedy names near ones.
        """
        if found := self.held([place]):
            return found
        with self._store.read() as session:
            documents = session.execute(
                select(DocumentRow.id, DocumentRow.root, DocumentRow.source)
            )
            names = {id_: (root, source) for id_, root, source in documents}
            mine = [id_ for id_, name in names.items() if _is(place, path, *name)]
            rows = session.execute(
                select(PassageRow.id, PassageRow.section)
                .where(PassageRow.document_id.in_(mine))
                .order_by(PassageRow.document_id, PassageRow.position)
            )
            sections = {id_: name for id_, name in rows}
        if not mine:
            sources = sorted({source for _, source in names.values()})
            near = get_close_matches(place, sources, n=3, cutoff=0.4)
            raise NotFound(
                f"no passage or document {place!r}.",
                remedy=(f"Near it: {', '.join(near)}. " if near else "")
                + 'Look for its passages: copilot knowledge asks --find "…"',
            )
        return self.held(_called(section, sections) if section else list(sections))

    def change(
        self, passage_id: str, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> Changed:
        """Take asks away and add others; all are checked before any is changed.

        Raises:
            BadInput: one to add is blank or too long.
            NotFound: no such passage, or one to take away is not among its added asks.
        """
        wanted = [_checked(ask) for ask in add]
        known = {_tidy(ask.text): ask for ask in self._records.asks_of(passage_id)}
        gone: dict[str, Ask] = {}
        for ask in remove:
            found = known.get(_tidy(ask))
            if found is None or found.origin == "author":
                authored = "It stands in the document's front matter: edit it there."
                raise NotFound(
                    f"passage {passage_id!r} has no added ask {ask!r}.",
                    remedy=authored if found else "List its asks: copilot knowledge asks ID",
                )
            gone[found.text] = found
        for text in gone:
            self._records.remove_ask(passage_id, text)
        added = self._records.add_asks(passage_id, wanted, "person") if wanted else 0
        return Changed(added, len(gone))


def _is(place: str, path: Path, root: str, source: str) -> bool:
    """Whether a document is the one called so."""
    if place == source or path == Path(root) / source:
        return True
    # A root that is a file is the document itself.
    return path == Path(root) and path.name == source


def _called(section: str, sections: dict[str, str]) -> list[str]:
    """The ids of the passages in a section.

    Raises:
        NotFound: there is none of that name.
    """
    wanted = search_form(section).strip()
    forms = {id_: search_form(name) for id_, name in sections.items()}
    found = [id_ for id_, form in forms.items() if form == wanted]
    found = found or [id_ for id_, form in forms.items() if wanted in form]
    if not found:
        names = "; ".join(dict.fromkeys(name for name in sections.values() if name)) or "none"
        raise NotFound(f"there is no section {section!r}.", remedy=f"Its sections: {names[:600]}.")
    return found


def _tidy(ask: str) -> str:
    return " ".join(clean(ask).split())


def _checked(ask: str) -> str:
    tidy = _tidy(ask)
    if not tidy:
        raise BadInput("an ask is empty.", remedy="Write how people really ask.")
    if len(tidy) > LONGEST:
        raise BadInput(
            f"an ask has {len(tidy)} characters, more than {LONGEST}: {tidy[:40]!r}….",
            remedy="Shorten it.",
        )
    return tidy
