"""From the path of a manifest or recipe to everything that the plan needs: `load_manifest` and `load_recipe`.

    read + extends  ->  --set  ->  ${...}  ->  plugins and options  ->  typed  ->  resolved

Both go through these steps by the same code. Problems are collected through all steps and raised together, sorted by
position.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from harness.api import PluginError
from harness.discovery import Offer, Plugins
from harness.libraries.config import join, load_merged, origins_of, validate
from harness.manifest.documents import DocumentResolver
from harness.manifest.entries import absolute_metrics
from harness.manifest.model import Entry, JudgeEntry, Manifest, Recipe, RecipeTask, RewardEntry, TaskEntry, TrainerEntry
from harness.manifest.problems import InvalidManifestError, ManifestProblems
from harness.manifest.resolved import digest, drop_operational, fill_defaults
from harness.manifest.shipped import find_shipped, locate

D = TypeVar("D", Manifest, Recipe)
E = TypeVar("E", bound=Entry)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedEntry(Generic[E]):
    """One entry of a manifest or recipe with what it refers to."""

    entry: E
    """As written, with canonical id, absolute paths and its name put in. The name is `None` only where the file gives
    none and the plan unfolds the entry into several, which have names of their own."""
    offer: Offer
    """The plugin object that `use:` names."""
    options: BaseModel | None
    """Its options, checked. Secrets are in their values. `None` where it takes none. With a recipe, their `model` is a
    path at which there is nothing: the plan puts the trained one in."""
    recipe: LoadedRecipe | None = None
    """The recipe that makes a judge's model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A manifest or recipe without a mistake."""

    path: Path
    """The file, as given; of a shipped one, where it is. For a recipe in place, the file that it stands in."""
    content: dict[str, Any]
    """Plain data, complete and runnable again: variables put in, paths absolute, recipes in the place of their paths,
    `${env:...}` kept."""
    hash: str
    """Of `content` without options that are `Operational`, and of a recipe without its description: 12 hexadecimal
    digits."""
    origins: Mapping[str, str]
    """Dotted path of each leaf of `content` to `file:line:column`, `--set path=value` or `default`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedManifest(Document):
    """A manifest without a mistake."""

    manifest: Manifest
    """Typed."""
    tasks: tuple[ResolvedEntry[TaskEntry], ...]
    """The tasks in order."""
    judges: tuple[ResolvedEntry[JudgeEntry], ...]
    """The judges in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedRecipe(Document):
    """A recipe without a mistake."""

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

    @property
    def first_model(self) -> str:
        """The model that the first recipe of its chain starts from: code that comes with it comes with all of them."""
        return self.recipe.model or "" if self.start is None else self.start.first_model


def load_manifest(path: Path, *, sets: Sequence[str] = (), plugins: Plugins | None) -> LoadedManifest:
    """Read, merge, override, interpolate and check a manifest, with the recipes that its judges name.

    Args:
        path: A YAML file, or the name of one that a plugin ships; messages call it by its path. Relative paths in it
            are relative to its folder.
        sets: `--set` arguments, `path.to.key=value`. Relative paths in them are relative to the working directory.
        plugins: The installed plugins; `None` loads them.

    Raises:
        ManifestError: With every problem and its position, as `InvalidManifestError`.
    """
    manifest, document = _load(Manifest, path, sets, plugins)
    return LoadedManifest(
        manifest=manifest,
        tasks=document.entries(manifest.tasks, "tasks"),
        judges=document.entries(manifest.judges, "judges"),
        **document.facts(""),
    )


def load_recipe(path: Path, *, sets: Sequence[str] = (), plugins: Plugins | None) -> LoadedRecipe:
    """Read, merge, override, interpolate and check a recipe, with the recipe that it starts from.

    Args:
        path: A YAML file, or the name of one that a plugin ships; messages call it by its path. Relative paths in it
            are relative to its folder.
        sets: `--set` arguments, `path.to.key=value`. Relative paths in them are relative to the working directory.
        plugins: The installed plugins; `None` loads them.

    Raises:
        ManifestError: With every problem and its position, as `InvalidManifestError`.
    """
    recipe, document = _load(Recipe, path, sets, plugins)
    return document.recipe(recipe, "")


def is_recipe(path: Path, *, plugins: Plugins | None = None) -> bool:
    """Whether a file is a recipe and no manifest: it has `trainer:` at its top. Of a file that cannot be read: no."""
    plugins = plugins or Plugins.load()
    find = partial(find_shipped, plugins=plugins)
    try:
        root = load_merged(locate(path, plugins), ManifestProblems(), find_shipped=find, unknown=PluginError)
        return root.child("trainer") is not None
    except (InvalidManifestError, PluginError):
        return False


def load_document(path: Path, *, sets: Sequence[str] = (), plugins: Plugins) -> LoadedManifest | LoadedRecipe:
    """Load whichever of the two a file is, as `load_manifest` or `load_recipe`."""
    load = load_recipe if is_recipe(path, plugins=plugins) else load_manifest
    return load(path, sets=sets, plugins=plugins)


def _load(model: type[D], path: Path, sets: Sequence[str], plugins: Plugins | None) -> tuple[D, _Parts]:
    """The one way to load a file, whichever of the two it is."""
    plugins = plugins or Plugins.load()
    problems = ManifestProblems()
    path = locate(path, plugins)
    resolver = DocumentResolver(plugins, problems)
    root = resolver.read(path, sets)
    wrong, right, message = (
        ("trainer", "judges", "this is a recipe: `harness train` it")
        if model is Manifest
        else ("judges", "trainer", "this is a manifest: `harness run` it")
    )
    stray = root.child(wrong)
    if stray is not None and root.child(right) is None:  # on top of what it lacks for the kind that is asked for
        problems.add(stray.key or stray.origin, wrong, message)
    # The recipes that judges name begin a chain of their own: a manifest is never part of a circle of recipes.
    chain = ((os.path.realpath(path), str(path)),) if model is Recipe else ()
    root = resolver.resolve(root, "", model, chain)
    report = root.child("report")
    metric = report.child("metric") if report is not None and model is Manifest else None
    if report is not None and metric is not None:
        resolver.check_metric(metric, "report.metric")
        root = root.put("report", report.put("metric", absolute_metrics(metric)))
    typed = validate(model, root, "", problems)
    # Messages of pydantic and of plugins may repeat values, and a value may be a secret.
    problems.scrub(resolver.secrets)
    problems.raise_if_any()
    assert typed is not None
    # Of the file as it is written and not of the typed model, so that secrets stay `${env:...}`.
    resolved = fill_defaults(root.data(stored=True), typed, resolver.references)
    return typed, _Parts(resolver, resolved, origins_of(resolved, root))


@dataclass(frozen=True)
class _Parts:
    """What the typed records of a file, and of the recipes in it, are made of."""

    resolver: DocumentResolver
    content: dict[str, Any]
    origins: Mapping[str, str]

    def recipe(self, recipe: Recipe, path: str) -> LoadedRecipe:
        return LoadedRecipe(
            recipe=recipe,
            tasks=self.entries(recipe.tasks, join(path, "tasks")),
            rewards=self.entries(recipe.rewards, join(path, "rewards")),
            trainer=self.entry(recipe.trainer, join(path, "trainer")),
            start=None if recipe.train is None else self.recipe(recipe.train, join(path, "train")),
            **self.facts(path),
        )

    def entries(self, entries: Sequence[E], path: str) -> tuple[ResolvedEntry[E], ...]:
        return tuple(self.entry(entry, join(path, number)) for number, entry in enumerate(entries))

    def entry(self, entry: E, path: str) -> ResolvedEntry[E]:
        reference, recipe = self.resolver.references[path], None
        if isinstance(entry, JudgeEntry) and entry.train is not None:
            recipe = self.recipe(entry.train, join(path, "train"))
        return ResolvedEntry(entry=entry, offer=reference.offer, options=reference.options, recipe=recipe)

    def facts(self, path: str) -> dict[str, Any]:
        """The members of `Document`."""
        resolved: Any = self.content
        for step in path.split(".") if path else ():
            resolved = resolved[int(step) if isinstance(resolved, list) else step]
        prefix = f"{path}." if path else ""
        return {
            "path": Path(self.resolver.files[path]),
            "content": resolved,
            "hash": digest(drop_operational(resolved, self.resolver.references, path)),
            "origins": {key.removeprefix(prefix): at for key, at in self.origins.items() if key.startswith(prefix)},
        }
