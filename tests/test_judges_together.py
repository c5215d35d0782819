"""`benchmarks/judges.yaml` as a user runs it: a local model, a server over a real socket, recorded answers."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from harness.api import Example
from harness.cli import main
from harness.discovery import Plugins
from harness.runner.context import PlanContext
from harness.runner.planned import Plan

ROOT = Path(__file__).resolve().parents[1]
TASK = "miniature/pairwise-safety"
ITEMS = 24
"""How many are asked about, in both orders: the manifest's 60 take a minute more."""


def examples(workspace: Path, items: int) -> list[Example]:
    """Both orders of so many pairs."""
    plan = Plan(seed=0, plugins=Plugins.load(), workspace=workspace)
    context = PlanContext(name="lessons", data=None, seed=0, plan=plan, plugin="t")
    return list(itertools.islice(context.examples(TASK, "test"), 2 * items))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model that has learned the form of answers, and next to nothing else."""
    pytest.importorskip("torch")
    from harness_transformers.testing import make_tiny_llava, teach

    folder = make_tiny_llava(tmp_path_factory.mktemp("model") / "tiny")
    teach(folder, examples(folder, 120)[120:], steps=80)  # items behind the 60 that are asked below
    return folder


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Answers of a judge that is always right, in the order of the data and in its reverse."""
    folder = tmp_path_factory.mktemp("recorded")
    rows: dict[str, list[dict[str, str]]] = {}
    for one in examples(folder, 60):
        response = one.request.format.write(one.gold, one.request.space, "It was written down before.")
        rows.setdefault(one.item.id, []).append({"response": response})
    lines = [json.dumps({"id": item, "judgments": both}) for item, both in rows.items()]
    (folder / "oracle.jsonl").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def endpoint(model: Path) -> Iterator[str]:
    """`transformers serve` with the same model."""
    pytest.importorskip("fastapi")
    pytest.importorskip("uvicorn")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [Path(sys.executable).with_name("transformers"), "serve", model, "--device", "cpu"]
    server = subprocess.Popen(
        [*map(str, command), "--host", "127.0.0.1", "--port", str(port)],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(120):
            time.sleep(0.5)
            assert server.poll() is None, "the server ended"
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).close()
                break
            except OSError:
                continue
        else:
            pytest.fail("the server did not come up within a minute")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def run_harness(*arguments: str) -> None:
    """As a command does it, in this process: another one would have to load torch first."""
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert not ended.value.code


@pytest.mark.slow
def test_a_local_model_a_server_and_recorded_answers_share_a_leaderboard(
    model: Path, endpoint: str, recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["run", str(ROOT / "benchmarks" / "judges.yaml"), "--runs", str(tmp_path / "runs")]
    command += ["--set", f"tasks.0.limit={ITEMS}"]
    for name, value in (("model", model), ("served", model), ("endpoint", endpoint), ("recorded", recorded)):
        command += ["--set", f"vars.{name}={value}"]
    run_harness(*command)
    printed = capsys.readouterr().out
    (folder,) = (tmp_path / "runs").glob("judges-*")
    board = json.loads((folder / "leaderboard.json").read_text())
    rows = {row["judge"]: row for row in board["rows"]}
    assert set(rows) == {"local", "local-verdict", "local-vote", "endpoint", "oracle", "random"}
    for judge, row in rows.items():
        assert row["asked"] == 2 * ITEMS, judge
        assert row["n"] > ITEMS, f"{judge} hardly answered"
        assert row["coverage"] == 1 or judge in ("local", "local-vote", "endpoint")
    assert rows["oracle"]["value"] == 1
    run_harness(*command)
    assert capsys.readouterr().out == printed, "a finished run asks nobody and prints the same"


def answers_of(folder: Path) -> dict[str, tuple[str, str]]:
    """What the journal of a run holds, by request: status and the text to the letter."""
    with closing(sqlite3.connect(folder / "journal.sqlite")) as journal:
        if not journal.execute("SELECT name FROM sqlite_master WHERE name = 'judgements'").fetchall():
            return {}  # the run has just begun: the file is there before its tables
        rows = journal.execute("SELECT request, status, raw FROM judgements").fetchall()
    return {request: (status, raw) for request, status, raw in rows}


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_to_the_answers_of_one_that_was_not(model: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "draws.yaml"
    manifest.write_text(
        f"""
name: draws
tasks: [{{use: {TASK}, limit: 12}}]
judges:
  - use: transformers
    with: {{model: {model}, mode: reason-then-verdict, max_new_tokens: 64, temperature: 1.0, samples: 2, batch_size: 4}}
"""
    )
    command = ["run", str(manifest), "--runs"]
    run_harness(*command, str(tmp_path / "whole"))
    (whole,) = (tmp_path / "whole").glob("draws-*")
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    stopped = subprocess.Popen(
        [sys.executable, "-m", "harness", *command, str(tmp_path / "killed")],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and stopped.poll() is None:
        found = list((tmp_path / "killed").glob("draws-*/journal.sqlite"))
        if found and len(answers_of(found[0].parent)) >= 8:
            break
        time.sleep(0.05)
    stopped.kill()
    stopped.wait()
    (killed,) = (tmp_path / "killed").glob("draws-*")
    half = answers_of(killed)
    assert 8 <= len(half) < 24, "it was killed on the way"
    run_harness(*command, str(tmp_path / "killed"))
    assert answers_of(killed) == answers_of(whole)
    assert (killed / "leaderboard.json").read_bytes() == (whole / "leaderboard.json").read_bytes()
