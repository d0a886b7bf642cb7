"""Ingest: files of a root become documents and passages in the records, each file on its own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from copilot.models.embedder import Embedder
from copilot.playbook.clean import clean_document
from copilot.playbook.evidence import Audience, Passage, Vector
from copilot.playbook.passages import audience_of, split
from copilot.playbook.read import Limits, Reading, read
from copilot.playbook.records import Records, digest_of

log = logging.getLogger(__name__)

# Raised when cleaning or splitting changes, so that unchanged files are read again.
PIPELINE = "2"

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
    takes up again. A file that can no longer be read keeps what was read of it before, unless that
    was for another audience; one with nothing in it any more keeps nothing.
    """
    key = str(root)
    records.add_root(key, audience)
    version = f"{PIPELINE}-{audience}"
    known = records.known(key)
    # What was taken in otherwise is known to be there, but never as unchanged.
    before = {
        source: digest.removesuffix(f"-{version}") if digest.endswith(f"-{version}") else ""
        for source, digest in known.items()
    }
    reports: list[FileReport] = []
    kept: set[str] = set()
    for reading in read(root, limits, workers=workers, known=before, progress=progress):
        if reading.status == "read" and reading.reason == "unchanged":
            report = FileReport(reading.source, "unchanged")
        elif reading.status == "read":
            report = _take(reading, key, audience, records, embedder, version)
        else:
            report = FileReport(reading.source, reading.status, reading.reason)
        reports.append(report)
        if report.status != "skipped" and (
            report.status != "failed" or known.get(report.source, "").endswith(f"-{audience}")
        ):
            kept.add(report.source)
    records.drop_documents(key, sorted(set(known) - kept))
    told = {report.source for report in reports}
    reports.extend(
        FileReport(source, "removed", "the file is gone") for source in sorted(set(known) - told)
    )
    return reports


def _take(
    reading: Reading,
    root: str,
    audience: Audience,
    records: Records,
    embedder: Embedder,
    version: str,
) -> FileReport:
    try:
        document = clean_document(reading.source, reading.text, kind=reading.kind)
        passages = split(document, root=root, audience=audience)
    except Exception as error:  # whatever is in one file, the others are read
        log.exception("cleaning %r failed", reading.source)
        return FileReport(reading.source, "failed", f"cleaning it failed: {error!r}")
    vectors, embedded = _embedded(passages, records, embedder, root, reading.source)
    cleaning = {
        name: [item if isinstance(item, str) else asdict(item) for item in items]
        for name, items in asdict_shallow(document.report).items()
    }
    seen_by, odd = audience_of(document, audience)
    records.save_document(
        root,
        reading.source,
        digest=f"{reading.digest}-{version}",
        title=document.title,
        audience=seen_by,
        report=cleaning,
        passages=passages,
        embeddings=vectors,
        embedder=embedder.name,
    )
    return FileReport(
        reading.source,
        "read",
        "; ".join(reason for reason in (reading.reason, odd) if reason),
        title=document.title,
        passages=len(passages),
        embedded=embedded,
        cleaning=cleaning,
    )


def _embedded(
    passages: Sequence[Passage], records: Records, embedder: Embedder, root: str, source: str
) -> tuple[dict[str, Vector], int]:
    """Each passage's vector by its id, and how many of them had to be computed."""
    kept = records.embeddings_of(root, source, embedder.name)
    vectors = {
        passage.id: kept[digest] for passage in passages if (digest := digest_of(passage)) in kept
    }
    new = [passage for passage in passages if passage.id not in vectors]
    if new:
        fresh = embedder.encode([to_embed(p.title, p.section, p.text) for p in new])
        vectors |= {passage.id: vector for passage, vector in zip(new, fresh, strict=True)}
    return vectors, len(new)


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
