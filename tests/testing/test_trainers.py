"""A sound trainer passes every check; each broken one changes what one check looks at."""

from __future__ import annotations

import json
import random
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from harness.api import TrainerCard, Training, TrainingResult, UserError
from harness.testing import checks_for, parametrize_with_checks
from harness.testing._checks import observe_check

COUNTER = count()


class Options(BaseModel):
    steps: int = 10**9  # nobody waits for this one


class Sound:
    """Learns a sum of random numbers and of the golds, and goes on where it was stopped."""

    def __init__(self, options: Options) -> None:
        self.steps = options.steps

    def fingerprint(self, training: Training) -> str:
        return "sound 1"

    def train(self, training: Training) -> TrainingResult:
        state = training.folder / "state.json"
        step, total = json.loads(state.read_text()) if state.is_file() else (0, 0.0)
        golds = [str(example.gold) for task in training.tasks for example in task.examples(task.train)]
        while step < self.steps:
            step, total = step + 1, total + self.drawn(training, step)
            self.keep(state, step, total)
            self.log(training, step, total)
        self.save(training, [total, golds])
        return TrainingResult(steps=step, selected=step, scores={"even/accuracy": 0.5})

    def drawn(self, training: Training, step: int) -> float:
        return random.Random(training.seed * 1000 + step).random()

    def keep(self, state: Any, step: int, total: float) -> None:
        state.write_text(json.dumps([step, total]))

    def log(self, training: Training, step: int, total: float) -> None:
        training.log(step, {"total": total})

    def save(self, training: Training, learnt: object) -> None:
        training.checkpoint.mkdir(exist_ok=True)
        (training.checkpoint / "learnt.json").write_text(json.dumps([str(training.folder), learnt]))


class Unseeded(Sound):
    def drawn(self, training: Training, step: int) -> float:
        return float(next(COUNTER))


class Forgetful(Sound):
    def keep(self, state: Any, step: int, total: float) -> None:
        """Keep nothing: it begins again, and comes to the same."""


class ForgetsTotal(Sound):
    def keep(self, state: Any, step: int, total: float) -> None:
        state.write_text(json.dumps([step, 0.0]))


class Stubborn(Sound):
    def log(self, training: Training, step: int, total: float) -> None:
        try:
            super().log(training, step, total)
        except BaseException:
            return


class Text(Sound):
    def log(self, training: Training, step: int, total: float) -> None:
        training.log(step, {"total": "much"})  # type: ignore[dict-item]


class Backwards(Sound):
    def log(self, training: Training, step: int, total: float) -> None:
        training.log(self.steps - step, {"total": total})


class Silent(Sound):
    def log(self, training: Training, step: int, total: float) -> None:
        """Say nothing."""


class Saveless(Sound):
    def save(self, training: Training, learnt: object) -> None:
        """Leave nothing."""


class Drifting(Sound):
    def fingerprint(self, training: Training) -> str:
        return f"drifting {next(COUNTER)}"


class Refusing(Sound):
    def train(self, training: Training) -> TrainingResult:
        raise UserError("it needs a model to start from")


def observed(trainer: Any, **fields: Any) -> dict[str, tuple[str, str]]:
    card = TrainerCard(
        name="t", api_version=1, summary="s", factory=lambda options, context: trainer(options), options=Options
    )
    return {name: observe_check(check) for name, check in checks_for(card, **fields) if name.startswith("trainer_")}


def test_a_sound_trainer_passes_every_check() -> None:
    found = observed(Sound, options={"steps": 6})
    assert set(found.values()) == {("", "")}
    assert {"trainer_trains", "trainer_log_is_readable", "trainer_is_deterministic", "trainer_resumes"} <= set(found)


@pytest.mark.parametrize(
    ("trainer", "check", "said"),
    [
        (Unseeded, "trainer_is_deterministic", "trained twice with one seed, model/learnt.json differ"),
        (ForgetsTotal, "trainer_resumes", "model/learnt.json differ from a training that nothing stopped"),
        (Stubborn, "trainer_resumes", "it went on after the harness stopped it"),
        (Text, "trainer_log_is_readable", "'much'"),
        (Backwards, "trainer_log_is_readable", "the steps that it logs go back"),
        (Silent, "trainer_log_is_readable", "it logs nothing"),
        (Saveless, "trainer_trains", "it left no file in training.checkpoint"),
        (Drifting, "trainer_fingerprint_is_stable", "made twice alike"),
        (lambda options: object(), "trainer_protocol", "which is no Trainer"),
    ],
)
def test_each_check_catches_its_fault(trainer: Any, check: str, said: str) -> None:
    assert said in observed(trainer, options={"steps": 6})[check][0]


def test_a_trainer_that_begins_again_after_a_stop_is_warned_of() -> None:
    fault, warning = observed(Forgetful, options={"steps": 6})["trainer_resumes"]
    assert fault == ""
    assert "it begins from the start again" in warning


def test_a_trainer_that_refuses_the_recipe_is_warned_of_and_not_failed() -> None:
    found = observed(Refusing, options={"steps": 6})
    assert [name for name, (fault, _) in found.items() if fault] == []
    assert "it refuses the recipe of this check (it needs a model to start from)" in found["trainer_trains"][1]


def test_nothing_is_trained_where_nothing_was_given_to_make_it_short() -> None:
    assert set(observed(Sound)) == {"trainer_protocol", "trainer_members", "trainer_fingerprint_is_stable"}


def test_an_example_on_the_card_makes_the_training_short_and_gives_it_a_model() -> None:
    models: list[str | None] = []

    class Starting(Sound):
        def train(self, training: Training) -> TrainingResult:
            models.append(training.model)
            return super().train(training)

    def with_model(folder: Path) -> dict[str, int]:
        (folder / "weights").write_text("0")
        return {"steps": 6}

    for example in (with_model, lambda folder: {"steps": 6}):
        card = TrainerCard(
            name="t",
            api_version=1,
            summary="s",
            factory=lambda options, context: Starting(options),
            options=Options,
            example=example,
        )
        found = {name: observe_check(check) for name, check in checks_for(card) if name.startswith("trainer_")}
        assert set(found.values()) == {("", "")}
        assert "trainer_resumes" in found
    began = [Path(model).name.startswith("harness-example-") for model in models if model is not None]
    assert began == [True] * 4, "trained, trained again, stopped, gone on"
    assert models[4:] == [None] * 4


def test_pytest_says_that_a_trainer_is_not_trained() -> None:
    card = TrainerCard(name="t", api_version=1, summary="s", factory=lambda options, context: Sound(options))
    (skipped,) = [param for param in parametrize_with_checks(card).args[1] if param.marks]
    assert skipped.id == "card/t-trainer_trains"
    assert "it is not trained; give options that make it short in `options`" in skipped.marks[0].kwargs["reason"]


class ReadsAll(Sound):
    """Uses what `harness train` offers besides `examples`."""

    def train(self, training: Training) -> TrainingResult:
        for task in training.tasks:
            assert task.sample is not None
            assert len({example.item.id for example in task.sample(task.train, 4)}) == 4
            assert not any(task.examples.skipped.values())  # type: ignore[attr-defined]
        return super().train(training)


def test_a_trainer_may_use_all_that_the_harness_offers() -> None:
    assert set(observed(ReadsAll, options={"steps": 6}).values()) == {("", "")}
