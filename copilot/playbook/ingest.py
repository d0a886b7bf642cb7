"""Ingest: files of a root become documents and passages in the records, each file on its own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from copilot.models.embedder import Embedder
from copilot.playbook.clean import clean_document
from copilot.playbook.evidence import Audience, Vector
from copilot.playbook.passages import split
from copilot.playbook.read import Limits, Reading, read
from copilot.playbook.records import Records, digest_of

# Raised when cleaning or splitting changes, so that unchanged files are read again.
PIPELINE = "1"

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file.

    ``cleaning`` holds the lists `repaired`, `dropped`, `suspicious` and `missing`; ``embedded`` is
    how many of its passages had to be embedded.
    """

    source: str
    status: Literal["read", "unchanged", "skipped", "failed", "removed"]
    reason: str = ""
    title: str = ""
    passages: int = 0
    embedded: int = 0
    cleaning: Mapping[str, Any] = field(default_factory=dict)


def ingest(
    root: Path,
    audience: Audience,
    records: Records,
    embedder: Embedder,
    *,
    limits: Limits,
    workers: int,
    progress: Progress | None = None,
) -> list[FileReport]:
    """Bring the records into step with the files below a root.

    Each file is one transaction: a crash loses at most the file under way, which the next call
    takes up again. A file that has become unreadable keeps what was read of it before.
    """
    key = str(root)
    records.add_root(key, audience)
    version = hashlib.sha256(f"{PIPELINE} {audience}".encode()).hexdigest()[:8]
    known = records.known(key)
    unchanged = {
        source: digest.split("-")[0]
        for source, digest in known.items()
        if digest.endswith(f"-{version}")
    }
    reports: list[FileReport] = []
    present: set[str] = set()
    for reading in read(root, limits, workers=workers, known=unchanged, progress=progress):
        present.add(reading.source)
        if reading.status != "read":
            reports.append(FileReport(reading.source, reading.status, reading.reason))
        elif reading.reason == "unchanged":
            reports.append(FileReport(reading.source, "unchanged"))
        else:
            reports.append(_take(reading, key, audience, records, embedder, version))
    gone = sorted(set(known) - present)
    records.drop_documents(key, gone)
    reports.extend(FileReport(source, "removed", "the file is gone") for source in gone)
    return reports


def _take(
    reading: Reading,
    root: str,
    audience: Audience,
    records: Records,
    embedder: Embedder,
    version: str,
) -> FileReport:
    document = clean_document(reading.source, reading.text, kind=reading.kind)
    passages = split(document, root=root, audience=audience)
    kept = records.embeddings_of(root, reading.source, embedder.name)
    new = [passage for passage in passages if digest_of(passage) not in kept]
    vectors: dict[str, Vector] = {
        passage.id: kept[digest_of(passage)] for passage in passages if digest_of(passage) in kept
    }
    if new:
        fresh = embedder.encode([to_embed(p.title, p.section, p.text) for p in new])
        vectors |= {passage.id: vector for passage, vector in zip(new, fresh, strict=True)}
    cleaning = {
        name: [item if isinstance(item, str) else asdict(item) for item in items]
        for name, items in asdict_shallow(document.report).items()
    }
    records.save_document(
        root,
        reading.source,
        digest=f"{reading.digest}-{version}",
        title=document.title,
        audience=passages[0].audience if passages else audience,
        report=cleaning,
        passages=passages,
        embeddings=vectors,
        embedder=embedder.name,
    )
    return FileReport(
        reading.source,
        "read",
        title=document.title,
        passages=len(passages),
        embedded=len(new),
        cleaning=cleaning,
    )


def asdict_shallow(report: Any) -> dict[str, Any]:
    """The four lists of a cleaning report by name."""
    return {
        name: getattr(report, name) for name in ("repaired", "dropped", "suspicious", "missing")
    }


def to_embed(title: str, section: str, text: str) -> str:
    """What stands for a passage in the vector space: its headings and its body."""
    return f"{title} {section}\n{text}"


def re_embed(records: Records, embedder: Embedder, progress: Progress | None = None) -> int:
    """Embed anew what another embedder has embedded; the number of passages."""
    behind = records.embedded_by_others(embedder.name)
    for start in range(0, len(behind), 256):
        batch = behind[start : start + 256]
        vectors = embedder.encode([to_embed(p.title, p.section, p.text) for p in batch])
        records.re_embed(
            {p.id: np.asarray(v) for p, v in zip(batch, vectors, strict=True)}, embedder.name
        )
        if progress is not None:
            progress(min(start + 256, len(behind)), len(behind), "embedding")
    return len(behind)
