"""The examples in docstrings of the public API, run as they stand."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import harness.api
import harness.formats

MODULES = ("harness.first_party", "harness.report.escaping", "harness.libraries.text")


def find_modules() -> Iterator[str]:
    """Every module of the public API, of the formats, and the small ones beside them."""
    for package in (harness.api, harness.formats):
        yield package.__name__
        yield from (info.name for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."))
    yield from MODULES


def find_examples(module: str) -> list[doctest.DocTest]:
    """The docstrings of a module that have an example."""
    found = doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(module))
    return [test for test in found if test.examples]


EXAMPLES = [(test.name, test) for module in sorted(set(find_modules())) for test in find_examples(module)]


@pytest.mark.parametrize("test", [test for _, test in EXAMPLES], ids=[name for name, _ in EXAMPLES])
def test_an_example_gives_what_it_says(
    test: doctest.DocTest, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # where examples put their files
    options = doctest.ELLIPSIS | doctest.REPORT_NDIFF
    failed = doctest.DocTestRunner(optionflags=options, verbose=False).run(test).failed
    assert not failed, capsys.readouterr().out


def test_the_main_classes_have_an_example() -> None:
    names = {name for name, _ in EXAMPLES}
    expected = {
        "spaces._kinds.Choice",
        "spaces._kinds.Preference",
        "spaces._kinds.Score",
        "spaces._kinds.Ranking",
        "_protocol.Protocol",
        "_records.Item",
        "_records.Judgement",
        "_requests.Request",
        "_requests.VerdictFormat",
        "results._metrics.Metric",
        "images._image.Image",
        "data._table_task.TableTask",
        "data._sources.find_splits",
        "data._cells.Row",
        "data._cells.Cell",
        "reading._binding.resolve_marks",
        "reading._plain.read_plain",
        "reading._reasoning.split_reasoning",
    }
    assert {f"harness.api.{name}" for name in expected} <= names
