"""Functions of strangers are held against the call that they will get."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from harness.libraries.calls import find_call_fault


class Declared:
    def render(self, item: str, *, order: tuple[int, ...]) -> str:
        return item


def _fill_in(function: Callable[..., str]) -> Callable[..., str]:
    """A wrapper that gives one argument more than it gets, and shows the signature of what it wraps."""
    return functools.wraps(function)(lambda *given, **named: function("client", *given, **named))


@pytest.mark.parametrize(
    "function",
    [
        Declared().render,
        lambda item, order: item,
        lambda *given, **named: given,
        lambda item, order, more=1: item,
        _fill_in(lambda client, item, order: item),
        min,  # code in C that says nothing of its arguments
    ],
)
def test_what_can_be_called_so_has_no_fault(function: Callable[..., Any]) -> None:
    assert find_call_fault(function, Declared.render) == ""


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        (lambda: "", "() instead of (item, *, order): too many positional arguments"),
        (Declared.render, "(self, item: 'str', *, order: 'tuple[int, ...]') -> 'str' instead of (item, *, order): "),
        (lambda item: item, "(item) instead of (item, *, order): got an unexpected keyword argument 'order'"),
        (lambda item, x, order: item, "(item, x, order) instead of (item, *, order): missing a required argument: 'x'"),
    ],
)
def test_what_cannot_be_called_so_is_told_with_both_forms(function: Callable[..., Any], fault: str) -> None:
    assert find_call_fault(function, Declared.render).startswith(fault)
