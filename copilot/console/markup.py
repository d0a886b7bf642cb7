"""Text to HTML for the console: everything is escaped, only structure becomes tags."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from html import escape
from itertools import groupby

# What the marks `[n]` of an answer look like.
MARK = re.compile(r"\[(\d{1,3})\]")

_BULLET = re.compile(r"^\s*[-*+•·]\s+(?=\S)")
_NUMBERED = re.compile(r"^\s*(\d{1,3})(?:[、)）]|\.(?!\d))\s*(?=\S)")
_HEADING = re.compile(r"^\s*#{1,6}\s+(?=\S)")
# A line that names the section that what follows is taken from.
NAME = re.compile(r"^\s*【[^】]+】(?:\[\d{1,3}\])*\s*$")
_BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")
_RULE = re.compile(r"^\s*\|[\s:|-]+\|?\s*$")

# Shows the text of one line as HTML.
Show = Callable[[str], str]


def plain(text: str) -> str:
    """What somebody typed, as it is, line ends kept."""
    return escape(text).replace("\n", "<br>")


def answer(text: str, links: Mapping[int, str]) -> str:
    """An answer's text as HTML.

    Args:
        text: as answers are written: one paragraph or list item a line, ``**bold**``, ``[n]``.
        links: the id of what a mark opens, by number; a mark without one stays text.
    """

    def mark(found: re.Match[str]) -> str:
        n = int(found.group(1))
        shown = f"[{n}]"
        return f'<a class="mark" href="#{escape(links[n])}">{shown}</a>' if n in links else shown

    return blocks(text, lambda line: MARK.sub(mark, inline(line)))


def inline(text: str) -> str:
    """One line as HTML: escaped, ``**bold**`` bold."""
    return _BOLD.sub(r"<strong>\1</strong>", escape(text))


def blocks(text: str, show: Show) -> str:
    """Lines as paragraphs, headings, lists and tables, the text of each shown by ``show``."""
    lines = [line for line in text.split("\n") if line.strip()]
    return "".join(
        block for kind, group in groupby(lines, _kind) for block in _block(kind, group, show)
    )


def _kind(line: str) -> str:
    if line.lstrip().startswith("|"):
        return "table"
    if _BULLET.match(line):
        return "ul"
    if _NUMBERED.match(line):
        return "ol"
    return "h4" if _HEADING.match(line) or NAME.match(line) else "p"


def _block(kind: str, lines: Iterator[str], show: Show) -> Iterator[str]:
    if kind == "table":
        yield f"<table>{''.join(_row(line, show) for line in lines)}</table>"
    elif kind == "ul":
        items = "".join(f"<li>{show(_BULLET.sub('', line).strip())}</li>" for line in lines)
        yield f"<ul>{items}</ul>"
    elif kind == "ol":
        # The numbers are the author's: an answer may leave items out.
        yield f"<ol>{''.join(_numbered(line, show) for line in lines)}</ol>"
    else:
        for line in lines:
            yield f"<{kind}>{show(_HEADING.sub('', line).strip())}</{kind}>"


def _numbered(line: str, show: Show) -> str:
    number = _NUMBERED.match(line)
    value = number.group(1) if number else "1"
    return f'<li value="{value}">{show(_NUMBERED.sub("", line).strip())}</li>'


def _row(line: str, show: Show) -> str:
    if _RULE.match(line):
        return ""
    cells = line.strip().strip("|").split("|")
    return f"<tr>{''.join(f'<td>{show(cell.strip())}</td>' for cell in cells)}</tr>"
