"""The contract of judges as checks, on a handful of plain questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
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
    Rubric,
    Score,
    Status,
)
from harness.formats.tagged import TaggedFormat
from harness.testing._explained import judge_checks_of_beginnings
from harness.testing._members import check_members
from harness.testing._subject import Check, Subject, find_subject

_RUBRIC = Rubric((("better", Preference(2)), ("sharp", Score(1, 5, 1))))
# One of each kind: a judge for one kind must still answer the others, by refusing.
_SPACES: tuple[AnswerSpace, ...] = (Choice(("yes", "no")), Preference(2, ("tie",)), Score(1, 5, 1), Ranking(3), _RUBRIC)


def judge_checks(what: Card | str, **fields: object) -> Iterator[Check]:
    """The checks of a judge: a card, or its id; `options`, `data` and `context` go to its factory."""
    yield from checks(find_subject(what, **fields))


def checks(subject: Subject) -> Iterator[Check]:
    """The contract, each clause as a check."""
    yield "judge_protocol", lambda: _check_protocol(subject)
    yield "judge_answers_each_once", lambda: _check_each_once(subject)
    yield "judge_takes_a_generator", lambda: _check_generator(subject)
    yield "judge_takes_an_empty_stream", lambda: _check_empty(subject)
    yield "judge_verdicts_in_space", lambda: _check_in_space(subject)
    yield "judge_statuses", lambda: _check_statuses(subject)
    yield "judge_json_round_trip", lambda: _check_json(subject)
    yield "judge_fingerprint_is_stable", lambda: _check_fingerprint(subject)
    yield from judge_checks_of_beginnings(subject, questions(4))
    yield "judge_members", lambda: check_members("judge", subject.instance)


def questions(count: int = 8) -> list[Request]:
    """Different questions over all kinds of answer space, text only."""
    form, requests = TaggedFormat(), []
    for number in range(count):
        space = _SPACES[number % len(_SPACES)]
        text = f"Question {number}: which answer is right?\n{form.instruction(space)}"
        places = space.candidate_count
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


def _judge(subject: Subject) -> Judge:
    instance = subject.instance
    lacks = [name for name in ("judge", "fingerprint") if not callable(getattr(instance, name, None))]
    assert not lacks, (
        f"judge {subject.id}: the factory returned {instance!r}, which is no Judge: it lacks the method "
        f"{' and the method '.join(f'{name}()' for name in lacks)}"
    )
    judge: Judge = instance
    return judge


def _answers(subject: Subject) -> list[tuple[Request, Judgement]]:
    return list(_ask(subject, questions()))


def _ask(subject: Subject, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
    given: object = _judge(subject).judge(requests)
    kind = type(given).__name__
    assert isinstance(given, Iterable), (
        f"judge {subject.id}: judge() returned an object of type {kind}; write `yield request, judgement` in it"
    )
    for answer in given:
        kinds = [type(part).__name__ for part in answer] if isinstance(answer, tuple) else [type(answer).__name__]
        match answer:
            case (Request() as request, Judgement() as judgement):
                yield request, judgement
            case _:
                raise AssertionError(
                    f"judge {subject.id}: yielded {', '.join(kinds)}, which is no pair of a Request and its Judgement; "
                    "write `yield request, judgement`"
                )


def _check_protocol(subject: Subject) -> None:
    _judge(subject)


def _check_each_once(subject: Subject) -> None:
    asked = Counter(request.key for request in questions())
    answered = Counter(request.key for request, _ in _answers(subject))
    # Counted and not compared as sets: an answer given twice is a fault as well.
    lost, surplus = asked - answered, answered - asked
    assert not lost, f"judge {subject.id}: {lost.total()} of {asked.total()} requests were never answered"
    assert not surplus, f"judge {subject.id}: {surplus.total()} answers too many; answer each request exactly once"


@dataclass
class _Stream:
    """Counts what is pulled, like the engine's stream: once through, no length."""

    pulled: int = 0

    def __call__(self) -> Iterator[Request]:
        for request in questions():
            # What was pulled and not what exists: a judge may stop early, and then has lost nothing.
            self.pulled += 1
            yield request


def _check_generator(subject: Subject) -> None:
    stream = _Stream()
    answered = sum(1 for _ in _ask(subject, stream()))
    assert answered == stream.pulled, f"judge {subject.id}: {answered} answers to {stream.pulled} streamed requests"


def _check_empty(subject: Subject) -> None:
    # A task may have nothing left to ask when a run goes on.
    answers = list(_ask(subject, iter(())))
    assert not answers, f"judge {subject.id}: {len(answers)} answers to no request"


def _check_in_space(subject: Subject) -> None:
    for request, judgement in _answers(subject):
        error = judgement.check(request.space).error if judgement.status is Status.OK else ""
        assert not error, f"judge {subject.id}, {request.text[:60]!r}: {error}"


def _check_statuses(subject: Subject) -> None:
    for _, judgement in _answers(subject):
        if judgement.status is not Status.OK:
            assert judgement.error, f"judge {subject.id}: status {judgement.status} without `error`; say why"


def _check_json(subject: Subject) -> None:
    import json

    for _, judgement in _answers(subject):
        # The journal keeps judgements as JSON.
        again = Judgement.from_json(json.loads(json.dumps(judgement.to_json())))
        assert again == judgement, f"judge {subject.id}: {judgement} comes back from JSON as {again}"


def _check_fingerprint(subject: Subject) -> None:
    first, second = _judge(subject).fingerprint(), subject.make().fingerprint()
    assert isinstance(first, str), f"judge {subject.id}: the fingerprint is {first!r}, not text"
    assert first, f"judge {subject.id}: the fingerprint is empty"
    assert first == second, f"judge {subject.id}: made twice alike, the fingerprints are {first!r} and {second!r}"
