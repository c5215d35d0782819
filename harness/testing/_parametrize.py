"""The pytest parametriser, after scikit-learn's `parametrize_with_checks`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.api import Card, PluginError
from harness.discovery import Offer, Plugins
from harness.testing._checks import checks_for, plugin_checks
from harness.testing._plugins import missing_options, module_of, offers_of, plugin_named
from harness.testing._subject import subject

if TYPE_CHECKING:
    import pytest


@dataclass(frozen=True, slots=True, kw_only=True)
class _Test:
    """One test of one object or plugin."""

    about: str
    """What it is about: an id, or the name of a plugin."""
    name: str
    """Name of the check."""
    check: Callable[[], None]
    skip: str = ""
    """Why it is not made, where it is not."""


def parametrize_with_checks(
    objects: Iterable[Card | str], *, expected_failures: Mapping[str, str] | None = None, **fields: Any
) -> pytest.MarkDecorator:
    """Turn a test with one argument, `check`, into one test for each check of each object.

    Of an object with options that must be given and are not, the card is checked, and one skipped test says which.

    Args:
        objects: Names of plugins, for the plugin's module and all of its objects; ids such as `mine/my-task`; or cards.
        expected_failures: Reason by name of check. Such a test is a strict xfail: it fails when the check passes.
        **fields: `options`, `data` and `context` for the factories.

    Raises:
        PluginError: There is no such plugin or object, or it offers nothing.
        ValueError: `expected_failures` names a check that does not exist.
    """
    import pytest

    expected = dict(expected_failures or {})
    params, names = [], set()
    for test in (test for what in objects for test in _tests(what, fields)):
        names.add(test.name)
        marks = [pytest.mark.skip(reason=test.skip)] if test.skip else []
        marks += [pytest.mark.xfail(reason=expected[test.name], strict=True)] if test.name in expected else []
        params.append(pytest.param(test.check, id=f"{test.about}-{test.name}", marks=marks))
    unknown = sorted(set(expected) - names)
    if unknown:
        raise ValueError(f"expected_failures: no such check {', '.join(unknown)}; there are {', '.join(sorted(names))}")
    return pytest.mark.parametrize("check", params)


def _tests(what: Card | str, fields: Mapping[str, Any]) -> Iterator[_Test]:
    """The tests of a card, of an object, or of a plugin with all of its objects."""
    plugins = None if isinstance(what, Card) else Plugins.load()
    row = None if plugins is None else plugin_named(plugins, str(what))
    if plugins is None or row is None:
        _refuse_unloaded(plugins, what)
        yield from _of_offer(subject(what, **fields).offer, fields)
        return
    module, offers = module_of(row), offers_of(plugins, row.name)
    if module is not None:
        yield from (_Test(about=row.name, name=name, check=check) for name, check in plugin_checks(module))
    for offer in offers:
        yield from _of_offer(offer, fields)
    if module is None and not offers:
        raise PluginError(f"plugin {row.name!r} offers no object, and nothing of it can be checked")


def _refuse_unloaded(plugins: Plugins | None, what: Card | str) -> None:
    for row in () if plugins is None else plugins.rows:
        if row.name == what:
            raise PluginError(f"plugin {row.name!r} is {row.outcome}")


def _of_offer(offer: Offer, fields: Mapping[str, Any]) -> Iterator[_Test]:
    missing = missing_options(offer, fields.get("options") or {}, data=fields.get("data"))
    for name, check in checks_for(offer, **fields):
        if not missing or name.startswith("card_"):
            yield _Test(about=offer.id, name=name, check=check)
    if missing:
        reason = f"{offer.id}: only its card is checked; give {', '.join(missing)} in `options`"
        yield _Test(about=offer.id, name="options_given", check=lambda: None, skip=reason)
