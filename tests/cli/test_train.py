"""`harness train` and what the other verbs make of recipes: on stdout what a program reads, all else on stderr."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cli import main

TOY = Path(__file__).parents[1] / "training" / "toy_plugin.py"
RECIPE = """\
name: tiny
train: base.yaml
tasks:
  - {use: sums, limit: 3}
  - {use: pairs, weight: 2}
rewards:
  - {use: right, weight: 0.9, tasks: [sums]}
  - {use: right, name: half, weight: -0.5}
trainer: {use: counter, with: {steps: 2}}
"""
BASE = "name: base\nmodel: weights\ntasks: [{use: sums}]\ntrainer: {use: counter, with: {steps: 1}}\n"
Harness = Callable[..., int]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.yaml").write_text(RECIPE)
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "answers.json").write_text("{}")
    return tmp_path


@pytest.fixture
def harness(folder: Path) -> Harness:
    def run(*arguments: str) -> int:
        with pytest.raises(SystemExit) as caught:
            main(["-p", str(TOY), *arguments])
        assert isinstance(caught.value.code, int)
        return caught.value.code

    return run


def test_a_dry_run_prints_tasks_rewards_trainer_and_folder_of_the_whole_chain(
    harness: Harness, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harness("train", "r.yaml", "--dry-run") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("recipe base, hash ")
    assert lines[0].endswith(f"starts from {folder / 'weights'}")
    base = lines[3].removeprefix("checkpoint folder: ").removesuffix(" (new)")
    assert lines[4].startswith("recipe tiny, hash ")
    assert lines[4].endswith(f"starts from {base}")
    assert lines[5:-1] == [
        "  task sums (toy_plugin/sums): 3 items of train, 4 items of validation; weight 1, format harness/label",
        "  task pairs (toy_plugin/pairs): 12 items of train; weight 2, format harness/label",
        "  reward right: weight 0.9, sums",
        "  reward half: weight -0.5, all tasks",
        f"  trainer toy_plugin/counter ({TOY} -)",
    ]
    assert lines[-1].startswith("checkpoint folder: checkpoints/tiny-")
    assert not (folder / "checkpoints").exists()
    assert harness("train", "r.yaml") == 0
    capsys.readouterr()
    assert harness("train", "r.yaml", "--dry-run") == 0
    assert capsys.readouterr().out.count("(trained already)") == 2


def test_the_folder_is_the_last_and_only_line_on_stdout(
    harness: Harness, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harness("train", "r.yaml", "--checkpoints", "kept") == 0
    said = capsys.readouterr()
    assert (folder / said.out.strip() / "trained.json").is_file()
    assert said.out.count("\n") == 1
    assert [line.split()[:2] for line in said.err.splitlines()] == [
        ["training", "base"],
        ["trained", "base:"],
        ["training", "tiny"],
        ["trained", "tiny:"],
    ]
    assert harness("train", "r.yaml", "--checkpoints", "kept") == 0
    again = capsys.readouterr()
    assert again.out == said.out
    assert again.err == f"tiny is trained already ({said.out.strip()})\n"


def test_json_prints_the_record(harness: Harness, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert harness("train", "r.yaml", "--json") == 0
    record = json.loads(capsys.readouterr().out)
    assert record["recipe"] == "tiny"
    assert record == json.loads((folder / "checkpoints" / f"tiny-{record['hash']}" / "trained.json").read_text())
    assert harness("train", "r.yaml", "--json", "--dry-run") == 2


def test_set_changes_the_recipe_and_so_the_folder(
    harness: Harness, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in (1, 2):
        assert harness("train", "r.yaml", "--set", f"seed={seed}", "--json") == 0
        capsys.readouterr()
    assert len(list((folder / "checkpoints").glob("tiny-*"))) == 2
    assert len(list((folder / "checkpoints").glob("base-*"))) == 1


def test_a_mistake_ends_with_2_and_its_position(harness: Harness, capsys: pytest.CaptureFixture[str]) -> None:
    assert harness("train", "r.yaml", "--set", "trainer.with.stpes=3") == 2
    assert "trainer.with.stpes: unknown key. Did you mean 'steps'?" in capsys.readouterr().err
    assert harness("train", "none.yaml") == 2
    assert "there is no such file" in capsys.readouterr().err


def test_validate_takes_recipes_and_checks_those_that_judges_name(
    harness: Harness, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "m.yaml").write_text("name: m\ntasks: [{use: sums}]\njudges: [{use: learnt, train: r.yaml}]\n")
    assert harness("validate", "r.yaml", "m.yaml") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("r.yaml: ok (recipe: 2 task entries, 2 reward entries, trainer toy_plugin/counter, hash ")
    assert out[1].startswith("m.yaml: ok (1 task entries, 1 judge entries, hash ")
    (folder / "base.yaml").write_text(BASE.replace("steps: 1", "steps: none"))
    assert harness("validate", "m.yaml", "r.yaml") == 2
    err = capsys.readouterr().err
    assert "base.yaml:4:39: judges[0].train.train.trainer.with.steps: must be a whole number" in err
    assert "base.yaml:4:39: train.trainer.with.steps: must be a whole number" in err


def test_show_prints_a_resolved_recipe_that_is_the_same_training(
    harness: Harness, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harness("show", "r.yaml") == 0
    shown = capsys.readouterr().out
    assert "seed: 0  # default" in shown
    assert "    steps: 2  # r.yaml:9:39" in shown
    (folder / "again.yaml").write_text(shown)
    hashes = []
    for name in ("r.yaml", "again.yaml"):
        assert harness("validate", name) == 0
        hashes.append(capsys.readouterr().out.partition("hash ")[2])
    assert hashes[0] == hashes[1]


def test_trainers_and_rewards_are_listed_and_shown_like_any_other(
    harness: Harness, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harness("list", "trainers") == 0
    assert "toy_plugin/counter Counts the golds." in " ".join(capsys.readouterr().out.split())
    assert harness("list", "rewards") == 0
    assert "toy_plugin/right" in capsys.readouterr().out
    assert harness("show", "toy_plugin/counter") == 0
    out = capsys.readouterr().out
    assert "toy_plugin/counter  (trainer, " in out
    assert "    steps (default 5): " in out
    assert harness("show", "counter") == 0


def test_devices_plan_a_training_and_are_for_a_dry_run(
    harness: Harness, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harness("train", "r.yaml", "--devices", "2") == 2
    assert "--devices plans a training, with --dry-run" in capsys.readouterr().err
    assert harness("train", "r.yaml", "--dry-run", "--devices", "2") == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("memory: not known before base is trained")
    assert harness("train", "r.yaml") == 0
    capsys.readouterr()
    assert harness("train", "r.yaml", "--dry-run", "--devices", "2") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "memory: trainer toy_plugin/counter does not say"
