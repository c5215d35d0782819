from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.api import PluginError, Training, UserError
from harness.training.memory import find_peak, memory_lines

OFFER: Any = SimpleNamespace(id="toy/trainer", distribution="toy", version="1")


class Trainer:
    def __init__(self, phases: Any) -> None:
        self.phases = phases

    def plan_memory(self, training: Training, *, devices: int) -> Mapping[str, Mapping[str, int]]:
        if isinstance(self.phases, Exception):
            raise self.phases
        found: Mapping[str, Mapping[str, int]] = self.phases
        return found


def lines(phases: Any, folder: Path, devices: int = 1) -> list[str]:
    training = Training(
        name="r", seed=0, model=None, tasks=(), rewards=(), folder=folder / "none", log=lambda step, metrics: None
    )
    trainer: Any = Trainer(phases)
    return memory_lines(OFFER, trainer, training, devices=devices)


PHASES = {
    "always": {"weights": 16_000_000_000, "optimizer": 32_000_000_000},
    "writing": {"keys and values": 5_000_000_000},
    "learning": {"gradients": 16_000_000_000, "logits": 2_500_000},
    "host": {"pictures of a step": 90_000_000_000},
}


def test_a_line_for_each_phase_and_the_peak(tmp_path: Path) -> None:
    assert lines(PHASES, tmp_path, 8) == [
        "memory of each of 8 devices:",
        "  always: 48.0 GB (weights 16.0 GB, optimizer 32.0 GB)",
        "  writing: 5.0 GB (keys and values 5.0 GB)",
        "  learning: 16.0 GB (gradients 16.0 GB, logits 2.5 MB)",
        "  host: 90.0 GB (pictures of a step 90.0 GB)",
        "  most at once: 64.0 GB, learning",
    ]
    assert lines(PHASES, tmp_path)[0] == "memory:"


def test_the_peak_is_what_is_there_always_with_the_largest_phase() -> None:
    assert find_peak(PHASES) == (64_002_500_000, "learning")
    assert find_peak({"always": {"weights": 3}}) == (3, "")
    assert find_peak({"writing": {"keys": 3}, "host": {"pictures": 9}}) == (3, "writing")


@pytest.mark.parametrize("phases", [{"always": 3}, [1], {"always": {"weights": 2.5}}, {"always": {"weights": -1}}])
def test_what_is_no_plan_is_an_error_that_names_the_trainer(phases: Any, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"trainer toy/trainer: plan_memory gave .* bytes by part, by phase"):
        lines(phases, tmp_path)


def test_what_the_trainer_raises_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="one device"):
        lines(UserError("one device"), tmp_path)
    with pytest.raises(PluginError, match=r"toy/trainer .*plan_memory raised ValueError: broken"):
        lines(ValueError("broken"), tmp_path)
