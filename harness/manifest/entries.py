"""Resolves what an entry of a manifest or recipe refers to: plugin object, options, data, format, metrics, names.

Not for unfolding an entry into several: that is the plan's. Not for whole files: see `harness.manifest.documents`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from harness.allowed import is_file_name
from harness.api import DataError, IsPath, PluginError, Protocol
from harness.libraries.config import (
    Node,
    Origin,
    absolute_paths,
    check_defaults,
    did_you_mean,
    join,
    keys_of,
    make_absolute,
    validate,
)
from harness.libraries.text import fold_name
from harness.manifest.model import Entry, RecipeTask, TrainerEntry, protocol_model
from harness.manifest.problems import ManifestProblems

if TYPE_CHECKING:
    from harness.discovery import Offer, Plugins

DEFAULT = Origin(label="default", folder=Path())
"""Where the values come from that the file does not give."""

MODEL = "model"
"""The option of a judge that takes the folder of a model."""

_HUB = re.compile(r"hub:[A-Za-z0-9._-]+/[A-Za-z0-9._-]+(@[A-Za-z0-9._/-]+)?", re.ASCII)
_VALIDATION = "validation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What an entry refers to."""

    offer: Offer
    """The plugin object."""
    options: BaseModel | None
    """Its checked options; `None` where it takes none. With a recipe, their `model` is a path at which there is nothing
    yet."""


class EntryResolver:
    """Resolves entries.

    Attributes:
        references: What each entry refers to, by its dotted path. An entry with a problem has none.
    """

    def __init__(self, plugins: Plugins, problems: ManifestProblems) -> None:
        """Find what entries refer to among `plugins`, and add what is wrong to `problems`."""
        self._plugins, self._problems = plugins, problems
        self.references: dict[str, Reference] = {}

    def section(self, root: Node, name: str, path: str, model: type[Entry]) -> Node:
        """Resolve all entries of a list, or the trainer, which is one.

        Args:
            root: What the section stands in.
            name: Its key.
            path: Dotted path of `root`.
            model: What an entry of the section is.

        Returns:
            `root` with canonical ids, absolute paths and names put in.
        """
        given, here = root.child(name), join(path, name)
        if given is not None and model is TrainerEntry:
            return root.put(name, self.entry(given, here, model))
        if given is None or not isinstance(given.value, tuple):
            return root  # the check of the whole file says so
        nodes = [self.entry(node, join(here, number), model) for number, node in enumerate(given.value)]
        return root.put(name, replace(given, value=tuple(self._give_names(nodes, here, model.kind))))

    def entry(self, node: Node, path: str, model: type[Entry], *, train: Origin | None = None) -> Node:
        """Put in what one entry refers to, and note it in `references`.

        Args:
            node: The entry.
            path: Its dotted path.
            model: What it is.
            train: Where its `train:` is written, for a judge that has one.
        """
        if not isinstance(node.value, Mapping):
            return node
        kind = model.kind
        if kind == "task":  # also where `use:` is wrong, so that all mistakes are said at once
            node = self._task_fields(node, path)
        use = node.child("use")
        if use is None or not isinstance(use.value, str):
            return node  # the check of the whole file says so
        offer = self._find(kind, use, join(path, "use"))
        if offer is None:
            return node
        if kind == "task":
            node = self._splits(offer, node, use, path, learns=model is RecipeTask)
        # The canonical id, so that the resolved file means the same when another plugin has a task of this name.
        node = node.put("use", replace(use, value=offer.id, stored=None, plain=None))
        try:
            options = offer.options_model()
        except PluginError as error:
            self._problems.add(use.origin, join(path, "use"), str(error))
            return node
        if train is not None and not self._takes_model(offer, options, node, train, path):
            return node
        return self._options(offer, options, node, use, path, train)

    def check_metric(self, node: Node, path: str) -> bool:
        """A metric is installed, or is no plugin's: its name has a colon. An average of its own may follow it."""
        if not isinstance(node.value, str):
            return True
        try:
            name, _ = Protocol.parse_metric(node.value)
        except DataError as error:
            self._problems.add(node.origin, path, str(error).removeprefix("protocol: "))
            return False
        # Such a name is looked up by the hook `harness_metric_wanted`, since no id of a plugin has a colon.
        return ":" in name or self._find("metric", replace(node, value=name), path) is not None

    def check_hub(self, node: Node, path: str, what: str) -> bool:
        """Whether a text begins with `hub:`. Then it has to name something of the hub."""
        text = str(node.value)
        if text.startswith("hub:") and not _HUB.fullmatch(text):
            message = f"write a {what} of the hub as hub:ORG/NAME or hub:ORG/NAME@REVISION"
            self._problems.add(node.origin, path, message)
        return text.startswith("hub:")

    def _find(self, kind: str, node: Node, path: str) -> Offer | None:
        try:
            return self._plugins.find(kind, str(node.value))
        except PluginError as error:
            self._problems.add(node.origin, path, str(error))
            return None

    def _options(
        self, offer: Offer, model: type[BaseModel] | None, node: Node, use: Node, path: str, train: Origin | None
    ) -> Node:
        """Check the options of an entry. Its reference is complete with them."""
        given, here = node.child("with"), join(path, "with")
        if model is None:
            self.references[path] = Reference(offer=offer, options=None)
            if given is not None and isinstance(given.value, Mapping) and given.value:
                first, child = next(iter(given.value.items()))
                message = f"{offer.card.kind} {offer.id} takes no options; remove with:"
                self._problems.add(child.key or child.origin, join(here, first), message)
            return node
        if given is not None and not isinstance(given.value, Mapping):
            return node  # the check of the whole file says so
        options = absolute_paths(model, given or Node(value={}, origin=use.origin, key=use.key), mark=IsPath)
        whole = options
        if train is not None:  # its recipe makes the model later, so any path will do for the check
            whole = options.put(MODEL, Node(value=str(train.folder / MODEL), origin=train))
        checked = validate(model, whole, here, self._problems)
        if checked is not None:
            checked = check_defaults(checked, whole.data())
            self.references[path] = Reference(offer=offer, options=checked)
        return node if given is None else node.put("with", options)

    def _takes_model(self, offer: Offer, model: type[BaseModel] | None, node: Node, train: Origin, path: str) -> bool:
        """Whether a judge can take the model that a recipe makes."""
        options = node.child("with")
        given = options.child(MODEL) if options is not None else None
        where, here = train, join(path, "train")
        if MODEL not in [
            key for name, spec in (model.model_fields if model else {}).items() for key in keys_of(name, spec)
        ]:
            message = f"judge {offer.id} has no option `{MODEL}` to take what is trained; use a judge that has one"
        elif offer.card.unfold is not None:
            message = f"judge {offer.id} stands for several judges; train: is for one"
        elif given is not None:
            where, here = given.key or given.origin, join(join(path, "with"), MODEL)
            message = f"train: gives the model already (at {train}); remove one of the two"
        else:
            return True
        self._problems.add(where, here, message)
        return False

    def _task_fields(self, node: Node, path: str) -> Node:
        data, form, protocol = node.child("data"), node.child("format"), node.child("protocol")
        if data is not None and isinstance(data.value, str) and data.value:
            node = node.put("data", self._data(data, join(path, "data")))
        if form is not None and isinstance(form.value, str):
            offer = self._find("format", form, join(path, "format"))
            if offer is not None:
                node = node.put("format", replace(form, value=offer.id, stored=None, plain=None))
        if protocol is not None and isinstance(protocol.value, Mapping):
            self._check_protocol(protocol, join(path, "protocol"))
            if metrics := protocol.child("metrics"):
                node = node.put("protocol", protocol.put("metrics", absolute_metrics(metrics)))
        return node

    def _data(self, node: Node, path: str) -> Node:
        if self.check_hub(node, path, "dataset"):
            return node
        text, absolute = str(node.value), make_absolute(node)
        if not os.path.exists(str(absolute.value)):
            # A dataset of the hub that is written without `hub:` looks like a relative path.
            hint = f"hub:{text}" if re.fullmatch(r"[\w.-]+/[\w.-]+", text, re.ASCII) else "hub:ORG/NAME"
            self._problems.add(
                node.origin,
                path,
                f"there is nothing at {str(absolute.stored or absolute.value)[:300]}; give an existing file or folder "
                "(relative to the manifest, or with --set to the working directory), "
                f"or {hint} for a dataset of the hub",
            )
        return absolute

    def _splits(self, offer: Offer, node: Node, use: Node, path: str, *, learns: bool) -> Node:
        """Check the splits of a task; puts in the split to validate on where a recipe leaves it open."""
        splits: tuple[str, ...] = getattr(offer.card, "splits", ())
        defaults = {"train": "train", _VALIDATION: _VALIDATION} if learns else {"split": "test"}
        if learns and node.child(_VALIDATION) is None:  # a `null` that is written is a choice, and stays
            validation = _VALIDATION if _VALIDATION in splits else None
            node = node.put(_VALIDATION, Node(value=validation, origin=DEFAULT))
        for key, default in defaults.items():
            split = node.child(key)
            name = default if split is None else split.value
            if isinstance(name, str) and name not in splits:
                message = f"task {offer.id} has no split {name[:80]!r}.{did_you_mean(name, splits)}"
                self._problems.add((split or use).origin, join(path, key), message)
        return node

    def _check_protocol(self, node: Node, path: str) -> None:
        """Each override alone, then order and pooling together. The rest of the protocol is the task's to know."""
        checked = validate(protocol_model(), node, path, self._problems)
        if checked is None:
            return
        given: dict[str, Any] = {name: getattr(checked, name) for name in checked.model_fields_set}
        metrics = node.child("metrics")
        if metrics is not None:
            at = join(path, "metrics")
            known = [self.check_metric(metric, join(at, number)) for number, metric in metrics.children()]
            if not all(known):
                del given["metrics"]  # said already
        for name, value in given.items():
            # Pooling means something only where both orders are asked; the task's own order is not known here.
            self._construct({name: value} | ({"order": "both"} if name == "pooling" else {}), node, name, path)
        if "order" in given and "pooling" in given:
            self._construct({name: given[name] for name in ("order", "pooling")}, node, "pooling", path)

    def _construct(self, values: dict[str, Any], node: Node, name: str, path: str) -> None:
        child = node.child(name)
        try:
            Protocol(**values)
        except DataError as error:
            assert child is not None
            self._problems.add(child.origin, join(path, name), str(error).removeprefix("protocol: "))

    def _give_names(self, nodes: list[Node], path: str, kind: str) -> list[Node]:
        """Give every entry without a name one of its own, except where the plan will unfold it into several."""
        taken: dict[str, Node] = {}
        # All names of the file come first, so that no name made here takes one that stands further down.
        for number, node in enumerate(nodes):
            name = node.child("name")
            if name is None or not isinstance(name.value, str):
                continue
            other = taken.setdefault(fold_name(name.value), name)
            if other is not name:
                alike = "" if other.value == name.value else f" {str(other.value)[:80]!r}, which looks alike,"
                message = (
                    f"two {kind}s are named {name.value[:80]!r}, the other one{alike} at {other.origin}; rename one"
                )
                self._problems.add(name.origin, join(join(path, number), "name"), message)
        for number, node in enumerate(nodes):
            reference, given = self.references.get(join(path, number)), node.child("name")
            if reference is None or reference.offer.card.unfold is not None or (given and given.value is not None):
                continue
            name_text, count = reference.offer.card.name, 1
            while fold_name(name_text) in taken:
                count += 1
                name_text = f"{reference.offer.card.name}-{count}"
            taken[fold_name(name_text)] = made = Node(value=name_text, origin=DEFAULT)
            nodes[number] = node.put("name", made)
        return nodes


def absolute_metrics(node: Node) -> Node:
    """A metric, or a list of them, with the file of each `KIND:FILE` made absolute, as all paths of a file are."""
    if isinstance(node.value, tuple):
        return replace(node, value=tuple(absolute_metrics(child) for child in node.value))
    if not isinstance(node.value, str):
        return node
    kind, _, name = node.value.partition(":")
    # An average may follow, which is no part of the name of the file.
    if not is_file_name(name.rpartition("@")[0] or name):
        return node
    stored = None if node.stored is None else node.stored.removeprefix(f"{kind}:")
    whole = make_absolute(replace(node, value=name, stored=stored))
    stored = None if whole.stored is None else f"{kind}:{whole.stored}"
    return replace(node, value=f"{kind}:{whole.value}", stored=stored)
