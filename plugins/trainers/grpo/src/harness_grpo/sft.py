"""Supervised fine-tuning: write the gold verdict as the format writes it, with the reasoning ahead of it or without.

With `rejection_sampling` the targets are answers of the model itself, see `rejection`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

import torch

from harness.api import Context, Example, Training, TrainingResult, UserError
from harness_grpo.data import Unit, target_of
from harness_grpo.fingerprint import fingerprint_of
from harness_grpo.loop import fit
from harness_grpo.memory.native import plan_memory
from harness_grpo.options import SftOptions
from harness_grpo.packing import Rollouts, groups_at_once
from harness_grpo.rejection import SampledUnit, sample_units
from harness_grpo.rollout import PromptedExample, parts_of
from harness_grpo.training_setup import TrainingSetup, make_sampler


class Sft:
    """A step of SFT. The loss is the mean over all target tokens of the batch.

    Args:
        setup: What it works with.
        options: Of the recipe.
    """

    def __init__(self, setup: TrainingSetup, options: SftOptions) -> None:
        self._setup = setup
        self._options = options
        if options.rejection_sampling is None:
            # All of them now: an item that lacks its reasoning may be drawn after hours only.
            for example in (example for units in setup.units.values() for unit in units for example in unit.examples):
                target_of(example, options.rationale)
        else:
            if setup.processes.size > 1:
                raise UserError(
                    f"recipe {setup.training.name}: rejection_sampling: works in one process; start it without a "
                    "launcher, and train what comes next in many"
                )
            setup.units = sample_units(setup, options)
            # Items without an answer to learn are gone, so that the shares of tasks may be others.
            setup.sampler = make_sampler(setup.training, options, setup.units)

    def step(self, number: int) -> dict[str, float]:
        """Learn one batch."""
        setup, options = self._setup, self._options
        drawn = [setup.draw(task) for task, count in setup.sampler.counts(options.batch).items() for _ in range(count)]
        asked = [prompted for _, mine in drawn for prompted in mine]
        targets = [target for unit, mine in drawn for target in self._targets(unit, mine)]
        rollouts = [Rollouts(prompted.prompt, (target,)) for prompted, target in zip(asked, targets, strict=True)]
        size = options.groups or groups_at_once(rollouts, shared=setup.scorer.shares)
        size = min(size, ceil(len(asked) / setup.processes.size))  # each process gets some
        parts = parts_of([prompted.prompt for prompted in asked], size)
        tokens = sum(len(rollout.completions[0]) for rollout in rollouts)
        found: list[tuple[int, list[float]]] = []
        setup.settle(rollouts[:1])
        with setup.policy.learning():
            for which, counts in setup.mine([sum(rollouts[place].longest for place in part) for part in parts]):
                scored = setup.scorer.logps([rollouts[place] for place in parts[which]])
                rows = -torch.where(scored.mask, scored.logps, 0.0).double().sum(-1)
                # By the tokens of the whole batch: micro-batches then add up to the loss of the batch.
                torch.autograd.backward(rows.sum() / tokens if counts else rows.sum() * 0)
                if counts:
                    found.append((which, rows.tolist()))
        sums: dict[str, float] = {}
        lengths: dict[str, int] = {}
        for which, values in setup.in_order(found):
            for place, value in zip(parts[which], values, strict=True):
                task = asked[place].task
                sums[task] = sums.get(task, 0.0) + value
                lengths[task] = lengths.get(task, 0) + len(rollouts[place].completions[0])
        loss = sum(sums.values()) / tokens
        norm = setup.apply(loss, number)
        return {
            "loss": loss,
            "grad_norm": norm,
            "tokens": float(tokens),
            **{f"{task}/loss": value / lengths[task] for task, value in sums.items()},
            **{f"{task}/epochs": setup.sampler.epochs(task) for task in setup.units},
        }

    def _targets(self, unit: Unit, asked: Sequence[PromptedExample]) -> Sequence[tuple[int, ...]]:
        if isinstance(unit, SampledUnit):
            return unit.answers
        return [self._target(prompted.example) for prompted in asked]

    def _target(self, example: Example) -> tuple[int, ...]:
        # The end is a target too: a judge must learn to stop after the verdict.
        policy = self._setup.policy
        return (*policy.opened.prompter.answer_ids(target_of(example, self._options.rationale)), policy.end)


class SftTrainer:
    """The trainer `sft`.

    Args:
        options: Of the recipe.
        context: Of the harness.
    """

    def __init__(self, options: SftOptions, context: Context) -> None:
        self._options = options
        self._context = context

    def fingerprint(self, training: Training) -> str:
        """Covers the weights it starts from and the generation of this code."""
        return fingerprint_of(training, self._context)

    def plan_memory(self, training: Training, *, devices: int) -> Mapping[str, Mapping[str, int]]:
        """Bytes of each part, by phase. See `harness.api.optional.PlansMemory`."""
        return plan_memory(training, self._options, devices=devices)

    def train(self, training: Training) -> TrainingResult:
        """Train. See `harness.api.Trainer`."""
        return fit(training, self._options, lambda setup: Sft(setup, self._options))
