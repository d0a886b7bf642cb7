"""Problems: what a check finds wrong, where it stands, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["problem", "warning"]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong.

    ``file`` is relative to the knowledge folder, ``line`` counts from 1 (0: the file as a whole),
    ``rule`` names the rule in one word (docs/knowledge.md lists them). A ``warning`` is for a
    person to weigh; it fails no check.
    """

    file: str
    line: int
    rule: str
    what: str
    remedy: str
    level: Level = "problem"
