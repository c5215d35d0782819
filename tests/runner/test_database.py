"""The SQLite file of a journal: what its errors mean for a user."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from harness.api import JournalError
from harness.runner.database import Database


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        ("database or disk is full", "; free some space and run the same command again"),
        ("disk I/O error", "; free some space"),
        ("database is locked", " by another process; wait for it to end"),
        ("database table is busy", " by another process; wait for it to end"),
        ("database disk image is malformed", ": the file is damaged; copy it away"),
        ("file is not a database", ": the file is damaged; copy it away"),
        ("attempt to write a readonly database", "; check the permissions of the run folder"),
        ("unable to open database file", "; check the permissions of the run folder"),
        ("no such table: x", ""),
    ],
)
def test_an_error_of_sqlite_says_what_to_do(tmp_path: Path, message: str, advice: str) -> None:
    database = Database(tmp_path / "journal.sqlite")
    with pytest.raises(JournalError) as caught, database.explain_errors():
        raise sqlite3.OperationalError(message)
    database.close()
    expected = f"journal {tmp_path / 'journal.sqlite'}: {message}{advice}"
    assert str(caught.value) == expected if not advice else str(caught.value).startswith(expected)


def test_a_journal_is_read_in_a_folder_without_write_permission(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.sqlite"
    writer = Database(path)
    writer.set_meta("plan", "kept")
    # A superuser may write everywhere, so the answer of the system is replaced.
    monkeypatch.setattr(os, "access", lambda *_: False)
    reader = Database(path, readonly=True)
    assert reader.meta("plan") == "kept", "while it is written, a reader takes part in its locks"
    reader.close()
    writer.close()
    assert [file.name for file in tmp_path.iterdir()] == ["journal.sqlite"]
    # As a reader leaves it that was the last to close.
    path.with_name("journal.sqlite-wal").touch()
    reader = Database(path, readonly=True)
    assert reader.meta("plan") == "kept"
    path.with_name("journal.sqlite-wal").unlink()
    assert [file.name for file in tmp_path.iterdir()] == ["journal.sqlite"], "nothing is written beside it"
    reader.close()
