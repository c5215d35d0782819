"""The memory plan over several devices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.testing import FakeContext
from harness_trl.memory import plan_for
from harness_trl.options import TrlGrpoOptions, TrlSftOptions
from harness_trl.train import GrpoTrainer, SftTrainer

from .conftest import TINY, points, training


def plan(model: Path, folder: Path, *, devices: int, kind: Any = TrlGrpoOptions, **given: Any) -> Any:
    trainer = GrpoTrainer if kind is TrlGrpoOptions else SftTrainer
    options = kind(**{**TINY, "device": "auto", "batch": 8, **given})
    recipe = training(folder, model, tasks=[points("red", 6)])
    return trainer(options, FakeContext(workspace=folder)).plan_memory(recipe, devices=devices)


def test_devices_share_what_is_trained_and_the_first_opens_it_again(taught: Path, tmp_path: Path) -> None:
    alone, eight = (plan(taught, tmp_path, devices=devices, group=4) for devices in (1, 8))
    for part in ("weights", "optimizer"):
        assert eight["always"][part] == -(-alone["always"][part] // 8)
    assert eight["learning"]["gradients"] == -(-alone["learning"]["gradients"] // 8)
    assert "weights that are gathered" in eight["learning"]
    assert "weights that are gathered" not in alone["learning"]
    again = eight["validating"]["saved weights, opened again"]
    assert 2 * again == alone["always"]["weights"], "whole, in bfloat16"
    assert eight["learning"]["activations"] < alone["learning"]["activations"]


def test_without_validation_nothing_is_opened_again(taught: Path, tmp_path: Path) -> None:
    recipe = training(tmp_path, taught, tasks=[points("red", 6, validation=None)])
    options = TrlSftOptions(**{**TINY, "device": "auto"})
    assert "validating" not in SftTrainer(options, FakeContext(workspace=tmp_path)).plan_memory(recipe, devices=2)


def test_on_the_cpu_nothing_is_rounded(taught: Path, tmp_path: Path) -> None:
    there, here = (plan(taught, tmp_path, devices=1, kind=TrlSftOptions, device=device) for device in ("auto", "cpu"))
    assert there["learning"]["rounded weights"] > 0
    assert "rounded weights" not in here["learning"]


def test_vllm_keeps_its_own_keys_and_values(taught: Path, tmp_path: Path) -> None:
    assert "writing" in plan(taught, tmp_path, devices=1, group=4)
    assert "writing" not in plan(taught, tmp_path, devices=1, group=4, vllm={"mode": "server"})
    assert callable(plan_for)
