"""Which cells are left out: tasks without pictures, and tasks that a judge has no answer to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from harness.api import JudgeCard, Judgement, Request, UserError
from harness.readiness import check_media, leave_out
from harness.runner.planned import Plan

MakePlan = Callable[..., Plan]


@dataclass
class Recorded:
    """Covers some items, and remembers which it was asked about."""

    known: Collection[str]

    def __post_init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def covers(self, task: str, item: str) -> bool:
        self.asked.append((task, item))
        return item in self.known

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        raise AssertionError("nothing is asked yet")

    def fingerprint(self) -> str:
        return "recorded"


def test_a_task_of_which_a_judge_has_no_answer_is_left_out(make_plan: MakePlan, text_task: Any, truthful: Any) -> None:
    some, none = Recorded({"test-3"}), Recorded({"other-1"})
    plan = make_plan(text_task(count=5), some, none, truthful())
    other = replace(plan.tasks[0], name="other", task=text_task(count=5), split="other")
    plan.tasks.append(other)
    leave_out(plan)
    assert plan.left_out == {("other", "j0"), ("text", "j1")}
    names = [(cell.task.name, cell.judge.name) for cell in plan.cells()]
    assert names == [("text", "j0"), ("other", "j1"), ("text", "j2"), ("other", "j2")]


def test_items_are_read_only_as_far_as_it_takes(make_plan: MakePlan, text_task: Any) -> None:
    early, late = Recorded({"test-0"}), Recorded({"test-2"})
    leave_out(make_plan(text_task(count=1000), early, late))
    assert early.asked == [("text", "test-0")]
    assert late.asked == [("text", f"test-{n}") for n in range(3)]


def test_the_limit_counts(make_plan: MakePlan, text_task: Any, truthful: Any) -> None:
    judge = Recorded({"test-2"})
    plan = make_plan(text_task(count=5), judge)
    plan.tasks[0] = replace(plan.tasks[0], limit=2)
    with pytest.raises(UserError, match=r"judge j0: has an answer to no item of any task \('test-0' of text, \.\.\.\)"):
        leave_out(plan)


def test_a_task_without_items_is_not_left_out_for_the_run_says_so_itself(make_plan: MakePlan, text_task: Any) -> None:
    plan = make_plan(text_task(count=0), Recorded(()))
    leave_out(plan)
    assert plan.left_out == set()


def test_judges_of_one_entry_may_share_its_tasks_among_them(make_plan: MakePlan, text_task: Any) -> None:
    plan = make_plan(text_task(count=2), Recorded({"test-0"}), Recorded({"elsewhere"}))
    plan.judges = [replace(judge, entry="judges.0") for judge in plan.judges]
    leave_out(plan)
    assert plan.left_out == {("text", "j1")}
    apart = make_plan(text_task(count=2), Recorded({"test-0"}), Recorded({"elsewhere"}))
    apart.judges = [replace(judge, entry=f"judges.{n}") for n, judge in enumerate(apart.judges)]
    with pytest.raises(UserError, match="judge j1: has an answer to no item"):
        leave_out(apart)


@pytest.mark.parametrize(
    ("needs", "media", "refused"), [(True, "absent", True), (False, "absent", False), (True, "", False)]
)
def test_only_a_judge_that_looks_at_pictures_is_refused_where_there_are_none(
    make_plan: MakePlan, text_task: Any, truthful: Any, needs: bool, media: str, refused: bool
) -> None:
    plan = make_plan(text_task(), truthful())
    plan.tasks[0].task.media = media  # type: ignore[attr-defined]
    card = plan.judges[0].offer.card
    assert isinstance(card, JudgeCard)
    plan.judges[0] = replace(plan.judges[0], offer=replace(plan.judges[0].offer, card=replace(card, needs_media=needs)))
    if refused:
        with pytest.raises(UserError, match=r"judge j0 looks at pictures, and the task text is used without them"):
            check_media(plan)
    else:
        check_media(plan)
