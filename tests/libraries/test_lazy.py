"""Names that are imported when they are used first."""

from __future__ import annotations

import sys
import types

import pytest

from harness.libraries.lazy import find_lazily


def test_a_name_is_found_once_where_it_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    package, inside, outside = types.ModuleType("some"), types.ModuleType("some.part"), types.ModuleType("other")
    inside.first, outside.second = [1], [2]  # type: ignore[attr-defined]
    package.__path__ = []
    package.__getattr__ = find_lazily("some", {"first": ".part", "second": "other"})  # type: ignore[method-assign]
    for module in (package, inside, outside):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    assert package.first == [1]
    assert package.second == [2]
    del inside.first
    assert package.first == [1]
    with pytest.raises(AttributeError, match="module 'some' has no attribute 'third'"):
        package.third  # noqa: B018
