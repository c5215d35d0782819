from __future__ import annotations

import io
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.api import DataError, Image, Item, Judgement, Request, Status
from harness.progress import LineProgress
from harness.recorded.journal import RecordedJournal
from harness.runner.engine import FAIR_SAMPLE, Engine, RunOutcome
from harness.runner.planned import Plan
from harness.runner.requests import Shard

MakePlan = Callable[..., Plan]


def run(plan: Plan, folder: Path, *, shard: Shard | None = None, fail_on_error: float | None = None) -> RunOutcome:
    journal = RecordedJournal(folder / "journal.sqlite")
    try:
        return Engine(
            plan, journal, timeout=5, fail_on_error=fail_on_error, shard=shard, progress=LineProgress(io.StringIO())
        ).run()
    finally:
        journal.close()


def answers(plan: Plan, folder: Path, judge: int = 0) -> dict[str, Any]:
    journal = RecordedJournal(folder / "journal.sqlite", readonly=True)
    try:
        return {a.item: (a.status, a.verdict) for a in journal.answers("text", plan.judges[judge].key)}
    finally:
        journal.close()


def test_every_item_is_judged_once_and_a_second_run_asks_nobody(
    make_plan: MakePlan, text_task: Any, truthful: Any, tmp_path: Path
) -> None:
    judge = truthful()
    assert run(make_plan(text_task(count=300), judge), tmp_path).asked == 300
    assert len(judge.asked) == len(set(judge.asked)) == 300
    again = truthful()
    assert run(make_plan(text_task(count=300), again), tmp_path).asked == 0
    assert again.asked == []


def test_the_same_question_is_asked_once(make_plan: MakePlan, text_task: Any, truthful: Any, tmp_path: Path) -> None:
    def same(index: int, item: Item) -> Item:
        return Item(id=item.id, group="g", space=item.space, gold=item.gold, question=("the same",))

    judge = truthful()
    plan = make_plan(text_task(count=200, change=same), judge)
    run(plan, tmp_path)
    assert len(judge.asked) == 1
    assert len(answers(plan, tmp_path)) == 200


class Flaky:
    """Fails on every third item until it is mended."""

    def __init__(self) -> None:
        self.mended = False
        self.asked: list[str] = []

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        for request in requests:
            self.asked.append(request.item)
            if not self.mended and int(request.item.split("-")[1]) % 3 == 0:
                raise ConnectionError("no route")
            yield request, Judgement.of("yes")

    def fingerprint(self) -> str:
        return "flaky"


def test_errors_are_counted_apart_and_only_they_are_asked_again(
    make_plan: MakePlan, text_task: Any, tmp_path: Path
) -> None:
    judge = Flaky()
    plan = make_plan(text_task(count=30), judge)
    outcome = run(plan, tmp_path)
    assert outcome.errors == {("text", "j0"): 10}
    assert sum(status is Status.ERROR for status, _ in answers(plan, tmp_path).values()) == 10
    judge.mended, judge.asked = True, []
    assert run(make_plan(text_task(count=30), judge), tmp_path).errors == {}
    assert sorted(judge.asked) == sorted(f"test-{n}" for n in range(0, 30, 3))
    assert {status for status, _ in answers(plan, tmp_path).values()} == {Status.OK}


def test_fail_on_error_stops_the_run(make_plan: MakePlan, text_task: Any, truthful: Any, tmp_path: Path) -> None:
    judge, never = Flaky(), truthful()
    outcome = run(make_plan(text_task(count=3000), judge, never), tmp_path, fail_on_error=0.2)
    assert "of j0 on text failed" in outcome.too_many_errors
    assert len(judge.asked) < 3000
    assert never.asked == []


class Interrupting(LineProgress):
    """Presses Ctrl-C when a cell begins, before its judge has been asked anything."""

    def start(self, judge: str, task: str, *, total: int | None, done: int, answered: int) -> None:
        super().start(judge, task, total=total, done=done, answered=answered)
        signal.raise_signal(signal.SIGINT)


def test_ctrl_c_before_the_first_request_asks_nothing(
    make_plan: MakePlan, text_task: Any, truthful: Any, tmp_path: Path
) -> None:
    first, second = truthful(), truthful()
    journal = RecordedJournal(tmp_path / "journal.sqlite")
    plan = make_plan(text_task(count=400), first, second)
    progress = Interrupting(io.StringIO())
    outcome = Engine(plan, journal, timeout=5, fail_on_error=None, shard=None, progress=progress).run()
    assert (outcome.interrupted, outcome.asked, first.asked, second.asked) == (True, 0, [], [])
    assert [cell.state for cell in journal.cells()] == ["partial"]
    journal.close()


class FirstFails:
    """Fails on its first requests, and waits until each of these failures has been counted."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.counted = threading.Semaphore(0)

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        for number, request in enumerate(requests):
            if number < self.failures:
                yield request, Judgement(status=Status.ERROR, error="down")
                assert self.counted.acquire(timeout=5)
            else:
                yield request, Judgement.of("yes")

    def fingerprint(self) -> str:
        return "first fails"


class Counting(LineProgress):
    """Tells the judge whenever more requests are done."""

    def __init__(self, judge: FirstFails) -> None:
        super().__init__(io.StringIO())
        self._first_fails, self._known = judge, 0

    def update(self, *, done: int, answered: int) -> None:
        if done > self._known:
            self._first_fails.counted.release(done - self._known)
        self._known = done


@pytest.mark.parametrize(
    ("failures", "said"), [(1, ""), (FAIR_SAMPLE, f"{FAIR_SAMPLE} of {FAIR_SAMPLE} judgements of j0 on text failed")]
)
def test_a_failure_rate_is_not_judged_on_a_few_requests(
    make_plan: MakePlan, text_task: Any, tmp_path: Path, failures: int, said: str
) -> None:
    judge = FirstFails(failures)
    journal = RecordedJournal(tmp_path / "journal.sqlite")
    plan = make_plan(text_task(count=400), judge)
    engine = Engine(plan, journal, timeout=5, fail_on_error=0.2, shard=None, progress=Counting(judge))
    outcome = engine.run()
    journal.close()
    assert outcome.too_many_errors.partition(", more")[0] == said


def test_duplicate_ids_end_the_run_and_keep_what_was_judged(
    make_plan: MakePlan, text_task: Any, truthful: Any, tmp_path: Path
) -> None:
    def change(index: int, item: Item) -> Item:
        name = "test-7" if index == 205 else item.id
        return Item(id=name, group="g", space=item.space, gold=item.gold, question=item.question)

    plan = make_plan(text_task(count=300, change=change), truthful())
    with pytest.raises(DataError, match=r"'test-7' comes twice \(items 7 and 205"):
        run(plan, tmp_path)
    assert len(answers(plan, tmp_path)) == 205


def test_duplicate_ids_side_by_side_are_found_as_well(
    make_plan: MakePlan, text_task: Any, truthful: Any, tmp_path: Path
) -> None:
    def change(index: int, item: Item) -> Item:
        return Item(id="same", group="g", space=item.space, gold=item.gold, question=item.question)

    with pytest.raises(DataError, match="'same' comes twice"):
        run(make_plan(text_task(count=2, change=change), truthful()), tmp_path)


def test_an_unreadable_image_fails_its_item_and_is_asked_once_mended(
    make_plan: MakePlan, text_task: Any, truthful: Any, tmp_path: Path
) -> None:
    import PIL.Image

    def change(index: int, item: Item) -> Item:
        image = Image.from_file(tmp_path / f"{index}.png")
        return Item(id=item.id, group="g", space=item.space, gold=item.gold, question=(image,))

    for index in (0, 2):
        PIL.Image.new("RGB", (4, 4), (index, 0, 0)).save(tmp_path / f"{index}.png")
    judge = truthful()
    plan = make_plan(text_task(count=3, change=change), judge)
    assert run(plan, tmp_path).errors == {("text", "j0"): 1}
    assert answers(plan, tmp_path)["test-1"] == (Status.ERROR, None)
    assert judge.asked == ["test-0", "test-2"]
    PIL.Image.new("RGB", (4, 4), (1, 0, 0)).save(tmp_path / "1.png")
    assert run(make_plan(text_task(count=3, change=change), judge), tmp_path).errors == {}
    assert judge.asked == ["test-0", "test-2", "test-1"]


def test_a_changed_fingerprint_of_the_data_looks_at_every_item_again(
    make_plan: MakePlan, text_task: Any, truthful: Any, tmp_path: Path
) -> None:
    run(make_plan(text_task(count=5), truthful()), tmp_path)
    judge = truthful()
    run(make_plan(text_task(count=6, version="2"), judge), tmp_path)
    assert judge.asked == ["test-5"]


def test_shards_together_ask_everything_once(
    make_plan: MakePlan, text_task: Any, truthful: Any, tmp_path: Path
) -> None:
    judge = truthful()
    for index in (1, 2):
        (tmp_path / str(index)).mkdir()
        run(make_plan(text_task(count=100), judge), tmp_path / str(index), shard=Shard(index=index, count=2))
    assert len(judge.asked) == len(set(judge.asked)) == 100


class Stuck:
    """Takes everything and answers all but the last."""

    def __init__(self, last: str) -> None:
        self.last = last
        self.stop: Callable[[], None] = lambda: None

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        held = list(requests)
        self.stop()
        for request in held:
            if request.item != self.last:
                yield request, Judgement.of("yes")

    def fingerprint(self) -> str:
        return "stuck"


def test_a_cell_that_was_interrupted_with_answers_outstanding_is_not_complete(
    make_plan: MakePlan, text_task: Any, tmp_path: Path
) -> None:
    judge = Stuck("test-4")
    plan = make_plan(text_task(count=5), judge)
    journal = RecordedJournal(tmp_path / "journal.sqlite")
    engine = Engine(plan, journal, timeout=5, fail_on_error=None, shard=None, progress=LineProgress(io.StringIO()))
    judge.stop = engine._interrupt
    assert engine.run().interrupted
    [cell] = journal.cells()
    journal.close()
    assert len(answers(plan, tmp_path)) == 4
    assert cell.state == "partial"


def test_a_judge_may_rest_once_its_last_task_is_done(
    make_plan: MakePlan, text_task: Any, truthful: Any, tmp_path: Path
) -> None:
    log: list[str] = []

    class Heavy:
        def __init__(self, name: str) -> None:
            self.name = name

        def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
            log.append(f"{self.name} loads")
            yield from truthful().judge(requests)

        def close(self) -> None:
            log.append(f"{self.name} rests")

        def fingerprint(self) -> str:
            return self.name

    plan = make_plan(text_task(count=3), Heavy("a"), Heavy("b"))
    plan.tasks.append(replace(plan.tasks[0], name="again", task=text_task(count=4)))
    run(plan, tmp_path)
    assert log == [
        "a loads",
        "a loads",
        "a rests",
        "b loads",
        "b loads",
        "b rests",
    ]


def test_questions_that_are_no_more_in_the_data_are_not_scored(
    make_plan: MakePlan, text_task: Any, truthful: Any, tmp_path: Path
) -> None:
    run(make_plan(text_task(count=40), truthful()), tmp_path)
    with pytest.raises(DataError, match="task text: 32 recorded questions left the data; start again with --fresh"):
        run(make_plan(text_task(count=8, version="2"), truthful()), tmp_path)
    # Nothing was lost: with the data of that time it goes on.
    assert run(make_plan(text_task(count=40), truthful()), tmp_path).asked == 0
