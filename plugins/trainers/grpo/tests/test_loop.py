from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.api import Image, TrainingResult, UserError
from harness_grpo.loop import fit
from harness_grpo.options import SftOptions
from harness_grpo.policy import Policy
from harness_grpo.sft import Sft
from harness_grpo.training_setup import TrainingSetup

from .conftest import (
    Curves,
    Killed,
    fixed,
    grpo,
    length,
    pairs,
    point,
    points,
    rewarded,
    sft,
    showing,
    training,
    weights_of,
)

QUICK: dict[str, Any] = {"batch": 4, "lr": 1e-3, "freeze": ["vision"]}


def same(one: Path, two: Path) -> bool:
    mine, theirs = weights_of(one), weights_of(two)
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


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


def test_every_task_gets_its_share_of_a_batch(taught: Path, tmp_path: Path) -> None:
    curves = Curves()
    tasks: Sequence[Any] = [points("many", 6, validation=None, weight=1.0), points("few", 2, validation=None, weight=3)]
    sft(training(tmp_path, taught, tasks=tasks, curves=curves), **QUICK, steps=2)
    assert curves.of("many/epochs") == {1: 2 / 6, 2: 4 / 6}, "six at weight 1 weigh as two at weight 3"
    assert curves.of("few/epochs") == {1: 1.0, 2: 2.0}
