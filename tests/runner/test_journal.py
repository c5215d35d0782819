from __future__ import annotations

import dataclasses
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from harness.api import DataError, JournalError, Judgement, Status, Usage
from harness.runner.rows import CellRow, ItemRow, RequestRow
from harness.shards.merge import WholeJournal

ITEM = ItemRow("t", "i", 0, "g", "", '{"kind": "choice", "labels": ["yes", "no"]}', '"yes"', "{}", "abc")
ASK = RequestRow("t", "i", 0, "[]", 0, "key", "{}")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def filled(path: Path, *, item: ItemRow = ITEM, judgement: Judgement | None = None) -> WholeJournal:
    journal = WholeJournal(path)
    with journal.transaction():
        journal.add_requests([(item, ASK._replace(item=item.id, request=f"key-{item.id}"))])
        if judgement is not None:
            journal.add_judgements("judge", [(f"key-{item.id}", judgement)])
    return journal


def test_a_judgement_comes_back_as_it_went_in(path: Path) -> None:
    judgement = Judgement.of(
        "yes",
        raw="<answer>yes</answer>\x00\ud800",
        rationale="be\ud800cause",
        probabilities={"yes": 0.75, "no": 0.25},
        latency_s=0.5,
        prompt_tokens=7,
        cost_usd=0.001,
        model="m-1",
    )
    journal = filled(path, judgement=judgement)
    back = journal.judgement("judge", "key-i")
    assert back is not None
    assert dataclasses.replace(back, raw="") == dataclasses.replace(judgement, raw="")
    assert back.raw.startswith("<answer>yes</answer>")
    journal.close()


def test_an_answer_replaces_an_error_and_nothing_replaces_an_answer(path: Path) -> None:
    journal = filled(path, judgement=Judgement.failure(Status.ERROR, "down"))
    assert journal.find_answered("judge", ["key-i"]) == set()
    for judgement in (Judgement.of("yes"), Judgement.of("no"), Judgement.failure(Status.ERROR, "late")):
        with journal.transaction():
            journal.add_judgements("judge", [("key-i", judgement)])
    kept = journal.judgement("judge", "key-i")
    assert kept is not None
    assert kept.verdict == "yes"
    assert journal.find_answered("judge", ["key-i", "other"]) == {"key-i"}
    journal.close()


def test_an_answer_counts_what_the_failed_ones_before_it_took(path: Path) -> None:
    paid = {"prompt_tokens": 100, "completion_tokens": 10, "cost_usd": 0.5}
    journal = filled(path, judgement=Judgement.failure(Status.ERROR, "no text", **paid))
    for judgement in (
        Judgement.failure(Status.ERROR, "down"),
        Judgement.failure(Status.ERROR, "no text", **paid),
        Judgement.of("yes", prompt_tokens=7, model="m"),
        Judgement.of("no", **paid),  # comes too late, and is not recorded
    ):
        with journal.transaction():
            journal.add_judgements("judge", [("key-i", judgement)])
    kept = journal.judgement("judge", "key-i")
    assert kept == Judgement.of("yes", prompt_tokens=207, completion_tokens=20, cost_usd=1.0, model="m")
    spent = journal.usage("judge")
    assert (spent.answers, spent.prompt_tokens, spent.completion_tokens, spent.cost_usd) == (1, 207, 20, 1.0)
    journal.close()


def test_a_second_item_of_the_same_id_is_refused_and_both_places_are_named(path: Path) -> None:
    journal = filled(path)
    with journal.transaction():
        problem = journal.add_requests([(ITEM._replace(ordinal=3), ASK)])
    assert isinstance(problem, DataError)
    assert "'i' comes twice (items 0 and 3" in str(problem)
    journal.close()


def test_data_that_changed_under_the_run_is_refused(path: Path) -> None:
    journal = filled(path)
    with journal.transaction():
        problem = journal.add_requests([(ITEM._replace(hash="other"), ASK)])
    assert "the data changed" in str(problem)
    assert list(journal.item_hashes("t")) == [("i", "abc")]
    journal.close()


def test_an_item_whose_image_has_been_mended_is_taken(path: Path) -> None:
    journal = filled(path, item=ITEM._replace(hash=""))
    with journal.transaction():
        journal.add_requests([(ITEM, ASK)])
    assert list(journal.item_hashes("t")) == [("i", "abc")]
    journal.close()


def test_a_corrupted_file_is_named_and_left_alone(path: Path) -> None:
    path.write_bytes(b"this is no database, not by a long way " * 200)
    before = path.read_bytes()
    with pytest.raises(JournalError, match=r"journal\.sqlite: .*not a database.*--fresh"):
        WholeJournal(path)
    assert path.read_bytes() == before


def test_a_locked_journal_says_so(path: Path) -> None:
    filled(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    journal = WholeJournal(path, readonly=True)
    journal.close()
    writer = sqlite3.connect(path, timeout=0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        writer.execute("INSERT INTO meta VALUES ('a', 'b')")
    writer.close()
    other.close()


def test_a_full_disk_keeps_what_was_committed(path: Path) -> None:
    journal = filled(path, judgement=Judgement.of("yes"))
    pages = journal.select_one("PRAGMA page_count", ())[0]
    journal.select_one(f"PRAGMA max_page_count={pages}", ())  # SQLite's own way of running out of space
    with pytest.raises(JournalError, match="full; free some space"), journal.transaction():
        journal.add_judgements("judge", [(f"k{n}", Judgement.of("yes", raw="x" * 5000)) for n in range(100)])
    journal.close()
    reader = WholeJournal(path, readonly=True)
    assert reader.statuses("t", "judge") == {"ok": 1}
    reader.close()


def test_a_journal_of_another_version_is_refused(path: Path) -> None:
    journal = WholeJournal(path)
    journal.set_meta("schema", "99")
    journal.close()
    with pytest.raises(JournalError, match="schema 99"):
        WholeJournal(path)


def test_merging_takes_all_of_both_and_prefers_answers_to_errors(tmp_path: Path) -> None:
    one = filled(tmp_path / "1", item=ITEM, judgement=Judgement.of("yes"))
    two = filled(tmp_path / "2", item=ITEM._replace(id="k", ordinal=1), judgement=Judgement.of("no"))
    with two.transaction():
        two.add_judgements("judge", [("key-i", Judgement.failure(Status.ERROR, "down"))])
    two.close()
    one.merge_from(tmp_path / "2")
    assert [(a.item, a.verdict) for a in one.answers("t", "judge")] == [("i", "yes"), ("k", "no")]
    one.close()


def test_merging_shards_with_different_data_is_refused(tmp_path: Path) -> None:
    one = filled(tmp_path / "1")
    filled(tmp_path / "2", item=ITEM._replace(hash="other")).close()
    with pytest.raises(JournalError, match="'i'"):
        one.merge_from(tmp_path / "2")
    one.close()


def test_cells_keep_their_state(path: Path) -> None:
    journal = WholeJournal(path)
    journal.set_cell(CellRow("t", "j", "key", "f", "partial"))
    journal.set_cell(CellRow("t", "j", "key", "f", "complete"))
    assert journal.cells() == [CellRow("t", "j", "key", "f", "complete")]
    journal.close()


def test_a_place_stays_a_place_beside_a_score_of_the_same_value(path: Path) -> None:
    journal = filled(path, judgement=Judgement.of(1.0))
    with journal.transaction():
        journal.add_judgements("other", [("key-i", Judgement.of(1))])
    kinds = [type(journal.judgement(judge, "key-i").verdict) for judge in ("judge", "other")]  # type: ignore[union-attr]
    assert kinds == [float, int]
    journal.close()


def test_usage_counts_what_answers_say_and_how_many_say_it(path: Path) -> None:
    journal = WholeJournal(path)
    answers = [
        Judgement.of("yes", prompt_tokens=100, completion_tokens=5, cost_usd=0.25, model="m-1", latency_s=3.0),
        Judgement.failure(Status.UNPARSED, "?", prompt_tokens=50, completion_tokens=0, model="m-2 (fp)", latency_s=1.0),
        Judgement.failure(Status.ERROR, "down"),
        Judgement.of("no", completion_tokens=7, model="\ud800", latency_s=2.0),
    ]
    with journal.transaction():
        journal.add_judgements("judge", [(f"key-{number}", one) for number, one in enumerate(answers)])
        journal.add_judgements("other", [("key-0", Judgement.of("yes", prompt_tokens=9))])
    usage = journal.usage("judge")
    assert (usage.answers, usage.reported, usage.priced) == (4, 3, 1)
    assert (usage.prompt_tokens, usage.completion_tokens, usage.cost_usd) == (150, 12, 0.25)
    assert usage.models == ("m-1", "m-2 (fp)", "\ud800")
    assert journal.latencies("judge") == [1.0, 2.0, 3.0]
    assert journal.usage("nobody") == Usage()
    journal.close()


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -3, 10**400, "many", True, [1], None])
def test_what_is_no_quantity_counts_as_not_said(path: Path, odd: object) -> None:
    fields: dict[str, Any] = {"prompt_tokens": odd, "completion_tokens": odd, "cost_usd": odd, "latency_s": odd}
    journal = WholeJournal(path)
    with journal.transaction():
        journal.add_judgements("judge", [("key", Judgement.of("yes", model="m", **fields))])
    assert journal.usage("judge") == Usage(answers=1, models=("m",))
    assert journal.latencies("judge") == []
    journal.close()


def test_a_failure_that_is_replaced_by_another_changes_the_state(path: Path) -> None:
    journal = WholeJournal(path)
    states = []
    for tokens in (5, 6):
        with journal.transaction():
            failed = Judgement.failure(Status.ERROR, "down", prompt_tokens=tokens)
            journal.add_judgements("judge", [("key", failed)])
        states.append(journal.state())
    assert states[0] != states[1]
    journal.close()


def test_a_new_reading_keeps_the_old_one_and_makes_the_reports_out_of_date(path: Path) -> None:
    journal = filled(path, judgement=Judgement.of("yes", raw="I say yes."))
    journal.set_meta("published", "these reports")
    journal.replace_readings([("judge", "key-i", Judgement.of("no"))], time="2026-01-01T00:00:00Z")
    new = journal.judgement("judge", "key-i")
    assert new is not None
    assert (new.verdict, new.raw) == ("no", "I say yes.")
    kept = journal.select_all("SELECT judge, request, time, status, verdict FROM replaced", ())
    assert kept == [("judge", "key-i", "2026-01-01T00:00:00Z", "ok", '"yes"')]
    assert journal.meta("published") is None
    journal.close()
