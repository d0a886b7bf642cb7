"""Questions: the evaluation sets under evals/data, read and typed (see the data card there)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

DATA = Path(__file__).parent / "data"

Split = Literal["dev", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
Kind = Literal["answerable", "unanswerable"]
Why = Literal[
    "", "false_premise", "not_in_documents", "out_of_scope", "needs_live_data", "nonsense"
]

# Acceptable wordings of one fact, and all the facts of a question.
Facts = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Question:
    """A question with what its answer must hold.

    ``facts`` are all needed, each in any of its wordings; ``sources`` are places such as `000#Q12`
    or `002#4.3`; ``why`` says why there is no answer and is empty when there is one; ``topic`` is
    the unit that lies wholly in one split.
    """

    id: str
    q: str
    kind: Kind
    why: Why
    hard: bool
    facts: Facts
    sources: tuple[str, ...]
    topic: str

    @property
    def answerable(self) -> bool:
        """Whether the documents answer it."""
        return self.kind == "answerable"

    @property
    def group(self) -> str:
        """What results are told apart by: `hard` or `easy`, or why there is no answer."""
        return ("hard" if self.hard else "easy") if self.answerable else self.why


def load(split: Split, data: Path = DATA) -> list[Question]:
    """The questions of a split, in file order.

    Raises:
        KeyError, ValueError: a line is not a question; the message names the line.
    """
    path = data / f"questions.{split}.jsonl"
    lines = path.read_text("utf-8").splitlines()
    return [_question(line, f"{path.name}:{n}") for n, line in enumerate(lines, 1) if line.strip()]


def _question(line: str, place: str) -> Question:
    try:
        row = json.loads(line)
        question = Question(
            id=row["id"],
            q=row["q"],
            kind=row["kind"],
            why=row.get("why", ""),
            hard=row["hard"],
            facts=tuple(tuple(wordings) for wordings in row["facts"]),
            sources=tuple(row["sources"]),
            topic=row["topic"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{place} is not a question: {error!r}") from error
    if question.kind not in get_args(Kind) or question.why not in get_args(Why):
        raise ValueError(f"{place}: kind {question.kind!r} or why {question.why!r} is unknown")
    if question.answerable == bool(question.why) or question.answerable != bool(question.facts):
        raise ValueError(f"{place}: an answerable question has facts and no `why`")
    return question
