"""From the path of a manifest or recipe to everything that the plan needs: `load_manifest` and `load_recipe`.

    read + extends  ->  --set  ->  ${...}  ->  plugins and options  ->  typed  ->  resolved

Problems are collected through all steps and raised together, sorted by position.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel

from harness.api import PluginError
from harness.manifest.check import validate
from harness.manifest.entries import Found, FoundRecipe, Resolver
from harness.manifest.interpolate import interpolate
from harness.manifest.merge import load_merged
from harness.manifest.model import JudgeEntry, Manifest, Recipe, RecipeTask, RewardEntry, TaskEntry, TrainerEntry
from harness.manifest.overrides import apply_sets
from harness.manifest.problems import InvalidManifestError, Problems
from harness.manifest.recipes import JudgeResolver, RecipeResolver
from harness.manifest.resolved import (
    answering,
    answering_recipe,
    complete,
    complete_options,
    complete_recipe,
    digest,
    origins_of,
    render,
)
from harness.manifest.shipped import find_shipped, locate

if TYPE_CHECKING:
    from harness.discovery import Offer, Plugins
    from harness.manifest.source import Node

E = TypeVar("E", TaskEntry, JudgeEntry, RecipeTask, RewardEntry, TrainerEntry)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedEntry(Generic[E]):
    """One entry of a manifest or recipe with what it refers to."""

    entry: E
    """As written, with canonical id, absolute paths and its name put in. The name is `None` only where nobody gave one
    and the plan unfolds the entry into several, which have names of their own."""
    offer: Offer
    """The plugin object that `use:` names."""
    options: BaseModel | None
    """Its options, checked; secrets are in their values. `None` where it takes none. With a recipe, their `model` is a
    path at which there is nothing: the plan puts the trained one in."""
    recipe: LoadedRecipe | None = None
    """The recipe that makes a judge's model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedManifest:
    """A manifest without a mistake."""

    path: Path
    """The file, as given; of a shipped one, where it is."""
    manifest: Manifest
    """Typed."""
    tasks: tuple[ResolvedEntry[TaskEntry], ...]
    """The tasks in order."""
    judges: tuple[ResolvedEntry[JudgeEntry], ...]
    """The judges in order."""
    resolved: dict[str, Any]
    """Plain data, complete and runnable again: variables put in, paths absolute, recipes in the place of their paths,
    `${env:...}` kept."""
    hash: str
    """Of `resolved` without options that are `Operational`: 12 hexadecimal digits."""
    origins: Mapping[str, str]
    """Dotted path of each leaf of `resolved` to `file:line:column`, `--set path=value` or `default`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedRecipe:
    """A recipe without a mistake."""

    path: Path
    """The file, as given; for a recipe written in place, the file that it stands in."""
    recipe: Recipe
    """Typed."""
    tasks: tuple[ResolvedEntry[RecipeTask], ...]
    """The tasks in order."""
    rewards: tuple[ResolvedEntry[RewardEntry], ...]
    """The rewards in order."""
    trainer: ResolvedEntry[TrainerEntry]
    """The trainer."""
    start: LoadedRecipe | None
    """The recipe that it starts from."""
    resolved: dict[str, Any]
    """Plain data, complete and runnable again, as that of a manifest."""
    hash: str
    """Of `resolved` without the description and options that are `Operational`: 12 hexadecimal digits."""
    origins: Mapping[str, str]
    """Dotted path of each leaf of `resolved` to `file:line:column`, `--set path=value` or `default`."""


def load_manifest(path: Path, *, sets: Sequence[str] = (), plugins: Plugins | None) -> LoadedManifest:
    """Read, merge, override, interpolate and check a manifest, with the recipes that its judges name.

    Args:
        path: A YAML file, or the name of one that a plugin ships; messages call it by its path. Relative paths in it
            are relative to its folder.
        sets: `--set` arguments, `path.to.key=value`; relative paths in them are relative to the working directory.
        plugins: The installed plugins; `None` loads them.

    Raises:
        ManifestError: With every problem and its position, as `InvalidManifestError`.
    """
    plugins = _loaded(plugins)
    problems = Problems()
    path = locate(path, plugins)
    root, secrets = _read(path, sets, problems, plugins)
    _refuse_other(root, problems, key="trainer", unless="judges", message="this is a recipe: `harness train` it")
    recipes = RecipeResolver(plugins, problems)
    root, tasks = Resolver("task", plugins, problems).section(root, "tasks", "")
    root, judges = JudgeResolver(plugins, problems, recipes).section(root, "judges", "")
    metric = (root.child("report") or root).child("metric")
    if metric is not None:
        Resolver("task", plugins, problems).check_metric(metric, "report.metric")
    manifest = validate(Manifest, root, "", problems)
    problems.scrub([*secrets, *recipes.secrets])
    problems.raise_if_any()
    assert manifest is not None
    resolved = complete(root.data(stored=True), manifest)
    complete_options(resolved["tasks"], tasks)
    complete_options(resolved["judges"], judges)
    origins = origins_of(resolved, root)
    kept = {
        **resolved,
        "tasks": answering(resolved["tasks"], tasks),
        "judges": answering(resolved["judges"], judges),
    }
    return LoadedManifest(
        path=path,
        manifest=manifest,
        tasks=_joined(manifest.tasks, tasks),
        judges=tuple(
            _judge(entry, one, plain, _beneath(origins, f"judges.{number}.train."))
            for number, (entry, one, plain) in enumerate(zip(manifest.judges, judges, resolved["judges"], strict=True))
        ),
        resolved=resolved,
        hash=digest(kept),
        origins=origins,
    )


def load_recipe(path: Path, *, sets: Sequence[str] = (), plugins: Plugins | None) -> LoadedRecipe:
    """Read, merge, override, interpolate and check a recipe, with the recipe that it starts from.

    Args:
        path: A YAML file, or the name of one that a plugin ships; messages call it by its path. Relative paths in it
            are relative to its folder.
        sets: `--set` arguments, `path.to.key=value`; relative paths in them are relative to the working directory.
        plugins: The installed plugins; `None` loads them.

    Raises:
        ManifestError: With every problem and its position, as `InvalidManifestError`.
    """
    plugins = _loaded(plugins)
    problems = Problems()
    path = locate(path, plugins)
    root, secrets = _read(path, sets, problems, plugins)
    _refuse_other(root, problems, key="judges", unless="trainer", message="this is a manifest: `harness run` it")
    recipes = RecipeResolver(plugins, problems)
    root, found = recipes.resolve(root, "", ((os.path.realpath(path), str(path)),))
    recipe = validate(Recipe, root, "", problems)
    problems.scrub([*secrets, *recipes.secrets])
    problems.raise_if_any()
    assert recipe is not None
    resolved = complete(root.data(stored=True), recipe)
    complete_recipe(resolved, found)
    return _recipe(recipe, found, resolved, origins_of(resolved, root))


def is_recipe(path: Path, *, plugins: Plugins | None = None) -> bool:
    """Whether a file is a recipe and no manifest: it has `trainer:` at its top. Of a file that cannot be read: no."""
    plugins = _loaded(plugins)
    find = partial(find_shipped, plugins=plugins)
    try:
        return load_merged(locate(path, plugins), Problems(), find_shipped=find).child("trainer") is not None
    except (InvalidManifestError, PluginError):
        return False


def render_resolved(loaded: LoadedManifest | LoadedRecipe, *, origins: bool) -> str:
    """What is resolved as YAML, with `origins` where each value came from as a comment behind it."""
    return render(loaded.resolved, loaded.origins if origins else None)


def _loaded(plugins: Plugins | None) -> Plugins:
    if plugins is not None:
        return plugins
    from harness.discovery import Plugins

    return Plugins.load()


def _read(path: Path, sets: Sequence[str], problems: Problems, plugins: Plugins) -> tuple[Node, list[tuple[str, str]]]:
    """A file with everything put in that does not depend on plugins; and the environment variables that it used."""
    root = apply_sets(load_merged(path, problems, find_shipped=partial(find_shipped, plugins=plugins)), sets, problems)
    return interpolate(root, problems)


def _refuse_other(root: Node, problems: Problems, *, key: str, unless: str, message: str) -> None:
    """A file of the other kind is said to be one, on top of what it lacks for this one."""
    child = root.child(key)
    if child is not None and root.child(unless) is None:
        problems.add(child.key or child.origin, key, message)


def _judge(
    entry: JudgeEntry, found: Found | None, resolved: dict[str, Any], origins: Mapping[str, str]
) -> ResolvedEntry[JudgeEntry]:
    assert found is not None
    recipe = None
    if entry.train is not None:
        assert found.recipe is not None
        recipe = _recipe(entry.train, found.recipe, resolved["train"], origins)
    return ResolvedEntry(entry=entry, offer=found.offer, options=found.options, recipe=recipe)


def _recipe(recipe: Recipe, found: FoundRecipe, resolved: dict[str, Any], origins: Mapping[str, str]) -> LoadedRecipe:
    start = None
    if recipe.train is not None:
        assert found.start is not None
        start = _recipe(recipe.train, found.start, resolved["train"], _beneath(origins, "train."))
    return LoadedRecipe(
        path=Path(found.label),
        recipe=recipe,
        tasks=_joined(recipe.tasks, found.tasks),
        rewards=_joined(recipe.rewards, found.rewards),
        trainer=_joined([recipe.trainer], [found.trainer])[0],
        start=start,
        resolved=resolved,
        hash=digest(answering_recipe(resolved, found)),
        origins=origins,
    )


def _beneath(origins: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {path.removeprefix(prefix): origin for path, origin in origins.items() if path.startswith(prefix)}


def _joined(entries: Sequence[E], found: Sequence[Found | None]) -> tuple[ResolvedEntry[E], ...]:
    joined: list[ResolvedEntry[E]] = []
    for entry, one in zip(entries, found, strict=True):
        assert one is not None
        joined.append(ResolvedEntry(entry=entry, offer=one.offer, options=one.options))
    return tuple(joined)
