"""What a check is, and how plugin objects are found and made for checking."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from harness.api import Card, Context, PluginError
from harness.discovery import KINDS, Offer, Plugins
from harness.testing._context import FakeContext

Check: TypeAlias = tuple[str, Callable[[], None]]
"""A name, and a function that raises `AssertionError` with the fault and the fix."""


class CheckWarning(UserWarning):
    """What a check warns of: it may be meant."""


@dataclass
class Subject:
    """One plugin object under test, made on first use, so that a factory that raises fails a check and not the list."""

    offer: Offer
    options: dict[str, Any] = field(default_factory=dict)
    data: str | None = None
    context: Context | None = None

    def make(self) -> Any:
        """The object, made again by its factory."""
        model = self.offer.options_model()
        if model is None:
            # As a manifest is refused: options that nothing reads are a mistake of the test.
            assert not self.options, f"{self.offer.id} takes no options, and {sorted(self.options)} were given"
        options, data = self.inputs
        return self.offer.create(None if model is None else model.model_validate(options), self.context_with(data))

    @cached_property
    def inputs(self) -> tuple[dict[str, Any], str | None]:
        """Options and data of the factory: what was given, or else the example of the card, its first entry."""
        if self.context is not None or self.data is not None or self.offer.card.example is None:
            return self.options, self.data
        folder = Path(tempfile.mkdtemp(prefix="harness-example-"))
        options = {**example(self, folder), **self.options}
        # An example that writes nothing has no data: a trainer of such a one begins with no model.
        data = str(folder) if any(folder.iterdir()) else None
        return entries_of(self, options, self.context_with(data))[0], data

    def context_with(self, data: str | None) -> Context:
        """What the factory is given."""
        workspace = Path(tempfile.mkdtemp(prefix="harness-check-"))
        return self.context or FakeContext(workspace=workspace, name=self.offer.card.name, data=data)

    @property
    def id(self) -> str:
        """Canonical id of the object."""
        return self.offer.id

    @property
    def instance(self) -> Any:
        """The object, made once."""
        # Not a cached property: a factory that raised is called again by the next check, which reports it too.
        if not hasattr(self, "_made"):
            self._made = self.make()
        return self._made


def find_subject(what: Card | str, **fields: Any) -> Subject:
    """Find and wrap what is to be checked: a card, or an id such as `mine/my-task`."""
    if isinstance(what, Card):
        return Subject(Offer(f"card/{what.name}", what, "a card", "-"), **fields)
    plugins = Plugins.load()
    found = [offer for kind in KINDS for offer in plugins.offers(kind) if offer.id == what]
    if len(found) == 1:
        return Subject(found[0], **fields)
    if found:
        raise PluginError(
            f"{what!r} is the id of a {' and a '.join(offer.card.kind for offer in found)}; give the card"
        )
    for kind in KINDS:
        named = [offer for offer in plugins.offers(kind) if offer.card.name == what]
        if len(named) == 1:
            return Subject(named[0], **fields)
    plugins.find("task", what)  # raises with near misses or with what broke the plugin
    raise PluginError(f"there is no plugin object {what!r}")


def example(subject: Subject, folder: Path) -> dict[str, Any]:
    """Write the example that a card names into a folder; returns the options that it needs."""
    folder.mkdir(parents=True, exist_ok=True)
    needed: dict[str, Any] | None = subject.offer.resolve(subject.offer.card.example)(folder)
    return needed or {}


def entries_of(subject: Subject, options: dict[str, Any], context: Context) -> list[dict[str, Any]]:
    """The options of each entry that an entry with these options stands for."""
    model = subject.offer.options_model()
    entries = subject.offer.unfold(None if model is None else model.model_validate(options), context)
    return [options] if entries is None else [entry.options for entry in entries]
