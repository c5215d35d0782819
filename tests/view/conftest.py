"""Runs to look at, made once a session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.testing import ManifestRunner

PLUGIN = Path(__file__).with_name("drawn_plugin.py")


def manifest(*, harm: bool) -> dict[str, Any]:
    """Two tasks and three judges, with names that try to be something else where `harm` is set."""
    bad = "<img src=x onerror=window.harm='name'>" if harm else ""
    use = "drawn_plugin/teller"
    return {
        "name": "drawn",
        "tasks": [
            {"name": f"drawn{bad}", "use": "drawn_plugin/drawn", "with": {"harm": harm}},
            {"name": "few pictures", "use": "drawn_plugin/drawn", "with": {"count": 6, "harm": harm}},
        ],
        "judges": [
            {"name": f"keen{bad}", "use": use, "with": {"errs": 5, "sure": True, "harm": harm}},
            {"name": "dull", "use": use, "with": {"errs": 2, "sure": True, "harm": harm}},
            {"name": "mute & meek", "use": use, "with": {"errs": 3, "silent": 4, "harm": harm}},
        ],
        "report": {"resamples": 200},
    }


@pytest.fixture
def command() -> Callable[..., int]:
    """Runs `harness` with some arguments in this process, and gives the exit code."""

    def run_command(*arguments: str) -> int:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        return int(ended.value.code or 0)

    return run_command


@pytest.fixture(scope="session", autouse=True)
def _with_pages() -> Iterator[None]:
    """Runs of these tests write their pages, as runs do anywhere but in other tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_REPORT", "yes")
        yield


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 30 items and 3 judges."""
    return ManifestRunner(tmp_path_factory.mktemp("plain"))(manifest(harm=False), plugins=[str(PLUGIN)]).folder


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with harm in every text."""
    return ManifestRunner(tmp_path_factory.mktemp("harm"))(manifest(harm=True), plugins=[str(PLUGIN)]).folder
