"""What a trainer is given and what it gives back, and what an answer earns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from harness.api._contracts import Answer, Example, Reward
from harness.api._errors import HarnessError, PluginError
from harness.api._records import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingTask:
    """A task to learn."""

    name: str
    """Name in the recipe; the first half of the names of its curves."""
    id: str
    """Canonical id."""
    train: str
    """Name of the split to learn from."""
    validation: str | None
    """Name of the split to select on; `None` where the task has none."""
    examples: Callable[[str], Iterator[Example]] = field(repr=False)
    """Streams a split, rendered as the task's protocol says: an item with candidates once for each order shown."""
    weight: float = 1.0
    """Its share, relative to the other tasks, on top of how the trainer mixes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedReward:
    """A reward of a recipe."""

    name: str
    """Name in the recipe and in curves."""
    reward: Reward
    """The plugin's reward."""
    weight: float
    """What its value is multiplied with. Negative turns a reward into a penalty."""
    tasks: frozenset[str] | None = None
    """Names of the tasks that it is for; `None` for all."""
    capabilities: frozenset[str] = frozenset()
    """What its card says: `probabilities`, `orders`."""

    def serves(self, task: str) -> bool:
        """Whether the recipe wants it for a task."""
        return self.tasks is None or task in self.tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerReward:
    """What one answer earned."""

    total: float | None
    """Sum of weight times value over the rewards that apply; `None` where none does, or where the machine failed."""
    parts: Mapping[str, float | None]
    """Value of each reward, not yet weighted; `None` where it does not apply."""


def compute_rewards(rewards: Sequence[WeightedReward], task: str, answers: Sequence[Answer]) -> list[AnswerReward]:
    """What the answers of one unit earn: those to one item that share a sample number, one for each order shown.

    Rewards are added up, weighted, and none gates another: with `accuracy` of weight 1 - alpha and `format` of weight
    alpha it is the reward of MT-RL-Judge (arXiv 2603.11665).

    Args:
        rewards: Of the recipe.
        task: Name of the task in the recipe.
        answers: Of one unit; a task without orders has units of one answer.

    Returns:
        For each answer, in the same order.

    Raises:
        PluginError: A reward raised, or gave what is no finite number: that is never turned into a reward.
    """
    mine = [one for one in rewards if one.serves(task)]
    parts: list[dict[str, float | None]] = [{} for _ in answers]
    failed = any(answer.judgement.status is Status.ERROR for answer in answers)
    for one in mine:
        of_orders = getattr(one.reward, "of_orders", None)
        if failed:
            values: list[float | None] = [None] * len(answers)
        elif of_orders is not None and len(answers) > 1:
            values = [_value(one.name, answers[0], partial(of_orders, answers))] * len(answers)
        else:
            values = [
                _value(one.name, answer, partial(one.reward, answer.request, answer.judgement, answer.gold))
                for answer in answers
            ]
        for part, value in zip(parts, values, strict=True):
            part[one.name] = value
    return [AnswerReward(total=_total(mine, part), parts=part) for part in parts]


def _value(name: str, answer: Answer, call: Callable[[], Any]) -> float | None:
    try:
        value = call()
    except HarnessError:
        raise
    except Exception as error:
        raise PluginError(
            f"reward {name} raised {type(error).__name__}: {error} (task {answer.request.task}, item "
            f"{answer.request.item}); fix the reward: an exception is no reward"
        ) from error
    if value is None:
        return None
    if isinstance(value, bool | int | float) and math.isfinite(value):
        return float(value)
    raise PluginError(
        f"reward {name} gave {value!r} (task {answer.request.task}, item {answer.request.item}); it must give a finite "
        "number, or None where it does not apply"
    )


def _total(rewards: Sequence[WeightedReward], parts: Mapping[str, float | None]) -> float | None:
    known = [(one.weight, value) for one in rewards if (value := parts[one.name]) is not None]
    return math.fsum(weight * value for weight, value in known) if known else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """A recipe, ready for its trainer."""

    name: str
    """Name of the recipe."""
    seed: int
    """Seed of everything random."""
    model: str | None
    """Where the weights come from: the absolute path of a folder, or `hub:ORG/NAME[@REVISION]`; `None` where the recipe
    names no model, for a trainer that makes one."""
    tasks: tuple[TrainingTask, ...]
    """What is learnt; at least one."""
    rewards: tuple[WeightedReward, ...]
    """What answers earn; may be empty, for a trainer that learns from examples."""
    folder: Path
    """Where this training keeps its files from attempt to attempt, and nobody else does."""
    log: Callable[[int, Mapping[str, float]], None] = field(repr=False)
    """Records scalars of a step: they go into `curves.jsonl` and to the hook `harness_training_logged`."""

    @property
    def checkpoint(self) -> Path:
        """Where the trained model belongs."""
        return self.folder / "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """What came of a training."""

    steps: int
    """Optimizer steps that were done."""
    selected: int
    """The step whose weights were kept."""
    scores: Mapping[str, float]
    """Scores of the kept weights on the validation splits, such as `safety/macro_f1`."""
    notes: tuple[str, ...] = ()
    """What a reader of the model card should know: early stop, skipped examples, ..."""


@runtime_checkable
class Trainer(Protocol):
    """A way to train a judge."""

    def train(self, training: Training) -> TrainingResult:
        """Train, and leave the model in `training.checkpoint`, a folder that a judge opens.

        An attempt that was interrupted left its state in `training.folder`: go on from there.

        Raises:
            UserError: The recipe cannot be trained: wrong options, a model that does not fit, data that cannot be read.
        """

    def fingerprint(self, training: Training) -> str:
        """Changes whenever what is trained may change (weights it starts from, version of the code). Cheap."""


class ResolvedRecipe(Protocol):
    """A recipe without a mistake."""

    @property
    def hash(self) -> str:
        """Changes whenever what it asks for changes: 12 hexadecimal digits."""

    @property
    def resolved(self) -> Mapping[str, Any]:
        """The recipe as plain data, complete and runnable again."""


class PlannedTraining(Protocol):
    """A recipe whose training is planned: its checkpoint folder is named, and nothing is trained yet."""

    @property
    def name(self) -> str:
        """Name of the recipe."""

    @property
    def folder(self) -> Path:
        """The checkpoint folder."""

    @property
    def model(self) -> Path:
        """Where the trained model is, or will be: an absolute path that a judge opens."""

    @property
    def is_trained(self) -> bool:
        """Whether it is trained already."""

    def train(self) -> None:
        """Train it, or go on where an earlier attempt stopped.

        Raises:
            UserError: It cannot be trained. What was done is kept.
        """
