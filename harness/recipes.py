"""Judges with a recipe: which of them have to be trained first, and giving them what their recipes made.

Not for training itself: which plugin trains a recipe, the hook `harness_training_planned` tells.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from harness.api import PlannedTraining, PluginError, UserError
from harness.manifest.entries import MODEL
from harness.runner.plan import at
from harness.runner.planned import Plan

if TYPE_CHECKING:
    from harness.discovery import Plugins
    from harness.manifest.load import LoadedManifest, LoadedRecipe, ResolvedEntry
    from harness.manifest.model import JudgeEntry


def plan_trainings(
    plan: Plan, plugins: Plugins, *, checkpoints: Path, say: Callable[[str], None]
) -> dict[str, PlannedTraining]:
    """The trainings that judges of a plan wait for, by the name of the judge. Those of equal recipes are one.

    Raises:
        UserError: A recipe cannot be planned.
    """
    by_hash: dict[str, PlannedTraining] = {}
    trainings: dict[str, PlannedTraining] = {}
    for judge in plan.judges:
        if judge.needs_training and judge.recipe is not None:
            key = judge.recipe.hash
            # Two judges of one recipe are trained once, and share the model.
            if key not in by_hash:
                by_hash[key] = _plan_training(judge.recipe, plugins, checkpoints=checkpoints, say=say)
            trainings[judge.name] = by_hash[key]
    return trainings


def _plan_training(
    recipe: LoadedRecipe, plugins: Plugins, *, checkpoints: Path, say: Callable[[str], None]
) -> PlannedTraining:
    planned: PlannedTraining | None = plugins.ask(
        "harness_training_planned", PlannedTraining, recipe=recipe, plugins=plugins, checkpoints=checkpoints, say=say
    )
    if planned is None:
        raise PluginError(f"recipe {recipe.recipe.name}: no plugin trains it; is `harness` blocked by --no-plugin?")
    return planned


def train_judges(
    plan: Plan, loaded: LoadedManifest, plugins: Plugins, *, checkpoints: Path, say: Callable[[str], None]
) -> None:
    """Train the recipes that are not trained yet, and make the judges that they are for.

    Raises:
        UserError: A recipe cannot be trained, or a judge refuses its model.
    """
    # All of them are planned before the first is trained: a mistake in the last costs no hours of training.
    trainings = plan_trainings(plan, plugins, checkpoints=checkpoints, say=say)
    for judge, training in trainings.items():
        if not training.is_trained:
            say(f"judge {judge}: its recipe {training.name} is trained first")
            training.train()
    give_models(plan, loaded, {judge: training.model for judge, training in trainings.items()})


def give_models(plan: Plan, loaded: LoadedManifest, models: Mapping[str, Path]) -> None:
    """Give judges the models that their recipes made, and make them.

    Args:
        plan: Its judges are replaced.
        loaded: What it was built from.
        models: By the name of the judge: the absolute path of the model.

    Raises:
        UserError: A judge refuses its model.
    """
    for number, resolved in enumerate(loaded.judges):
        place = next((k for k, judge in enumerate(plan.judges) if judge.name == resolved.entry.name), None)
        model = models.get(str(resolved.entry.name))
        # An entry that unfolds into several judges has other names in the plan. One without a recipe gets no model.
        if place is None or model is None:
            continue
        with at(loaded, f"judges.{number}"):
            options = _set_model(resolved, model)
            plan.judges[place] = replace(plan.judges[place], options=options, model=model)
            # Made now, while the error can still name the line of the manifest.
            _ = plan.judges[place].judge


def _set_model(resolved: ResolvedEntry[JudgeEntry], model: Path) -> BaseModel:
    assert resolved.options is not None
    # Checked as the manifest was, from JSON and strictly: the options of the plan had a path that was not there yet.
    given = json.dumps({**resolved.entry.with_, MODEL: str(model)})
    try:
        return type(resolved.options).model_validate_json(given, strict=True)
    except ValidationError as error:
        raise UserError(f"judge {resolved.entry.name} refuses the model {model}: {error}") from error
