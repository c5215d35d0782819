from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from harness.api import (
    Answer,
    Item,
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
    candidates = (("first",), ("second",))
    item = Item(id="7", group="7", space=SPACE, gold=gold, question=("Which?",), candidates=candidates)
    return Answer(request=request, judgement=request.read(text), gold=SPACE.to_shown(gold, order), item=item)


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
    right, wrong = (compute_rewards(rewards, "t", [[answer(text)]])[0][0] for text in (RIGHT, WRONG))
    assert right.total == pytest.approx(1.0)
    assert wrong.total == pytest.approx(0.1)
    assert wrong.parts == {"accuracy": 0.0, "format": 1.0}


def test_a_reward_that_does_not_apply_leaves_the_sum_to_the_others() -> None:
    rewards = [weighted(correct, 0.9, "accuracy"), weighted(lambda *_: None, 5.0, "other")]
    ((one,),) = compute_rewards(rewards, "t", [[answer(RIGHT)]])
    assert one.total == pytest.approx(0.9)
    assert one.parts == {"accuracy": 1.0, "other": None}


def test_an_answer_to_which_no_reward_applies_earns_nothing_rather_than_zero() -> None:
    assert compute_rewards([weighted(lambda *_: None)], "t", [[answer(RIGHT)]])[0][0].total is None
    assert compute_rewards([], "t", [[answer(RIGHT)]])[0][0].total is None


def test_a_reward_for_other_tasks_is_not_asked() -> None:
    def never(*_: object) -> float:
        raise AssertionError

    ((one,),) = compute_rewards(
        [weighted(never, tasks=frozenset({"other"})), weighted(correct, name="mine")], "t", [[answer(RIGHT)]]
    )
    assert one.parts == {"mine": 1.0}


def test_the_orders_of_an_item_are_looked_at_together() -> None:
    rewards = [weighted(Both(), 1.0, "swap")]
    both_right = [answer(RIGHT), answer(WRONG, order=(1, 0))]
    assert [one.total for one in compute_rewards(rewards, "t", [both_right])[0]] == [1.0, 1.0]
    first_always = [answer(RIGHT), answer(RIGHT, order=(1, 0))]
    assert [one.total for one in compute_rewards(rewards, "t", [first_always])[0]] == [0.0, 0.0]
    assert compute_rewards(rewards, "t", [[answer(RIGHT)]])[0][0].total is None, "a single order is no pair"


def test_a_failure_of_the_machine_earns_nothing_for_the_whole_unit() -> None:
    failed = answer(RIGHT)
    failed = Answer(
        request=failed.request, judgement=Judgement.failure(Status.ERROR, "lost"), gold=failed.gold, item=failed.item
    )
    (given,) = compute_rewards(
        [weighted(correct), weighted(Both(), name="swap")], "t", [[failed, answer(WRONG, order=(1, 0))]]
    )
    assert [one.total for one in given] == [None, None]


class Place:
    """The place of each answer among those of the step."""

    def __call__(self, request: Request, judgement: Judgement, gold: Verdict) -> float | None:
        raise AssertionError("a trainer has the step")

    def of_step(self, answers: Sequence[Answer]) -> Sequence[float | None]:
        return [float(place) for place, _ in enumerate(answers)]


def test_all_answers_to_a_task_are_looked_at_together() -> None:
    lost = replace(answer(RIGHT), judgement=Judgement.failure(Status.ERROR, "lost"))
    units = [[answer(RIGHT), answer(WRONG, order=(1, 0))], [answer(RIGHT), lost], [answer(WRONG)]]
    earned = compute_rewards([weighted(correct, name="right"), weighted(Place(), 0.5, "place")], "t", units)
    assert [[found.parts["place"] for found in unit] for unit in earned] == [[0.0, 1.0], [None, None], [2.0]]
    assert [[found.total for found in unit] for unit in earned] == [[1.0, 1.5], [None, None], [1.0]]
    assert compute_rewards([weighted(Place())], "t", [[lost]])[0][0].total is None


@pytest.mark.parametrize("values", [None, [], [1.0, 2.0], "1", [float("nan")], ["1"]])
def test_a_step_has_a_finite_number_for_each_answer(values: object) -> None:
    reward = Place()
    reward.of_step = lambda answers: values  # type: ignore[assignment, method-assign, return-value]
    with pytest.raises(PluginError, match=r"reward r gave .*(must give one for each|must give a finite number)"):
        compute_rewards([weighted(reward)], "t", [[answer(RIGHT)]])


def test_an_exception_is_no_reward() -> None:
    def broken(*_: object) -> float:
        raise ZeroDivisionError("by zero")

    with pytest.raises(PluginError, match=r"reward r raised ZeroDivisionError.*task t, item 7"):
        compute_rewards([weighted(broken)], "t", [[answer(RIGHT)]])

    def refuses(*_: object) -> float:
        raise UserError("needs probabilities")

    with pytest.raises(UserError, match="needs probabilities"):
        compute_rewards([weighted(refuses)], "t", [[answer(RIGHT)]])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "1.0", object()])
def test_what_is_no_finite_number_is_no_reward(value: object) -> None:
    with pytest.raises(PluginError, match="must give a finite number"):
        compute_rewards([weighted(lambda *_: value)], "t", [[answer(RIGHT)]])
