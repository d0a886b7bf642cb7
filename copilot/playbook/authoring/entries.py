"""Entries: a Markdown file of the playbook taken apart: front matter, sections, links."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml

from copilot.errors import BadInput
from copilot.playbook.authoring.problems import Problem
from copilot.playbook.cleaning.front_matter import take
from copilot.playbook.evidence import AUDIENCES

STAGES = ("种子", "成长", "成熟", "巅峰", "衰退", "转型")
# Below the knowledge folder; `playbook` has one folder per topic.
FOLDERS = ("playbook", "sop", "crisis", "members")

_FENCE = re.compile(r"\A---[ \t]*\n(.*?\n)---[ \t]*\n(.*)\Z", re.DOTALL)
_LINK = re.compile(r"\[\[([^\[\]]*)\]\]")
_HEADING = re.compile(r"^## +(.+?)\s*$")
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_PLACE = re.compile(r"\d{3}#(?:Q\d{1,2}|\d{1,2}\.\d{1,2})")
_KEYS = ("id", "title", "audience", "stage", "tags", "sources", "asks", "updated")
_OPTIONAL = ("template",)


@dataclass(frozen=True, slots=True)
class Part:
    """A `##` section: its heading, the line in the file on which its text begins, the text."""

    title: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it stands in its file.

    ``file`` is relative to the knowledge folder; ``body`` begins on line ``body_line`` of the file
    (from 1). Of front matter that is missing or of the wrong type, the value is empty.
    """

    file: str
    id: str
    title: str
    audience: str
    stage: tuple[str, ...]
    tags: tuple[str, ...]
    sources: tuple[str, ...]
    asks: tuple[str, ...]
    updated: date | None
    template: bool
    body: str
    body_line: int
    front: str

    @property
    def kind(self) -> str:
        """The folder below the knowledge folder: `playbook`, `sop`, `crisis` or `members`."""
        return self.file.split("/", 1)[0]

    @property
    def parts(self) -> tuple[Part, ...]:
        """The body's `##` sections, in order."""
        found: list[tuple[str, int, list[str]]] = []
        for number, line in enumerate(self.body.split("\n"), start=self.body_line):
            if heading := _HEADING.match(line):
                found.append((heading[1], number + 1, []))
            elif found:
                found[-1][2].append(line)
        return tuple(Part(title, line, "\n".join(lines)) for title, line, lines in found)

    @property
    def links(self) -> tuple[tuple[str, int], ...]:
        """The ids in `[[…]]`, each with its line."""
        return tuple(
            (link[1], number)
            for number, line in enumerate(self.body.split("\n"), start=self.body_line)
            for link in _LINK.finditer(line)
        )

    def line_of(self, *texts: str) -> int:
        """The line of the front matter that holds the first text that one does; 1 when none."""
        lines = self.front.split("\n")
        for text in texts:
            for number, line in enumerate(lines, start=2):
                if text and text in line:
                    return number
        return 1


def read_all(
    folder: Path, drafts: Mapping[str, bytes] | None = None
) -> tuple[list[Entry], list[Problem]]:
    """Every entry below a knowledge folder, in the order of the files, and what is wrong with them.

    Files whose front matter cannot be read at all give a problem and no entry.

    Args:
        drafts: file (relative to the folder) -> content to be read in place of what is there.

    Raises:
        BadInput: there is no such folder, or nothing in it is an entry.
    """
    contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in _files(folder)}
    contents |= drafts or {}
    if not contents:
        raise BadInput(
            f"no entries in {str(folder)!r}.",
            remedy=f"Name a knowledge folder: entries lie in {', '.join(FOLDERS)} below it.",
        )
    entries: list[Entry] = []
    problems: list[Problem] = []
    for file, content in contents.items():
        entry, found = parse(file, content)
        problems.extend(found)
        if entry is not None:
            entries.append(entry)
    return entries, problems


def choose(
    entries: Sequence[Entry], stage: str = "", audience: str = "", tag: str = "", topic: str = ""
) -> list[Entry]:
    """The entries that match each of what is given; ``topic`` is the folder they lie in.

    Raises:
        BadInput: there is no such stage or topic.
    """
    if stage and stage not in STAGES:
        raise BadInput(f"no stage {stage!r}.", remedy=f"One of {'、'.join(STAGES)}.")
    topics = {name for entry in entries for name in entry.file.split("/")[:-1]}
    if topic and topic not in topics:
        raise BadInput(f"no folder {topic!r}.", remedy=f"One of {'、'.join(sorted(topics))}.")
    return [
        entry
        for entry in entries
        if (not stage or stage in entry.stage)
        and (not audience or audience == entry.audience)
        and (not tag or tag in entry.tags)
        and (not topic or topic in entry.file.split("/")[:-1])
    ]


def _files(folder: Path) -> list[Path]:
    return [path for name in FOLDERS for path in sorted((folder / name).rglob("*.md"))]


def parse(file: str, content: bytes) -> tuple[Entry | None, list[Problem]]:
    """Take an entry apart; what is missing or of the wrong type is a problem each."""

    def problem(line: int, what: str, remedy: str) -> Problem:
        return Problem(file, line, "front-matter", what, remedy)

    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        return None, [problem(0, f"is not UTF-8: {error}.", "Save it as UTF-8.")]
    fence = _FENCE.match(text)
    if fence is None:
        return None, [problem(1, "has no front matter.", "Begin with `---`, the keys, `---`.")]
    try:
        meta: Any = yaml.safe_load(fence[1])
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a day that does not exist
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 2 if mark else 1
        what = str(getattr(error, "problem", "") or error)
        return None, [problem(line, f"is not YAML: {what}.", "Quote the value.")]
    if not isinstance(meta, dict):
        return None, [problem(1, "is no list of keys.", "Write `key: value` lines.")]
    entry = _entry(file, meta, fence)
    found = [problem(entry.line_of(*near), what, remedy) for near, what, remedy in _wrong(meta)]
    if unread := take(text)[2]:
        remedy = "Write plain `key: value`, `[a, b]` or `- item` lines; quote what has `: ` or `#`."
        found.append(
            problem(entry.line_of(unread), f"cannot be read by the index: {unread!r}.", remedy)
        )
    return entry, found


def _entry(file: str, meta: dict[str, Any], fence: re.Match[str]) -> Entry:
    def text(key: str) -> str:
        value = meta.get(key)
        return value if isinstance(value, str) else ""

    def texts(key: str) -> tuple[str, ...]:
        value = meta.get(key)
        items = value if isinstance(value, list) else []
        return tuple(item for item in items if isinstance(item, str))

    updated = meta.get("updated")
    return Entry(
        file=file,
        id=text("id"),
        title=text("title"),
        audience=text("audience"),
        stage=texts("stage"),
        tags=texts("tags"),
        sources=texts("sources"),
        asks=texts("asks"),
        updated=updated if type(updated) is date else None,
        template=meta.get("template") is True,
        body=fence[2],
        body_line=fence[0].count("\n", 0, fence.start(2)) + 1,
        front=fence[1],
    )


def _wrong(meta: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """What is wrong with the values: what its line holds, what, remedy."""
    for key in _KEYS:
        if key not in meta:
            yield (), f"`{key}` is missing.", f"Add `{key}:`."
    for key in meta:
        if key not in _KEYS + _OPTIONAL:
            yield (f"{key}:",), f"`{key}` is no key we know.", f"Keys are {', '.join(_KEYS)}."
    for key, good, remedy in _SCALARS:
        if key in meta and not good(meta[key]):
            yield (f"{key}:",), f"`{key}` is {meta[key]!r}.", remedy
    for key, good, remedy in _LISTS:
        value = meta.get(key, [])
        if not isinstance(value, list):
            yield (f"{key}:",), f"`{key}` is no list.", remedy
            continue
        for item in value:
            if not (isinstance(item, str) and item.strip() and good(item)):
                yield (str(item), f"{key}:"), f"`{key}` has {item!r}.", remedy
        if key in ("stage", "tags") and not value and key in meta:
            yield (f"{key}:",), f"`{key}` is empty.", remedy


def _is_date(value: Any) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


_SCALARS: tuple[tuple[str, Any, str], ...] = (
    (
        "id",
        lambda value: isinstance(value, str) and _ID.fullmatch(value),
        "Lower-case Latin words joined by `-`.",
    ),
    ("title", lambda value: isinstance(value, str) and value.strip(), "Give it a title."),
    ("audience", lambda value: value in AUDIENCES, f"One of {', '.join(AUDIENCES)}."),
    ("updated", _is_date, "A date, as 2026-11-24."),
    ("template", lambda value: isinstance(value, bool), "`true`, or leave it out."),
)
_LISTS: tuple[tuple[str, Any, str], ...] = (
    ("stage", lambda item: item in STAGES, f"Some of {'、'.join(STAGES)}."),
    ("tags", lambda _: True, "A list of words."),
    ("sources", _PLACE.fullmatch, 'As "002#4.3" or "000#Q12".'),
    ("asks", lambda _: True, "A list of questions, each a text; quote what YAML reads otherwise."),
)
