"""A judge that cannot go on, mostly for its budget: its cell stays partial, the others go on, and so does the same
command."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.api import BudgetError, Judgement, JudgeStoppedError, Request, Status, Usage
from harness.progress import LineProgress
from harness.recorded.load import load_run
from harness.runner.engine import Engine, RunOutcome
from harness.runner.journal import Journal
from harness.runner.plan import plan_record
from harness.runner.planned import Plan

MakePlan = Callable[..., Plan]


class Paid:
    """Ten tokens and a cent for each answer, until its budget is spent."""

    def __init__(self, limit: int, name: str = "paid") -> None:
        self.limit = limit
        self.name = name
        self.spent: Callable[[], Usage] = Usage
        self.asked: list[str] = []

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        tokens = self.spent().tokens
        for request in requests:
            if tokens >= self.limit:
                raise BudgetError(f"judge {self.name}: {tokens} tokens spent; raise budget_tokens")
            self.asked.append(request.item)
            tokens += 10
            yield request, Judgement.of("yes", prompt_tokens=7, completion_tokens=3, cost_usd=0.01)

    def fingerprint(self) -> str:
        return self.name


def planned(make_plan: MakePlan, task: Any, *judges: Any) -> Plan:
    """A plan whose paid judges look up what they have spent."""
    plan = make_plan(task, *judges)
    for one, judge in zip(plan.judges, judges, strict=True):
        if isinstance(judge, Paid):
            judge.spent = one.context.total_usage
    return plan


def run(plan: Plan, folder: Path) -> RunOutcome:
    journal = Journal(folder / "journal.sqlite")
    try:
        return Engine(
            plan, journal, timeout=5, fail_on_error=None, shard=None, progress=LineProgress(io.StringIO())
        ).run()
    finally:
        journal.close()


def states(plan: Plan, folder: Path) -> dict[str, str]:
    journal = Journal(folder / "journal.sqlite", readonly=True)
    try:
        return {cell.judge: cell.state for cell in journal.cells()}
    finally:
        journal.close()


def test_a_spent_judge_leaves_its_cell_partial_and_the_others_go_on(
    make_plan: MakePlan, text_task: Any, truthful: Any, tmp_path: Path
) -> None:
    paid, free = Paid(limit=120), truthful()
    plan = planned(make_plan, text_task(count=50), paid, free)
    outcome = run(plan, tmp_path)
    assert outcome.stopped == {"j0": "judge paid: 120 tokens spent; raise budget_tokens"}
    assert outcome.cut_short
    assert not outcome.interrupted
    assert outcome.errors == {}
    assert len(paid.asked) == 12
    assert len(free.asked) == 50
    assert states(plan, tmp_path) == {"j0": "partial", "j1": "complete"}


def test_a_spent_judge_is_not_asked_about_the_next_task(make_plan: MakePlan, text_task: Any, tmp_path: Path) -> None:
    paid = Paid(limit=30)
    plan = planned(make_plan, text_task(count=50), paid)
    plan.tasks.append(plan.tasks[0])
    run(plan, tmp_path)
    assert len(paid.asked) == 3


def test_the_same_plan_goes_on_with_a_larger_budget_and_asks_nothing_twice(
    make_plan: MakePlan, text_task: Any, tmp_path: Path
) -> None:
    asked: list[str] = []
    for limit, total in ((120, 12), (120, 12), (250, 25), (10_000, 50), (10_000, 50)):
        paid = Paid(limit=limit)
        plan = planned(make_plan, text_task(count=50), paid)
        outcome = run(plan, tmp_path)
        asked += paid.asked
        assert len(asked) == len(set(asked)) == total
        assert bool(outcome.stopped) is (total < 50)
        assert states(plan, tmp_path) == {"j0": "complete" if total == 50 else "partial"}


def test_a_judge_that_stops_before_its_first_answer_is_left_out_and_the_others_are_scored(
    make_plan: MakePlan, text_task: Any, truthful: Any, tmp_path: Path
) -> None:
    class Locked(Paid):
        def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
            next(iter(requests))
            raise JudgeStoppedError(f"judge {self.name}: no key")
            yield

    plan = planned(make_plan, text_task(count=50), Locked(limit=0), truthful())
    assert run(plan, tmp_path).stopped == {"j0": "judge paid: no key"}
    journal = Journal(tmp_path / "journal.sqlite")
    journal.set_meta("plan", plan_record(plan, name="t", report={}))
    journal.close()
    assert [(cell.judge, cell.state) for cell in load_run(tmp_path).cells] == [("j1", "complete")]


def test_what_was_spent_is_counted_by_judge_with_failures_and_gaps(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    assert journal.usage("a") == Usage()
    with journal.transaction():
        journal.add_judgements(
            "a",
            [
                ("1", Judgement.of("yes", prompt_tokens=7, completion_tokens=3, cost_usd=0.25)),
                ("2", Judgement.failure(Status.ERROR, "cut off", prompt_tokens=5, cost_usd=0.5)),
                ("3", Judgement.of("no")),
            ],
        )
        journal.add_judgements("b", [("1", Judgement.of("yes", prompt_tokens=1000))])
    usage = journal.usage("a")
    assert usage == Usage(answers=3, reported=2, prompt_tokens=12, completion_tokens=3, priced=2, cost_usd=0.75)
    assert usage.tokens == 15
    journal.close()


def test_a_context_knows_what_its_own_judge_has_spent(
    make_plan: MakePlan, text_task: Any, truthful: Any, tmp_path: Path
) -> None:
    plan = planned(make_plan, text_task(count=4), Paid(limit=1000), truthful())
    assert plan.judges[0].context.total_usage() == Usage(), "before there is a journal"
    run(plan, tmp_path)
    assert plan.judges[0].context.total_usage().tokens == 40
    assert plan.judges[1].context.total_usage() == Usage(answers=4)


PLUGIN = """
from typing import Annotated

from pydantic import BaseModel

from harness.api import BudgetError, JudgeCard, Judgement, Operational, hookimpl


class Options(BaseModel):
    budget: Annotated[int, Operational()] = 5


class Paid:
    def __init__(self, options, context):
        self.budget, self.context = options.budget, context

    def judge(self, requests):
        answers = self.context.total_usage().answers
        for request in requests:
            if answers >= self.budget:
                raise BudgetError(f"{answers} of {self.budget} answers spent; raise budget")
            answers += 1
            yield request, Judgement.of(request.space.verdicts()[0])

    def fingerprint(self):
        return "paid"


@hookimpl
def harness_judges():
    return [JudgeCard(name="paid", summary="Paid.", factory=lambda o, c: Paid(o, c), options=Options)]
"""


@pytest.mark.slow
def test_the_exit_code_is_3_and_the_same_command_goes_on_in_the_same_folder(tmp_path: Path) -> None:
    (tmp_path / "paid.py").write_text(PLUGIN)

    def harness(budget: int) -> tuple[int, str]:
        (tmp_path / "m.yaml").write_text(
            "name: paid\ntasks: [{use: miniature/technical, limit: 20}]\nreport: {resamples: 200}\n"
            f"judges: [{{use: paid/paid, with: {{budget: {budget}}}}}]\n"
        )
        command = [sys.executable, "-m", "harness", "-p", "paid.py", "run", "m.yaml"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout + done.stderr

    code, said = harness(5)
    assert code == 3
    assert "paid: 5 of 5 answers spent; raise budget" in said
    assert "Traceback" not in said
    assert harness(5)[0] == 3
    code, said = harness(100)
    assert code == 0, said
    folders = [path.name for path in (tmp_path / "runs").iterdir() if path.name.startswith("paid-")]
    assert len(folders) == 1
