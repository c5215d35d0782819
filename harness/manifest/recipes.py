"""Resolves recipes: one by itself, and those that judges and other recipes name under `train:`.

A recipe that is named by its path is put where the path stood, with the positions of its own file. So the resolved
manifest holds all that it trains by, and is checked, hashed and run again as one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.manifest.check import make_absolute
from harness.manifest.entries import Found, FoundRecipe, Resolver, check_hub
from harness.manifest.interpolate import interpolate
from harness.manifest.merge import load_merged
from harness.manifest.problems import InvalidManifestError, Origin, Problems, did_you_mean, join
from harness.manifest.shipped import find_shipped
from harness.manifest.source import Node

if TYPE_CHECKING:
    from harness.discovery import Plugins

MAX_CHAIN = 8
"""Recipes that start from one another; more would nest deeper than a manifest may."""

Chain = tuple[tuple[str, str], ...]
"""Real path and name of each file that led here."""


class RecipeResolver:
    """Resolves recipes.

    Attributes:
        secrets: Pairs of value and name of the environment variables that recipes used.
    """

    def __init__(self, plugins: Plugins, problems: Problems) -> None:
        """Find what recipes refer to among `plugins`."""
        self._plugins, self._problems = plugins, problems
        self.secrets: list[tuple[str, str]] = []

    def resolve(self, root: Node, path: str, chain: Chain) -> tuple[Node, FoundRecipe]:
        """A whole recipe, variables put in.

        Args:
            root: The recipe.
            path: Its dotted path; empty at the top of a file.
            chain: The files that led here, its own included.
        """
        plugins, problems = self._plugins, self._problems
        root, tasks = Resolver("task", plugins, problems, learning=True).section(root, "tasks", path)
        root, rewards = Resolver("reward", plugins, problems).section(root, "rewards", path)
        self._check_tasks_of_rewards(root, tasks, path)
        trainer: Found | None = None
        entry = root.child("trainer")
        if entry is not None:
            entry, trainer = Resolver("trainer", plugins, problems).entry(entry, join(path, "trainer"))
            root = root.put("trainer", entry)
        root = self._model(root, path)
        root, start = self.trained(root, path, chain)
        label = chain[-1][1] if chain else root.origin.label
        return root, FoundRecipe(label=label, tasks=tasks, rewards=rewards, trainer=trainer, start=start)

    def trained(self, node: Node, path: str, chain: Chain = ()) -> tuple[Node, FoundRecipe | None]:
        """A judge or a recipe with the recipe that its `train:` names put in; without it where that has a problem."""
        given = node.child("train")
        if given is None or given.value is None:
            return node, None
        inlined = self._inlined(given, join(path, "train"), chain)
        if inlined is None:
            assert isinstance(node.value, Mapping)
            return replace(node, value={key: child for key, child in node.value.items() if key != "train"}), None
        return node.put("train", replace(inlined[0], key=given.key)), inlined[1]

    def _inlined(self, given: Node, path: str, chain: Chain) -> tuple[Node, FoundRecipe] | None:
        if isinstance(given.value, Mapping):
            variables = given.child("vars")
            if variables is not None and isinstance(variables.value, Mapping) and variables.value:
                message = "a recipe written in place has the variables of its file; move them there"
                self._problems.add(variables.key or variables.origin, join(path, "vars"), message)
            return self.resolve(given, path, chain)
        text = given.value
        if not isinstance(text, str) or not text or "\0" in text:
            self._problems.add(given.origin, path, "must be the path of a recipe, or a recipe written in place")
            return None
        file = str(make_absolute(given).value)
        label, real = _shown(file), os.path.realpath(file)
        if not self._reachable(label, real, given.origin, path, chain):
            return None
        try:
            find = partial(find_shipped, plugins=self._plugins)
            root = load_merged(Path(label), self._problems, find_shipped=find)
        except InvalidManifestError:
            return None  # what is wrong with it is among the problems already
        root, secrets = interpolate(root, self._problems)
        self.secrets += secrets
        return self.resolve(root, path, (*chain, (real, label)))

    def _reachable(self, label: str, real: str, origin: Origin, path: str, chain: Chain) -> bool:
        names = " -> ".join([*(name for _, name in chain), label])
        if any(real == seen for seen, _ in chain):
            self._problems.add(origin, path, f"recipes that start from each other in a circle: {names}")
        elif len(chain) >= MAX_CHAIN:
            self._problems.add(origin, path, f"more than {MAX_CHAIN} recipes that start from one another: {names}")
        elif not os.path.isfile(real):
            message = f"there is no file {label[:300]}; give the path of a recipe, relative to the file that names it"
            self._problems.add(origin, path, message)
        else:
            return True
        return False

    def _model(self, root: Node, path: str) -> Node:
        model, train = root.child("model"), root.child("train")
        if model is None or model.value is None:
            return root
        if train is not None and train.value is not None:
            message = f"train: gives the model already (at {train.origin}); remove one, or set it to null"
            self._problems.add(model.key or model.origin, join(path, "model"), message)
        if isinstance(model.value, str) and model.value.startswith("hub:"):
            check_hub(model, join(path, "model"), "model", self._problems)
        return root.put("model", make_absolute(model))

    def _check_tasks_of_rewards(self, root: Node, found: list[Found | None], path: str) -> None:
        """A reward names tasks of the recipe; those that the plan unfolds are not known yet."""
        names: set[str] = set()
        for (_, task), one in zip(_children(root, "tasks"), found, strict=False):
            name = task.child("name")
            if (one is not None and one.offer.card.unfold is not None) or name is None or name.value is None:
                return
            names.add(str(name.value))
        for number, reward in _children(root, "rewards"):
            for place, name in _children(reward, "tasks"):
                if isinstance(name.value, str) and name.value not in names:
                    here = join(join(join(join(path, "rewards"), number), "tasks"), place)
                    message = f"the recipe has no task {name.value[:80]!r}.{did_you_mean(name.value, names)}"
                    self._problems.add(name.origin, here, message)


class JudgeResolver(Resolver):
    """Resolves judges, and the recipes that they name."""

    def __init__(self, plugins: Plugins, problems: Problems, recipes: RecipeResolver) -> None:
        """Find judges among `plugins`."""
        super().__init__("judge", plugins, problems)
        self._recipes = recipes

    def entry(self, node: Node, path: str, *, trained: Origin | None = None) -> tuple[Node, Found | None]:
        """One judge with its references put in, and what it refers to."""
        given = node.child("train")
        if given is None or given.value is None:
            return super().entry(node, path)
        node, recipe = self._recipes.trained(node, path)
        node, found = super().entry(node, path, trained=given.origin)
        return node, replace(found, recipe=recipe) if found is not None else None


def _children(node: Node, key: str) -> list[tuple[str | int, Node]]:
    child = node.child(key)
    return list(child.children()) if child is not None else []


def _shown(file: str) -> str:
    """A path as messages name it: relative to the working directory where it lies beneath it."""
    here = os.getcwd()
    return os.path.relpath(file, here) if file.startswith(here + os.sep) else file
