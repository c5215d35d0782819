"""Training the vision tower alone to name what is in a picture, before any language is learned.

Trained end to end from random weights, a tiny vision-language model sits at chance for long. Here each picture gives
many answers, patch by patch, and the language model later finds them in the tokens that it reads.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.api import UserError
from harness_miniature_judges.naming import Naming
from harness_miniature_judges.shape import Shape, new_model, write_model
from harness_miniature_judges.views import Views, draw_views

_CHECK_SEED = 1  # fixed, so that recalls of different trainings are of the same pictures
_WARM_UP = 200
"""Steps until the learning rate is highest, at most."""
_DECAY = 0.05
"""AdamW's weight decay of matrices."""


def train_eyes(
    folder: str | Path,
    *,
    seed: int,
    steps: int = 5000,
    batch: int = 64,
    rate: float = 3e-3,
    pictures: int = 50_000,
    checked: int = 1800,
    report_every: int = 1000,
    report: Callable[[int, dict[str, float]], None] | None = None,
    shape: Shape | None = None,
) -> dict[str, float]:
    """Write a model folder whose vision tower can see what the miniature suite asks.

    It learns from the train split alone, on one CPU thread: more are slower on a few shared cores. On one machine and
    with one version of torch, the same arguments give the same bytes.

    Args:
        folder: Where the model goes; `AutoProcessor` and `AutoModelForImageTextToText` open it. Everything but the
            tower has random weights.
        seed: Of the weights, of the scenes and of their order.
        steps: Optimiser steps.
        batch: Pictures in a step.
        rate: Highest learning rate of AdamW. It warms up and then falls to zero along a cosine.
        pictures: Pictures that are painted and kept in memory, 12 KiB each at 64 pixels.
        checked: Pictures of the validation split on which the recalls are measured.
        report_every: Steps from one report to the next.
        report: Called with the step, the mean loss since the last report and the recalls, at the end as well.
        shape: How large the model is.

    Returns:
        The recall of each attribute on the validation split, see `Naming.recalls`; `loss`, the mean train loss of the
        last ten steps in nats; and `cpu_seconds`.

    Raises:
        UserError: A count is less than one, or the training diverges. No folder is written.
    """
    _check_counts(steps=steps, batch=batch, pictures=pictures, checked=checked, report_every=report_every)
    torch.set_num_threads(1)
    shape, start = shape or Shape(), time.process_time()
    train = draw_views("train", pictures, seed=seed, size=shape.image_size)
    check = draw_views("validation", checked, seed=_CHECK_SEED, size=shape.image_size)
    model, processor = new_model(shape, seed=seed)
    run = _Run(seed=seed, steps=steps, batch=batch, rate=rate, every=report_every, report=report)
    # The caller's random generator stays where it is.
    with torch.random.fork_rng():
        found = run.train(model, processor, train, check)
    write_model(folder, model, processor)
    return found | {"cpu_seconds": time.process_time() - start}


def _check_counts(**counts: int) -> None:
    for name, count in counts.items():
        if count < 1:
            raise UserError(f"train_eyes: {name} is {count}; give at least 1")


def _new_naming(model: Any, processor: Any, train: Views) -> Naming:
    """The tower of a model with heads, ready to be trained."""
    looks = processor.image_processor
    naming = Naming(model.model.vision_tower, mean=looks.image_mean, std=looks.image_std)
    with torch.no_grad():
        _lay_out(naming.tower)
        # 4,096 pictures have 16 patches each: enough for the covariance of 768 values.
        _whiten(naming.tower, naming.normal(train.pixels[:4096]))
    return naming


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One training of the tower."""

    seed: int
    steps: int
    batch: int
    rate: float
    """Highest learning rate."""
    every: int
    """Steps from one report to the next."""
    report: Callable[[int, dict[str, float]], None] | None

    def train(self, model: Any, processor: Any, train: Views, check: Views) -> dict[str, float]:
        """Train. Returns the recalls on `check` and the mean `loss` of the last ten steps.

        Raises:
            UserError: The training diverges.
        """
        torch.manual_seed(self.seed)
        naming = _new_naming(model, processor, train)
        optimiser = _optimiser(naming)
        losses: list[float] = []
        recalls: dict[str, float] = {}
        for step, rows in enumerate(_batches(len(train), batch=self.batch, steps=self.steps), start=1):
            for group in optimiser.param_groups:
                group["lr"] = self.rate * _share(step, self.steps)
            losses.append(_step(naming, optimiser, naming.loss(train.rows(rows))))
            if not math.isfinite(losses[-1]):
                problem = f"the loss of step {step} is {losses[-1]}; lower the rate, which is {self.rate}"
                raise UserError(f"train_eyes: {problem}")
            if step % self.every == 0 or step == self.steps:
                recalls = naming.recalls(check)
                if self.report is not None:
                    self.report(step, {"loss": _mean(losses[-self.every :]), **recalls})
        return recalls | {"loss": _mean(losses[-10:])}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _lay_out(tower: Any) -> None:
    """Position embeddings begin as sines and cosines of row and column: neighbours are alike from the start."""
    weight = tower.embeddings.position_embedding.weight
    side, quarter = round((len(weight) - 1) ** 0.5), weight.shape[1] // 4
    # Base 100 and not the usual 10,000: the grid has 4 places a side, not thousands.
    angles = torch.arange(side)[:, None] * 100.0 ** (-torch.arange(quarter) / quarter)
    line = torch.cat([angles.sin(), angles.cos()], 1)
    weight.zero_()
    # Row 0 is the class token, which has no place in the picture.
    weight[1:, : 2 * quarter] = line.repeat_interleave(side, 0)
    weight[1:, 2 * quarter : 4 * quarter] = line.repeat(side, 1)


def _whiten(tower: Any, pictures: Tensor) -> None:
    """Patch filters begin as random mixtures of whitened pixels.

    Nearly all variance of a patch is in a few smooth patterns. Filters of independent random weights see those and
    nothing else, and never learn to see noise.

    Args:
        tower: A `CLIPVisionModel`.
        pictures: Normalised, pictures x 3 x rows x columns.
    """
    weight = tower.embeddings.patch_embedding.weight
    side = weight.shape[-1]
    patches = functional.unfold(pictures, side, stride=side).transpose(1, 2).flatten(0, 1)
    patches = patches - patches.mean(0)
    variance, patterns = torch.linalg.eigh(patches.T @ patches / len(patches))
    # 0.01 keeps patterns of almost no variance from being blown up to noise.
    whitened = patterns / (variance + 0.01).sqrt() @ patterns.T
    mixed = torch.randn(len(weight), len(variance)) @ whitened / len(variance) ** 0.5
    weight.copy_(mixed.reshape(weight.shape))


def _optimiser(naming: Naming) -> torch.optim.Optimizer:
    matrices = [weights for weights in naming.parameters() if weights.ndim > 1]
    vectors = [weights for weights in naming.parameters() if weights.ndim < 2]
    # Biases and norms are not decayed: they have no scale that could grow without a use.
    groups = [{"params": matrices, "weight_decay": _DECAY}, {"params": vectors, "weight_decay": 0.0}]
    # 0.98 for the second moment, as usual for transformers: the mean over 50 steps, not 1,000.
    return torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=True)


def _batches(count: int, *, batch: int, steps: int) -> Iterator[Tensor]:
    """Rows of each step. Every picture once before any twice, in random order."""
    queue = torch.empty(0, dtype=torch.long)
    for _ in range(steps):
        while len(queue) < batch:
            queue = torch.cat([queue, torch.randperm(count)])
        # What is left of an epoch begins the next batch: no picture is skipped.
        yield queue[:batch]
        queue = queue[batch:]


def _share(step: int, steps: int) -> float:
    """The share of the highest learning rate at a step, counted from 1."""
    return min(1.0, step / min(_WARM_UP, steps)) * (0.5 + 0.5 * math.cos(math.pi * (step - 1) / steps))


def _step(naming: Naming, optimiser: torch.optim.Optimizer, loss: Tensor) -> float:
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(naming.parameters(), 1.0)
    optimiser.step()
    return float(loss.detach())
