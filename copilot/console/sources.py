"""The console's side panel: the passages behind each answer, opened by the marks in the text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html import escape

from copilot.console import markup
from copilot.jobs.answer import Citation, without_notes
from copilot.language import normalize, segment

Say = Callable[[str], str]

# Shorter sentences stand in many passages by chance.
_SHORTEST = 5

_LIST_MARK = re.compile(r"^\s*(?:[-*+•·]|\d{1,3}[.、)）])\s*")


def anchor(answer: str, n: int) -> str:
    """The id of a passage's place in the panel."""
    return f"cite-{answer}-{n}"


def section(citations: Sequence[Citation], text: str, answer: str, say: Say) -> str:
    """The passages of one answer as HTML, closed, what the answer took from each marked.

    Args:
        text: what the answer says.
        answer: the id that tells this answer's passages from those of others.
        say: a text of the catalogue.
    """
    said = said_of(text)
    cards = "".join(_card(each, said.get(each.n, []), answer, say) for each in citations)
    return f'<section class="passages" data-answer="{escape(answer)}">{cards}</section>'


def _card(citation: Citation, said: Sequence[str], answer: str, say: Say) -> str:
    path = f'<span class="where">{escape(citation.section)}</span>' if citation.section else ""
    return (
        f'<details class="cite" id="{anchor(escape(answer), citation.n)}">'
        f'<summary><span class="n">{citation.n}</span>'
        f'<span class="title">《{escape(citation.title)}》{path}</span></summary>'
        f'<div class="passage">{passage(citation.text, said)}'
        f'<p class="file">{escape(say("console.file"))} {escape(citation.source)}</p></div>'
        "</details>"
    )


def passage(text: str, said: Sequence[str]) -> str:
    """A passage as HTML, the sentences in ``said`` (bare) marked."""

    def show(line: str) -> str:
        return "".join(_sentence(each, said) for each in segment.sentences(line) or [line])

    return markup.blocks(text, show)


def _sentence(sentence: str, said: Sequence[str]) -> str:
    shown = markup.inline(sentence)
    bare = _bare(sentence)
    # An answer takes a whole sentence, or of a long list item its beginning.
    taken = len(bare) >= _SHORTEST and any(bare in each or each in bare for each in said)
    return f"<mark>{shown}</mark>" if taken else shown


def said_of(text: str) -> dict[int, list[str]]:
    """What the answer says on the strength of each number: statements, bare."""
    said: dict[int, list[str]] = {}
    for line in text.split("\n"):
        if markup.NAME.match(line):
            continue
        start = 0
        statement = ""
        for match in markup.MARK.finditer(line):
            # Of several marks in a row each stands for the same statement.
            statement = _bare(line[start : match.start()]) or statement
            start = match.end()
            if len(statement) >= _SHORTEST:
                said.setdefault(int(match.group(1)), []).append(statement)
    return said


def _bare(text: str) -> str:
    """Letters, digits and Chinese characters alone: bullets, emphasis and script do not matter."""
    text = _LIST_MARK.sub("", without_notes(text))
    return "".join(each for each in normalize.search_form(text) if each.isalnum())
