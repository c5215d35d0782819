"""What a name means to the kit: a whole plugin with its module, or some of its objects, and what each of them needs."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from harness.api import PluginError
from harness.discovery import GROUP, KINDS, Offer, PluginRow, Plugins


def plugin_named(plugins: Plugins, name: str) -> PluginRow | None:
    """The plugin of that name, where there is one that loaded."""
    return next((row for row in plugins.rows if row.name == name and row.status == "ok"), None)


def module_of(row: PluginRow) -> str | None:
    """Dotted name of a plugin's module; `None` of a file or module given with `--plugin`."""
    for point in entry_points(group=GROUP, name=row.name):
        if point.dist is not None and point.dist.name == row.distribution:
            return point.module
    return None


def offers_of(plugins: Plugins, name: str) -> list[Offer]:
    """All objects of a plugin, or the one with an id, or those with a bare name.

    Raises:
        PluginError: There is no such plugin or object, or the plugin did not load.
    """
    every = [offer for kind in KINDS for offer in plugins.offers(kind)]
    named = [offer for offer in every if name in (offer.id, offer.id.partition("/")[0])]
    named = named or [offer for offer in every if offer.card.name == name]
    if named or plugin_named(plugins, name):
        return named
    for row in plugins.rows:
        if row.name == name:
            raise PluginError(f"plugin {name!r} is {row.outcome}")
    known = ", ".join(row.name for row in plugins.rows)
    raise PluginError(f"there is no plugin or plugin object {name!r}; plugins are {known}")


def missing_options(offer: Offer, options: Mapping[str, Any], *, data: str | None = None) -> list[str]:
    """The options that the object must have and was given neither by hand, nor by its example where it has no data."""
    if data is None and getattr(offer.card, "example", None) is not None:
        return []
    try:
        model = offer.options_model()
    except PluginError:  # the check of the card reports it
        return []
    fields = {} if model is None else model.model_fields
    return [name for name, field in fields.items() if field.is_required() and (field.alias or name) not in options]
