"""A judge that answers by a script, well or badly, to test what is around judges."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from harness.api import TIE, JudgeError, Judgement, Preference, Request, Status, Verdict


class FakeJudge:
    """Answers each request as `answer` says; see the constructors for the usual scripts.

    Attributes:
        asked: Every request that was pulled, in order.
    """

    def __init__(self, answer: Callable[[Request], Judgement], *, name: str = "fake") -> None:
        """Answer each request with `answer(request)`; `name` becomes the fingerprint."""
        self._answer = answer
        self._name = name
        self.asked: list[Request] = []

    @classmethod
    def answering(cls, *answers: Verdict | Status | str) -> FakeJudge:
        """Give these answers in turn, over and over: a `Status` fails that way, anything else is a verdict."""
        if not answers:
            raise ValueError("FakeJudge.scripted: give at least one answer")
        # Counted and not kept in a list: a test may ask any number of times.
        turn = iter(range(2**63))

        def answer(request: Request) -> Judgement:
            given = answers[next(turn) % len(answers)]
            if isinstance(given, Status):
                return Judgement.failure(given, "scripted failure")
            return Judgement.of(given, raw=request.format.write(given, request.space))

        return cls(answer, name=f"answering {answers!r}")

    @classmethod
    def saying(cls, text: str) -> FakeJudge:
        """Write `text` every time and let the request's own format read it."""
        return cls(lambda request: request.read(text), name=f"saying {text!r}")

    @classmethod
    def position_biased(cls, place: int = 0) -> FakeJudge:
        """Always prefer the verdict at `place` of the space's list: the first candidate shown, the first label, ..."""
        return cls(lambda request: Judgement.of(request.space.verdicts()[place]), name=f"position-biased {place}")

    @classmethod
    def always_tie(cls) -> FakeJudge:
        """Call a tie where the space has ties, and refuse elsewhere."""

        def answer(request: Request) -> Judgement:
            if isinstance(request.space, Preference) and request.space.contains(TIE):
                return Judgement.of(TIE)
            return Judgement.failure(Status.REFUSED, "there are no ties in this space")

        return cls(answer, name="always-tie")

    @classmethod
    def slow(cls, seconds: float) -> FakeJudge:
        """Take `seconds` for each request, then give the first verdict of the space."""

        def answer(request: Request) -> Judgement:
            time.sleep(seconds)
            return Judgement.of(request.space.verdicts()[0], latency_s=seconds)

        return cls(answer, name="slow")

    @classmethod
    def hanging(cls) -> FakeJudge:
        """Never answer."""

        def answer(request: Request) -> Judgement:
            while True:
                time.sleep(3600)

        return cls(answer, name="hanging")

    @classmethod
    def raising(cls, error: Exception | None = None, *, when: Callable[[Request], bool] | None = None) -> FakeJudge:
        """Raise `error` (a `JudgeError` by default) where `when` says so, else give the first verdict of the space."""

        def answer(request: Request) -> Judgement:
            if when is None or when(request):
                raise error if error is not None else JudgeError("scripted error")
            return Judgement.of(request.space.verdicts()[0])

        return cls(answer, name="raising")

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        """One answer for each request, in order."""
        for request in requests:
            # Before it answers, so that a request that raises is in the list as well.
            self.asked.append(request)
            yield request, self._answer(request)

    def fingerprint(self) -> str:
        """Its name."""
        return f"fake-judge {self._name}"
