"""Sources: what the source documents say, section by section, or the digest of it that ships."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from copilot.errors import BadInput
from copilot.language.figures import figures
from copilot.language.normalize import clean, search_form, simplified
from copilot.playbook.clean import Document, clean_document
from copilot.playbook.read import Limits, read

DIGEST = "sources.yaml"

_FILE = re.compile(r"(\d{3})_")
_NUMBER = re.compile(r"\d{1,2}(?:\.\d{1,2})?")
_HEAD = """\
# What the source documents hold, section by section: number, title, figures, and a digest of the
# words that shows when a section has changed. Facts only. Written by `copilot knowledge sources`;
# `copilot knowledge check` reads it where the documents are not at hand.
"""


@dataclass(frozen=True, slots=True)
class Source:
    """A numbered section of a source document.

    Attributes:
        key: how front matter names it: `002#4.2`, `000#Q12`.
        figures: the names of the figures in it (`25%`, `2000人`).
        digest: of its words; another one means that the section has changed.
        text: its cleaned text; empty when only the digest is at hand.
    """

    key: str
    title: str
    figures: frozenset[str]
    digest: str
    text: str = ""

    @property
    def told(self) -> str:
        """Its figures by unit and value, for a person; empty when there are none."""
        return "、".join(sorted(self.figures, key=_by_value))


@dataclass(frozen=True, slots=True)
class Sources:
    """The sections by key, and where they were read: ``origin`` in words for a person."""

    sections: Mapping[str, Source]
    origin: str


def load(documents: Path | None, digest: Path | None) -> Sources:
    """The documents where they are at hand, else the digest.

    Raises:
        BadInput: there is neither, or the digest is damaged.
    """
    if documents is not None and documents.is_dir():
        return from_documents(documents)
    if digest is not None and digest.is_file():
        return from_digest(digest)
    raise BadInput(
        "there are neither source documents nor a digest of them.",
        remedy="Name the documents with --sources DIR, or write the digest: copilot knowledge"
        " sources --from DIR.",
    )


def from_documents(folder: Path) -> Sources:
    """Read and clean the documents as `copilot index` does, and take their numbered sections.

    A document's key is the three digits its file name begins with; a section numbered `4.2` is
    `002#4.2`, a question numbered `12` is `000#Q12`.

    Raises:
        BadInput: nothing in the folder has numbered sections.
    """
    sections: dict[str, Source] = {}
    for reading in read(folder, Limits(), workers=2):
        name = _FILE.match(PurePosixPath(reading.source).name)
        if name is None or reading.status != "read":
            continue
        document = clean_document(reading.source, reading.text, kind=reading.kind)
        sections |= _sections(name[1], document)
    if not sections:
        raise BadInput(
            f"no document in {str(folder)!r} has numbered sections.",
            remedy="Name the folder with the source documents (000_….txt, 002_….txt).",
        )
    return Sources(sections, f"the documents in {folder}")


def _sections(document: str, cleaned: Document) -> dict[str, Source]:
    found: dict[str, Source] = {}
    for section in cleaned.sections:
        if not _NUMBER.fullmatch(section.number):
            continue
        label = section.number if "." in section.number else f"Q{section.number}"
        key = f"{document}#{label}"
        names = frozenset(figure.name for figure in figures(f"{section.title}\n{section.text}"))
        title = simplified(clean(section.title))
        found[key] = Source(key, title, names, _digest(section.text), section.text)
    return found


def _digest(text: str) -> str:
    """Of letters, characters and digits alone: punctuation and script may be cleaned otherwise."""
    words = "".join(each for each in search_form(text) if each.isalnum())
    return hashlib.sha256(words.encode()).hexdigest()[:12]


def from_digest(file: Path) -> Sources:
    """Read what `as_digest` wrote.

    Raises:
        BadInput: it cannot be read.
    """
    try:
        rows: Any = yaml.safe_load(file.read_text("utf-8"))
        sections = {
            key: Source(
                key, str(row["title"]), frozenset(map(str, row["figures"])), str(row["digest"])
            )
            for key, row in rows.items()
        }
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(
            f"{str(file)!r} is no digest of the sources: {error}.",
            remedy="Write it anew: copilot knowledge sources --from DIR.",
        ) from error
    return Sources(sections, f"the digest {file} (figures only: sentences are not compared)")


def write_digest(sources: Sources, folder: Path) -> Path:
    """Write the digest into a knowledge folder; the file.

    Raises:
        BadInput: it cannot be written.
    """
    path = folder / DIGEST
    try:
        path.write_text(as_digest(sources), "utf-8")
    except OSError as error:
        raise BadInput(
            f"{str(path)!r} cannot be written: {error}.", remedy="Check the folder's rights."
        ) from error
    return path


def as_digest(sources: Sources) -> str:
    """The sections as the YAML file that ships: facts, no sentences."""
    lines = [_HEAD]
    for section in sorted(sources.sections.values(), key=_in_order):
        names = ", ".join(f'"{name}"' for name in sorted(section.figures, key=_by_value))
        lines.append(
            f'"{section.key}":\n  title: {json.dumps(section.title, ensure_ascii=False)}\n'
            f'  figures: [{names}]\n  digest: "{section.digest}"\n'
        )
    return "".join(lines)


def _in_order(section: Source) -> tuple[str, float]:
    document, _, label = section.key.partition("#")
    return document, float(label.removeprefix("Q"))


def _by_value(name: str) -> tuple[str, float]:
    number = re.match(r"\d+(?:\.\d+)?", name)
    return (name[number.end() :], float(number[0])) if number else (name, 0.0)
