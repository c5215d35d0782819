"""Real processes, really killed: nothing is lost, nothing is asked twice that was kept, and the scores are the same."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

PLUGIN = Path(__file__).with_name("kill_plugin.py")
REQUESTS = 300


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "m.yaml").write_text(
        "name: kill\ntasks: [{use: kill_plugin/pairs}]\njudges: [{use: kill_plugin/slow}]\nreport: {resamples: 200}\n"
    )
    return tmp_path


def start(folder: Path, runs: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "harness", "-p", str(PLUGIN), "run", "m.yaml", "--runs", runs, *arguments]
    environment = {**os.environ, "KILL_LOG": str(folder / f"{runs}.log")}
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, err = process.communicate(timeout=120)
    return process.returncode, err


def only_run(folder: Path, runs: str) -> Path:
    [found] = [path for path in (folder / runs).iterdir() if path.name.startswith("kill-")]
    return found


def asked(folder: Path, runs: str) -> list[str]:
    log = folder / f"{runs}.log"
    return log.read_text().split() if log.exists() else []


def judgements(run: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(run / "journal.sqlite") as db:
        rows = db.execute("SELECT request, status FROM judgements").fetchall()
    db.close()
    return rows


@pytest.mark.slow
def test_sigkill_at_random_moments_loses_nothing_and_changes_no_score(folder: Path) -> None:
    code, err = finish(start(folder, "whole"))
    assert code == 0, err
    rng = random.Random(20260311)
    kills = 0
    for _ in range(60):
        process = start(folder, "killed")
        seen = len(asked(folder, "killed"))
        wanted = seen + rng.randrange(1, 60)
        deadline = time.monotonic() + 60
        while process.poll() is None and len(asked(folder, "killed")) < wanted and time.monotonic() < deadline:
            time.sleep(rng.random() * 0.02)
        over = process.poll() is not None
        process.kill()
        finish(process)
        if over:
            break
        kills += 1
    code, err = finish(start(folder, "killed"))
    assert code == 0, err
    assert kills >= 5, "the test must really kill something"
    whole, killed = only_run(folder, "whole"), only_run(folder, "killed")
    rows = judgements(killed)
    assert len(rows) == len({key for key, _ in rows}) == REQUESTS
    assert sorted(rows) == sorted(judgements(whole))
    for name in ("scores.json", "leaderboard.json", "leaderboard.csv", "leaderboard.md"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes(), name
    again = len(asked(folder, "killed")) - REQUESTS
    assert again <= kills * 25, "each kill may cost what was in flight or not yet committed, and no more"


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_judged_and_the_same_command_goes_on(folder: Path) -> None:
    process = start(folder, "stopped")
    while len(asked(folder, "stopped")) < 40:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    code, err = finish(process)
    assert code == 130
    assert "run the same command again" in err
    assert "Traceback" not in err
    kept = len(judgements(only_run(folder, "stopped")))
    assert 40 <= kept < REQUESTS
    assert finish(start(folder, "stopped"))[0] == 0
    assert len(asked(folder, "stopped")) == REQUESTS


@pytest.mark.slow
def test_a_finished_run_asks_nobody_again_and_two_shards_merge_into_the_whole(folder: Path) -> None:
    assert finish(start(folder, "whole"))[0] == 0
    before = asked(folder, "whole")
    assert finish(start(folder, "whole"))[0] == 0
    assert asked(folder, "whole") == before
    for part in ("1/2", "2/2"):
        assert finish(start(folder, "parts", "--shard", part))[0] == 0
    shards = sorted(str(path) for path in (folder / "parts").glob("kill-*-shard-*"))
    command = [sys.executable, "-m", "harness", "-p", str(PLUGIN), "merge", *shards]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    merged = next(path for path in (folder / "parts").glob("kill-*") if "shard" not in path.name)
    whole = only_run(folder, "whole")
    assert merged.name == whole.name
    assert (merged / "scores.json").read_bytes() == (whole / "scores.json").read_bytes()
    assert sorted(asked(folder, "parts")) == sorted(before)


@pytest.mark.slow
def test_two_processes_do_not_write_one_run(folder: Path) -> None:
    first = start(folder, "shared")
    while not asked(folder, "shared"):
        time.sleep(0.01)
    code, err = finish(start(folder, "shared"))
    assert code == 2
    assert f"pid {first.pid}" in err
    assert finish(first)[0] == 0
    assert json.loads((only_run(folder, "shared") / "run.json").read_text())["state"] == "finished"
