"""The same bytes with 1, 2 and 4 workers on two nodes, and when a node is killed in the middle of a run."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="Ray is not installed: pip install -e plugins/executors/ray[test]")
pytest.importorskip("psutil", reason="psutil is not installed: pip install -e plugins/executors/ray[test]")

FILES = ("scores.json", "leaderboard.json", "leaderboard.md", "leaderboard.csv")
HERE = Path(__file__).parent


def run_process(*command: str, cwd: Path, timeout: float = 360) -> subprocess.CompletedProcess[str]:
    """Run a command in a session of its own, so that all that it leaves can be ended."""
    path = os.pathsep.join([str(HERE.parent / "src"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=cwd, env=environment, text=True, stdout=pipe, stderr=pipe, start_new_session=True
    ) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        finally:
            with contextlib.suppress(ProcessLookupError):  # nothing is left, as should be
                os.killpg(process.pid, signal.SIGKILL)
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def write_manifest(folder: Path) -> Path:
    path = folder / "m.yaml"
    options = f"{{seconds: 0.004, log: {folder / 'log'}}}"
    path.write_text(
        "name: m\n"
        "tasks:\n"
        "  - {use: miniature/technical, with: {items: 150}}\n"
        "  - {use: miniature/pairwise-alignment, with: {items: 20}}\n"
        f"judges: [{{use: practice/worker, with: {options}}}]\n"
    )
    return path


def read_results(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


@pytest.mark.slow
@pytest.mark.timeout(420)  # half a minute on two idle cores
def test_runs_on_two_nodes_have_the_bytes_of_a_run_in_one_process_also_when_a_node_dies(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path)
    command = [sys.executable, "-m", "harness", "--plugin", "harness.execution.practice", "run", str(manifest)]
    alone = run_process(*command, "--runs", "alone", cwd=tmp_path)
    assert alone.returncode == 0, alone.stderr
    wanted = read_results(next((tmp_path / "alone").glob("m-*")))
    done = run_process(sys.executable, str(HERE / "cluster.py"), str(manifest), str(tmp_path / "log"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-4000:]
    runs = json.loads(done.stdout.splitlines()[-1])
    for name, run in runs.items():
        assert run["errors"] == 0, name
        assert read_results(tmp_path / run["folder"]) == wanted, name
        lost = [line for line in run["said"] if "lost a worker" in line]
        assert bool(lost) == (name == "killed"), run["said"]
    assert [runs[name]["processes"] for name in ("one", "two", "four")] == [1, 2, 4]
