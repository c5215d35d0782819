from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tracker_cases import HOSTILE, PLANTED, Run, Train, wait_for

pytest.importorskip("wandb", reason="wandb is not installed")

KEY = "0123456789abcdef0123456789abcdef01234567"
_BLOCK = 32768


@pytest.fixture(autouse=True)
def _on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_TRACKERS", "wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_API_KEY", KEY)


def read_records(path: Path) -> Iterator[Any]:
    """The records of a run's file: LevelDB's log format, and the library's own messages."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, place, parts = path.read_bytes(), 7, b""
    while place + 7 <= len(data):
        if _BLOCK - place % _BLOCK < 7:
            place += _BLOCK - place % _BLOCK
            continue
        _, size, kind = struct.unpack("<IHB", data[place : place + 7])
        parts += data[place + 7 : place + 7 + size]
        place += 7 + size
        if kind in (1, 4):
            record = Record()
            record.ParseFromString(parts)
            yield record
            parts = b""


def read_runs(folder: Path) -> list[list[Any]]:
    return [list(read_records(path)) for path in sorted(folder.glob("wandb/offline-run-*/*.wandb"))]


def name_of(item: Any) -> str:
    return item.key or "/".join(item.nested_key)


def test_scores_settings_and_leaderboard_of_a_run_are_in_the_file_of_the_library(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    made = run()
    assert capsys.readouterr().err.count("tracker wandb: tracked-") == 1
    [records] = read_runs(made.folder)
    [opened] = [record.run for record in records if record.HasField("run")]
    assert (opened.project, opened.job_type, opened.run_group) == ("judge-harness", "run", "tracked")
    assert opened.display_name == made.folder.name
    summary = {
        name_of(item): json.loads(item.value_json)
        for record in records
        if record.HasField("summary")
        for item in record.summary.update
    }
    row = made.row(task="fruit", judge=HOSTILE)
    [name] = [tag for tag in summary if tag.startswith("fruit/") and tag.endswith(f"/{row['metric']}")]
    assert summary[name] == pytest.approx(row["value"])
    assert summary[f"{name}_n"] == 20
    configs = [record.config for record in records if record.HasField("config")]
    settings = {name_of(item): json.loads(item.value_json) for config in configs for item in config.update}
    assert settings["judges/wild/use"] == "baselines/constant"
    assert [record.artifact.type for record in records if record.HasField("request") is False and record.artifact.name]


def test_nothing_of_the_machine_and_no_secret_is_written(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_PLANTED_NAME", "never-sent-either")
    made = run()
    written = b"".join(path.read_bytes() for path in made.folder.glob("wandb/offline-run-*/*.wandb"))
    assert len(written) > 1000
    for secret in (PLANTED, KEY, "never-sent-either", str(made.folder.parent), "requirements.txt"):
        assert secret.encode() not in written, secret
    [records] = read_runs(made.folder)
    [opened] = [record.run for record in records if record.HasField("run")]
    assert opened.host == "not sent"
    assert not opened.git.remote_url
    assert not [record for record in records if record.HasField("environment")]


def test_a_training_that_is_killed_and_goes_on_is_one_run_without_a_step_twice(train: Train, checkpoint: Path) -> None:
    train(1, 5, "kill")
    wait_for(checkpoint, "wandb", "task/reward", 5)
    train(3, 8, "finish")
    runs = read_runs(checkpoint)
    assert len(runs) == 2
    assert len({record.run.run_id for records in runs for record in records if record.HasField("run")}) == 1
    points = [
        (int(row["_step"]), row["task/reward"])
        for records in runs
        for record in records
        if record.HasField("history")
        for row in [{name_of(item): json.loads(item.value_json) for item in record.history.item}]
        if "task/reward" in row
    ]
    assert points == [(step, step / 10) for step in range(1, 9)]


def test_a_service_that_is_down_costs_a_warning_and_not_the_run(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("HARNESS_TRACKERS_WAIT", "8")
    made = run()
    assert made.row(task="fruit", judge="wild")["asked"] == 20
    said = capsys.readouterr().err
    assert "warning: tracker wandb: tracked-" in said
    assert f"harness score runs/{made.folder.name}" in said
    assert KEY not in said
