"""The guard: a statement passes when its citations exist and its numbers are supported."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from copilot.jobs.answer import Citation, unsupported

# A statement ends with its sentence or line, marks included. A mark may still be on its way in a
# stream, so a statement is complete only when something else follows.
_STATEMENT = re.compile(
    r"(?:.*?(?:[。！？!?；;]+[”」）)]*|\n+)(?:[ \t]*\[\d{1,3}\])*\s*)(?=[^\s\[。！？!?；;”」）)])",
    re.S,
)
_MARK = re.compile(r"\[(\d{1,3})\]")


class Guard:
    """Takes text as it comes and lets checked statements out, citations renumbered from 1.

    ``dropped`` lists what was held back and why.
    """

    def __init__(self, known: Callable[[], Sequence[Citation]]) -> None:
        self._known = known
        self._held = ""
        self._numbers: dict[str, Citation] = {}
        self.dropped: list[tuple[str, str]] = []

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The passages cited so far, by their new numbers."""
        return tuple(self._numbers.values())

    def feed(self, text: str) -> str:
        """Take a piece of text; what may be said of everything taken so far."""
        self._held += text
        out = ""
        while match := _STATEMENT.match(self._held):
            self._held = self._held[match.end() :]
            out += self._check(match.group())
        return out

    def discard(self) -> None:
        """Forget what is held back: whoever was speaking has stopped in the middle."""
        self._held = ""

    def close(self) -> str:
        """What may be said of the rest."""
        rest, self._held = self._held, ""
        return self._check(rest)

    def _check(self, statement: str) -> str:
        if not statement.strip():
            return statement
        known = self._known()
        if reason := unsupported(statement, known):
            self.dropped.append((statement.strip(), reason))
            return "\n" if statement.endswith("\n") else ""
        by_number = {citation.n: citation for citation in known}

        def renumber(match: re.Match[str]) -> str:
            citation = by_number[int(match.group(1))]
            if citation.id not in self._numbers:
                self._numbers[citation.id] = replace(citation, n=len(self._numbers) + 1)
            return f"[{self._numbers[citation.id].n}]"

        return _MARK.sub(renumber, statement)
