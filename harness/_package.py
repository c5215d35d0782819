"""Refuses a package `harness` that another distribution has overwritten. Costs one look at an attribute."""

from __future__ import annotations

import harness


def check_package() -> None:
    """See that the package is that of judge-harness.

    Raises:
        ImportError: Another distribution has put its own `harness/__init__.py` in its place.
    """
    if getattr(harness, "DISTRIBUTION", None) != "judge-harness":
        raise ImportError(
            f"{harness.__file__} is not that of judge-harness: another distribution with a package `harness` has "
            "overwritten it. Uninstall that one (pip uninstall harness), then "
            "pip install --force-reinstall judge-harness"
        )
