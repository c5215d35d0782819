"""Supervised fine-tuning: write the gold verdict as the format writes it, with the reasoning ahead of it or without."""

from __future__ import annotations

import torch

from harness.api import Context, Example, Training, TrainingResult
from harness_grpo.data import target_of
from harness_grpo.fingerprint import fingerprint_of
from harness_grpo.loop import Bench, fit
from harness_grpo.options import SftOptions
from harness_grpo.prefix import Rollouts
from harness_grpo.rollout import parts_of


class Sft:
    """A step of SFT. The loss is the mean over all target tokens of the batch.

    Args:
        bench: What it works with.
        options: Of the recipe.
    """

    def __init__(self, bench: Bench, options: SftOptions) -> None:
        self._bench = bench
        self._options = options

    def step(self, number: int) -> dict[str, float]:
        """Learn one batch."""
        bench, options = self._bench, self._options
        asked = [
            one
            for task, count in bench.sampler.counts(options.batch).items()
            for _ in range(count)
            for one in bench.draw(task)[1]
        ]
        rollouts = [Rollouts(one.prompt, (self._target(one.example),)) for one in asked]
        tokens = sum(len(one.completions[0]) for one in rollouts)
        sums: dict[str, float] = {}
        lengths: dict[str, int] = {}
        with bench.policy.learning():
            for part in parts_of([one.prompt for one in asked], options.groups):
                scored = bench.scorer.logps([rollouts[place] for place in part])
                rows = -torch.where(scored.mask, scored.logps, 0.0).double().sum(-1)
                torch.autograd.backward(rows.sum() / tokens)
                for place, value in zip(part, rows.tolist(), strict=True):
                    task = asked[place].task
                    sums[task] = sums.get(task, 0.0) + value
                    lengths[task] = lengths.get(task, 0) + len(rollouts[place].completions[0])
        loss = sum(sums.values()) / tokens
        norm = bench.apply(loss, number)
        return {
            "loss": loss,
            "grad_norm": norm,
            "tokens": float(tokens),
            **{f"{task}/loss": value / lengths[task] for task, value in sums.items()},
            **{f"{task}/epochs": bench.sampler.epochs(task) for task in bench.units},
        }

    def _target(self, example: Example) -> tuple[int, ...]:
        policy = self._bench.policy
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

    def train(self, training: Training) -> TrainingResult:
        """Train; see `harness.api.Trainer`."""
        return fit(training, self._options, lambda bench: Sft(bench, self._options))
