"""A member that is nearly the name of an optional one: the harness would pass it over in silence."""

from __future__ import annotations

import difflib
import inspect
import warnings

from harness.api.optional import OPTIONAL
from harness.testing._subject import CheckWarning

_CUTOFF = 0.8


def check_members(kind: str, instance: object) -> None:
    """Warn of public members that are nearly, and not quite, called like an optional member that the object lacks.

    A method is only compared with methods, and an attribute with attributes. That it is a warning is because the name
    may be meant.
    """
    lacking = {name: method for name, method in members(kind).items() if not hasattr(instance, name)}
    for name in dir(instance):
        if name.startswith("_") or name in members(kind):
            continue
        # A method `closed` and an attribute `closed` are meant for different things.
        same_sort = [other for other, method in lacking.items() if method == _is_method(instance, name)]
        # Another style of writing first: it is never a coincidence.
        close = [other for other in same_sort if _plain(other) == _plain(name)]
        close += difflib.get_close_matches(name, same_sort, n=1, cutoff=_CUTOFF)
        if close:
            warnings.warn(
                f"it has {name}, which the harness does not look for; did you mean {close[0]}?",
                CheckWarning,
                stacklevel=2,
            )


def members(kind: str) -> dict[str, bool]:
    """The optional members of a kind of object, and whether each is a method."""
    return {
        name: callable(member)
        for protocol in OPTIONAL[kind]
        for name, member in vars(protocol).items()
        if not name.startswith("_")
    }


def _is_method(instance: object, name: str) -> bool:
    member = inspect.getattr_static(instance, name)
    return callable(member) or isinstance(member, classmethod)


def _plain(name: str) -> str:
    """A name without its underscores and capitals: `countItems` is `count_items`."""
    return name.replace("_", "").lower()
