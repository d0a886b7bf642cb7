"""Cleaning: a file's text into a document with sections, and a report of what was done to it."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from copilot.playbook.cleaning import boilerplate, furniture, layout, repair, structure, suspicion
from copilot.playbook.cleaning.front_matter import FrontMatter, take
from copilot.playbook.cleaning.repair import Repair
from copilot.playbook.cleaning.structure import Heading, Missing, Outline
from copilot.playbook.cleaning.suspicion import Suspicion

# Values and records: no headings, paragraphs or page furniture to look for.
DATA = frozenset({"csv", "tsv", "json", "jsonl"})
# Characters shown of a line that was dropped.
EXCERPT = 60

_SITE = re.compile(
    r"\s*[-_|–—·]\s*[^-_|–—]{0,12}"
    r"(?:网|網|文库|文庫|百科|论坛|論壇|博客|豆丁|知乎|下载|下載|频道|頻道|\.com|\.cn)\s*$"
)
_CONTENTS = re.compile(r"^(?:目\s*[录錄次]|(?:table of )?contents)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a document under one heading.

    ``number`` is the heading's label (`2.3`, `一`; empty without one); ``path`` the titles from the
    top, its own last, the document's title left out; ``text`` the body without headings, paragraphs
    divided by blank lines, list items and table rows on lines of their own.
    """

    number: str
    title: str
    path: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class CleaningReport:
    """What cleaning did: repaired, dropped, left though suspicious, promised but missing."""

    repaired: tuple[Repair, ...] = ()
    dropped: tuple[str, ...] = ()
    suspicious: tuple[Suspicion, ...] = ()
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A cleaned file: its title, its sections in reading order, the report, the front matter."""

    source: str
    title: str
    sections: tuple[Section, ...]
    report: CleaningReport = field(default_factory=CleaningReport)
    meta: FrontMatter = field(default_factory=FrontMatter)


@dataclass(frozen=True, slots=True)
class _Part:
    """A section to be: where its body stands in the repaired text (the first may be in pieces)."""

    pieces: tuple[tuple[int, int], ...]
    number: str
    title: str
    path: tuple[str, ...]
    leaf: bool = False


@dataclass(frozen=True, slots=True)
class _Cuts:
    """Characters of the repaired text that go: dropped lines, and marks that divide paragraphs."""

    starts: list[int]
    ends: list[int]
    marks: frozenset[int]

    def apply(self, text: str, start: int, end: int) -> str:
        """The text between two positions without what is cut, marks turned into blank lines."""
        parts: list[str] = []
        for place in range(bisect_left(self.starts, start), bisect_left(self.starts, end)):
            cut = self.starts[place]
            parts += (text[start:cut], "\n\n" if cut in self.marks else "")
            start = max(start, self.ends[place])
        return "".join([*parts, text[start:end]])

    def cover(self, position: int) -> bool:
        """Whether a position is cut."""
        place = bisect_right(self.starts, position) - 1
        return place >= 0 and position < self.ends[place]


def clean_document(source: str, text: str, *, kind: str) -> Document:
    """Clean the text of one file.

    Args:
        source: the file's path; its stem is the title when the text has none.
        text: the text as read. It must not have been normalised: NFKC turns damage that can be
            repaired (`⒖` is two bytes of GBK) into damage that cannot.
        kind: the file's kind (`md`, `txt`, `pdf`, `csv` …); those in `DATA` keep their lines.

    Returns:
        The document. Its sections hold the author's characters: where nothing is damaged nothing
        but blanks differs. A text without headings is one section, an empty one has none.
    """
    text = layout.tidy(text)
    if kind.lower().lstrip(".") in DATA:
        body, title = text.strip(), _stem(source)
        return Document(source, title, (Section("", title, (), body),) if body else ())
    meta, text, unread = take(text)
    text, printed = furniture.strip(text)
    mended = repair.mend(text)
    outline = structure.outline(mended.text)
    top = _top(mended.text, outline)
    said = meta.get("title", "")
    if top and said and top.title != said:
        top = None  # the file has another title; this heading is a part of it
    names = [said if isinstance(said, str) else "", top.title if top else "", outline.title]
    names = [name for name in names if name]
    edges = boilerplate.edges(mended.text, outline, names)
    title = next(iter([*names, edges.title]), "") or _stem(source)
    title = _SITE.sub("", title) or title
    cuts = _cuts(mended.text, outline, edges)
    parts = _parts(mended.text, outline, top, title)
    sections, dropped, missing = _sections(mended.text, parts, cuts, title)
    notes = [Suspicion("front matter", unread)] if unread else []
    report = CleaningReport(
        repaired=_repairs(mended, parts, cuts),
        dropped=(
            *printed,
            *(line.text[:EXCERPT] for line in edges.dropped),
            *(line[:EXCERPT] for line in dropped),
        ),
        suspicious=(*notes, *_suspicious(mended, parts, cuts, sections)),
        missing=(*missing, *outline.missing),
    )
    return Document(
        source, title, tuple(section for section in sections if section.text), report, meta
    )


def _stem(source: str) -> str:
    return PurePosixPath(source.replace("\\", "/")).stem or source


def _top(text: str, outline: Outline) -> Heading | None:
    """The heading that is the document's title: the only one of its level, or one above nothing."""
    if not outline.marked:
        return None
    first, *others = outline.headings
    level = min(heading.level for heading in outline.headings)
    if first.level != level:
        return None
    rivals = [heading for heading in others if heading.level == level]
    bare = others and others[0] in rivals and not text[first.end : others[0].start].strip()
    return first if not rivals or bare else None


def _cuts(text: str, outline: Outline, edges: boilerplate.Edges) -> _Cuts:
    marks = set(layout.marks(text))
    if not outline.marked:
        # A mark between a heading and its text; a question is a heading of its own.
        marks |= {
            heading.end
            for heading in outline.headings
            if text[heading.end : heading.end + 1] == "?"
        }
    spans = {mark: mark + 1 for mark in marks}
    spans |= {line.start: line.end for line in edges.dropped}
    starts = sorted(spans)
    return _Cuts(starts, [spans[start] for start in starts], frozenset(marks))


def _parts(text: str, outline: Outline, top: Heading | None, title: str) -> list[_Part]:
    """The sections to be, in order; what stands before the first heading is one of them."""
    headings = outline.headings
    begin = headings[0].start if headings else len(text)
    pieces = ((0, outline.head), (outline.body, begin)) if outline.body else ((0, begin),)
    parts = [_Part(pieces, "", title, ())]
    above: list[Heading] = []
    for place, heading in enumerate(headings):
        following = headings[place + 1] if place + 1 < len(headings) else None
        body = ((heading.end, following.start if following else len(text)),)
        if heading is top:
            parts.append(_Part(body, "", title, ()))
            continue
        while above and above[-1].level >= heading.level:
            above.pop()
        above.append(heading)
        path = tuple(each.title for each in above)
        leaf = following is None or following.level <= heading.level
        parts.append(_Part(body, heading.number, heading.title, path, leaf))
    return parts


def _sections(
    text: str, parts: list[_Part], cuts: _Cuts, title: str
) -> tuple[list[Section], list[str], list[Missing]]:
    """The sections in the order of the parts, lines dropped from them, headings without text."""
    wrapped, known = layout.width(text), layout.hyphenated(text)
    sections: list[Section] = []
    dropped: list[str] = []
    missing: list[Missing] = []
    for part in parts:
        body = "\n".join(cuts.apply(text, start, end) for start, end in part.pieces)
        if _CONTENTS.match(part.title):
            dropped += [f"{part.title} …"]
            body = ""
        elif not part.path:
            lines = body.split("\n")
            again = {line for line in lines if boilerplate.same(line, title)}
            dropped += [line.strip() for line in lines if line in again]
            body = "\n".join(line for line in lines if line not in again)
        laid = layout.lay(body, wrapped=wrapped or layout.width(body), known=known)
        if part.leaf and not laid and not _CONTENTS.match(part.title):
            missing.append(Missing(part.number, part.title))
        sections.append(Section(part.number, part.title, part.path, laid))
    return sections, dropped, missing


def _repairs(mended: repair.Mended, parts: list[_Part], cuts: _Cuts) -> tuple[Repair, ...]:
    where = _Places(parts)
    found = [
        fix if fix.count > 1 else replace(fix, section=where.name(mended.repaired(fix.offset)))
        for fix in mended.repairs
    ]
    if cuts.marks:
        first = mended.original(min(cuts.marks))
        found.append(Repair("paragraph marks", "?", "", offset=first, count=len(cuts.marks)))
    return tuple(found)


def _suspicious(
    mended: repair.Mended, parts: list[_Part], cuts: _Cuts, sections: list[Section]
) -> list[Suspicion]:
    where = _Places(parts)
    found = [
        replace(each, section=where.name(mended.repaired(each.offset)))
        for each in mended.suspicious
    ]
    told = {each.offset for each in found}
    cut = any(fix.kind == "bytes out of step" for fix in mended.repairs)
    for position, reason in suspicion.signs(mended.text, cut=cut):
        offset = mended.original(position)
        near = any(offset + step in told for step in range(-suspicion.AROUND, suspicion.AROUND))
        if near or cuts.cover(position) or not where.inside(position):
            continue
        shown = suspicion.excerpt(mended.text, position, position + 1)
        found.append(Suspicion(reason, shown, where.name(position), offset))
    for part, section in zip(parts, sections, strict=True):
        if suspicion.breaks_off(section.text):
            shown = section.text[-2 * suspicion.AROUND :]
            end = mended.text.rfind(section.text[-1], *part.pieces[-1])
            found.append(Suspicion("breaks off", shown, _name(part), mended.original(end)))
    return sorted(found, key=lambda each: each.offset)


class _Places:
    """Which section a position of the repaired text belongs to."""

    def __init__(self, parts: list[_Part]) -> None:
        spans = sorted((start, end, _name(part)) for part in parts for start, end in part.pieces)
        self._starts = [start for start, _, _ in spans]
        self._spans = spans

    def name(self, position: int) -> str:
        """The section's number and title; that of the one before within a heading."""
        place = bisect_right(self._starts, position) - 1
        return self._spans[place][2] if place >= 0 else ""

    def inside(self, position: int) -> bool:
        """Whether the position lies in a section's body."""
        place = bisect_right(self._starts, position) - 1
        return place >= 0 and position < self._spans[place][1]


def _name(part: _Part) -> str:
    return f"{part.number} {part.title}".strip()
