"""The records of a plan: which keys change, what is counted, which options fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from harness.api import (
    DataError,
    Executor,
    Judge,
    JudgeCard,
    Operational,
    PluginError,
    Protocol,
    Request,
    Task,
    Trainer,
    UserError,
    VerdictFormat,
)
from harness.api.reading import Thinking
from harness.discovery import Offer
from harness.runner.planned import Plan, check_contract, check_options, least_of

MakePlan = Callable[..., Plan]


class Options(BaseModel, extra="forbid"):
    depth: int = 1
    folders: tuple[str, ...] = ()
    workers: Annotated[int, Operational()] = 1


def offer_of(options: type[BaseModel] | None) -> Offer:
    card = JudgeCard(name="j", summary="A judge.", factory=lambda options, context: None, options=options)
    return Offer("t/j", card, "t", "1")


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"limit": 5}, False),
        ({"split": "train"}, False),
        ({"id": "t/other"}, False),
        ({"name": "another label"}, True),
        ({"suite": "another suite"}, True),
        ({"protocol": Protocol(samples=2)}, False),
        ({"protocol": Protocol(order="both")}, False),
        ({"protocol": Protocol(order_seed=1)}, False),
        ({"protocol": Protocol(unparsed="wrong", metrics=("kappa",))}, True),
    ],
)
def test_a_task_changes_where_its_requests_may(
    make_plan: MakePlan, text_task: Any, change: dict[str, Any], same: bool
) -> None:
    [task] = make_plan(text_task()).tasks
    assert (replace(task, **change).fingerprint == task.fingerprint) is same
    assert replace(task, task=text_task(version="2")).fingerprint != task.fingerprint


def test_a_judge_changes_where_its_answers_may(make_plan: MakePlan, text_task: Any, truthful: Any) -> None:
    [judge] = make_plan(text_task(), truthful()).judges
    key = replace(judge, options=Options()).key
    assert replace(judge, options=Options(workers=8), name="another label", entry="judges.7").key == key
    assert replace(judge, options=Options(depth=2)).key != key
    assert replace(judge, offer=replace(judge.offer, id="t/other"), options=Options()).key != key
    marked = replace(judge, options=Options(), thinking=Thinking(marks=(("<a>", "</a>"),), opened=False)).key
    opened = replace(judge, options=Options(), thinking=Thinking(marks=(("<a>", "</a>"),), opened=True)).key
    assert len({key, marked, opened}) == 3


@pytest.mark.parametrize("own", [None, b"weights", {"depth": 1}])
def test_a_fingerprint_that_is_no_text_is_refused(
    make_plan: MakePlan, text_task: Any, truthful: Any, own: object
) -> None:
    task, judge = text_task(), truthful()
    [planned], [asked] = (plan := make_plan(task, judge)).tasks, plan.judges
    task.fingerprint = judge.fingerprint = lambda: own
    with pytest.raises(PluginError, match=r"task \S+: its fingerprint is .*, not text; return one that changes with"):
        _ = replace(planned, task=task).fingerprint
    with pytest.raises(PluginError, match=r"judge \S+: its fingerprint is .*, not text; return one that changes with"):
        _ = replace(asked).key


def test_a_request_is_put_under_the_judges_key_with_its_marks(
    make_plan: MakePlan, make_request: Callable[..., Request], text_task: Any, truthful: Any
) -> None:
    [judge] = make_plan(text_task(), truthful()).judges
    request = make_request()
    assert judge.put(request) == request
    marks = Thinking(marks=(("<a>", "</a>"),), opened=False)
    assert replace(judge, thinking=marks).put(request).thinking == marks
    by_item = truthful()
    by_item.answers_by_item = True
    [judge] = make_plan(text_task(), by_item).judges
    assert judge.put(request).key == f"{request.key}/{request.item}"


def test_closing_a_judge_closes_it_where_it_can_be_closed(make_plan: MakePlan, text_task: Any, truthful: Any) -> None:
    closed = []
    able = truthful()
    able.close = lambda: closed.append(True)
    for judge in make_plan(text_task(), able, truthful()).judges:
        judge.close()
    assert closed == [True]


@pytest.mark.parametrize(
    ("known", "limit", "expected"), [(7, None, 7), (7, 3, 3), (7, 9, 7), (None, 3, None), (None, None, None)]
)
def test_items_are_counted_where_the_task_knows(
    make_plan: MakePlan, text_task: Any, known: int | None, limit: int | None, expected: int | None
) -> None:
    task = text_task()
    if known is not None:
        task.count_items = lambda split: {"test": known}[split]
    assert replace(make_plan(task).tasks[0], limit=limit).count() == expected


@pytest.mark.parametrize(("order", "requests"), [("fixed", 3), ("shuffled", 3), ("both", 6), ("reshuffled", 3)])
def test_an_item_makes_a_request_for_each_order_and_sample(
    make_plan: MakePlan, text_task: Any, order: Any, requests: int
) -> None:
    [task] = make_plan(text_task(protocol=Protocol(order=order, samples=3))).tasks
    assert task.requests_per_item == requests


def test_what_a_factory_made_has_to_have_all_members() -> None:
    check_contract("judge", "t/j", SimpleNamespace(judge=iter, fingerprint=lambda: "1"), Judge)
    with pytest.raises(PluginError, match=r"judge t/j: its factory returned 'text', which lacks judge, fingerprint"):
        check_contract("judge", "t/j", "text", Judge)


def test_a_member_that_has_to_be_a_method_can_be_called() -> None:
    made = SimpleNamespace(protocol=Protocol(), format="t/plain", items=iter, fingerprint="version 1")
    with pytest.raises(PluginError, match=r"which lacks render, the method fingerprint\(\)$"):
        check_contract("task", "t/t", made, Task)


@pytest.mark.parametrize(
    ("kind", "contract", "members"),
    [
        ("judge", Judge, "judge, fingerprint"),
        ("task", Task, "protocol, format, items, render, fingerprint"),
        ("format", VerdictFormat, "name, instruction, parse, write"),
        ("trainer", Trainer, "train, fingerprint"),
        ("executor", Executor, "place, close"),
    ],
)
def test_all_that_a_protocol_declares_is_asked_for(kind: str, contract: type, members: str) -> None:
    with pytest.raises(PluginError, match=f"which lacks {members}$"):
        check_contract(kind, "t/x", None, contract)


def test_a_method_can_be_called_as_its_protocol_says() -> None:
    def fingerprint(salt: str) -> str:
        return salt

    made = SimpleNamespace(judge=iter, fingerprint=fingerprint)
    told = r"^judge t/j: `fingerprint` takes \(salt: 'str'\) -> 'str' instead of \(\): missing .*'salt'$"
    with pytest.raises(PluginError, match=told):
        check_contract("judge", "t/j", made, Judge)


def test_a_format_keeps_to_what_a_format_is() -> None:
    made = SimpleNamespace(name="t/plain", instruction=lambda: "Answer:", parse=lambda text, request: None, write=str)
    with pytest.raises(PluginError, match=r"^format t/plain: `instruction` takes \(\) instead of \(space\): too many"):
        check_contract("format", "t/plain", made, VerdictFormat)


def test_options_of_another_plugin_are_checked_as_those_of_a_manifest() -> None:
    offer = offer_of(Options)
    assert check_options(offer, {}, who="judge jury") == Options()
    assert check_options(offer, {"depth": 3, "folders": ["a", "b"]}, who="judge jury") == Options(
        depth=3, folders=("a", "b")
    )
    with pytest.raises(UserError, match=r"judge jury: options of t/j: dpeth: unknown key\. Did you mean 'depth'"):
        check_options(offer, {"dpeth": 3}, who="judge jury")
    with pytest.raises(UserError, match=r"depth: must be a whole number, got the text '3'"):
        check_options(offer, {"depth": "3"}, who="judge jury")


def test_an_object_without_options_takes_none() -> None:
    assert check_options(offer_of(None), {}, who="judge jury") is None
    with pytest.raises(UserError, match="judge jury: t/j takes no options, got depth, x; leave them out"):
        check_options(offer_of(None), {"depth": 1, "x": 2}, who="judge jury")


def test_the_smallest_limit_counts() -> None:
    assert [least_of(), least_of(None, None), least_of(None, 3), least_of(5, 3, None)] == [None, None, 3, 3]


def test_cells_are_judge_by_judge_without_those_that_are_left_out(
    make_plan: MakePlan, text_task: Any, truthful: Any, tmp_path: Path
) -> None:
    plan = make_plan(text_task(), truthful(), truthful())
    plan.tasks.append(replace(plan.tasks[0], name="other"))
    plan.left_out.add(("text", "j1"))
    names = [(cell.judge.name, cell.task.name) for cell in plan.cells()]
    assert names == [("j0", "text"), ("j0", "other"), ("j1", "other")]


@pytest.mark.parametrize("said", [None, -1, 2.0, "3", True])
def test_a_size_that_is_no_number_of_items_is_refused(make_plan: MakePlan, text_task: Any, said: object) -> None:
    task = text_task()
    task.count_items = lambda split: said
    with pytest.raises(PluginError, match=r"task text \(t/text\): `count_items` says .*, and no number of items"):
        make_plan(task).tasks[0].count()


def test_what_is_wrong_with_an_item_is_said_with_its_task_and_split(make_plan: MakePlan, text_task: Any) -> None:
    wrong = text_task(change=lambda index, item: replace(item, gold="maybe"))
    with pytest.raises(DataError, match=r"^task text, test: item 'test-0': gold 'maybe' is not an answer"):
        list(make_plan(wrong).tasks[0].items())
    no_item = text_task(change=lambda index, item: {"id": index})
    with pytest.raises(PluginError, match=r"task text \(t/text\), test: `items` yields .*'id': 0.*, and no Item"):
        list(make_plan(no_item).tasks[0].items())


@pytest.mark.parametrize("given", [None, 3])
def test_a_task_that_gives_no_items_to_go_through_is_named(make_plan: MakePlan, text_task: Any, given: object) -> None:
    task = text_task()
    task.items = lambda split: given
    with pytest.raises(PluginError, match=rf"task text \(t/text\): `items` gives {given}; let it yield each Item"):
        list(make_plan(task).tasks[0].items())


@pytest.mark.parametrize(("name", "value"), [("id", 1), ("id", ""), ("group", 0), ("group", None)])
def test_an_id_and_a_group_are_text(make_plan: MakePlan, text_task: Any, name: str, value: object) -> None:
    task = text_task(change=lambda index, item: replace(item, **{name: value}))
    with pytest.raises(DataError, match="id and group must be text, and not empty"):
        list(make_plan(task).tasks[0].items())
