"""The toy plugin, recipes in a folder of their own, and the command line as a function."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.discovery import Plugins
from harness.manifest.load import load_recipe
from harness.training.plan import PlannedRecipe, plan_recipe

TOY = Path(__file__).with_name("toy_plugin.py")
RECIPE = """\
name: tiny
description: A small one.
tasks:
  - {use: sums}
  - {use: pairs, limit: 5, weight: 2}
rewards:
  - {use: right, weight: 0.9, tasks: [sums]}
trainer: {use: counter, with: {steps: 4}}
"""

Plan = Callable[..., PlannedRecipe]
Harness = Callable[..., int]


@pytest.fixture(scope="session")
def toy() -> Path:
    """The plugin file."""
    return TOY


@pytest.fixture(scope="session")
def plugins() -> Plugins:
    return Plugins.load(extra=[str(TOY)])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, with the recipe `r.yaml` and a log of what the toy trainer does."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOY_LOG", str(tmp_path / "log"))
    (tmp_path / "r.yaml").write_text(RECIPE)
    return tmp_path


@pytest.fixture
def said() -> list[str]:
    """Lines that were said."""
    return []


@pytest.fixture
def plan(folder: Path, plugins: Plugins, said: list[str]) -> Plan:
    """Plan `r.yaml`, or a recipe given as text."""

    def _plan(text: str | None = None, *sets: str) -> PlannedRecipe:
        if text is not None:
            (folder / "r.yaml").write_text(text)
        loaded = load_recipe(Path("r.yaml"), sets=sets, plugins=plugins)
        return plan_recipe(loaded, plugins, checkpoints=Path("checkpoints"), say=said.append)

    return _plan


@pytest.fixture
def harness(folder: Path) -> Harness:
    """Run the command in this process; returns its exit code."""

    def _run(*arguments: str) -> int:
        with pytest.raises(SystemExit) as caught:
            main(["-p", str(TOY), *arguments])
        assert isinstance(caught.value.code, int)
        return caught.value.code

    return _run


@pytest.fixture
def steps(folder: Path) -> Callable[[], list[str]]:
    """The steps that the toy trainer has done, `recipe step`."""

    def _steps() -> list[str]:
        log = folder / "log"
        lines = log.read_text().splitlines() if log.is_file() else []
        return [line.removeprefix("step ") for line in lines if line.startswith("step ")]

    return _steps


@pytest.fixture
def learnt(folder: Path) -> Callable[[Path], Any]:
    """What a toy checkpoint holds."""
    return lambda checkpoint: json.loads((checkpoint / "model" / "answers.json").read_text())
