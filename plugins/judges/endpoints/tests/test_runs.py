"""Whole runs in processes of their own: keys that never leak, budgets, `kill -9`."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

PLUGIN = Path(__file__).with_name("keyed_plugin.py")
KEY = "sk-never-to-be-seen-0123456789abcdef"


def write(folder: Path, url: str, **options: Any) -> None:
    """A manifest with one judge, quick to try again."""
    known = {
        "base_url": url,
        "model": "m",
        "api_key_env": "MY_KEY",
        "backoff_s": 0.01,
        "max_backoff_s": 0.05,
        "retries": 2,
    }
    plain = {
        "name": "keyed",
        "tasks": [{"use": "keyed_plugin/items"}],
        "judges": [{"use": "openai/openai", "name": "remote", "with": {**known, **options}}],
        "report": {"resamples": 200},
    }
    (folder / "m.yaml").write_text(yaml.safe_dump(plain))


def start(
    folder: Path, *arguments: str, runs: str = "runs", strict: bool = True, **environment: str
) -> subprocess.Popen[str]:
    """Start `harness run`. Strict is with the warnings of Python's development mode, which is slower."""
    command = [
        sys.executable,
        *(["-X", "dev"] if strict else []),
        "-m",
        "harness",
        "-p",
        str(PLUGIN),
        "run",
        "m.yaml",
        "--runs",
        runs,
        *arguments,
    ]
    return subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "MY_KEY": KEY, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(
    folder: Path, *arguments: str, runs: str = "runs", strict: bool = True, **environment: str
) -> tuple[int, str, str]:
    process = start(folder, *arguments, runs=runs, strict=strict, **environment)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def run_to_the_end(folder: Path, *, runs: str, **environment: str) -> tuple[int, str, str]:
    """Give the same command until nothing failed: what cannot be read twice in a row is an error."""
    for _ in range(5):
        ended = run(folder, runs=runs, strict=False, **environment)
        if ended[0] == 0:
            break
    return ended


def only_run(folder: Path, runs: str = "runs") -> Path:
    [found] = [path for path in (folder / runs).iterdir() if path.name.startswith("keyed-")]
    return found


def rows(run_folder: Path) -> list[tuple[Any, ...]]:
    with sqlite3.connect(run_folder / "journal.sqlite") as db:
        found = db.execute("SELECT request, status, verdict, raw, more FROM judgements ORDER BY request").fetchall()
    db.close()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("plans", ["ok 429,ok 500 400 413 cut,ok null", "ok 401"])
def test_the_key_is_in_no_file_and_no_output_whatever_the_server_says(serve: Any, tmp_path: Path, plans: str) -> None:
    server = serve("--echo")
    write(tmp_path, server.url)
    code, out, err = run(tmp_path, PLANS=plans, VERBOSE="1", ITEMS="35")
    assert code == 3, err
    seen = server.log()
    assert all(entry["headers"]["Authorization"] == f"Bearer {KEY}" for entry in seen), "the server must get the key"
    assert "[key removed]" in err
    assert "DEBUG:" in err
    assert "Traceback" not in err
    assert KEY not in out + err
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "journal.sqlite" for path in files)
    for path in files:
        assert KEY.encode() not in path.read_bytes(), path
    if "401" not in plans:
        raws = [raw for _, status, _, raw, _ in rows(only_run(tmp_path)) if status == "ok"]
        assert raws
        assert all("[key removed]" in raw for raw in raws), "an answer that repeats the key"


@pytest.mark.slow
def test_a_spent_budget_is_exit_code_3_and_a_larger_one_goes_on(serve: Any, tmp_path: Path) -> None:
    server = serve()
    prices = {"prompt": 10.0, "completion": 100.0}  # 0.002 dollars each
    write(tmp_path, server.url, prices=prices, budget_usd=0.02)
    code, _, err = run(tmp_path)
    assert code == 3
    assert "\nstopped: judge remote: $0.02" in err
    assert "raise budget_usd and give the same command again" in err
    first = only_run(tmp_path)
    kept = rows(first)
    assert 9 <= len(kept) <= 12
    assert len(server.log()) == len(kept)
    code, _, _ = run(tmp_path)
    assert code == 3
    assert len(server.log()) == len(kept), "a spent budget asks nothing"
    write(tmp_path, server.url, prices=prices, budget_usd=0.05)
    assert run(tmp_path)[0] == 3
    assert len(kept) < len(rows(first)) <= 27
    write(tmp_path, server.url, prices=prices, budget_usd=5.0, max_concurrency=3)
    code, _, err = run(tmp_path)
    assert code == 0, err
    assert only_run(tmp_path) == first
    assert len(rows(first)) == 40
    assert set(Counter(entry["item"] for entry in server.log()).values()) == {1}, "nothing is asked twice"
    record = json.loads((first / "run.json").read_text())
    assert record["state"] == "finished"
    spent = sum(json.loads(more)["cost_usd"] for *_, more in rows(first))
    assert spent == pytest.approx(40 * 0.002)


@pytest.mark.slow
def test_a_judge_without_a_key_stops_and_the_others_go_on(serve: Any, tmp_path: Path) -> None:
    server = serve("--key", KEY)
    write(tmp_path, server.url)
    manifest = yaml.safe_load((tmp_path / "m.yaml").read_text())
    manifest["judges"].append({"use": "baselines/random", "name": "coin"})
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(manifest))
    code, out, err = run(tmp_path, MY_KEY="sk-wrong-0123456789")
    assert code == 3, err
    assert "\nstopped: judge remote: " in err
    assert "status 401" in err
    assert "check the key in the environment variable MY_KEY, then give the same command again" in err
    assert "coin" in out
    assert "Traceback" not in err
    record = json.loads((only_run(tmp_path) / "run.json").read_text())
    assert record["state"] == "stopped"
    assert "status 401" in record["judges"]["remote"]["stopped"]
    assert "stopped" not in record["judges"]["coin"]
    assert len(server.log()) <= 40
    server.reset()
    code, out, err = run(tmp_path)
    assert code == 0, err
    assert "remote" in out
    assert len(server.log()) == 40


@pytest.mark.slow
def test_a_run_whose_only_judge_stops_says_that_nothing_was_judged(serve: Any, tmp_path: Path) -> None:
    write(tmp_path, serve("--key", KEY).url)
    code, _, err = run(tmp_path, MY_KEY="sk-wrong-0123456789")
    assert code == 3, err
    assert "nothing was judged" in err
    assert "Traceback" not in err


@pytest.mark.slow
def test_kill_9_in_the_middle_changes_no_score(serve: Any, tmp_path: Path) -> None:
    calm = serve("--delay", "0.01", "--seed", "3", "--share", "0.1")
    write(tmp_path, calm.url, max_concurrency=8, retries=10)
    assert run_to_the_end(tmp_path, runs="whole", ITEMS="400")[0] == 0
    whole = only_run(tmp_path, "whole")
    calm.reset()
    dice = random.Random(20260311)
    kills = 0
    for _ in range(6):
        process = start(tmp_path, runs="killed", strict=False, ITEMS="400")
        wanted = len(calm.log()) + dice.randrange(20, 80)
        deadline = time.monotonic() + 30
        while process.poll() is None and len(calm.log()) < wanted and time.monotonic() < deadline:
            time.sleep(0.02)
        kills += process.poll() is None
        process.kill()
        process.communicate()
    assert kills >= 3
    code, _, err = run_to_the_end(tmp_path, runs="killed", ITEMS="400")
    assert code == 0, err
    killed = only_run(tmp_path, "killed")
    assert [row[:4] for row in rows(killed)] == [row[:4] for row in rows(whole)]
    for name in ("scores.json", "leaderboard.csv"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes(), name
    # What it cost is a fact about each run: a run that was killed has paid for other failed attempts.
    boards = [json.loads((folder / "leaderboard.json").read_text()) for folder in (killed, whole)]
    for board in boards:
        assert board.pop("usage")[0]["answers"] == 400
    assert boards[0] == boards[1]
    reports = [(folder / "leaderboard.md").read_text() for folder in (killed, whole)]
    assert len({report.partition("## What it cost")[0] for report in reports}) == 1


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_answered(serve: Any, tmp_path: Path) -> None:
    import signal

    server = serve("--delay", "0.05")
    write(tmp_path, server.url, max_concurrency=4)
    process = start(tmp_path, ITEMS="2000")
    while len(server.log()) < 30:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "ResourceWarning" not in err
    asked, kept = len(server.log()), len(rows(only_run(tmp_path)))
    assert 30 <= kept <= asked < 400
    assert asked - kept <= 4


@pytest.mark.slow
def test_a_missing_key_is_said_before_anybody_is_asked(tmp_path: Path) -> None:
    write(tmp_path, "https://api.example/v1")
    code, _, err = run(tmp_path, MY_KEY="")
    assert code == 2
    assert "MY_KEY is not set" in err
    assert "m.yaml:" in err
    assert "Traceback" not in err
