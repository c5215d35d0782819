"""Runs to look at from Python, made once a session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import harness
from harness.library import Run

DRAWN = Path(__file__).parents[1] / "view" / "drawn_plugin.py"


def manifest(*, harm: bool) -> dict[str, Any]:
    """Two tasks and three judges, with names that try to be something else where `harm` is set."""
    bad = "<img src=x onerror=window.harm='name'>\u202e" if harm else ""
    use = "drawn_plugin/teller"
    return {
        "name": "drawn",
        "tasks": [
            {"name": f"drawn{bad}", "use": "drawn_plugin/drawn", "with": {"harm": harm}},
            {"name": "few", "use": "drawn_plugin/drawn", "with": {"count": 6, "harm": harm}},
        ],
        "judges": [
            {"name": f"keen{bad}", "use": use, "with": {"errs": 5, "sure": True, "harm": harm}},
            {"name": "dull", "use": use, "with": {"errs": 2, "sure": True, "harm": harm}},
            {"name": "mute", "use": use, "with": {"errs": 3, "silent": 4, "harm": harm}},
        ],
        "report": {"resamples": 200},
    }


def make_run(folder: Path, *, harm: bool) -> Run:
    """Run it."""
    (folder / "m.yaml").write_text(yaml.safe_dump(manifest(harm=harm), allow_unicode=True), encoding="utf-8")
    return harness.run(folder / "m.yaml", runs=folder / "runs", plugin=[DRAWN], progress=False)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of 30 items and 3 judges, with pictures and reasons."""
    return make_run(tmp_path_factory.mktemp("plain"), harm=False)


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The same with harm in every text."""
    return make_run(tmp_path_factory.mktemp("harm"), harm=True)
