"""The SQLite file of a journal: its tables, opening it, transactions, and what SQLite's errors mean.

Not for what the rows mean: that is `harness.run.journal`.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.api import JournalError

SCHEMA_VERSION = 1

MOST_VALUES = 900  # in one statement; SQLite's oldest limit is 999

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS items (
  task TEXT, id TEXT, ordinal INTEGER NOT NULL, grp TEXT NOT NULL, category TEXT NOT NULL, space TEXT NOT NULL,
  gold TEXT NOT NULL, tags TEXT NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (task, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS annotations (
  task TEXT, item TEXT, verdicts TEXT NOT NULL, PRIMARY KEY (task, item)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS asks (
  task TEXT, item TEXT, place INTEGER, ord TEXT NOT NULL, sample INTEGER NOT NULL, request TEXT NOT NULL,
  PRIMARY KEY (task, item, place)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS requests (key TEXT PRIMARY KEY, content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS judgements (
  judge TEXT, request TEXT, status TEXT NOT NULL, verdict TEXT, probabilities TEXT, raw TEXT NOT NULL,
  more TEXT NOT NULL, PRIMARY KEY (judge, request));
CREATE TABLE IF NOT EXISTS replaced (
  judge TEXT, request TEXT, time TEXT, status TEXT NOT NULL, verdict TEXT, probabilities TEXT, more TEXT NOT NULL,
  PRIMARY KEY (judge, request, time));
CREATE TABLE IF NOT EXISTS cells (
  task TEXT, judge TEXT, judge_key TEXT NOT NULL, fingerprint TEXT NOT NULL, state TEXT NOT NULL,
  PRIMARY KEY (task, judge)) WITHOUT ROWID;
"""


class Database:
    """One connection to a journal. Make one in each thread that needs it.

    Raises:
        JournalError: From every method: the file is locked, full, corrupted, or of another version.
    """

    def __init__(self, path: Path, *, readonly: bool = False) -> None:
        """Open, and unless `readonly`, create it when it is not there."""
        self.path, self.readonly = path, readonly
        if readonly and not path.is_file():
            raise JournalError(f"journal {path}: no such file; is this a run folder?")
        with self.explain_errors():
            mode = _mode_to_read(path) if readonly else "mode=rwc"
            address = f"{path.resolve().as_uri()}?{mode}"
            # A reader may be handed from one worker thread to the next; it is never used by two at once.
            self._db = sqlite3.connect(
                address, uri=True, timeout=10, isolation_level=None, check_same_thread=not readonly
            )
            try:
                self._prepare(readonly=readonly)
            except BaseException:
                self._db.close()
                raise

    def _prepare(self, *, readonly: bool) -> None:
        if not readonly:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute("PRAGMA wal_autocheckpoint=4000")  # 16 MB: each checkpoint waits for the disk
            self._db.execute("PRAGMA journal_size_limit=67108864")
            # `executescript` would end the transaction that it is in.
            with self.transaction():
                for statement in _SCHEMA.split(";"):
                    self._db.execute(statement)
                self._db.execute("INSERT OR IGNORE INTO meta VALUES ('schema', ?)", (str(SCHEMA_VERSION),))
        version = self.meta("schema")
        if version != str(SCHEMA_VERSION):
            raise JournalError(
                f"journal {self.path}: written by another version of the harness (schema {version}, this one reads "
                f"{SCHEMA_VERSION}); use that version, or start again with --fresh"
            )

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        # IMMEDIATE takes the lock for writing now: a lock that is asked for later may be refused in the middle.
        with self.explain_errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._db.in_transaction:  # a full disk makes SQLite roll back by itself
                    self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    @contextmanager
    def explain_errors(self) -> Iterator[None]:
        """Turn errors of SQLite into those of the harness, which say what to do."""
        try:
            yield
        except sqlite3.Error as error:
            raise JournalError(f"journal {self.path}: {_explain(error)}") from error

    def set_meta(self, key: str, value: str) -> None:
        """Remember a fact about the run."""
        with self.transaction():
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?,?)", (key, value))

    def meta(self, key: str) -> str | None:
        """A fact about the run."""
        row = self.select_one("SELECT value FROM meta WHERE key=?", (key,))
        return None if row is None else str(row[0])

    def insert(self, target: str, rows: Sequence[tuple[Any, ...]], suffix: str = "") -> int:
        """Insert rows and return how many were new.

        Args:
            target: What follows `INSERT`, as far as the name of the table.
            rows: The rows, all of one length.
            suffix: What follows the values.
        """
        inserted = 0
        # Many rows to a statement: `executemany` gives up Python's global lock at every row, to a thread that is busy.
        at_once = max(1, MOST_VALUES // max(1, len(rows[0]))) if rows else 1
        for start in range(0, len(rows), at_once):
            part = rows[start : start + at_once]
            marks = ",".join(["(" + ",".join("?" * len(part[0])) + ")"] * len(part))
            values = [value for row in part for value in row]
            inserted += self._db.execute(f"INSERT {target} VALUES {marks} {suffix}", values).rowcount
        return inserted

    def has_table(self, name: str, *, of: str = "main") -> bool:
        """Whether a table is there; not in every journal of an earlier version that is only read."""
        return bool(self.select_all(f"SELECT 1 FROM {of}.sqlite_master WHERE type='table' AND name=?", (name,)))

    def select_one(self, query: str, values: tuple[Any, ...]) -> Any:
        """The first row of a query, or `None`."""
        with self.explain_errors():
            return self._db.execute(query, values).fetchone()

    def select_all(self, query: str, values: tuple[Any, ...]) -> list[Any]:
        """All rows of a query."""
        with self.explain_errors():
            return self._db.execute(query, values).fetchall()


def _mode_to_read(path: Path) -> str:
    # In WAL mode a reader writes too, to the file `-shm`. In a folder where it may not, such as an archive of runs, the
    # database can still be read as one that never changes: what is written last stands in the file `-wal`, if anywhere.
    log = path.with_name(f"{path.name}-wal")
    alone = not log.exists() or log.stat().st_size == 0
    return "mode=ro&immutable=1" if alone and not os.access(path.parent, os.W_OK) else "mode=ro"


def _explain(error: sqlite3.Error) -> str:
    """SQLite's error with what to do about it."""
    message = str(error)
    if "full" in message or "disk I/O" in message:
        return f"{message}; free some space and run the same command again: all that was recorded is kept"
    if "locked" in message or "busy" in message:
        return f"{message} by another process; wait for it to end, or stop it, and run the same command again"
    if "malformed" in message or "not a database" in message:
        return (
            f"{message}: the file is damaged; copy it away, try `sqlite3 FILE .recover`, or start again with --fresh "
            "(the damaged folder is kept beside the new one)"
        )
    if "readonly" in message or "unable to open" in message:
        return f"{message}; check the permissions of the run folder"
    return message
