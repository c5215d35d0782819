from __future__ import annotations

from typing import Any, get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from harness_grpo.advantage import Scale, advantages, informative_rows

SCALES = get_args(Scale)
NAN = float("nan")


def doubles(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def trl_nanstd(values: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """As in TRL 1.16, trl/trainer/utils.py."""
    mean = torch.nanmean(values, dim=dim, keepdim=True)
    variance = torch.nanmean((values - mean) ** 2, dim=dim, keepdim=True)
    count = torch.sum(~torch.isnan(values), dim=dim, keepdim=True)
    correction = torch.where(count > 1, count / (count - 1), torch.full_like(variance, NAN))
    std = torch.sqrt(variance * correction)
    return std if keepdim else std.squeeze(dim) if dim is not None else std.squeeze()


def trl_advantages(components: Tensor, weights: Tensor, size: int, scale: str) -> Tensor:
    """`GRPOTrainer._generate_and_score_completions` of TRL 1.16: groups are `size` rows in sequence."""
    unscorable = components.isnan().all(dim=1)
    if scale == "gdpo":
        grouped = components.view(-1, size, len(weights))
        mean_k = torch.nanmean(grouped, dim=1, keepdim=True)
        std_k = trl_nanstd(grouped, dim=1, keepdim=True)
        reward_k = ((grouped - mean_k) / (std_k + 1e-4)).view(-1, len(weights))
        rewards = (reward_k * weights).nansum(dim=1)
        rewards[unscorable] = torch.nan
        result = (rewards - torch.nanmean(rewards)) / (trl_nanstd(rewards) + 1e-4)
    else:
        rewards = (components * weights).nansum(dim=1)
        rewards[unscorable] = torch.nan
        mean = torch.nanmean(rewards.view(-1, size), dim=1).repeat_interleave(size)
        if scale == "batch":
            std = trl_nanstd(rewards).expand_as(rewards)
        else:
            std = trl_nanstd(rewards.view(-1, size), dim=1).repeat_interleave(size)
        result = rewards - mean
        if scale != "none":
            result = result / (std + 1e-4)
    return torch.nan_to_num(result, nan=0.0)


def sums(components: Tensor, weights: Tensor) -> Tensor:
    return (components * weights).nansum(-1).masked_fill(components.isnan().all(-1), torch.nan)


@pytest.mark.parametrize("scale", ["group", "none", "batch", "gdpo"])
@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_trl(scale: Scale, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    components = torch.rand(24, 3, generator=draw, dtype=torch.float64)
    components[torch.rand(24, 3, generator=draw) < 0.3] = torch.nan
    components[5] = torch.nan  # nothing applies to the row
    components[8:11] = torch.nan  # one row of the group is left
    components[12:16] = 0.25  # nothing to tell apart
    weights = doubles([1.0, 0.5, 2.0])
    groups = torch.arange(6).repeat_interleave(4)
    got = advantages(sums(components, weights), groups, scale=scale, components=components, weights=weights)
    torch.testing.assert_close(got, trl_advantages(components, weights, 4, scale), rtol=0, atol=1e-6)


def test_one_right_of_eight_has_the_known_advantages() -> None:
    rewards, groups = doubles([1, *[0] * 7]), torch.zeros(8, dtype=torch.long)
    expected = {"group": (2.4749, -0.3536), "none": (0.875, -0.125)}
    for scale, (right, wrong) in expected.items():
        got = advantages(rewards, groups, scale=scale, epsilon=0.0)  # type: ignore[arg-type]
        assert got.tolist() == pytest.approx([right, *[wrong] * 7], abs=1e-4)


def test_the_scale_of_a_task_does_not_hang_on_other_tasks() -> None:
    rewards, groups = doubles([0, 1, 1, 1, 0, 100, 40, 80]), torch.tensor([0, 0, 1, 1, 2, 2, 3, 3])
    tasks = torch.tensor([7, 7, 7, 7, 3, 3, 3, 3])
    got = advantages(rewards, groups, scale="task", tasks=tasks, epsilon=0.0)
    assert got[:4].tolist() == pytest.approx([-1, 1, 0, 0], abs=1e-12)  # std of 0, 1, 1, 1 is 1/2
    spread = torch.std(rewards[4:]).item()
    assert got[4:].tolist() == pytest.approx([-50 / spread, 50 / spread, -20 / spread, 20 / spread], abs=1e-12)
    everything = torch.std(rewards).item()
    batch = advantages(rewards, groups, scale="batch", epsilon=0.0)
    assert batch[:2].tolist() == pytest.approx([-0.5 / everything, 0.5 / everything], abs=1e-12)


def test_with_tasks_the_second_norm_of_gdpo_is_that_of_the_task_alone() -> None:
    draw = torch.Generator().manual_seed(3)
    components = torch.rand(16, 2, generator=draw, dtype=torch.float64)
    components[:8, 1] = torch.nan  # the first task has one component
    components[:4] = 0.5
    groups, tasks = torch.arange(4).repeat_interleave(4), torch.arange(2).repeat_interleave(8)
    weights = doubles([1.0, 3.0])
    got = advantages(
        sums(components, weights), groups, scale="gdpo", components=components, weights=weights, tasks=tasks
    )
    for half in (slice(0, 8), slice(8, 16)):
        alone = trl_advantages(components[half], weights, 4, "gdpo")
        torch.testing.assert_close(got[half], alone, rtol=0, atol=1e-6)
        assert got[half].std().item() == pytest.approx(1, abs=1e-3)
    together = trl_advantages(components, weights, 4, "gdpo")
    assert (got - together).abs().max() > 0.1


def test_a_spread_below_the_floor_is_not_blown_up() -> None:
    rewards = doubles([0.5, 0.505, 0.495, 0.5, 0.0, 1.0, 1.0, 0.0])
    groups = torch.arange(2).repeat_interleave(4)
    blown, held = (advantages(rewards, groups, scale="group", floor=floor) for floor in (0.0, 0.1))
    assert blown[:4].abs().max() > 1
    assert held[:4].tolist() == pytest.approx([0, 0.005 / 0.1001, -0.005 / 0.1001, 0], abs=1e-12)
    assert torch.equal(held[4:], blown[4:])


def test_each_task_has_its_own_floor() -> None:
    rewards, groups = doubles([0.0, 0.1, 0.0, 0.1]), torch.tensor([0, 0, 1, 1])
    tasks = torch.tensor([1, 1, 0, 0])
    got = advantages(rewards, groups, scale="group", tasks=tasks, floor=doubles([0.5, 0.0]), epsilon=0.0)
    half = 0.5**0.5
    assert got.tolist() == pytest.approx([-half, half, -0.1, 0.1], abs=1e-12)


def test_the_second_norm_of_gdpo_does_not_undo_the_floor() -> None:
    draw = torch.Generator().manual_seed(5)
    wide = torch.rand(8, 1, generator=draw, dtype=torch.float64)
    narrow = 0.5 + 0.01 * torch.rand(8, 1, generator=draw, dtype=torch.float64)
    groups = torch.arange(2).repeat_interleave(4)
    for components in (narrow, torch.cat([wide[:4], narrow[4:]])):
        free, held = (
            advantages(components[:, 0], groups, scale="gdpo", components=components, floor=floor, epsilon=0.0)
            for floor in (0.0, 0.1)
        )
        assert free.std().item() == pytest.approx(1)
        for rows in (slice(0, 4), slice(4, 8)):
            shrunk = min(1.0, components[rows].std().item() / 0.1)
            torch.testing.assert_close(held[rows], free[rows] * shrunk)


def test_a_group_all_wrong_in_different_ways_is_kept_and_one_all_alike_is_not() -> None:
    rewards = doubles([0, 0, 0.1, 0, 0.1, 0.1, 0.1, 0.1, 1, 1, 1, 1])
    groups = torch.arange(3).repeat_interleave(4)
    assert informative_rows(rewards, groups).tolist() == [True] * 4 + [False] * 8


def test_rows_without_a_reward_have_nothing_to_teach() -> None:
    groups = torch.tensor([4, 9, 4, 9, 4])
    assert informative_rows(doubles([0, NAN, 1, 2, NAN]), groups).tolist() == [True, False, True, False, False]
    assert informative_rows(doubles([[1, NAN], [0, 1], [1, 2], [0, 1], [NAN, NAN]]), groups).tolist() == [False] * 5
    assert informative_rows(doubles([[1, 1], [0, 1], [1, 2], [0, 1], [NAN, NAN]]), groups).tolist() == [
        True,
        False,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("scale", SCALES)
def test_equal_rewards_give_exactly_zero(scale: Scale) -> None:
    rewards = doubles([0.1, 0.1, 0.1, 1e9 + 0.1, 1e9 + 0.1, 1e9 + 0.1, 0.0, 1.0, 0.3])
    groups = torch.arange(3).repeat_interleave(3)
    got = advantages(rewards, groups, scale=scale, tasks=torch.zeros(9).long(), components=rewards[:, None])
    assert got[:6].tolist() == [0.0] * 6
    assert (got[6:] != 0).all()


def test_a_component_of_no_weight_cannot_keep_a_group() -> None:
    components = doubles([[0.1, 0], [0.1, 1], [0.1, 0], [0, 0], [1, 0], [0.3, 0]])
    groups, weights = torch.arange(2).repeat_interleave(3), doubles([1, 0])
    got = advantages(components[:, 0], groups, scale="gdpo", components=components, weights=weights)
    assert got[:3].tolist() == [0.0] * 3
    assert (got[3:] != 0).all()
    nothing = advantages(components[:, 0], groups, scale="gdpo", components=components, weights=torch.zeros(2))
    assert nothing.tolist() == [0.0] * 6


def test_no_rows_have_no_advantages() -> None:
    nothing = torch.zeros(0)
    for scale in SCALES:
        got = advantages(nothing, nothing.long(), scale=scale, tasks=nothing.long(), components=torch.zeros(0, 2))
        assert got.shape == (0,)


def test_gdpo_leaves_out_a_row_without_a_reward_though_it_has_components() -> None:
    components, groups = doubles([[1], [0], [0.4], [5]]), torch.zeros(4).long()
    got = advantages(doubles([1, 0, 0.4, NAN]), groups, scale="gdpo", components=components)
    assert got[3] == 0
    assert torch.equal(got[:3], advantages(components[:3, 0], groups[:3], scale="gdpo", components=components[:3]))


def test_gdpo_tells_answers_apart_whose_rewards_are_equal() -> None:
    components, weights = doubles([[2, 0], [0, 1], [2, 0], [2, 0]]), doubles([1, 2])
    got = advantages(
        sums(components, weights), torch.zeros(4).long(), scale="gdpo", components=components, weights=weights
    )
    assert got[1] > 0 > got[0] == got[2] == got[3]


@st.composite
def batches(draw: st.DrawFn) -> dict[str, Any]:
    """Rewards in whole steps, so that a spread is either 0 or well above rounding."""
    sizes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=5))
    groups = torch.repeat_interleave(torch.tensor(draw(st.permutations(range(len(sizes))))), torch.tensor(sizes))
    value = st.one_of(st.integers(-4, 4).map(lambda step: step / 4), st.just(NAN))
    rows = st.lists(st.tuples(value, value), min_size=len(groups), max_size=len(groups))
    components = doubles(draw(rows))
    return {
        "rewards": sums(components, doubles([1.0, 2.0])),
        "groups": groups,
        "scale": draw(st.sampled_from(SCALES)),
        "tasks": groups % 2,
        "weights": doubles([1.0, 2.0]),
        "components": components,
        "floor": draw(st.sampled_from([0.0, 0.2])),
    }


def of(batch: dict[str, Any], **changes: Any) -> Tensor:
    batch = batch | changes
    return advantages(batch.pop("rewards"), batch.pop("groups"), **batch)


@settings(max_examples=60, deadline=None)
@given(batch=batches(), seed=st.integers(0, 99))
def test_rows_may_come_in_any_order(batch: dict[str, Any], seed: int) -> None:
    order = torch.randperm(len(batch["groups"]), generator=torch.Generator().manual_seed(seed))
    moved = {name: batch[name][order] for name in ("rewards", "groups", "tasks", "components")}
    torch.testing.assert_close(of(batch, **moved), of(batch)[order], rtol=0, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(batch=batches(), shift=st.integers(-8, 8))
def test_a_constant_added_to_the_rewards_of_a_group_changes_nothing(batch: dict[str, Any], shift: int) -> None:
    if batch["scale"] in ("batch", "task"):  # their deviation is over several groups: shift all of them
        change = torch.full_like(batch["rewards"], shift)
    else:
        change = torch.where(batch["groups"] == 0, float(shift), 0.0).double()
    moved = of(batch, rewards=batch["rewards"] + change, components=batch["components"] + change[:, None])
    torch.testing.assert_close(moved, of(batch), rtol=0, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(batch=batches(), value=st.integers(-4, 4))
def test_a_group_of_equal_rewards_changes_no_other(batch: dict[str, Any], value: int) -> None:
    batch["scale"] = batch["scale"] if batch["scale"] in ("group", "none") else "group"
    added = {
        "rewards": torch.cat([batch["rewards"], doubles([value] * 3)]),
        "groups": torch.cat([batch["groups"], torch.full((3,), 77)]),
        "tasks": torch.cat([batch["tasks"], torch.zeros(3).long()]),
    }
    got = of(batch, **added)
    assert torch.equal(got[:-3], of(batch))
    assert got[-3:].tolist() == [0.0] * 3


@settings(max_examples=60, deadline=None)
@given(batch=batches())
def test_advantages_are_finite_sum_to_zero_by_group_and_leave_the_inputs_alone(batch: dict[str, Any]) -> None:
    before = {name: value.clone() for name, value in batch.items() if isinstance(value, Tensor)}
    got = of(batch)
    assert got.dtype == torch.float64
    assert torch.isfinite(got).all()
    assert (got[batch["rewards"].isnan()] == 0).all()
    for group in batch["groups"].unique():
        assert abs(got[batch["groups"] == group].sum().item()) < 1e-9
    assert torch.equal(of(batch), got)
    for name, value in before.items():
        torch.testing.assert_close(batch[name], value, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("scale", SCALES)
def test_single_precision_is_computed_in_double(scale: Scale) -> None:
    rewards, groups = torch.tensor([0.1, 0.7, 0.30001, 0.3]), torch.tensor([0, 0, 1, 1])
    options: dict[str, Any] = {"scale": scale, "tasks": torch.zeros(4).long(), "floor": torch.tensor([0.1])}
    got = advantages(rewards, groups, components=rewards[:, None], weights=torch.ones(1), **options)
    assert torch.equal(got, advantages(rewards.double(), groups, components=rewards.double()[:, None], **options))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scale": "task"}, "needs `tasks`"),
        ({"scale": "gdpo"}, "needs `components`"),
        ({"scale": "gdpo", "components": torch.zeros(4, 2), "weights": torch.ones(1)}, r"4 rows, 1 weights"),
        ({"scale": "gdpo", "components": torch.zeros(3, 2)}, r"components \(3, 2\)"),
        ({"floor": torch.ones(2)}, "floor for each task needs `tasks`"),
        ({"tasks": torch.tensor([0, 1, 0, 0])}, "rows of two tasks"),
        ({"tasks": torch.zeros(3).long()}, r"\(4,\) and \(3,\)"),
        ({"groups": torch.zeros(4, 1).long()}, r"\(4,\) and \(4, 1\)"),
        ({"rewards": doubles([0, float("inf"), 1, 0])}, r"infinite at \[\[1\]\]"),
        ({"scale": "gdpo", "components": doubles([[0], [1], [-float("inf")], [1]])}, r"infinite at \[\[2, 0\]\]"),
    ],
)
def test_what_cannot_be_meant_is_refused(changes: dict[str, Any], message: str) -> None:
    good = {"rewards": doubles([0, 1, 1, 0]), "groups": torch.zeros(4).long(), "scale": "group"}
    with pytest.raises(ValueError, match=message):
        of(good, **changes)
