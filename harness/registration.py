"""Checks the registrations of a plugin's module: its hooks, its cards, and the API version of each card.

Not for finding plugins (`harness.discovery`), and not for the behaviour of their objects (`harness.testing`). Each
fault is a line with its fix.
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
from harness.api import API_VERSION, OLDEST_API_VERSION, Card, PluginError, RendererCard, UserError, hookspecs

_PREFIX = "harness_"

HOOKS = tuple(name for name in vars(hookspecs) if name.startswith(_PREFIX))
"""Names of all hooks."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
# No separators, so that a file of a renderer stays in the run folder.
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
OWN_FILES = (
    "counts.json",
    "explain.sqlite",
    "explanations.json",
    "journal.sqlite",
    "manifest.yaml",
    "report.html",
    "run.json",
    "run.lock",
    "scores.json",
    "sections.json",
)
"""Files of a run folder that the core itself writes and reads again, so that no renderer may write them."""
_NEWER = f"or it is written for a newer version of the plugin API than {API_VERSION}: upgrade judge-harness"
# Python's own message about an unknown argument.
_UNKNOWN_FIELD = re.compile(r"(\w+Card)\.__init__\(\) got an unexpected keyword argument '(\w+)'")


def cause_of(error: BaseException) -> str:
    """An error of a plugin as a line. If it may come from a newer API, the line says so."""
    text = " ".join(str(error).split())
    if isinstance(error, UserError):
        return text
    cause = f"{type(error).__name__}: {text}" if text else type(error).__name__
    # A plugin for a newer harness fails in one of two ways: a name that is not there yet, or a field of a card.
    if isinstance(error, ImportError) and f"{error.name}.".startswith("harness."):
        return f"{cause}; check the spelling, {_NEWER}"
    if isinstance(error, TypeError) and (unknown := _UNKNOWN_FIELD.match(text)):
        return f"{cause}; {_field_hint(*unknown.groups())}"
    return cause


def check_hooks(manager: pluggy.PluginManager, module: object) -> None:
    """Check that every hook of a module is marked, exists, and takes arguments of that hook.

    Raises:
        PluginError: A hook is wrong, or the module has none at all.
    """
    # pluggy skips functions without its mark in silence: a forgotten @hookimpl would look like a plugin without offers.
    marked = False
    for name in dir(module):
        value = getattr(module, name, None)
        if not inspect.isroutine(value):  # a card or a class of that name is no hook
            continue
        marks = manager.parse_hookimpl_opts(module, name)
        if marks is None:
            _check_unmarked(name)
            continue
        marked = True
        if not marks["optionalhook"]:
            _check_marked(marks["specname"] or name, value)
    if not marked:
        raise PluginError("it implements no hook; mark a function, as harness_judges, with @hookimpl of harness.api")


def check_cards(found: Iterable[tuple[str, Any]]) -> list[Card]:
    """Check the cards of a plugin: kind, name and API version of each.

    Args:
        found: Pairs of a kind and an object that the hook of that kind returned.

    Returns:
        The cards.

    Raises:
        PluginError: A card has another kind than its hook, a bad or repeated name, a summary that is no text, splits
            that are no tuple, an unknown API version, or a file that no renderer may write.
    """
    cards: list[Card] = []
    for kind, card in found:
        if not isinstance(card, Card) or card.kind != kind:
            raise PluginError(f"harness_{kind}s returned {card!r}, which is not a {kind} card")
        if not isinstance(card.name, str) or not _NAME.fullmatch(card.name):
            raise PluginError(f"{kind} {card.name!r}: names are lower-case letters, digits and . _ -")
        # It is shown by --help, which one wrong card must not end.
        if not isinstance(card.summary, str):
            raise PluginError(f"{kind} {card.name!r}: summary must be a line of text, got {card.summary!r}")
        check_version(card)
        if not isinstance(splits := getattr(card, "splits", ()), tuple | list):
            raise PluginError(f"{kind} {card.name!r}: splits must be a tuple of names, as ('test',), got {splits!r}")
        if isinstance(card, RendererCard) and card.file:
            _check_file(card)
        if any(other.kind == kind and other.name == card.name for other in cards):
            raise PluginError(f"it offers two {kind}s named {card.name!r}")
        cards.append(card)
    return cards


def check_version(card: Card) -> None:
    """Check that this harness supports the API version of a card. A card without one has version 1.

    Raises:
        PluginError: It does not.
    """
    # `type`, since True is a whole number in Python.
    written = 1 if card.api_version is None else card.api_version
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


def _check_file(card: RendererCard) -> None:
    if not isinstance(card.file, str) or not _FILE.fullmatch(card.file):
        raise PluginError(
            f"renderer {card.name!r}: file must be the bare name of a file in the run folder, of letters, digits and "
            f". _ -, and it is {card.file!r}"
        )
    # Whole names and beginnings, since SQLite keeps files such as `journal.sqlite-wal`. Some disks know no case.
    if card.file.lower().startswith(OWN_FILES):
        raise PluginError(f"renderer {card.name!r}: {card.file!r} is a file of the run itself; choose another name")


def _check_unmarked(name: str) -> None:
    if name in HOOKS:
        raise PluginError(f"{name} is not marked as a hook; write @hookimpl of harness.api above it")
    if name.startswith(_PREFIX) and (close := _find_close(name, cutoff=0.8)):
        raise PluginError(f"there is no hook {name}; did you mean {close}, marked with @hookimpl of harness.api?")


def _check_marked(hook: str, function: Callable[..., Any]) -> None:
    if hook not in HOOKS:
        close = _find_close(hook)
        hint = f"did you mean {close}?" if close else f"there are {', '.join(HOOKS)}"
        raise PluginError(f"there is no hook {hook}; {hint}")
    known = list(inspect.signature(getattr(hookspecs, hook)).parameters)
    for name, parameter in inspect.signature(function).parameters.items():
        named = parameter.kind is parameter.POSITIONAL_OR_KEYWORD and parameter.default is parameter.empty
        if named and name not in known:
            given = f"it is given {', '.join(known)}" if known else "it is given none"
            raise PluginError(f"{hook} takes an argument {name!r} that the hook does not have; {given}")


def _find_close(name: str, *, cutoff: float = 0.6) -> str:
    """The hook that a name probably means, or `""`."""
    # Without the prefix, which all hooks share: with it any two of them would look alike.
    known = [hook.removeprefix(_PREFIX) for hook in HOOKS]
    close = difflib.get_close_matches(name.removeprefix(_PREFIX), known, n=1, cutoff=cutoff)
    return _PREFIX + close[0] if close else ""


def _field_hint(card: str, name: str) -> str:
    known = [field.name for field in fields(getattr(api, card, Card))]
    if close := difflib.get_close_matches(name, known, n=1):
        return f"did you mean {close[0]!r}?"
    return f"leave it out, {_NEWER}"
