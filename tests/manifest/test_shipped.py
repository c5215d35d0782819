"""Manifests that come with plugins: found by name in every place where a path may stand, and never before a file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.api import PluginError
from harness.cli import main
from harness.discovery import Plugins
from harness.manifest.load import is_recipe, load_manifest
from harness.manifest.problems import InvalidManifestError
from harness.manifest.shipped import locate

PLUGIN = """
from pathlib import Path
from harness.api import ManifestCard, hookimpl

HERE = Path(__file__).parent / "manifests"

@hookimpl
def harness_manifests():
    return [
        ManifestCard(name=n, api_version=1, summary="Small.", path=HERE / f"{n}.yaml")
        for n in ("small", "recipe", "gone")
    ]
"""
BASE = "vars: {n: 7}\ntasks: [{use: miniature/technical, limit: '${vars.n}'}]\n"
SMALL = "extends: parts/base.yaml\nname: small\njudges: [{use: baselines/random}]\n"
RECIPE = "name: r\ntrainer: {use: grpo/sft}\n"

Harness = Callable[..., tuple[int, str, str]]


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A folder with a plugin that ships manifests, and its file."""
    manifests = tmp_path / "shelf" / "manifests"
    (manifests / "parts").mkdir(parents=True)
    (manifests / "parts" / "base.yaml").write_text(BASE)
    (manifests / "small.yaml").write_text(SMALL)
    (manifests / "recipe.yaml").write_text(RECIPE)
    plugin = tmp_path / "shelf" / "shelf.py"
    plugin.write_text(PLUGIN)
    return plugin


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def plugins(shelf: Path) -> Plugins:
    return Plugins.load(extra=[str(shelf)])


@pytest.fixture
def harness(shelf: Path, work: Path, capsys: pytest.CaptureFixture[str]) -> Harness:
    """Gives a command line to the harness with the plugin; returns exit code, stdout and stderr."""

    def go(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            main(["-p", str(shelf), *arguments])
        said = capsys.readouterr()
        assert isinstance(caught.value.code, int)
        return caught.value.code, said.out, said.err

    return go


@pytest.mark.parametrize("name", ["shelf/small", "small"])
def test_a_shipped_manifest_is_loaded_by_its_name_with_what_it_extends(name: str, work: Path, plugins: Plugins) -> None:
    loaded = load_manifest(Path(name), plugins=plugins)
    assert loaded.content["name"] == "small"
    assert loaded.content["tasks"][0]["limit"] == 7


def test_a_file_wins_over_a_name(work: Path, plugins: Plugins) -> None:
    (work / "shelf").mkdir()
    (work / "shelf" / "small").write_text(BASE + "name: mine\njudges: [{use: baselines/random}]\n")
    assert load_manifest(Path("shelf/small"), plugins=plugins).content["name"] == "mine"


def test_a_folder_of_that_name_is_no_file(work: Path, plugins: Plugins) -> None:
    (work / "shelf" / "small").mkdir(parents=True)
    assert load_manifest(Path("shelf/small"), plugins=plugins).content["name"] == "small"


def test_a_misspelt_name_is_told_the_near_ones(plugins: Plugins, work: Path) -> None:
    with pytest.raises(PluginError, match=r"no file 'shelf/smal', and .* Did you mean 'shelf/small'"):
        load_manifest(Path("shelf/smal"), plugins=plugins)


def test_a_misspelt_file_is_a_file_that_is_not_there(plugins: Plugins, work: Path) -> None:
    assert locate(Path("small.yaml"), plugins) == Path("small.yaml")
    with pytest.raises(InvalidManifestError, match=r"small.yaml:1:1: there is no such file"):
        load_manifest(Path("small.yaml"), plugins=plugins)


def test_a_manifest_extends_a_shipped_one_by_its_name(work: Path, plugins: Plugins, shelf: Path) -> None:
    (work / "m.yaml").write_text("extends: shelf/small\nname: mine\nvars: {n: 3}\n")
    loaded = load_manifest(Path("m.yaml"), plugins=plugins)
    assert (loaded.content["name"], loaded.content["tasks"][0]["limit"]) == ("mine", 3)
    assert loaded.origins["judges.0.use"] == f"{shelf.parent / 'manifests' / 'small.yaml'}:3:16"


def test_extends_says_which_names_there_are(work: Path, plugins: Plugins) -> None:
    (work / "m.yaml").write_text("extends: shelf/smal\n")
    with pytest.raises(InvalidManifestError, match=r"m.yaml:1:10: extends: .*relative to m.yaml; .*'shelf/small'"):
        load_manifest(Path("m.yaml"), plugins=plugins)


def test_files_that_extend_each_other_by_name_are_a_circle(work: Path, plugins: Plugins, shelf: Path) -> None:
    (shelf.parent / "manifests" / "small.yaml").write_text("extends: shelf/small\n")
    with pytest.raises(InvalidManifestError, match="extend each other in a circle"):
        load_manifest(Path("shelf/small"), plugins=plugins)


def test_a_recipe_is_known_by_its_trainer_under_its_name_too(work: Path, plugins: Plugins) -> None:
    (work / "mine.yaml").write_text("extends: shelf/recipe\n")
    names = ("shelf/recipe", "mine.yaml", "shelf/small", "shelf/other")
    assert [is_recipe(Path(name), plugins=plugins) for name in names] == [True, True, False, False]


def test_the_command_line_lists_shows_and_runs_by_name(harness: Harness, work: Path) -> None:
    code, out, _ = harness("list", "manifests", "--json")
    rows = {row["id"]: row for row in json.loads(out)}
    assert code == 0
    assert rows["shelf/small"]["summary"] == "Small."
    assert rows["miniature/ood"]["distribution"] == "judge-harness-miniature"
    assert "shelf  (" in harness("plugins")[1]
    assert "3 manifests" in harness("plugins")[1]
    assert harness("validate", "shelf/small")[:2] == (
        0,
        harness("validate", "small")[1].replace("small:", "shelf/small:"),
    )
    assert harness("show", "shelf/small", "--no-origins")[1].startswith("name: small\n")
    assert harness("run", "shelf/small")[0] == 0
    assert len(list((work / "runs").glob("small-*"))) == 1


def test_a_manifest_that_the_wheel_left_out_fails_its_check_and_nothing_else(harness: Harness) -> None:
    code, out, err = harness("check", "shelf/gone")
    assert code == 2
    assert "gone.yaml; see that the wheel holds it" in out
    assert harness("check", "shelf/small")[0] == 0
    assert "shelf" not in err


def test_the_manifests_of_the_miniature_suite_are_those_of_the_benchmarks_folder(work: Path) -> None:
    plugins = Plugins.load()
    root = Path(__file__).parents[2]
    for name, file in (("ood", "ood.yaml"), ("in-distribution", "in_distribution.yaml")):
        shipped = load_manifest(Path(f"miniature/{name}"), plugins=plugins)
        assert load_manifest(root / "benchmarks" / file, plugins=plugins).hash == shipped.hash
        assert os.path.isabs(shipped.path)


JUDGED = "name: m\ntasks: [{use: miniature/technical}]\njudges: [{use: transformers, train: NAME}]\n"
SHIPPED = "name: r\ntasks: [{use: miniature/technical}]\nmodel: base\ntrainer: {use: grpo/sft}\n"


@pytest.mark.parametrize("name", ["shelf/recipe", "recipe"])
def test_a_judge_is_trained_by_a_shipped_recipe_and_a_file_of_that_name_wins(
    shelf: Path, work: Path, plugins: Plugins, name: str
) -> None:
    shipped = shelf.parent / "manifests" / "recipe.yaml"
    shipped.write_text(SHIPPED)
    (work / "m.yaml").write_text(JUDGED.replace("NAME", name))
    [judge] = load_manifest(Path("m.yaml"), plugins=plugins).judges
    assert judge.recipe is not None
    assert (judge.recipe.recipe.name, judge.recipe.path) == ("r", shipped)
    (work / name).parent.mkdir(exist_ok=True)
    (work / name).write_text(SHIPPED.replace("name: r", "name: mine"))
    [judge] = load_manifest(Path("m.yaml"), plugins=plugins).judges
    assert judge.recipe is not None
    assert judge.recipe.recipe.name == "mine"


def test_an_unknown_recipe_is_named_with_its_place_and_the_near_one(work: Path, plugins: Plugins) -> None:
    (work / "m.yaml").write_text(JUDGED.replace("NAME", "shelf/recipi"))
    with pytest.raises(InvalidManifestError) as caught:
        load_manifest(Path("m.yaml"), plugins=plugins)
    assert "m.yaml:3:37: judges[0].train: there is no file shelf/recipi, and there is no manifest" in str(caught.value)
    assert "Did you mean 'shelf/recipe'" in str(caught.value)
