"""A fleet over workers that are functions: they answer, die, stop, and are slow, by script."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from harness.api import Choice, DataError, Image, Judgement, JudgeStoppedError, Message, Placement, Request, Status
from harness.api.execution import Fleet, LostWorkerError, Parcel, Reply, pack_answers, unpack_requests
from harness.api.execution import _fleet as fleets
from harness.formats.tagged import TaggedFormat

FORMAT = TaggedFormat()
PLACEMENT = Placement(name="j", entry={}, seed=0, key="k", versions={}, timeout=5.0)


def ask(item: object, *parts: Any) -> Request:
    space = Choice(("yes", "no"))
    return Request(
        task="t", item=str(item), messages=(Message("user", (str(item), *parts)),), space=space, format=FORMAT
    )


@dataclass(eq=False)
class Worker:
    number: int
    held: list[Request] = field(default_factory=list)
    dead: bool = False


@dataclass
class ScriptCrew:
    """Workers of this thread. `act` looks at what a worker holds, and may raise `LostWorkerError` or give a problem."""

    act: Callable[[Worker], str] = lambda worker: ""
    wants: int = 4
    opens: Callable[[int], str] = lambda number: ""
    batch: int = 3
    """A worker answers when it holds so many, or is flushed: as a judge that fills a batch."""
    workers: list[Worker] = field(default_factory=list)
    sent: list[tuple[int, list[str]]] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)

    def start(self) -> tuple[Worker, Any]:
        self.workers.append(Worker(len(self.workers)))
        return self.workers[-1], (self.workers[-1], None, False)

    def call(self, worker: Worker, parcel: Parcel, *, flush: bool, more: bool) -> Any:
        requests = unpack_requests(parcel, lambda name: FORMAT)
        self.sent.append((worker.number, [request.item for request in requests]))
        return worker, requests, flush

    def wait(self, calls: Sequence[Any], seconds: float) -> Sequence[Any]:
        return calls

    def result(self, call: Any) -> Reply:
        worker, requests, flush = call
        if requests is None:
            return Reply(b"", self.wants, self.opens(worker.number))
        worker.held += requests
        problem = self.act(worker)
        if problem:
            return Reply(b"", 0, problem)
        count = len(worker.held) if flush else len(worker.held) // self.batch * self.batch
        answered, worker.held = worker.held[:count], worker.held[count:]
        return Reply(pack_answers([(request, Judgement.of("yes")) for request in answered]), self.wants)

    def name(self, worker: Worker) -> str:
        return f"worker {worker.number}"

    def end(self, worker: Worker) -> None:
        self.ended.append(worker.number)


def make_fleet(crew: ScriptCrew, size: int = 2) -> tuple[Fleet, list[str]]:
    said: list[str] = []
    return Fleet(crew, PLACEMENT, size=size, say=said.append), said


def answer(fleet: Fleet, requests: Iterable[Request]) -> dict[str, Judgement]:
    found: dict[str, Judgement] = {}
    for request, judgement in fleet.judge(requests):
        assert request.item not in found
        found[request.item] = judgement
    return found


def test_every_request_is_answered_once_and_all_workers_have_some() -> None:
    crew = ScriptCrew()
    fleet, said = make_fleet(crew, 3)
    assert set(answer(fleet, map(ask, range(100)))) == set(map(str, range(100)))
    assert Counter(item for _, items in crew.sent for item in items).most_common(1)[0][1] == 1
    assert {number for number, items in crew.sent if items} == {0, 1, 2}
    assert said == []


def test_no_request_starts_no_worker() -> None:
    crew = ScriptCrew()
    fleet, _ = make_fleet(crew)
    assert answer(fleet, []) == {}
    assert crew.workers == []


def test_workers_are_kept_for_the_next_task_and_ended_in_the_end() -> None:
    crew = ScriptCrew()
    fleet, _ = make_fleet(crew)
    answer(fleet, map(ask, range(10)))
    answer(fleet, map(ask, range(10, 20)))
    assert len(crew.workers) == 2
    fleet.close()
    assert sorted(crew.ended) == [0, 1]


def die(when: Callable[[Worker], bool]) -> Callable[[Worker], str]:
    def act(worker: Worker) -> str:
        if when(worker):
            raise LostWorkerError("a power cut")
        return ""

    return act


def test_what_a_dead_worker_had_is_asked_again_elsewhere() -> None:
    crew = ScriptCrew(act=die(lambda worker: worker.number == 0 and len(worker.held) > 2))
    fleet, said = make_fleet(crew)
    found = answer(fleet, map(ask, range(60)))
    assert {judgement.verdict for judgement in found.values()} == {"yes"}
    assert len(found) == 60
    assert len(crew.workers) == 3
    assert said == ["judge j: lost a worker on worker 0 (a power cut); 4 requests that it had are asked again"]


def test_a_request_that_kills_every_worker_becomes_an_error_and_no_other_does() -> None:
    crew = ScriptCrew(act=die(lambda worker: any(request.item == "7" for request in worker.held)))
    fleet, said = make_fleet(crew)
    found = answer(fleet, map(ask, range(40)))
    assert [item for item, judgement in found.items() if judgement.status is Status.ERROR] == ["7"]
    assert found["7"].error == "its worker died 3 times, at last with this request alone: a power cut"
    assert len(found) == 40
    assert len(said) == fleets.TRIES
    # The last time it was alone: what was beside it twice must not be blamed.
    assert [items for _, items in crew.sent if "7" in items][-1] == ["7"]


def test_two_killers_are_told_apart() -> None:
    crew = ScriptCrew(act=die(lambda worker: any(request.item in ("7", "8") for request in worker.held)))
    fleet, _ = make_fleet(crew)
    found = answer(fleet, map(ask, range(40)))
    assert sorted(item for item, judgement in found.items() if judgement.status is Status.ERROR) == ["7", "8"]


def test_workers_that_die_whatever_they_are_asked_end_the_judge_and_not_the_run() -> None:
    crew = ScriptCrew(act=die(lambda worker: True))
    fleet, said = make_fleet(crew)
    with pytest.raises(JudgeStoppedError, match="judge j: 10 workers died one after another without an answer"):
        answer(fleet, map(ask, range(1000)))
    assert len(said) == fleets.MOST_LOSSES


def test_a_judge_that_cannot_be_made_anywhere_stops_with_the_cause_and_the_place() -> None:
    fleet, _ = make_fleet(ScriptCrew(opens=lambda number: "no such model"), 1)
    with pytest.raises(JudgeStoppedError, match=r"judge j: no such model \(worker on worker 0\)"):
        answer(fleet, map(ask, range(10)))


def test_when_one_worker_says_stop_the_answers_of_the_others_still_come_home() -> None:
    crew = ScriptCrew(act=lambda worker: "no credit" if worker.number == 0 else "")
    fleet, _ = make_fleet(crew)
    found: list[str] = []
    with pytest.raises(JudgeStoppedError, match="no credit"):
        found += [request.item for request, _ in _note(fleet.judge(map(ask, range(50))), found)]
    held = [request.item for worker in crew.workers if worker.number for request in worker.held]
    assert held == []
    asked = {item for number, items in crew.sent if number for item in items}
    assert set(found) == asked


def _note(answers: Iterator[tuple[Request, Judgement]], found: list[str]) -> Iterator[tuple[Request, Judgement]]:
    for request, judgement in answers:
        found.append(request.item)
        yield request, judgement
    found.clear()


def test_a_slow_source_makes_workers_answer_what_they_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    # Else a judge that waits for a full batch, and a run that waits for its answers, would wait for one another.
    monkeypatch.setattr(fleets, "QUIET_S", 0.02)
    crew = ScriptCrew(batch=1000)
    fleet, _ = make_fleet(crew, 1)
    home = 0

    def source() -> Iterator[Request]:
        for number in range(6):
            until = time.monotonic() + 5
            while home < number and time.monotonic() < until:  # each waits for the answer to the one before it
                time.sleep(0.001)
            assert home >= number
            yield ask(number)

    for _ in fleet.judge(source()):
        home += 1
    assert home == 6


def test_a_worker_that_says_nothing_is_ended_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleets, "REPLY_S", -4.9)  # 0.1 s with the timeout of the placement

    class DeafCrew(ScriptCrew):
        def wait(self, calls: Sequence[Any], seconds: float) -> Sequence[Any]:
            time.sleep(0.001)
            return [call for call in calls if call[0].number or call[1] is None]

    crew = DeafCrew()
    fleet, said = make_fleet(crew)
    assert len(answer(fleet, map(ask, range(30)))) == 30
    assert crew.ended == [0]
    assert "did not reply within 0.1 s" in said[0]


def test_a_picture_that_is_gone_by_now_costs_its_own_request_alone() -> None:
    there = True

    def read() -> bytes:
        if not there:
            raise DataError("image x: no such file")
        return b"not really a picture"

    lost = ask("lost", Image.from_reader(read, name="x"))
    assert lost.key  # made while the file was there
    there = False
    fleet, _ = make_fleet(ScriptCrew())
    found = answer(fleet, [ask(1), lost, ask(2)])
    assert (found["lost"].status, found["lost"].error) == (Status.ERROR, "image x: no such file")
    assert found["1"].verdict == found["2"].verdict == "yes"


def test_a_call_that_is_cut_short_leaves_nothing_to_the_next() -> None:
    crew = ScriptCrew()
    fleet, _ = make_fleet(crew)
    answers = fleet.judge(map(ask, range(30)))
    next(answers)
    answers.close()  # type: ignore[attr-defined]
    assert set(answer(fleet, map(ask, range(100, 110)))) == set(map(str, range(100, 110)))


def test_its_fingerprint_is_the_key_of_the_judge() -> None:
    assert make_fleet(ScriptCrew())[0].fingerprint() == "k"
