"""Which checks are made of plugins, objects and cards: one list, for `harness check` and for pytest alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.api import Card, PluginError
from harness.discovery import Offer, Plugins
from harness.testing._checks import checks_for, plugin_checks
from harness.testing._plugins import (
    missing_options,
    module_of,
    offers_of,
    option_names,
    plugin_named,
    takes_any_option,
)
from harness.testing._subject import find_subject

if TYPE_CHECKING:
    from harness.api import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCheck:
    """One check of one object or plugin, not yet made."""

    about: str
    """What it is about: an id, or the name of a plugin."""
    name: str
    """Name of the check."""
    check: Callable[[], None]
    """Raises `AssertionError` with the fault and the fix."""
    skip: str = ""
    """Why it cannot be made, and what to give so that it can; empty where it can."""


def plan_checks(
    what: Iterable[Card | str],
    *,
    give: str,
    plugins: Plugins | None = None,
    options: Mapping[str, Any] | None = None,
    data: str | None = None,
    context: Context | None = None,
) -> Iterator[PlannedCheck]:
    """Plan the checks of cards, objects, and plugins with all of their objects.

    Args:
        what: Cards, ids such as `mine/my-task`, or names of plugins.
        give: How a person gives options here, such as "with `--with`".
        plugins: The plugins to look in; the installed ones by default.
        options: For the factories. Of several objects, each is given those that it knows.
        data: Data for a task, or the model that a trainer starts from.
        context: For the factories, in place of a fake one.

    Raises:
        PluginError: There is no such plugin or object, or none of the objects knows an option.
    """
    modules: list[tuple[str, str]] = []
    offers: list[Offer] = []
    for each in what:
        if isinstance(each, Card):
            offers.append(find_subject(each).offer)
            continue
        # Loaded once for all names, since loading imports every plugin. Cards alone need none.
        plugins = plugins or Plugins.load()
        row = plugin_named(plugins, each)
        module = None if row is None else module_of(row)
        modules += [] if module is None else [(each, module)]
        offers += offers_of(plugins, each)
    # All objects are found first: an option that none of them knows is refused before anything is checked.
    shared = _share_options(offers, dict(options or {}))
    for name, module in modules:
        for check_name, check in plugin_checks(module):
            yield PlannedCheck(about=name, name=check_name, check=check)
    for offer, own in zip(offers, shared, strict=True):
        yield from _checks_of(offer, own, data=data, context=context, give=give)


def _share_options(offers: list[Offer], options: dict[str, Any]) -> list[dict[str, Any]]:
    """The options of each object. A single object is given all of them, so that its own model refuses what it lacks."""
    if len(offers) == 1:
        return [options]
    shared = [
        {name: value for name, value in options.items() if takes_any_option(offer) or name in option_names(offer)}
        for offer in offers
    ]
    unknown = sorted(set(options).difference(*shared))
    if unknown:
        raise PluginError(f"none of {', '.join(offer.id for offer in offers)} has an option {', '.join(unknown)}")
    return shared


def _checks_of(
    offer: Offer, options: dict[str, Any], *, data: str | None, context: Context | None, give: str
) -> Iterator[PlannedCheck]:
    missing = missing_options(offer, options, data=data)
    for name, check in checks_for(offer, options=options, data=data, context=context):
        # What cannot be made fails every check of its behaviour alike, which hides what is wrong.
        if not missing or name.startswith("card_"):
            yield PlannedCheck(about=offer.id, name=name, check=check)
    if missing:
        reason = f"only its card is checked; give {', '.join(missing)} {give}"
        yield _skip(offer, "options_given", reason)
    # Said aloud: a trainer with three green checks would look as well checked as a task with thirteen.
    elif offer.card.kind == "trainer" and not options and data is None and offer.card.example is None:
        reason = f"it is not trained; give options that make it short {give}, such as steps=2"
        yield _skip(offer, "trainer_trains", reason)


def _skip(offer: Offer, name: str, reason: str) -> PlannedCheck:
    return PlannedCheck(about=offer.id, name=name, check=lambda: None, skip=f"{offer.id}: {reason}")
