"""Judges that answer by item: two items of equal content are two questions to them, and one to all others."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.api import Context, Item, Judgement, Request
from harness.progress import LineProgress
from harness.runner.engine import Engine
from harness.runner.planned import Plan
from harness.runner.requests import Shard
from harness.shards.merge import WholeJournal

MakePlan = Callable[..., Plan]


class ByItem:
    """Says yes to even items and no to odd ones, whatever they show."""

    answers_by_item = True

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.seeds: list[int] = []

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        for request in requests:
            self.asked.append(request.item)
            self.seeds.append(request.seed)
            yield request, Judgement.of(verdict_of(request.item))

    def fingerprint(self) -> str:
        return "by item"


class Once(ByItem):
    """Whose answer depends on the content alone."""

    answers_by_item = False


class Panel:
    """Asks the judge `j0` of the plan."""

    answers_by_item = True

    def __init__(self, *members: str) -> None:
        self.context: Context | None = None
        self.members = members

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        assert self.context is not None
        asked = list(requests)
        for answered, judgement in self.context.ask("j0", asked):
            assert any(answered is request for request in asked)
            yield answered, judgement

    def fingerprint(self) -> str:
        return "panel"


def verdict_of(item: str) -> str:
    return ("yes", "no")[int(item.rpartition("-")[2]) % 2]


def same(index: int, item: Item) -> Item:
    """All items show one of two contents."""
    return Item(id=item.id, group="g", space=item.space, gold=item.gold, question=(f"content {index // 50}",))


def run(plan: Plan, folder: Path, *, shard: Shard | None = None) -> int:
    journal = WholeJournal(folder / "journal.sqlite")
    try:
        engine = Engine(plan, journal, timeout=5, fail_on_error=None, shard=shard, progress=LineProgress(io.StringIO()))
        return engine.run().asked
    finally:
        journal.close()


def verdicts(plan: Plan, folder: Path, judge: int = 0) -> dict[str, Any]:
    journal = WholeJournal(folder / "journal.sqlite", readonly=True)
    try:
        key = plan.judges[judge].key
        found = list(journal.answers("text", key))
        assert sum(journal.statuses("text", key).values()) == len(found)
        for one in found[:3]:
            [asked] = journal.find_request_keys("text", [one.item]).values()
            assert "/" not in asked
        assert len(found) == len({one.item for one in found})
        return {one.item: one.verdict for one in found}
    finally:
        journal.close()


@pytest.fixture
def task(text_task: Any) -> Any:
    return text_task(count=100, change=same)


WANTED = {f"test-{index}": ("yes", "no")[index % 2] for index in range(100)}


def test_each_item_gets_its_own_answer_and_its_own_seed(make_plan: MakePlan, task: Any, tmp_path: Path) -> None:
    judge = ByItem()
    plan = make_plan(task, judge)
    assert run(plan, tmp_path) == 100
    assert verdicts(plan, tmp_path) == WANTED
    assert len(set(judge.seeds)) == 100
    assert run(make_plan(task, ByItem()), tmp_path) == 0


def test_another_judge_of_the_same_run_is_asked_each_content_once(
    make_plan: MakePlan, task: Any, tmp_path: Path
) -> None:
    by_item, once = ByItem(), Once()
    plan = make_plan(task, by_item, once)
    run(plan, tmp_path)
    assert (len(by_item.asked), once.asked) == (100, ["test-0", "test-50"])
    assert verdicts(plan, tmp_path) == WANTED
    assert set(verdicts(plan, tmp_path, 1).values()) == {"yes"}


def test_an_interrupted_run_goes_on_item_by_item(make_plan: MakePlan, task: Any, tmp_path: Path) -> None:
    plan = make_plan(task, ByItem())
    run(plan, tmp_path, shard=Shard(index=1, count=2))
    known = verdicts(plan, tmp_path)
    judge = ByItem()
    task.version = "2"  # so that the part does not pass for the whole
    plan = make_plan(task, judge)
    run(plan, tmp_path)
    assert sorted(judge.asked) == sorted(set(WANTED) - set(known))
    assert verdicts(plan, tmp_path) == WANTED


def test_shards_are_put_together_item_by_item(make_plan: MakePlan, task: Any, tmp_path: Path) -> None:
    whole = WholeJournal(tmp_path / "journal.sqlite")
    for index in (1, 2, 3):
        folder = tmp_path / f"part-{index}"
        folder.mkdir()
        run(plan := make_plan(task, ByItem(), Once()), folder, shard=Shard(index=index, count=3))
        whole.merge_from(folder / "journal.sqlite")
    whole.close()
    assert verdicts(plan, tmp_path) == WANTED


@pytest.mark.parametrize(("member", "asked"), [(ByItem, 100), (Once, 2)])
@pytest.mark.parametrize("known", [True, False], ids=["in the journal", "asked now"])
def test_a_judge_that_asks_another_gets_what_that_one_says_of_each_item(
    make_plan: MakePlan, task: Any, tmp_path: Path, member: type[ByItem], asked: int, known: bool
) -> None:
    judge, panel = member(), Panel()
    plan = make_plan(task, judge, panel)
    panel.context = plan.judges[1].context
    if not known:
        plan.judges.reverse()
    run(plan, tmp_path)
    # Where it was asked first by the panel, its own cell asks it again: what a panel hears is not its members' record.
    assert len(judge.asked) == asked * (1 if known else 2)
    assert verdicts(plan, tmp_path, plan.judges.index(next(one for one in plan.judges if one.name == "j1"))) == (
        WANTED if member is ByItem else dict.fromkeys(WANTED, "yes")
    )


def test_a_key_that_names_the_item_is_that_of_the_content_and_the_item(make_request: Callable[..., Request]) -> None:
    request = make_request(3)
    own = request.with_key(by_item=True)
    assert own.key == f"{request.key}/{request.item}"
    assert own.content == request.content
    assert own.seed != request.seed
    assert 0 <= own.seed < 2**63
    assert own.with_key(by_item=False) == request
    assert own.with_key(by_item=True) is own
    assert json.loads(own.content)["sample"] == 0
