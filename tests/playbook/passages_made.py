"""Passages and embeddings made for tests, and whether the index agrees with the records."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from copilot.models.embedder import Embedder
from copilot.playbook.evidence import AUDIENCES, Audience, Passage, Vector
from copilot.playbook.lexical import Lexical
from copilot.playbook.records import Records
from copilot.playbook.vectors import Vectors, names_of

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


class Made(Embedder):
    """An embedder of made vectors that remembers what it was asked for."""

    def __init__(self, name: str = EMBEDDER, dimensions: int = DIMENSIONS) -> None:
        self.dimensions = dimensions
        self.name = name
        self.texts: list[str] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The made vector of each text's last line (a passage's is its body)."""
        self.texts += texts
        found = [vector(text.rsplit("\n", 1)[-1], self.dimensions) for text in texts]
        return np.stack(found) if found else np.zeros((0, self.dimensions), dtype=np.float32)


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
    """Both caches hold what the records hold, not less and not more; all of it embedded."""
    digests = records.digests()
    known = {each.name: each for each in records.embeddings.known()}
    names = names_of(embedder, known[embedder].dimensions)
    stored = records.embeddings.stored(embedder)
    assert records.embeddings.missing(embedder) == []
    assert set(known) == {embedder}
    assert {id_ for each in AUDIENCES for id_ in stored.get(("passages", each), {})} == set(digests)
    wanted = {names[key]: contents for key, contents in stored.items()}
    with closing(Lexical(folder / "words.db")) as words:
        assert words.held() == {id_: digest for id_, (digest, _) in digests.items()}
        assert words.ledger() == wanted
        with closing(Vectors(folder / "chroma")) as vectors:
            held = {name: ids for name, ids in vectors.ids().items() if ids}
            assert held == {name: set(contents) for name, contents in wanted.items()}
            for name, contents in wanted.items():
                chosen = sorted(contents.values())[:25]
                for each in records.embeddings.vectors(chosen, embedder).values():
                    assert vectors.search(each, (name,), 1)[0][1] > 0.999
