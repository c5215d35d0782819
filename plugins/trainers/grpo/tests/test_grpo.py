"""Steps of GRPO against what formulas and plain autograd give by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from harness.api import Answer, Judgement, PluginError, Request, TrainingTask, UserError, Verdict, WeightedReward
from harness_grpo.grpo import Grpo
from harness_grpo.loop import fit
from harness_grpo.objective import token_loss
from harness_grpo.options import GrpoOptions, LoraOptions
from harness_grpo.policy import Policy
from harness_grpo.rollout import Group
from harness_grpo.sampler import Sampler
from harness_grpo.training_setup import TrainingSetup, make_setup

from .conftest import (
    Curves,
    accuracy,
    fixed,
    grpo,
    length,
    likelihoods,
    pair,
    point,
    points,
    rewarded,
    training,
    well_formed,
)

LORA = LoraOptions(rank=2, alpha=8, targets=["q_proj", "up_proj", "linear_1"])


def constant(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
    return 0.5


def uneven(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
    """Differs from answer to answer where the item has an odd number, and is the same elsewhere."""
    return length(request, judgement, gold) if int(request.item) % 2 else 0.5


class Rising:
    """No two answers to an item with an odd number earn the same; those to others all do."""

    def __init__(self, *, even: bool = False) -> None:
        self._calls = 0
        self._even = even

    def __call__(self, request: Request, judgement: Judgement, gold: Verdict) -> float | None:
        self._calls += 1
        return float(self._calls) if self._even or int(request.item) % 2 else 0.5


def brief(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
    """Of pictures alone; where there is a verdict."""
    return None if request.order or judgement.verdict is None else 3.0 - (length(request, judgement, gold) or 0.0)


@dataclass
class Stage:
    """A method at its first step, and what can be seen of it."""

    setup: TrainingSetup
    method: Grpo
    groups: list[Group] = field(default_factory=list)
    """Of the last step."""
    gradients: dict[str, Tensor] = field(default_factory=dict)
    """Of the last update."""

    def step(self, number: int = 0) -> dict[str, float]:
        return self.method.step(number)

    @property
    def policy(self) -> Policy:
        return self.setup.policy

    def weights(self) -> dict[str, Tensor]:
        return {name: one.detach().clone() for name, one in self.policy.model.named_parameters()}

    def disturb(self, scale: float = 0.02) -> None:
        """Move away from the start, as training would."""
        dice = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for one in self.policy.trained.values():
                one.add_(scale * torch.randn(one.shape, generator=dice))


def stage(
    folder: Path,
    model: Path,
    tasks: Sequence[TrainingTask],
    rewards: Sequence[WeightedReward],
    *,
    seed: int = 0,
    **options: Any,
) -> Stage:
    made = GrpoOptions(**{"max_new_tokens": 24, "group": 4, "batch": 4, "lr": 1e-3, **options})
    policy = Policy(str(model), made, name="recipe", seed=0)
    setup = make_setup(training(folder, model, tasks=tasks, rewards=rewards, seed=seed), made, policy)
    found = Stage(setup, Grpo(setup, made))
    collect, apply = found.method._batch, setup.apply

    def keep_groups(groups: list[Group]) -> Any:
        found.groups = groups
        return collect(groups)

    def keep_gradients(loss: float, number: int) -> float:
        trained = policy.trained.items()
        found.gradients = {name: one.grad.clone() for name, one in trained if one.grad is not None}
        return apply(loss, number)

    found.method._batch = keep_groups  # type: ignore[method-assign]
    setup.apply = keep_gradients  # type: ignore[method-assign]
    return found


def same(one: dict[str, Tensor], two: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, two[name]) for name, value in one.items())


def assert_close(given: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    largest = max(float(one.abs().max()) for one in expected.values())
    assert largest > 1e-3
    assert given.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(given[name], gradient, rtol=1e-3, atol=2e-5 * largest, msg=name)


# -- learning ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_it_learns_what_is_red_from_nothing_but_rewards(taught: Path, tmp_path: Path) -> None:
    curves = Curves()
    whole = training(tmp_path, taught, tasks=[points("red", 24)], rewards=rewarded(accuracy), curves=curves)
    done = grpo(
        whole,
        steps=60,  # of three seeds each ends above 0.85; 24 faster steps were a matter of luck
        lr=2e-3,
        batch=8,
        group=8,
        max_new_tokens=20,
        groups=8,
        reasoning=False,
        freeze=["vision"],
        validation={"every": 12},
    )
    rewards = list(curves.of("red/reward").values())
    assert sum(rewards[:5]) / 5 < 0.45
    assert sum(rewards[-5:]) / 5 > 0.75
    assert curves.of("red/reward") == curves.of("red/accuracy") == curves.of("reward")
    assert curves.of("validation/red/accuracy")[0] == 0.5
    assert done.scores["red/accuracy"] == 1.0
    log = [json.loads(line) for line in (tmp_path / "completions.jsonl").read_text().splitlines()]
    assert [one["step"] for one in log] == [step for step in range(1, 61) for _ in range(4)]


def test_what_is_drawn_is_another_in_each_step_each_attempt_and_with_each_seed(taught: Path, tmp_path: Path) -> None:
    answers: list[list[str]] = []

    def watch(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
        answers[-1].append(judgement.raw)
        return 0.5

    for seed in (0, 1, 0):
        tasks = [fixed("red", [point("red", 0)])]
        at = stage(tmp_path, taught, tasks, rewarded(watch), batch=1, refill=1, seed=seed)
        for number in range(2):
            answers.append([])
            at.step(number)
    drawn = [tuple(part) for step in answers for part in (step[:4], step[4:])]
    assert len(set(drawn[:8])) == 8
    assert drawn[8:] == drawn[:4]


# -- the gradient ------------------------------------------------------------------------------------------------------


def rewards_of(group: Group, weights: dict[str, float]) -> list[float]:
    """Rewards summed up again from their parts; NaN where none applies."""
    totals = []
    for one in group.earned:
        known = [weights[name] * value for name, value in one.parts.items() if value is not None]
        totals.append(sum(known) if known else math.nan)
    return totals


def deviation(values: Sequence[float], floor: float) -> float:
    known = [one for one in values if not math.isnan(one)]
    mean = sum(known) / len(known)
    return max(math.sqrt(sum((one - mean) ** 2 for one in known) / (len(known) - 1)), floor) + 1e-4


def advantages_by_hand(groups: Sequence[Group], weights: dict[str, float], options: GrpoOptions) -> list[list[float]]:
    of_task: dict[str, list[float]] = {}
    for group in groups:
        of_task.setdefault(group.asked.task, []).extend(rewards_of(group, weights))
    found = []
    for group in groups:
        rewards = rewards_of(group, weights)
        known = [one for one in rewards if not math.isnan(one)]
        mean = sum(known) / len(known)
        over = {"group": rewards, "task": of_task[group.asked.task], "none": []}[options.advantage]
        scale = deviation(over, options.std_floor) if over else 1.0
        found.append([0.0 if math.isnan(one) else (one - mean) / scale for one in rewards])
    return found


def weights_by_hand(groups: Sequence[Group], options: GrpoOptions) -> list[list[float]]:
    """What a token of each row weighs; 0 for rows that are masked."""
    tasks = [group.asked.task if options.per_task else "all" for group in groups]
    found = []
    for group, task in zip(groups, tasks, strict=True):
        mine = [one for other, name in zip(groups, tasks, strict=True) for one in other.given if name == task]
        kept = [len(one.tokens) for one in mine if not (one.truncated and options.mask_truncated)]
        share = tasks.count(task) / len(groups)
        row = []
        for one in group.given:
            per_token = {
                "dapo": 1 / sum(kept),
                "grpo": 1 / (len(mine) * len(one.tokens)),
                "dr_grpo": 1 / (len(mine) * options.max_new_tokens),
            }[options.objective]
            row.append(0.0 if one.truncated and options.mask_truncated else share * per_token)
        found.append(row)
    return found


def gradients_by_hand(
    at: Stage, options: GrpoOptions, weights: dict[str, float], reference: Policy | None = None
) -> tuple[dict[str, Tensor], float]:
    """Of the loss, each answer in a row of its own; and the loss, at a ratio of 1."""
    model, groups = at.policy.model, at.groups
    advantages, per_token = advantages_by_hand(groups, weights, options), weights_by_hand(groups, options)
    value = 0.0
    for group, gains, shares in zip(groups, advantages, per_token, strict=True):
        for one, gain, share in zip(group.given, gains, shares, strict=True):
            prompt = group.asked.prompt
            logp = likelihoods(model, prompt, one.tokens, temperature=options.temperature)
            loss = -gain * logp.sum()  # the gradient of the ratio is that of its logarithm where it is 1
            value += -gain * share * len(one.tokens)
            if reference is not None:
                with torch.no_grad():
                    ref = likelihoods(reference.model, prompt, one.tokens, temperature=options.temperature)
                estimate = {
                    "k1": (logp - logp.detach()).exp() * (logp - ref),  # the ratio carries the gradient
                    "k2": (logp - ref) ** 2 / 2,
                    "k3": (ref - logp).exp() - (ref - logp) - 1,
                }[options.kl]
                loss = loss + options.kl_weight * estimate.sum()
                value += options.kl_weight * share * float(estimate.sum().detach())
            (share * loss).backward()
    found = {name: one.grad.clone() for name, one in at.policy.trained.items() if one.grad is not None}
    model.zero_grad()
    return found, value


TASKS = [points("red", 3, validation=None), fixed("pair", [*pair("pair", 1), *pair("pair", 2)])]
REWARDS = (
    *rewarded(uneven),
    *(replace(one, weight=-0.5) for one in rewarded(brief)),
)
WEIGHTS = {"uneven": 1.0, "brief": -0.5}
SETTINGS: dict[str, dict[str, Any]] = {
    "dapo": {"objective": "dapo", "advantage": "group", "temperature": 1.2, "max_new_tokens": 14},
    "dr_grpo": {"objective": "dr_grpo", "advantage": "none", "per_task": False, "mask_truncated": False},
    "grpo": {"objective": "grpo", "advantage": "task", "std_floor": 0.3},
    "floor": {"objective": "dapo", "per_task": False, "std_floor": 5.0},
}
WAYS = [
    *(("dapo", prefix, groups) for prefix, groups in (("repeat", 1), ("packed", 8), ("cache", 2))),
    *((setting, "auto", 3) for setting in SETTINGS),
]


@pytest.mark.parametrize(("setting", "prefix", "groups"), WAYS)
def test_the_gradient_of_a_step_is_that_of_the_formulas(
    taught: Path, tmp_path: Path, setting: str, prefix: str, groups: int
) -> None:
    """In all ways to share prompts, and however a step is split into passes."""
    given = {"batch": 4, "max_new_tokens": 18, "prefix": prefix, "groups": groups, **SETTINGS[setting]}
    at = stage(tmp_path, taught, TASKS, REWARDS, **given)
    before = at.weights()
    metrics = at.step()
    assert not same(before, at.weights())
    with torch.no_grad():
        for name, one in at.policy.trained.items():
            one.copy_(before[name])
    options = GrpoOptions(**{"group": 4, **given})
    expected, loss = gradients_by_hand(at, options, WEIGHTS)
    assert_close(at.gradients, expected)
    assert metrics["loss"] == pytest.approx(loss, abs=1e-5)
    norm = math.sqrt(sum(float(one.square().sum()) for one in expected.values()))
    assert metrics["grad_norm"] == pytest.approx(norm, rel=1e-3)
    flat = [all(one == 0 for one in row) for row in advantages_by_hand(at.groups, WEIGHTS, options)]
    assert True in flat, "some groups teach nothing, and count in the denominators"
    assert False in flat
    if setting == "dapo":
        assert any(one.truncated for group in at.groups for one in group.given)


@pytest.mark.parametrize(("kind", "lora"), [("k1", None), ("k2", None), ("k3", None), ("k3", LORA)])
def test_the_gradient_with_a_divergence_is_that_of_the_formulas(
    taught: Path, tmp_path: Path, kind: str, lora: LoraOptions | None
) -> None:
    given: dict[str, Any] = {"kl_weight": 0.3, "kl": kind, "batch": 2, "lora": lora, "mask_truncated": False}
    at = stage(tmp_path, taught, TASKS, REWARDS, **given)
    at.disturb(0.02 if lora is None else 0.2)
    moved = at.weights()
    metrics = at.step()
    with torch.no_grad():
        for name, one in at.policy.trained.items():
            one.copy_(moved[name])
    options = GrpoOptions(**{"group": 4, "max_new_tokens": 24, **given})
    start = Policy(str(taught), GrpoOptions(), name="recipe", seed=0)
    expected, loss = gradients_by_hand(at, options, WEIGHTS, reference=start)
    assert_close(at.gradients, expected)
    assert metrics["loss"] == pytest.approx(loss, abs=1e-4)
    assert abs(metrics["kl"]) > 1e-3


# -- groups that teach nothing -----------------------------------------------------------------------------------------


def test_where_all_answers_earn_the_same_nothing_changes(taught: Path, tmp_path: Path) -> None:
    at = stage(tmp_path, taught, TASKS, rewarded(constant), weight_decay=0.1)
    before = at.weights()
    metrics = at.step()
    assert same(before, at.weights())
    assert not at.setup.optimizer.state
    assert (metrics["loss"], metrics["grad_norm"]) == (0.0, 0.0)
    for task in ("red", "pair"):
        assert (metrics[f"{task}/flat"], metrics[f"{task}/waste"], metrics[f"{task}/reward"]) == (1.0, 1.0, 0.5)


def test_a_task_that_teaches_nothing_takes_its_share_and_no_more(taught: Path, tmp_path: Path) -> None:
    """Whatever it writes: two of four prompts are its own, so that the gradient of the others is halved."""

    def red_alone(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
        return 0.5 if request.order else length(request, judgement, gold)

    def gradients(tasks: Sequence[TrainingTask], batch: int, *, per_task: bool) -> dict[str, Tensor]:
        at = stage(tmp_path, taught, tasks, rewarded(red_alone), batch=batch, per_task=per_task, max_grad_norm=1e9)
        at.step()
        return at.gradients

    red, pair_ = points("red", 2, validation=None), fixed("pair", list(pair("pair", 1)))
    halved = {name: one / 2 for name, one in gradients([red], 2, per_task=True).items()}
    assert_close(gradients([red, pair_], 3, per_task=True), halved)
    with pytest.raises(AssertionError):
        assert_close(gradients([red, pair_], 3, per_task=False), halved)


def attempts_of(at: Stage) -> list[list[str]]:
    """Items that are drawn, attempt by attempt, as `task item`."""
    drawn: list[list[str]] = []
    answer = at.method._answer

    def watch(units: Any, number: int, attempt: int) -> Any:
        assert attempt == len(drawn)
        drawn.append([f"{unit.task} {unit.examples[0].item.id}" for unit, _ in units])
        return answer(units, number, attempt)

    at.method._answer = watch  # type: ignore[method-assign, assignment]
    return drawn


@pytest.mark.parametrize("turned", [False, True])
def test_groups_that_teach_nothing_are_replaced_by_others_of_their_task(
    taught: Path, tmp_path: Path, turned: bool
) -> None:
    odd_pairs = fixed("pair", [one for number in (1, 3, 5) for one in pair("pair", number)])
    tasks = [points("red", 12, validation=None), odd_pairs]
    at = stage(tmp_path, taught, tasks[::-1] if turned else tasks, rewarded(Rising()), batch=5, refill=6)
    drawn = attempts_of(at)
    metrics = at.step()
    assert drawn[0].count("pair 1") + drawn[0].count("pair 3") + drawn[0].count("pair 5") == 1
    for attempt, following in pairwise(drawn):
        flat = [one for one in attempt if int(one.split()[1]) % 2 == 0]
        assert len(following) == len(flat), "as many as taught nothing"
        assert all(one.startswith("red ") for one in following), "of the same task"
    assert 2 <= len(drawn) <= 7
    everything = [one for attempt in drawn for one in attempt]
    teaching = [one for one in everything if int(one.split()[1]) % 2]
    assert len(teaching) == 5
    assert sorted({f"{group.asked.task} {group.asked.example.item.id}" for group in at.groups}) == sorted(teaching)
    reds = [one for one in everything if one.startswith("red")]
    assert metrics["red/waste"] == pytest.approx(1 - 4 / len(reds))
    assert (metrics["red/flat"], metrics["pair/flat"], metrics["pair/waste"]) == (0.0, 0.0, 0.0)


def test_replacing_ends_after_so_many_attempts_and_keeps_what_there_is(taught: Path, tmp_path: Path) -> None:
    evens = [point("red", number) for number in range(0, 40, 2)]
    at = stage(tmp_path, taught, [fixed("red", [point("red", 1), *evens])], rewarded(Rising()), batch=3, refill=2)
    at.setup.sampler.take("red")
    drawn = attempts_of(at)
    metrics = at.step()
    teaching = [one for attempt in drawn for one in attempt if one == "red 1"]
    assert (len(drawn), len(drawn[0])) == (3, 3)
    assert len(at.groups) == 3, "the batch is as large as ever"
    written = sum(map(len, drawn))
    assert metrics["red/flat"] == pytest.approx(1 - len(teaching) / 3)
    assert metrics["red/waste"] == pytest.approx(1 - len(teaching) / written)


def test_the_component_by_component_advantage_has_a_say_in_what_is_replaced(taught: Path, tmp_path: Path) -> None:
    """Two rewards that cancel out: their sum is flat, and each of them is not."""

    def opposite(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
        return -(length(request, judgement, gold) or 0.0)

    for advantage, attempts in (("gdpo", 1), ("group", 3)):
        at = stage(
            tmp_path, taught, [points("red", 9, validation=None)], rewarded(length, opposite), batch=2, refill=2,
            advantage=advantage,
        )  # fmt: skip
        drawn = attempts_of(at)
        at.step()
        assert len(drawn) == attempts, advantage


# -- answers that were cut off -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mask_truncated", [True, False])
def test_answers_that_were_cut_off_give_no_gradient_where_they_are_masked(
    taught: Path, tmp_path: Path, mask_truncated: bool
) -> None:
    rewards = rewarded(Rising(even=True))
    at = stage(tmp_path, taught, TASKS, rewards, max_new_tokens=3, mask_truncated=mask_truncated)
    before = at.weights()
    metrics = at.step()
    assert metrics["red/truncated"] == metrics["pair/truncated"] == 1.0
    assert metrics["red/flat"] == metrics["pair/flat"] == 0.0, "they earned differently"
    assert same(before, at.weights()) is mask_truncated


# -- the start ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lora", [None, LORA], ids=["all weights", "an adapter"])
def test_the_divergence_pulls_back_to_the_start(taught: Path, tmp_path: Path, lora: LoraOptions | None) -> None:
    at = stage(
        tmp_path,
        taught,
        [points("red", 4, validation=None)],
        rewarded(constant),
        kl_weight=1.0,
        lora=lora,
        lr=3e-3 if lora is None else 1e-2,
        mask_truncated=False,
    )
    at.disturb(0.03 if lora is None else 0.15)
    found = [at.step(number)["kl"] for number in range(8)]
    assert found[0] > 0.05
    assert sum(found[-3:]) / 3 < found[0] / 2


def test_without_a_weight_no_divergence_is_computed(taught: Path, tmp_path: Path) -> None:
    at = stage(tmp_path, taught, TASKS, REWARDS)
    at.disturb()
    assert "kl" not in at.step()
    assert at.policy._reference is None


# -- several updates ---------------------------------------------------------------------------------------------------


def test_a_second_update_goes_by_the_probabilities_of_before_the_first(
    taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Tensor, Tensor]] = []
    plain = token_loss

    def watch(logp: Tensor, old: Tensor, advantage: Tensor, mask: Tensor, **fields: Any) -> Any:
        seen.append((torch.where(mask, logp, 0.0).detach().clone(), torch.where(mask, old, 0.0).clone()))
        return plain(logp, old, advantage, mask, **fields)

    monkeypatch.setattr("harness_grpo.grpo.token_loss", watch)
    at = stage(tmp_path, taught, TASKS, REWARDS, updates=2, groups=1, lr=3e-3, mask_truncated=False)
    metrics = at.step()
    half = len(seen) // 2
    assert half >= 2
    for (first, old), (second, same_old) in zip(seen[:half], seen[half:], strict=True):
        assert torch.allclose(first, old, atol=1e-5), "ratios of 1"
        assert torch.equal(old, same_old)
        assert float((second - old).abs().max()) > 1e-3
    assert metrics["ratio_max"] > 1.001
    states = at.setup.optimizer.state.values()
    assert {float(one["step"]) for one in states} == {2.0}


def test_with_one_update_every_ratio_is_1(taught: Path, tmp_path: Path) -> None:
    metrics = stage(tmp_path, taught, TASKS, REWARDS).step()
    assert (metrics["ratio_max"], metrics["clip_low"], metrics["clip_high"]) == (1.0, 0.0, 0.0)


def test_entropy_is_logged_where_it_is_asked_for(taught: Path, tmp_path: Path) -> None:
    assert "entropy" not in stage(tmp_path, taught, TASKS, REWARDS).step()
    assert 0 < stage(tmp_path, taught, TASKS, REWARDS, entropy=True).step()["entropy"] < math.log(640)


# -- what is trained ---------------------------------------------------------------------------------------------------


def test_with_an_adapter_nothing_but_the_adapter_moves(taught: Path, tmp_path: Path) -> None:
    at = stage(tmp_path, taught, TASKS, REWARDS, lora=LORA, kl_weight=0.1)
    before = at.weights()
    for number in range(2):  # in the first step, one half of an adapter is 0 and the other gets no gradient
        at.step(number)
    moved = {name for name, one in at.weights().items() if not torch.equal(one, before[name])}
    assert moved
    assert all("lora_" in name for name in moved)
    assert {name for name in moved if "lora_A" in name}
    assert {name for name in moved if "lora_B" in name}


# -- rewards -----------------------------------------------------------------------------------------------------------


class Agree:
    """Compares the two orders."""

    def __init__(self) -> None:
        self.units: list[tuple[Answer, ...]] = []

    def __call__(self, request: Request, judgement: Judgement, gold: Verdict) -> float | None:
        return None

    def of_orders(self, answers: Sequence[Answer]) -> float | None:
        self.units.append(tuple(answers))
        return float(sum(len(one.judgement.raw) for one in answers))


def test_a_reward_of_orders_sees_both_in_one_unit(taught: Path, tmp_path: Path) -> None:
    reward = Agree()
    at = stage(
        tmp_path, taught, TASKS, (*rewarded(reward, capabilities=frozenset({"orders"})), *rewarded(uneven)), batch=5
    )
    at.step()
    assert len(reward.units) % 4 == 0, "G samples of each pair"
    for first, second in reward.units:
        assert (first.request.item, first.request.order) == (second.request.item, (0, 1))
        assert second.request.order == (1, 0)
    of_pairs = [group for group in at.groups if group.asked.task == "pair"]
    for one, other in zip(of_pairs[::2], of_pairs[1::2], strict=True):
        assert [e.parts["Agree"] for e in one.earned] == [e.parts["Agree"] for e in other.earned]
        assert one.asked.example.item.id == other.asked.example.item.id


def test_a_reward_of_orders_in_a_recipe_without_is_refused_before_any_step(taught: Path, tmp_path: Path) -> None:
    rewards = rewarded(Agree(), capabilities=frozenset({"orders"}))
    with pytest.raises(UserError, match="reward Agree: compares the two orders of a pair, and no task"):
        grpo(training(tmp_path, taught, tasks=[points("red", 2)], rewards=rewards), steps=1)
    assert not (tmp_path / "completions.jsonl").exists()


def test_a_task_that_no_reward_is_for_ends_training(taught: Path, tmp_path: Path) -> None:
    whole = training(tmp_path, taught, tasks=TASKS, rewards=rewarded(accuracy, tasks=frozenset({"red"})))
    with pytest.raises(UserError, match=r"task pair: no reward of the recipe applies .*Preference.* there are: none"):
        grpo(whole, steps=1, batch=5)


def test_a_task_that_no_reward_is_for_is_found_before_the_start_is_validated(taught: Path, tmp_path: Path) -> None:
    curves = Curves()
    tasks = [fixed("red", [point("red", 0)], validation=[point("red", 1)])]
    with pytest.raises(UserError, match=r"task red: no reward of the recipe applies .* there are: none"):
        grpo(training(tmp_path, taught, tasks=tasks, curves=curves), steps=1, batch=1)
    assert not curves


def test_an_exception_in_a_reward_ends_training_and_is_no_reward(taught: Path, tmp_path: Path) -> None:
    def broken(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
        return 1 / 0

    whole = training(tmp_path, taught, tasks=TASKS, rewards=rewarded(accuracy, broken))
    with pytest.raises(PluginError, match="reward broken raised ZeroDivisionError"):
        grpo(whole, steps=1)
    assert not whole.checkpoint.exists()


@pytest.mark.parametrize("asks", [True, False])
def test_answers_get_probabilities_where_a_reward_asks_for_them(taught: Path, tmp_path: Path, asks: bool) -> None:
    seen: list[Judgement] = []

    def sure(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
        seen.append(judgement)
        return 0.0

    capabilities = frozenset({"probabilities"}) if asks else frozenset()
    stage(tmp_path, taught, TASKS, rewarded(sure, capabilities=capabilities)).step()
    read = [one for one in seen if one.verdict is not None]
    assert read
    assert all((one.probabilities is not None) is asks for one in read)


def test_a_loss_that_is_not_finite_ends_training(taught: Path, tmp_path: Path) -> None:
    setups: list[TrainingSetup] = []

    def poison(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
        with torch.no_grad():
            setups[0].policy.trained["lm_head.weight"][5] = math.inf
        return length(request, judgement, gold)

    options = GrpoOptions(max_new_tokens=24, group=3, batch=2, lr=1e-3, steps=1, validation={"limit": 1})  # type: ignore[arg-type]

    def make(setup: TrainingSetup) -> Grpo:
        setups.append(setup)
        return Grpo(setup, options)

    with pytest.raises(UserError, match=r"the loss of step 1 is (nan|inf)"):
        fit(training(tmp_path, taught, tasks=[points("red", 4)], rewards=rewarded(poison)), options, make)
    assert not setups[0].optimizer.state


def test_refilling_changes_neither_what_curves_say_of_a_policy_nor_what_mixing_learns(
    taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One policy at its first step, without and with refilling."""
    learnt: list[Mapping[str, float]] = []
    monkeypatch.setattr(Sampler, "learn", lambda sampler, rewards: learnt.append(dict(rewards)))
    found = []
    for refill in (0, 4):
        curves = Curves()
        tasks = [points("red", 16, validation=None), fixed("pair", [one for k in range(8) for one in pair("pair", k)])]
        whole = training(tmp_path / str(refill), taught, tasks=tasks, rewards=rewarded(accuracy), curves=curves)
        grpo(whole, steps=1, lr=1e-12, batch=9, refill=refill)
        found.append(next(metrics for step, metrics in curves if step == 1 and "loss" in metrics))
    plain, refilled = found
    assert learnt[0] == learnt[1]
    for task in ("red", "pair"):
        for name in ("accuracy", "reward", "length", "no_verdict"):
            assert refilled[f"{task}/{name}"] == plain[f"{task}/{name}"]
    assert plain["red/flat"] > 0, "some groups are replaced"
    assert refilled["kept/red/accuracy"] != refilled["red/accuracy"]
    assert not [name for name in plain if name.startswith("kept/")]


# -- mixing ------------------------------------------------------------------------------------------------------------


def test_adaptive_mixing_gives_more_to_the_task_that_earns_less(taught: Path, tmp_path: Path) -> None:
    def easy(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
        return 1.0 if request.task == "easy" else 0.0

    curves = Curves()
    tasks = [points("easy", 8, validation=None), points("hard", 8, validation=None)]
    whole = training(tmp_path, taught, tasks=tasks, rewards=rewarded(easy, well_formed), curves=curves)
    grpo(whole, steps=4, batch=8, group=2, mixing="adaptive")
    epochs = {task: list(curves.of(f"{task}/epochs").values()) for task in ("easy", "hard")}
    assert epochs["easy"][0] == epochs["hard"][0] == 0.5, "even as long as nothing is known"
    assert epochs["hard"][-1] > 2 * epochs["easy"][-1]
