"""One connection to a sealed SQLite file: opening it, transactions, and what SQLite's errors mean."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

from harness.libraries.sealed.integrity import (
    SUMS,
    add_sums,
    count_sums,
    find_damage,
    find_foreign,
    find_lost_tables,
    row_sum,
    was_closed,
)
from harness.libraries.sealed.unwritable import SealedError, path_to_read

MOST_VALUES = 900  # in one statement; SQLite's oldest limit is 999

MOST_BYTES = 256 * 2**20
"""Most bytes of one row that is read. A small file cannot hold more, but one with holes in it can claim to."""

_META = "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"


class SealedDatabase:
    """One connection to a journal. Make one in each thread that needs it. A subclass names its tables.

    Raises:
        SealedError: From every method: the file is locked, full, corrupted, or of another version.
    """

    schema: ClassVar[str]
    """Statements that make the tables, separated by `;`. The table `meta` is made beside them."""
    version: ClassVar[int]
    """Of the schema. A file of another one is refused."""
    keys: ClassVar[Mapping[str, tuple[str, ...]]]
    """The tables with the columns of their keys, which are their first ones."""
    unsealed: ClassVar[frozenset[str]] = frozenset()
    """Those whose rows may change without being noticed."""
    error: ClassVar[type[SealedError]] = SealedError
    """What is raised."""

    def __init__(self, path: Path, *, readonly: bool = False) -> None:
        """Open, and unless `readonly`, create it when it is not there. One that was not closed is checked."""
        self.path, self.readonly = path, readonly
        self._changes: dict[str, int] = {}
        if readonly and not path.is_file():
            raise self.error(f"journal {path}: no such file; is this a run folder?")
        with self.explain_errors():
            try:
                place, mode = path_to_read(path, error=self.error) if readonly else (path, "mode=rwc")
                known = not readonly and path.is_file() and path.stat().st_size > 0
                unclean = known and not was_closed(path)
            except OSError as error:
                raise self.error(f"journal {path}: cannot be read ({error.strerror or error})") from error
            # A reader may be handed from one worker thread to the next; it is never used by two at once.
            self._db = sqlite3.connect(
                f"{place.resolve().as_uri()}?{mode}",
                uri=True,
                timeout=10,
                isolation_level=None,
                check_same_thread=not readonly,
            )
            try:
                self._prepare(unclean=unclean)
            except BaseException:
                self._db.close()
                raise

    def _prepare(self, *, unclean: bool) -> None:
        if problem := find_foreign(self._db) or find_lost_tables(self._db):
            raise self.error(f"journal {self.path}: {problem}")
        if self.readonly:
            self._db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_BYTES)
            if not self.has_table("meta"):  # killed before it was made
                raise self.error(f"journal {self.path}: the run never began; run its manifest again")
        else:
            self._db.execute("PRAGMA journal_mode=WAL")
            # FULL waits for the disk at each commit: without it a power cut loses what was committed since the last
            # checkpoint, 16 MB of paid answers. There are at most some tens of commits a second, each of a batch.
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA wal_autocheckpoint=4000")  # 16 MB: each checkpoint waits for the disk
            self._db.execute("PRAGMA journal_size_limit=67108864")
            if unclean:
                self.check()
            self._create()
        version = self.meta("schema")
        if version != str(self.version):
            raise self.error(
                f"journal {self.path}: written by another version of the harness (schema {version}, this one reads "
                f"{self.version}); use that version, or start again with --fresh"
            )

    def _create(self) -> None:
        # `executescript` would end the transaction that it is in.
        with self.transaction():
            for statement in (_META, *self.schema.split(";")):
                self._db.execute(statement)
            if self.meta("schema") is None:
                self.store("meta", [("schema", str(self.version))])
        if self.meta(SUMS) is None:
            self.count_again()

    def check(self) -> None:
        """Compare the journal with what was written into it. It takes about 17 µs a judgement.

        Raises:
            SealedError: It is damaged. The message says what is, and the way out.
        """
        with self.explain_errors():
            problem = find_damage(self._db, self._list_sealed())
        if problem:
            raise self.error(f"journal {self.path}: {problem}")

    def _list_sealed(self) -> list[str]:
        return ["meta", *(table for table in self.keys if table not in self.unsealed)]

    def _key_of(self, table: str) -> tuple[str, ...]:
        return ("key",) if table == "meta" else self.keys[table]

    def count_again(self) -> None:
        """Take the rows as they are now, as those that were written."""
        with self.transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO meta VALUES (?,?)", (SUMS, count_sums(self._db, self._list_sealed()))
            )

    def forget_sums(self) -> None:
        """Inside a transaction: the sums of the rows are not known until `count_again`, or until it is opened again."""
        self._db.execute("DELETE FROM meta WHERE key=?", (SUMS,))

    def close(self) -> None:
        """Close the connection. Where no other process reads it, a journal that was written to is one file then."""
        if not self.readonly:
            try:
                # A finished run is copied, archived and read without the files `-wal` and `-shm`, also by who may only
                # read. A reader keeps it in WAL mode; then the next start only checks more than it has to.
                self._db.execute("PRAGMA busy_timeout=0")
                self._db.execute("PRAGMA journal_mode=DELETE")
            except sqlite3.Error:
                pass
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        # IMMEDIATE takes the lock for writing now: a lock that is asked for later may be refused in the middle.
        with self.explain_errors():
            self._db.execute("BEGIN IMMEDIATE")
            self._changes = {}
            try:
                yield
                if self._changes:
                    self._keep_sums()
            except BaseException:
                if self._db.in_transaction:  # a full disk makes SQLite roll back by itself
                    self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _keep_sums(self) -> None:
        sums = add_sums(self.meta(SUMS), self._changes)
        if sums is not None:
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?,?)", (SUMS, sums))

    @contextmanager
    def explain_errors(self) -> Iterator[None]:
        """Turn errors of SQLite into those of the harness, which say what to do."""
        try:
            yield
        except sqlite3.Error as error:
            raise self.error(f"journal {self.path}: {_explain(error)}") from error

    @contextmanager
    def snapshot(self) -> Iterator[Callable[..., Iterable[tuple[Any, ...]]]]:
        """Run queries, whose rows are streamed, on what is there now, while another process may go on writing."""
        with self.explain_errors():
            self._db.execute("BEGIN")
            try:
                yield self._db.execute
            finally:
                self._db.execute("ROLLBACK")

    def set_meta(self, key: str, value: str) -> None:
        """Remember a fact about the run."""
        with self.transaction():
            self.store("meta", [(key, value)])

    def drop_meta(self, key: str) -> None:
        """Forget a fact, inside a transaction."""
        known = self.meta(key)
        if known is not None:
            self._db.execute("DELETE FROM meta WHERE key=?", (key,))
            self._changes["meta"] = self._changes.get("meta", 0) - row_sum([(key, known)])

    def meta(self, key: str) -> str | None:
        """A fact about the run."""
        row = self.select_one("SELECT value FROM meta WHERE key=?", (key,))
        return None if row is None else str(row[0])

    def store_new(self, table: str, rows: Sequence[tuple[Any, ...]]) -> bool:
        """Insert rows, inside a transaction, if none of their keys is known yet. Otherwise nothing is inserted."""
        self._db.execute("SAVEPOINT before_rows")
        if self._insert("OR IGNORE", table, rows) < len(rows):
            self._db.execute("ROLLBACK TO before_rows")
            return False
        self._changes[table] = self._changes.get(table, 0) + row_sum(rows)
        return True

    def store(
        self,
        table: str,
        rows: Sequence[tuple[Any, ...]],
        *,
        keep: Callable[[tuple[Any, ...], tuple[Any, ...]], tuple[Any, ...]] = lambda known, new: new,
    ) -> None:
        """Insert rows, inside a transaction. One whose key is known takes the place of the known row.

        Args:
            table: Name of the table.
            rows: The rows, all of one length.
            keep: Makes the row to keep of a known one and a new one of the same key.
        """
        if not rows or self.store_new(table, rows):
            return
        length = len(self._key_of(table))
        before = {row[:length]: row for row in self._find_known(table, [row[:length] for row in rows])}
        after = dict(before)
        for row in rows:
            known = after.get(row[:length])
            after[row[:length]] = row if known is None else keep(known, row)
        changed = [key for key, row in after.items() if before.get(key) != row]
        self._insert("OR REPLACE", table, [after[key] for key in changed])
        # Without the rows that stay as they were: most are, when a run goes on.
        gone = row_sum(before[key] for key in changed if key in before)
        self._changes[table] = self._changes.get(table, 0) + row_sum(after[key] for key in changed) - gone

    def _find_known(self, table: str, keys: Sequence[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        names = self._key_of(table)
        at_once = MOST_VALUES // len(names)
        # A join with a list: `(a, b) IN (VALUES ...)` would read the whole table.
        where = " AND ".join(f"t.{name}=v.column{number}" for number, name in enumerate(names, start=1))
        for start in range(0, len(keys), at_once):
            part = keys[start : start + at_once]
            marks = ",".join(["(" + ",".join("?" * len(names)) + ")"] * len(part))
            query = f"SELECT t.* FROM (VALUES {marks}) v CROSS JOIN {table} t ON {where}"
            yield from self._db.execute(query, [value for key in part for value in key])

    def _insert(self, how: str, table: str, rows: Sequence[tuple[Any, ...]]) -> int:
        """Insert rows and return how many were new."""
        inserted = 0
        # Many rows to a statement: `executemany` gives up Python's global lock at every row, to a thread that is busy.
        at_once = max(1, MOST_VALUES // max(1, len(rows[0]))) if rows else 1
        for start in range(0, len(rows), at_once):
            part = rows[start : start + at_once]
            marks = ",".join(["(" + ",".join("?" * len(part[0])) + ")"] * len(part))
            values = [value for row in part for value in row]
            inserted += self._db.execute(f"INSERT {how} INTO {table} VALUES {marks}", values).rowcount
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


def _explain(error: sqlite3.Error) -> str:
    """SQLite's error with what to do about it."""
    message = str(error)
    if "full" in message or "disk I/O" in message:
        return f"{message}; free some space and run the same command again: all that was recorded is kept"
    if "locked" in message or "busy" in message:
        return f"{message} by another process; wait for it to end, or stop it, and run the same command again"
    if "too big" in message:
        return f"{message}: a cell holds more than {MOST_BYTES:,} bytes, which no answer does; the file is damaged"
    if "malformed" in message or "not a database" in message or "decode" in message:
        return (
            f"{message}: the file is damaged; copy it away, try `sqlite3 FILE .recover`, or start again with --fresh "
            "(the damaged folder is kept beside the new one)"
        )
    if "readonly" in message or "unable to open" in message:
        return f"{message}; check the permissions of the run folder"
    return message
