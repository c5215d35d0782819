"""A run of two judges whose names are hostile, and a training in a process that can be killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from harness.testing import ManifestRunner

# Where the plugin is not installed, its modules can still be tested. The other folder has `tracker_cases`.
SOURCE = Path(__file__).parents[1] / "src"
sys.path[:0] = [str(SOURCE), str(Path(__file__).parent)]

from tracker_cases import MANIFEST, PLANTED, Run, Train  # noqa: E402

TRAIN = """
import json, os, signal, sys
from pathlib import Path
from harness_trackers.sending import end_training, follow_training
folder, first, last, end = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
for step in range(first, last + 1):
    for metrics in ({"task/reward": step / 10}, {"task/reward": step / 10, "a b/c\\x1b": float(step), "bad": None}):
        with (folder / "curves.jsonl").open("a") as stream:
            stream.write(json.dumps({"step": step, "metrics": metrics}) + chr(10))
        follow_training("tiny", folder)
if end == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
record = {"scores": {"task/accuracy": 0.75}, "selected": 3, "steps": last, "seconds": 1.5, "hash": "abc",
          "harness": "0.1.0", "python": "3.11", "finished": "now", "plugins": {"judge-harness-x": "1"}}
end_training("tiny", folder, record if end == "finish" else None)
"""


@pytest.fixture(autouse=True)
def _no_trackers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer has set must not be sent to."""
    for name in list(os.environ):
        if name.startswith(("HARNESS_TRACKERS", "MLFLOW_", "WANDB_")):
            monkeypatch.delenv(name)
    monkeypatch.delenv("HARNESS_REPORT", raising=False)
    monkeypatch.setenv("PLANTED", PLANTED)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(SOURCE), os.environ.get("PYTHONPATH", "")]))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the manifest, as often as it is called, with the trackers that the environment names by then."""
    monkeypatch.chdir(tmp_path)
    rows = [{"id": str(n), "q": f"Is {n} even?", "label": "no" if n % 2 else "yes"} for n in range(20)]
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    # Where the plugin is installed it is found by itself.
    known = any(point.name == "trackers" for point in entry_points(group="harness"))
    return lambda: ManifestRunner(tmp_path)(MANIFEST, plugins=[] if known else ["harness_trackers.plugin"])


@pytest.fixture
def train(tmp_path: Path) -> Train:
    """Logs steps of a training in a process of its own, and gives what it said: `train(1, 5, "kill")`."""
    folder = tmp_path / "checkpoints" / "tiny-abc"
    folder.mkdir(parents=True)
    (folder / "recipe.yaml").write_text("name: tiny\ntrainer: {use: toy, with: {steps: 9, api_key: abcdefgh}}\n")

    def call(first: int, last: int, end: str) -> str:
        command = [sys.executable, "-c", TRAIN, str(folder), str(first), str(last), end]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200)
        assert done.returncode == (-9 if end == "kill" else 0), done.stderr
        return done.stderr

    return call


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """The folder that `train` writes into."""
    return tmp_path / "checkpoints" / "tiny-abc"
