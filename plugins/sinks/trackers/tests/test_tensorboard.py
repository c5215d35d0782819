from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tracker_cases import HOSTILE, PLANTED, Run, Train, wait_for

reading = pytest.importorskip(
    "tensorboard.backend.event_processing.event_accumulator", reason="tensorboard is not installed"
)


@pytest.fixture(autouse=True)
def _on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_TRACKERS", "tensorboard")


def read(folder: Path) -> Any:
    found = reading.EventAccumulator(str(folder / "tensorboard"))
    found.Reload()
    return found


def test_each_score_of_a_run_is_a_scalar_with_its_interval_and_n(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    made = run()
    assert capsys.readouterr().err.count("tracker tensorboard: tracked-") == 1
    found = read(made.folder)
    scalars = {tag: found.Scalars(tag)[-1].value for tag in found.Tags()["scalars"]}
    row = made.row(task="fruit", judge=HOSTILE)
    [name] = [tag for tag in scalars if tag.startswith("fruit/") and tag.endswith(f"/{row['metric']}")]
    assert scalars[name] == pytest.approx(row["value"])
    assert scalars[f"{name}_low"] == pytest.approx(row["ci_low"])
    assert scalars[f"{name}_high"] == pytest.approx(row["ci_high"])
    assert scalars[f"{name}_n"] == row["n"] == 20
    assert scalars[name.rpartition("/")[0] + "/coverage"] == 1.0
    assert scalars["fruit/wild/coverage"] == 0.0
    assert "fruit/wild/accuracy" not in scalars
    for tag in scalars:
        assert len(tag) <= 250
        assert tag.isascii()
        assert tag.isprintable()
        assert ".." not in tag.split("/")
    text = found.Tensors("parameters")[0].tensor_proto.string_val[0].decode()
    assert "tracked" in text
    everything = b"".join(path.read_bytes() for path in (made.folder / "tensorboard").iterdir())
    assert PLANTED.encode() not in everything


def test_a_run_that_is_reported_again_is_still_one_point(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    made = run()
    before = sorted(path.name for path in (made.folder / "tensorboard").iterdir())
    (made.folder / "leaderboard.md").unlink()  # so that the report is made again
    capsys.readouterr()
    run()
    assert "is there already, as it is now" in capsys.readouterr().err
    assert sorted(path.name for path in (made.folder / "tensorboard").iterdir()) == before


def test_a_training_that_is_killed_and_goes_on_is_one_curve_without_a_step_twice(
    train: Train, checkpoint: Path
) -> None:
    train(1, 5, "kill")
    wait_for(checkpoint, "tensorboard", "task/reward", 5)
    said = train(3, 8, "finish")
    assert "is logged to" in said
    found = read(checkpoint)
    assert [event.step for event in found.Scalars("task/reward")] == list(range(1, 9))
    assert [event.value for event in found.Scalars("task/reward")] == pytest.approx([n / 10 for n in range(1, 9)])
    # The second part of each step has a metric that the first one lacks.
    [hostile] = [tag for tag in found.Tags()["scalars"] if tag.startswith("a b/")]
    assert [event.step for event in found.Scalars(hostile)] == list(range(1, 9))
    assert found.Scalars("selected/task/accuracy")[0].value == 0.75
    assert "bad" not in found.Tags()["scalars"]
