"""Resolves whole files: a manifest, a recipe, and the recipes that judges and other recipes name under `train:`.

A recipe that is named by its path is put where the path stood, with the positions of its own file. So the resolved
manifest holds all that it trains by, and is checked, hashed and run again as one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.api import PluginError
from harness.libraries.config import (
    Node,
    Origin,
    apply_sets,
    did_you_mean,
    find_project,
    interpolate,
    is_name,
    join,
    load_merged,
    make_absolute,
    refuse_keys,
)
from harness.manifest.entries import EntryResolver
from harness.manifest.model import Entry, Manifest, Recipe
from harness.manifest.problems import InvalidManifestError, ManifestProblems
from harness.manifest.shipped import find_shipped

if TYPE_CHECKING:
    from harness.discovery import Plugins

MAX_CHAIN = 8
"""Recipes that start from one another. More would nest deeper than a manifest may."""

Chain = tuple[tuple[str, str], ...]
"""Real path and name of each file that led here."""


class DocumentResolver(EntryResolver):
    """Resolves files, with the recipes that they name.

    Attributes:
        secrets: Pairs of value and name of the environment variables that the files used.
        files: The file that each document stands in, by the dotted path of the document; messages call it so.
    """

    def __init__(self, plugins: Plugins, problems: ManifestProblems) -> None:
        """Find what files refer to among `plugins`, and add what is wrong to `problems`."""
        super().__init__(plugins, problems)
        self.secrets: list[tuple[str, str]] = []
        self.files: dict[str, str] = {}
        self._chain: Chain = ()
        self._project: Path | None = None

    def read(self, path: Path, sets: Sequence[str] = ()) -> Node:
        """A file with everything put in that does not depend on plugins.

        Raises:
            InvalidManifestError: It cannot be read.
        """
        # That of the first file: a recipe that lies elsewhere is not of it.
        self._project = self._project or find_project(path)
        find = partial(find_shipped, plugins=self._plugins)
        root = load_merged(path, self._problems, find_shipped=find, unknown=PluginError, project=self._project)
        root, secrets = interpolate(apply_sets(root, sets, self._problems), self._problems)
        refuse_keys(root, "", self._problems)
        self.secrets += secrets
        return root

    def resolve(self, root: Node, path: str, model: type[Manifest | Recipe], chain: Chain) -> Node:
        """Put in all that a document refers to.

        Args:
            root: The document, variables put in.
            path: Its dotted path; empty at the top of a file.
            model: What it is.
            chain: The files that led here, its own included. Empty for a recipe in place within a manifest.
        """
        # A recipe in place within another file goes on with the chain of that file.
        outer, self._chain = self._chain, chain
        self.files[path] = chain[-1][1] if chain else root.origin.label
        for name, entry in model.sections.items():
            root = self.section(root, name, path, entry)
        if model is Recipe:
            self._check_tasks_of_rewards(root, path)
            root = self._train(self._model(root, path), path)  # last: with the model that it stands in for
        self._chain = outer
        return root

    def entry(self, node: Node, path: str, model: type[Entry], *, train: Origin | None = None) -> Node:
        """Put in what one entry refers to; for a judge, the recipe that makes its model as well."""
        given = node.child("train") if model.kind == "judge" else None
        if given is None or given.value is None:
            return super().entry(node, path, model)
        return super().entry(self._train(node, path), path, model, train=given.origin)

    def _train(self, node: Node, path: str) -> Node:
        """A judge or a recipe with the recipe that its `train:` names put in; without it where that has a problem."""
        given = node.child("train")
        if given is None or given.value is None:
            return node
        recipe = self._recipe(given, join(path, "train"))
        if recipe is not None:
            return node.put("train", replace(recipe, key=given.key))
        assert isinstance(node.value, Mapping)
        return replace(node, value={key: child for key, child in node.value.items() if key != "train"})

    def _recipe(self, given: Node, path: str) -> Node | None:
        if isinstance(given.value, Mapping):
            variables = given.child("vars")
            if variables is not None and isinstance(variables.value, Mapping) and variables.value:
                message = "a recipe written in place has the variables of its file; move them there"
                self._problems.add(variables.key or variables.origin, join(path, "vars"), message)
            return self.resolve(given, path, Recipe, self._chain)
        text = given.value
        if not isinstance(text, str) or not text or "\0" in text:
            self._problems.add(given.origin, path, "must be the path of a recipe, or a recipe written in place")
            return None
        # Relative to the file that names it, where a plain `Path` would be relative to the working directory.
        file = str(make_absolute(given).value)
        if is_name(text) and not os.path.exists(file):
            try:
                file = str(find_shipped(text, self._plugins))
            except PluginError as error:
                message = f"there is no file {_name_file(file)[:300]}, and {error}"
                self._problems.add(given.origin, path, message)
                return None
        label, real = _name_file(file), os.path.realpath(file)
        if not self._is_reachable(label, real, given.origin, path):
            return None
        try:
            root = self.read(Path(label))
        except InvalidManifestError:
            return None  # what is wrong with it is among the problems already
        return self.resolve(root, path, Recipe, (*self._chain, (real, label)))

    def _is_reachable(self, label: str, real: str, origin: Origin, path: str) -> bool:
        names = " -> ".join([*(name for _, name in self._chain), label])
        if any(real == seen for seen, _ in self._chain):
            message = f"recipes that start from each other in a circle: {names}"
        elif len(self._chain) >= MAX_CHAIN:
            message = f"more than {MAX_CHAIN} recipes that start from one another: {names}"
        elif not os.path.isfile(real):
            message = f"there is no file {label[:300]}; give the path of a recipe, relative to the file that names it"
        else:
            return True
        self._problems.add(origin, path, message)
        return False

    def _model(self, root: Node, path: str) -> Node:
        model, train = root.child("model"), root.child("train")
        if model is None or model.value is None:
            return root
        if train is not None and train.value is not None:
            message = f"train: gives the model already (at {train.origin}); remove one, or set it to null"
            self._problems.add(model.key or model.origin, join(path, "model"), message)
        if isinstance(model.value, str):
            self.check_hub(model, join(path, "model"), "model")
        return root.put("model", make_absolute(model))

    def _check_tasks_of_rewards(self, root: Node, path: str) -> None:
        """A reward names tasks of the recipe. Those that the plan unfolds are not known yet."""
        names: set[str] = set()
        for number, task in _list_children(root, "tasks"):
            name, reference = task.child("name"), self.references.get(join(join(path, "tasks"), number))
            unfolds = reference is not None and reference.offer.card.unfold is not None
            # A task with a problem has no name either. One wrong entry must not make every reward wrong.
            if unfolds or name is None or name.value is None:
                return
            names.add(str(name.value))
        for number, reward in _list_children(root, "rewards"):
            for place, name in _list_children(reward, "tasks"):
                if isinstance(name.value, str) and name.value not in names:
                    here = join(path, f"rewards.{number}.tasks.{place}")
                    message = f"the recipe has no task {name.value[:80]!r}.{did_you_mean(name.value, names)}"
                    self._problems.add(name.origin, here, message)


def _list_children(node: Node, key: str) -> list[tuple[str | int, Node]]:
    child = node.child(key)
    return list(child.children()) if child is not None else []


def _name_file(file: str) -> str:
    """A path as messages name it: relative to the working directory where it lies beneath it."""
    here = os.getcwd()
    return os.path.relpath(file, here) if file.startswith(here + os.sep) else file
