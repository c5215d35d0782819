from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from harness.testing import parametrize_with_checks
from harness_generic import plugin

DATA = str(Path(__file__).parent / "data")
SPLITS = {"train": "train.jsonl", "validation": "validation.csv", "test": "test.tsv"}
SHARED: dict[str, Any] = {"splits": SPLITS, "id": "id", "group": "scene"}


@parametrize_with_checks(
    ["generic/pairwise"],
    data=DATA,
    options={
        **SHARED,
        "question": "Which fits better: {caption}?",
        "candidate_images": ["left", "right"],
        "gold": "better",
        "labels": {"L": "first", "R": "second", "same": "tie"},
    },
)
def test_pairwise_keeps_the_contract(check: Callable[[], None]) -> None:
    check()


@parametrize_with_checks(
    ["generic/pointwise"],
    data=DATA,
    options={
        **SHARED,
        "question": "Does {left} fit: {caption}?",
        "images": ["left"],
        "gold": "fits",
        "answers": ["yes", "no"],
        "labels": {"0": "no", "1": "yes"},
    },
)
def test_pointwise_keeps_the_contract(check: Callable[[], None]) -> None:
    check()


@parametrize_with_checks(
    ["generic/score"],
    data=DATA,
    options={**SHARED, "question": "How good?", "images": "left", "gold": "rating", "low": 1, "high": 5},
)
def test_score_keeps_the_contract(check: Callable[[], None]) -> None:
    check()


@parametrize_with_checks(
    ["generic/ranking"],
    data=DATA,
    options={
        **SHARED,
        "question": "{caption}",
        "candidate_images": ["left", "middle", "right"],
        "candidate_texts": ["left", "middle", "right"],
        "gold": "order",
    },
)
def test_ranking_keeps_the_contract(check: Callable[[], None]) -> None:
    check()


def test_the_plugin_is_advertised() -> None:
    (entry,) = [entry for entry in entry_points(group="harness") if entry.name == "generic"]
    assert entry.load() is plugin


def test_importing_the_plugin_imports_nothing_heavy() -> None:
    heavy = "{'datasets', 'pyarrow', 'pydantic', 'PIL', 'numpy', 'torch'}"
    code = f"import harness_generic.plugin, sys; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_what_makes_the_tasks_is_light_as_well() -> None:
    (module,) = {str(card.factory).partition(":")[0] for card in plugin.harness_tasks()}
    code = f"import {module}, sys; print(sorted({{'datasets', 'pyarrow', 'numpy', 'PIL'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
