"""The contract of executors as checks, on judges that can be asked anywhere, that die, and that cannot go on.

The checks start workers and kill them. An executor that asks every judge in the process of the run passes them all.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import DISTRIBUTION, __version__
from harness.api import (
    Choice,
    Executor,
    Image,
    Judge,
    Judgement,
    JudgeStoppedError,
    Message,
    Placement,
    Request,
    Status,
)
from harness.discovery import Plugins
from harness.formats.tagged import TaggedFormat
from harness.runner.planned import PlannedJudge, check_options
from harness.testing._context import FakeContext
from harness.testing._subject import Check, Subject

_PLUGIN = "harness.execution.practice"
_JUDGE = "practice/worker"
_DIES = "17"
_SOON_S = 10.0


def checks(subject: Subject) -> Iterator[Check]:
    """The contract, each clause as a check."""
    yield "executor_gives_the_same_judgements", lambda: _check_same(subject)
    yield "executor_asks_again_what_a_dead_worker_had", lambda: _check_death(subject)
    yield "executor_gives_up_what_kills_every_worker", lambda: _check_killer(subject)
    yield "executor_passes_on_that_a_judge_stops", lambda: _check_stop(subject)
    yield "executor_names_what_a_judge_raises", lambda: _check_raise(subject)
    yield "executor_allows_no_code_of_its_own", lambda: _check_code(subject)
    yield "executor_ends_its_workers_in_the_middle", lambda: _check_end(subject)
    yield "executor_leaves_the_plan_and_the_network_here", lambda: _check_here(subject)


def _check_same(subject: Subject) -> None:
    requests = make_requests(200)
    with _place(subject, place_practice()) as (judge, _):
        if judge is None:
            return
        first, second = _ask(judge, requests[:150]), _ask(judge, requests[150:])
    wanted = _answer_here(requests)
    assert {**first, **second} == wanted, (
        f"{subject.id}: the judgements are not those of the judge in this process; "
        f"{_describe_difference({**first, **second}, wanted)}"
    )


def _check_death(subject: Subject) -> None:
    requests = make_requests(60)
    with tempfile.TemporaryDirectory() as folder:
        placement = place_practice(dies=_DIES, once=str(Path(folder) / "died"))
        with _place(subject, placement) as (judge, _):
            if judge is None:
                return
            found = _ask(judge, requests)
    assert found == _answer_here(requests), (
        f"{subject.id}: a worker died once, and not all requests have their answers; "
        f"{_describe_difference(found, _answer_here(requests))}; ask again what it had in flight"
    )


def _check_killer(subject: Subject) -> None:
    requests = make_requests(30)
    with _place(subject, place_practice(dies=_DIES)) as (judge, said):
        if judge is None:
            return
        found = _ask(judge, requests)
    wanted = _answer_here(requests)
    killer = next(request.key for request in requests if request.item == _DIES)
    assert found[killer].status is Status.ERROR, (
        f"{subject.id}: a request that kills every worker came to {found[killer]}; give it the status error in the end"
    )
    del found[killer], wanted[killer]
    assert found == wanted, f"{subject.id}: requests beside a killer failed; {_describe_difference(found, wanted)}"
    assert said, f"{subject.id}: workers died and no line says so"


def _check_stop(subject: Subject) -> None:
    with _place(subject, place_practice(stops=_DIES)) as (judge, _):
        if judge is None:
            return
        try:
            _ask(judge, make_requests(60))
        except JudgeStoppedError as error:
            said = str(error)
        else:
            raise AssertionError(f"{subject.id}: the judge stopped, and no JudgeStoppedError was raised")
    assert "no credit is left" in said, f"{subject.id}: the judge's own words are lost: {said}"


def _check_raise(subject: Subject) -> None:
    requests = make_requests(60)
    with _place(subject, place_practice(raises=_DIES)) as (judge, _):
        if judge is None:
            return
        found = _ask(judge, requests)
    wanted = _answer_here(requests)
    (odd,) = (request.key for request in requests if request.item == _DIES)
    failed, raised = found.pop(odd), f"ValueError: item {_DIES} is odd"
    assert (failed.status is Status.ERROR, raised in failed.error) == (True, True), (
        f"{subject.id}: the judge raised {raised!r} at one request, which came to {failed}; give that request the "
        "status error with what was raised"
    )
    del wanted[odd]
    assert found == wanted, (
        f"{subject.id}: requests beside one that failed; {_describe_difference(found, wanted)}; ask them again"
    )


def _check_code(subject: Subject) -> None:
    requests = make_requests(4)
    named = "hub:practice/none@" + "0" * 40
    placement = place_practice(f"model:{named}", model=named, runs_code=True)
    with _place(subject, placement) as (judge, _):
        if judge is None:
            return
        found = _ask(judge, requests)
    assert found == _answer_here(requests), f"{subject.id}: code that the user allowed did not run on a worker: {found}"
    with _place(subject, replace(placement, allowed=())) as (judge, _):
        assert judge is not None, f"{subject.id}: it places a judge according to what `--allow-code` says"
        try:
            found = _ask(judge, requests)
        except JudgeStoppedError as error:
            said = str(error)
        else:
            raise AssertionError(f"{subject.id}: a worker ran code that the user had not allowed: {found}")
    assert "--allow-code" in said, f"{subject.id}: it is not said how code is allowed: {said}"


def _check_end(subject: Subject) -> None:
    """What Ctrl-C comes to: the answers are no longer read, and the stand-in is closed."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        placement = place_practice(seconds=0.01, log=str(log))
        with _place(subject, placement) as (judge, _):
            if judge is None:
                return
            answers = iter(judge.judge(iter(make_requests(2000))))
            for _ in range(5):
                next(answers)
            began = time.monotonic()
            getattr(answers, "close", lambda: None)()
            getattr(judge, "close", lambda: None)()
            took = time.monotonic() - began
        assert took < _SOON_S, f"{subject.id}: `close` took {took:.0f} s; end the workers at once"
        # Workers on other machines write to disks that are not seen here.
        before = log.stat().st_size if log.exists() else 0
        time.sleep(0.5)
        after = log.stat().st_size if log.exists() else 0
    assert after == before, f"{subject.id}: workers go on after `close`; end them, and what they have started"


def _check_here(subject: Subject) -> None:
    for capability in ("network", "plan"):
        with _place(subject, replace(place_practice(), capabilities=(capability,))) as (judge, _):
            assert judge is None, (
                f"{subject.id}: it places a judge with the capability `{capability}`; return None, since its limits, "
                "its budget or the answers that it needs are in the process of the run"
            )


def place_practice(*allowed: str, **options: Any) -> Placement:
    """The placement of the judge `practice/worker`, with the code that is allowed."""
    plugins = Plugins.load(extra=[_PLUGIN], allowed=allowed)
    offer = plugins.find("judge", _JUDGE)
    checked = check_options(offer, options, who="the check")
    context = FakeContext(workspace=Path(), name="practice")
    judge = PlannedJudge(name="practice", offer=offer, options=checked, context=context)
    return Placement(
        name="practice",
        entry={"use": _JUDGE, "name": "practice", "with": options},
        seed=0,
        key=judge.key,
        versions={DISTRIBUTION: __version__},
        timeout=60.0,
        extra=(_PLUGIN,),
        allowed=allowed,
    )


def make_requests(count: int) -> list[Request]:
    """Questions with a picture each, of two kinds: with a file, and drawn."""
    requests = []
    for number in range(count):
        drawn = Image.from_drawing(lambda number=number: _draw(number), name=f"drawn-{number}")  # type: ignore[misc]
        picture = drawn if number % 2 else Image.from_bytes(drawn.encode()[0], name=f"file-{number}")
        requests.append(
            Request(
                task="practice",
                item=str(number),
                messages=(Message("user", (f"Is picture {number} bright? \ud800 é", picture)),),
                space=Choice(("yes", "no")),
                format=TaggedFormat(),
                question=(picture,),
            )
        )
    return requests


def _draw(number: int) -> Any:
    import PIL.Image

    return PIL.Image.new("RGB", (3, 2), (number % 256, number // 256, 7))


@contextmanager
def _place(subject: Subject, placement: Placement) -> Iterator[tuple[Judge | None, list[str]]]:
    executor: Executor = subject.make()
    said: list[str] = []
    try:
        yield executor.place(placement, said.append), said
    finally:
        executor.close()


def _ask(judge: Judge, requests: list[Request]) -> dict[str, Judgement]:
    found: dict[str, Judgement] = {}
    for request, judgement in judge.judge(iter(requests)):
        assert request.key not in found, f"request {request.item} was answered twice"
        found[request.key] = judgement
    missing = [request.item for request in requests if request.key not in found]
    assert not missing, f"{len(missing)} of {len(requests)} requests have no answer, such as item {missing[0]}"
    return found


def _answer_here(requests: list[Request]) -> dict[str, Judgement]:
    from harness.execution.practice import PracticeJudge, PracticeOptions

    return {request.key: judgement for request, judgement in PracticeJudge(PracticeOptions()).judge(requests)}


def _describe_difference(found: dict[str, Judgement], wanted: dict[str, Judgement]) -> str:
    different = [key for key, judgement in wanted.items() if found.get(key) != judgement]
    return (
        f"{len(different)} of {len(wanted)} differ, such as {found.get(different[0])}" if different else "none differ"
    )
