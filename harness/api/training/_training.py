"""Records of training: the input and the result of a trainer, and the rewards of an answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from harness.api._contracts import Example
from harness.api._errors import HarnessError, PluginError
from harness.api._records import Item, Judgement, Status
from harness.api._requests import Request
from harness.api.spaces._kinds import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer with its gold, for rewards that look at several answers at once."""

    request: Request
    """The request."""
    judgement: Judgement
    """The answer to the request."""
    gold: Verdict
    """The right answer in *shown* places."""
    item: Item
    """The item of the request. Its tags may hold the reasoning that is asked for."""


@runtime_checkable
class Reward(Protocol):
    """A reward for training.

    It takes the judgement that `request.read` made of the answer, as evaluation does. It does not read the text by
    rules of its own, so a verdict means the same in both. It never compares an answer without a verdict with the gold.

    One with `of_orders` (`harness.api.optional.RewardsOrders`) looks at the answers to both orders of an item at once,
    and one with `of_step` (`harness.api.optional.RewardsSteps`) at all answers to a task that were written together.

    The card names the capability `probabilities` where a reward reads `Judgement.probabilities`, `orders` where it has
    `of_orders`, and `steps` where it has `of_step`. A trainer knows from this what it must provide.
    """

    def __call__(self, request: Request, judgement: Judgement, gold: Verdict) -> float | None:
        """The reward of one answer; `None` where it does not apply to this task or answer.

        Args:
            request: What the judge was shown.
            judgement: What it answered. Status `error` is a failure of the machine and not of the policy.
            gold: The right answer in *shown* places.

        Raises:
            UserError: The reward needs a field that the answer does not have. Any exception ends the training. It is
                never turned into a reward.
        """


@runtime_checkable
class RewardsOrders(Protocol):
    """A reward of the answers to both orders of an item at once. A trainer then shows each item in both."""

    def of_orders(self, answers: Sequence[Answer]) -> float | None:
        """The reward of each of the answers that share a sample number, in place of that of `__call__`.

        It has one answer for each order. `None` where it does not apply.
        """


@runtime_checkable
class RewardsSteps(Protocol):
    """A reward that compares answers to different items, or looks at the item itself."""

    def of_step(self, answers: Sequence[Answer]) -> Sequence[float | None]:
        """The reward of each answer, in place of that of `__call__`.

        It has the answers to one task that a trainer wrote together: those to an item follow one another. None of them
        is a failure of the machine. The value is `None` where it does not apply.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingTask:
    """A task to learn."""

    name: str
    """Name in the recipe, and the first half of the names of its curves."""
    id: str
    """Canonical id."""
    train: str
    """Name of the split to learn from."""
    validation: str | None
    """Name of the split to select on. `None` where the task has none."""
    examples: Callable[[str], Iterator[Example]] = field(repr=False)
    """Streams a split, rendered as the task's protocol says. An item with candidates comes once for each order."""
    sample: Callable[[str, int], Iterator[Example]] | None = field(default=None, repr=False)
    """Streams at most so many items of a split, those of `sample_items`, without opening pictures of the others."""
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
    """Factor of its value. A negative one turns a reward into a penalty."""
    tasks: frozenset[str] | None = None
    """Names of the tasks that it is for. `None` for all."""
    capabilities: frozenset[str] = frozenset()
    """Capabilities of its card: `probabilities`, `orders`, `steps`."""

    def serves(self, task: str) -> bool:
        """Whether the recipe wants it for a task."""
        return self.tasks is None or task in self.tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerReward:
    """The rewards of one answer."""

    total: float | None
    """Sum of weight times value over the rewards that apply. `None` where none does, or where the machine failed."""
    parts: Mapping[str, float | None]
    """Value of each reward, not yet weighted. `None` where it does not apply."""


def compute_rewards(
    rewards: Sequence[WeightedReward], task: str, units: Sequence[Sequence[Answer]]
) -> list[list[AnswerReward]]:
    """Compute the rewards of the answers to a task that were written together.

    Weighted rewards are added up, and none gates another. With `accuracy` of weight 1 - alpha and `format` of weight
    alpha it is the reward of MT-RL-Judge (arXiv 2603.11665).

    >>> from harness.api import Answer, Choice, Item, Judgement, Message, Request
    >>> from harness.formats.label import LabelFormat
    >>> item = Item(id="1", group="1", space=Choice(("yes", "no")), gold="yes", question=("Sharp?",))
    >>> request = Request(
    ...     task="sharp", item=item.id, messages=(Message("user", item.question),), space=item.space,
    ...     format=LabelFormat(),
    ... )
    >>> answer = Answer(request=request, judgement=request.read("yes"), gold="yes", item=item)
    >>> is_right = lambda request, judgement, gold: judgement.verdict == gold
    >>> right = WeightedReward(name="right", reward=is_right, weight=0.9)
    >>> compute_rewards([right], "sharp", [[answer]])
    [[AnswerReward(total=0.9, parts={'right': 1.0})]]

    Args:
        rewards: The rewards of the recipe.
        task: Name of the task in the recipe.
        units: The answers to an item that share a sample number, one for each order shown. A task without orders has
            units of one answer. Units of an item follow one another.

    Returns:
        The reward of each answer of each unit, in the same order.

    Raises:
        PluginError: A reward raised, or gave a value that is no finite number. Neither is turned into a reward.
    """
    applicable = [reward for reward in rewards if reward.serves(task)]
    parts: list[list[dict[str, float | None]]] = [[{} for _ in unit] for unit in units]
    # With one answer of a unit lost, `of_orders` would compare the others with an answer that was never given.
    lost = [any(answer.judgement.status is Status.ERROR for answer in unit) for unit in units]
    whole = [unit for unit, failed in zip(units, lost, strict=True) if not failed]
    for weighted in applicable:
        values = iter(_compute_values(weighted, whole))
        for found, failed in zip(parts, lost, strict=True):
            for part in found:
                part[weighted.name] = None if failed else next(values)
    return [[AnswerReward(total=_compute_total(applicable, part), parts=part) for part in found] for found in parts]


def _compute_values(weighted: WeightedReward, units: Sequence[Sequence[Answer]]) -> list[float | None]:
    """Values of one reward for all answers of some units, unit after unit."""
    name, reward = weighted.name, weighted.reward
    of_orders, of_step = getattr(reward, "of_orders", None), getattr(reward, "of_step", None)
    if of_step is not None:
        answers = [answer for unit in units for answer in unit]
        return _compute_step(name, of_step, answers) if answers else []
    values: list[float | None] = []
    for unit in units:
        if of_orders is not None and len(unit) > 1:
            values += [_compute_value(name, unit[0], partial(of_orders, unit))] * len(unit)
        else:
            values += [
                _compute_value(name, answer, partial(reward, answer.request, answer.judgement, answer.gold))
                for answer in unit
            ]
    return values


def _compute_step(
    name: str, of_step: Callable[[Sequence[Answer]], Sequence[Any]], answers: Sequence[Answer]
) -> list[float | None]:
    values = _call(name, answers[0], partial(of_step, answers))
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) != len(answers):
        raise PluginError(f"reward {name} gave {values!r} for {len(answers)} answers; `of_step` must give one for each")
    return [_check_value(name, answer, value) for answer, value in zip(answers, values, strict=True)]


def _compute_value(name: str, answer: Answer, call: Callable[[], Any]) -> float | None:
    return _check_value(name, answer, _call(name, answer, call))


def _call(name: str, answer: Answer, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except HarnessError:
        raise
    except Exception as error:
        raise PluginError(
            f"reward {name} raised {type(error).__name__}: {error} (task {answer.request.task}, item "
            f"{answer.request.item}); fix the reward: an exception is no reward"
        ) from error


def _check_value(name: str, answer: Answer, value: Any) -> float | None:
    if value is None:  # the reward does not apply, which is not the same as 0
        return None
    if isinstance(value, bool | int | float) and math.isfinite(value):
        return float(value)
    raise PluginError(
        f"reward {name} gave {value!r} (task {answer.request.task}, item {answer.request.item}); it must give a finite "
        "number, or None where it does not apply"
    )


def _compute_total(rewards: Sequence[WeightedReward], parts: Mapping[str, float | None]) -> float | None:
    known = [(reward.weight, value) for reward in rewards if (value := parts[reward.name]) is not None]
    # fsum: equal answers have equal totals, and no last bit looks like an advantage.
    return math.fsum(weight * value for weight, value in known) if known else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """A recipe, ready for its trainer."""

    name: str
    """Name of the recipe."""
    seed: int
    """Seed of everything random."""
    model: str | None
    """Source of the weights: the absolute path of a folder, or `hub:ORG/NAME[@REVISION]`. `None` where the recipe names
    no model, for a trainer that makes one."""
    tasks: tuple[TrainingTask, ...]
    """The tasks to learn. At least one."""
    rewards: tuple[WeightedReward, ...]
    """The rewards of answers. Empty for a trainer that learns from examples."""
    folder: Path
    """The folder of this training alone. It keeps its files there from attempt to attempt."""
    log: Callable[[int, Mapping[str, float]], None] = field(repr=False)
    """Records scalars of a step. They go into `curves.jsonl` and to the hook `harness_training_logged`."""

    @property
    def checkpoint(self) -> Path:
        """Folder of the trained model."""
        return self.folder / "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """The result of a training."""

    steps: int
    """Number of optimizer steps."""
    selected: int
    """The step whose weights were kept."""
    scores: Mapping[str, float]
    """Scores of the kept weights on the validation splits, such as `safety/macro_f1`."""
    notes: tuple[str, ...] = ()
    """Notes for the model card: early stop, skipped examples, ..."""

    def __post_init__(self) -> None:
        # Here and not in the session: the training is done by then, and its record must not fail or say nonsense.
        for name in ("steps", "selected"):
            if not isinstance(getattr(self, name), Integral):
                raise TypeError(f"{name} of a TrainingResult is {getattr(self, name)!r}; give a whole number")
        if not isinstance(self.scores, Mapping):
            raise TypeError(f"scores of a TrainingResult is {self.scores!r}; give numbers by name")
        for key, value in self.scores.items():
            if not isinstance(key, str) or not isinstance(value, Real):
                raise TypeError(f"the score {key!r} of a TrainingResult is {value!r}; give a number by name")
        if not isinstance(self.notes, tuple | list) or not all(isinstance(note, str) for note in self.notes):
            raise TypeError(f"notes of a TrainingResult is {self.notes!r}; give a tuple of texts")


@runtime_checkable
class Trainer(Protocol):
    """A way to train a judge."""

    def train(self, training: Training) -> TrainingResult:
        """Train, and leave the model in `training.checkpoint`, a folder that a judge opens.

        An interrupted attempt left its state in `training.folder`. Go on from there.

        Raises:
            UserError: The recipe cannot be trained: wrong options, a model that does not fit, data that cannot be read.
        """

    def fingerprint(self, training: Training) -> str:
        """A text that changes whenever the result may change (initial weights, version of the code). Cheap."""


@runtime_checkable
class PlansMemory(Protocol):
    """A trainer that says how much memory a training would take. `harness train --dry-run` asks it."""

    def plan_memory(self, training: Training, *, devices: int) -> Mapping[str, Mapping[str, int]]:
        """Bytes of each part on the device that needs most, by phase. It opens no weights.

        What is in the phase `always` is there in each of the others too. `host` is memory of the machine, not of a
        device.

        Args:
            training: The recipe.
            devices: Number of devices that train together.

        Raises:
            UserError: It does not train on so many devices, or cannot say.
        """
