"""Drafts: new entries from a skeleton, and edits that can be taken back."""

from __future__ import annotations

import csv
import hashlib
import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import Path

from copilot.errors import BadInput, NotFound
from copilot.language.normalize import search_form
from copilot.playbook.authoring.entries import FOLDERS, Entry
from copilot.playbook.authoring.rules import BLANK, FEWEST_ASKS, REQUIRED
from copilot.playbook.authoring.sources import Sources
from copilot.playbook.authoring.tables import GLOSSARY

_UPDATED = re.compile(r"^updated:.*$", re.MULTILINE)
_LATIN = re.compile(r"[a-z][a-z0-9]*")
# Words of a title that a new id takes over at most.
_WORDS = 3
_ASKS = f"asks:  # 至少 {FEWEST_ASKS} 条，照人们真正的问法写，别用正文里的话"


_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Draft:
    """What is known of an entry before it is written; ``id`` empty: one is made up."""

    title: str
    folder: str
    audience: str = "operator"
    sources: tuple[str, ...] = ()
    stage: tuple[str, ...] = ()
    id: str = ""


def create(
    folder: Path, draft: Draft, entries: Sequence[Entry], sources: Sources, today: date
) -> tuple[Path, str]:
    """Write the skeleton of a new entry.

    Args:
        folder: the knowledge folder; ``entries`` are those already in it.

    Returns:
        the new file and the entry's id.

    Raises:
        BadInput: the id is taken, or nothing may be written there.
        NotFound: there is no such folder or source section.
    """
    if not draft.title.strip():
        raise BadInput("there is no title.", remedy="Say what the entry is about.")
    if draft.id and not _ID.fullmatch(draft.id):
        raise BadInput(
            f"{draft.id!r} is no id.", remedy="Use small letters, digits and hyphens: event-quiz."
        )
    where = _where(folder, draft.folder)
    for place in draft.sources:
        if place not in sources.sections:
            near = _near(place, sources.sections)
            raise NotFound(f"the sources have no {place!r}.", remedy=near or "As 002#4.3, 000#Q12.")
    beside = [entry.id for entry in entries if (folder / entry.file).parent == where]
    taken = {entry.id for entry in entries}
    id_ = draft.id or _free_id(draft.title, beside or [where.name], taken, _english(folder))
    if id_ in taken:
        raise BadInput(f"the id {id_!r} is taken.", remedy="Give another with --id.")
    path = where / f"{id_.removeprefix(_prefix(beside) + '-')}.md"
    kind = path.relative_to(folder).parts[0]
    try:
        # `x`: what is there is never written over.
        with path.open("x", encoding="utf-8") as file:
            file.write(_skeleton(draft, id_, kind, sources, today))
    except FileExistsError as error:
        raise BadInput(f"{str(path)!r} exists.", remedy="Give another id with --id.") from error
    except OSError as error:
        raise BadInput(f"{str(path)!r} cannot be written: {error}.", remedy="Check it.") from error
    return path, id_


def _where(folder: Path, name: str) -> Path:
    topics = sorted(path.name for path in (folder / "playbook").glob("*") if path.is_dir())
    if name in FOLDERS and name != "playbook" and (folder / name).is_dir():
        return folder / name
    if name in topics:
        return folder / "playbook" / name
    known = "、".join([*topics, *FOLDERS[1:]])
    raise NotFound(
        f"no folder {name!r}.",
        remedy=f"There are {known}; make a topic's folder in playbook first.",
    )


def _skeleton(draft: Draft, id_: str, kind: str, sources: Sources, today: date) -> str:
    """Front matter and headings; blanks where something is to be written."""
    lines = ["---"]
    for place in draft.sources:
        section = sources.sections[place]
        lines.append(f"# {place} {section.title}：{section.told or '没有数字'}")
    quoted = ", ".join(f'"{place}"' for place in draft.sources)
    lines += [f"id: {id_}", f"title: {_quoted(draft.title)}", f"audience: {draft.audience}"]
    lines += ["template: true"] if kind == "members" else []
    lines += [
        f"stage: [{', '.join(draft.stage)}]",
        "tags: []",
        f"sources: [{quoted}]",
        _ASKS,
        f"  - {BLANK}】",
        f"updated: {today.isoformat()}",
        "---",
    ]
    for heading in REQUIRED[kind]:
        lines += ["", f"## {heading.split('|')[0]}", f"- {BLANK}】"]
    return "\n".join([*lines, ""])


def _quoted(text: str) -> str:
    escaped = " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if re.search(r"""[:#"'\[\]{}&*!|>%@`\\]|^[-?]""", text) else escaped


def _prefix(ids: Iterable[str]) -> str:
    """The first word most ids of a folder begin with; empty without any."""
    counted = Counter(id_.split("-")[0] for id_ in ids).most_common(1)
    return counted[0][0] if counted else ""


def _free_id(
    title: str, beside: Sequence[str], taken: Iterable[str], english: dict[str, str]
) -> str:
    """The folder's word, Latin words of the title or the English of its terms, and a count."""
    form = search_form(title)
    words = _LATIN.findall(form)
    for term in sorted(english, key=len, reverse=True):
        if term in form and len(words) < _WORDS:
            words += _LATIN.findall(english[term])
            form = form.replace(term, " ")
    first = _LATIN.findall(_prefix(beside)) or ["entry"]
    stem = "-".join([*first, *words[:_WORDS]]) if words else f"{first[0]}-entry"
    held = set(taken)
    return next(
        id_ for count in range(1, len(held) + 2) if (id_ := _counted(stem, count)) not in held
    )


def _counted(stem: str, count: int) -> str:
    return stem if count == 1 else f"{stem}-{count}"


def _english(folder: Path) -> dict[str, str]:
    """Term -> its first English word in the glossary; empty without a glossary."""
    path = folder / GLOSSARY
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("term") and row.get("english")]
    return {search_form(row["term"]): search_form(row["english"].split("|")[0]) for row in rows}


def _near(wanted: str, known: Iterable[str]) -> str:
    near = get_close_matches(wanted, list(known), n=3, cutoff=0.5)
    return f"Near it: {', '.join(near)}." if near else ""


# Edits -------------------------------------------------------------------------------------------


def find(folder: Path, name: str, entries: Sequence[Entry]) -> Path:
    """The file of an entry, by its id, or by its path below the folder (when it cannot be read).

    Raises:
        NotFound: there is none; the message names near ones.
    """
    for entry in entries:
        if entry.id == name:
            return folder / entry.file
    path = folder / name
    if path.suffix == ".md" and path.is_file() and path.resolve().is_relative_to(folder.resolve()):
        return path
    by_id = [entry.id for entry in entries if name and (name in entry.id or name in entry.title)]
    near = by_id[:3] or get_close_matches(name, [entry.id for entry in entries], n=3, cutoff=0.5)
    told = f"Near it: {', '.join(near)}." if near else "See `copilot knowledge list`."
    raise NotFound(f"no entry {name!r}.", remedy=told)


def dated(content: bytes, today: date) -> bytes:
    """An entry's content with ``updated`` set; as it is when that key is missing."""
    head, fence, rest = content.decode("utf-8", "surrogateescape").partition("\n---")
    head = _UPDATED.sub(f"updated: {today.isoformat()}", head, count=1)
    return f"{head}{fence}{rest}".encode("utf-8", "surrogateescape")


def keep(path: Path, content: bytes, versions: Path) -> None:
    """Write a new version of an entry; the one before is put into ``versions`` for `undo`.

    Raises:
        BadInput: one of the two cannot be written; the entry is then as it was.
    """
    try:
        _replace(_version(path, versions), path.read_bytes())
        _replace(path, content)
    except OSError as error:
        raise BadInput(
            f"{str(path)!r} cannot be kept: {error}.", remedy="Check the folder's rights."
        ) from error


def undo(path: Path, versions: Path) -> None:
    """Put the version before the last `keep` back; undoing again brings the later one back.

    Raises:
        NotFound: no version is kept.
    """
    version = _version(path, versions)
    if not version.is_file():
        raise NotFound(
            f"no earlier version of {path.name!r} is kept.",
            remedy="`copilot knowledge edit` keeps one; see also `git log`.",
        )
    keep(path, version.read_bytes(), versions)


def _version(path: Path, versions: Path) -> Path:
    """Where the previous version lies: one name for each file on this machine."""
    name = hashlib.sha256(str(path.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return versions / f"{path.stem}-{name}.md"


def _replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, with the rights the old one has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(mode)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
