"""What a plugin's module registers, looked at before it counts: its hooks, its cards, the API version of each card.

Finding plugins is `harness.discovery`. What their objects do is `harness.testing`. What is wrong is one line with its
fix.
"""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Any

import pluggy

from harness import api
from harness.api import API_VERSION, OLDEST_API_VERSION, Card, PluginError, UserError, hookspecs

_PREFIX = "harness_"

HOOKS = tuple(name for name in vars(hookspecs) if name.startswith(_PREFIX))
"""Names of the hooks that there are."""

# Names stand in ids, on command lines and in file names: no upper case, no space, no slash.
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
# A misspelt name and a younger one fail alike, so the message names both causes.
_NEWER = f"or it is written for a newer version of the plugin API than {API_VERSION}: upgrade judge-harness"
_UNKNOWN_FIELD = re.compile(r"(\w+Card)\.__init__\(\) got an unexpected keyword argument '(\w+)'")


def cause_of(error: BaseException) -> str:
    """An error of a plugin as one line. Where it may come from a newer API, the line says so."""
    text = " ".join(str(error).split())
    if isinstance(error, UserError):
        return text
    said = f"{type(error).__name__}: {text}" if text else type(error).__name__
    # A name that `harness.api` does not have is misspelt, or younger than this harness.
    if isinstance(error, ImportError) and f"{error.name}.".startswith("harness."):
        return f"{said}; check the spelling, {_NEWER}"
    if isinstance(error, TypeError) and (unknown := _UNKNOWN_FIELD.match(text)):
        return f"{said}; {_field_hint(*unknown.groups())}"
    return said


def check_hooks(manager: pluggy.PluginManager, module: object) -> None:
    """See that every hook of a module is marked, exists, and takes arguments that there are.

    Raises:
        PluginError: One does not, or the module has none at all.
    """
    marked = False
    for name in dir(module):
        value = getattr(module, name, None)
        # Constants and classes may begin with `harness_` as they like.
        if not inspect.isroutine(value):
            continue
        marks = manager.parse_hookimpl_opts(module, name)
        if marks is None:
            _check_unmarked(name)
            continue
        marked = True
        # pluggy's own mark for a hook that need not exist, as one of a newer version.
        if not marks["optionalhook"]:
            _check_marked(marks["specname"] or name, value)
    if not marked:
        raise PluginError(
            "it implements no hook; mark a function, such as harness_judges, with @hookimpl of harness.api"
        )


def check_cards(found: Iterable[tuple[str, Any]]) -> list[Card]:
    """The cards of a plugin, each of the kind of its hook, with a name of its own and an API version that is spoken.

    Args:
        found: Pairs of a kind and what the hook of that kind returned.

    Raises:
        PluginError: One is not.
    """
    cards: list[Card] = []
    for kind, card in found:
        if not isinstance(card, Card) or card.kind != kind:
            raise PluginError(f"harness_{kind}s returned {card!r}, which is no {kind} card")
        if not isinstance(card.name, str) or not _NAME.fullmatch(card.name):
            raise PluginError(f"{kind} {card.name!r}: names are lower-case letters, digits and . _ -")
        check_version(card)
        # One name of two kinds is fine: ids are looked up by kind.
        if any(other.kind == kind and other.name == card.name for other in cards):
            raise PluginError(f"it offers two {kind}s named {card.name!r}")
        cards.append(card)
    return cards


def check_version(card: Card) -> None:
    """See that this harness speaks the API version of a card. A card that states none is of the first.

    Raises:
        PluginError: It does not.
    """
    written = 1 if card.api_version is None else card.api_version
    # Not `isinstance`, by which `True` is version 1.
    if type(written) is not int:
        raise PluginError(f"{card.kind} {card.name!r}: api_version must be a whole number, got {written!r}")
    if OLDEST_API_VERSION <= written <= API_VERSION:
        return
    spoken = f"version {API_VERSION}"
    if OLDEST_API_VERSION < API_VERSION:
        spoken = f"versions {OLDEST_API_VERSION} to {API_VERSION}"
    fix = "upgrade judge-harness" if written > API_VERSION else "upgrade the plugin"
    unstated = " (it states none)" if card.api_version is None else ""
    raise PluginError(
        f"{card.kind} {card.name!r} was written for version {written}{unstated} of the plugin API and this harness "
        f"speaks {spoken}; {fix}"
    )


def _check_unmarked(name: str) -> None:
    if name in HOOKS:
        raise PluginError(f"{name} is not marked as a hook; write @hookimpl of harness.api above it")
    # Nearer than for a marked hook: a plain helper may begin with `harness_` as well.
    if name.startswith(_PREFIX) and (close := _near(name, cutoff=0.8)):
        raise PluginError(f"there is no hook {name}; did you mean {close}, marked with @hookimpl of harness.api?")


def _check_marked(hook: str, function: Callable[..., Any]) -> None:
    if hook not in HOOKS:
        close = _near(hook)
        hint = f"did you mean {close}?" if close else f"there are {', '.join(HOOKS)}"
        raise PluginError(f"there is no hook {hook}; {hint}")
    known = list(inspect.signature(getattr(hookspecs, hook)).parameters)
    for name, parameter in inspect.signature(function).parameters.items():
        # pluggy passes by name what has no default. Any other argument is the plugin's own affair.
        named = parameter.kind is parameter.POSITIONAL_OR_KEYWORD and parameter.default is parameter.empty
        if named and name not in known:
            given = f"it is given {', '.join(known)}" if known else "it is given none"
            raise PluginError(f"{hook} takes an argument {name!r} that the hook does not have; {given}")


def _near(name: str, *, cutoff: float = 0.6) -> str:
    """The hook that a name probably means, or `""`. The prefix, which all share, makes no name near."""
    known = [hook.removeprefix(_PREFIX) for hook in HOOKS]
    close = difflib.get_close_matches(name.removeprefix(_PREFIX), known, n=1, cutoff=cutoff)
    return _PREFIX + close[0] if close else ""


def _field_hint(card: str, name: str) -> str:
    known = [field.name for field in fields(getattr(api, card, Card))]
    if close := difflib.get_close_matches(name, known, n=1):
        return f"did you mean {close[0]!r}?"
    return f"leave it out, {_NEWER}"
