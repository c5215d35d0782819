"""All checks of one plugin object, and those that every card and every plugin module must pass."""

from __future__ import annotations

import ast
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import harness
from harness.api import API_VERSION, Card, HarnessError
from harness.discovery import Offer
from harness.registration import check_version
from harness.testing import (
    _commands,
    _executors,
    _formats,
    _judges,
    _manifests,
    _metrics,
    _renderers,
    _rewards,
    _tasks,
    _trainers,
)
from harness.testing._subject import Check, CheckWarning, Subject, find_subject

_CALLED_BY_CHECKS = sys.stdlib_module_names | {"numpy"}
_PACKAGE = str(Path(harness.__file__).parent) + os.sep


def checks_for(what: Card | str | Offer, **fields: Any) -> Iterator[Check]:
    """All checks that apply to one plugin object, by its kind.

    Args:
        what: A card, an id such as `mine/my-task`, or an offer of discovery.
        **fields: `options` (the `with:` mapping), `data`, and `context` for the factory.

    Raises:
        PluginError: There is no such object.
    """
    subject = Subject(what, **fields) if isinstance(what, Offer) else find_subject(what, **fields)
    yield from card_checks(subject)
    of_kind = {
        "task": _tasks.checks,
        "judge": _judges.checks,
        "reward": _rewards.checks,
        "format": _formats.checks,
        "metric": _metrics.checks,
        "manifest": _manifests.checks,
        "trainer": _trainers.checks,
        "renderer": _renderers.checks,
        "command": _commands.checks,
        "executor": _executors.checks,
    }
    yield from of_kind[subject.offer.card.kind](subject)


def card_checks(subject: Subject) -> Iterator[Check]:
    """What every card must say."""
    card = subject.offer.card
    yield "card_summary", lambda: _check_summary(card)
    yield "card_api_version", lambda: _check_version(card)
    if card.kind in ("task", "judge"):
        yield "card_licence", lambda: _check_filled(card, "licence")
        yield "card_source", lambda: _check_filled(card, "source")
    for name in ("factory", "options", "unfold", "check", "protocol", "example", "recordings"):
        # Only some kinds of card have all of these.
        module = getattr(card, name, None)
        if module and isinstance(module, str):
            yield f"card_{name}_exists", lambda lazy=module: _check_lazy(subject.offer, lazy)  # type: ignore[misc]


def plugin_checks(module: str) -> Iterator[Check]:
    """What a `plugin.py` must keep to. `module` is its dotted name."""
    from harness.testing._light import check_light

    yield "plugin_import_is_light", lambda: check_light(module)
    yield "plugin_api_version_is_literal", lambda: _check_literal_version(module)


def _check_summary(card: Card) -> None:
    assert card.summary.strip(), f"{card.kind} {card.name}: the card has no summary; say in one line what it is"
    assert "\n" not in card.summary, f"{card.kind} {card.name}: the summary must be one line"
    assert len(card.summary) <= 160, f"{card.kind} {card.name}: the summary must fit a line of 160 characters"


def _check_version(card: Card) -> None:
    stated = card.api_version
    assert stated is not None, (
        f"{card.kind} {card.name}: the card does not state for which version of the plugin API it was written; write "
        f"api_version={API_VERSION}"
    )
    check_version(card)
    if stated < API_VERSION:
        warnings.warn(
            f"{card.kind} {card.name}: written for version {stated} of the plugin API, and the newest is {API_VERSION}",
            CheckWarning,
            stacklevel=2,
        )


def _check_literal_version(module: str) -> None:
    """A version that is taken from the installed harness agrees with every harness, and guards nothing."""
    origin = getattr(find_spec(module), "origin", None)
    # Read and not run: what counts is how the number was written.
    tree = ast.parse(Path(origin).read_bytes() if origin and origin.endswith(".py") else b"")
    keywords = [node for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "api_version"]
    taken = [word.value.lineno for word in keywords if not isinstance(word.value, ast.Constant)]
    assert not taken, (
        f"{module}, line {', '.join(map(str, taken))}: api_version is no literal number; write "
        f"api_version={API_VERSION}, so that it says what the plugin was written for, and not what is installed"
    )


def _check_filled(card: Card, name: str) -> None:
    assert getattr(card, name).strip(), f"{card.kind} {card.name}: the card does not state its {name}; fill it in"


def _check_lazy(offer: Offer, lazy: str) -> None:
    assert ":" in lazy, f"{offer.id}: {lazy!r} is not of the form 'module:attribute'"
    offer.resolve(lazy)


def observe_check(check: Callable[[], None]) -> tuple[str, str]:
    """The fault that a check finds, or `""`, and what it warns of, or `""`."""
    with warnings.catch_warnings(record=True) as caught:
        # Else Python shows a warning once for each line, and the second object passes in silence.
        warnings.simplefilter("always", CheckWarning)
        fault = run_check(check)
    return fault, "\n".join(str(warned.message) for warned in caught if issubclass(warned.category, CheckWarning))


def run_check(check: Callable[[], None]) -> str:
    """The fault that a check finds, or `""`."""
    try:
        check()
    except KeyboardInterrupt:
        raise
    except (AssertionError, HarnessError) as error:
        return str(error) or type(error).__name__
    except BaseException as error:  # a plugin may raise anything, or call sys.exit: that is a finding too
        return f"{type(error).__name__}: {error}{_find_place(error)}"
    return ""


def _find_place(error: BaseException) -> str:
    """Where the checked plugin was when it was raised, ` (FILE, line N)`. Empty where no line of it is in between."""
    lines = [
        (frame.f_code.co_filename, frame.f_globals, line) for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    foreign = [(file, names, line) for file, names, line in lines if not file.startswith(_PACKAGE)]
    # The first foreign line is the plugin's, or that of what the checks themselves call. A plugin may call libraries,
    # and they call others: its own last line is meant.
    owner = str(foreign[0][1].get("__name__", "")).partition(".")[0] if foreign else ""
    folder = str(Path(foreign[0][0]).parent) if foreign else ""
    own = [(file, line) for file, _, line in foreign if file.startswith(folder)]
    if not own or owner in _CALLED_BY_CHECKS:
        # Python turns a StopIteration in a generator into an error that does not know the line.
        return _find_place(error.__cause__) if error.__cause__ is not None else ""
    file, line = own[-1]
    return f" ({file}, line {line})"
