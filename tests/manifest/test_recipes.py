"""Recipes: read by the machinery of manifests, put in where a judge names them, hashed by what is trained."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.discovery import Plugins
from harness.inspection.origins import render_with_origins
from harness.libraries.config import render
from harness.manifest.documents import MAX_CHAIN
from harness.manifest.load import (
    LoadedManifest,
    LoadedRecipe,
    is_recipe,
    load_manifest,
    load_recipe,
)
from harness.manifest.problems import InvalidManifestError

Load = Callable[..., LoadedManifest]
LoadRecipe = Callable[..., LoadedRecipe]

WHOLE = """\
name: whole
description: every field
vars: {n: 3, home: base}
seed: 7
model: ${vars.home}
tasks:
  - use: learnt
    limit: ${vars.n}
    weight: 2
    protocol: {order: both}
    format: tagged
    with: {steps: 2, answers: a.jsonl}
  - {use: plain, name: other, train: test, validation: train}
rewards:
  - {use: right, weight: 0.9, tasks: [learnt]}
  - {use: form, weight: -0.1, with: {warm: w}}
trainer: {use: trainer, with: {steps: 5, warm: w, batch: 8}}
"""
SMALL = "name: small\ntasks: [{use: plain}]\ntrainer: {use: bare}\n"
MANIFEST = "name: m\ntasks: [{use: plain}]\njudges:\n  - {use: judge, train: r.yaml}\n"


def refused(load: Callable[..., object], text: str, *sets: str) -> list[str]:
    """Each problem of a file that must have some, without its source line."""
    with pytest.raises(InvalidManifestError) as caught:
        load(text, *sets)
    for problem in caught.value.problems:
        assert problem.origin.line > 0 or problem.origin.label.startswith("--set "), problem
    return [str(problem).partition("\n")[0] for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "name: r\ntasks: {use: nowhere}\ntrainer: {use: bare}\n",
            "2:8: tasks: must be a list, got a mapping",
        ),
        (
            "name: r\ntasks: [{use: plain}]\ntrainer: [{use: nowhere}]\n",
            "3:10: trainer: must be a mapping, got a list",
        ),
    ],
)
def test_a_section_of_the_wrong_shape_is_one_mistake(load_r: LoadRecipe, text: str, said: str) -> None:
    [line] = refused(load_r, text)
    assert line.partition(":")[2] == said


def test_a_recipe_comes_out_typed_with_what_it_refers_to(folder: Path, load_r: LoadRecipe) -> None:
    loaded = load_r(WHOLE)
    first, second = loaded.tasks
    assert (first.offer.id, first.entry.name, first.entry.limit, first.entry.weight) == ("toy/learnt", "learnt", 3, 2.0)
    assert (first.entry.train, first.entry.validation) == ("train", "validation")
    assert (second.entry.name, second.entry.train, second.entry.validation) == ("other", "test", "train")
    assert [(one.entry.name, one.entry.weight, one.entry.tasks) for one in loaded.rewards] == [
        ("right", 0.9, ["learnt"]),
        ("form", -0.1, None),
    ]
    assert loaded.trainer.offer.id == "toy/trainer"
    assert loaded.trainer.options is not None
    assert loaded.trainer.options.model_dump() == {"steps": 5, "batch": 8, "warm": str(folder / "w"), "key": None}
    assert loaded.recipe.model == str(folder / "base")
    assert loaded.recipe.seed == 7


def test_the_resolved_recipe_is_complete_and_loads_again_as_the_same(
    folder: Path, load_r: LoadRecipe, plugins: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load_r(WHOLE)
    assert loaded.content["tasks"][0] == {
        "use": "toy/learnt",
        "name": "learnt",
        "train": "train",
        "validation": "validation",
        "limit": 3,
        "weight": 2,
        "data": None,
        "with": {**loaded.content["tasks"][0]["with"], "steps": 2, "answers": str(folder / "a.jsonl"), "mode": "fast"},
        "format": "toy/tagged",
        "protocol": {"order": "both"},
    }
    assert loaded.content["trainer"]["with"]["key"] is None
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    Path("again.yaml").write_text(render_with_origins(loaded), encoding="utf-8")
    again = load_recipe(Path("again.yaml"), plugins=plugins)
    assert again.content == loaded.content
    assert again.hash == loaded.hash


@pytest.mark.parametrize(
    ("entry", "validation"),
    [
        ("{use: learnt}", "validation"),
        ("{use: plain}", None),
        ("{use: learnt, validation: null}", None),
        ("{use: learnt, validation: test}", "test"),
    ],
)
def test_validation_is_the_split_of_that_name_where_there_is_one(
    entry: str, validation: str | None, load_r: LoadRecipe
) -> None:
    loaded = load_r(f"name: x\ntasks: [{entry}]\ntrainer: {{use: bare}}\n")
    assert loaded.tasks[0].entry.validation == validation
    assert load_r(render(loaded.content)).tasks[0].entry.validation == validation


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("tasks: [{use: train-less}]", "2:15: tasks[0].use: there is no task 'train-less'"),
        ("tasks: [{use: rich}]", "2:15: tasks[0].train: task toy/rich has no split 'train'. Known: test."),
        ("tasks: [{use: plain, train: trian}]", "2:29: tasks[0].train: task toy/plain has no split 'trian'. Did you"),
        ("tasks: [{use: plain, validation: val}]", "2:34: tasks[0].validation: task toy/plain has no split 'val'."),
        ("tasks: [{use: plain, weight: 0}]", "2:30: tasks[0].weight: must be greater than 0"),
        ("tasks: [{use: plain, weight: .inf}]", "2:30: tasks[0].weight: must be a finite number"),
        ("tasks: [{use: plain, split: test}]", "2:22: tasks[0].split: unknown key"),
        ("tasks: [{use: plain, suite: s}]", "2:22: tasks[0].suite: unknown key"),
        ("tasks: []", "2:8: tasks: is empty; it needs at least one entry"),
        ("rewards: [{use: wright}]", "3:17: rewards[0].use: there is no reward 'wright'. Did you mean"),
        ("rewards: [{use: right, weight: x}]", "3:32: rewards[0].weight: must be a number"),
        ("rewards: [{use: right, tasks: [plian]}]", "3:32: rewards[0].tasks[0]: the recipe has no task 'plian'. Did"),
        ("rewards: [{use: right, tasks: []}]", "3:31: rewards[0].tasks: is empty"),
        ("rewards: [{use: right, with: {a: 1}}]", "3:31: rewards[0].with.a: reward toy/right takes no options"),
        (
            "rewards: [{use: right, name: a}, {use: form, name: a}]",
            "3:52: rewards[1].name: two rewards are named 'a', the other one at r.yaml:3:30; rename one",
        ),
        ("trainer: {use: trianer}", "4:16: trainer.use: there is no trainer 'trianer'. Did you mean"),
        ("trainer: {use: trainer, with: {stpes: 1}}", "4:32: trainer.with.stpes: unknown key. Did you mean 'steps'"),
        ("trainer: {use: trainer, with: {steps: 0}}", "4:39: trainer.with.steps: must be greater than or equal to 1"),
        ("trainer: bare", "4:10: trainer: must be a mapping, got the text 'bare'; write {use: bare}"),
        ("tasks: [toy/plain]", "2:9: tasks[0]: must be a mapping, got the text 'toy/plain'; write {use: toy/plain}"),
        ("model: hub:x", "5:8: model: write a model of the hub as hub:ORG/NAME or hub:ORG/NAME@REVISION"),
        ("model: 3", "5:8: model: must be text"),
        ("train: none.yaml", "5:8: train: there is no file none.yaml; give the path of a recipe, relative to the file"),
        ("train: [a]", "5:8: train: must be the path of a recipe, or a recipe written in place"),
        ("seed: -1", "5:7: seed: must be greater than or equal to 0"),
        ("tarin: x", "5:1: tarin: unknown key. Did you mean 'train'"),
    ],
)
def test_each_mistake_is_said_with_its_position(text: str, says: str, load_r: LoadRecipe) -> None:
    lines = {"tasks": "tasks: [{use: plain}]", "rewards": "rewards: []", "trainer": "trainer: {use: bare}"}
    key = text.partition(":")[0]
    body = [text if name == key else line for name, line in lines.items()]
    (problem,) = refused(load_r, "\n".join(["name: x", *body, *([] if key in lines else [text])]))
    assert problem.startswith(f"r.yaml:{says}")


def test_all_mistakes_come_at_once_those_of_the_recipe_it_starts_from_with_its_own_positions(
    folder: Path, load_r: LoadRecipe
) -> None:
    (folder / "base.yaml").write_text("name: Base\ntasks: [{use: plain, limt: 1}]\ntrainer: {use: bare}\n")
    problems = refused(load_r, "name: x\ntrain: base.yaml\ntasks: [{use: plan}]\nrewards: [{use: rigth}]\n")
    assert [problem.split(": ")[:2] for problem in problems] == [
        ["base.yaml:1:7", "train.name"],
        ["base.yaml:2:22", "train.tasks[0].limt"],
        ["r.yaml:1:1", "trainer"],
        ["r.yaml:3:15", "tasks[0].use"],
        ["r.yaml:4:17", "rewards[0].use"],
    ]


def test_a_reward_may_name_a_task_that_only_the_plan_unfolds(load_r: LoadRecipe) -> None:
    text = "name: x\ntasks: [{use: many, train: test}]\nrewards: [{use: right, tasks: [a]}]\ntrainer: {use: bare}\n"
    assert load_r(text).rewards[0].entry.tasks == ["a"]


def test_model_and_train_exclude_each_other_and_null_takes_back_what_was_inherited(
    folder: Path, load_r: LoadRecipe
) -> None:
    (folder / "base.yaml").write_text(SMALL + "model: weights\n")
    (problem,) = refused(load_r, "extends: base.yaml\nname: x\ntrain: base.yaml\n")
    assert problem.startswith("base.yaml:4:1: model: train: gives the model already (at r.yaml:3:8); remove one")
    loaded = load_r("extends: base.yaml\nname: x\ntrain: base.yaml\nmodel: null\n")
    assert loaded.recipe.model is None
    assert loaded.start is not None
    assert loaded.start.recipe.model == str(folder / "weights")


def test_a_path_is_relative_to_the_file_that_it_stands_in(folder: Path, load_r: LoadRecipe) -> None:
    (folder / "deep" / "more").mkdir(parents=True)
    (folder / "deep" / "rl.yaml").write_text(SMALL + "train: more/base.yaml\n")
    (folder / "deep" / "more" / "base.yaml").write_text(SMALL + "model: ../weights\n")
    loaded = load_r(SMALL + "train: deep/rl.yaml\n")
    assert loaded.start is not None
    assert loaded.start.start is not None
    assert loaded.start.start.path == Path("deep/more/base.yaml")
    assert loaded.start.start.recipe.model == str(folder / "deep" / "weights")
    assert load_r(SMALL + "model: hub:org/name@v1\n").recipe.model == "hub:org/name@v1"
    assert load_r(SMALL, "model=here").recipe.model == str(folder / "here")


def test_recipes_that_start_from_each_other_are_refused_with_the_chain(folder: Path, load_r: LoadRecipe) -> None:
    (folder / "a.yaml").write_text(SMALL + "train: b.yaml\n")
    (folder / "b.yaml").write_text(SMALL + "train: a.yaml\n")
    (problem,) = refused(load_r, SMALL + "train: a.yaml\n")
    assert problem.startswith("b.yaml:4:8: train.train.train: recipes that start from each other in a circle: ")
    assert problem.endswith("r.yaml -> a.yaml -> b.yaml -> a.yaml")
    (problem,) = refused(load_r, SMALL + "train: r.yaml\n")
    assert problem.endswith("r.yaml -> r.yaml")


def test_a_chain_is_as_long_as_a_manifest_can_still_hold(folder: Path, load_r: LoadRecipe, plugins: Plugins) -> None:
    for number in range(MAX_CHAIN + 1):
        (folder / f"{number}.yaml").write_text(SMALL + (f"train: {number - 1}.yaml\n" if number else ""))
    (folder / "m.yaml").write_text(MANIFEST.replace("r.yaml", f"{MAX_CHAIN - 1}.yaml"))
    loaded = load_manifest(Path("m.yaml"), plugins=plugins)
    (folder / "again.yaml").write_text(render(loaded.content))
    assert load_manifest(Path("again.yaml"), plugins=plugins).hash == loaded.hash
    (problem,) = refused(load_r, SMALL + f"train: {MAX_CHAIN - 1}.yaml\n")
    assert f"more than {MAX_CHAIN} recipes that start from one another: r.yaml -> 7.yaml" in problem


def test_a_recipe_has_variables_bases_and_secrets_of_its_own(
    folder: Path, load: Load, load_r: LoadRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_SECRET", "topsecret-value")
    (folder / "common.yaml").write_text("trainer: {use: trainer}\nvars: {n: 4}\n")
    (folder / "r.yaml").write_text(
        "extends: common.yaml\nname: r\nvars: {n: 6}\ntasks: [{use: plain, limit: '${vars.n}'}]\n"
        "trainer: {with: {key: '${env:TOY_SECRET}'}}\n"
    )
    loaded = load(MANIFEST + "vars: {n: 9}\n")
    recipe = loaded.judges[0].recipe
    assert recipe is not None
    assert recipe.tasks[0].entry.limit == 6
    assert recipe.trainer.options.key == "topsecret-value"  # type: ignore[union-attr]
    assert recipe.content["trainer"]["with"]["key"] == "${env:TOY_SECRET}"
    assert "topsecret-value" not in render_with_origins(loaded)
    (folder / "r.yaml").write_text(SMALL + "model: ${env:TOY_SECRET}\nseed: ${env:TOY_SECRET}\n")
    assert not any("topsecret" in problem for problem in refused(load, MANIFEST))


def test_a_judge_gets_its_recipe_in_place_and_the_manifest_runs_again_as_the_same(
    folder: Path, load: Load, plugins: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "base.yaml").write_text(WHOLE)
    (folder / "r.yaml").write_text(SMALL + "train: base.yaml\n")
    loaded = load(MANIFEST)
    judge = loaded.judges[0]
    assert judge.recipe is not None
    assert judge.recipe.start is not None
    assert judge.recipe.path == Path("r.yaml")
    assert judge.recipe.start.content["model"] == str(folder / "base")
    plain = loaded.content["judges"][0]
    assert plain["train"] is judge.recipe.content
    assert "model" not in plain["with"], "it is the recipe's to make"
    assert plain["with"]["temperature"] == 0.0
    assert loaded.origins["judges.0.train.train.seed"] == "base.yaml:4:7"
    assert judge.recipe.start.origins["seed"] == "base.yaml:4:7"
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    Path("again.yaml").write_text(render_with_origins(loaded), encoding="utf-8")
    again = load_manifest(Path("again.yaml"), plugins=plugins)
    assert again.content == loaded.content
    assert again.hash == loaded.hash
    assert again.judges[0].recipe is not None
    assert again.judges[0].recipe.hash == judge.recipe.hash


@pytest.mark.parametrize(
    ("judge", "says"),
    [
        ("{use: simple, train: r.yaml}", "4:26: judges[0].train: judge toy/simple has no option `model` to take"),
        ("{use: needy, train: r.yaml}", "4:25: judges[0].train: judge toy/needy has no option `model`"),
        ("{use: pair, train: r.yaml}", "4:24: judges[0].train: judge toy/pair stands for several judges"),
        (
            "{use: judge, train: r.yaml, with: {model: x}}",
            "4:40: judges[0].with.model: train: gives the model already (at m.yaml:4:25); remove one of the two",
        ),
        ("{use: judge, train: r.yaml, with: {steps: x}}", "4:47: judges[0].with.steps: must be a whole number"),
        ("{use: judge, train: r.yml}", "4:25: judges[0].train: there is no file r.yml; give the path of a recipe"),
        ("{use: judge, train: [r.yaml]}", "4:25: judges[0].train: must be the path of a recipe, or a recipe written"),
        ("{use: judge, train: ''}", "4:25: judges[0].train: must be the path of a recipe"),
        ("{use: judge, train: {name: x}}", "4:18: judges[0].train.tasks: required key is missing; add it"),
        (
            "{use: judge, train: {vars: {n: 1}, name: x, tasks: [{use: plain}], trainer: {use: bare}}}",
            "4:26: judges[0].train.vars: a recipe written in place has the variables of its file; move them there",
        ),
    ],
)
def test_a_judge_that_cannot_be_trained_so_is_refused(judge: str, says: str, folder: Path, load: Load) -> None:
    (folder / "r.yaml").write_text(SMALL)
    problems = refused(load, MANIFEST.replace("{use: judge, train: r.yaml}", judge))
    assert problems[0].startswith(f"m.yaml:{says}")


def test_a_mistake_in_the_recipe_of_a_judge_is_said_where_it_stands(folder: Path, load: Load) -> None:
    (folder / "r.yaml").write_text("name: x\ntasks: [{use: plain, weight: no}]\ntrainer: {use: bare}\n")
    (problem,) = refused(load, MANIFEST)
    assert problem.startswith("r.yaml:2:30: judges[0].train.tasks[0].weight: must be a number")
    (folder / "r.yaml").write_text("name: [\n")
    (problem,) = refused(load, MANIFEST)
    assert problem.startswith("r.yaml:2:1: not valid YAML")


def test_a_judge_without_a_recipe_says_null(load: Load) -> None:
    loaded = load("name: m\ntasks: [{use: plain}]\njudges: [{use: judge, train: null}, {use: simple}]\n")
    assert [one["train"] for one in loaded.content["judges"]] == [None, None]
    assert [one.recipe for one in loaded.judges] == [None, None]
    assert loaded.content["judges"][0]["with"]["model"] == "base"


def test_a_recipe_in_place_uses_the_variables_of_the_manifest(load: Load) -> None:
    loaded = load(
        "name: m\nvars: {n: 5}\ntasks: [{use: plain}]\njudges:\n  - use: judge\n    train:\n      name: inner\n"
        "      tasks: [{use: plain, limit: '${vars.n}'}]\n      trainer: {use: bare}\n"
    )
    assert loaded.judges[0].recipe is not None
    assert loaded.judges[0].recipe.tasks[0].entry.limit == 5
    assert loaded.judges[0].recipe.path == Path("m.yaml")


CHANGES = {
    "seed": ("seed: 7", "seed: 8"),
    "model": ("home: base", "home: other"),
    "limit": ("n: 3", "n: 4"),
    "weight of a task": ("weight: 2", "weight: 3"),
    "weight of a reward": ("weight: 0.9", "weight: 0.8"),
    "tasks of a reward": ("tasks: [learnt]", "tasks: [other]"),
    "split": ("validation: train", "validation: test"),
    "protocol": ("{order: both}", "{order: fixed}"),
    "option of a task": ("steps: 2", "steps: 3"),
    "option of a reward": ("{warm: w}", "{warm: v}"),
    "option of the trainer": ("steps: 5", "steps: 6"),
    "name": ("name: whole", "name: hole"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_hash_follows_what_is_trained(change: tuple[str, str], load_r: LoadRecipe) -> None:
    assert change[0] in WHOLE
    assert load_r(WHOLE.replace(*change)).hash != load_r(WHOLE).hash


SAME = {
    "description": ("description: every field", "description: other words"),
    "an operational option of the trainer": ("batch: 8", "batch: 16"),
    "a default that is written out": ("use: right,", "use: toy/right, name: right,"),
    "a variable": ("seed: 7", "seed: ${vars.n}"),
}


@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
def test_the_hash_does_not_follow_how_it_is_written_or_run(
    change: tuple[str, str], folder: Path, load: Load, load_r: LoadRecipe
) -> None:
    text, changed = WHOLE, WHOLE.replace(*change)
    assert changed != text
    if "vars" in change[1]:
        text = text.replace("seed: 7", "seed: 3")
    assert load_r(changed).hash == load_r(text).hash
    hashes = []
    for one in (text, changed):
        (folder / "base.yaml").write_text(one)
        (folder / "r.yaml").write_text(SMALL + "train: base.yaml\n")
        hashes.append(load(MANIFEST).hash)
    assert hashes[0] == hashes[1], "nor does that of a manifest, through a recipe that another starts from"


def test_the_hash_of_a_manifest_follows_its_recipes(folder: Path, load: Load) -> None:
    (folder / "r.yaml").write_text(SMALL)
    before = load(MANIFEST).hash
    (folder / "r.yaml").write_text(SMALL + "seed: 1\n")
    assert load(MANIFEST).hash != before


def test_a_file_of_the_other_kind_is_said_to_be_one(load: Load, load_r: LoadRecipe) -> None:
    assert any("3:1: trainer: this is a recipe: `harness train` it" in problem for problem in refused(load, SMALL))
    problems = refused(load_r, "name: m\ntasks: [{use: plain}]\njudges: [{use: simple}]\n")
    assert any("3:1: judges: this is a manifest: `harness run` it" in problem for problem in problems)


def test_a_recipe_is_known_by_its_trainer_inherited_or_not(folder: Path) -> None:
    (folder / "a.yaml").write_text(SMALL)
    (folder / "b.yaml").write_text("extends: a.yaml\nname: b\n")
    (folder / "m.yaml").write_text(MANIFEST)
    (folder / "bad.yaml").write_text("[")
    assert [is_recipe(folder / f"{name}.yaml") for name in ("a", "b", "m", "bad", "none")] == [True, True] + [False] * 3


def test_a_hash_is_twelve_digits(load_r: LoadRecipe) -> None:
    assert re.fullmatch(r"[0-9a-f]{12}", load_r(WHOLE).hash)
