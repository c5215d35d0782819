"""What a check is, how objects are found and made for checking, and the checks of cards and plugin modules."""

from __future__ import annotations

import ast
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

from harness.api import API_VERSION, Card, Context, HarnessError, PluginError
from harness.discovery import KINDS, Offer, Plugins
from harness.registration import check_version
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
        """The object, made anew by its factory."""
        model = self.offer.options_model()
        if model is None:
            assert not self.options, f"{self.offer.id} takes no options, and {sorted(self.options)} were given"
        options, data = self.inputs
        return self.offer.create(None if model is None else model.model_validate(options), self.context_with(data))

    @cached_property
    def inputs(self) -> tuple[dict[str, Any], str | None]:
        """Options and data of the factory: what was given, or else the example of the card, its first entry."""
        if self.context is not None or self.data is not None or getattr(self.offer.card, "example", None) is None:
            return self.options, self.data
        folder = Path(tempfile.mkdtemp(prefix="harness-example-"))
        options = {**example(self, folder), **self.options}
        return entries_of(self, options, self.context_with(str(folder)))[0], str(folder)

    def context_with(self, data: str | None) -> Context:
        """What the factory is given."""
        workspace = Path(tempfile.mkdtemp(prefix="harness-check-"))
        return self.context or FakeContext(workspace=workspace, name=self.offer.card.name, data=data)

    @property
    def made(self) -> Any:
        """The object, made once."""
        if not hasattr(self, "_made"):
            self._made = self.make()
        return self._made


def subject(what: Card | str, **fields: Any) -> Subject:
    """Find and wrap what is to be checked: a card, or an id such as `mine/my-task`."""
    if isinstance(what, Card):
        return Subject(Offer(f"card/{what.name}", what, "a card", "-"), **fields)
    plugins = Plugins.load()
    found = [offer for kind in KINDS for offer in plugins.offers(kind) if offer.id == what]
    if len(found) == 1:
        return Subject(found[0], **fields)
    if found:
        raise PluginError(f"{what!r} is the id of a {' and a '.join(one.card.kind for one in found)}; give the card")
    for kind in KINDS:
        named = [offer for offer in plugins.offers(kind) if offer.card.name == what]
        if len(named) == 1:
            return Subject(named[0], **fields)
    plugins.find("task", what)  # raises with near misses or with what broke the plugin
    raise PluginError(f"there is no plugin object {what!r}")


def example(one: Subject, folder: Path) -> dict[str, Any]:
    """Write the example that a task's card names into a folder; returns the options that it needs."""
    folder.mkdir(parents=True, exist_ok=True)
    needed: dict[str, Any] | None = one.offer.resolve(one.offer.card.example)(folder)  # type: ignore[attr-defined]
    return needed or {}


def entries_of(one: Subject, options: dict[str, Any], context: Context) -> list[dict[str, Any]]:
    """The options of each entry that an entry with these options stands for."""
    model = one.offer.options_model()
    entries = one.offer.unfold(None if model is None else model.model_validate(options), context)
    return [options] if entries is None else [entry.options for entry in entries]


def checks_for(what: Card | str | Offer, **fields: Any) -> Iterator[Check]:
    """All checks that apply to one plugin object, by its kind.

    Args:
        what: A card, an id such as `mine/my-task`, or an offer of discovery.
        **fields: `options` (the `with:` mapping), `data`, and `context` for the factory.

    Raises:
        PluginError: There is no such object.
    """
    from harness.testing import _formats, _judges, _manifests, _metrics, _rewards, _tasks, _trainers

    one = Subject(what, **fields) if isinstance(what, Offer) else subject(what, **fields)
    yield from card_checks(one)
    of_kind = {
        "task": _tasks.checks,
        "judge": _judges.checks,
        "reward": _rewards.checks,
        "format": _formats.checks,
        "metric": _metrics.checks,
        "manifest": _manifests.checks,
        "trainer": _trainers.checks,
    }
    yield from of_kind[one.offer.card.kind](one)


def card_checks(one: Subject) -> Iterator[Check]:
    """What every card must say."""
    card = one.offer.card
    yield "card_summary", lambda: _check_summary(card)
    yield "card_api_version", lambda: _check_version(card)
    if card.kind in ("task", "judge"):
        yield "card_licence", lambda: _check_filled(card, "licence")
        yield "card_source", lambda: _check_filled(card, "source")
    for name in ("factory", "options", "unfold", "check", "protocol", "example"):
        module = getattr(card, name, None)
        if module and isinstance(module, str):
            yield f"card_{name}_exists", lambda lazy=module: _check_lazy(one.offer, lazy)  # type: ignore[misc]


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
    tree = ast.parse(Path(origin).read_bytes() if origin and origin.endswith(".py") else b"")
    keywords = [node for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "api_version"]
    taken = [one.value.lineno for one in keywords if not isinstance(one.value, ast.Constant)]
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
        warnings.simplefilter("always", CheckWarning)
        fault = run_check(check)
    return fault, "\n".join(str(one.message) for one in caught if issubclass(one.category, CheckWarning))


def run_check(check: Callable[[], None]) -> str:
    """The fault that a check finds, or `""`."""
    try:
        check()
    except KeyboardInterrupt:
        raise
    except (AssertionError, HarnessError) as error:
        return str(error) or type(error).__name__
    except BaseException as error:  # a plugin may raise anything, or call sys.exit: that is a finding too
        return f"{type(error).__name__}: {error}"
    return ""
