"""The examples of a task as units to draw: an item, once for each order it is shown in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from harness.api import Example, Training, TrainingTask, UserError, sample_items
from harness_grpo.progress import Phase


@dataclass(frozen=True, slots=True)
class Unit:
    """One item, as it is drawn for a batch."""

    task: str
    """Name in the recipe."""
    examples: tuple[Example, ...]
    """One item. Several where it is shown in several orders."""


def units_of(
    task: TrainingTask, split: str, *, limit: int | None = None, phase: Phase | None = None, before: int = 0
) -> list[Unit]:
    """A split as units, or a sample of its items; see `harness.api.sample_items`.

    Args:
        task: The task.
        split: Of it.
        limit: Most items.
        phase: Is told how many items were read.
        before: Items that were read for other tasks.

    Raises:
        UserError: There is no item in it.
    """
    if limit is None:
        examples = task.examples(split)
    elif task.sample is not None:
        examples = task.sample(split, limit)
    else:
        items = {example.item.id: example.item for example in task.examples(split)}
        chosen = sample_items(items.values(), limit=limit)
        examples = (example for example in task.examples(split) if example.item.id in chosen)
    # groupby is enough: the orders of an item stand next to each other.
    units: list[Unit] = []
    for _, mine in groupby(examples, key=lambda example: example.item.id):
        units.append(Unit(task.name, tuple(mine)))
        if phase is not None:
            phase.advance(before + len(units))
    if not units:
        raise UserError(f"task {task.name}: split {split} has no item that can be read; check its data")
    return units


def target_of(example: Example, rationale: str | None) -> str:
    """The target of SFT: the gold verdict as the format writes it, after reasoning or alone.

    Args:
        example: What is asked, with its gold.
        rationale: Tag of items that holds the reasoning; `None` for the verdict alone.

    Raises:
        UserError: The item has no such tag.
    """
    request, reasoning = example.request, ""
    if rationale is not None:
        reasoning = str(example.item.tags.get(rationale, ""))
        if not reasoning:
            raise UserError(
                f"task {request.task}, item {request.item}: has no tag {rationale!r} to take the reasoning from; leave "
                "out rationale:, or train on tasks that have it"
            )
    return request.format.write(example.gold, request.space, reasoning)


def check_orders(training: Training, units: Sequence[Sequence[Unit]]) -> None:
    """See that a reward which compares orders has orders to compare.

    Raises:
        UserError: No item of the tasks that it serves is shown in two orders.
    """
    # Checked before any step: such a reward would otherwise apply to no answer.
    several = {units_[0].task for units_ in units if any(len(unit.examples) > 1 for unit in units_)}
    for reward in training.rewards:
        if "orders" in reward.capabilities and not any(reward.serves(task) for task in several):
            raise UserError(
                f"reward {reward.name}: compares the two orders of a pair, and no task of the recipe that it is for "
                "shows both; add a pairwise task with protocol: {order: both}, or remove the reward"
            )
