"""Names of a package that are imported when they are used first, by PEP 562."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping


def find_lazily(package: str, places: Mapping[str, str]) -> Callable[[str], object]:
    """A `__getattr__` for a package. Each name is looked for once.

    Args:
        package: Its name.
        places: The module of each name. One that begins with a dot is in the package.
    """

    def find(name: str) -> object:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        import importlib

        found: object = getattr(importlib.import_module(places[name], package), name)
        setattr(sys.modules[package], name, found)
        return found

    return find
