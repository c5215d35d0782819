"""Judges with a recipe: which of them have to be trained first, and giving them what their recipes made."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from harness.api import UserError
from harness.manifest.entries import MODEL
from harness.run.plan import at
from harness.run.planned import Plan
from harness.train.plan import PlannedRecipe, plan_recipe
from harness.train.session import train

if TYPE_CHECKING:
    from harness.discovery import Plugins
    from harness.manifest.load import LoadedManifest, ResolvedEntry
    from harness.manifest.model import JudgeEntry


def plan_recipes(
    plan: Plan, plugins: Plugins, *, checkpoints: Path, say: Callable[[str], None]
) -> dict[str, PlannedRecipe]:
    """The recipes of a plan's judges, by the name of the judge. Those of equal judges are one.

    Raises:
        UserError: A recipe cannot be planned.
    """
    by_hash: dict[str, PlannedRecipe] = {}
    recipes: dict[str, PlannedRecipe] = {}
    for judge in plan.judges:
        if judge.recipe is not None:
            key = judge.recipe.hash
            if key not in by_hash:  # two judges of one recipe share its model
                by_hash[key] = plan_recipe(judge.recipe, plugins, checkpoints=checkpoints, say=say)
            recipes[judge.name] = by_hash[key]
    return recipes


def train_judges(
    plan: Plan, loaded: LoadedManifest, plugins: Plugins, *, checkpoints: Path, say: Callable[[str], None]
) -> None:
    """Train the recipes that are not trained yet, and make the judges that they are for.

    Raises:
        UserError: A recipe cannot be trained, or a judge refuses its model.
    """
    recipes = plan_recipes(plan, plugins, checkpoints=checkpoints, say=say)
    for judge, recipe in recipes.items():
        if not recipe.is_trained:
            say(f"judge {judge}: its recipe {recipe.name} is trained first")
            train(recipe, plugins, say=say)
    give_models(plan, loaded, {judge: recipe.model for judge, recipe in recipes.items()})


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
        if place is None or model is None:
            continue
        with at(loaded, f"judges.{number}"):
            options = _with_model(resolved, model)
            plan.judges[place] = replace(plan.judges[place], options=options, model=model)
            _ = plan.judges[place].judge


def _with_model(resolved: ResolvedEntry[JudgeEntry], model: Path) -> BaseModel:
    assert resolved.options is not None
    # Checked as the manifest was, from JSON and strictly: the options of the plan had a path that was not there yet.
    given = json.dumps({**resolved.entry.with_, MODEL: str(model)})
    try:
        return type(resolved.options).model_validate_json(given, strict=True)
    except ValidationError as error:
        raise UserError(f"judge {resolved.entry.name} refuses the model {model}: {error}") from error
