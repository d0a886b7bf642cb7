"""The console's side panel: the passages behind each answer, opened by the marks in the text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from copilot.jobs.answer import Citation
from copilot.language import normalize, segment

_MARK = re.compile(r"\[(\d{1,3})\]")


def linked(text: str, answer: str) -> str:
    """The answer's text (Markdown) with each mark ``[n]`` turned into a link to its passage.

    Args:
        answer: the id that tells this answer's passages from those of other answers.
    """
    return _MARK.sub(lambda m: f"[\\[{m.group(1)}\\]](#cite-{answer}-{m.group(1)})", text)


def panel(citations: Sequence[Citation], text: str, answer: str) -> str:
    """The passages of one answer as HTML, each closed, what the answer took from it marked."""
    said = said_of(text)
    blocks = []
    for citation in citations:
        where = escape(citation.section)
        body = "".join(
            f"<p>{marked(line, said.get(citation.n, ''))}</p>"
            for line in citation.text.split("\n")
            if line.strip()
        )
        blocks.append(
            f'<details class="cite" id="cite-{answer}-{citation.n}">'
            f"<summary><b>[{citation.n}]</b> 《{escape(citation.title)}》"
            f'<span class="where">{where}</span></summary>'
            f'<div class="passage">{body}<p class="file">{escape(citation.source)}</p></div>'
            "</details>"
        )
    return "".join(blocks)


def said_of(text: str) -> dict[int, str]:
    """What the answer says on the strength of each number, in search form, run together."""
    said: dict[int, str] = {}
    start = 0
    for match in _MARK.finditer(text):
        statement = _bare(text[start : match.start()])
        start = match.end()
        said[int(match.group(1))] = said.get(int(match.group(1)), "") + "\n" + statement
    return said


def marked(line: str, said: str) -> str:
    """One line of a passage as HTML, with the sentences that the answer took from it marked."""
    parts = []
    for sentence in segment.sentences(line) or [line]:
        bare = _bare(sentence)
        shown = escape(re.sub(r"\*\*|__", "", sentence))
        parts.append(f"<mark>{shown}</mark>" if len(bare) >= 4 and bare in said else shown)
    return "".join(parts)


def _bare(text: str) -> str:
    """Letters, digits and Chinese characters alone, so that bullets and emphasis do not matter."""
    return re.sub(
        r"^\d+(?=[^\d])", "", "".join(c for c in normalize.search_form(text) if c.isalnum())
    )
