"""Fixtures of the documentation's tests: the generator, the pages, and one finished run of the OOD benchmark."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def generate() -> ModuleType:
    """`docs/_generate.py` as a module, its neighbours within reach."""
    sys.path.insert(0, str(ROOT / "docs"))
    return _module("_generate", ROOT / "docs" / "_generate.py")


@pytest.fixture(scope="session")
def readme() -> ModuleType:
    """`docs/_readme.py` as a module."""
    return _module("_readme", ROOT / "docs" / "_readme.py")


@pytest.fixture(scope="session")
def ood_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `runs` folder in which `benchmarks/ood.yaml` has finished; it is run once for all tests."""
    place = tmp_path_factory.mktemp("ood")
    (place / "benchmarks").symlink_to(ROOT / "benchmarks")
    # The README's first command may have left one: the same command goes on from it, and asks what is not answered.
    for left in (ROOT / "runs").glob("ood-*/journal.sqlite"):
        shutil.copytree(left.parent, place / "runs" / left.parent.name)
    done = subprocess.run(
        [sys.executable, "-m", "harness", "run", "benchmarks/ood.yaml"],
        cwd=place,
        env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    made = re.search(r"run folder: (\S+)", done.stderr)
    assert made is not None
    for folder in (place / "runs").glob("ood-*"):
        if folder != place / made[1]:
            shutil.rmtree(folder)
    return place / "runs"


def _module(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
