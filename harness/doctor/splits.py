"""The splits that manifests and recipes can reach, and what they use each for. Only tasks are made."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING

from harness.api import Task
from harness.discovery import options_of
from harness.manifest.load import LoadedManifest, LoadedRecipe, load_document
from harness.runner.context import plan_task
from harness.runner.plan import at, unfold_entry
from harness.runner.planned import Plan

if TYPE_CHECKING:
    from harness.discovery import Plugins
    from harness.manifest.load import ResolvedEntry
    from harness.manifest.model import RecipeTask, TaskEntry

LEARNT = ("train", "validation")
"""Names of splits that are learnt from, unless a manifest asks them."""

TESTED = "test"
"""Name of the split that is tested on."""


@dataclass(kw_only=True)
class TaskSplit:
    """One split of one task."""

    names: Mapping[str, str]
    """Names of the task. To each the same name, followed by that of a file where another task has it too."""
    id: str
    """Canonical id of the task."""
    split: str
    """Name of the split."""
    made: Task = field(repr=False)
    """The task."""
    asked: list[str] = field(default_factory=list)
    """Names of the manifests that ask it."""
    trains: list[str] = field(default_factory=list)
    """Names of the recipes that train on it."""
    selects: list[str] = field(default_factory=list)
    """Names of the recipes that select on it."""

    @property
    def task(self) -> str:
        """Name of the task, or all of them where several entries are the same task."""
        return " / ".join(self.names.values())

    @property
    def name(self) -> str:
        """Task and split, for messages."""
        return f"{self.task} {self.split}"

    @property
    def is_used(self) -> bool:
        """Whether a manifest or recipe uses it."""
        return bool(self.asked or self.trains or self.selects)

    @property
    def is_learnt(self) -> bool:
        """Whether a model may have learnt from it: a recipe does, or it is called so and no manifest asks it."""
        return bool(self.trains or self.selects) or (self.split in LEARNT and not self.asked)

    @property
    def is_tested(self) -> bool:
        """Whether judges are tested on it: a manifest does, or it is called so."""
        return bool(self.asked) or self.split == TESTED


def task_splits(
    files: Iterable[LoadedManifest | LoadedRecipe], plugins: Plugins, *, runs: Path, checkpoints: Path
) -> list[TaskSplit]:
    """Every split of every task of manifests, of recipes, of the recipes of judges and of those that they start from.

    The same task twice (id, data, options and fingerprint) is one. Judges and trainers are not made.

    Args:
        files: Loaded manifests and recipes.
        plugins: The installed plugins.
        runs: The folder of run folders, for what tasks keep in their workspace.
        checkpoints: The folder of checkpoint folders, likewise for the tasks of recipes.

    Raises:
        UserError: A task cannot be made, or lacks a split that is used.
    """
    # The folders that runs and recipes use themselves, so that nothing is prepared a second time.
    reached = _SplitCollector(plugins, runs=runs / ".workspace", checkpoints=checkpoints / ".workspace")
    for loaded in files:
        if isinstance(loaded, LoadedRecipe):
            reached.recipe(loaded)
        else:
            reached.manifest(loaded)
    return [split for splits in reached.tasks.values() for split in splits.values()]


class _SplitCollector:
    """Tasks by what they are, and their splits by name."""

    def __init__(self, plugins: Plugins, *, runs: Path, checkpoints: Path) -> None:
        self.tasks: dict[str, dict[str, TaskSplit]] = {}
        self._labels: dict[str, dict[str, str]] = {}
        self._plugins, self._runs, self._checkpoints = plugins, runs, checkpoints

    def manifest(self, loaded: LoadedManifest) -> None:
        plan = Plan(seed=loaded.manifest.run.seed, plugins=self._plugins, workspace=self._runs)
        for number, resolved in enumerate(loaded.tasks):
            with at(loaded, f"tasks.{number}"):
                for splits in self._make_splits(resolved, plan, resolved.entry.split, loaded.manifest.name):
                    _add_name(splits[resolved.entry.split].asked, loaded.manifest.name)
        for judge in loaded.judges:
            if judge.recipe is not None:
                self.recipe(judge.recipe)

    def recipe(self, loaded: LoadedRecipe) -> None:
        name = loaded.recipe.name
        plan = Plan(seed=loaded.recipe.seed, plugins=self._plugins, workspace=self._checkpoints)
        for number, resolved in enumerate(loaded.tasks):
            with at(loaded, f"tasks.{number}"):
                for splits in self._make_splits(resolved, plan, resolved.entry.train, name):
                    _add_name(splits[resolved.entry.train].trains, name)
                    if resolved.entry.validation is not None:
                        _add_name(splits[resolved.entry.validation].selects, name)
        if loaded.start is not None:
            self.recipe(loaded.start)

    def _make_splits(
        self, resolved: ResolvedEntry[TaskEntry] | ResolvedEntry[RecipeTask], plan: Plan, split: str, owner: str
    ) -> Iterator[dict[str, TaskSplit]]:
        """The splits of each task that an entry stands for."""
        entry, offer = resolved.entry, resolved.offer
        for name, options in unfold_entry(plan, offer, entry.name, entry.data, resolved.options):
            planned = plan_task(plan, offer, name=name, options=options, data=entry.data, split=split)
            # Two entries are one task where all that decides its items is equal, under any name.
            what = json.dumps(
                [offer.id, entry.data, options_of(options), planned.task.fingerprint()], sort_keys=True, default=str
            )
            labels = self._labels.setdefault(what, {})
            if name not in labels:
                labels[name] = self._free_label(name, owner)
            if what not in self.tasks:
                self.tasks[what] = {
                    split_name: TaskSplit(names=labels, id=offer.id, split=split_name, made=planned.task)
                    for split_name in getattr(offer.card, "splits", ())
                }
            yield self.tasks[what]

    def _free_label(self, name: str, owner: str) -> str:
        taken = {label for labels in self._labels.values() for label in labels.values()}
        # Names need only be unique within a manifest, so two manifests may use one name for two tasks.
        labels = chain([name, f"{name} ({owner})"], (f"{name} ({owner}, {k})" for k in count(2)))
        return next(label for label in labels if label not in taken)


def _add_name(names: list[str], name: str) -> None:
    if name not in names:
        names.append(name)


def load_files(paths: Sequence[Path], *, sets: Sequence[str], plugins: Plugins) -> list[LoadedManifest | LoadedRecipe]:
    """Load manifests and recipes. A file with `trainer:` at its top is a recipe.

    Raises:
        ManifestError: With every problem of the first file that has some.
    """
    return [load_document(path, sets=sets, plugins=plugins) for path in paths]
