"""Words: an FTS5 file over our own segmentation, a cache of the records."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from copilot.errors import IndexDamaged
from copilot.language import normalize, segment
from copilot.playbook.evidence import AUDIENCES, Audience
from copilot.playbook.records import Indexed

# Column weights of BM25: title, section, body, asks. Chosen on evals/data/questions.dev.jsonl
# with `python -m evals.tune`; the asks say it the way people ask, so they weigh as much as a title.
WEIGHTS = (1.0, 1.0, 1.0, 1.0)

# The form of the file; another one, or other rules of segmentation, and it is built anew.
_FORM = "6"

# Characters that stay inside a token beside letters and digits, so that `40%`, `a/b` and `1.5`
# remain one word for FTS5 as they are for the segmenter.
_TOKENIZER = "unicode61 remove_diacritics 0 tokenchars '%./+-_&'"

# Each audience has row numbers of its own, so that FTS5 itself keeps to the audiences named: a
# filter on a column reads every row that matches (twice the time of a search).
_SPAN = 1 << 40

# What one search may cost: the sum, over its words, of the passages that have the word. Beyond it
# the most frequent words are left out, which say least. 6 000 take about 5 ms; a playbook of 1 000
# passages stays below it with all words of any question.
_BUDGET = 6000

_SCHEMA = f"""
CREATE VIRTUAL TABLE words USING fts5(title, section, body, asks, tokenize = "{_TOKENIZER}");
CREATE VIRTUAL TABLE frequencies USING fts5vocab(words, row);
CREATE TABLE held (id TEXT PRIMARY KEY, row INTEGER NOT NULL UNIQUE, digest TEXT NOT NULL);
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
        items = list(passages)
        rules = segment.fingerprint()
        columns = [
            (
                _words(item.passage.title, rules),
                _words(item.passage.section, rules),
                " ".join(segment.words(item.passage.text)),
                _words("\n".join(item.passage.asks), rules),
            )
            for item in items
        ]
        with self._connection() as connection:
            self._delete(connection, [item.passage.id for item in items])
            rows = _new_rows(connection, [item.passage.audience for item in items])
            # FTS5 writes what it holds back whenever a row number is smaller than the one before.
            written = sorted(zip(rows, columns, items, strict=True), key=lambda each: each[0])
            connection.executemany(
                "INSERT INTO words (rowid, title, section, body, asks) VALUES (?, ?, ?, ?, ?)",
                [(row, *parts) for row, parts, _ in written],
            )
            connection.executemany(
                "INSERT INTO held VALUES (?, ?, ?)",
                [(item.passage.id, row, item.digest) for row, _, item in written],
            )

    def drop(self, ids: Iterable[str]) -> None:
        """Remove passages, in one transaction."""
        with self._connection() as connection:
            self._delete(connection, ids)

    @staticmethod
    def _delete(connection: sqlite3.Connection, ids: Iterable[str]) -> None:
        known = "SELECT row FROM held WHERE id = ?"
        found = (connection.execute(known, (id_,)).fetchone() for id_ in ids)
        rows = sorted(each for each in found if each is not None)
        connection.executemany("DELETE FROM words WHERE rowid = ?", rows)
        connection.executemany("DELETE FROM held WHERE row = ?", rows)

    def search(
        self, question: str, audiences: Sequence[Audience], limit: int
    ) -> list[tuple[str, float]]:
        """Passages that share words with the question, best first: (id, BM25, higher is better)."""
        tokens = list(dict.fromkeys(segment.words(normalize.search_form(question))))
        if not tokens:
            return []
        weights = ", ".join(str(weight) for weight in WEIGHTS)
        wanted = (
            "SELECT held.id, -best.score FROM (SELECT rowid AS row,"
            f" bm25(words, {weights}) AS score FROM words WHERE words MATCH ?"
            " AND rowid BETWEEN ? AND ? ORDER BY score LIMIT ?) AS best"
            " JOIN held ON held.row = best.row"
        )
        found: list[tuple[str, float]] = []
        with self._connection() as connection:
            match = " OR ".join(map(_quoted, _affordable(connection, tokens[:128])))
            for first, last in _spans(audiences):
                found.extend(connection.execute(wanted, (match, first, last, limit)))
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))[:limit]

    def heard(self, words: Iterable[str]) -> set[str]:
        """Those of some words (in search form) that any passage or ask has."""
        one = "SELECT 1 FROM words WHERE words MATCH ? LIMIT 1"
        with self._connection() as connection:
            return {
                word for word in set(words) if connection.execute(one, (_quoted(word),)).fetchone()
            }

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


@lru_cache(512)
def _words(text: str, _rules: str) -> str:
    """The words of what many passages of a document share, by the rules of segmentation."""
    return " ".join(segment.words(text))


def _new_rows(connection: sqlite3.Connection, audiences: Sequence[Audience]) -> list[int]:
    """A row number for each new passage, in its audience's span."""
    following: dict[Audience, int] = {}
    for audience in set(audiences):
        start = AUDIENCES.index(audience) * _SPAN
        last = "SELECT max(row) FROM held WHERE row BETWEEN ? AND ?"
        highest = connection.execute(last, (start, start + _SPAN - 1)).fetchone()[0]
        following[audience] = start if highest is None else highest + 1
    rows = []
    for audience in audiences:
        rows.append(following[audience])
        following[audience] += 1
    return rows


def _spans(audiences: Sequence[Audience]) -> list[tuple[int, int]]:
    """First and last row number of each run of neighbouring audiences."""
    spans: list[tuple[int, int]] = []
    for place in sorted({AUDIENCES.index(each) for each in audiences}):
        first, last = place * _SPAN, (place + 1) * _SPAN - 1
        if spans and spans[-1][1] + 1 == first:
            first = spans.pop()[0]
        spans.append((first, last))
    return spans


def _affordable(connection: sqlite3.Connection, tokens: Sequence[str]) -> list[str]:
    """The words that a search can afford, the rarest first; always one that is there, if any is."""
    counts = {}
    for token in tokens:
        known = "SELECT doc FROM frequencies WHERE term = ?"
        row = connection.execute(known, (token,)).fetchone()
        counts[token] = row[0] if row else 0
    chosen, spent = [], 0
    for token in sorted(counts, key=lambda each: counts[each]):
        if spent and spent + counts[token] > _BUDGET:
            break
        chosen.append(token)
        spent += counts[token]
    return chosen


def _quoted(token: str) -> str:
    return '"' + token.replace('"', '""') + '"'
