from __future__ import annotations

from collections.abc import Sequence

import pytest

from harness.api import (
    Answer,
    Judgement,
    Message,
    PluginError,
    Preference,
    Request,
    Status,
    UserError,
    Verdict,
    WeightedReward,
    compute_rewards,
)
from harness.formats.tagged import TaggedFormat

SPACE = Preference(2)


def answer(text: str, gold: int = 0, order: tuple[int, ...] = (0, 1), **changes: object) -> Answer:
    messages = (Message("user", ("Which?",)),)
    request = Request(task="t", item="7", messages=messages, space=SPACE, format=TaggedFormat(), order=order)
    return Answer(request=request, judgement=request.read(text), gold=SPACE.to_shown(gold, order))


RIGHT, WRONG = "<think>a</think><answer>A</answer>", "<think>a</think><answer>B</answer>"


def correct(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
    return float(judgement.verdict == gold)


class Both:
    def __call__(self, request: Request, judgement: Judgement, gold: Verdict) -> float | None:
        return None

    def of_orders(self, answers: Sequence[Answer]) -> float | None:
        return float(all(one.judgement.verdict == one.gold for one in answers))


def weighted(
    reward: object, weight: float = 1.0, name: str = "r", tasks: frozenset[str] | None = None
) -> WeightedReward:
    return WeightedReward(name=name, reward=reward, weight=weight, tasks=tasks)  # type: ignore[arg-type]


def test_rewards_are_added_up_and_none_gates_another() -> None:
    rewards = [weighted(correct, 0.9, "accuracy"), weighted(lambda *_: 1.0, 0.1, "format")]
    right, wrong = (compute_rewards(rewards, "t", [answer(text)])[0] for text in (RIGHT, WRONG))
    assert right.total == pytest.approx(1.0)
    assert wrong.total == pytest.approx(0.1)
    assert wrong.parts == {"accuracy": 0.0, "format": 1.0}


def test_a_reward_that_does_not_apply_leaves_the_sum_to_the_others() -> None:
    rewards = [weighted(correct, 0.9, "accuracy"), weighted(lambda *_: None, 5.0, "other")]
    (one,) = compute_rewards(rewards, "t", [answer(RIGHT)])
    assert one.total == pytest.approx(0.9)
    assert one.parts == {"accuracy": 1.0, "other": None}


def test_an_answer_to_which_no_reward_applies_earns_nothing_rather_than_zero() -> None:
    assert compute_rewards([weighted(lambda *_: None)], "t", [answer(RIGHT)])[0].total is None
    assert compute_rewards([], "t", [answer(RIGHT)])[0].total is None


def test_a_reward_for_other_tasks_is_not_asked() -> None:
    def never(*_: object) -> float:
        raise AssertionError

    (one,) = compute_rewards(
        [weighted(never, tasks=frozenset({"other"})), weighted(correct, name="mine")], "t", [answer(RIGHT)]
    )
    assert one.parts == {"mine": 1.0}


def test_the_orders_of_an_item_are_looked_at_together() -> None:
    rewards = [weighted(Both(), 1.0, "swap")]
    both_right = [answer(RIGHT), answer(WRONG, order=(1, 0))]
    assert [one.total for one in compute_rewards(rewards, "t", both_right)] == [1.0, 1.0]
    first_always = [answer(RIGHT), answer(RIGHT, order=(1, 0))]
    assert [one.total for one in compute_rewards(rewards, "t", first_always)] == [0.0, 0.0]
    assert compute_rewards(rewards, "t", [answer(RIGHT)])[0].total is None, "a single order is no pair"


def test_a_failure_of_the_machine_earns_nothing_for_the_whole_unit() -> None:
    failed = answer(RIGHT)
    failed = Answer(request=failed.request, judgement=Judgement.failure(Status.ERROR, "lost"), gold=failed.gold)
    given = compute_rewards(
        [weighted(correct), weighted(Both(), name="swap")], "t", [failed, answer(WRONG, order=(1, 0))]
    )
    assert [one.total for one in given] == [None, None]


def test_an_exception_is_no_reward() -> None:
    def broken(*_: object) -> float:
        raise ZeroDivisionError("by zero")

    with pytest.raises(PluginError, match=r"reward r raised ZeroDivisionError.*task t, item 7"):
        compute_rewards([weighted(broken)], "t", [answer(RIGHT)])

    def refuses(*_: object) -> float:
        raise UserError("needs probabilities")

    with pytest.raises(UserError, match="needs probabilities"):
        compute_rewards([weighted(refuses)], "t", [answer(RIGHT)])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "1.0", object()])
def test_what_is_no_finite_number_is_no_reward(value: object) -> None:
    with pytest.raises(PluginError, match="must give a finite number"):
        compute_rewards([weighted(lambda *_: value)], "t", [answer(RIGHT)])
