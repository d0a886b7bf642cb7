"""Passages: a cleaned document split along its structure, sized to be cited."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from copilot.language import segment, tokens
from copilot.playbook.clean import Document, Section
from copilot.playbook.evidence import AUDIENCES, Audience, Passage

# About 300 Chinese characters at 0.7 token each (design.md, "Known facts"). A section that is only
# half as long again stays whole: a list cut from its lead-in answers nothing.
BUDGET = 210
WHOLE = 315

# An entry that carries its own asks is about one thing and is cited as a whole, if it is not longer
# than about 1 200 characters: cut by headings, its parts filled the first five hits and left no
# place for a second entry (recall@5 on hard dev questions 0.54 in parts, 0.64 whole).
ENTRY = 850

# A template with a blank nobody has filled in is for staff: members are never told a placeholder.
_BLANK = "【待填"

_LINKS = re.compile(r"(?:\s|[-*+]|\[\[[^\[\]]*\]\])*")
_ITEM = re.compile(r"^\s*(?:[-*+•·]|\d{1,3}[.、)）]|[（(]\d{1,3}[)）]|[一二三四五六七八九十]+、)")


def split(document: Document, *, root: str, audience: Audience) -> list[Passage]:
    """Split a document into passages in reading order.

    Args:
        root: where the document lies; part of the passage's id.
        audience: who may be answered from it, unless its front matter says otherwise.
    """
    audience, _ = audience_of(document, audience)
    said = document.meta.get("asks", ())
    asks = tuple(ask for ask in ((said,) if isinstance(said, str) else said) if ask.strip())
    sections = list(_together(document.sections)) if asks else list(document.sections)
    whole = ENTRY if asks else WHOLE
    if asks and len(sections) == 1:
        # The title alone names it.
        sections = [replace(sections[0], number="", path=())]
    if asks and any(_BLANK in section.text for section in sections):
        # What is left of an entry without its blanks would answer beside the point.
        audience = "operator"
    passages: list[Passage] = []
    ordinals: dict[str, int] = {}
    for section in sections:
        name = _name(section)
        for text in _pieces(section, whole):
            ordinal = ordinals[name] = ordinals.get(name, -1) + 1
            key = "\x1f".join((root, document.source, name, str(ordinal)))
            passages.append(
                Passage(
                    id=hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16],
                    source=document.source,
                    title=document.title,
                    section=name,
                    text=text,
                    audience="operator" if _BLANK in text else audience,
                    position=len(passages),
                    asks=asks,
                )
            )
    return passages


def _together(sections: Sequence[Section]) -> Iterator[Section]:
    """Neighbouring sections joined up to an entry's length, each under its own heading line.

    Sections of nothing but links to other entries are left out: they answer no question.
    """
    held: list[Section] = []
    size = 0
    for section in sections:
        if _LINKS.fullmatch(section.text):
            continue
        length = tokens.count(section.text)
        if held and size + length > ENTRY:
            yield _joined(held)
            held, size = [], 0
        held.append(section)
        size += length
    if held:
        yield _joined(held)


def _joined(sections: Sequence[Section]) -> Section:
    """Several sections as one, named by those it holds when it is not the whole entry."""
    if len(sections) == 1:
        return sections[0]
    first = sections[0]
    title = "、".join(section.title for section in sections if section.title)
    text = "\n\n".join(f"**{each.title}**\n\n{each.text}" for each in sections)
    return replace(first, number="", title=title, path=(*first.path[:-1], title), text=text)


def _name(section: Section) -> str:
    """The heading path, the section's number before its own title."""
    *above, last = section.path or ("",)
    if section.number and not last.startswith(section.number):
        last = f"{section.number} {last}".strip()
    return " › ".join(part for part in (*above, last) if part)


def audience_of(document: Document, given: Audience) -> tuple[Audience, str]:
    """Who may be answered from a document, and what is odd about what it says of it.

    Front matter that names nobody we know, or that cannot be read, may have meant to hide the
    document: it is kept to operators, and the second value says why (empty otherwise).

    Args:
        given: who may be, when the document itself does not say.
    """
    said = document.meta.get("audience")
    if isinstance(said, str) and (name := said.strip().lower()) in AUDIENCES:
        return name, ""
    if said is not None:
        return "operator", f"audience {said!r} is none of {', '.join(AUDIENCES)}: operators only"
    if any(found.reason == "front matter" for found in document.report.suspicious):
        return "operator", "its front matter cannot be read: operators only"
    return given, ""


def _pieces(section: Section, whole: int) -> Iterator[str]:
    """The section's text in pieces of about the budget, cut between blocks where possible.

    Args:
        whole: tokens up to which a section stays in one piece.
    """
    text = section.text.strip()
    if not text:
        return
    if tokens.count(text) <= whole:
        yield text
        return
    piece: list[str] = []
    size = 0
    for block, joint in _blocks(text):
        length = tokens.count(block)
        if piece and size + length > BUDGET:
            yield "".join(piece).strip()
            piece, size = [], 0
        piece.append(block + joint)
        size += length
    if piece:
        yield "".join(piece).strip()


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Lines, and the sentences of lines that alone exceed the budget, each with what joins it on.

    A line that introduces list items (it ends with a colon) travels with the first of them.
    """
    lines = text.split("\n")
    carried = ""
    for line, following in zip(lines, _following(lines), strict=True):
        if line.rstrip().endswith((":", "：", ":**", "：**")) and _ITEM.match(following):
            carried += line + "\n"
            continue
        if not line.strip() and carried:
            carried += "\n"
            continue
        block, carried = carried + line, ""
        if tokens.count(block) <= BUDGET:
            yield block, "\n"
            continue
        sentences = [part for each in segment.sentences(block) for part in _shorten(each)]
        for each in sentences[:-1]:
            yield each, ""
        if sentences:
            yield sentences[-1], "\n"
    if carried.strip():
        yield carried, ""


def _following(lines: list[str]) -> list[str]:
    """For each line the next one that is not blank, or nothing."""
    found: list[str] = []
    following = ""
    for line in reversed(lines):
        found.append(following)
        following = line if line.strip() else following
    return found[::-1]


def _shorten(sentence: str) -> Iterator[str]:
    """Cut what has no sentence end within the budget (a table row, a log line) by length."""
    if tokens.count(sentence) <= 2 * BUDGET:
        yield sentence
        return
    for start in range(0, len(sentence), 300):
        yield sentence[start : start + 300]
