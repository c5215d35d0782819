"""The cards of the benchmarks: a light module for each, found by being here."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

from harness.api import MetricCard, TaskCard


def cards() -> list[TaskCard]:
    """The cards of every module in this folder, by name of the module."""
    return [card for module in _modules() for card in module.CARDS]


def metrics() -> list[MetricCard]:
    """The cards of the metrics that benchmarks have of their own."""
    return [card for module in _modules() for card in getattr(module, "METRICS", [])]


def _modules() -> Iterator[ModuleType]:
    # Found by being there: a new benchmark needs no list to be changed. Sorted, so that the order is always the same.
    for name in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        yield importlib.import_module(f"{__name__}.{name}")
