"""The database file: where it lies, how it is opened, and how it comes to the present version."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import platformdirs

from formcheck.errors import LogError
from formcheck.runlog.migrations import MIGRATIONS

PLACE_VARIABLE = "FORMCHECK_DB"
FILE_NAME = "runs.sqlite3"
APPLICATION_ID = 0x666F726D  # "form": a database of something else is never written to
PATIENCE_S = 30.0  # for another process that is writing
OWNER_ONLY_FILE, OWNER_ONLY_FOLDER = 0o600, 0o700


def find_database(named: Path | None = None) -> Path:
    """Return where the log lies: as named, as FORMCHECK_DB says, or in the user's data folder."""
    if named is not None:
        return named
    if told := os.environ.get(PLACE_VARIABLE):
        return Path(told)
    return platformdirs.user_data_path("formcheck", appauthor=False) / FILE_NAME


@contextmanager
def open_database(
    path: Path, migrations: Sequence[Sequence[str]] = MIGRATIONS
) -> Iterator[sqlite3.Connection]:
    """Open the log, made or brought to the present version where need be.

    Raises
    ------
    LogError
        It can't be opened, is none of formcheck's, or of a newer version; also whatever SQLite has
        to say while it is open.
    """
    try:
        with closing(_open(path, migrations)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise LogError(_describe(path, error)) from error


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Do all that is written within, or nothing; other writers wait. One within another is part."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with suppress(sqlite3.Error):  # a full disk has rolled back already
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Let all that is read within be of one moment, whatever others write meanwhile."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("COMMIT")


def _open(path: Path, migrations: Sequence[Sequence[str]]) -> sqlite3.Connection:
    with ExitStack() as unless_ready:
        try:
            _make_private(path)
            connection = sqlite3.connect(path, timeout=PATIENCE_S, isolation_level=None)
            unless_ready.callback(connection.close)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")  # what is committed outlives the power
            _migrate(connection, path, migrations)
            connection.execute("PRAGMA journal_mode = WAL")
        except OSError as error:
            words = error.strerror or error
            raise LogError(
                f"the log '{path}' can't be opened ({words}); name another with --db"
            ) from error
        unless_ready.pop_all()
    return connection


def _describe(path: Path, error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return f"there is no room for the log '{path}'; nothing was written: make room, then again"
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return f"the log '{path}' is held by another program; close that, then again"
    if code == sqlite3.SQLITE_READONLY:
        return f"the log '{path}' can't be written; make its folder writable, or name another: --db"
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return (
            f"'{path}' is no log of formcheck, or it is damaged; put back a copy of it, "
            "or name another file with --db"
        )
    return f"the log '{path}' can't be used ({error}); look at its folder, or name another: --db"


def _make_private(path: Path) -> None:
    """Make the file and its folders where they are missing, for nobody else to read."""
    for folder in reversed(path.absolute().parents):
        if not folder.exists():
            folder.mkdir(OWNER_ONLY_FOLDER, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, OWNER_ONLY_FILE))


def _migrate(
    connection: sqlite3.Connection, path: Path, migrations: Sequence[Sequence[str]]
) -> None:
    if _version(connection, path, len(migrations)) == len(migrations):
        return
    with transaction(connection):
        version = _version(connection, path, len(migrations))  # another process may have done it
        if 0 < version < len(migrations):
            _back_up(path, version)
        for step in migrations[version:]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(migrations)}")


def _version(connection: sqlite3.Connection, path: Path, newest: int) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    owner: int = connection.execute("PRAGMA application_id").fetchone()[0]
    is_empty = not connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()
    if owner != APPLICATION_ID and not (is_empty and version == owner == 0):
        raise LogError(f"'{path}' is a database of something else; name another file with --db")
    if version > newest:
        raise LogError(
            f"the log '{path}' was written by a newer formcheck (its version is {version}, this "
            f"one knows {newest}); update formcheck"
        )
    return version


def _back_up(path: Path, version: int) -> None:
    """Keep the database as it is; called while nobody can write, and nothing is written yet."""
    kept = path.with_name(f"{path.name}.version-{version}.backup")
    partial = kept.with_name(f"{kept.name}.{os.getpid()}.partial")
    try:
        os.close(os.open(partial, os.O_CREAT | os.O_TRUNC | os.O_RDWR, OWNER_ONLY_FILE))
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(partial)) as target:
            source.backup(target)
        partial.replace(kept)
    finally:
        partial.unlink(missing_ok=True)
