"""The records database: made, migrated, backed up, refused when damaged or too new."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, select, text, update

from copilot import store
from copilot.desk.gaps import GapRow
from copilot.desk.journal import EntryRow
from copilot.desk.keys import KeyRow
from copilot.errors import StoreError
from copilot.playbook.records import Records
from copilot.playbook.rows import Ask, PassageRow, RootRow
from copilot.store import Base
from tests.conftest import NOW

# Importing the rooms' rows above is what fills the metadata that the schema is compared with.
ROOMS = (GapRow, EntryRow, KeyRow, PassageRow)


def scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", "copilot:migrations")
    return ScriptDirectory.from_config(config)


def test_named_schema_is_the_newest_migration() -> None:
    assert scripts().get_heads() == [store.SCHEMA]


def test_fresh_database_has_the_newest_schema(records_store: store.Store) -> None:
    with records_store.begin() as session:
        assert session.scalar(text("SELECT version_num FROM alembic_version")) == store.SCHEMA
    assert set(Base.metadata.tables) < set(inspect(records_store.engine).get_table_names())


def test_migrations_make_exactly_the_tables_of_the_code(records_store: store.Store) -> None:
    with records_store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, Base.metadata)
    assert differences == []


def test_migrations_go_down_again(database_url: str, tmp_path: Path) -> None:
    config = Config()
    config.set_main_option("script_location", "copilot:migrations")
    with closing(store.connect(database_url, backups=tmp_path, now=NOW)) as opened:
        with opened.engine.begin() as connection:
            config.attributes["connection"] = connection
            command.downgrade(config, "base")
        assert inspect(opened.engine).get_table_names() == ["alembic_version"]


def test_opening_again_keeps_what_is_there(database_url: str, tmp_path: Path) -> None:
    for _ in range(2):
        with closing(store.connect(database_url, backups=tmp_path / "b", now=NOW)) as opened:
            with opened.begin() as session:
                session.merge(RootRow(path="/社群", audience="member"))
            with opened.begin() as session:
                assert [row.path for row in session.scalars(select(RootRow))] == ["/社群"]
    assert not (tmp_path / "b").exists()


def test_an_error_rolls_the_transaction_back(records_store: store.Store) -> None:
    def fail() -> None:
        with records_store.begin() as session:
            session.add(RootRow(path="/half", audience="member"))
            session.flush()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with records_store.begin() as session:
        assert session.scalars(select(RootRow)).all() == []


def test_backup_is_taken_before_an_old_schema_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "records.db"
    with closing(store.connect(f"sqlite:///{path}", backups=tmp_path, now=NOW)) as opened:
        with opened.begin() as session:
            session.add(RootRow(path="/kept", audience="member"))
    monkeypatch.setattr(store, "SCHEMA", "9999")
    store.connect(f"sqlite:///{path}", backups=tmp_path / "backups", now=NOW).close()
    copy = tmp_path / "backups" / "records-0002-20260305T093000.db"
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT path FROM playbook_roots").fetchall() == [("/kept",)]
    assert [each.name for each in copy.parent.iterdir()] == [copy.name]


VECTOR = np.arange(4, dtype="<f4").tobytes()
OLD_PASSAGE = """
INSERT INTO playbook_passages
(id, document_id, position, source, title, section, text, audience, asks, digest, embedder,
 embedding) VALUES (:id, 1, 0, 'a.md', '手册', '一', :text, 'member', :asks, 'd', :by, :vector)
"""


def test_embeddings_survive_the_upgrade_to_tables_of_their_own(
    database_url: str, tmp_path: Path
) -> None:
    """What another embedder made, or made at another length, is embedded anew; nothing else is."""
    config = Config()
    config.set_main_option("script_location", "copilot:migrations")
    with closing(store.connect(database_url, backups=tmp_path, now=NOW)) as opened:
        with opened.engine.begin() as connection:
            config.attributes["connection"] = connection
            command.downgrade(config, "0001")
            connection.execute(text("INSERT INTO playbook_roots VALUES ('/r', 'member')"))
            connection.execute(
                text("INSERT INTO playbook_documents VALUES (1, '/r', 'a.md', 't', 'member', 'd',"
                     " '{}')")
            )  # fmt: skip
            for id_, said, by, vector in (
                ("p1", "甲", "shipped@1", VECTOR),
                ("p2", "乙", "shipped@1", VECTOR),
                ("p3", "甲", "shipped@1", VECTOR),
                ("p4", "丙", "other@1", VECTOR),
                ("p5", "丁", "shipped@1", VECTOR[:8]),
            ):
                connection.execute(
                    text(OLD_PASSAGE),
                    {"id": id_, "text": said, "by": by, "vector": vector,
                     "asks": json.dumps(["怎么办", "咋整", "怎么办"] if id_ == "p1" else [])},
                )  # fmt: skip
    with closing(store.connect(database_url, backups=tmp_path, now=NOW)) as opened:
        records = Records(opened)
        known = [(each.name, each.reference, each.dimensions, each.active)
                 for each in records.embeddings.known()]  # fmt: skip
        assert known == [("shipped@1", "shipped", 4, True), ("other@1", "", 4, False)]
        assert records.asks_of("p1") == [Ask("怎么办", "author"), Ask("咋整", "author")]
        stored = records.embeddings.stored("shipped@1")
        assert set(stored) == {("passages", "member")}
        assert set(stored["passages", "member"]) == {"p1", "p2", "p3"}
        missing = records.embeddings.texts(records.embeddings.missing("shipped@1"))
        assert set(missing.values()) == {"手册 一\n丙", "手册 一\n丁", "怎么办", "咋整"}
        found = records.embeddings.vectors(stored["passages", "member"].values(), "shipped@1")
        assert {each.tobytes() for each in found.values()} == {VECTOR}
    with closing(store.connect(database_url, backups=tmp_path, now=NOW)) as opened:
        with opened.engine.begin() as connection:
            config.attributes["connection"] = connection
            command.downgrade(config, "0001")
            rows = connection.execute(
                text("SELECT id, embedder, embedding FROM playbook_passages ORDER BY id")
            )
            assert [(id_, by, bytes(vector)) for id_, by, vector in rows] == [
                ("p1", "shipped@1", VECTOR),
                ("p2", "shipped@1", VECTOR),
                ("p3", "shipped@1", VECTOR),
                ("p4", "", b""),
                ("p5", "shipped@1", VECTOR[:8]),
            ]


def test_newer_schema_is_refused_and_left_alone(database_url: str, tmp_path: Path) -> None:
    with closing(store.connect(database_url, backups=tmp_path, now=NOW)) as opened:
        with opened.begin() as session:
            session.execute(text("UPDATE alembic_version SET version_num = '0999'"))
    with pytest.raises(StoreError, match=r"'0999'.*'0002'.*Upgrade"):
        store.connect(database_url, backups=tmp_path, now=NOW)


@pytest.mark.parametrize("kind", ["garbage", "header only", "folder"])
def test_damaged_file_is_a_store_error(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "records.db"
    if kind == "folder":
        path.mkdir()
    else:
        start = b"SQLite format 3\x00" if kind == "header only" else b""
        path.write_bytes(start + b"\x8a\x13" * 4000)
    with pytest.raises(StoreError, match=r"records\.db.*backups"):
        store.connect(f"sqlite:///{path}", backups=tmp_path, now=NOW)


def test_damage_found_later_is_a_store_error_too(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    with closing(store.connect(f"sqlite:///{path}", backups=tmp_path, now=NOW)) as opened:
        with opened.begin() as session:
            session.add_all(RootRow(path=f"/{n}" * 50, audience="member") for n in range(2000))
    with path.open("r+b") as file:
        file.seek(200 * 1024)
        file.write(b"\xaa" * 200 * 1024)
    opened = store.connect(f"sqlite:///{path}", backups=tmp_path, now=NOW)
    with closing(opened), pytest.raises(StoreError, match="records"), opened.begin() as session:
        session.scalars(select(RootRow).order_by(RootRow.audience)).all()


def test_folder_that_cannot_be_made_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file"):
        store.connect(f"sqlite:///{tmp_path}/file/records.db", backups=tmp_path, now=NOW)


@pytest.mark.parametrize(
    "url", ["nonsense", "oracle://x/y", "sqlite+nothing:///x", "postgresql://h:no/x", ""]
)
def test_useless_url_is_a_store_error(tmp_path: Path, url: str) -> None:
    with pytest.raises(StoreError, match="postgresql://"):
        store.connect(url, backups=tmp_path, now=NOW)


def test_unreachable_server_is_a_store_error_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened") as caught:
        store.connect("postgresql://u:sesame@127.0.0.1:1/x", backups=tmp_path, now=NOW)
    assert "sesame" not in str(caught.value)


def test_threads_write_at_once_without_losing_anything(records_store: store.Store) -> None:
    """A read that turns into a write must wait for its turn, not fail (SQLITE_BUSY_SNAPSHOT)."""
    with records_store.begin() as session:
        session.add(RootRow(path="/counter", audience="0"))
    errors: list[Exception] = []

    def count() -> None:
        for _ in range(20):
            try:
                with records_store.begin() as session:
                    locked = select(RootRow).where(RootRow.path == "/counter").with_for_update()
                    row = session.scalars(locked).one()
                    session.execute(
                        update(RootRow)
                        .where(RootRow.path == "/counter")
                        .values(audience=str(int(row.audience) + 1))
                    )
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=count) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with records_store.begin() as session:
        assert session.scalars(select(RootRow.audience)).one() == "120"


def test_readers_do_not_wait_for_a_writer(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'records.db'}"
    with closing(store.connect(url, backups=tmp_path, now=NOW)) as opened:
        with opened.begin() as writing:
            writing.add(RootRow(path="/new", audience="member"))
            writing.flush()
            started = time.monotonic()
            with opened.read() as reading:
                assert reading.scalars(select(RootRow)).all() == []
            assert time.monotonic() - started < 2


MIGRATE = """
import sys
from pathlib import Path
from copilot.store import connect
import alembic.command, alembic.script
print("ready", flush=True)
connect(sys.argv[1], backups=Path(sys.argv[2]), now=datetime(2026, 3, 5, tzinfo=UTC))
print("done", flush=True)
"""


def test_kill_during_the_first_migration_leaves_nothing_half_made(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'records.db'}"
    delays = [0.004, 0.01, 0.016, 0.022, 0.03, 0.04]
    for delay in delays:
        for suffix in ("", "-wal", "-shm"):
            (tmp_path / f"records.db{suffix}").unlink(missing_ok=True)
        with subprocess.Popen(
            [sys.executable, "-c", MIGRATE, url, str(tmp_path)], stdout=subprocess.PIPE
        ) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            time.sleep(delay)
            os.kill(child.pid, signal.SIGKILL)
        with closing(store.connect(url, backups=tmp_path, now=NOW)) as opened:
            assert set(Base.metadata.tables) < set(inspect(opened.engine).get_table_names())
