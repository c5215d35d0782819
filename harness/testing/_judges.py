"""The contract of judges as checks, on a handful of plain questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from harness.api import (
    AnswerSpace,
    Card,
    Choice,
    Judge,
    Judgement,
    Message,
    Preference,
    Ranking,
    Request,
    Score,
    Status,
)
from harness.formats.tagged import TaggedFormat
from harness.testing._members import check_members
from harness.testing._subject import Check, Subject, subject

_SPACES: tuple[AnswerSpace, ...] = (Choice(("yes", "no")), Preference(2, ("tie",)), Score(1, 5, 1), Ranking(3))


def judge_checks(what: Card | str, **fields: object) -> Iterator[Check]:
    """The checks of a judge: a card, or its id; `options`, `data` and `context` go to its factory."""
    yield from checks(subject(what, **fields))


def checks(one: Subject) -> Iterator[Check]:
    """The contract, each clause as a check."""
    yield "judge_protocol", lambda: _check_protocol(one)
    yield "judge_answers_each_once", lambda: _check_each_once(one)
    yield "judge_takes_a_generator", lambda: _check_generator(one)
    yield "judge_takes_an_empty_stream", lambda: _check_empty(one)
    yield "judge_verdicts_in_space", lambda: _check_in_space(one)
    yield "judge_statuses", lambda: _check_statuses(one)
    yield "judge_json_round_trip", lambda: _check_json(one)
    yield "judge_fingerprint_is_stable", lambda: _check_fingerprint(one)
    yield "judge_members", lambda: check_members("judge", one.made)


def questions(count: int = 8) -> list[Request]:
    """Different questions over all kinds of answer space, text only."""
    form, requests = TaggedFormat(), []
    for number in range(count):
        space = _SPACES[number % len(_SPACES)]
        text = f"Question {number}: which answer is right?\n{form.instruction(space)}"
        places = getattr(space, "n", 0)
        requests.append(
            Request(
                task="check",
                item=f"item-{number}",
                messages=(Message("user", (text,)),),
                space=space,
                format=form,
                order=tuple(range(places)),
            )
        )
    return requests


def _judge(one: Subject) -> Judge:
    made = one.made
    assert isinstance(made, Judge), f"judge {one.offer.id}: the factory returned {made!r}, which is no Judge"
    return made


def _answers(one: Subject) -> list[tuple[Request, Judgement]]:
    return list(_judge(one).judge(questions()))


def _check_protocol(one: Subject) -> None:
    _judge(one)


def _check_each_once(one: Subject) -> None:
    asked = Counter(request.key for request in questions())
    answered = Counter(request.key for request, _ in _answers(one))
    lost, surplus = asked - answered, answered - asked
    assert not lost, f"judge {one.offer.id}: {lost.total()} of {asked.total()} requests were never answered"
    assert not surplus, f"judge {one.offer.id}: {surplus.total()} answers too many; answer each request exactly once"


@dataclass
class _Stream:
    """Counts what is pulled, like the engine's stream: once through, no length."""

    pulled: int = 0

    def __call__(self) -> Iterator[Request]:
        for request in questions():
            self.pulled += 1
            yield request


def _check_generator(one: Subject) -> None:
    stream = _Stream()
    answered = sum(1 for _ in _judge(one).judge(stream()))
    assert answered == stream.pulled, f"judge {one.offer.id}: {answered} answers to {stream.pulled} streamed requests"


def _check_empty(one: Subject) -> None:
    answers = list(_judge(one).judge(iter(())))
    assert not answers, f"judge {one.offer.id}: {len(answers)} answers to no request"


def _check_in_space(one: Subject) -> None:
    for request, judgement in _answers(one):
        error = judgement.check(request.space).error if judgement.status is Status.OK else ""
        assert not error, f"judge {one.offer.id}, {request.text[:60]!r}: {error}"


def _check_statuses(one: Subject) -> None:
    for _, judgement in _answers(one):
        assert isinstance(judgement, Judgement), f"judge {one.offer.id}: yielded {judgement!r}, which is no Judgement"
        if judgement.status is not Status.OK:
            assert judgement.error, f"judge {one.offer.id}: status {judgement.status} without `error`; say why"


def _check_json(one: Subject) -> None:
    import json

    for _, judgement in _answers(one):
        again = Judgement.from_json(json.loads(json.dumps(judgement.to_json())))
        assert again == judgement, f"judge {one.offer.id}: {judgement} comes back from JSON as {again}"


def _check_fingerprint(one: Subject) -> None:
    first, second = _judge(one).fingerprint(), one.make().fingerprint()
    assert isinstance(first, str), f"judge {one.offer.id}: the fingerprint is {first!r}, not text"
    assert first, f"judge {one.offer.id}: the fingerprint is empty"
    assert first == second, f"judge {one.offer.id}: made twice alike, the fingerprints are {first!r} and {second!r}"
