"""The records database: engine, session, migrations."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    DateTime,
    Dialect,
    Engine,
    MetaData,
    Text,
    TypeDecorator,
    create_engine,
    event,
    inspect,
    make_url,
    text,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError
from sqlalchemy.orm import DeclarativeBase, Session

from copilot.errors import StoreError

# The newest migration in copilot/migrations/versions. Kept here so that opening an up-to-date
# database does not import Alembic (0.2 s); a test compares the two.
SCHEMA = "0002"

# Execution option of connections that only read.
_READS = "copilot_reads"


_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")


class Base(DeclarativeBase):
    """Every table derives from this; rooms define their own beside the code that uses them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Instant(TypeDecorator[datetime]):
    """A moment in UTC, aware in and out; SQLite by itself forgets the time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC."""
        del dialect
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Back as an aware time in UTC."""
        del dialect
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class AnyText(TypeDecorator[str]):
    """Text as it comes: NUL and lone surrogates, which databases refuse, become U+FFFD."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Only what can be kept."""
        del dialect
        return _UNKEEPABLE.sub("\ufffd", value) if value is not None else None


class Store:
    """An open records database. Thread-safe: each session has its own connection."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._reading = engine.execution_options(**{_READS: True})

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """A session in one transaction: committed at the end, rolled back on an error.

        On SQLite it waits for its turn to write at its beginning: a transaction that reads first
        and writes later could not be let through once another has written in between.

        Raises:
            StoreError: the database cannot be read or written.
        """
        with (
            _wrapped(self.engine),
            Session(self.engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one state throughout and writes nothing; waits for no writer.

        Raises:
            StoreError: the database cannot be read.
        """
        with (
            _wrapped(self.engine),
            Session(self._reading, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def connect(url: str, *, backups: Path, now: datetime) -> Store:
    """Open the records database, migrating its schema if it is old.

    Args:
        url: SQLAlchemy URL, SQLite or PostgreSQL.
        backups: folder that gets a copy of a SQLite database before its schema is changed.
        now: the time that names the backup.

    Raises:
        StoreError: no such driver or server, no rights, damaged, or made by a newer version.
    """
    engine = _engine(url)
    try:
        with _wrapped(engine):
            _migrate(engine, backups, now)
    except BaseException:
        engine.dispose()
        raise
    return Store(engine)


@contextmanager
def _wrapped(engine: Engine) -> Iterator[None]:
    """Foreign errors of the database as ours; a broken constraint is the caller's to handle."""
    try:
        yield
    except IntegrityError:
        raise
    except (DBAPIError, sqlite3.Error, OSError) as error:
        # SQLAlchemy leaves what happens while a connection is made ready unwrapped.
        reason = error.orig if isinstance(error, DBAPIError) else error
        raise StoreError(
            f"the records database {engine.url.render_as_string()!r} cannot be opened or used:"
            f" {reason}.",
            remedy="Check COPILOT_DATABASE_URL, the server, your rights and the disk; a damaged"
            " SQLite file can be replaced by the newest copy in the folder `backups`.",
        ) from error


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.drivername in {"postgresql", "postgres"}:
            parsed = parsed.set(drivername="postgresql+psycopg")
        engine = create_engine(parsed, pool_pre_ping=parsed.get_backend_name() != "sqlite")
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, ValueError) as error:
        raise StoreError(
            f"the database URL cannot be used: {error}.",
            remedy="Use `sqlite:////path/to/records.db` or `postgresql://user@host/name`"
            " (for PostgreSQL: pip install 'copilot[postgres]').",
        ) from error
    if parsed.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _sqlite_pragmas)
        event.listen(engine, "begin", _sqlite_begin)
    return engine


def _sqlite_pragmas(connection: sqlite3.Connection, _record: Any) -> None:
    # Python's driver begins transactions late and never before a CREATE TABLE: a migration that is
    # killed would stay half made. `_sqlite_begin` begins them instead.
    connection.isolation_level = None
    with closing(connection.cursor()) as cursor:
        cursor.execute("PRAGMA busy_timeout=10000")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")


def _sqlite_begin(connection: Connection) -> None:
    reads = connection.get_execution_options().get(_READS, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _version(connection: Connection) -> str:
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")


def _migrate(engine: Engine, backups: Path, now: datetime) -> None:
    database = engine.url.database
    if engine.url.get_backend_name() == "sqlite" and database:
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    with engine.execution_options(**{_READS: True}).connect() as connection:
        version = _version(connection)
    if version == SCHEMA:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "copilot:migrations")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if version and version not in known:
        raise StoreError(
            f"the records database has schema {version!r}, this copilot knows up to {SCHEMA!r}.",
            remedy="Upgrade the copilot, or restore a copy from the folder `backups`.",
        )
    if version:
        _back_up(engine, backups / f"records-{version}-{now:%Y%m%dT%H%M%S}.db")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _back_up(engine: Engine, target: Path) -> None:
    """Copy a SQLite database whole; PostgreSQL has its own tools (pg_dump)."""
    if engine.url.get_backend_name() != "sqlite" or not engine.url.database:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    with (
        closing(sqlite3.connect(engine.url.database)) as source,
        closing(sqlite3.connect(partial)) as copy,
    ):
        source.backup(copy)
    shutil.move(partial, target)
