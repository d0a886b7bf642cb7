"""The corpus: a copilot on a temporary home over the source documents or our own entries."""

from __future__ import annotations

import atexit
import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from copilot.app import Copilot
from copilot.playbook.authoring import notes
from copilot.playbook.evidence import Passage
from copilot.settings import Settings, load

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ROOT.parent / "shared" / "playbook"
KNOWLEDGE = ROOT / "knowledge"

# `documents` are the two that the questions were written from, `knowledge` our own entries, `all`
# both, as `make demo` indexes them.
Name = Literal["documents", "knowledge", "all"]
NAMES: tuple[Name, ...] = get_args(Name)

_NUMBER = re.compile(r"^(\d{1,2}(?:\.\d{1,2})?)(?=\s|$)")
_FILE = re.compile(r"^(?:.*/)?(\d{3})_")


@dataclass(frozen=True, slots=True)
class Corpus:
    """An open copilot and what is indexed in it; ``note`` tells when that is not what was asked."""

    copilot: Copilot
    name: Name
    note: str


def chosen(name: Name, documents: Path = DOCUMENTS) -> tuple[Name, str]:
    """The corpus that can be had: our entries where the source documents are not at hand.

    Returns:
        its name, and a note when it is not the one asked for.
    """
    if name == "knowledge" or documents.is_dir():
        return name, ""
    return "knowledge", (
        "the source documents are not beside the checkout (../shared/playbook): measured on"
        " knowledge/ instead, not comparable with baselines"
    )


def paths(name: Name) -> list[Path]:
    """What is indexed for a corpus."""
    ours = [KNOWLEDGE / folder for folder in ("playbook", "sop", "crisis", "members")]
    return {"documents": [DOCUMENTS], "knowledge": ours, "all": [DOCUMENTS, *ours]}[name]


def settings(home: Path) -> Settings:
    """Settings for measuring: offline and in a home of its own, whatever the environment says.

    The embedder and the gate's threshold stay as they are set, so that others can be measured.
    """
    return load(home=home, model="", database_url="", language="zh")


@contextmanager
def home(name: Name) -> Iterator[tuple[Path, Name]]:
    """A temporary home with the corpus indexed and nobody in it."""
    name, _ = chosen(name)
    with tempfile.TemporaryDirectory(prefix="copilot-eval-") as folder:
        with Copilot(settings(Path(folder)), doing="an eval") as copilot:
            copilot.index(paths(name))
        yield Path(folder), name


@contextmanager
def opened(name: Name) -> Iterator[Corpus]:
    """A copilot over the corpus, on a temporary home that is removed afterwards."""
    name, note = chosen(name)
    with (
        tempfile.TemporaryDirectory(prefix="copilot-eval-") as folder,
        Copilot(settings(Path(folder)), doing="an eval") as copilot,
    ):
        copilot.index(paths(name))
        copilot.wait()
        yield Corpus(copilot, name, note)


@cache
def shared(name: Name) -> Corpus:
    """The corpus, opened once per process and closed when it ends: tasks share it."""
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(opened(name))


def places(passage: Passage) -> frozenset[str]:
    """The places in the source documents that a passage holds, as the questions name them.

    Returns:
        `000#Q12`, `002#4.3`: from file and section number for the documents themselves, from its
        notes for an entry of ours; empty when neither is there.
    """
    file = _FILE.match(passage.source)
    if file is None:
        said = notes.statements(passage.text)
        return frozenset(place for statement in said for place in statement.places)
    number = _NUMBER.match(passage.section.split(" › ")[-1])
    if number is None:
        return frozenset()
    label = number.group(1) if "." in number.group(1) else f"Q{number.group(1)}"
    return frozenset({f"{file.group(1)}#{label}"})
