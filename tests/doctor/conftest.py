"""The toy plugins, files in a folder of their own, and shortcuts to what is tested."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.discovery import Plugins
from harness.doctor.overlap import Overlap, find_overlap
from harness.doctor.splits import TaskSplit, load_files, task_splits

SHADES = Path(__file__).with_name("shades_plugin.py")
TOY = Path(__file__).parents[1] / "training" / "toy_plugin.py"

Reach = Callable[..., list[TaskSplit]]
Find = Callable[..., Overlap]


@pytest.fixture(scope="session")
def plugins() -> Plugins:
    return Plugins.load(extra=[str(SHADES), str(TOY)])


@pytest.fixture
def reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plugins: Plugins) -> Reach:
    """Writes files, given as text, and reaches the splits of those that are named `main*`, or of all."""
    monkeypatch.chdir(tmp_path)

    def _reach(**files: str) -> list[TaskSplit]:
        for name, text in files.items():
            (tmp_path / f"{name}.yaml").write_text(text)
        paths = [Path(f"{name}.yaml") for name in files if name.startswith("main")]
        loaded = load_files(paths, sets=(), plugins=plugins)
        return task_splits(loaded, plugins, runs=Path("runs"), checkpoints=Path("checkpoints"))

    return _reach


@pytest.fixture
def find(reach: Reach) -> Find:
    """Like `reach`, and finds what the splits share."""

    def _find(*, pixels: bool = False, limit: int | None = None, **files: str) -> Overlap:
        return find_overlap(reach(**files), pixels=pixels, limit=limit, say=lambda line: None)

    return _find
