"""The recipes of a cold start by rejection sampling: valid, and in the order of their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.discovery import Plugins
from harness.manifest.load import load_recipe

TRAIN = Path(__file__).resolve().parents[1] / "benchmarks" / "train"


def test_rl_starts_from_what_was_learnt_of_right_answers() -> None:
    pytest.importorskip("harness_grpo")
    pytest.importorskip("harness_miniature_judges")
    rl = load_recipe(TRAIN / "mt_rl_cold_start.yaml", plugins=Plugins.load())
    assert rl.start is not None
    assert rl.start.recipe.name == "cold-start"
    sampled = rl.start.trainer.options.rejection_sampling  # type: ignore[union-attr]
    assert sampled.min_reward == sum(resolved.entry.weight for resolved in rl.start.rewards), "all that can be earned"
    # Where the cold start begins is where RL alone begins.
    alone = load_recipe(TRAIN / "mt_rl_judge.yaml", plugins=Plugins.load())
    assert rl.start.start is not None
    assert alone.start is not None
    assert rl.start.start.hash == alone.start.hash
