"""Passages and embeddings made for tests, and whether the index agrees with the records."""

from __future__ import annotations

import hashlib
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from copilot.playbook.evidence import AUDIENCES, Audience, Passage, Vector
from copilot.playbook.lexical import Lexical
from copilot.playbook.records import Records
from copilot.playbook.vectors import Vectors

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


def agrees(folder: Path, records: Records, embedder: str = EMBEDDER) -> None:
    """Both caches hold what the records hold, not less and not more."""
    wanted = records.digests()
    with closing(Lexical(folder / "words.db")) as words:
        assert words.held() == {id_: digest for id_, (digest, _) in wanted.items()}
        with closing(Vectors(folder / "chroma", embedder)) as vectors:
            names = vectors.names
            assert words.ledger() == {
                id_: (names[audience], digest) for id_, (digest, audience) in wanted.items()
            }
            assert vectors.ids() == {
                each: {id_ for id_, (_, audience) in wanted.items() if audience == each}
                for each in AUDIENCES
            }
            for item in records.load(sorted(wanted)[:50]):
                audience = item.passage.audience
                assert vectors.search(item.embedding, (audience,), 1)[0][1] > 0.999
