"""Words: an FTS5 file over our own segmentation, a cache of the records."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from copilot.errors import IndexDamaged
from copilot.language import normalize, segment
from copilot.playbook.evidence import Audience
from copilot.playbook.records import Indexed

# Column weights of BM25: title, section, body, asks. Chosen on evals/data/questions.dev.jsonl
# with `python -m evals.tune`; the asks say it the way people ask, so they weigh as much as a title.
WEIGHTS = (1.0, 1.0, 1.0, 1.0)

# The form of the file; another one, or other rules of segmentation, and it is built anew.
_FORM = "5"

# Characters that stay inside a token beside letters and digits, so that `40%`, `a/b` and `1.5`
# remain one word for FTS5 as they are for the segmenter.
_TOKENIZER = "unicode61 remove_diacritics 0 tokenchars '%./+-_&'"

_SCHEMA = f"""
CREATE VIRTUAL TABLE words USING fts5(
    id UNINDEXED, audience UNINDEXED, title, section, body, asks, tokenize = "{_TOKENIZER}"
);
CREATE TABLE held (id TEXT PRIMARY KEY, row INTEGER NOT NULL, digest TEXT NOT NULL);
CREATE TABLE vectors (
    collection TEXT NOT NULL, id TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (collection, id)
) WITHOUT ROWID;
CREATE TABLE marks (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class Lexical:
    """The words of all passages, and the ledger of what the vector collections hold.

    Thread-safe: each call borrows a connection of its own; SQLite's WAL lets readers go on while a
    writer commits. Every method but `close` raises `IndexDamaged` when the file cannot be used;
    `rebuild` then gives an empty one.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, or build an empty one when it is missing, damaged or of another form."""
        self._path = path
        self._idle: list[sqlite3.Connection] = []
        self._age = 0
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        if not self._usable():
            self.rebuild()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """A connection for one call; what it writes is one transaction."""
        with self._lock:
            age = self._age
            connection = self._idle.pop() if self._idle else None
        try:
            connection = connection or self._connect()
            with connection:
                yield connection
        except sqlite3.DatabaseError as error:
            raise IndexDamaged(f"the file of words cannot be used: {error}.") from error
        finally:
            if connection is not None:
                with self._lock:
                    if age == self._age:
                        self._idle.append(connection)
                    else:
                        connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, check_same_thread=False, timeout=10)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
        except sqlite3.DatabaseError:
            connection.close()
            raise
        return connection

    def _usable(self) -> bool:
        try:
            with self._connection() as connection:
                row = connection.execute("SELECT value FROM marks WHERE name = 'form'").fetchone()
                if row is None or row[0] != _form():
                    return False
                return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
        except IndexDamaged:
            return False

    def rebuild(self) -> None:
        """Put an empty file in place of what is there; words and ledger are lost."""
        self.close()
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        with self._connection() as connection:
            connection.executescript(_SCHEMA)
            connection.execute("INSERT INTO marks VALUES ('form', ?)", (_form(),))

    def mark(self, name: str) -> str:
        """A mark left by `set_mark`; empty when there is none."""
        with self._connection() as connection:
            row = connection.execute("SELECT value FROM marks WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def set_mark(self, name: str, value: str) -> None:
        """Leave a mark that survives a restart."""
        with self._connection() as connection:
            connection.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (name, value))

    def held(self) -> dict[str, str]:
        """Passage id → content digest of every passage whose words are in the file."""
        with self._connection() as connection:
            return dict(connection.execute("SELECT id, digest FROM held"))

    def count(self) -> int:
        """Number of passages whose words are in the file."""
        with self._connection() as connection:
            return int(connection.execute("SELECT count(*) FROM held").fetchone()[0])

    def put(self, passages: Iterable[Indexed]) -> None:
        """Add passages or replace them, in one transaction."""
        rows = [
            (
                item.passage.id,
                item.digest,
                item.passage.audience,
                *(
                    " ".join(segment.words(part))
                    for part in (
                        item.passage.title,
                        item.passage.section,
                        item.passage.text,
                        "\n".join(item.passage.asks),
                    )
                ),
            )
            for item in passages
        ]
        with self._connection() as connection:
            for id_, digest, audience, *columns in rows:
                self._delete(connection, id_)
                cursor = connection.execute(
                    "INSERT INTO words (id, audience, title, section, body, asks)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (id_, audience, *columns),
                )
                connection.execute(
                    "INSERT INTO held VALUES (?, ?, ?)", (id_, cursor.lastrowid, digest)
                )

    def drop(self, ids: Iterable[str]) -> None:
        """Remove passages, in one transaction."""
        with self._connection() as connection:
            for id_ in ids:
                self._delete(connection, id_)

    @staticmethod
    def _delete(connection: sqlite3.Connection, id_: str) -> None:
        row = connection.execute("SELECT row FROM held WHERE id = ?", (id_,)).fetchone()
        if row is not None:
            connection.execute("DELETE FROM words WHERE rowid = ?", (row[0],))
            connection.execute("DELETE FROM held WHERE id = ?", (id_,))

    def search(
        self, question: str, audiences: Sequence[Audience], limit: int
    ) -> list[tuple[str, float]]:
        """Passages that share words with the question, best first: (id, BM25, higher is better)."""
        tokens = list(dict.fromkeys(segment.words(normalize.search_form(question))))
        if not tokens:
            return []
        match = " OR ".join('"' + token.replace('"', '""') + '"' for token in tokens[:128])
        places = ", ".join("?" for _ in audiences)
        weights = ", ".join(str(weight) for weight in (0.0, 0.0, *WEIGHTS))
        with self._connection() as connection:
            rows = connection.execute(
                f"SELECT id, -bm25(words, {weights}) AS score FROM words"
                f" WHERE words MATCH ? AND audience IN ({places}) ORDER BY score DESC, id LIMIT ?",
                (match, *audiences, limit),
            )
            return [(id_, float(score)) for id_, score in rows]

    # The ledger of the vector collections --------------------------------------------------------

    def ledger(self) -> dict[str, dict[str, str]]:
        """Collection → id → content digest of every vector that may be stored.

        The digest is empty while a vector is being stored: it may be there or not.
        """
        found: dict[str, dict[str, str]] = {}
        with self._connection() as connection:
            for collection, id_, digest in connection.execute("SELECT * FROM vectors"):
                found.setdefault(collection, {})[id_] = digest
        return found

    def note_vectors(self, collection: str, digests: Mapping[str, str]) -> None:
        """Note vectors as stored (id → digest), or as about to be (id → nothing)."""
        with self._connection() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)",
                [(collection, id_, digest) for id_, digest in digests.items()],
            )

    def strike_vectors(self, collection: str, ids: Iterable[str]) -> None:
        """Note vectors as removed."""
        with self._connection() as connection:
            connection.executemany(
                "DELETE FROM vectors WHERE collection = ? AND id = ?",
                [(collection, id_) for id_ in ids],
            )

    def sizes(self) -> dict[str, int]:
        """How many vectors each collection holds."""
        with self._connection() as connection:
            return dict(
                connection.execute("SELECT collection, count(*) FROM vectors GROUP BY collection")
            )

    def strike_others(self, collections: Sequence[str]) -> None:
        """Note that of these collections alone anything is stored."""
        places = ", ".join("?" for _ in collections)
        with self._connection() as connection:
            connection.execute(
                f"DELETE FROM vectors WHERE collection NOT IN ({places})", tuple(collections)
            )

    def clear_vectors(self) -> None:
        """Note that no vector is stored any more, and take the marks of vectors away."""
        with self._connection() as connection:
            connection.execute("DELETE FROM vectors")
            connection.execute("DELETE FROM marks WHERE name LIKE 'vectors%'")

    def close(self) -> None:
        """Close the connections; those in use are closed when their calls end."""
        with self._lock:
            self._age += 1
            for connection in self._idle:
                connection.close()
            self._idle.clear()


def _form() -> str:
    """What a file must have been made with: tokens of other rules would not be found."""
    return f"{_FORM}-{segment.fingerprint()}"
