"""The pytest parametriser, after scikit-learn's `parametrize_with_checks`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from harness.api import Card, PluginError
from harness.testing._planned import plan_checks

if TYPE_CHECKING:
    import pytest

    from harness.api import Context


def parametrize_with_checks(
    what: Card | str | Iterable[Card | str],
    *,
    expected_failures: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
    data: str | None = None,
    context: Context | None = None,
) -> pytest.MarkDecorator:
    """Turn a test with one argument, `check`, into one test for each check of a plugin, as `harness check` makes them.

    Of an object with options that must be given and are not, the card is checked, and one skipped test says which.

    Args:
        what: The name of a plugin, for the plugin's module and all of its objects; the id of an object, such as
            `mine/my-task`; a card; or several of these.
        expected_failures: Reason by name of check, or by id of test (`mine/my-task-task_splits`) for one object alone.
            Such a test is a strict xfail: it fails when the check passes.
        options: For the factories. Of several objects, each is given those that it knows.
        data: Data for a task, or the model that a trainer starts from.
        context: For the factories, in place of a fake one.

    Raises:
        PluginError: There is no such plugin or object, it offers nothing, or none of the objects has an option.
        ValueError: `expected_failures` names a check that does not exist.
    """
    # Imported here: `harness check` uses this package where pytest is not installed.
    import pytest

    listed = [what] if isinstance(what, Card | str) else list(what)
    planned = list(plan_checks(listed, give="in `options`", options=options, data=data, context=context))
    if not planned:
        raise PluginError(f"{', '.join(map(str, listed))} offers no object, and nothing of it can be checked")
    expected = dict(expected_failures or {})
    params, names = [], set()
    for test in planned:
        full = f"{test.about}-{test.name}"
        names |= {full, test.name}
        # The full name first: it says more than the name of a check alone.
        reason = expected.get(full, expected.get(test.name))
        marks = [pytest.mark.skip(reason=test.skip)] if test.skip else []
        marks += [] if reason is None else [pytest.mark.xfail(reason=reason, strict=True)]
        params.append(pytest.param(test.check, id=full, marks=marks))
    # Else a check that was renamed would leave an expectation that means nothing.
    unknown = sorted(set(expected) - names)
    if unknown:
        known = ", ".join(sorted({test.name for test in planned}))
        raise ValueError(f"expected_failures: no such check {', '.join(unknown)}; there are {known}")
    return pytest.mark.parametrize("check", params)
