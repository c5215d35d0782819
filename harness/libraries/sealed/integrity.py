"""Whether a journal still holds what was written into it: a sum over the rows of each table, kept in `meta`.

SQLite's own check finds pages that do not fit one another. It cannot find a letter that another has taken the place of,
in a verdict or a gold answer. So each transaction adds the hash of each row that it writes to the sum of its table, and
takes away that of a row that it replaces. The order of rows does not matter, so that merging and `VACUUM` keep the sum.
For damage, not against somebody who means harm: who can write the file can write the sum.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

SUMS = "rows"
"""Key in `meta`: JSON with the sum of each table in hex. Where it is not there, as in a journal of an earlier version,
the rows are taken as they are. Who changes a journal with another program deletes it."""

_MOST = 2**128

_DAMAGED = (
    "copy the folder away; then take the file from a copy of before, or save what can be read with `sqlite3 FILE "
    ".recover`, or start again with --fresh (the damaged folder is kept beside the new one)"
)


def row_sum(rows: Iterable[tuple[Any, ...]]) -> int:
    """The sum of the hashes of rows, below 2**128. A number and its text are the same here, as in SQLite's columns."""
    total = 0
    for row in rows:
        # `\1` is no text that stands in a journal: texts there are JSON, names and answers.
        text = "\0".join([cell if type(cell) is str else _write(cell) for cell in row])
        total += int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest())
    return total % _MOST


def _write(cell: Any) -> str:
    if isinstance(cell, bytes):  # nothing of the harness: another program wrote it, perhaps gigabytes
        return f"\2{len(cell)}"
    return "\1" if cell is None else str(cell)


def add_sums(known: str | None, changes: dict[str, int]) -> str | None:
    """The sums after rows were written and replaced, as JSON. `None` where the sums before are not known."""
    if known is None:
        return None
    sums = json.loads(known)
    for table, change in changes.items():
        sums[table] = f"{(int(sums.get(table, '0'), 16) + change) % _MOST:x}"
    return json.dumps(sums, sort_keys=True)


def count_sums(database: sqlite3.Connection, tables: Iterable[str]) -> str:
    """The sums of all rows that are there, as JSON. It reads all of them, at about 10 µs a judgement."""
    sums = {}
    for table in _list_tables(database, tables):
        rows = database.execute(f"SELECT * FROM {table}{f' WHERE key<>{SUMS!r}' if table == 'meta' else ''}")
        sums[table] = f"{row_sum(rows):x}"
    return json.dumps(sums, sort_keys=True)


def find_foreign(database: sqlite3.Connection) -> str:
    """A view, a trigger or a virtual table, which the harness never makes: one could go on for ever. Empty for none."""
    row = database.execute(
        "SELECT type, name FROM sqlite_master WHERE type IN ('view', 'trigger') OR sql LIKE 'CREATE VIRTUAL%' LIMIT 1"
    ).fetchone()
    return "" if row is None else f"it holds the {row[0]} {row[1]!r}, which the harness does not make; {_DAMAGED}"


def find_lost_tables(database: sqlite3.Connection) -> str:
    """Whether a file of several pages names no table. SQLite takes it for an empty one, and would begin it again."""
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    lost = pages > 1 and not database.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    return f"the file is damaged: it has {pages:,} pages and names no table; {_DAMAGED}" if lost else ""


def find_damage(database: sqlite3.Connection, tables: Sequence[str]) -> str:
    """What is wrong with a journal and what to do about it; empty where it holds what was written.

    The whole check, not `quick_check`: that one does not compare the tables with their indexes, through which answers
    are found. Both together take about 17 µs a judgement.

    Raises:
        sqlite3.Error: Parts of it cannot be read.
    """
    database.execute("BEGIN")  # both checks must see one state: a run may be writing to it
    try:
        if not _list_tables(database, tables):
            return ""  # killed before it was made
        found = [str(line) for (line,) in database.execute("PRAGMA integrity_check(3)")]
        if found != ["ok"]:
            return f"the file is damaged ({'; '.join(' '.join(line.split()) for line in found)}); {_DAMAGED}"
        row = database.execute("SELECT value FROM meta WHERE key=?", (SUMS,)).fetchone()
        if row is None:
            return ""
        try:
            known, now = json.loads(row[0]), json.loads(count_sums(database, tables))
        except ValueError:
            return f"the record of its sums is damaged; {_DAMAGED}"
        changed = sorted(table for table in {*known, *now} if known.get(table, "0") != now.get(table, "0"))
        if not changed:
            return ""
        return (
            f"the rows of {', '.join(changed)} are not those that were written: the file is damaged, or another "
            "program changed it. If you changed it on purpose, have it taken as it is: "
            f"""`sqlite3 FILE "DELETE FROM meta WHERE key='{SUMS}'"`. Otherwise {_DAMAGED}"""
        )
    finally:
        database.execute("ROLLBACK")


def was_closed(path: Path) -> bool:
    """Whether the last process that wrote to a journal closed it. Then it is one file, and not in WAL mode.

    Journals of version 0.1.0 always say no.
    """
    # Bytes 18 and 19 of SQLite's header: 2 where a file is written by way of a log.
    with path.open("rb") as stream:
        head = stream.read(20)
    return head[18:20] == b"\1\1" and not path.with_name(f"{path.name}-journal").exists()


def _list_tables(database: sqlite3.Connection, tables: Iterable[str]) -> list[str]:
    there = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type='table'")}
    return [table for table in tables if table in there]
