"""The cards of the tasks: a light module for each data set, found by being here."""

from __future__ import annotations

import importlib
import pkgutil

from harness.api import TaskCard


def cards() -> list[TaskCard]:
    """The cards of every module in this folder, by name of the module."""
    modules = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return [card for name in modules for card in importlib.import_module(f"{__name__}.{name}").CARDS]
