from __future__ import annotations

import logging
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.api import Image, Training, TrainingResult, UserError
from harness_grpo import loop
from harness_grpo.folders import put_folder
from harness_grpo.loop import TrainingSetup, fit, rate
from harness_grpo.options import SftOptions
from harness_grpo.policy import Policy
from harness_grpo.sft import Sft

from .conftest import Curves, fixed, grpo, length, pairs, point, points, rewarded, sft, showing, training, weights_of

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

    monkeypatch.setattr(loop, "scores", found)


# -- the learning rate -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [0.5, 1, 1, 1, 1, 1]),
        ("linear", [0.5, 1, 1, 0.75, 0.5, 0.25]),
        ("cosine", [0.5, 1, 1, (1 + math.sqrt(0.5)) / 2, 0.5, (1 - math.sqrt(0.5)) / 2]),
    ],
)
def test_the_learning_rate_rises_and_falls_as_it_should(schedule: str, expected: list[float]) -> None:
    options = SftOptions.model_validate({"steps": 6, "warmup": 2, "lr": 0.01, "schedule": schedule})
    assert [rate(options, number) for number in range(6)] == pytest.approx([0.01 * one for one in expected])


def test_the_optimizer_goes_by_it(taught: Path, tmp_path: Path) -> None:
    """AdamW's first step has the size of the learning rate, whatever the gradient."""
    options = SftOptions(lr=0.01, warmup=4, steps=8, batch=2, max_new_tokens=24)
    policy = Policy(str(taught), options, name="recipe", seed=0)
    before = {name: one.detach().clone() for name, one in policy.trained.items()}
    setup = loop._make_setup(training(tmp_path, taught, tasks=[points("red", 2)]), options, policy)
    Sft(setup, options).step(0)
    moved = max(float((one - before[name]).abs().max().detach()) for name, one in policy.trained.items())
    assert moved == pytest.approx(0.01 / 4, rel=1e-2)


def test_gradients_are_scaled_down_to_the_greatest_norm_and_no_further(taught: Path, tmp_path: Path) -> None:
    def steps(most: float) -> Curves:
        curves = Curves()
        whole = training(tmp_path / str(most), taught, tasks=[points("red", 4)], curves=curves)
        sft(whole, **QUICK, steps=1, max_grad_norm=most)
        return curves

    assert steps(1e-3).of("grad_norm") == steps(1e3).of("grad_norm"), "what is logged is the norm before"
    options = SftOptions(max_grad_norm=0.5, max_new_tokens=24)
    policy = Policy(str(taught), options, name="recipe", seed=0)
    setup = loop._make_setup(training(tmp_path, taught, tasks=[points("red", 2)]), options, policy)
    seen: list[float] = []
    setup.optimizer.step = lambda: seen.append(  # type: ignore[method-assign, assignment]
        math.sqrt(sum(float(one.grad.square().sum()) for one in policy.trained.values() if one.grad is not None))
    )
    for size in (3.0, 0.1):
        some = next(iter(policy.trained.values()))
        some.grad = torch.full_like(some, size / math.sqrt(some.numel()))
        assert setup.apply(1.0, 0) == pytest.approx(size, rel=1e-4)
    assert seen == pytest.approx([0.5, 0.1], rel=1e-4)


# -- what is kept ------------------------------------------------------------------------------------------------------


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
    monkeypatch.setattr(loop, "scores", lambda *_, **__: dict(zip(("accuracy", "macro_f1"), next(found), strict=True)))
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


class Killed(BaseException):
    pass


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
            patch.setattr(loop, "put_folder", killed_before)
        else:
            patch.setattr("harness_grpo.loop.shutil.rmtree", killed_behind)
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


# -- seeds -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("train", [sft, grpo])
def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(
    taught: Path, tmp_path: Path, train: Callable[..., TrainingResult]
) -> None:
    def run(name: str, seed: int) -> Path:
        tasks = [points("red", 8, validation=None), pairs("pair", 2)]
        whole = training(tmp_path / name, taught, tasks=tasks, rewards=rewarded(length), seed=seed)
        train(whole, **QUICK, steps=2, validation={"limit": 1})
        return whole.checkpoint

    one, again, other = run("one", 1), run("again", 1), run("other", 2)
    assert (one / "model.safetensors").read_bytes() == (again / "model.safetensors").read_bytes()
    assert not same(one, other)


def test_how_often_states_are_kept_changes_nothing(taught: Path, tmp_path: Path) -> None:
    for often in (1, 25):
        whole = training(tmp_path / str(often), taught, tasks=[points("red", 8, validation=None)])
        sft(whole, **QUICK, steps=3, save_every=often)
    assert same(tmp_path / "1" / "model", tmp_path / "25" / "model")


# -- what goes wrong ---------------------------------------------------------------------------------------------------


def test_a_recipe_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="recipe recipe: names no model to start from; add model: or train:"):
        sft(training(tmp_path, None, tasks=[points("red", 2)]), steps=1)


def test_a_picture_that_cannot_be_read_is_left_out_and_the_next_item_takes_its_place(
    taught: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    examples = [point("red", number) for number in range(4)]
    examples[1] = showing(examples[1], Image.from_bytes(b"torn", name="torn.png"))
    examples[2] = showing(examples[2], Image.from_file(tmp_path / "gone.png"))
    curves = Curves()
    whole = training(tmp_path, taught, tasks=[fixed("red", examples)], curves=curves)
    with caplog.at_level(logging.WARNING, logger="harness_grpo"):
        done = sft(whole, **{**QUICK, "batch": 2}, steps=2)
    assert "task red, item 1 is left out: image torn.png" in caplog.text
    assert "task red, item 2 is left out" in caplog.text
    assert "task red: 4 draws could not be shown and were left out; the log says why" in done.notes
    assert curves.of("red/epochs")[2] == 2.0
    readable = Curves()
    whole = training(tmp_path / "readable", taught, tasks=[fixed("red", [examples[0], examples[3]])], curves=readable)
    sft(whole, **{**QUICK, "batch": 2}, steps=2)
    assert curves.of("tokens") == readable.of("tokens"), "batches are full"


def test_what_was_left_out_before_an_interruption_is_counted(taught: Path, tmp_path: Path) -> None:
    examples = [point("red", number) for number in range(2)]
    examples[1] = showing(examples[1], Image.from_bytes(b"torn", name="torn.png"))
    whole = training(tmp_path, taught, tasks=[fixed("red", examples)])

    def log(step: int, metrics: Any) -> None:
        if step == 3:
            raise Killed

    options = {**QUICK, "batch": 1, "steps": 4, "save_every": 2}
    with pytest.raises(Killed):
        sft(replace(whole, log=log), **options)
    (note,) = [one for one in sft(whole, **options).notes if "left out" in one]
    apart = training(tmp_path / "apart", taught, tasks=whole.tasks)
    assert note in sft(apart, **options).notes
    assert "task red: 0" not in note


def test_a_task_of_which_nothing_can_be_shown_is_an_error(taught: Path, tmp_path: Path) -> None:
    torn = [showing(point("red", number), Image.from_bytes(b"torn", name="torn.png")) for number in range(3)]
    whole = training(tmp_path, taught, tasks=[points("fine", 3, validation=None), fixed("red", torn)])
    with pytest.raises(UserError, match="task red: not one item of split train can be shown; the log says why"):
        sft(whole, **QUICK, steps=1)


class Poisoned:
    """SFT whose weights become infinite as step 3 begins."""

    def __init__(self, setup: TrainingSetup, options: SftOptions, setups: list[Any]) -> None:
        self._inner, self._setup = Sft(setup, options), setup
        setups.append(setup)

    def step(self, number: int) -> dict[str, float]:
        if number == 2:
            with torch.no_grad():
                self._setup.policy.trained["lm_head.weight"][5] = math.inf
        return self._inner.step(number)


@pytest.mark.parametrize("save_every", [1, 25])
def test_a_loss_that_is_not_finite_ends_training_and_changes_nothing(
    taught: Path, tmp_path: Path, save_every: int
) -> None:
    given = {**QUICK, "steps": 9, "max_new_tokens": 24, "save_every": save_every}
    options = SftOptions.model_validate({**given, "validation": {"every": 2, "limit": 2}})
    whole = training(tmp_path / "whole", taught, tasks=[points("red", 8)])
    setups: list[TrainingSetup] = []
    with pytest.raises(UserError, match=r"the loss of step 3 is (nan|inf), .*nothing was changed.*Lower lr \(0.001\)"):
        fit(whole, options, lambda setup: Poisoned(setup, options, setups))
    kept = {name: one.detach().clone() for name, one in setups[0].policy.trained.items()}
    short = training(tmp_path / "short", taught, tasks=[points("red", 8, validation=None)])
    sft(short, **QUICK, steps=2)
    assert same(whole.folder / "best", short.checkpoint), "the best weights are whole"
    expected = Policy(str(short.checkpoint), options, name="recipe", seed=0).trained
    for name, one in expected.items():
        rows = [number for number in range(len(one)) if name != "lm_head.weight" or number != 5]
        assert torch.equal(kept[name][rows], one.detach()[rows]), name


@pytest.mark.parametrize(("loss", "gradient"), [(math.nan, 1.0), (math.inf, 1.0), (1.0, math.nan), (1.0, math.inf)])
def test_neither_loss_nor_gradient_may_be_other_than_finite(
    taught: Path, tmp_path: Path, loss: float, gradient: float
) -> None:
    options = SftOptions(max_new_tokens=24)
    policy = Policy(str(taught), options, name="recipe", seed=0)
    setup = loop._make_setup(training(tmp_path, taught, tasks=[points("red", 2)]), options, policy)
    before = {name: one.detach().clone() for name, one in policy.trained.items()}
    policy.trained["lm_head.weight"].grad = torch.full_like(policy.trained["lm_head.weight"], gradient)
    with pytest.raises(UserError, match=f"the loss of step 8 is {loss}"):
        setup.apply(loss, 7)
    assert all(torch.equal(one, before[name]) for name, one in policy.trained.items())
    assert not setup.optimizer.state


def test_every_task_gets_its_share_of_a_batch(taught: Path, tmp_path: Path) -> None:
    curves = Curves()
    tasks: Sequence[Any] = [points("many", 6, validation=None, weight=1.0), points("few", 2, validation=None, weight=3)]
    sft(training(tmp_path, taught, tasks=tasks, curves=curves), **QUICK, steps=2)
    assert curves.of("many/epochs") == {1: 2 / 6, 2: 4 / 6}, "six at weight 1 weigh as two at weight 3"
    assert curves.of("few/epochs") == {1: 1.0, 2: 2.0}
