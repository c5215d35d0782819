from __future__ import annotations

import pytest
import torch

from harness_grpo.curves import curves

from .conftest import group_of, point, said

RIGHT, WRONG = "<think>x</think><answer>yes</answer>", "<think>x</think><answer>no</answer>"


def test_the_scalars_of_a_step_by_hand() -> None:
    one, two, other = point("red", 0), point("red", 2), point("other", 4)
    groups = [
        group_of(
            one,
            [said(one, RIGHT, tokens=4), said(one, WRONG, tokens=8)],
            {"accuracy": 1.0, "format": None},
            {"accuracy": 0.0, "format": 0.5},
        ),
        group_of(
            two,
            [said(two, "no idea", tokens=10, truncated=True), said(two, "<answer>perhaps</answer>", tokens=2)],
            {"accuracy": 0.0, "format": None},
            {"accuracy": 0.0, "format": None},
        ),
        group_of(other, [said(other, RIGHT), said(other, RIGHT)], {"accuracy": 1.0}, {"accuracy": 1.0}),
    ]
    advantage = torch.tensor([0.7, -0.7, 0.0, 0.0, 0.0, 0.0])
    found = curves(groups, advantage, {"red": 8, "other": 2, "idle": 0})
    assert found == pytest.approx(
        {
            "red/accuracy": 1 / 4,
            "red/no_verdict": 2 / 4,
            "red/truncated": 1 / 4,
            "red/length": 6.0,
            "red/reward": 1.5 / 4,
            "red/reward/accuracy": 1 / 4,
            "red/reward/format": 0.5,  # of the one answer that it applies to
            "red/flat": 1 / 2,  # one group of two
            "red/waste": 6 / 8,  # two of eight answers taught something
            "other/accuracy": 1.0,
            "other/no_verdict": 0.0,
            "other/truncated": 0.0,
            "other/length": 3.0,
            "other/reward": 1.0,
            "other/reward/accuracy": 1.0,
            "other/flat": 1.0,
            "other/waste": 1.0,
            "reward": 3.5 / 6,
        }
    )


def test_means_are_of_the_first_draw_and_those_of_kept_groups_stand_beside_them() -> None:
    """A policy that is right on two items of three looks half right on what refilling leaves."""
    easy, hard = point("red", 0), point("red", 2)
    right = group_of(easy, [said(easy, RIGHT), said(easy, RIGHT)], {"r": 1.0}, {"r": 1.0})
    mixed = group_of(hard, [said(hard, RIGHT), said(hard, WRONG)], {"r": 1.0}, {"r": 0.0})
    found = curves([mixed, mixed], torch.tensor([1.0, -1.0] * 2), {"red": 8}, first=[right, right, mixed])
    assert (found["red/accuracy"], found["kept/red/accuracy"]) == (5 / 6, 0.5)
    assert (found["red/reward"], found["kept/red/reward"], found["reward"]) == (5 / 6, 0.5, 5 / 6)
    assert (found["red/flat"], found["red/waste"]) == (0.0, 0.5), "of what is learnt from"
    assert not [name for name in curves([mixed], torch.ones(2), {"red": 2}) if name.startswith("kept/")]


def test_a_wrong_verdict_is_told_apart_from_none() -> None:
    example = point("red", 0)
    found = curves(
        [group_of(example, [said(example, WRONG), said(example, "?")], {"r": 0.0}, {"r": 0.0})],
        torch.zeros(2),
        {"red": 2},
    )
    assert (found["red/accuracy"], found["red/no_verdict"]) == (0.0, 0.5)


def test_an_answer_without_a_reward_counts_in_no_mean_of_rewards() -> None:
    example = point("red", 0)
    given = [said(example, RIGHT), said(example, "?")]
    found = curves([group_of(example, given, {"r": 1.0}, {"r": None})], torch.zeros(2), {"red": 2})
    assert (found["red/reward"], found["red/reward/r"], found["reward"]) == (1.0, 1.0, 1.0)
    nothing = curves([group_of(example, given, {"r": None}, {"r": None})], torch.zeros(2), {"red": 2})
    assert not [name for name in nothing if "reward" in name]
