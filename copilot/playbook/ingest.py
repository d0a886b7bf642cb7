"""Ingest: files of a root become documents and passages in the records, each file on its own."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from copilot.models.embedder import Embedder
from copilot.playbook.clean import clean_document
from copilot.playbook.evidence import Audience, Passage, Vector
from copilot.playbook.passages import audience_of, split
from copilot.playbook.read import Limits, Reading, read
from copilot.playbook.records import Records
from copilot.playbook.rows import content_of, to_embed

log = logging.getLogger(__name__)

# Raised when cleaning or splitting changes, so that unchanged files are read again.
PIPELINE = "3"

Progress = Callable[[int, int, str], None]

# Texts embedded at once: from so many to so many, whatever takes about so many seconds.
_FIRST = 32
_LARGEST = 256
_BATCH_SECONDS = 0.5
# And of a file that is read.
_AT_ONCE = 2048


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file.

    ``cleaning`` holds the lists `repaired`, `dropped`, `suspicious` and `missing`; ``embedded`` is
    how many of its passages and asks had to be embedded.
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
    vectors, embedded = _embedded(passages, records, embedder)
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
        embeddings={each.id: vectors[_said(each)] for each in passages},
        embedder=embedder.name,
        asks={ask: vectors[ask] for each in passages for ask in each.asks},
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
    passages: Sequence[Passage], records: Records, embedder: Embedder
) -> tuple[dict[str, Vector], int]:
    """The vector of each text that passages and their asks have, and how many were computed."""
    texts = {text: content_of(text) for each in passages for text in (_said(each), *each.asks)}
    kept = records.embeddings.vectors(texts.values(), embedder.name)
    new = [text for text, content in texts.items() if content not in kept]
    fresh: dict[str, Vector] = {}
    # A book's passages at once would take 10 kB each for their tokens.
    for start in range(0, len(new), _AT_ONCE):
        batch = new[start : start + _AT_ONCE]
        fresh |= zip(batch, embedder.encode(batch), strict=True)
    return {
        text: fresh[text] if text in fresh else kept[content] for text, content in texts.items()
    }, len(new)


def _said(passage: Passage) -> str:
    return to_embed(passage.title, passage.section, passage.text)


def asdict_shallow(report: Any) -> dict[str, Any]:
    """The four lists of a cleaning report by name."""
    return {
        name: getattr(report, name) for name in ("repaired", "dropped", "suspicious", "missing")
    }


def re_embed(
    records: Records,
    embedder: Embedder,
    progress: Progress | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> int:
    """Embed every passage and ask that this embedder has no vector of; how many there were.

    Each batch is kept at once: a crash, or a stop between two of them, loses nothing that is done.
    """
    behind = records.embeddings.missing(embedder.name)
    size, done = _FIRST, 0
    while done < len(behind) and not stop():
        texts = records.embeddings.texts(behind[done : done + size])
        started = time.monotonic()
        vectors = embedder.encode(list(texts.values()))
        records.embeddings.keep(dict(zip(texts, vectors, strict=True)), embedder.name)
        done = min(done + size, len(behind))
        # A batch takes about as long with a slow model as with a fast one: a stop is soon heard.
        quick = time.monotonic() - started < _BATCH_SECONDS
        size = min(2 * size, _LARGEST) if quick else max(size // 2, _FIRST)
        if progress is not None:
            progress(done, len(behind), "embedding")
    return done
