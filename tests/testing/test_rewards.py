"""A sound reward passes every check; for each check there is a reward that breaks only what it looks at."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

import pytest

from harness.api import Answer, DataError, Judgement, Preference, Request, RewardCard, Score, Status, Verdict
from harness.testing import checks_for, parametrize_with_checks, reward_checks
from harness.testing._checks import run_check
from harness.testing._rewards import answers_to

COUNTER = count()


class Sound:
    """1 for the right verdict. Each broken reward below changes one thing."""

    def __call__(self, request: Request, judgement: Judgement, gold: Verdict) -> Any:
        if judgement.status is Status.ERROR:
            return None
        if judgement.verdict is None:
            return self.failed(request, judgement, gold)
        return float(request.space.agrees(judgement.verdict, gold))

    def failed(self, request: Request, judgement: Judgement, gold: Verdict) -> Any:
        return 0.0


class SoundOfOrders(Sound):
    def of_orders(self, answers: Sequence[Answer]) -> Any:
        earned = [self(answer.request, answer.judgement, answer.gold) for answer in answers]
        return None if None in earned else float(min(earned))


class SoundByProbability(Sound):
    def __call__(self, request: Request, judgement: Judgement, gold: Verdict) -> Any:
        if judgement.verdict is not None and judgement.probabilities is None:
            raise DataError("no probabilities")
        return super().__call__(request, judgement, gold)


class ByLength(Sound):
    """A penalty on characters and tokens, as sound as one on verdicts."""

    def __call__(self, request: Request, judgement: Judgement, gold: Verdict) -> Any:
        return None if judgement.status is Status.ERROR else -len(judgement.raw) - (judgement.completion_tokens or 0)


class Truthy(Sound):
    def __call__(self, request: Request, judgement: Judgement, gold: Verdict) -> Any:
        value = super().__call__(request, judgement, gold)
        return None if value is None else bool(value)


class NotANumber(Sound):
    def failed(self, request: Request, judgement: Judgement, gold: Verdict) -> Any:
        return float("nan")


class Mute(Sound):
    def __call__(self, request: Request, judgement: Judgement, gold: Verdict) -> Any:
        return None


class Moody(Sound):
    def failed(self, request: Request, judgement: Judgement, gold: Verdict) -> Any:
        return -float(next(COUNTER))


class PaysForSilence(Sound):
    def failed(self, request: Request, judgement: Judgement, gold: Verdict) -> Any:
        return 2.0


class Contrary(Sound):
    def __call__(self, request: Request, judgement: Judgement, gold: Verdict) -> Any:
        value = super().__call__(request, judgement, gold)
        return None if value is None else 1.0 - value


class ParsesTo0(Sound):
    """The bug of a public trainer: a failed parse counts as the label 0."""

    def failed(self, request: Request, judgement: Judgement, gold: Verdict) -> Any:
        return float(isinstance(request.space, Score) and gold == 0)


class Swallows(Sound):
    """The bug of another: any failure of the verifier is worth 1."""

    def __call__(self, request: Request, judgement: Judgement, gold: Verdict) -> Any:
        return 1.0 if judgement.status is Status.ERROR else super().__call__(request, judgement, gold)


class FirstOrder(Sound):
    def of_orders(self, answers: Sequence[Answer]) -> Any:
        one = answers[0]
        return float(one.judgement.verdict == one.gold) + sum(one.request.order[:1])


class OneTooMany(Sound):
    def of_step(self, answers: Sequence[Answer]) -> Any:
        return [*(1.0 for _ in answers), 1.0]


class Peeks(Sound):
    def __call__(self, request: Request, judgement: Judgement, gold: Verdict) -> Any:
        value = super().__call__(request, judgement, gold)
        return value if judgement.probabilities or not value else 0.5


def card_of(make: Any, *capabilities: str) -> RewardCard:
    return RewardCard(
        name="mine",
        api_version=1,
        summary="s",
        factory=lambda options, context: make(),
        capabilities=frozenset(capabilities),
    )


@pytest.mark.parametrize(
    "card",
    [
        card_of(Sound),
        card_of(SoundOfOrders, "orders"),
        card_of(SoundByProbability, "probabilities"),
        card_of(ByLength),
        card_of(Peeks, "probabilities"),
    ],
)
def test_a_sound_reward_passes_every_check(card: RewardCard) -> None:
    assert {name: fault for name, check in checks_for(card) if (fault := run_check(check))} == {}


@pytest.mark.parametrize(
    ("card", "check", "fault"),
    [
        (card_of(lambda: object()), "reward_protocol", "no Reward that can be called"),
        (card_of(lambda: Sound), "reward_protocol", "no Reward that can be called"),
        (card_of(OneTooMany, "steps"), "reward_is_a_number_or_none", "answers; give one value for each"),
        (card_of(Truthy), "reward_is_a_number_or_none", "is no finite number, and not None"),
        (card_of(NotANumber), "reward_is_a_number_or_none", "is no finite number, and not None"),
        (card_of(Mute), "reward_applies_to_something", "rewards nothing"),
        (card_of(Moody), "reward_is_deterministic", "though nothing changed"),
        (card_of(PaysForSilence), "reward_right_earns_most", "unparsed"),
        (card_of(Contrary), "reward_right_earns_most", "and the right answer"),
        (card_of(ParsesTo0), "reward_failure_is_no_label", "a failure is not a label"),
        (card_of(Swallows), "reward_error_earns_nothing", "give None, or raise"),
        (card_of(SoundOfOrders), "reward_states_its_needs", "does not name the capability `orders`"),
        (card_of(Sound, "orders"), "reward_states_its_needs", "has no `of_orders`"),
        (card_of(SoundByProbability), "reward_states_its_needs", "fails without probabilities"),
        (card_of(Peeks), "reward_states_its_needs", "depends on the probabilities"),
        (card_of(FirstOrder, "orders"), "reward_of_orders_is_symmetric", "in the other order"),
    ],
)
def test_each_check_catches_its_fault(card: RewardCard, check: str, fault: str) -> None:
    assert fault in run_check(dict(reward_checks(card))[check])


def test_the_named_function_gives_the_same_checks() -> None:
    named = [name for name, _ in reward_checks(card_of(Sound))]
    assert named == [name for name, _ in checks_for(card_of(Sound)) if not name.startswith("card_")]


@parametrize_with_checks([card_of(Sound)])
def test_rewards_can_be_parametrised(check: Any) -> None:
    check()


@pytest.mark.parametrize("said", [0, 1, "tie", Status.UNPARSED, Status.ERROR])
def test_the_answers_of_a_check_are_those_of_both_orders(said: Any) -> None:
    space = Preference(2, ("tie",))
    straight, swapped = answers_to(space, 0, said)
    assert (straight.request.order, swapped.request.order) == ((0, 1), (1, 0))
    assert (straight.gold, swapped.gold) == (0, 1)
    assert straight.judgement.status is (said if isinstance(said, Status) else Status.OK)
    if not isinstance(said, Status):
        assert space.to_canonical(swapped.judgement.verdict, (1, 0)) == said  # type: ignore[arg-type]
    if said is not Status.ERROR:
        assert len({len(one.judgement.raw) for answer in (said, 1) for one in answers_to(space, 0, answer)}) == 1


class Spoils(Sound):
    """It changes what it was given, and pays more where no one has done so yet."""

    def __call__(self, request: Request, judgement: Judgement, gold: Verdict) -> Any:
        value = super().__call__(request, judgement, gold)
        given = judgement.probabilities
        if value and isinstance(given, dict) and given:
            given.clear()
            return 2.0
        return value


def test_what_a_reward_changes_in_one_check_is_not_seen_in_the_next() -> None:
    checks = dict(reward_checks(card_of(Spoils)))
    for _ in range(2):
        assert run_check(checks["reward_is_a_number_or_none"]) == ""
        assert "though nothing changed" in run_check(checks["reward_is_deterministic"])
    first, *_ = answers_to(Preference(2), 0, 1, "an item")
    first.item.tags.clear()  # type: ignore[attr-defined]
    first.item.annotations["people"] = 1  # type: ignore[index]
    second, *_ = answers_to(Preference(2), 0, 1, "an item")
    assert second.item.tags
    assert not second.item.annotations
