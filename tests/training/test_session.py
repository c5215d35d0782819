from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.api import JournalError, PluginError, Training, TrainingResult, UserError
from harness.discovery import Plugins
from harness.runner.folder import lock_folder
from harness.training import session
from harness.training.folder import read_curves, read_result
from harness.training.plan import PlannedRecipe
from harness.training.session import train

Plan = Callable[..., PlannedRecipe]
Steps = Callable[[], list[str]]


@pytest.fixture
def go(plugins: Plugins, said: list[str]) -> Callable[..., Any]:
    return lambda planned, **options: train(planned, plugins, say=said.append, **options)


Go = Callable[..., Any]


def test_a_training_leaves_recipe_curves_model_card_and_record(plan: Plan, go: Go, plugins: Plugins) -> None:
    planned = plan()
    record = go(planned)
    folder = planned.folder
    assert sorted(path.name for path in folder.iterdir()) == [
        "attempts.json",
        "curves.jsonl",
        "model",
        "recipe.yaml",
        "result.json",
        "run.lock",
        "state.json",
        "trained.json",
    ]
    assert sorted(path.name for path in (folder / "model").iterdir()) == ["README.md", "answers.json"]
    assert json.loads((folder / "trained.json").read_text()) == record
    assert (record["recipe"], record["hash"], record["steps"], record["selected"]) == ("tiny", planned.hash, 4, 3)
    assert record["scores"] == {"sums/accuracy": 0.75}
    assert record["files"] == {"answers.json": (folder / "model" / "answers.json").stat().st_size}
    assert record["attempts"] == 1
    assert record["seconds"] == record["seconds_of_all_attempts"]
    assert {"python", "platform", "plugins", "libraries", "command", "harness"} <= set(record)
    assert list(read_curves(folder)) == [1, 2, 3, 4]


def test_the_stored_recipe_is_the_same_training(plan: Plan, go: Go) -> None:
    planned = plan()
    go(planned)
    assert plan((planned.folder / "recipe.yaml").read_text()).folder == planned.folder


def test_what_is_trained_is_not_trained_again(plan: Plan, go: Go, steps: Steps, said: list[str]) -> None:
    first = go(plan())
    assert go(plan()) == first
    assert len(steps()) == 4
    assert said[-1] == f"tiny is trained already ({plan().folder})"


def test_fresh_keeps_the_older_folder_aside(plan: Plan, go: Go, steps: Steps) -> None:
    planned = plan()
    go(planned)
    go(planned, fresh=True)
    assert len(steps()) == 8
    aside = planned.folder.with_name(f"{planned.folder.name}.old-1")
    assert (aside / "trained.json").is_file()
    assert planned.is_trained


def test_an_attempt_goes_on_from_the_state_of_the_one_before(plan: Plan, go: Go, folder: Path) -> None:
    planned = plan()
    planned.folder.mkdir(parents=True)
    (planned.folder / "state.json").write_text("3")
    (planned.folder / "curves.jsonl").write_text('{"step": 3, "metrics": {"loss": 9.0}}\n{"step": 4, "met')
    (planned.folder / "attempts.json").write_text('[{"began": "x", "seconds": 60.0}]')
    record = go(planned)
    assert record["attempts"] == 2
    assert record["seconds_of_all_attempts"] >= 60 > record["seconds"]
    assert read_curves(planned.folder)[3] == {"loss": 9.0}
    assert read_curves(planned.folder)[4]["loss"] == 0.25


def test_a_model_that_was_taken_away_is_made_again(plan: Plan, go: Go, folder: Path) -> None:
    planned = plan()
    go(planned)
    (planned.model / "answers.json").unlink()
    assert not planned.is_trained
    seen = []

    class Watching:
        fingerprint = staticmethod(lambda training: "x")

        def train(self, training: Training) -> TrainingResult:
            seen.append((planned.folder / "trained.json").exists())
            return planned.trainer.train(training)

    go(replace(planned, trainer=Watching()))
    assert seen == [False], "the old record must not make half a model look finished"
    assert planned.is_trained


def test_what_it_starts_from_is_trained_first_and_once(
    folder: Path, plan: Plan, go: Go, steps: Steps, learnt: Callable[[Path], Any]
) -> None:
    base = (folder / "r.yaml").read_text()
    (folder / "base.yaml").write_text(base.replace("name: tiny", "name: base").replace("steps: 4", "steps: 2"))
    child = base.replace("name: tiny", "name: child") + "train: base.yaml\n"
    planned = plan(child)
    record = go(planned)
    assert steps() == ["base 1", "base 2", "child 1", "child 2", "child 3", "child 4"]
    assert planned.start is not None
    assert record["start"] == planned.start.folder.name
    assert learnt(planned.folder)["start"]["common"] == {"sums": "yes", "pairs": "1"}
    go(plan(child, "seed=1"))
    assert len(steps()) == 10, "the base is there already"
    go(plan(child), fresh=True)
    assert len(steps()) == 14, "fresh is for the recipe alone"


def test_what_is_logged_reaches_the_hook_with_recipe_and_folder(plan: Plan, go: Go, folder: Path) -> None:
    planned = plan()
    go(planned)
    heard = [line for line in (folder / "log").read_text().splitlines() if line.startswith("heard")]
    assert heard[0] == f"heard tiny {planned.folder.name} 1 ['loss', 'pairs/score', 'sums/score']"
    assert len(heard) == 4


TROUBLE = {
    "leaves nothing": (PluginError, "trainer toy_plugin/counter .*: it left no file in .*model; the trained model"),
    "returns nothing": (PluginError, "train returned None, which is no TrainingResult"),
    "logs text": (PluginError, "the trainer logged .*'low'.* at step 4; log numbers by name"),
    "raises": (PluginError, r"train raised ZeroDivisionError: by zero; where is in .*traceback\.txt"),
    "refuses": (UserError, "^the group does not fit; choose a smaller one$"),
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_a_trainer_in_trouble_ends_the_training_and_keeps_what_was_done(plan: Plan, go: Go, trouble: str) -> None:
    kind, says = TROUBLE[trouble]
    planned = plan(None, f"trainer.with.trouble={trouble}")
    with pytest.raises(kind, match=says):
        go(planned)
    assert not planned.is_trained
    assert json.loads((planned.folder / "attempts.json").read_text())[0]["seconds"] >= 0
    if trouble == "raises":
        assert "ZeroDivisionError: by zero" in (planned.folder / "traceback.txt").read_text()
    with lock_folder(planned.folder):
        pass  # free again


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("steps", None, "steps of a TrainingResult is None; give a whole number"),
        ("selected", 1.5, "selected of a TrainingResult is 1.5; give a whole number"),
        ("scores", None, "scores of a TrainingResult is None; give numbers by name"),
        ("scores", {"safety/accuracy": None}, "the score 'safety/accuracy' of a TrainingResult is None; give a number"),
        ("scores", {"safety/accuracy": "high"}, "is 'high'; give a number by name"),
        ("notes", "early stop", "notes of a TrainingResult is 'early stop'; give a tuple of texts"),
        ("notes", None, "notes of a TrainingResult is None"),
        ("notes", [1], r"notes of a TrainingResult is \[1\]"),
    ],
)
def test_a_trainer_that_returns_what_is_no_result_is_named(
    plan: Plan, go: Go, field: str, value: object, says: str
) -> None:
    planned = plan(None, f"trainer.with.result={json.dumps({field: value})}")
    with pytest.raises(PluginError, match=f"trainer toy_plugin/counter .*{says}"):
        go(planned)
    assert not planned.is_trained


def test_a_record_that_is_lost_is_written_again_without_training(plan: Plan, go: Go, steps: Steps) -> None:
    planned = plan()
    first = go(planned)
    assert first is not None
    (planned.folder / "trained.json").write_text('{"half')
    with pytest.raises(JournalError, match=r"trained\.json: is damaged .*; remove it, and the same command writes it"):
        go(planned)
    (planned.folder / "trained.json").unlink()
    (planned.folder / "state.json").unlink()  # what a trainer may remove when it is done
    count = len(steps())
    again = go(planned)
    assert again is not None
    assert len(steps()) == count
    same = ("steps", "selected", "scores", "notes", "files", "hash")
    assert {name: again[name] for name in same} == {name: first[name] for name in same}


def test_a_result_that_is_damaged_is_not_believed(plan: Plan, go: Go, steps: Steps) -> None:
    planned = plan()
    go(planned)
    (planned.folder / "trained.json").unlink()
    for damaged in ("{", "[]", '{"steps": 1}', '{"steps": 1, "selected": 1, "scores": {}, "notes": "text"}'):
        (planned.folder / "result.json").write_text(damaged)
        (planned.folder / "state.json").unlink()
        count = len(steps())
        assert go(planned) is not None
        assert len(steps()) == count + 4
        (planned.folder / "trained.json").unlink()


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_checkpoint_without_all_its_files_is_not_trained_already(plan: Plan, go: Go, damage: str) -> None:
    planned = plan()
    go(planned)
    (planned.model / "more.json").write_text("another file, so that the model is not empty")
    weights = planned.model / "answers.json"
    size = weights.stat().st_size
    weights.unlink() if damage == "missing" else weights.write_bytes(weights.read_bytes()[:3])
    found = "is missing" if damage == "missing" else "has 3 bytes"
    with pytest.raises(JournalError, match=rf"answers\.json: {found}, and {size} bytes were trained; put it back"):
        go(planned)
    # The record gone as well: what is left of the model is not taken for the whole of it.
    (planned.folder / "trained.json").rename(planned.folder / "kept.json")
    assert read_result(planned.folder) is None
    (planned.folder / "kept.json").rename(planned.folder / "trained.json")
    # The card is for people to change.
    weights.write_bytes(b" " * size)
    (planned.model / "README.md").write_text("mine")
    assert planned.is_trained


@pytest.mark.parametrize("damage", ["record", "model"])
def test_fresh_trains_again_whatever_is_damaged(plan: Plan, go: Go, steps: Steps, damage: str) -> None:
    planned = plan()
    go(planned)
    path = planned.folder / "trained.json" if damage == "record" else planned.model / "answers.json"
    path.write_text("{")
    (planned.model / "other.json").write_text("{}")
    with pytest.raises(JournalError):
        go(planned)
    assert go(planned, fresh=True) is not None
    assert len(steps()) == 8


def test_a_folder_in_which_another_process_trains_is_refused(plan: Plan, go: Go, steps: Steps) -> None:
    planned = plan()
    planned.folder.mkdir(parents=True)
    with lock_folder(planned.folder), pytest.raises(UserError, match="another harness process"):
        go(planned)
    assert steps() == []


def test_a_training_that_another_process_finished_meanwhile_is_taken_as_it_is(
    plan: Plan, go: Go, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = plan()

    @contextmanager
    def late(folder: Path) -> Iterator[None]:
        planned.model.mkdir()
        (planned.model / "answers.json").write_text("{}")
        (folder / "trained.json").write_text('{"recipe": "by the other"}')
        yield

    monkeypatch.setattr(session, "lock_folder", late)
    assert go(planned) == {"recipe": "by the other"}
    assert steps() == []


def test_a_process_that_helps_another_calls_the_trainer_and_writes_nothing_of_its_own(
    folder: Path, plan: Plan, go: Go, steps: Steps, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    base = (folder / "r.yaml").read_text().replace("use: counter", "use: counters")
    (folder / "base.yaml").write_text(base.replace("name: tiny", "name: base"))
    planned = plan(base + "train: base.yaml\n")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    planned.folder.mkdir(parents=True)
    with lock_folder(planned.folder):  # by the first process
        assert go(planned) is None
    assert steps()[0] == "base 1"
    assert steps()[-1] == "tiny 4"
    assert sorted(path.name for path in planned.folder.iterdir()) == ["model", "run.lock", "state.json"]
    assert not (planned.model / "README.md").exists()
    assert said == []
    assert "heard" not in (folder / "log").read_text()
    monkeypatch.setenv("RANK", "0")
    assert go(planned) is not None
    monkeypatch.setenv("RANK", "1")
    count = len(steps())
    assert go(planned) is None
    assert len(steps()) == count, "what is trained is not trained again"


@pytest.mark.parametrize("world", ["", "1", None])
@pytest.mark.parametrize("rank", ["", "1", "2"])
def test_a_stray_rank_does_not_keep_a_training_from_its_lock_log_and_record(
    plan: Plan, go: Go, monkeypatch: pytest.MonkeyPatch, world: str | None, rank: str
) -> None:
    monkeypatch.setenv("RANK", rank)
    if world is None:
        monkeypatch.delenv("WORLD_SIZE", raising=False)
    else:
        monkeypatch.setenv("WORLD_SIZE", world)
    planned = plan()
    assert go(planned) is not None
    assert planned.is_trained
    assert (planned.folder / "curves.jsonl").is_file()


@pytest.mark.parametrize(
    ("world", "rank", "says"),
    [
        ("abc", "0", "WORLD_SIZE is 'abc', which is no number of processes"),
        ("2", "2", "WORLD_SIZE is 2, and RANK is '2', which is none of 0 to 1"),
        ("2", "", "WORLD_SIZE is 2, and RANK is '', which is none of 0 to 1"),
        ("2", "-1", "RANK is '-1', which is no number of processes"),
        ("9" * 20, "0", "is no number of processes"),
    ],
)
def test_a_launch_that_makes_no_sense_is_refused(
    plan: Plan, go: Go, monkeypatch: pytest.MonkeyPatch, world: str, rank: str, says: str
) -> None:
    monkeypatch.setenv("WORLD_SIZE", world)
    monkeypatch.setenv("RANK", rank)
    planned = plan()
    with pytest.raises(UserError, match=says):
        go(planned)
    assert not planned.folder.exists()


@pytest.mark.parametrize("rank", ["0", "1"])
def test_a_trainer_for_one_process_is_not_launched_in_several(
    folder: Path, plan: Plan, go: Go, steps: Steps, monkeypatch: pytest.MonkeyPatch, rank: str
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", rank)
    planned = plan()
    with pytest.raises(UserError, match=r"trainer .*/counter is made for one process, and this launch has 2; train it"):
        go(planned)
    assert not planned.folder.exists()
    monkeypatch.setenv("WORLD_SIZE", "1")
    monkeypatch.setenv("RANK", "0")
    assert go(planned) is not None
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert go(planned) is not None, "what is trained already can be named"


@pytest.mark.parametrize(("trouble", "says"), [("none", "4"), ("raises", "None"), ("leaves nothing", "None")])
def test_plugins_hear_once_that_an_attempt_ended_and_what_came_out(
    trouble: str, says: str, plan: Plan, go: Go, folder: Path
) -> None:
    planned = plan((folder / "r.yaml").read_text().replace("steps: 4", f"steps: 4, trouble: {trouble}"))
    with suppress(PluginError):
        go(planned)
    ended = [line for line in (folder / "log").read_text().splitlines() if line.startswith("ended")]
    assert ended == [f"ended tiny {planned.folder.name} {says}"]


def test_the_time_of_an_attempt_that_failed_counts(plan: Plan, go: Go) -> None:
    planned = plan(None, "trainer.with.trouble=leaves nothing", "trainer.with.steps=1", "trainer.with.pause=0.03")
    with pytest.raises(PluginError):
        go(planned)
    (attempt,) = json.loads((planned.folder / "attempts.json").read_text())
    assert attempt["seconds"] >= 0.03


def test_items_left_out_are_in_the_record_and_on_the_card(plan: Plan, go: Go) -> None:
    planned = plan(None, "tasks.0.with.unreadable=5")
    assert go(planned)["skipped"] == {"sums/train": 5}
    assert "- sums/train: 5 items could not be shown" in (planned.model / "README.md").read_text()


def test_scores_that_are_not_finite_are_null(plan: Plan, go: Go) -> None:
    planned = plan()

    class Lost:
        fingerprint = staticmethod(lambda training: "x")

        def train(self, training: Training) -> TrainingResult:
            planned.trainer.train(training)
            return TrainingResult(steps=1, selected=1, scores={"sums/f1": float("nan")})

    assert go(replace(planned, trainer=Lost()))["scores"] == {"sums/f1": None}
    assert "not finite" in (planned.model / "README.md").read_text()


def test_versions_of_what_a_distribution_depends_on_are_recorded() -> None:
    from harness.training.session import _libraries

    found = _libraries({"judge-harness": "0.1.0", "/no/such/file.py": "-"})
    assert {"pydantic", "click", "numpy"} <= set(found)
    assert "furo" not in found or found["furo"]
