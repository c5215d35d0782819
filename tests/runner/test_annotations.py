"""What several people said of an item, from the task to the journal, and back out of journals old and new."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.api import (
    AnswerSpace,
    Choice,
    DataError,
    Item,
    JournalError,
    Judgement,
    Preference,
    Ranking,
    RecordedAnswer,
    Score,
    Verdict,
)
from harness.runner.planned import Plan
from harness.runner.requests import stream_requests
from harness.runner.rows import annotations_text
from harness.shards.merge import WholeJournal

MakePlan = Callable[..., Plan]
SPACES: list[tuple[AnswerSpace, st.SearchStrategy[Any]]] = [
    (Choice(("yes", "no")), st.sampled_from(["yes", "no"])),
    (Preference(2, ("tie",)), st.sampled_from([0, 1, "tie"])),
    (Score(-1e9, 1e9, 0), st.floats(-1e9, 1e9) | st.integers(-5, 5)),
    (Ranking(3), st.permutations(range(3)).map(tuple)),
]


def test_annotations_are_answers_of_the_space() -> None:
    with pytest.raises(DataError, match=r"item 'i', annotator 'bob': 2 is not an answer of Preference"):
        Item(id="i", group="g", space=Preference(2), gold=0, annotations={"ann": 1, "bob": 2})
    with pytest.raises(DataError, match=r"item 'i': ' ' is no name of an annotator"):
        Item(id="i", group="g", space=Preference(2), gold=0, annotations={" ": 1})
    with pytest.raises(DataError, match=r"annotator 'ann': nan is not"):
        Item(id="i", group="g", space=Score(), gold=1, annotations={"ann": float("nan")})


def plan_of(make_plan: MakePlan, text_task: Any, change: Callable[[int, Item], Item], **fields: Any) -> Plan:
    return make_plan(text_task(count=2, change=change, **fields))


def said(annotations: dict[str, Verdict]) -> Callable[[int, Item], Item]:
    return lambda index, item: replace(item, annotations=annotations) if index == 0 else item


def test_no_request_and_no_key_knows_of_annotations(make_plan: MakePlan, text_task: Any) -> None:
    found = []
    for change in (said({"ann": "yes", "bob": "no"}), lambda index, item: item):
        requests = [
            ask.request for ask in stream_requests(plan_of(make_plan, text_task, change).tasks[0]) if ask.request
        ]
        found.append([(request.key, repr((request.messages, request.question, request.space))) for request in requests])
    assert len(found[0]) == 2
    assert found[0] == found[1]
    assert "bob" not in found[0][0][1]


def test_an_item_without_annotations_has_the_hash_that_it_had_before_there_were_any(
    make_plan: MakePlan, text_task: Any
) -> None:
    rows = [ask.item_row for ask in stream_requests(plan_of(make_plan, text_task, lambda index, item: item).tasks[0])]
    assert [row.hash for row in rows if row] == ["33fe9d7969979f9c875f0752c9d88678", "ccdc3760187d4e989785b615c0952fe4"]


def test_annotations_are_part_of_the_hash_in_whatever_order(make_plan: MakePlan, text_task: Any) -> None:
    changes: list[dict[str, Verdict]] = [{"a": "yes", "b": "no"}, {"b": "no", "a": "yes"}, {"a": "no", "b": "no"}, {}]
    hashes = []
    for change in changes:
        row = next(stream_requests(plan_of(make_plan, text_task, said(change)).tasks[0])).item_row
        assert row is not None
        hashes.append(row.hash)
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


def recorded(path: Path, item: Item, make_plan: MakePlan, text_task: Any) -> WholeJournal:
    plan = plan_of(make_plan, text_task, lambda index, other: replace(item, id=other.id), pairs=bool(item.candidates))
    asks = list(stream_requests(plan.tasks[0]))
    journal = WholeJournal(path)
    with journal.transaction():
        assert journal.add_requests([(ask.item_row, ask.request_row) for ask in asks]) is None
        journal.add_judgements("j", [(ask.request_row.request, Judgement.of(item.gold)) for ask in asks])
    return journal


@pytest.mark.parametrize(("space", "verdicts"), SPACES, ids=lambda one: getattr(one, "kind", ""))
def test_what_people_said_comes_back_from_the_journal(
    space: AnswerSpace, verdicts: st.SearchStrategy[Any], tmp_path: Path, make_plan: MakePlan, text_task: Any
) -> None:
    names = st.text(min_size=1, max_size=8).filter(str.strip)

    @settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(st.dictionaries(names, verdicts, max_size=4), verdicts)
    def check(annotations: dict[str, Verdict], gold: Verdict) -> None:
        path = tmp_path / "journal.sqlite"
        path.unlink(missing_ok=True)
        count = getattr(space, "n", 0)
        candidates = tuple((f"candidate {k}",) for k in range(count))
        item = Item(id="i", group="g", space=space, gold=gold, candidates=candidates, annotations=annotations)
        journal = recorded(path, item, make_plan, text_task)
        found = [dict(answer.annotations) for answer in journal.answers("text", "j")]
        journal.close()
        assert found == [annotations] * len(found)
        assert found
        assert all(type(found[0][name]) is type(verdict) for name, verdict in annotations.items())

    check()


def old_journal(path: Path, make_plan: MakePlan, text_task: Any) -> None:
    """As an earlier version left it: without the table."""
    item = Item(id="i", group="g", space=Choice(("yes", "no")), gold="yes")
    recorded(path, item, make_plan, text_task).close()
    with sqlite3.connect(path) as database:
        database.execute("DROP TABLE annotations")
    database.close()


def test_a_journal_of_an_earlier_version_is_read_and_gone_on_with(
    tmp_path: Path, make_plan: MakePlan, text_task: Any
) -> None:
    path = tmp_path / "journal.sqlite"
    old_journal(path, make_plan, text_task)
    for readonly in (True, False, True):
        journal = WholeJournal(path, readonly=readonly)
        answers: list[RecordedAnswer] = list(journal.answers("text", "j"))
        assert [dict(answer.annotations) for answer in answers] == [{}, {}]
        journal.close()


@pytest.mark.parametrize("older", ["neither", "this", "other"])
def test_shards_are_merged_with_what_people_said(
    older: str, tmp_path: Path, make_plan: MakePlan, text_task: Any
) -> None:
    item = Item(id="i", group="g", space=Choice(("yes", "no")), gold="yes", annotations={"ann": "no", "bob": "yes"})
    recorded(tmp_path / "other.sqlite", item, make_plan, text_task).close()
    if older == "other":
        old_journal(tmp_path / "old.sqlite", make_plan, text_task)
        journal = WholeJournal(tmp_path / "whole.sqlite")
        journal.merge_from(tmp_path / "old.sqlite")
        assert [dict(answer.annotations) for answer in journal.answers("text", "j")] == [{}, {}]
        journal.close()
        return
    if older == "this":
        old_journal(tmp_path / "whole.sqlite", make_plan, text_task)
        journal = WholeJournal(tmp_path / "whole.sqlite")
        with pytest.raises(JournalError, match="differs from the other shard's"):
            journal.merge_from(tmp_path / "other.sqlite")
        journal.close()
        return
    journal = WholeJournal(tmp_path / "whole.sqlite")
    journal.merge_from(tmp_path / "other.sqlite")
    assert [dict(answer.annotations) for answer in journal.answers("text", "j")] == [{"ann": "no", "bob": "yes"}] * 2
    journal.close()


def test_another_verdict_of_an_annotator_is_other_data(tmp_path: Path, make_plan: MakePlan, text_task: Any) -> None:
    plans = [plan_of(make_plan, text_task, said({"ann": verdict, "bob": "no"})) for verdict in ("yes", "no")]
    rows = [[(ask.item_row, ask.request_row) for ask in stream_requests(plan.tasks[0])] for plan in plans]
    journal = WholeJournal(tmp_path / "journal.sqlite")
    with journal.transaction():
        assert journal.add_requests(rows[0]) is None
        assert journal.add_requests(rows[0]) is None, "the same again is no change"
        problem = journal.add_requests(rows[1])
    journal.close()
    assert problem is not None
    assert "is not what this run recorded before" in str(problem)


def test_annotations_are_written_in_one_way() -> None:
    assert annotations_text({}) == ""
    assert annotations_text({"b": (1, 0), "a": 0.5}) == '{"a": 0.5, "b": [1, 0]}'
