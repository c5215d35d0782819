from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from harness.api import Training, TrainingTask, UserError
from harness.discovery import Plugins
from harness.testing import FakeContext
from harness_miniature_judges.shipped import assemble
from harness_miniature_judges.trainer import (
    EyesOptions,
    EyesTrainer,
    ReadingOptions,
    ReadingTrainer,
    ShippedOptions,
    ShippedTrainer,
)


def training(folder: Path, model: str | None = None, log: Callable[..., None] = lambda *_: None) -> Training:
    folder.mkdir(parents=True, exist_ok=True)
    task = TrainingTask(name="t", id="t/t", train="train", validation=None, examples=lambda split: iter(()))
    return Training(name="eyes", seed=0, model=model, tasks=(task,), rewards=(), folder=folder, log=log)


def test_the_trainer_leaves_a_model_that_a_recipe_can_start_from(tmp_path: Path) -> None:
    trainer = EyesTrainer(EyesOptions(steps=3, batch=4, pictures=40, checked=60), FakeContext(workspace=tmp_path))
    trained = trainer.train(training(tmp_path / "a"))
    assert trained.steps == 3
    assert {"recall/digit"} <= set(trained.scores)
    assert all(0 <= value <= 1 for value in trained.scores.values())
    trainer.train(training(tmp_path / "b"))
    weights = [(tmp_path / one / "model" / "model.safetensors").read_bytes() for one in "ab"]
    assert weights[0] == weights[1], "the same seed gives the same bytes"


def test_progress_is_seen_while_it_trains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logged: dict[int, Mapping[str, float]] = {}
    trainer = EyesTrainer(EyesOptions(steps=3, batch=4, pictures=40, checked=60), FakeContext(workspace=tmp_path))
    trained = trainer.train(training(tmp_path / "a", log=logged.__setitem__))
    assert sorted(logged) == [1, 2, 3]
    assert {"loss", "recall/digit"} <= set(logged[1])
    assert {name: logged[3][name] for name in trained.scores} == trained.scores
    assert "eyes: step 2 of 3  loss " in capsys.readouterr().err


def test_eyes_start_from_nothing(tmp_path: Path) -> None:
    trainer = EyesTrainer(EyesOptions(), FakeContext(workspace=tmp_path))
    with pytest.raises(UserError, match=r"recipe eyes: eyes makes a model from nothing; remove model"):
        trainer.train(training(tmp_path / "a", model="/somewhere"))


def test_reading_goes_on_from_eyes(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logged: dict[int, Mapping[str, float]] = {}
    trainer = ReadingTrainer(ReadingOptions(steps=2, batch=4), FakeContext(workspace=tmp_path))
    done = trainer.train(training(tmp_path / "a", model=str(trained), log=logged.__setitem__))
    assert (tmp_path / "a" / "model" / "model.safetensors").is_file()
    assert done.scores == {"copied": logged[2]["copied"]}
    assert "step 2 of 2  loss " in capsys.readouterr().err
    with pytest.raises(UserError, match=r"reading goes on from eyes; give train:"):
        trainer.train(training(tmp_path / "b"))


@pytest.mark.parametrize("judge", ["off-the-shelf", "mt-rl-judge"])
def test_shipped_hands_over_the_weights_that_are_shipped(judge: str, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    trainer = ShippedTrainer(ShippedOptions.model_validate({"judge": judge}), FakeContext(workspace=tmp_path))
    trained = trainer.train(training(tmp_path / "a"))
    assert trained.notes, "the card must say that nothing was trained here"
    given = load_file(tmp_path / "a" / "model" / "model.safetensors")
    shipped = load_file(assemble(judge, tmp_path) / "model.safetensors")
    assert given.keys() == shipped.keys()
    # Equal, and not nearly: every number in half precision is one in single precision too.
    assert all(given[name].dtype == torch.float32 and torch.equal(given[name], shipped[name].float()) for name in given)


def test_shipped_starts_from_nothing_and_is_known_by_its_weights(tmp_path: Path) -> None:
    context = FakeContext(workspace=tmp_path)
    base, heir = (ShippedTrainer(ShippedOptions(judge=name), context) for name in ("off-the-shelf", "mt-rl-judge"))
    assert base.fingerprint(training(tmp_path / "a")) != heir.fingerprint(training(tmp_path / "a"))
    with pytest.raises(UserError, match="shipped hands over what is there; remove model: and train:"):
        base.train(training(tmp_path / "a", model="/somewhere"))


def test_the_cards_are_found() -> None:
    plugins = Plugins.load()
    assert plugins.find("trainer", "eyes").id == "miniature-judges/eyes"
    assert plugins.find("trainer", "reading").id == "miniature-judges/reading"
    assert plugins.find("task", "base-pairs-safety").id == "miniature-judges/base-pairs-safety"
