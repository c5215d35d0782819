"""A small finished run, its bundle, and the command line."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

import pytest

from harness.bundle.write import write_bundle
from harness.cli import main

Command: TypeAlias = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="session")
def bundles() -> ModuleType:
    """`tests/faults/bundles.py`, which makes runs and takes bundles apart."""
    place = Path(__file__).parents[1] / "faults" / "bundles.py"
    spec = importlib.util.spec_from_file_location("bundles_of_the_campaign", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def made(bundles: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder that no test changes."""
    folder: Path = bundles.make_run(tmp_path_factory.mktemp("made"))
    return folder


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    """A copy, which may be changed."""
    return Path(shutil.copytree(made, tmp_path / "runs" / made.name))


@pytest.fixture
def bundle(made: Path, tmp_path: Path) -> Path:
    """The bundle of the run."""
    write_bundle(made, tmp_path / "honest.bundle")
    return tmp_path / "honest.bundle"


@pytest.fixture
def harness(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.chdir(tmp_path)

    def command(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(map(str, arguments)))
        said = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        assert "Traceback" not in said.err
        return ended.value.code, said.out, said.err

    return command
