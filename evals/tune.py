"""`python -m evals.tune`: a grid over the weights of search, on the dev questions."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import product
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from copilot.playbook import lexical, search
from evals import corpus, questions, scorers
from evals.corpus import Corpus
from evals.questions import Question

# What is tried. The constants are changed one room at a time: fusion first, the columns of BM25
# (title, section, body, asks) after it, at the fusion that search.py has.
FUSION: Mapping[str, tuple[float, ...]] = {
    "STATEMENT": (0.0, 0.3, 0.6, 1.0),
    "WORDS": (0.0, 0.2, 0.4, 0.6, 1.0),
}
SINGLE: Mapping[str, tuple[float, ...]] = {
    "REPEATED": (0.0, 0.5, 1.0, 2.0),
    "RERANKED": (20, 40, 80),
}
COLUMNS = ((1.0, 1.0, 1.0, 1.0), (2.0, 2.0, 1.0, 2.0), (1.0, 2.0, 1.0, 1.0), (1.0, 1.0, 1.0, 0.5))


@contextmanager
def _set(module: Any, values: Mapping[str, Any]) -> Iterator[None]:
    """Constants of a module changed for a while."""
    before = {name: getattr(module, name) for name in values}
    for name, value in values.items():
        setattr(module, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)


def recalls(opened: Corpus, asked: list[Question]) -> dict[str, float]:
    """Recall at 1 and 5 on the hard and the easy questions."""
    found: dict[str, list[float]] = {}
    for question in asked:
        hits = opened.copilot.search(question.q, "operator", 5)
        texts = [f"{h.passage.title}\n{h.passage.section}\n{h.passage.text}" for h in hits]
        for k in (1, 5):
            score = scorers.recall(texts, question.facts, k)
            found.setdefault(f"{question.group} @{k}", []).append(score)
    return {name: float(np.mean(scores)) for name, scores in found.items()}


def settings() -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """(label, module, constants) of everything tried; the first is what is in force."""
    yield "in force", search, {}
    for values in product(*FUSION.values()):
        chosen: dict[str, Any] = dict(zip(FUSION, values, strict=True))
        yield _label(chosen), search, chosen
    for name, tried in SINGLE.items():
        for value in tried:
            yield _label({name: value}), search, {name: value}
    for columns in COLUMNS:
        yield _label({"columns": columns}), lexical, {"WEIGHTS": columns}


def _label(chosen: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in chosen.items())


def main() -> None:
    """Try every setting and print the table, by corpus."""
    names: list[corpus.Name] = ["documents", "all"] if corpus.DOCUMENTS.is_dir() else ["knowledge"]
    asked = [question for question in questions.load("dev") if question.answerable]
    for name in names:
        with corpus.opened(name) as opened:
            table = Table(title=f"{name}, {opened.copilot.embedder_name}", title_justify="left")
            for column in ("setting", "hard @1", "hard @5", "easy @1", "easy @5", "all @5"):
                table.add_column(column, justify="left" if column == "setting" else "right")
            for label, module, values in settings():
                with _set(module, values):
                    got = recalls(opened, asked)
                cells = [got[key] for key in ("hard @1", "hard @5", "easy @1", "easy @5")]
                cells.append((got["hard @5"] + got["easy @5"]) / 2)
                table.add_row(label, *(f"{value:.3f}" for value in cells))
        Console(width=None if sys.stdout.isatty() else 110).print(table)


if __name__ == "__main__":
    main()
