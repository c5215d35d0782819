"""The pytest parametriser, after scikit-learn's `parametrize_with_checks`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from harness.api import Card
from harness.testing._checks import checks_for, subject

if TYPE_CHECKING:
    import pytest


def parametrize_with_checks(
    objects: Iterable[Card | str], *, expected_failures: Mapping[str, str] | None = None, **fields: Any
) -> pytest.MarkDecorator:
    """Turn a test with one argument, `check`, into one test for each check of each object.

    Args:
        objects: Cards, or ids such as `mine/my-task`.
        expected_failures: Reason by name of check. Such a test is a strict xfail: it fails when the check passes.
        **fields: `options`, `data` and `context` for the factories.

    Raises:
        PluginError: There is no such object.
        ValueError: `expected_failures` names a check that does not exist.
    """
    import pytest

    expected = dict(expected_failures or {})
    params, names = [], set()
    for what in objects:
        one = subject(what, **fields)
        for name, check in checks_for(one.offer, **fields):
            names.add(name)
            marks = [pytest.mark.xfail(reason=expected[name], strict=True)] if name in expected else []
            params.append(pytest.param(check, id=f"{one.offer.id}-{name}", marks=marks))
    unknown = sorted(set(expected) - names)
    if unknown:
        raise ValueError(f"expected_failures: no such check {', '.join(unknown)}; there are {', '.join(sorted(names))}")
    return pytest.mark.parametrize("check", params)
