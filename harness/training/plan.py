"""A recipe, planned: its tasks, rewards and trainer are made and its checkpoint folder is named. Trains nothing."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api import HarnessError, PluginError, Reward, Trainer, Training, TrainingTask, UserError, WeightedReward
from harness.manifest.resolved import digest
from harness.readiness import check_metrics
from harness.runner.context import PlanContext, context_of, plan_task
from harness.runner.folder import write_atomically
from harness.runner.plan import at, refuse_twice, thinking_of, unfold_entry
from harness.runner.planned import Plan, PlannedTask, check_contract
from harness.training.examples import Examples
from harness.training.folder import TRACEBACK, is_done

if TYPE_CHECKING:
    from pydantic import BaseModel

    from harness.discovery import Offer, Plugins
    from harness.manifest.load import LoadedRecipe


@dataclass(frozen=True, kw_only=True)
class PlannedRecipe:
    """A recipe, ready to train."""

    loaded: LoadedRecipe
    """Where it comes from."""
    tasks: tuple[PlannedTask, ...]
    """Its tasks. `split` is the one to learn from."""
    training: Training
    """What its trainer is given, without the model of `start`."""
    trainer: Trainer
    """The plugin's trainer."""
    start: PlannedRecipe | None
    """The recipe that it starts from."""
    hash: str
    """Changes whenever what is trained may change: 12 hexadecimal digits."""
    folder: Path
    """The checkpoint folder, below the given `checkpoints`."""

    @property
    def name(self) -> str:
        """Name of the recipe."""
        return self.loaded.recipe.name

    @property
    def offer(self) -> Offer:
        """Where the trainer comes from."""
        return self.loaded.trainer.offer

    @property
    def model(self) -> Path:
        """Where the trained model is, absolute."""
        return self.training.checkpoint

    @property
    def is_trained(self) -> bool:
        """Whether it is trained already."""
        return is_done(self.folder)

    @property
    def golds_lacking(self) -> tuple[str, ...]:
        """Which classes were the gold of no item so far, in words."""
        return tuple(
            f"task {task.name}, {split}: {found}"
            for task in self.training.tasks
            if isinstance(task.examples, Examples)
            for split, found in task.examples.lacking.items()
        )

    @property
    def items_not_shown(self) -> dict[str, int]:
        """Number of items that could not be shown so far, by `task/split`."""
        return {
            f"{task.name}/{split}": len(items)
            for task in self.training.tasks
            if isinstance(task.examples, Examples)
            for split, items in task.examples.skipped.items()
            if items
        }


def plan_recipe(
    loaded: LoadedRecipe, plugins: Plugins, *, checkpoints: Path, say: Callable[[str], None]
) -> PlannedRecipe:
    """Make every task, the rewards and the trainer of a recipe, and of those that it starts from.

    Args:
        loaded: The recipe.
        plugins: The installed plugins.
        checkpoints: The folder of checkpoint folders.
        say: Takes warnings while examples are streamed, one line each.

    Raises:
        UserError: A plugin object cannot be made, or breaks its contract.
    """
    check_metrics(loaded, plugins)
    recipe, offer = loaded.recipe, loaded.trainer.offer
    start = None if loaded.start is None else plan_recipe(loaded.start, plugins, checkpoints=checkpoints, say=say)
    plan = Plan(seed=recipe.seed, plugins=plugins, workspace=checkpoints / ".workspace")
    tasks = _tasks(loaded, plan, say)
    rewards = _rewards(loaded, plan)
    training = Training(
        name=recipe.name,
        seed=recipe.seed,
        model=recipe.model,
        tasks=tasks,
        rewards=rewards,
        folder=(checkpoints / recipe.name).absolute(),  # without the hash, which the fingerprint below decides
        log=lambda step, metrics: None,  # the session puts in its own when it trains
    )
    with at(loaded, "trainer"):
        context = context_of(plan, offer, name=recipe.name)
        trainer = offer.create(loaded.trainer.options, context, model=loaded.first_model)
        check_contract("trainer", offer.id, trainer, Trainer)
        fingerprint = call(offer, "fingerprint", trainer.fingerprint, training)
        if not isinstance(fingerprint, str):
            raise PluginError(f"trainer {offer.id}: its fingerprint is {fingerprint!r}; give a text")
    # All that decides what is trained. The hash of the recipe alone would miss data that changed under their path.
    identity: dict[str, Any] = {
        "recipe": loaded.hash,
        "tasks": [task.fingerprint for task in plan.tasks],
        "trainer": fingerprint,
        "start": None if start is None else start.hash,
    }
    if any(task.limit is not None for task in plan.tasks):
        identity["limit"] = "sample"  # earlier versions took the first items
    name = f"{recipe.name}-{digest(identity)}"
    return PlannedRecipe(
        loaded=loaded,
        tasks=tuple(plan.tasks),
        training=replace(training, folder=(checkpoints / name).absolute()),
        trainer=trainer,
        start=start,
        hash=digest(identity),
        folder=checkpoints / name,
    )


def call(offer: Offer, what: str, function: Callable[[Training], Any], training: Training) -> Any:
    """Call a trainer. All that it did not raise on purpose becomes an error that names it.

    Raises:
        PluginError: It failed; where is in `traceback.txt`, once there is a checkpoint folder.
    """
    try:
        return function(training)
    except HarnessError:
        raise
    except Exception as error:
        place = training.folder / TRACEBACK
        where = ""
        if training.folder.is_dir():
            write_atomically(place, traceback.format_exc())
            where = f"; where is in {place}"
        raise PluginError(
            f"trainer {offer.id} ({offer.distribution} {offer.version}): {what} raised {type(error).__name__}: "
            f"{error}{where}"
        ) from error


def _tasks(loaded: LoadedRecipe, plan: Plan, say: Callable[[str], None]) -> tuple[TrainingTask, ...]:
    tasks: list[TrainingTask] = []
    thinking = thinking_of(loaded.recipe.reasoning)
    for number, resolved in enumerate(loaded.tasks):
        entry = resolved.entry
        if entry.validation == entry.train:
            say(f"warning: task {entry.name}: its weights are selected on {entry.train}, which it learns from as well")
        with at(loaded, f"tasks.{number}"):
            for name, options in unfold_entry(plan, resolved.offer, entry.name, entry.data, resolved.options):
                refuse_twice("task", name, plan.tasks)
                planned = plan_task(
                    plan,
                    resolved.offer,
                    name=name,
                    options=options,
                    data=entry.data,
                    split=entry.train,
                    limit=entry.limit,
                    format_name=entry.format,
                    overrides=entry.protocol,
                )
                # Samples are for votes. A trainer asks as often as it likes by itself.
                planned = replace(planned, protocol=replace(planned.protocol, samples=1))
                plan.tasks.append(planned)
                splits = (entry.train,) if entry.validation is None else (entry.train, entry.validation)
                examples = Examples(planned, splits=splits, thinking=thinking, say=say)
                tasks.append(
                    TrainingTask(
                        name=name,
                        id=planned.id,
                        train=entry.train,
                        validation=entry.validation,
                        examples=examples,
                        sample=examples.sample,
                        weight=entry.weight,
                    )
                )
    return tuple(tasks)


def _rewards(loaded: LoadedRecipe, plan: Plan) -> tuple[WeightedReward, ...]:
    rewards: list[WeightedReward] = []
    for number, resolved in enumerate(loaded.rewards):
        entry, offer = resolved.entry, resolved.offer
        with at(loaded, f"rewards.{number}"):
            # The manifest's check could not know the names of entries that the plan unfolds.
            known = [task.name for task in plan.tasks]
            for task in entry.tasks or ():
                if task not in known:
                    raise UserError(f"the recipe has no task {task!r}; it has {', '.join(known)}")
            for name, options in unfold_entry(plan, offer, entry.name, None, resolved.options):
                refuse_twice("reward", name, rewards)
                rewards.append(
                    WeightedReward(
                        name=name,
                        reward=_reward(offer, options, context_of(plan, offer, name=name)),
                        weight=entry.weight,
                        tasks=None if entry.tasks is None else frozenset(entry.tasks),
                        capabilities=offer.card.capabilities,
                    )
                )
    return tuple(rewards)


def _reward(offer: Offer, options: BaseModel | None, context: PlanContext) -> Reward:
    made = offer.create(options, context)
    # A class is callable and would pass as a reward, but its factory forgot to make an object of it.
    if isinstance(made, type) or not isinstance(made, Reward):
        raise PluginError(f"reward {offer.id}: its factory returned {made!r}, which cannot be called")
    return made
