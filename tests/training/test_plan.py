from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.api import ManifestError, UserError
from harness.discovery import Plugins
from harness.runner.context import context_of
from harness.runner.planned import Plan as RunPlan
from harness.training.plan import PlannedRecipe

Plan = Callable[..., PlannedRecipe]


def test_a_trainer_is_given_what_the_recipe_says(folder: Path, plan: Plan) -> None:
    training = plan(None, "seed=3", "model=weights").training
    assert (training.name, training.seed, training.model) == ("tiny", 3, str(folder / "weights"))
    assert [(task.name, task.id, task.train, task.validation, task.weight) for task in training.tasks] == [
        ("sums", "toy_plugin/sums", "train", "validation", 1.0),
        ("pairs", "toy_plugin/pairs", "train", None, 2.0),
    ]
    (reward,) = training.rewards
    assert (reward.name, reward.weight, reward.tasks) == ("right", 0.9, frozenset({"sums"}))
    assert training.folder.is_absolute()
    assert training.checkpoint == training.folder / "model"


def test_planning_writes_nothing(folder: Path, plan: Plan) -> None:
    planned = plan()
    assert not planned.is_trained
    assert not (folder / "checkpoints").exists()


CHANGES = {
    "an option of the trainer": "trainer.with.steps=5",
    "what a task says of itself": "tasks.0.with.version='2'",
    "the seed": "seed=1",
    "the weight of a reward": "rewards.0.weight=1",
    "the format": "tasks.0.format=harness/tagged",
    "the order": "tasks.1.protocol.order=fixed",
    "the model": "model=elsewhere",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_folder_follows_what_is_trained(plan: Plan, change: str) -> None:
    before, after = plan(), plan(None, change)
    assert before.folder.name == f"tiny-{before.hash}"
    assert after.hash != before.hash


@pytest.mark.parametrize("same", ["trainer.with.pause=0.5", "description=other words", "tasks.0.train=train"])
def test_the_folder_does_not_follow_how_it_is_run_or_described(plan: Plan, same: str) -> None:
    assert plan(None, same).folder == plan().folder


def test_the_folder_follows_the_fingerprint_of_the_trainer(folder: Path, plan: Plan) -> None:
    before = plan(None, "model=weights")
    (folder / "weights").mkdir()
    (folder / "weights" / "answers.json").write_text("other weights")
    assert plan(None, "model=weights").hash != before.hash


def test_the_folder_follows_the_recipe_that_it_starts_from_whether_that_is_trained_or_not(
    folder: Path, plan: Plan
) -> None:
    base = (folder / "r.yaml").read_text()
    (folder / "base.yaml").write_text(base)
    child = base.replace("name: tiny", "name: child") + "train: base.yaml\n"
    before = plan(child)
    assert before.start is not None
    assert before.training.model is None, "what it starts from need not be there yet"
    before.start.model.mkdir(parents=True)
    (before.start.model / "answers.json").write_text("trained meanwhile")
    assert plan(child).hash == before.hash
    (folder / "base.yaml").write_text(base.replace("sums}", "sums, with: {version: '2'}}", 1))
    assert plan(child).hash != before.hash, "the data of what it starts from has changed"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("use: right", "use: broken"), r"r\.yaml:7:11: rewards\[0\]: .*returned 'no reward', which cannot be called"),
        (("use: counter, with: {steps: 4}", "use: half"), r"r\.yaml:8:16: trainer: .*which lacks train"),
    ],
)
def test_what_a_plugin_gets_wrong_is_said_with_its_entry(plan: Plan, change: tuple[str, str], says: str) -> None:
    text = Path("r.yaml").read_text()
    assert change[0] in text
    with pytest.raises(ManifestError, match=says):
        plan(text.replace(*change))


def test_a_context_reaches_the_tasks_of_the_recipe_and_has_no_judge(plan: Plan, plugins: Plugins) -> None:
    planned = plan()
    run_plan = RunPlan(seed=0, plugins=plugins, workspace=Path("w"))
    run_plan.tasks.extend(planned.tasks)
    context = context_of(run_plan, planned.offer, name="tiny")
    assert len(list(context.examples("sums", "validation"))) == 4
    with pytest.raises(UserError, match="trainer tiny: there is no judge 'x' in the plan; it has none"):
        list(context.ask("x", []))


def test_weights_that_are_selected_on_what_is_learnt_are_warned_of(folder: Path, plan: Plan, said: list[str]) -> None:
    text = (folder / "r.yaml").read_text()
    plan(text)
    assert said == []
    plan(text.replace("{use: sums}", "{use: sums, validation: train}"))
    assert said == ["warning: task sums: its weights are selected on train, which it learns from as well"]
