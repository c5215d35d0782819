"""The contract of rewards as checks, on answers of every kind: right, wrong, without a verdict, failed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TypeAlias, cast

from harness.api import (
    Answer,
    AnswerSpace,
    Card,
    Choice,
    HarnessError,
    Item,
    Judgement,
    Message,
    Preference,
    Ranking,
    Request,
    Reward,
    Rubric,
    Score,
    Status,
    Verdict,
)
from harness.formats.tagged import TaggedFormat
from harness.testing._members import check_members
from harness.testing._subject import Check, Subject, find_subject

_RUBRIC = Rubric((("better", Preference(2)), ("sharp", Score(0, 4, 1))))
_SPACES: tuple[AnswerSpace, ...] = (Choice(("yes", "no")), Preference(2, ("tie",)), Score(0, 4, 1), Ranking(3), _RUBRIC)
_NO_VERDICT = (Status.UNPARSED, Status.OUTSIDE, Status.DRAW, Status.REFUSED, Status.TRUNCATED)
_TOKENS = 24
_LONGEST = 9  # characters of a verdict's name, "A > B > C"
_FORM = TaggedFormat()
_NAME_IT = "name the capability `probabilities` on its card"

_Pair: TypeAlias = tuple[Answer, ...]
"""The answers to one item, one for each order."""


def reward_checks(what: Card | str, **fields: object) -> Iterator[Check]:
    """The checks of a reward: a card, or its id; `options`, `data` and `context` go to its factory."""
    yield from checks(find_subject(what, **fields))


def checks(subject: Subject) -> Iterator[Check]:
    """The contract, each clause as a check."""
    yield "reward_protocol", lambda: _check_protocol(subject)
    yield "reward_is_a_number_or_none", lambda: _check_numbers(subject)
    yield "reward_applies_to_something", lambda: _check_applies(subject)
    yield "reward_is_deterministic", lambda: _check_deterministic(subject)
    yield "reward_right_earns_most", lambda: _check_right(subject)
    yield "reward_failure_is_no_label", lambda: _check_failure(subject)
    yield "reward_error_earns_nothing", lambda: _check_error(subject)
    yield "reward_states_its_needs", lambda: _check_needs(subject)
    yield "reward_of_orders_is_symmetric", lambda: _check_symmetric(subject)
    yield "reward_members", lambda: check_members("reward", subject.instance)


def answers_to(space: AnswerSpace, gold: Verdict, said: Verdict | Status, item: str = "1") -> _Pair:
    """One answer in each order; `gold` and `said` are canonical.

    All have the same length, in characters and tokens, with any verdict and with none. What a reward says of length is
    the same for all.
    """
    straight = tuple(range(space.candidate_count))
    orders = dict.fromkeys((straight, straight[::-1]))
    return tuple(_copy(_answer(space, gold, said, order, item)) for order in orders)


def _copy(answer: Answer) -> Answer:
    """The same with dictionaries of its own: a reward that changes one must not change what others are given."""
    judgement, item = answer.judgement, answer.item
    item = replace(item, tags=dict(item.tags), annotations=dict(item.annotations))
    if judgement.probabilities is not None:
        judgement = replace(judgement, probabilities=dict(judgement.probabilities))
    return replace(answer, judgement=judgement, item=item)


# The checks ask for the same answers again and again, and reading them is most of the work.
@lru_cache(maxsize=4096, typed=True)
def _answer(space: AnswerSpace, gold: Verdict, said: Verdict | Status, order: tuple[int, ...], name: str) -> Answer:
    text = f"Which answer is right?\n{_FORM.instruction(space)}"
    messages = (Message("user", (text,)),)
    request = Request(task="check", item=name, messages=messages, space=space, format=_FORM, order=order)
    candidates = tuple((f"candidate {place}",) for place in sorted(order))
    tags = {"rationale": "It can be seen in the picture."}
    item = Item(id=name, group=name, space=space, gold=gold, question=(text,), candidates=candidates, tags=tags)
    shown = space.to_shown(gold, order)

    def to_answer(judgement: Judgement) -> Answer:
        return Answer(request=request, judgement=judgement, gold=shown, item=item)

    if said is Status.ERROR:
        return to_answer(Judgement.failure(said, "the machine failed"))
    verdict = space.verdicts()[0] if isinstance(said, Status) else space.to_shown(said, order)
    label = space.name(verdict)
    raw = _FORM.write(verdict, space, "It can be seen in the picture" + "." * (1 + _LONGEST - len(label)))
    if isinstance(said, Status):
        raw = raw.replace(f">{label}<", f">{'?' * len(label)}<")
        return to_answer(replace(request.read(raw, completion_tokens=_TOKENS), status=said))
    # With probabilities, so that a reward that reads them can be asked; others must not look.
    sure = {space.name(other): float(other == verdict) for other in space.verdicts()}
    return to_answer(request.read(raw, completion_tokens=_TOKENS, probabilities=sure))


def _golds() -> Iterator[tuple[AnswerSpace, Verdict]]:
    for space in _SPACES:
        for gold in space.verdicts():
            yield space, gold


def _reward(subject: Subject) -> Reward:
    instance = subject.instance
    is_reward = isinstance(instance, Reward) and not isinstance(instance, type)
    assert is_reward, f"reward {subject.id}: the factory returned {instance!r}, which is no Reward that can be called"
    return cast("Reward", instance)


def _check_protocol(subject: Subject) -> None:
    _reward(subject)


def values(reward: Reward, answers: _Pair) -> list[float | None]:
    """What a trainer would give to each of the answers of one item and sample."""
    of_step: Callable[[_Pair], Sequence[float | None]] | None = getattr(reward, "of_step", None)
    if of_step is not None:
        if any(answer.judgement.status is Status.ERROR for answer in answers):
            return [None] * len(answers)  # such a unit is left out, and none of its answers is rewarded
        step = (*answers, *_others(answers[0]))
        found = list(of_step(step))
        assert len(found) == len(step), f"`of_step` gave {found!r} for {len(step)} answers; give one value for each"
        return found[: len(answers)]
    of_orders: Callable[[_Pair], float | None] | None = getattr(reward, "of_orders", None)
    if of_orders is not None and len(answers) > 1:
        return [of_orders(answers)] * len(answers)
    return [reward(answer.request, answer.judgement, answer.gold) for answer in answers]


def _others(answer: Answer) -> _Pair:
    """Right answers to other items of the same step, one item for each gold."""
    space = answer.request.space
    golds = enumerate(space.verdicts())
    return tuple(other for number, gold in golds for other in answers_to(space, gold, gold, f"other {number}"))


def _check_numbers(subject: Subject) -> None:
    for space, gold in _golds():
        for said in (*space.verdicts(), *_NO_VERDICT):
            for value in values(_reward(subject), answers_to(space, gold, said)):
                where = f"reward {subject.id}, {space}, gold {gold!r}, answer {said!r}"
                number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
                assert value is None or number, f"{where}: {value!r} is no finite number, and not None"


def _check_applies(subject: Subject) -> None:
    applies = any(
        value is not None
        for space, gold in _golds()
        for value in values(_reward(subject), answers_to(space, gold, gold))
    )
    assert applies, f"reward {subject.id}: gives None to the right answer of every space; it rewards nothing"


def _check_deterministic(subject: Subject) -> None:
    again = subject.make()
    for space, gold in _golds():
        for said in (*space.verdicts(), *_NO_VERDICT):
            answers = answers_to(space, gold, said)
            first, *others = (values(reward, answers) for reward in (_reward(subject), _reward(subject), again))
            where = f"reward {subject.id}, {space}, gold {gold!r}, answer {said!r}"
            assert all(other == first for other in others), f"{where}: {[first, *others]}, though nothing changed"


def _check_right(subject: Subject) -> None:
    for space, gold in _golds():
        right = values(_reward(subject), answers_to(space, gold, gold))
        for said in (*space.verdicts(), *_NO_VERDICT):
            for best, value in zip(right, values(_reward(subject), answers_to(space, gold, said)), strict=True):
                where = f"reward {subject.id}, {space}, gold {gold!r}"
                # Equal is allowed: a reward of length pays all of them alike.
                assert best is None or value is None or value <= best + 1e-9, (
                    f"{where}: {said!r} earns {value}, and the right answer, equal in all else, {best}"
                )


def _check_failure(subject: Subject) -> None:
    for space in _SPACES:
        for status in _NO_VERDICT:
            earned = [values(_reward(subject), answers_to(space, gold, status)) for gold in space.verdicts()]
            # A policy could learn to fail where a wrong answer costs more.
            assert all(value == earned[0] for value in earned), (
                f"reward {subject.id}, {space}: what an answer without a verdict ({status}) earns depends on the "
                f"gold ({earned}); a failure is not a label"
            )


def _check_error(subject: Subject) -> None:
    for space, gold in _golds():
        try:
            # A dropped connection says nothing about the policy, and must not push it.
            earned = values(_reward(subject), answers_to(space, gold, Status.ERROR))
        except HarnessError:
            continue
        assert all(value is None for value in earned), (
            f"reward {subject.id}, {space}: a failure of the machine earns {earned}; give None, or raise"
        )


def _check_needs(subject: Subject) -> None:
    reward, named = _reward(subject), subject.offer.card.capabilities
    for member, capability in (("of_orders", "orders"), ("of_step", "steps")):
        has = callable(getattr(reward, member, None))
        assert has == (capability in named), (
            f"reward {subject.id}: it {'has' if has else 'has no'} `{member}`, and its card "
            f"{'names' if capability in named else 'does not name'} the capability `{capability}`"
        )
    if "probabilities" in named:
        return
    for space, gold in _golds():
        for said in space.verdicts():
            answers = answers_to(space, gold, said)
            bare = tuple(replace(answer, judgement=replace(answer.judgement, probabilities=None)) for answer in answers)
            where = f"reward {subject.id}, {space}, gold {gold!r}, answer {said!r}"
            try:
                same = values(reward, bare) == values(reward, answers)
            except HarnessError as error:
                raise AssertionError(f"{where}: fails without probabilities ({error}); {_NAME_IT}") from error
            assert same, f"{where}: depends on the probabilities; {_NAME_IT}"


def _check_symmetric(subject: Subject) -> None:
    for space, gold in _golds():
        for said in (*space.verdicts(), *_NO_VERDICT):
            answers = answers_to(space, gold, said)
            # A trainer gives the orders in any order.
            there, back = values(_reward(subject), answers), values(_reward(subject), answers[::-1])
            where = f"reward {subject.id}, {space}, gold {gold!r}, answer {said!r}"
            assert there == back[::-1], f"{where}: {there}, and {back[::-1]} with the answers in the other order"
