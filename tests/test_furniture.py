"""The files around the code: they can be read, and they say the same as the code does."""

from __future__ import annotations

import importlib.util
import re
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

import harness

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted(path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")
FIELDS = {"textarea", "input", "dropdown", "checkboxes", "markdown"}


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def release() -> ModuleType:
    """`tools/release.py` as a module."""
    spec = importlib.util.spec_from_file_location("release", ROOT / "tools" / "release.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_has_steps_limits_and_few_rights(path: Path) -> None:
    workflow = read(path)
    assert True in workflow, "`on:` is read as a truth value"
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        assert job["timeout-minutes"] <= 120, name
        assert all(("uses" in step) != ("run" in step) for step in job["steps"]), name


def test_the_tests_run_on_every_python_that_the_metadata_name() -> None:
    jobs = read(ROOT / ".github" / "workflows" / "tests.yml")["jobs"]
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert jobs["tests"]["strategy"]["matrix"]["python"] == re.findall(r"Python :: (3\.\d+)", text)


def test_commands_of_workflows_name_files_that_are_there() -> None:
    for path in WORKFLOWS:
        steps = [step for job in read(path)["jobs"].values() for step in job["steps"]]
        said = " ".join(step.get("run", "") for step in steps)
        for file in re.findall(r"(?:tools|\.ci)/\S+|\S+\.txt", said):
            assert (ROOT / file).is_file(), file


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_has_what_the_site_needs(path: Path) -> None:
    form = read(path)
    assert form["name"]
    assert form["description"]
    for field in form["body"]:
        assert field["type"] in FIELDS
        assert field["attributes"]["label"]
    assert len({field["id"] for field in form["body"]}) == len(form["body"])


@pytest.mark.parametrize("name", [".github/dependabot.yml", ".github/ISSUE_TEMPLATE/config.yml"])
def test_the_other_files_of_the_site_are_yaml(name: str) -> None:
    assert isinstance(read(ROOT / name), dict)


def test_pre_commit_has_the_ruff_of_the_requirements() -> None:
    repos = {one["repo"]: one for one in read(ROOT / ".pre-commit-config.yaml")["repos"]}
    (pinned,) = re.findall(r"^ruff==(.+)$", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert repos["https://github.com/astral-sh/ruff-pre-commit"]["rev"] == f"v{pinned}"


def test_the_citation_has_all_that_its_format_asks_for_and_the_version_of_the_code() -> None:
    citation = read(ROOT / "CITATION.cff")
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] == "software"
    assert citation["version"] == harness.__version__
    assert citation["license"] == "Apache-2.0"
    assert all(set(author) == {"name"} for author in citation["authors"])


def test_every_waiting_change_says_its_kind(release: ModuleType) -> None:
    names = [path.name for path in (ROOT / "changes").iterdir() if path.name != "README.md"]
    assert [name for name in names if name.split(".")[1:] not in [[kind, "md"] for kind in release.KINDS]] == []


def test_a_release_writes_its_version_everywhere(release: ModuleType, tmp_path: Path) -> None:
    copied = ["harness/__init__.py", "CITATION.cff"]
    copied += [str(path.relative_to(ROOT)) for pattern in release.LIMITED for path in ROOT.glob(pattern)]
    for name in copied:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    release.set_version(tmp_path, "7.8.9")
    texts = {name: (tmp_path / name).read_text(encoding="utf-8") for name in copied}
    assert "7.8.9" in texts["harness/__init__.py"]
    assert "version: 7.8.9" in texts["CITATION.cff"]
    projects = [text for name, text in texts.items() if name.endswith("pyproject.toml")]
    assert len(projects) == 15
    assert all('\nversion = "7.8.9"\n' in text for text in projects)
    limits = {limit for text in texts.values() for limit in re.findall(r"judge-harness[a-z-]*(>=[\d.]+,<[\d.]+)", text)}
    assert limits == {">=7.8,<7.9"}


CHANGELOG = """# Changelog

Words.

## 0.2.0 - unreleased

### Added

- Old.

### Changed

- Other.

## 0.1.0 - 2026-01-01

- First.
"""


def test_changes_go_into_the_section_of_the_version_by_kind(release: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    (tmp_path / "changes").mkdir()
    (tmp_path / "changes" / "README.md").write_text("stays")
    (tmp_path / "changes" / "new.added.md").write_text("New,\nin two lines.\n")
    (tmp_path / "changes" / "bug.fixed.md").write_text("Mended.\n")
    release.collect_changes(tmp_path, "0.2.0", "2026-12-01")
    after = (tmp_path / "CHANGELOG.md").read_text()
    expected = CHANGELOG.replace("unreleased", "2026-12-01").replace("- Old.\n", "- Old.\n- New,\n  in two lines.\n")
    assert after == expected.replace("- Other.\n", "- Other.\n\n### Fixed\n\n- Mended.\n")
    assert [path.name for path in (tmp_path / "changes").iterdir()] == ["README.md"]


def test_a_version_that_the_changelog_does_not_know_gets_a_section_at_the_top(
    release: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    (tmp_path / "changes").mkdir()
    (tmp_path / "changes" / "new.added.md").write_text("New.")
    release.collect_changes(tmp_path, "0.3.0", "2026-12-01")
    expected = CHANGELOG.replace("## 0.2.0", "## 0.3.0 - 2026-12-01\n\n### Added\n\n- New.\n\n## 0.2.0")
    assert (tmp_path / "CHANGELOG.md").read_text() == expected


def test_a_change_without_a_kind_stops_the_release_before_anything_is_written(
    release: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    (tmp_path / "changes").mkdir()
    (tmp_path / "changes" / "new.md").write_text("New.")
    with pytest.raises(SystemExit, match=r"changes/new.md: write TOPIC.KIND.md"):
        release.collect_changes(tmp_path, "0.2.0", "2026-12-01")
    assert (tmp_path / "CHANGELOG.md").read_text() == CHANGELOG
