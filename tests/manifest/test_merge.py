"""`extends:` merges mappings deeply, replaces lists, and never runs in circles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.discovery import Plugins
from harness.libraries.config import Problem, find_project
from harness.manifest.load import LoadedManifest, load_manifest
from harness.manifest.problems import InvalidManifestError

Load = Callable[..., LoadedManifest]
Refuse = Callable[..., list[Problem]]

BASE = "name: base\ntasks: [{use: plain}]\njudges: [{use: simple}]\nrun: {seed: 3, timeout: 5}\n"


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")


def test_mappings_merge_deeply_and_the_file_itself_wins(folder: Path, load: Load) -> None:
    write("sub/base.yaml", BASE)
    loaded = load("extends: sub/base.yaml\nname: mine\nrun: {seed: 4}\n")
    assert (loaded.manifest.name, loaded.manifest.run.seed, loaded.manifest.run.timeout) == ("mine", 4, 5)
    assert loaded.origins["run.seed"] == "m.yaml:3:13"
    assert loaded.origins["run.timeout"] == "sub/base.yaml:4:25"
    assert "extends" not in loaded.content


def test_lists_are_replaced(folder: Path, load: Load) -> None:
    write("base.yaml", BASE)
    loaded = load("extends: base.yaml\ntasks: [{use: rich}, {use: rich}]\n")
    assert [task.offer.id for task in loaded.tasks] == ["toy/rich", "toy/rich"]


def test_later_bases_win_and_bases_may_have_bases(folder: Path, load: Load) -> None:
    write("sub/root.yaml", BASE)
    write("sub/a.yaml", "extends: root.yaml\nrun: {seed: 5, limit: 9}\n")
    write("b.yaml", "run: {seed: 6}\n")
    run = load("extends: [sub/a.yaml, b.yaml]\n").manifest.run
    assert (run.seed, run.limit, run.timeout) == (6, 9, 5)


def test_a_circle_shows_its_chain(folder: Path, refuse: Refuse) -> None:
    write("sub/a.yaml", "extends: ../m.yaml\n")
    (problem,) = refuse("extends: sub/a.yaml\n" + BASE)
    assert str(problem).startswith("sub/a.yaml:1:10: extends: files that extend each other in a circle: ")
    assert "m.yaml -> sub/a.yaml -> m.yaml" in problem.message


def test_a_missing_base_is_named_relative_to_its_file(folder: Path, refuse: Refuse) -> None:
    write("sub/a.yaml", "extends: [gone.yaml]\n")
    (problem,) = refuse("extends: sub/a.yaml\n")
    assert str(problem).startswith("sub/a.yaml:1:11: extends: there is no file sub/gone.yaml")


@pytest.mark.parametrize("value", ["3", "{a: b}", "[[x]]", "~", "''"])
def test_extends_must_be_paths(value: str, refuse: Refuse) -> None:
    assert "must be a path or a list of paths" in refuse(f"extends: {value}\n{BASE}")[0].message


def test_problems_in_bases_point_into_them(folder: Path, refuse: Refuse) -> None:
    write("base.yaml", BASE.replace("seed: 3", "sed: 3"))
    (problem,) = refuse("extends: base.yaml\n")
    assert str(problem).startswith("base.yaml:4:7: run.sed: unknown key. Did you mean 'seed'?")


def test_syntax_errors_in_bases_hide_nothing_else(folder: Path, refuse: Refuse) -> None:
    write("base.yaml", "a: [")
    problems = refuse("extends: base.yaml\nname: x\nname: y\n")
    assert [problem.origin.label for problem in problems] == ["base.yaml", "m.yaml"]


def test_a_web_of_files_is_read_once_each(folder: Path, load: Load) -> None:
    write("f0.yaml", BASE)
    for number in range(1, 30):
        write(f"f{number}.yaml", f"extends: [f{number - 1}.yaml, f{number - 1}.yaml]\n")
    assert load("extends: f29.yaml\n").manifest.name == "base"


def test_too_many_files_are_refused(folder: Path, refuse: Refuse) -> None:
    write("f0.yaml", BASE)
    for number in range(1, 100):
        write(f"f{number}.yaml", f"extends: f{number - 1}.yaml\n")
    assert "more than" in refuse("extends: f99.yaml\n")[0].message


def test_a_file_outside_the_project_shows_nothing_of_what_it_holds(folder: Path, plugins: Plugins) -> None:
    (folder / "inside").mkdir()
    write("inside/other.yaml", "a: hidden-words\n")
    write("passwd", "root:x:0:0:hidden-words:/root\n")
    write("auth.json", '{"auths": {"a": "hidden-words"}}')
    write("inside/.netrc", "machine hidden-words\n")
    (folder / "inside" / "link.yaml").symlink_to(folder / "passwd")
    for name in ("../passwd", "../auth.json", ".netrc", "link.yaml"):
        write("inside/m.yaml", f"extends: {name}\n")
        with pytest.raises(InvalidManifestError) as caught:
            load_manifest(folder / "inside" / "m.yaml", plugins=plugins)
        assert "is not shown, since it lies outside the project" in str(caught.value), name
        assert "hidden" not in str(caught.value), name
    # In the project it is shown, and so is what is wrong in a manifest of another one.
    for name, shown in (("other.yaml", "a: hidden-words"), ("../wrong.yaml", "tsks: 1")):
        write("wrong.yaml", f"{BASE}tsks: 1\n")
        write("inside/m.yaml", f"extends: {name}\n")
        with pytest.raises(InvalidManifestError) as caught:
            load_manifest(folder / "inside" / "m.yaml", plugins=plugins)
        assert shown in str(caught.value), name


def test_a_repository_is_one_project(folder: Path) -> None:
    (folder / ".git").mkdir()
    (folder / "sub").mkdir()
    assert find_project(folder / "sub" / "m.yaml") == folder.resolve()
