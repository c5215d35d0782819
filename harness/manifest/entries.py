"""Resolves what an entry of a manifest or recipe refers to: plugin object, options, data, format, metrics, names.

Not for unfolding an entry into several: that is the plan's. Not for recipes as a whole: see `harness.manifest.recipes`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from harness.api import DataError, PluginError, Protocol
from harness.manifest.check import absolute_paths, keys_of, make_absolute, validate
from harness.manifest.model import protocol_model
from harness.manifest.problems import Origin, Problems, did_you_mean, join
from harness.manifest.source import Node

if TYPE_CHECKING:
    from harness.discovery import Offer, Plugins

DEFAULT = Origin(label="default", folder=Path())
"""Where values come from that nobody wrote."""

MODEL = "model"
"""The option of a judge that takes the folder of a model."""

_HUB = re.compile(r"hub:[A-Za-z0-9._-]+/[A-Za-z0-9._-]+(@[A-Za-z0-9._/-]+)?", re.ASCII)
_VALIDATION = "validation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What an entry refers to."""

    offer: Offer
    """The plugin object."""
    options: BaseModel | None
    """Its checked options; `None` where it takes none, or where they are wrong. With a recipe, their `model` is a path
    at which there is nothing yet."""
    recipe: FoundRecipe | None = None
    """What a judge's `train:` refers to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRecipe:
    """What the entries of a recipe refer to, `None` where one has a problem."""

    label: str
    """The file that it stands in, as messages call it."""
    tasks: list[Found | None]
    rewards: list[Found | None]
    trainer: Found | None
    start: FoundRecipe | None
    """What its `train:` refers to."""


def check_hub(node: Node, path: str, what: str, problems: Problems) -> None:
    """A text that begins with `hub:` names something of the hub."""
    if not _HUB.fullmatch(str(node.value)):
        problems.add(node.origin, path, f"write a {what} of the hub as hub:ORG/NAME or hub:ORG/NAME@REVISION")


class Resolver:
    """Resolves the entries of one kind."""

    def __init__(self, kind: str, plugins: Plugins, problems: Problems, *, learning: bool = False) -> None:
        """Find entries of `kind` among `plugins`; with `learning`, tasks have the splits of a recipe."""
        self._kind, self._plugins, self._problems, self._learning = kind, plugins, problems, learning

    def section(self, root: Node, name: str, path: str) -> tuple[Node, list[Found | None]]:
        """Resolve all entries of a list.

        Args:
            root: What the list stands in.
            name: Its key.
            path: Dotted path of `root`.

        Returns:
            `root` with canonical ids, absolute paths and names put in; and what each entry refers to, `None` where that
            has a problem.
        """
        entries, here = root.child(name), join(path, name)
        if entries is None or not isinstance(entries.value, tuple):
            return root, []
        resolved = [self.entry(entry, join(here, number)) for number, entry in enumerate(entries.value)]
        found = [one for _, one in resolved]
        named = self._named([node for node, _ in resolved], found, here)
        return root.put(name, replace(entries, value=tuple(named))), found

    def entry(self, node: Node, path: str, *, trained: Origin | None = None) -> tuple[Node, Found | None]:
        """One entry with its references put in, and what it refers to.

        Args:
            node: The entry.
            path: Its dotted path.
            trained: Where its `train:` is written, for a judge that has one.
        """
        use = node.child("use") if isinstance(node.value, Mapping) else None
        if self._kind == "task" and isinstance(node.value, Mapping):
            node = self._task_fields(node, path)
        if use is None or not isinstance(use.value, str):
            return node, None  # the check of the whole manifest says so
        offer = self._find(self._kind, use, join(path, "use"))
        if offer is None:
            return node, None
        if self._kind == "task":
            node = self._splits(offer, node, use, path)
        node = node.put("use", replace(use, value=offer.id, stored=None, plain=None))
        try:
            model = offer.options_model()
        except PluginError as error:
            self._problems.add(use.origin, join(path, "use"), str(error))
            return node, None
        if model is not None and not (isinstance(model, type) and issubclass(model, BaseModel)):
            self._problems.add(
                use.origin,
                join(path, "use"),
                f"{offer.id}: its options are no pydantic model; tell the plugin's authors",
            )
            return node, None
        if trained is not None and not self._trainable(offer, model, node, trained, path):
            return node, None
        node, options = self._options(offer, model, node, use, path, trained)
        return node, None if model is not None and options is None else Found(offer=offer, options=options)

    def check_metric(self, node: Node, path: str) -> bool:
        """A metric is installed, or comes from the `evaluate` library; an average of its own may follow it."""
        if not isinstance(node.value, str):
            return True
        try:
            name, _ = Protocol.parse_metric(node.value)
        except DataError as error:
            self._problems.add(node.origin, path, str(error).removeprefix("protocol: "))
            return False
        return name.startswith("evaluate:") or self._find("metric", replace(node, value=name), path) is not None

    def _find(self, kind: str, node: Node, path: str) -> Offer | None:
        try:
            return self._plugins.find(kind, str(node.value))
        except PluginError as error:
            self._problems.add(node.origin, path, str(error))
            return None

    def _options(
        self,
        offer: Offer,
        model: type[BaseModel] | None,
        node: Node,
        use: Node,
        path: str,
        trained: Origin | None,
    ) -> tuple[Node, BaseModel | None]:
        given = node.child("with")
        here = join(path, "with")
        if model is None:
            if given is not None and isinstance(given.value, Mapping) and given.value:
                first, child = next(iter(given.value.items()))
                message = f"{self._kind} {offer.id} takes no options; remove with:"
                self._problems.add(child.key or child.origin, join(here, first), message)
            return node, None
        if given is not None and not isinstance(given.value, Mapping):
            return node, None  # the check of the whole manifest says so
        options = absolute_paths(model, given if given is not None else Node(value={}, origin=use.origin, key=use.key))
        whole = options
        if trained is not None:  # a path like any other, for the check alone
            whole = options.put(MODEL, Node(value=str(trained.folder / MODEL), origin=trained))
        checked = validate(model, whole, here, self._problems)
        return node.put("with", options) if given is not None else node, checked

    def _trainable(self, offer: Offer, model: type[BaseModel] | None, node: Node, trained: Origin, path: str) -> bool:
        """Whether a judge can take the model that a recipe makes."""
        known = [key for name, spec in (model.model_fields if model else {}).items() for key in keys_of(name, spec)]
        if MODEL not in known:
            message = f"judge {offer.id} has no option `{MODEL}` to take what is trained; use a judge that has one"
            self._problems.add(trained, join(path, "train"), message)
            return False
        if offer.card.unfold is not None:
            message = f"judge {offer.id} stands for several judges; train: is for one"
            self._problems.add(trained, join(path, "train"), message)
            return False
        options = node.child("with")
        given = options.child(MODEL) if options is not None else None
        if given is not None:
            message = f"train: gives the model already (at {trained}); remove one of the two"
            self._problems.add(given.key or given.origin, join(join(path, "with"), MODEL), message)
            return False
        return True

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
        return node

    def _data(self, node: Node, path: str) -> Node:
        text = str(node.value)
        if text.startswith("hub:"):
            check_hub(node, path, "dataset", self._problems)
            return node
        placed = make_absolute(node)
        if not os.path.exists(str(placed.value)):
            hint = f"hub:{text}" if re.fullmatch(r"[\w.-]+/[\w.-]+", text, re.ASCII) else "hub:ORG/NAME"
            self._problems.add(
                node.origin,
                path,
                f"there is nothing at {str(placed.stored or placed.value)[:300]}; give an existing file or folder "
                "(relative to the manifest, or with --set to the working directory), "
                f"or {hint} for a dataset of the hub",
            )
        return placed

    def _splits(self, offer: Offer, node: Node, use: Node, path: str) -> Node:
        """Check the splits of a task; puts in the split to validate on where a recipe leaves it open."""
        if not self._learning:
            self._check_split(offer, use, node, path, key="split", default="test")
            return node
        self._check_split(offer, use, node, path, key="train", default="train")
        if node.child(_VALIDATION) is None:
            has = _VALIDATION in getattr(offer.card, "splits", ())
            return node.put(_VALIDATION, Node(value=_VALIDATION if has else None, origin=DEFAULT))
        self._check_split(offer, use, node, path, key=_VALIDATION, default=_VALIDATION)
        return node

    def _check_split(self, offer: Offer, use: Node, node: Node, path: str, *, key: str, default: str) -> None:
        splits: tuple[str, ...] = getattr(offer.card, "splits", ())
        split = node.child(key)
        name = default if split is None else split.value
        if isinstance(name, str) and name not in splits:
            where = use if split is None else split
            self._problems.add(
                where.origin,
                join(path, key),
                f"task {offer.id} has no split {name[:80]!r}.{did_you_mean(name, splits)}",
            )

    def _check_protocol(self, node: Node, path: str) -> None:
        """Each override alone, then order and pooling together; the rest of the protocol is the task's to know."""
        checked = validate(protocol_model(), node, path, self._problems)
        if checked is None or not isinstance(node.value, Mapping):
            return
        given: dict[str, Any] = {name: getattr(checked, name) for name in checked.model_fields_set}
        metrics = node.child("metrics")
        if metrics is not None and isinstance(metrics.value, tuple):
            at = join(path, "metrics")
            known = [self.check_metric(metric, join(at, number)) for number, metric in enumerate(metrics.value)]
            if not all(known):
                del given["metrics"]  # said already
        for name, value in given.items():
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

    def _named(self, nodes: list[Node], found: list[Found | None], path: str) -> list[Node]:
        """Give every entry without a name one of its own, except where the plan will unfold it into several."""
        taken: dict[str, Node] = {}
        for number, node in enumerate(nodes):
            name = node.child("name") if isinstance(node.value, Mapping) else None
            if name is None or not isinstance(name.value, str):
                continue
            if name.value in taken:
                what, other = f"two {self._kind}s are named {name.value[:80]!r}", taken[name.value].origin
                self._problems.add(
                    name.origin, join(join(path, number), "name"), f"{what}, the other one at {other}; rename one"
                )
            taken.setdefault(name.value, name)
        named: list[Node] = []
        for node, one in zip(nodes, found, strict=True):
            given = node.child("name") if isinstance(node.value, Mapping) else None
            if one is not None and one.offer.card.unfold is None and (given is None or given.value is None):
                stem = name_text = one.offer.card.name
                count = 1
                while name_text in taken:
                    count += 1
                    name_text = f"{stem}-{count}"
                fresh = Node(value=name_text, origin=DEFAULT)
                taken[name_text] = fresh
                node = node.put("name", fresh)
            named.append(node)
        return named
