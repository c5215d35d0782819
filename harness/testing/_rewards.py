"""The contract of rewards as checks, on answers of every kind: right, wrong, without a verdict, failed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeAlias, cast

from harness.api import (
    Answer,
    AnswerSpace,
    Card,
    Choice,
    HarnessError,
    Judgement,
    Message,
    Preference,
    Ranking,
    Request,
    Reward,
    Score,
    Status,
    Verdict,
)
from harness.formats.tagged import TaggedFormat
from harness.testing._members import check_members
from harness.testing._subject import Check, Subject, subject

_SPACES: tuple[AnswerSpace, ...] = (Choice(("yes", "no")), Preference(2, ("tie",)), Score(0, 4, 1), Ranking(3))
_NO_VERDICT = (Status.UNPARSED, Status.OUTSIDE, Status.DRAW, Status.REFUSED, Status.TRUNCATED)
_TOKENS = 24
_LONGEST = 9  # characters of a verdict's name, "A > B > C"
_FORM = TaggedFormat()
_NAME_IT = "name the capability `probabilities` on its card"

_Pair: TypeAlias = tuple[Answer, ...]
"""The answers to one item, one for each order."""


def reward_checks(what: Card | str, **fields: object) -> Iterator[Check]:
    """The checks of a reward: a card, or its id; `options`, `data` and `context` go to its factory."""
    yield from checks(subject(what, **fields))


def checks(one: Subject) -> Iterator[Check]:
    """The contract, each clause as a check."""
    yield "reward_protocol", lambda: _check_protocol(one)
    yield "reward_is_a_number_or_none", lambda: _check_numbers(one)
    yield "reward_applies_to_something", lambda: _check_applies(one)
    yield "reward_is_deterministic", lambda: _check_deterministic(one)
    yield "reward_right_earns_most", lambda: _check_right(one)
    yield "reward_failure_is_no_label", lambda: _check_failure(one)
    yield "reward_error_earns_nothing", lambda: _check_error(one)
    yield "reward_states_its_needs", lambda: _check_needs(one)
    yield "reward_of_orders_is_symmetric", lambda: _check_symmetric(one)
    yield "reward_members", lambda: check_members("reward", one.made)


def answers_to(space: AnswerSpace, gold: Verdict, said: Verdict | Status) -> _Pair:
    """One answer in each order; `gold` and `said` are canonical.

    All have the same length, in characters and tokens, whatever the verdict and where there is none: what a reward says
    of length is the same for all.
    """
    straight = tuple(range(getattr(space, "n", 0)))
    return tuple(_answer(space, gold, said, order) for order in dict.fromkeys((straight, straight[::-1])))


def _answer(space: AnswerSpace, gold: Verdict, said: Verdict | Status, order: tuple[int, ...]) -> Answer:
    text = f"Which answer is right?\n{_FORM.instruction(space)}"
    messages = (Message("user", (text,)),)
    request = Request(task="check", item="1", messages=messages, space=space, format=_FORM, order=order)
    shown = space.to_shown(gold, order)
    if said is Status.ERROR:
        failed = Judgement.failure(said, "the machine failed")
        return Answer(request=request, judgement=failed, gold=shown)
    verdict = space.verdicts()[0] if isinstance(said, Status) else space.to_shown(said, order)
    name = space.name(verdict)
    raw = _FORM.write(verdict, space, "It can be seen in the picture" + "." * (1 + _LONGEST - len(name)))
    if isinstance(said, Status):
        raw = raw.replace(f">{name}<", f">{'?' * len(name)}<")
        failed = replace(request.read(raw, completion_tokens=_TOKENS), status=said)
        return Answer(request=request, judgement=failed, gold=shown)
    sure = {space.name(other): float(other == verdict) for other in space.verdicts()}
    judgement = request.read(raw, completion_tokens=_TOKENS, probabilities=sure)
    return Answer(request=request, judgement=judgement, gold=shown)


def _golds() -> Iterator[tuple[AnswerSpace, Verdict]]:
    for space in _SPACES:
        for gold in space.verdicts():
            yield space, gold


def _reward(one: Subject) -> Reward:
    made = one.made
    is_reward = isinstance(made, Reward) and not isinstance(made, type)
    assert is_reward, f"reward {one.offer.id}: the factory returned {made!r}, which is no Reward that can be called"
    return cast("Reward", made)


def _check_protocol(one: Subject) -> None:
    _reward(one)


def values(reward: Reward, answers: _Pair) -> list[float | None]:
    """What a trainer would give to each of the answers of one item and sample."""
    of_orders: Callable[[_Pair], float | None] | None = getattr(reward, "of_orders", None)
    if of_orders is not None and len(answers) > 1:
        return [of_orders(answers)] * len(answers)
    return [reward(answer.request, answer.judgement, answer.gold) for answer in answers]


def _check_numbers(one: Subject) -> None:
    for space, gold in _golds():
        for said in (*space.verdicts(), *_NO_VERDICT):
            for value in values(_reward(one), answers_to(space, gold, said)):
                where = f"reward {one.offer.id}, {space}, gold {gold!r}, answer {said!r}"
                number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
                assert value is None or number, f"{where}: {value!r} is neither a finite number nor None"


def _check_applies(one: Subject) -> None:
    applies = any(
        value is not None for space, gold in _golds() for value in values(_reward(one), answers_to(space, gold, gold))
    )
    assert applies, f"reward {one.offer.id}: gives None to the right answer of every space; it rewards nothing"


def _check_deterministic(one: Subject) -> None:
    again = one.make()
    for space, gold in _golds():
        for said in (*space.verdicts(), *_NO_VERDICT):
            answers = answers_to(space, gold, said)
            first, *others = (values(reward, answers) for reward in (_reward(one), _reward(one), again))
            where = f"reward {one.offer.id}, {space}, gold {gold!r}, answer {said!r}"
            assert all(other == first for other in others), f"{where}: {[first, *others]}, though nothing changed"


def _check_right(one: Subject) -> None:
    for space, gold in _golds():
        right = values(_reward(one), answers_to(space, gold, gold))
        for said in (*space.verdicts(), *_NO_VERDICT):
            for best, value in zip(right, values(_reward(one), answers_to(space, gold, said)), strict=True):
                where = f"reward {one.offer.id}, {space}, gold {gold!r}"
                assert best is None or value is None or value <= best + 1e-9, (
                    f"{where}: {said!r} earns {value}, and the right answer, equal in all else, {best}"
                )


def _check_failure(one: Subject) -> None:
    for space in _SPACES:
        for status in _NO_VERDICT:
            earned = [values(_reward(one), answers_to(space, gold, status)) for gold in space.verdicts()]
            assert all(value == earned[0] for value in earned), (
                f"reward {one.offer.id}, {space}: what an answer without a verdict ({status}) earns depends on the "
                f"gold ({earned}); a failure is not a label"
            )


def _check_error(one: Subject) -> None:
    for space, gold in _golds():
        try:
            earned = values(_reward(one), answers_to(space, gold, Status.ERROR))
        except HarnessError:
            continue
        assert all(value is None for value in earned), (
            f"reward {one.offer.id}, {space}: a failure of the machine earns {earned}; give None, or raise"
        )


def _check_needs(one: Subject) -> None:
    reward, named = _reward(one), one.offer.card.capabilities
    has = callable(getattr(reward, "of_orders", None))
    assert has == ("orders" in named), (
        f"reward {one.offer.id}: it {'has' if has else 'has no'} `of_orders`, and its card "
        f"{'names' if 'orders' in named else 'does not name'} the capability `orders`"
    )
    if "probabilities" in named:
        return
    for space, gold in _golds():
        for said in space.verdicts():
            answers = answers_to(space, gold, said)
            bare = tuple(replace(answer, judgement=replace(answer.judgement, probabilities=None)) for answer in answers)
            where = f"reward {one.offer.id}, {space}, gold {gold!r}, answer {said!r}"
            try:
                same = values(reward, bare) == values(reward, answers)
            except HarnessError as error:
                raise AssertionError(f"{where}: fails without probabilities ({error}); {_NAME_IT}") from error
            assert same, f"{where}: depends on the probabilities; {_NAME_IT}"


def _check_symmetric(one: Subject) -> None:
    for space, gold in _golds():
        for said in (*space.verdicts(), *_NO_VERDICT):
            answers = answers_to(space, gold, said)
            there, back = values(_reward(one), answers), values(_reward(one), answers[::-1])
            where = f"reward {one.offer.id}, {space}, gold {gold!r}, answer {said!r}"
            assert there == back[::-1], f"{where}: {there}, and {back[::-1]} with the answers in the other order"
