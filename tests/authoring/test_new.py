"""`harness new`: every combination of kinds is sound by itself, and all together go the whole road in a wheel."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner

from harness.api import ManifestCard, PluginError
from harness.authoring import new
from harness.authoring._distribution import KINDS, compose_files

SUBSETS = [names for count in range(1, len(KINDS) + 1) for names in itertools.combinations(KINDS, count)]


def run(*command: str, folder: Path, path: Path | None = None) -> str:
    """What a command prints; it must succeed."""
    known = [str(path)] if path is not None else []
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*known, os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, f"$ {' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


def make(kinds: str, name: str, folder: Path) -> Path:
    made = CliRunner().invoke(new.command, [kinds, name, "--dir", str(folder)], standalone_mode=False)
    assert made.exception is None, made.output
    return folder


def cards_of(files: dict[str, str], tmp_path: Path) -> Iterator[Any]:
    """The cards that the `plugin.py` of a distribution returns."""
    (path,) = (path for path in files if path.endswith("/plugin.py"))
    names = {"__name__": "plugin", "__file__": str(tmp_path / path)}
    exec(compile(files[path], path, "exec"), names)
    for name, hook in list(names.items()):
        if name.startswith("harness_"):
            yield from hook()  # type: ignore[operator]


@pytest.mark.parametrize("kinds", SUBSETS, ids="-".join)
def test_every_combination_of_kinds_fits_together(kinds: tuple[str, ...], tmp_path: Path) -> None:
    files = compose_files("brand-new", kinds)
    project = tomllib.loads(files["pyproject.toml"])
    cards = list(cards_of(files, tmp_path))
    assert {card.kind for card in cards if card.kind not in ("manifest", "judge")} == set(kinds) - {"judge"}
    for kind in kinds:
        assert f"tests/test_{kind}.py" in files
        assert f"src/harness_brand_new/{kind}.py" in files
    for card in cards:
        module, _, attribute = str(card.factory).partition(":")
        if isinstance(card, ManifestCard):
            assert str(card.path.relative_to(tmp_path)) in files
        else:
            assert f"def {attribute}(" in files[f"src/{module.replace('.', '/')}.py"]
    # A manifest uses what the plugin itself offers, and else what the extra `dev` installs.
    own = {f"brand-new/{card.name}" for card in cards}
    installed = " ".join(project["project"]["optional-dependencies"]["dev"])
    for file, text in files.items():
        if file.endswith(".yaml"):
            yaml.safe_load(text)
            used = [line.partition("use: ")[2].split(",")[0].rstrip("}\n ") for line in text.splitlines()]
            for name in filter(None, used):
                assert name in own or f"judge-harness-{name.partition('/')[0]}>=" in installed, f"{file}: {name}"
    assert ("src/harness_brand_new/manifests/example.yaml" in files) == (not {*kinds} <= {"reward", "executor"})


@pytest.mark.parametrize("name", ["x", "a-rather-long-name-for-a-plugin"])
def test_the_code_keeps_to_its_own_rules_of_style_whatever_its_name(name: str, tmp_path: Path) -> None:
    for kinds in [*KINDS, "all", "task,metric"]:
        make(kinds, name, tmp_path / kinds)
    run(sys.executable, "-m", "ruff", "check", "--no-cache", ".", folder=tmp_path)
    run(sys.executable, "-m", "ruff", "format", "--no-cache", "--check", ".", folder=tmp_path)


def test_a_distribution_has_what_a_repository_needs(tmp_path: Path) -> None:
    folder = make("task,judge", "brand-new", tmp_path / "mine")
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["readme"] == "README.md"
    assert project["license-files"] == ["LICENSE"]
    assert project["license"] == "MIT"
    assert (folder / "LICENSE").read_text().startswith("MIT License")
    assert {"Source", "Issues"} <= set(project["urls"])
    (job,) = yaml.safe_load((folder / ".github" / "workflows" / "test.yml").read_text())["jobs"].values()
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    steps = " ".join(step.get("run", "") for step in job["steps"])
    assert all(word in steps for word in ("harness check brand-new", "pytest", "ruff", "mypy", "build"))
    assert "runs/" in (folder / ".gitignore").read_text().splitlines()


def test_an_unknown_kind_is_refused_and_the_known_ones_are_named(tmp_path: Path) -> None:
    made = CliRunner().invoke(new.command, ["task,jugde", "x", "--dir", str(tmp_path / "x")], standalone_mode=False)
    assert isinstance(made.exception, click.BadParameter)
    assert "'jugde' is no kind; there are task, judge, reward, format, metric, trainer, executor, and all" in str(
        made.exception
    )


def test_a_second_kind_into_the_same_folder_is_told_how(tmp_path: Path) -> None:
    make("task", "x", tmp_path / "x")
    made = CliRunner().invoke(new.command, ["judge", "x", "--dir", str(tmp_path / "x")], standalone_mode=False)
    assert isinstance(made.exception, PluginError)
    assert "name them together, such as task,judge" in str(made.exception)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("harness", "the name 'harness' belongs to the core; choose another name"),
        ("generic", "the plugin 'generic' of judge-harness-generic is installed already; choose another name or unin"),
        ("class", "'class' is a word of the language Python, and no package can be called so; add a word to it"),
        ("My-Judge", "'My-Judge' cannot be the name of a plugin; use lower-case words joined by hyphens"),
    ],
)
def test_a_name_that_cannot_be_taken_is_refused(name: str, said: str, tmp_path: Path) -> None:
    made = CliRunner().invoke(new.command, ["judge", name, "--dir", str(tmp_path / "x")], standalone_mode=False)
    assert isinstance(made.exception, PluginError)
    assert said in str(made.exception)
    assert not (tmp_path / "x").exists()


def test_a_folder_that_cannot_be_made_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    places = {tmp_path / "file" / "x": "Not a directory", tmp_path / ("x" * 300): "File name too long"}
    if Path("/proc/self").is_dir():
        places[Path("/proc/x")] = "No such file or directory"
    for place, why in places.items():
        made = CliRunner().invoke(new.command, ["judge", "x", "--dir", str(place)], standalone_mode=False)
        assert isinstance(made.exception, PluginError), made.exception
        assert str(made.exception).startswith(f"{place}: cannot be written ({why}); ")
        assert "choose another --dir" in str(made.exception)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_all_kinds_in_one_wheel_pass_their_checks_and_tests_and_the_example_runs(tmp_path: Path) -> None:
    folder = make("all", "brand-new", tmp_path / "mine")
    python = sys.executable
    run(python, "-m", "mypy", "--cache-dir", str(tmp_path / "types"), folder=folder, path=folder / "src")
    run(python, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", "dist", ".", folder=folder)
    (wheel,) = (folder / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {"harness_brand_new/py.typed", "harness_brand_new/manifests/example.yaml"} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    place = tmp_path / "installed"
    run(
        python,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        "--target",
        str(place),
        str(wheel),
        folder=folder,
    )
    rows = json.loads(run(python, "-m", "harness", "check", "brand-new", "--json", folder=tmp_path, path=place))
    assert [row for row in rows if row["fault"] or row["warning"]] == []
    assert {
        "trainer_resumes",
        "judge_answers_each_once",
        "format_is_linear",
        "task_images_readable",
        "executor_gives_the_same_judgements",
    } <= {row["check"] for row in rows}
    testing = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "harness.pytest_plugin"]
    # Its conformance tests are the checks that were just made: that they are all found is enough.
    found = run(*testing, "--collect-only", "tests/test_conformance.py", folder=folder, path=place)
    assert f"{len(rows)} tests collected" in found
    tested = run(*testing, "--ignore=tests/test_conformance.py", "tests", folder=folder, path=place)
    assert "skipped" not in tested
    said = run(python, "-m", "harness", "run", "brand-new/example", folder=tmp_path, path=place)
    assert "brand-new/worst_recall" in said
    assert all(judge in said for judge in ("light", "learned"))
