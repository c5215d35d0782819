from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import pytest

from harness.api import DataError, Image, Judge, JudgeError, Judgement, Message, Request, Status, UserError
from harness.runner.driver import Driver

Make = Callable[..., Request]
Answer = tuple[Request, Judgement]


class Scripted:
    """Answers by a function of the request; `batch` requests are pulled before any is answered."""

    def __init__(self, answer: Callable[[Request], Any], batch: int = 1) -> None:
        self.answer = answer
        self.batch = batch
        self.calls = 0

    def judge(self, requests: Iterable[Request]) -> Iterator[Answer]:
        self.calls += 1
        held: list[Request] = []
        for request in requests:
            held.append(request)
            if len(held) == self.batch:
                for one in held:
                    yield one, self.answer(one)
                held = []
        for one in held:
            yield one, self.answer(one)

    def fingerprint(self) -> str:
        return "scripted"


def good(request: Request) -> Judgement:
    return Judgement.of("yes")


def drive(judge: Judge, requests: Iterable[Request], timeout: float = 5) -> list[Answer]:
    driver = Driver(make_judge=lambda: judge, requests=iter(requests), timeout=timeout)
    return [answer for batch in driver.batches() for answer in batch]


def by_item(answers: list[Answer]) -> dict[str, Judgement]:
    assert len({request.item for request, _ in answers}) == len(answers), "an item was answered twice"
    return {request.item: judgement for request, judgement in answers}


def test_every_request_is_answered_exactly_once(make_request: Make) -> None:
    answers = by_item(drive(Scripted(good, batch=7), [make_request(i) for i in range(50)]))
    assert len(answers) == 50
    assert all(judgement.verdict == "yes" for judgement in answers.values())


@pytest.mark.parametrize("batch", [1, 4, 100])
def test_a_judge_that_raises_on_one_request_loses_only_that_one(make_request: Make, batch: int) -> None:
    def answer(request: Request) -> Judgement:
        if request.item == "test-5":
            raise JudgeError("the server is on fire")
        return Judgement.of("yes")

    answers = by_item(drive(Scripted(answer, batch), [make_request(i) for i in range(10)]))
    assert len(answers) == 10
    assert answers.pop("test-5").status is Status.ERROR
    assert all(judgement.status is Status.OK for judgement in answers.values())


def test_the_error_names_the_exception(make_request: Make) -> None:
    def answer(request: Request) -> Judgement:
        raise DataError("image x.png: truncated")

    assert drive(Scripted(answer), [make_request()])[0][1].error == "the judge raised DataError: image x.png: truncated"


def test_system_exit_in_a_judge_does_not_end_the_run(make_request: Make) -> None:
    def answer(request: Request) -> Judgement:
        raise SystemExit(1)

    assert drive(Scripted(answer), [make_request()])[0][1].status is Status.ERROR


def test_a_user_error_of_a_judge_ends_the_run_at_once(make_request: Make) -> None:
    def answer(request: Request) -> Judgement:
        raise UserError("jury: no such judge")

    with pytest.raises(UserError, match="no such judge"):
        drive(Scripted(answer), [make_request(i) for i in range(5)])


@pytest.mark.parametrize("garbage", [None, 7, "yes", ("yes", 1), {"verdict": "yes"}])
def test_garbage_instead_of_a_judgement_is_an_error_and_not_an_answer(make_request: Make, garbage: object) -> None:
    [(_, judgement)] = drive(Scripted(lambda request: garbage), [make_request()])
    assert judgement.status is Status.ERROR
    assert judgement.verdict is None


def test_a_verdict_of_another_space_is_an_error(make_request: Make) -> None:
    [(_, judgement)] = drive(Scripted(lambda request: Judgement.of("maybe")), [make_request()])
    assert (judgement.status, judgement.verdict) == (Status.ERROR, None)
    assert "maybe" in judgement.error


class Yields:
    """Yields whatever a function makes of the stream."""

    def __init__(self, function: Callable[[Iterable[Request]], Iterator[Any]]) -> None:
        self.judge = function

    def fingerprint(self) -> str:
        return "yields"


def test_a_judge_that_ends_early_is_asked_again_and_then_blamed(make_request: Make) -> None:
    def lazy(requests: Iterable[Request]) -> Iterator[Any]:
        for number, request in enumerate(requests):
            if number == 2:
                return
            yield request, good(request)

    answers = by_item(drive(Yields(lazy), [make_request(i) for i in range(7)]))
    assert len(answers) == 7
    assert sum(judgement.status is Status.OK for judgement in answers.values()) >= 4


def test_a_judge_that_never_takes_anything_gives_errors_and_ends(make_request: Make) -> None:
    answers = by_item(drive(Yields(lambda requests: iter(())), [make_request(i) for i in range(4)]))
    assert [judgement.status for judgement in answers.values()] == [Status.ERROR] * 4


@pytest.mark.parametrize(
    "turn",
    [lambda request: good(request), lambda request: (good(request), request), lambda request: (request.item, "yes")],
)
def test_a_judge_that_yields_no_pairs_is_told_so(make_request: Make, turn: Callable[[Request], object]) -> None:
    def judge(requests: Iterable[Request]) -> Iterator[Any]:
        for request in requests:
            yield turn(request)

    answers = by_item(drive(Yields(judge), [make_request(i) for i in range(3)]))
    ended = "the judge ended without an answer to this request"
    told = f"{ended}; it yielded what is no pair of an open request and its judgement"
    assert {judgement.error for judgement in answers.values()} == {told}


def test_second_and_foreign_answers_are_dropped_and_counted(make_request: Make) -> None:
    foreign = make_request(9)

    def double(requests: Iterable[Request]) -> Iterator[Any]:
        for request in requests:
            yield request, Judgement.of("yes")
            yield request, Judgement.of("no")
            yield foreign, Judgement.of("no")
            yield "nonsense"

    judge = Yields(double)
    driver = Driver(make_judge=lambda: judge, requests=iter([make_request(i) for i in range(3)]), timeout=5)
    answers = [answer for batch in driver.batches() for answer in batch]
    assert [judgement.verdict for _, judgement in answers] == ["yes"] * 3
    assert driver.unmatched_answers == 9


def test_a_judge_that_hangs_is_replaced_and_only_its_request_fails(make_request: Make) -> None:
    made: list[Judge] = []
    release = threading.Event()

    def answer(request: Request) -> Judgement:
        if request.item == "test-3":
            release.wait(60)
        return Judgement.of("yes")

    def make() -> Judge:
        made.append(Scripted(answer, batch=4))
        return made[-1]

    driver = Driver(make_judge=make, requests=iter([make_request(i) for i in range(8)]), timeout=0.4)
    answers = by_item([answer for batch in driver.batches() for answer in batch])
    release.set()
    assert len(answers) == 8
    assert "did not answer within 0.4 s" in answers.pop("test-3").error
    assert all(judgement.status is Status.OK for judgement in answers.values())
    assert len(made) > 1, "a judge that hangs must not be used again"


class Holding(Yields):
    """Takes all requests before it answers one, and says so."""

    holds = (5000, 60.0)


def test_a_judge_that_holds_requests_may_take_more_and_be_silent_for_longer(
    make_request: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.runner.driver.MOST_WAITING", 16)
    held: list[int] = []

    def wait(requests: Iterable[Request]) -> Iterator[Any]:
        waiting = list(requests)
        held.append(len(waiting))
        time.sleep(0.5)
        yield from ((request, good(request)) for request in waiting)

    answers = drive(Holding(wait), [make_request(i) for i in range(50)], timeout=0.1)
    assert held == [50]
    assert {judgement.status for _, judgement in answers} == {Status.OK}
    assert len(answers) == 50


def test_a_judge_that_holds_requests_is_left_at_once(make_request: Make) -> None:
    release = threading.Event()

    def wait(requests: Iterable[Request]) -> Iterator[Any]:
        for request in list(requests):
            release.wait(60)
            yield request, good(request)

    driver = Driver(make_judge=lambda: Holding(wait), requests=iter([make_request()]), timeout=5)
    batches = driver.batches()
    next(batches)
    driver.stop()
    began = time.monotonic()
    assert not [answer for batch in batches for answer in batch]
    assert time.monotonic() - began < 2
    release.set()


def test_a_slow_task_is_not_a_judge_that_hangs(make_request: Make) -> None:
    def slow() -> Iterator[Request]:
        for index in range(2):
            time.sleep(0.5)
            yield make_request(index)

    driver = Driver(make_judge=lambda: Scripted(good), requests=slow(), timeout=0.2)
    assert all(j.status is Status.OK for batch in driver.batches() for _, j in batch)


def test_a_fault_of_the_task_ends_the_run_after_what_is_in_flight(make_request: Make) -> None:
    def broken() -> Iterator[Request]:
        yield make_request(0)
        yield make_request(1)
        raise DataError("items.jsonl:3: gold 'maybe'")

    answers: list[Answer] = []
    driver = Driver(make_judge=lambda: Scripted(good, batch=8), requests=broken(), timeout=5)
    batches = driver.batches()
    with pytest.raises(DataError, match="gold 'maybe'"):
        answers.extend(answer for batch in batches for answer in batch)
    assert len(answers) == 2


def test_after_a_fault_of_the_task_the_judge_is_not_called_again(make_request: Make) -> None:
    class Broken:
        """Raises at every request but the first, where a generator would be at its end after that."""

        def __init__(self) -> None:
            self.first = [make_request(0)]

        def __iter__(self) -> Broken:
            return self

        def __next__(self) -> Request:
            if self.first:
                return self.first.pop()
            raise DataError("the data are gone")

    judge = Scripted(good)
    with pytest.raises(DataError, match="the data are gone"):
        drive(judge, Broken())
    assert judge.calls == 1


def test_a_judge_that_has_nothing_to_answer_is_not_called(make_request: Make) -> None:
    judge = Scripted(good)
    assert (drive(judge, []), judge.calls) == ([], 0)


def test_stop_lets_what_is_in_flight_finish(make_request: Make) -> None:
    driver = Driver(make_judge=lambda: Scripted(good), requests=(make_request(i % 30) for i in range(10**9)), timeout=5)
    count = 0
    for batch in driver.batches():
        count += len(batch)
        if count > 5:
            driver.stop()
    assert count > 5


def test_memory_stays_bounded_when_the_journal_is_slower_than_the_judge(make_request: Make) -> None:
    from harness.runner.driver import MOST_WAITING

    pulled = 0

    def endless() -> Iterator[Request]:
        nonlocal pulled
        template = make_request()

        while True:
            pulled += 1
            yield dataclasses.replace(template, sample=pulled)

    driver = Driver(make_judge=lambda: Scripted(good), requests=endless(), timeout=5)
    batches = driver.batches()
    next(batches)
    time.sleep(0.5)
    assert pulled <= 2 * MOST_WAITING + 1
    driver.stop()
    for _ in batches:
        pass


def test_answers_that_wait_to_be_written_down_hold_no_pixels(make_request: Make) -> None:
    import PIL.Image

    drawn: list[int] = []

    def draw(number: int) -> PIL.Image.Image:
        drawn.append(number)
        return PIL.Image.new("RGB", (4, 4), (number, 0, 0))

    def with_picture(number: int) -> Request:
        request = make_request(number)
        image = Image.from_drawing(partial(draw, number), name=f"{number}", named=lambda: f"{number:064x}")
        return dataclasses.replace(request, messages=(Message("user", ("Is it red?", image)),))

    def look(request: Request) -> Judgement:
        for image in request.images:
            image.load()
        return good(request)

    answers = drive(Scripted(look, batch=2), [with_picture(number) for number in range(5)])
    assert drawn == [0, 1, 2, 3, 4]
    assert by_item(answers).keys() == {request.item for request, _ in answers}
    for request, _ in answers:
        (image,) = request.images
        image.load()
    assert drawn == [0, 1, 2, 3, 4] * 2, "each is drawn again, since its pixels were let go"


@pytest.mark.parametrize("batch", [1, 2, 3, 20])
def test_both_orders_of_an_item_share_the_pixels_of_its_pictures(make_request: Make, batch: int) -> None:
    import PIL.Image

    drawn: list[int] = []
    kept: list[int] = []

    def draw(number: int) -> PIL.Image.Image:
        drawn.append(number)
        return PIL.Image.new("RGB", (4, 4), (number, 0, 0))

    pictures = [
        Image.from_drawing(partial(draw, k), name=f"{k}", named=partial("{:064x}".format, k)) for k in range(12)
    ]
    asked = []
    for item in range(6):
        pair = pictures[2 * item : 2 * item + 2]
        for order, shown in enumerate((pair, pair[::-1])):
            request = make_request(2 * item + order)
            asked.append(dataclasses.replace(request, messages=(Message("user", ("Which?", *shown)),)))

    def look(request: Request) -> Judgement:
        for image in request.images:
            image.load()
        kept.append(sum(image._pixels is not None for image in pictures))
        return good(request)

    assert len(by_item(drive(Scripted(look, batch=batch), asked))) == 12
    assert sorted(drawn) == list(range(12)), "each is drawn once"
    # Those of the requests in flight, and of the one before.
    assert max(kept) <= min(12, 2 * batch + 2)
    assert all(image._pixels is None for image in pictures), "all are let go at the end"


def test_a_judge_goes_on_as_soon_as_its_answers_are_taken(make_request: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.runner.driver.MOST_WAITING", 8)
    judge = Scripted(good)
    assert len(by_item(drive(judge, [make_request(i) for i in range(50)], timeout=1))) == 50
    assert judge.calls == 1, "it was given up, as one that hangs"


def test_stopping_again_and_again_does_not_give_a_judge_that_hangs_more_time(
    make_request: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.runner import driver as module

    monkeypatch.setattr(module, "GRACE_S", 0.3)
    release = threading.Event()

    def answer(request: Request) -> Judgement:
        release.wait(30)
        return Judgement.of("yes")

    driver = Driver(make_judge=lambda: Scripted(answer), requests=iter([make_request()]), timeout=20)
    began = time.monotonic()
    for _ in driver.batches():
        driver.stop()
        if time.monotonic() - began > 5:
            break
    took = time.monotonic() - began
    release.set()
    assert took < 5
