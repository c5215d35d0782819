"""What a name means to the kit: a whole plugin with its module, or some of its objects, and what each of them needs."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from harness.api import PluginError
from harness.candidates import GROUP, PluginRow
from harness.discovery import KINDS, Offer, Plugins

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo


def plugin_named(plugins: Plugins, name: str) -> PluginRow | None:
    """The plugin of that name, where there is one that loaded."""
    return next((row for row in plugins.rows if row.name == name and row.status == "ok"), None)


def module_of(row: PluginRow) -> str | None:
    """Dotted name of a plugin's module; `None` of a file or module given with `--plugin`."""
    # By distribution too: two of them may advertise one name, and only one was loaded.
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
    # Ids before bare names: a plugin may have the name of another plugin's object.
    named = named or [offer for offer in every if offer.card.name == name]
    if named or plugin_named(plugins, name):
        return named
    for row in plugins.rows:
        # Of an object as well: where its plugin is broken, that is the cause.
        if row.name == name.partition("/")[0] and row.status != "ok":
            raise PluginError(f"plugin {row.name!r} is {row.outcome}")
    known = ", ".join(row.name for row in plugins.rows)
    raise PluginError(f"there is no plugin or plugin object {name!r}; plugins are {known}")


def missing_options(offer: Offer, options: Mapping[str, Any], *, data: str | None = None) -> list[str]:
    """The options that the object still lacks. The example of its card gives them all, where it has no data."""
    if data is None and offer.card.example is not None:
        return []
    fields = _fields(offer)
    return [name for name, field in fields.items() if field.is_required() and (field.alias or name) not in options]


def option_names(offer: Offer) -> set[str]:
    """The names of the options that the object knows."""
    return {field.alias or name for name, field in _fields(offer).items()}


def takes_any_option(offer: Offer) -> bool:
    """Whether the object's options may have any name."""
    model = _model(offer)
    return model is not None and model.model_config.get("extra") == "allow"


def _fields(offer: Offer) -> dict[str, FieldInfo]:
    model = _model(offer)
    return {} if model is None else model.model_fields


def _model(offer: Offer) -> type[BaseModel] | None:
    """The model of its options, or `None`, also where it cannot be imported: a check of the card reports that."""
    try:
        return offer.options_model()
    except PluginError:
        return None
