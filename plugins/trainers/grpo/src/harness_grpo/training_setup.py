"""What SFT and GRPO work with: the model, the units of each task, the optimizer, and the next of everything."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import astuple, dataclass, field
from operator import itemgetter
from typing import Any, TypeVar

import torch

from harness.api import Training, UserError
from harness_grpo.adapters import describe
from harness_grpo.data import Unit, units_of
from harness_grpo.delivered import start_of
from harness_grpo.options import TrainerOptions
from harness_grpo.policy import Policy
from harness_grpo.precision import make_optimizer
from harness_grpo.prefix import PrefixScorer, Rollouts
from harness_grpo.processes import Processes
from harness_grpo.progress import Phase, announce
from harness_grpo.rollout import PromptedExample, Prompts
from harness_grpo.sampler import Pool, Sampler
from harness_grpo.sharding import separate
from harness_transformers.loading import WeightsSource

_Found = TypeVar("_Found", bound=Sequence[Any])


@dataclass(kw_only=True)
class TrainingSetup:
    """All that a method works with: model, optimizer, sampler, prompts."""

    training: Training
    options: TrainerOptions
    policy: Policy
    prompts: Prompts
    sampler: Sampler
    units: dict[str, list[Unit]]
    """The train split of each task."""
    optimizer: torch.optim.Optimizer
    scorer: PrefixScorer
    notes: list[str] = field(default_factory=list)
    """What the model card has to say besides."""

    @property
    def processes(self) -> Processes:
        """That train together."""
        return self.policy.processes

    def draw(self, task: str) -> tuple[Unit, list[PromptedExample]]:
        """The next unit of a task that can be shown.

        Raises:
            UserError: None of a whole epoch can.
        """
        for _ in range(2 * len(self.units[task])):  # a whole epoch is among these, wherever it begins
            unit = self.units[task][self.sampler.take(task)]
            asked = self.prompts.of_unit(unit)
            if asked is not None:
                return unit, asked
        raise UserError(f"task {task}: not one item of split {self._split(task)} can be shown; the log says why")

    def _split(self, task: str) -> str:
        return next(entry.train for entry in self.training.tasks if entry.name == task)

    def mine(self, costs: Sequence[int]) -> list[tuple[int, bool]]:
        """Places of the micro-batches of a step that this process computes, in rising order, and whether each counts.

        Where weights are sharded all processes make as many passes, the last of them for nothing.

        Args:
            costs: Tokens of each.
        """
        shares = self.processes.deal(costs)
        mine = [(place, True) for place in shares[self.processes.rank]]
        if self.policy.sharded and costs:
            cheapest = min(range(len(costs)), key=costs.__getitem__)
            mine += [(cheapest, False)] * (max(map(len, shares)) - len(mine))
        return mine

    def settle(self, groups: Sequence[Rollouts]) -> None:
        """Where weights are sharded, find out in all processes together how prompts are shared."""
        if self.policy.sharded:
            self.scorer.settle(groups)

    def in_order(self, found: list[_Found]) -> list[_Found]:
        """What was found of all micro-batches, in the order in which one process computes them.

        Args:
            found: Of those of this process. Each begins with its place.
        """
        return sorted((entry for theirs in self.processes.gather(found) for entry in theirs), key=itemgetter(0))

    def apply(self, loss: float, number: int) -> float:
        """One step of the optimizer along the gradients that there are. Returns their norm.

        Raises:
            UserError: Loss or gradients are not finite. Nothing was changed.
        """
        norm = self.policy.sum_gradients(self.options.max_grad_norm)
        # Before the step: AdamW's moments would keep a NaN for good.
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise UserError(
                f"recipe {self.training.name}: the loss of step {number + 1} is {loss}, its gradient has norm {norm}; "
                f"nothing was changed by it, and the best weights so far are kept in {self.training.folder}. Lower lr "
                f"({self.options.lr:g}) or max_grad_norm, or use a wider dtype"
            )
        # Set by step number, so that a resumed training needs no scheduler's state.
        for group in self.optimizer.param_groups:
            group["lr"] = rate(self.options, number)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return norm


def rate(options: TrainerOptions, number: int) -> float:
    """The learning rate of step `number`, from 0: a linear rise over `warmup` steps, then the schedule."""
    if number < options.warmup:
        return options.lr * (number + 1) / options.warmup
    if options.schedule == "constant":
        return options.lr
    share = (number - options.warmup) / max(1, options.steps - options.warmup)
    return options.lr * (1 - share if options.schedule == "linear" else (1 + math.cos(math.pi * share)) / 2)


def open_policy(training: Training, options: TrainerOptions, processes: Processes) -> Policy:
    """Open the model that a recipe starts from, and say what of it is trained."""
    model, who = str(training.model), f"recipe {training.name}"
    Phase(training.name, "opening the model")
    # A start that is an adapter is added to its base once; the others find it done.
    source = WeightsSource(*processes.once(lambda: astuple(start_of(model, training.folder, options, who=who))))
    # Sharded weights are opened whole, on the CPU: one process of a machine after the other.
    with processes.in_turn() if options.shard else nullcontext():
        policy = Policy(source, options, name=training.name, seed=training.seed, processes=processes)
    announce(training.name, describe(policy.model))
    return policy


def make_setup(training: Training, options: TrainerOptions, policy: Policy) -> TrainingSetup:
    """Read the train splits, and make what is drawn from them with."""
    phase = Phase(training.name, f"reading the data of {len(training.tasks)} tasks", "items")
    units: dict[str, list[Unit]] = {}
    for task in training.tasks:
        units[task.name] = units_of(task, task.train, phase=phase, before=sum(map(len, units.values())))
    sampler = make_sampler(training, options, units)
    optimizer = make_optimizer(list(policy.trained.values()), options)
    if policy.sharded:
        separate(optimizer)
    return TrainingSetup(
        training=training,
        options=options,
        policy=policy,
        prompts=Prompts(policy, reasoning=getattr(options, "reasoning", True)),
        sampler=sampler,
        units=units,
        optimizer=optimizer,
        scorer=PrefixScorer(policy.model, mode=options.prefix, pad=policy.opened.language.pad, compute=policy.compute),
    )


def make_sampler(training: Training, options: TrainerOptions, units: Mapping[str, Sequence[Unit]]) -> Sampler:
    """Draws from the units of each task."""
    pools = [Pool(name=task.name, size=len(units[task.name]), weight=task.weight) for task in training.tasks]
    return Sampler(pools, seed=training.seed, mixing=options.mixing, temperature=options.mixing_temperature)
