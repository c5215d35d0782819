from __future__ import annotations

from pathlib import Path

import pytest

from harness_grpo.plugin import harness_training_logged


def test_curves_are_written_beside_the_training_and_can_be_read(tmp_path: Path) -> None:
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    for step in (1, 2, 3):
        harness_training_logged(folder=tmp_path, step=step, metrics={"red/reward": step / 4, "loss": -1.0})
    read = reading.EventAccumulator(str(tmp_path / "tensorboard"))
    read.Reload()
    assert sorted(read.Tags()["scalars"]) == ["loss", "red/reward"]
    assert [(one.step, one.value) for one in read.Scalars("red/reward")] == [(1, 0.25), (2, 0.5), (3, 0.75)]
