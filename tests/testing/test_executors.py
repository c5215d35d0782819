"""The checks of executors find what is wrong with one. The workers of these are in this process, so it is quick."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.api import ExecutorCard, Judge, Judgement, JudgeStoppedError, Placement, Request, UserError
from harness.api.execution import pack_requests, unpack_answers
from harness.testing import _executors, checks_for

Answers = Iterator[tuple[Request, Judgement]]
NAMED = "executor_names_what_a_judge_raises"
ALLOWED = "executor_allows_no_code_of_its_own"
ENDED = "executor_ends_its_workers_in_the_middle"


class Here:
    """A stand-in that asks a worker in this process."""

    def __init__(self, placement: Placement) -> None:
        self.placement = placement

    def judge(self, requests: Iterable[Request]) -> Answers:
        asked = {request.key: request for request in requests}
        try:
            worker = self.placement.open()
        except UserError as error:
            raise JudgeStoppedError(str(error)) from error
        reply = worker.answer(pack_requests(asked.values())[0])
        worker.close()
        for key, judgement in unpack_answers(reply.answers):
            yield asked[key], judgement

    def fingerprint(self) -> str:
        return self.placement.key


class Silent(Here):
    """It does not say what went wrong."""

    def judge(self, requests: Iterable[Request]) -> Answers:
        for request, judgement in super().judge(requests):
            yield request, replace(judgement, error="it failed") if judgement.error else judgement


class Generous(Here):
    """It allows what the judge asks for."""

    def __init__(self, placement: Placement) -> None:
        super().__init__(replace(placement, allowed=(f"model:{placement.entry['with'].get('model')}",)))


class Careless(Here):
    """It allows nothing, and so asks no judge with code of its own."""

    def __init__(self, placement: Placement) -> None:
        super().__init__(replace(placement, allowed=()))


class Endless(Here):
    """What it has started goes on."""

    def judge(self, requests: Iterable[Request]) -> Answers:
        log = Path(self.placement.entry["with"]["log"])

        def answer() -> None:
            with log.open("a", buffering=1) as stream:
                for _ in range(100):
                    stream.write("1\n")
                    time.sleep(0.02)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        try:
            for request in requests:
                yield request, Judgement.of("yes")
        finally:
            self.finish(thread)

    def finish(self, thread: threading.Thread) -> None:
        """Wait for nothing."""


class Patient(Endless):
    """It waits until all is answered."""

    def finish(self, thread: threading.Thread) -> None:
        thread.join()


def check_of(name: str, stand_in: Callable[[Placement], Judge]) -> Callable[[], None]:
    class Executor:
        def place(self, placement: Placement, say: Any) -> Judge:
            return stand_in(placement)

        def close(self) -> None:
            pass

    card = ExecutorCard(name="own", api_version=1, summary="s", factory=lambda options, context: Executor())
    return dict(checks_for(card))[name]


@pytest.mark.parametrize("name", [NAMED, ALLOWED])
def test_a_sound_executor_passes(name: str) -> None:
    check_of(name, Here)()


@pytest.mark.parametrize(
    ("name", "stand_in", "said"),
    [
        (NAMED, Silent, "the judge raised 'ValueError: item 17 is odd' at one request, which came to"),
        (ALLOWED, Generous, "a worker ran code that the user had not allowed"),
        (ALLOWED, Careless, "--allow-code"),
        (ENDED, Endless, "workers go on after `close`"),
        (ENDED, Patient, r"`close` took \d+ s; end the workers at once"),
    ],
)
def test_what_is_wrong_is_named(
    name: str, stand_in: Callable[[Placement], Judge], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_executors, "_SOON_S", 1.0)
    with pytest.raises((AssertionError, UserError), match=said):
        check_of(name, stand_in)()
