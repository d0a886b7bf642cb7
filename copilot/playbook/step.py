"""In step: words and vectors follow the records by content digest, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable

from copilot.playbook.evidence import Vector
from copilot.playbook.lexical import Lexical
from copilot.playbook.records import Records
from copilot.playbook.vectors import Canary, Vectors, names_of

Progress = Callable[[int, int], None]

_BATCH = 1000

# Vectors asked for in a check of a collection: one call, a few milliseconds.
_CANARIES = 32


def sync_words(words: Lexical, records: Records, progress: Progress | None = None) -> None:
    """Bring the words into step with the records."""
    generation = records.generation()
    if words.mark("words") == generation:
        return
    wanted = records.digests()
    held = words.held()
    words.drop(id_ for id_ in held if id_ not in wanted)
    behind = [id_ for id_, (digest, _) in wanted.items() if held.get(id_) != digest]
    for start in range(0, len(behind), _BATCH):
        words.put(records.load(behind[start : start + _BATCH]))
        if progress is not None:
            progress(min(start + _BATCH, len(behind)), len(behind))
    words.set_mark("words", generation)


def sync_vectors(
    words: Lexical,
    vectors: Vectors,
    records: Records,
    embedder: tuple[str, int],
    stop: Callable[[], bool] = lambda: False,
) -> bool:
    """Bring an embedder's collections into step with the records.

    Args:
        embedder: its name and dimensions.
        stop: asked before each batch; what is done by then stays.

    Returns:
        whether it was done to the end.
    """
    generation = records.generation()
    mark = f"vectors {embedder[0]}"
    if words.mark(mark) == generation:
        return True
    stored = records.embeddings.stored(embedder[0])
    ledger = words.ledger()
    for key, collection in names_of(*embedder).items():
        wanted, held = stored.get(key, {}), ledger.get(collection, {})
        gone = [id_ for id_ in held if id_ not in wanted]
        if gone:
            vectors.drop(collection, gone)
            words.strike_vectors(collection, gone)
        behind = [id_ for id_, content in wanted.items() if held.get(id_) != content]
        for start in range(0, len(behind), _BATCH):
            if stop():
                return False
            batch = {id_: wanted[id_] for id_ in behind[start : start + _BATCH]}
            _store(
                words,
                vectors,
                collection,
                batch,
                records.embeddings.vectors(batch.values(), embedder[0]),
            )
    words.set_mark(mark, generation)
    words.set_mark("vectors", "known")
    return True


def _store(
    words: Lexical,
    vectors: Vectors,
    collection: str,
    contents: dict[str, str],
    found: dict[str, Vector],
) -> None:
    """Note, store, note as stored: a crash in between leaves no vector that nobody knows of."""
    there = {id_: content for id_, content in contents.items() if content in found}
    if not there:
        return
    words.note_vectors(collection, dict.fromkeys(there, ""))
    vectors.put(collection, list(there), [found[content] for content in there.values()])
    words.note_vectors(collection, there)


def canaries(words: Lexical, records: Records) -> dict[str, Canary]:
    """The canary of each collection of a known embedder that the ledger says holds anything."""
    ledger = words.ledger()
    found: dict[str, Canary] = {}
    for known in records.embeddings.known():
        for collection in names_of(known.name, known.dimensions).values():
            held = {id_: content for id_, content in ledger.get(collection, {}).items() if content}
            ids = sorted(held)
            chosen = [held[id_] for id_ in ids[:: max(1, len(ids) // _CANARIES)]]
            vectors = records.embeddings.vectors(chosen, known.name).values()
            if vectors:
                asked = tuple(tuple(float(x) for x in vector) for vector in vectors)
                found[collection] = Canary(len(held), asked)
    return found
