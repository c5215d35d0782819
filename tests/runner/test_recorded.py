"""What a run folder holds: which cells there are, and where their answers are."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.api import JournalError, Judgement, Request
from harness.manifest.model import ReportSettings
from harness.recorded.load import RecordedRun, find_repeats, load_run, source_of
from harness.runner.folder import JOURNAL
from harness.runner.journal import Journal
from harness.runner.plan import plan_record
from harness.runner.planned import Plan
from harness.runner.requests import stream_requests
from harness.runner.rows import LEFT_OUT, CellRow

MakePlan = Callable[..., Plan]


def record(
    plan: Plan, folder: Path, states: dict[tuple[int, int], str], *, answers: set[tuple[int, int]]
) -> RecordedRun:
    """A folder with the cells of a plan, by numbers of task and judge, and answers in some of them."""
    folder.mkdir(exist_ok=True)
    journal = Journal(folder / JOURNAL)
    journal.set_meta("plan", plan_record(plan, name="m", report=ReportSettings().model_dump()))
    for t, task in enumerate(plan.tasks):
        requests = list(stream_requests(task))
        with journal.transaction():
            journal.add_requests([(planned.item_row, planned.request_row) for planned in requests])
        for j, judge in enumerate(plan.judges):
            if (t, j) in answers:
                with journal.transaction():
                    first = requests[0].request_row.request
                    journal.add_judgements(judge.key, [(first, Judgement.of("yes"))])
            if (t, j) in states:
                journal.set_cell(CellRow(task.name, judge.name, judge.key, task.fingerprint, states[t, j]))
    journal.close()
    return load_run(folder)


class Named:
    def __init__(self, name: str) -> None:
        self.name = name

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        raise AssertionError("nothing is asked here")

    def fingerprint(self) -> str:
        return self.name


def two_by_two(make_plan: MakePlan, text_task: Any) -> Plan:
    plan = make_plan(text_task(count=3), Named("one"), Named("two"))
    plan.tasks.append(replace(plan.tasks[0], name="other", suite="s"))
    return plan


@pytest.mark.parametrize(
    ("state", "answered", "found"),
    [
        ("complete", True, True),
        ("complete", False, True),
        ("partial", True, True),
        ("partial", False, False),  # the judge stopped before its first answer
        ("", True, False),  # never begun; an equal question of another task may have an answer
    ],
)
def test_a_cell_is_there_once_it_has_an_answer(
    make_plan: MakePlan, text_task: Any, tmp_path: Path, state: str, answered: bool, found: bool
) -> None:
    plan = make_plan(text_task(count=3), Named("one"))
    run = record(plan, tmp_path, {(0, 0): state} if state else {}, answers={(0, 0)} if answered else set())
    assert [(cell.task, cell.judge, cell.state) for cell in run.cells] == ([("text", "j0", state)] if found else [])
    assert run.left_out == ()


def test_cells_come_in_the_order_of_the_manifest_and_those_left_out_are_named(
    make_plan: MakePlan, text_task: Any, tmp_path: Path
) -> None:
    plan = two_by_two(make_plan, text_task)
    states = {(1, 1): "complete", (0, 1): "complete", (1, 0): LEFT_OUT, (0, 0): "complete"}
    run = record(plan, tmp_path / "m-abc", states, answers={(0, 0), (0, 1)})
    assert [(cell.task, cell.judge) for cell in run.cells] == [("text", "j0"), ("text", "j1"), ("other", "j1")]
    assert [(left.task, left.suite, left.judge, left.run) for left in run.left_out] == [("other", "s", "j0", "m-abc")]
    assert (run.name, run.seed, run.report) == ("m", 0, ReportSettings())
    first = run.cells[0]
    assert (first.task_id, first.judge_id, first.judge_key) == ("t/text", "t/j0", plan.judges[0].key)
    assert (first.run, first.metric, first.format, first.wraps) == ("m-abc", "accuracy", "t/plain", ())
    assert [answer.item for answer in first.answers()] == ["test-0"]
    assert source_of(first).journal == tmp_path / "m-abc" / JOURNAL


def test_texts_and_tags_are_read_only_where_they_are_wanted(
    make_plan: MakePlan, text_task: Any, tmp_path: Path
) -> None:
    plan = make_plan(text_task(count=1), Named("one"))
    run = record(plan, tmp_path, {(0, 0): "complete"}, answers=set())
    [asked] = list(stream_requests(plan.tasks[0]))
    item = asked.item_row
    assert item is not None
    journal = Journal(tmp_path / JOURNAL)
    with journal.transaction():
        said = Judgement.of("yes", raw="<think>It is so.</think>yes", rationale="It is so.")
        journal.add_judgements(plan.judges[0].key, [(asked.request_row.request, said)])
    journal.close()
    [bare], [whole] = list(run.cells[0].answers()), list(run.cells[0].answers(texts=True))
    assert (bare.raw, bare.rationale, dict(bare.tags)) == ("", "", {})
    assert (whole.raw, whole.rationale) == (said.raw, "It is so.")
    assert dict(whole.tags) == json.loads(item.tags)
    assert whole._replace(raw="", rationale="", tags=bare.tags) == bare


def test_the_data_of_a_task_are_known_by_their_hash(make_plan: MakePlan, text_task: Any, tmp_path: Path) -> None:
    hashes = [
        record(make_plan(task, Named("one")), tmp_path / str(k), {(0, 0): "complete"}, answers=set()).cells[0].data_hash
        for k, task in enumerate([text_task(count=3), text_task(count=3, version="2"), text_task(count=4)])
    ]
    assert hashes[0] == hashes[1]
    assert hashes[0] != hashes[2]


def test_items_are_repeats_where_every_request_was_made_before(
    make_plan: MakePlan, text_task: Any, tmp_path: Path
) -> None:
    few, many = (
        record(make_plan(text_task(count=n), Named("one")), tmp_path / str(n), {(0, 0): "complete"}, answers=set())
        for n in (2, 5)
    )
    assert find_repeats(few.cells[0], many.cells[0]) == {"test-0", "test-1"}
    assert find_repeats(many.cells[0], few.cells[0]) == {"test-0", "test-1"}


def test_a_folder_that_is_no_run_or_of_a_run_that_never_began_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="not a run folder"):
        load_run(tmp_path)
    Journal(tmp_path / JOURNAL).close()
    with pytest.raises(JournalError, match="the run never began; run its manifest again"):
        load_run(tmp_path)


@pytest.mark.parametrize(("table", "key"), [("cells", "task"), ("meta", "key")])
def test_a_run_whose_rows_are_lost_is_not_one_that_never_began(
    make_plan: MakePlan, text_task: Any, tmp_path: Path, table: str, key: str
) -> None:
    folder = tmp_path / "run"
    record(two_by_two(make_plan, text_task), folder, {(0, 0): "complete"}, answers={(0, 0)})
    with closing(sqlite3.connect(folder / JOURNAL)) as database, database:
        database.execute(f"DELETE FROM {table} WHERE {key} NOT IN ('schema', 'rows')")
    with pytest.raises(JournalError, match=f"the rows of {table} are not those that were written"):
        load_run(folder)
