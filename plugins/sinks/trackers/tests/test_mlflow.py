from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from tracker_cases import HOSTILE, PLANTED, Run, Train, wait_for

pytest.importorskip("mlflow", reason="mlflow-skinny is not installed")

Kept = Callable[[], dict[str, Any]]
SERVER = Path(__file__).with_name("mlflow_server.py")


@pytest.fixture
def start() -> Iterator[Callable[..., int]]:
    """Starts the server in a process of its own, and gives its port."""
    with ExitStack() as stack:

        def call(*arguments: str) -> int:
            process = subprocess.Popen([sys.executable, str(SERVER), *arguments], stdout=subprocess.PIPE, text=True)
            stack.enter_context(process)
            stack.callback(process.kill)
            assert process.stdout is not None
            return int(process.stdout.readline())

        yield call


@pytest.fixture
def kept(start: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> Kept:
    """What a server that runs was sent."""
    address = f"http://127.0.0.1:{start()}"
    monkeypatch.setenv("HARNESS_TRACKERS", "mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address.replace("//", "//ann:planted-password@"))

    def read() -> dict[str, Any]:
        with urllib.request.urlopen(f"{address}/kept") as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    return read


def test_scores_settings_and_leaderboard_of_a_run_reach_the_server_once_and_no_text_or_secret(
    run: Run, kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    made = run()
    said = capsys.readouterr().err
    assert said.count("tracker mlflow: tracked-") == 1
    assert "/#/experiments/0/runs/run0" in said
    assert "planted-password" not in said
    sent = kept()
    assert sent["experiments"] == ["judge-harness"]
    [made_run] = sent["runs"].values()
    assert (made_run["info"]["run_name"], made_run["info"]["status"]) == (made.folder.name, "FINISHED")
    metrics = {item["key"]: item["value"] for item in made_run["data"]["metrics"]}
    row = made.row(task="fruit", judge=HOSTILE)
    [name] = [key for key in metrics if key.startswith("fruit/") and key.endswith(f"/{row['metric']}")]
    assert [metrics[name + ending] for ending in ("", "_low", "_high", "_n")] == [
        row["value"],
        row["ci_low"],
        row["ci_high"],
        20,
    ]
    assert metrics["fruit/wild/coverage"] == 0
    params = {item["key"]: item["value"] for item in made_run["data"]["params"]}
    assert params["judges/wild/with/answer"] == "${env:PLANTED}"
    tags = {item["key"]: item["value"] for item in made_run["data"]["tags"]}
    assert tags["harness"]
    assert tags["judge key/wild"]
    assert tags["folder"] == f"runs/{made.folder.name}"
    [(path, board)] = sent["files"].items()
    assert path.endswith("/leaderboard.json")
    assert json.loads(board)["rows"] == made.leaderboard["rows"]
    assert any(row["examples"] for row in made.leaderboard["unread"])
    assert all(row["examples"] == [] for row in json.loads(board)["unread"])
    for secret in (PLANTED, "planted-password", str(made.folder.parent.parent)):
        assert secret not in json.dumps(sent), secret
    # Once is enough: to report it again sends nothing.
    (made.folder / "leaderboard.md").unlink()
    run()
    assert "is there already, as it is now" in capsys.readouterr().err
    assert kept() == sent


def test_texts_of_judges_are_sent_where_they_are_asked_for_and_no_secret_with_them(
    run: Run, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_TRACKERS_TEXTS", "1")
    made = run()
    sent = kept()
    files = {path.rpartition("/")[2]: text for path, text in sent["files"].items()}
    assert set(files) == {"leaderboard.json", "leaderboard.md", "report.html"}
    assert json.loads(files["leaderboard.json"])["unread"] == made.leaderboard["unread"]
    assert PLANTED not in json.dumps(sent)


def test_a_training_that_is_killed_and_goes_on_is_one_run_without_a_step_twice(
    train: Train, checkpoint: Path, kept: Kept
) -> None:
    train(1, 5, "kill")
    wait_for(checkpoint, "mlflow", "task/reward", 5)
    train(3, 6, "stop")
    train(6, 8, "finish")
    sent = kept()
    [made] = sent["runs"].values()
    assert made["info"]["status"] == "FINISHED"
    points = [(item["step"], item["value"]) for item in made["data"]["metrics"] if item["key"] == "task/reward"]
    assert points == [(step, step / 10) for step in range(1, 9)]
    assert [item["value"] for item in made["data"]["metrics"] if item["key"] == "selected/task/accuracy"] == [0.75]
    params = {item["key"]: item["value"] for item in made["data"]["params"]}
    assert params == {"name": "tiny", "trainer/use": "toy", "trainer/with/steps": "9",
                      "trainer/with/api_key": "(left out)"}  # fmt: skip


@pytest.mark.parametrize("trouble", ["fails", "is silent", "is not named", "is unknown"])
def test_a_server_that_is_no_use_costs_a_warning_and_not_the_run(
    trouble: str,
    run: Run,
    start: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HARNESS_TRACKERS", "mlflow")
    monkeypatch.setenv("HARNESS_TRACKERS_WAIT", "4")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = {"fails": start("500") if trouble == "fails" else 0, "is silent": silent.getsockname()[1]}
        if trouble in port:
            monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port[trouble]}")
        if trouble == "is unknown":
            monkeypatch.setenv("HARNESS_TRACKERS", "mlflow,mlfow")
        began = time.monotonic()
        made = run()
    assert made.row(task="fruit", judge="wild")["asked"] == 20
    assert (made.folder / "report.html").is_file()
    said = capsys.readouterr().err
    assert said.count("warning: tracker") == 1
    if trouble == "is unknown":
        assert "there is no tracker 'mlfow'" in said
    else:
        assert f"`harness score runs/{made.folder.name}` sends them" in said
    assert time.monotonic() - began < 60


def test_scores_are_in_a_database_of_the_full_library(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if find_spec("sqlalchemy") is None:
        pytest.skip("the full mlflow (851 MB) is not installed: mlflow-skinny has no store of its own")
    monkeypatch.setenv("HARNESS_TRACKERS", "mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/m.db")
    made = run()
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path}/m.db")
    experiment = client.get_experiment_by_name("judge-harness")
    assert experiment is not None
    [found] = client.search_runs([experiment.experiment_id])
    assert found.info.run_name == made.folder.name
    assert found.data.metrics["fruit/wild/coverage"] == 0
