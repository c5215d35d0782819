"""Damage of a journal is found and named; what other programs did on purpose can be taken as it is."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.api import JournalError, Judgement, Status
from harness.libraries.sealed.database import MOST_BYTES
from harness.libraries.sealed.integrity import SUMS, row_sum, was_closed
from harness.runner.database import Database
from harness.runner.rows import CellRow, ItemRow, RequestRow
from harness.shards.merge import WholeJournal

COUNT = 60


SPACE = '{"kind": "choice", "labels": ["yes", "no"]}'


def item(number: int) -> ItemRow:
    return ItemRow("task", f"item-{number}", number, "g", "c", SPACE, '"yes"', "{}", f"hash-{number}")


def ask(number: int) -> RequestRow:
    return RequestRow("task", f"item-{number}", 0, "[0, 1]", 0, f"key-{number}", "{}")


def fill(journal: WholeJournal, count: int = COUNT) -> None:
    with journal.transaction():
        assert journal.add_requests([(item(number), ask(number)) for number in range(count)]) is None
        answers = [(f"key-{number}", Judgement.of("yes", raw=f"Yes. {number}")) for number in range(count)]
        journal.add_judgements("judge", answers)
    journal.set_cell(CellRow("task", "judge", "judge", "f", "complete"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@pytest.fixture
def filled(path: Path) -> Path:
    journal = WholeJournal(path)
    fill(journal)
    journal.close()
    return path


def check(path: Path, *, readonly: bool = True) -> None:
    with closing(WholeJournal(path, readonly=readonly)) as journal:
        journal.check()


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(statement)


def test_a_journal_that_was_closed_is_one_file_which_was_not_changed_by_reading(filled: Path) -> None:
    assert was_closed(filled)
    before = filled.read_bytes()
    check(filled)
    assert filled.read_bytes() == before
    assert [file.name for file in filled.parent.iterdir()] == ["journal.sqlite"]


def test_what_every_method_writes_is_in_the_sums(path: Path) -> None:
    journal = WholeJournal(path)
    fill(journal)
    journal.check()
    with journal.transaction():  # as when a run goes on: all is known, one answer failed before
        journal.add_judgements("judge", [("key-x", Judgement.failure(Status.ERROR, "down"))])
        journal.add_judgements("judge", [("key-x", Judgement.of("no")), ("key-0", Judgement.of("no"))])
        journal.add_judgements("judge", [("key-x", Judgement.of("yes"))])
        assert journal.add_requests([(item(3), ask(3)), (item(COUNT), ask(COUNT))]) is None
    journal.check()
    kept = journal.judgement("judge", "key-x")
    assert kept is not None
    assert kept.verdict == "no", "a new answer replaces an error, and nothing else"
    with suppress(RuntimeError), journal.transaction():
        journal.add_judgements("judge", [("key-y", Judgement.of("no"))])
        raise RuntimeError
    journal.check()
    for _ in range(2):
        journal.replace_readings([("judge", "key-1", Judgement.of("no"))], time="2026")
        journal.set_meta("published", "x")
        journal.set_cell(CellRow("task", "judge", "judge", "f", "partial"))
        journal.check()
    journal.close()
    other = WholeJournal(path.with_name("other.sqlite"))
    fill(other, 3)
    other.merge_from(path)
    other.count_again()
    other.check()
    other.close()


@pytest.mark.parametrize(
    ("table", "statement"),
    [
        ("items", "UPDATE items SET gold='1' WHERE id='item-7'"),
        ("asks", "UPDATE asks SET ord='[1, 0]' WHERE item='item-7'"),
        ("judgements", "UPDATE judgements SET verdict='\"no\"' WHERE request='key-7'"),
        ("judgements", "DELETE FROM judgements WHERE request='key-7'"),
        ("cells", "UPDATE cells SET state='partial'"),
        ("meta", "INSERT INTO meta VALUES ('plan', '{}')"),
    ],
)
def test_rows_that_are_not_those_that_were_written_are_named_with_the_way_out(
    filled: Path, table: str, statement: str
) -> None:
    change(filled, statement)
    with pytest.raises(JournalError, match=rf"journal {filled}: the rows of {table} are not those that were written"):
        check(filled)
    change(filled, f"DELETE FROM meta WHERE key='{SUMS}'")
    check(filled)
    # The next one to write counts them again.
    WholeJournal(filled).close()
    change(filled, "DELETE FROM items")
    with pytest.raises(JournalError, match="the rows of items"):
        check(filled)


@pytest.mark.parametrize("readonly", [True, False])
def test_a_page_that_looks_empty_is_not_taken_for_one_without_rows(filled: Path, readonly: bool) -> None:
    # The first bytes of a page say that it is a leaf. The next ones, which are 0 now, say how many rows it has.
    raw = filled.read_bytes()
    pages = len(raw) // 4096
    for page in range(pages):
        start = 103 if page == 0 else page * 4096 + 3
        filled.write_bytes(raw[:start] + bytes(min(4096, len(raw) - start)) + raw[start + 4096 :])
        with pytest.raises(JournalError, match=f"journal {filled}: "):
            check(filled, readonly=readonly)
    filled.write_bytes(raw)
    check(filled)


def test_a_letter_that_another_took_the_place_of_is_found(filled: Path) -> None:
    raw = filled.read_bytes()
    place = raw.index(b"Yes. 41")
    filled.write_bytes(raw[:place] + b"No.." + raw[place + 4 :])
    with closing(sqlite3.connect(filled)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)], "SQLite alone does not see it"
    with pytest.raises(JournalError, match="the rows of judgements"):
        check(filled)


def test_an_index_that_is_not_that_of_its_table_is_found(filled: Path) -> None:
    raw = bytearray(filled.read_bytes())
    # The key stands in the table and in its index. Answers are found by the index.
    places = [place for place in range(len(raw)) if raw.startswith(b"judgekey-41", place)]
    assert len(places) == 2
    for place in places:
        damaged = bytearray(raw)
        damaged[place + 10 : place + 11] = b"7"
        filled.write_bytes(damaged)
        with pytest.raises(JournalError, match="the file is damaged"):
            check(filled)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_after_a_kill_it_is_checked_before_anything_is_written(path: Path) -> None:
    code = (
        "import os, signal, sys; sys.path[:0] = sys.argv[2:]\n"
        "from pathlib import Path\n"
        "from test_integrity import WholeJournal, fill\n"
        "journal = WholeJournal(Path(sys.argv[1])); fill(journal, 900); journal.close()\n"
        "journal = WholeJournal(Path(sys.argv[1])); fill(journal, 970); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path), str(Path(__file__).parent)], check=False)
    assert not was_closed(path)
    check(path)
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"Yes. 41", b"No.. 41"))
    with pytest.raises(JournalError, match="the rows of judgements"):
        WholeJournal(path)
    path.write_bytes(raw)
    WholeJournal(path).close()
    assert was_closed(path)


@pytest.mark.parametrize("content", ["", "PRAGMA journal_mode=WAL"], ids=["empty", "without tables"])
def test_a_journal_of_a_process_that_was_killed_before_it_made_one_is_made(path: Path, content: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute(content)
    with pytest.raises(JournalError, match="the run never began; run its manifest again"):
        WholeJournal(path, readonly=True)
    journal = WholeJournal(path)
    fill(journal)
    journal.close()
    check(path)


def test_a_view_that_stands_in_the_place_of_a_table_is_never_read(filled: Path) -> None:
    change(filled, "DROP TABLE judgements")
    change(
        filled,
        "CREATE VIEW judgements AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c) "
        "SELECT 'judge' judge, n request, 'ok' status, 'x' verdict, '' probabilities, '' raw, '{}' more FROM c",
    )
    for readonly in (True, False):
        with pytest.raises(JournalError, match="it holds the view 'judgements', which the harness does not make"):
            WholeJournal(filled, readonly=readonly)


def test_a_reader_keeps_a_journal_from_nothing_but_being_one_file(filled: Path) -> None:
    reader = WholeJournal(filled, readonly=True)
    writer = WholeJournal(filled)
    with closing(reader), reader.explain_errors():
        assert reader.cells()
        writer.set_meta("a", "b")
        writer.close()
        assert reader.meta("a") == "b"
    check(filled, readonly=False)


def test_a_row_that_claims_more_than_any_answer_has_is_not_read(filled: Path) -> None:
    change(filled, f"UPDATE judgements SET raw=zeroblob({MOST_BYTES + 1}) WHERE request='key-7'")
    with pytest.raises(JournalError, match=r"too big: a cell holds more than 268,435,456 bytes"):
        check(filled)


@given(
    rows=st.lists(st.tuples(st.text(), st.one_of(st.none(), st.integers(), st.text())), max_size=20), seed=st.integers()
)
@settings(max_examples=50)
def test_the_order_of_rows_does_not_matter_and_every_row_does(
    rows: list[tuple[str, str | int | None]], seed: int
) -> None:
    shuffled = random.Random(seed).sample(rows, len(rows))
    assert row_sum(shuffled) == row_sum(rows) < 2**128
    assert row_sum([*rows, ("one", "more")]) != row_sum(rows)


def test_the_keys_are_those_of_the_tables(filled: Path) -> None:
    with closing(sqlite3.connect(filled)) as database:
        for table, keys in {"meta": ("key",), **Database.keys}.items():
            facts = database.execute(f"PRAGMA table_info({table})").fetchall()
            assert (
                [name for _, name, *_, place in facts if place] == list(keys) == [row[1] for row in facts[: len(keys)]]
            )


Damage = Callable[[bytearray, random.Random], None]


def _flip(raw: bytearray, rng: random.Random) -> None:
    raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)


def _truncate(raw: bytearray, rng: random.Random) -> None:
    del raw[rng.randrange(len(raw)) :]


def _zero(raw: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(raw))
    raw[start : start + 512] = bytes(len(raw[start : start + 512]))


def _swap(raw: bytearray, rng: random.Random) -> None:
    first, second = rng.sample(range(len(raw) // 4096), 2)
    a, b = slice(first * 4096, first * 4096 + 4096), slice(second * 4096, second * 4096 + 4096)
    raw[a], raw[b] = raw[b], raw[a]


@pytest.mark.parametrize("damage", [_flip, _truncate, _zero, _swap])
def test_no_damage_is_silent(filled: Path, damage: Damage) -> None:
    def read(place: Path) -> list[object]:
        with closing(WholeJournal(place, readonly=True)) as journal:
            journal.check()
            return [list(journal.answers("task", "judge")), journal.cells(), journal.meta("plan")]

    raw, wanted, rng = filled.read_bytes(), read(filled), random.Random(7)
    refused = 0
    for number in range(40):
        damaged = bytearray(raw)
        damage(damaged, rng)
        place = filled.with_name(f"{number}.sqlite")
        place.write_bytes(damaged)
        try:
            assert read(place) == wanted
        except JournalError as error:
            refused += str(place) in str(error)
        os.unlink(place)
    assert refused > 10
