"""The fifteen distributions agree with one another: versions, limits, licence, and what the index shows of them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import harness

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = [ROOT, *sorted(file.parent for file in ROOT.glob("plugins/*/*/pyproject.toml"))]
PROJECTS: dict[str, dict[str, Any]] = {
    str(folder.relative_to(ROOT)): tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for folder in FOLDERS
}
APART = "plugins/executors/ray"
"""Ray is 285 MB and of use on a cluster alone: `.ci/run` installs it, and neither the README nor the extra `all`."""
REQUIRED = ("datasets", "evaluate", "pillow", "pluggy", "pyyaml", "scikit-learn", "tabulate", "torch", "transformers")
"""Packages that `pip install -r requirements.txt` has always brought, whichever distribution uses them."""


def test_all_distributions_have_the_version_of_the_core() -> None:
    assert len(PROJECTS) == 15
    assert {project["version"] for project in PROJECTS.values()} == {harness.__version__}


def test_every_distribution_asks_for_the_others_of_its_own_minor_version() -> None:
    major, minor, _ = harness.__version__.split(".")
    limits = f">={major}.{minor},<{major}.{int(minor) + 1}"
    for place, project in PROJECTS.items():
        extras = project.get("optional-dependencies", {}).values()
        asked = [text for texts in (project["dependencies"], *extras) for text in texts]
        ours = [text for text in asked if text.startswith("judge-harness")]
        assert ours, place
        assert [text for text in ours if not re.fullmatch(rf"judge-harness[a-z-]*{re.escape(limits)}", text)] == [], (
            place
        )


@pytest.mark.parametrize("place", PROJECTS)
def test_the_index_says_who_what_and_where(place: str) -> None:
    project = PROJECTS[place]
    assert project["authors"] == PROJECTS["."]["authors"]
    assert project["license-files"] == ["LICENSE"]
    assert (ROOT / place / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert "llm-as-a-judge" in project["keywords"]
    assert set(project["urls"]) == set(PROJECTS["."]["urls"])
    pythons = [name.rpartition(" ")[2] for name in project["classifiers"] if "Python :: 3." in name]
    assert pythons == ["3.11", "3.12", "3.13"]
    assert project["requires-python"] == ">=3.11"


def test_a_url_that_names_a_folder_names_that_of_its_distribution() -> None:
    for place, project in PROJECTS.items():
        _, _, folder = project["urls"]["Homepage"].partition("/tree/main/")
        assert (folder or ".") == place


def test_the_extra_all_has_every_plugin_and_the_others_are_parts_of_it() -> None:
    extras = PROJECTS["."]["optional-dependencies"]
    ours = {project["name"] for place, project in PROJECTS.items() if place not in (".", APART)}
    assert {re.split("[>=]", text)[0] for text in extras["all"]} == {*ours, "evaluate"}
    for name in ("openai", "transformers", "train", "evaluate"):
        assert set(extras[name]) <= set(extras["all"]), name


def test_requirements_install_everything_of_this_repository_and_all_that_was_ever_promised() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    editable = {line.removeprefix("-e ").partition("[")[0] for line in lines if line.startswith("-e ")}
    assert editable == {*PROJECTS} - {APART}
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert f"pip install -e {APART}[test]" in ci
    # The plugin is installed and does nothing. The libraries of the services are for those who use one.
    assert "pip install -e plugins/sinks/trackers[mlflow,tensorboard,wandb,test]" in ci
    pinned = {line.partition("==")[0].lower() for line in lines if "==" in line}
    assert pinned >= set(REQUIRED)
