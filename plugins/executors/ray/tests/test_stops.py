"""Signals to a run on Ray, a run that goes from one executor to another, and the contract of executors."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="Ray is not installed: pip install -e plugins/executors/ray[test]")
psutil = pytest.importorskip("psutil", reason="psutil is not installed: pip install -e plugins/executors/ray[test]")

FILES = ("scores.json", "leaderboard.json", "leaderboard.md", "leaderboard.csv")
HERE = Path(__file__).parent
ITEMS = 300
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join([str(HERE.parent / "src"), os.environ.get("PYTHONPATH", "")]),
}

PLUGIN = "from harness_ray.plugin import harness_executors\n"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A cluster that outlives the runs. To start one for each of them would take most of the time."""
    with subprocess.Popen(
        [sys.executable, str(HERE / "serve.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield next(line.split()[1] for line in process.stdout if line.startswith("address "))
            process.communicate(timeout=60)
        finally:
            with contextlib.suppress(ProcessLookupError):  # nothing is left, as should be
                os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "near.py").write_text(PLUGIN)  # the same executor, also where its entry point is not installed
    (tmp_path / "m.yaml").write_text(
        f"name: m\ntasks: [{{use: miniature/technical, with: {{items: {ITEMS}}}}}]\n"
        f"judges: [{{use: practice/worker, with: {{seconds: 0.01, log: {tmp_path / 'log'}}}}}]\n"
    )
    return tmp_path


def harness(place: Path, *words: str) -> list[str]:
    plugins = ["--plugin", "harness.execution.practice", "--plugin", str(place / "near.py")]
    return [sys.executable, "-m", "harness", *plugins, *words]


def run(place: Path, runs: str, executor: str) -> list[str]:
    """A run; `executor` is the address of a cluster, `local` for one of its own, or empty for no executor."""
    options = ["--executor", "near/ray", "--executor-option", "workers=2"] if executor else []
    options += ["--executor-option", f"address={executor}"] if executor not in ("", "local") else []
    return harness(place, "run", str(place / "m.yaml"), "--runs", str(place / runs), *options)


def answered(place: Path) -> list[int]:
    """For each answer the process that gave it."""
    log = place / "log"
    return [int(pid) for pid in log.read_text().split()] if log.exists() else []


def count_recorded(place: Path, runs: str) -> int:
    (journal,) = (place / runs).glob("m-*/journal.sqlite")
    with contextlib.closing(sqlite3.connect(journal)) as database:
        (count,) = database.execute("SELECT COUNT(*) FROM judgements").fetchone()
    return int(count)


def stop(place: Path, executor: str, number: int, *, whole_group: bool = False) -> int:
    """Begin or go on with a run, and send it a signal after some answers. Returns the exit code."""
    before = len(answered(place))
    with subprocess.Popen(
        run(place, "runs", executor),
        cwd=place,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        until = time.monotonic() + 90
        while len(answered(place)) < before + 10:
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < until, "nothing is answered"
            time.sleep(0.02)
        started = psutil.Process(process.pid).children(recursive=True)
        # A terminal sends Ctrl-C to all processes of the group, those that Ray has started too.
        (os.killpg if whole_group else os.kill)(process.pid, number)
        _, said = process.communicate(timeout=90)
    assert "interrupted; run the same command again to go on" in said
    assert "Traceback" not in said
    workers = set(answered(place)[before:])
    left, waited = {1}, time.monotonic() + 5
    while left and time.monotonic() < waited:
        alive = {child.pid for child in started if child.is_running() and child.status() != psutil.STATUS_ZOMBIE}
        left = alive | {pid for pid in workers if psutil.pid_exists(pid)}
        time.sleep(0.05)
    assert not left, "workers and what else was started have ended"
    return process.returncode


@pytest.mark.slow
@pytest.mark.timeout(420)  # 20 s on two idle cores
def test_a_run_is_stopped_under_one_executor_and_goes_on_under_another_without_loss(place: Path, address: str) -> None:
    assert stop(place, address, signal.SIGTERM) == 128 + signal.SIGTERM
    # What was in flight has come home: all that was answered is recorded.
    assert count_recorded(place, "runs") == len(answered(place))
    assert stop(place, "", signal.SIGINT) == 128 + signal.SIGINT
    assert stop(place, "local", signal.SIGINT, whole_group=True) == 128 + signal.SIGINT
    assert count_recorded(place, "runs") == len(answered(place)) < ITEMS
    for runs, executor in (("runs", address), ("alone", "")):
        done = subprocess.run(
            run(place, runs, executor), cwd=place, env=ENVIRONMENT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert count_recorded(place, runs) == ITEMS
    # Two whole runs: no request was asked twice on the way through three stops.
    assert len(answered(place)) == 2 * ITEMS
    (spread,), (alone,) = ((place / runs).glob("m-*") for runs in ("runs", "alone"))
    for name in FILES:
        assert (spread / name).read_bytes() == (alone / name).read_bytes(), name


@pytest.mark.slow
@pytest.mark.timeout(420)  # 15 s on two idle cores
def test_it_keeps_the_contract_of_executors(place: Path, address: str) -> None:
    words = harness(place, "check", "near/ray", "--json", "--with", f"address={address}", "--with", "workers=1")
    done = subprocess.run(words, cwd=place, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    rows = json.loads(done.stdout[done.stdout.index("[\n") :])
    assert [row for row in rows if row["fault"] or row["warning"]] == [], done.stderr[-2000:]
    assert "executor_ends_its_workers_in_the_middle" in {row["check"] for row in rows}
