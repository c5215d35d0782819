"""Whether a stranger's function can be called the way it will be, before it is called."""

from __future__ import annotations

import inspect
from collections.abc import Callable


def find_call_fault(function: Callable[..., object], declared: Callable[..., object]) -> str:
    """Why a bound method cannot be called as a method of a protocol is declared. Empty where it can.

    >>> class Declared:
    ...     def render(self, item, *, order): ...
    >>> find_call_fault(lambda item, order: item, Declared.render)
    ''
    >>> find_call_fault(lambda item, places: item, Declared.render)
    "(item, places) instead of (item, *, order): missing a required argument: 'places'"
    """
    wanted = inspect.signature(declared)
    parameters = list(wanted.parameters.values())[1:]
    try:
        # A wrapper may hand over less than it is given, or more: what stands outside is what is called.
        given = inspect.signature(function, follow_wrapped=False)
    except (TypeError, ValueError):  # code in C, and some of what only looks like a function, say nothing of it
        return ""
    by_place = [parameter.name for parameter in parameters if parameter.kind is not parameter.KEYWORD_ONLY]
    by_name = [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]
    try:
        given.bind(*by_place, **dict.fromkeys(by_name))
    except TypeError as error:
        shown = wanted.replace(
            parameters=[parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters],
            return_annotation=inspect.Signature.empty,
        )
        return f"{given} instead of {shown}: {error}"
    return ""
