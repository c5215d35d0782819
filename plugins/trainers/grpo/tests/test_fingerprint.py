from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.api import Trainer, UserError
from harness.testing import FakeContext
from harness_grpo import fingerprint
from harness_grpo.grpo import GrpoTrainer
from harness_grpo.options import GrpoOptions, SftOptions
from harness_grpo.sft import SftTrainer

from .conftest import points, training

MAKE: list[Callable[[FakeContext], Trainer]] = [
    lambda context: GrpoTrainer(GrpoOptions(), context),
    lambda context: SftTrainer(SftOptions(), context),
]


@pytest.mark.parametrize("make", MAKE, ids=["grpo", "sft"])
def test_it_covers_the_weights_to_the_byte_and_not_where_they_lie(
    make: Callable[[FakeContext], Trainer], tiny: Path, tmp_path: Path
) -> None:
    trainer = make(FakeContext(workspace=tmp_path))

    def of(folder: Path) -> str:
        return trainer.fingerprint(training(tmp_path / "run", folder, tasks=[points("red", 1)]))

    first = of(tiny)
    copy = shutil.copytree(tiny, tmp_path / "copy")
    assert of(copy) == first
    weights = copy / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert of(copy) != first


def test_it_covers_the_generation_of_the_code(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = training(tmp_path, tiny, tasks=[points("red", 1)])
    trainer = SftTrainer(SftOptions(), FakeContext(workspace=tmp_path))
    before = trainer.fingerprint(whole)
    monkeypatch.setattr(fingerprint, "_GENERATION", -1)
    assert trainer.fingerprint(whole) != before


def test_a_recipe_that_starts_from_another_has_no_weights_yet(tmp_path: Path) -> None:
    trainer = SftTrainer(SftOptions(), FakeContext(workspace=tmp_path))
    assert trainer.fingerprint(training(tmp_path, None, tasks=[points("red", 1)]))


def test_a_model_that_is_not_there_is_an_error_before_training(tmp_path: Path) -> None:
    trainer = SftTrainer(SftOptions(), FakeContext(workspace=tmp_path))
    with pytest.raises(UserError, match="no such folder"):
        trainer.fingerprint(training(tmp_path, tmp_path / "gone", tasks=[points("red", 1)]))
