"""`harness explain` as a process: killed and interrupted at work, and gone on with; folders that take no writing."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.explain.conftest import PLUGIN, Explaining

MEASURES = ("--measure", "sister", "--measure", "mistake", "--measure", "cutting")


def start(run: Path, log: Path, delay: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "harness", "-p", str(PLUGIN), "explain", str(run), *MEASURES]
    environment = {**os.environ, "SIMULATED_LOG": str(log), "SIMULATED_DELAY": str(delay), "HARNESS_REPORT": "no"}
    return subprocess.Popen(
        command, env=environment, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=run.parent
    )


def read_log(log: Path) -> list[str]:
    return log.read_text().split() if log.is_file() else []


def kept(run: Path) -> set[str]:
    """The questions whose answers are in the journal of explanations."""
    path = run / "explain.sqlite"
    if not path.is_file():
        return set()
    with closing(sqlite3.connect(path)) as journal:
        if not journal.execute("SELECT 1 FROM sqlite_master WHERE name='judgements'").fetchone():
            return set()
        return {row[0] for row in journal.execute("SELECT request FROM judgements")}


def interrupt(run: Path, log: Path, *, at: int, number: int) -> tuple[int, str]:
    """Send a signal once so many more questions were put, and give what the process made of it."""
    before = len(read_log(log))
    process = start(run, log, 0.02)
    try:
        deadline = time.monotonic() + 120
        while len(read_log(log)) < before + at:
            assert process.poll() is None, process.stderr and process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    return process.returncode, said


def test_what_was_killed_goes_on_and_asks_nothing_twice(explaining: Explaining) -> None:
    run = explaining.run({"follows": {}}, items=24)
    twin = explaining.folder / "twin" / run.name
    shutil.copytree(run, twin)
    explaining.explain(twin, *MEASURES)
    log, dice = explaining.folder / "asked", random.Random(7)
    for number, code in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130), (signal.SIGTERM, 143)):
        known, before = kept(run), len(read_log(log))
        ended, said = interrupt(run, log, at=dice.randint(5, 60), number=number)
        assert ended == code, said
        assert known.isdisjoint(read_log(log)[before:])
        assert not (run / "explanations.json").exists()
        if number != signal.SIGKILL:
            assert "run the same command again to go on" in said
            # An end in order loses nothing that was answered.
            assert set(read_log(log)[before:]) <= kept(run)
    known, before = kept(run), len(read_log(log))
    assert len(known) > 10
    process = start(run, log, 0)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert known.isdisjoint(read_log(log)[before:])
    for name in ("explanations.json", "leaderboard.md", "leaderboard.json"):
        assert (run / name).read_bytes() == (twin / name).read_bytes(), name


def test_a_read_only_folder_is_refused_before_anything_is_asked(
    explaining: Explaining, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = explaining.run({"follows": {}}, items=4)
    # A superuser may write everywhere but on a mount that is read-only, of which `tests/runner` has one.
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    log = explaining.folder / "asked"
    monkeypatch.setenv("SIMULATED_LOG", str(log))
    assert explaining.call("explain", str(run)) == 2
    assert "is read-only, and what is found out is kept in it" in explaining.error
    assert read_log(log) == []
    assert explaining.call("explain", str(run), "--dry-run") == 0, explaining.err
    assert "questions in all" in explaining.out


def test_another_process_at_the_same_run_is_told(explaining: Explaining) -> None:
    run = explaining.run({"follows": {}}, items=16)
    log = explaining.folder / "asked"
    process = start(run, log, 0.05)
    try:
        while not read_log(log):
            assert process.poll() is None
            time.sleep(0.01)
        assert explaining.call("explain", str(run)) == 2
        assert "another harness process" in explaining.error
    finally:
        process.kill()
        process.communicate()
