"""Refuses a package `harness` that another distribution has overwritten. The check reads a single attribute."""

from __future__ import annotations

import harness


def check_package() -> None:
    """Check that the package belongs to judge-harness.

    Raises:
        ImportError: Another distribution has put its own `harness/__init__.py` in its place.
    """
    # pip overwrites files of another distribution without a word. Imports would then fail without naming the cause.
    if getattr(harness, "DISTRIBUTION", None) != "judge-harness":
        raise ImportError(
            f"{harness.__file__} is not that of judge-harness: another distribution with a package `harness` has "
            "overwritten it. Uninstall that one (pip uninstall harness), then "
            "pip install --force-reinstall judge-harness"
        )
