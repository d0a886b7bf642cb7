"""Passages and embeddings made for tests, without files or a model."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from copilot.playbook.evidence import Audience, Passage
from copilot.playbook.records import Records, Vector

EMBEDDER = "made@1"
DIMENSIONS = 16


def passage(
    id_: str,
    text: str,
    *,
    audience: Audience = "member",
    section: str = "第一节",
    position: int = 0,
    asks: tuple[str, ...] = (),
) -> Passage:
    """A passage of a document called 手册."""
    return Passage(id_, "a.md", "手册", section, text, audience, position, asks)


def vector(text: str, dimensions: int = DIMENSIONS) -> Vector:
    """A unit vector that depends on the text alone."""
    seed = int.from_bytes(
        hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "little"
    )
    made = np.random.default_rng(seed).normal(size=dimensions).astype(np.float32)
    return made / np.float32(np.linalg.norm(made))


def save(
    records: Records,
    passages: list[Passage],
    *,
    source: str = "a.md",
    root: str = "/root",
    embedder: str = EMBEDDER,
) -> None:
    """Put a document of these passages into the records, its root, too."""
    records.add_root(root, "member")
    records.save_document(
        root,
        source,
        digest=f"digest-of-{source}".encode("ascii", "replace").decode().replace("\0", ""),
        title="手册",
        audience=passages[0].audience if passages else "member",
        report={"missing": [], "repaired": []},
        passages=[replace(each, source=source) for each in passages],
        embeddings={each.id: vector(each.text) for each in passages},
        embedder=embedder,
    )
