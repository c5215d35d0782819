from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.api import Training, TrainingResult
from harness_grpo import selection
from harness_grpo.folders import put_folder
from harness_grpo.loop import fit
from harness_grpo.training_setup import TrainingSetup

from .conftest import Curves, Killed, length, pairs, points, rewarded, sft, training, weights_of

QUICK: dict[str, Any] = {"batch": 4, "lr": 1e-3, "freeze": ["vision"]}


def same(one: Path, two: Path) -> bool:
    mine, theirs = weights_of(one), weights_of(two)
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


def scripted(monkeypatch: pytest.MonkeyPatch, *values: float) -> None:
    """Have validation find these scores, one after the other."""
    left = iter(values)

    def found(*_: object, **__: object) -> dict[str, float]:
        value = next(left)
        return {"accuracy": value, "macro_f1": value / 2, "red/accuracy": value}

    monkeypatch.setattr(selection, "scores", found)


def test_the_weights_of_the_best_validation_are_kept_and_not_the_last(
    taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, 0.5, 0.6, 0.9, 0.7, 0.9, 0.8)
    whole = training(tmp_path / "whole", taught, tasks=[points("red", 8)])
    done = sft(whole, **QUICK, steps=5, validation={"every": 1, "metric": "accuracy"})
    assert (done.steps, done.selected, done.scores["accuracy"]) == (5, 2, 0.9)
    assert done.notes == ()
    short = training(tmp_path / "short", taught, tasks=[points("red", 8, validation=None)])
    assert sft(short, **QUICK, steps=2).selected == 2
    assert same(whole.checkpoint, short.checkpoint)
    assert not list(whole.folder.glob("best")) + list(whole.folder.glob(".*")) + list(whole.folder.glob("state-*"))


def test_the_last_step_is_validated_whatever_the_interval(
    taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, 0.5, 0.6, 0.7)
    curves = Curves()
    whole = training(tmp_path, taught, tasks=[points("red", 8)], curves=curves)
    done = sft(whole, **QUICK, steps=5, validation={"every": 4, "metric": "macro_f1"})
    assert curves.of("validation/accuracy") == {0: 0.5, 4: 0.6, 5: 0.7}
    assert curves.of("validation/macro_f1")[5] == 0.35
    assert done.selected == 5


@pytest.mark.parametrize(("metric", "selected"), [("accuracy", 2), ("macro_f1", 1)])
def test_the_metric_that_was_asked_for_selects(
    taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, metric: str, selected: int
) -> None:
    found = iter([(0.1, 0.1), (0.6, 0.5), (0.9, 0.4)])
    monkeypatch.setattr(
        selection, "scores", lambda *_, **__: dict(zip(("accuracy", "macro_f1"), next(found), strict=True))
    )
    whole = training(tmp_path, taught, tasks=[points("red", 8)])
    done = sft(whole, **QUICK, steps=2, validation={"every": 1, "metric": metric})
    assert done.selected == selected


def test_training_stops_early_where_nothing_gets_better(
    taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, 0.5, 0.6, 0.6, 0.7, 0.7, 0.65)
    whole = training(tmp_path, taught, tasks=[points("red", 8)])
    done = sft(whole, **QUICK, steps=50, validation={"every": 2, "metric": "accuracy", "patience": 2})
    assert (done.steps, done.selected) == (10, 6)
    assert done.notes == ("stopped early: 2 validations without a new best",)


def test_a_model_that_was_no_worse_at_the_start_is_noted(
    taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, 0.8, 0.6)
    done = sft(
        training(tmp_path, taught, tasks=[points("red", 8)]), **QUICK, steps=1, validation={"metric": "accuracy"}
    )
    (note,) = done.notes
    assert "the model it started from scored 0.8000 on validation, no less than the weights kept (0.6000)" in note


def test_without_a_validation_split_the_last_weights_are_kept_and_that_is_noted(taught: Path, tmp_path: Path) -> None:
    done = sft(training(tmp_path, taught, tasks=[points("red", 8, validation=None)]), **QUICK, steps=2)
    assert (done.steps, done.selected, done.scores) == (2, 2, {})
    assert done.notes == (
        "no task has a validation split: the last weights were kept, and nothing says how good they are",
    )


def test_validation_changes_nothing_about_training(taught: Path, tmp_path: Path) -> None:
    folders = []
    for every in (1, 9):
        whole = training(tmp_path / str(every), taught, tasks=[points("red", 8), pairs("pair", 2)])
        rewarded_ = training(whole.folder, taught, tasks=whole.tasks, rewards=rewarded(length))
        folders.append(rewarded_.checkpoint)
        setup: list[TrainingSetup] = []
        fit_(rewarded_, setup, every=every)
        setup[0].policy.save(whole.folder / "last")
    assert same(tmp_path / "1" / "last", tmp_path / "9" / "last")


def fit_(whole: Training, setups: list[TrainingSetup], **validation: Any) -> TrainingResult:
    from harness_grpo.grpo import Grpo
    from harness_grpo.options import GrpoOptions

    given = {**QUICK, "steps": 3, "group": 2, "max_new_tokens": 12, "validation": {**validation, "limit": 2}}
    options = GrpoOptions.model_validate(given)

    def make(setup: TrainingSetup) -> Grpo:
        setups.append(setup)
        return Grpo(setup, options)

    return fit(whole, options, make)


@pytest.mark.parametrize("validation", ["validation", None])
def test_the_last_weights_stay_beside_the_best(
    taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, validation: str | None
) -> None:
    scripted(monkeypatch, 0.1, 0.9, 0.2, 0.3, 0.4)
    tasks = [points("red", 8, validation=validation)]
    whole = training(tmp_path / "whole", taught, tasks=tasks)
    done = sft(whole, **QUICK, steps=4, save_total_limit=2, validation={"every": 1, "limit": 2})
    kept = sorted(whole.folder.glob("steps/*"))
    assert [folder.name for folder in kept] == ["step-00000003", "step-00000004"]
    assert done.selected == (4 if validation is None else 1)
    assert same(kept[1], whole.checkpoint) == (validation is None)
    # They are what training had come to, and a judge opens them.
    short = training(tmp_path / "short", taught, tasks=[points("red", 8, validation=None)])
    sft(short, **QUICK, steps=3, validation={"every": 9, "limit": 2})
    assert same(kept[0], short.checkpoint)
    assert {path.name for path in kept[0].iterdir()} == {path.name for path in whole.checkpoint.iterdir()}
    assert not list(short.folder.glob("steps"))


@pytest.mark.parametrize("leaves", ["the best", "the model"])
def test_killed_as_it_tidies_up_it_still_ends_with_the_best(
    taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leaves: str
) -> None:
    def run(folder: Path) -> TrainingResult:
        scripted(monkeypatch, 0.5, 0.9, 0.7)
        whole = training(folder, taught, tasks=[points("red", 8)])
        return sft(whole, **QUICK, steps=2, validation={"every": 1, "metric": "accuracy"})

    expected = run(tmp_path / "whole")
    put, remove = put_folder, shutil.rmtree

    def killed_before(ready: Path, folder: Path) -> None:
        if folder.name == "model":
            raise Killed
        put(ready, folder)

    def killed_behind(path: Path, **fields: Any) -> None:
        if path.name.startswith("state-00000002") and (path.parent / "model").exists():
            raise Killed
        remove(path, **fields)

    with monkeypatch.context() as patch:
        if leaves == "the best":
            patch.setattr(selection, "put_folder", killed_before)
        else:
            patch.setattr("harness_grpo.selection.shutil.rmtree", killed_behind)
        with pytest.raises(Killed):
            run(tmp_path / "killed")
    assert run(tmp_path / "killed") == expected
    assert same(tmp_path / "whole" / "model", tmp_path / "killed" / "model")
    assert not list((tmp_path / "killed").glob("state-*"))


def test_a_checkpoint_of_an_attempt_before_is_replaced_whole(taught: Path, tmp_path: Path) -> None:
    whole = training(tmp_path, taught, tasks=[points("red", 8, validation=None)])
    whole.checkpoint.mkdir()
    (whole.checkpoint / "stale.bin").write_bytes(b"old")
    sft(whole, **QUICK, steps=1)
    assert (whole.checkpoint / "model.safetensors").is_file()
    assert not (whole.checkpoint / "stale.bin").exists()
