"""The examples in docstrings of the statistics, run as they stand."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import harness.score

MODULES = [f"harness.score.{module.name}" for module in pkgutil.iter_modules(harness.score.__path__)]


def examples_of(module: str) -> list[doctest.DocTest]:
    return [test for test in doctest.DocTestFinder().find(importlib.import_module(module)) if test.examples]


@pytest.mark.parametrize("module", MODULES)
def test_examples_give_what_they_say(module: str) -> None:
    runner = doctest.DocTestRunner(verbose=False)
    for test in examples_of(module):
        said: list[str] = []
        assert runner.run(test, out=said.append).failed == 0, "".join(said)


def test_the_entry_points_have_examples() -> None:
    names = {test.name.removeprefix("harness.score.") for module in MODULES for test in examples_of(module)}
    assert {"units.build_cell", "significance.compare_cells", "ranks.standings", "worth.rogan_gladen"} <= names
    assert len(names) >= 10
