"""What a user can write is named in the reference: no hook, verb, option, field or code is missing."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import click
import pytest

import harness.library
from harness import api, testing
from harness.api import Protocol, UnreadReason, data, execution, files, hookspecs, optional, reading
from harness.bundle.differences import Difference
from harness.bundle.records import RowCheck, Signature, Verification
from harness.cli import cli
from harness.discovery import Plugins
from harness.drift.records import CellDrift, DriftReport, Flip, JudgeDrift
from harness.manifest.model import (
    JudgeEntry,
    Manifest,
    Recipe,
    RecipeTask,
    ReportSettings,
    RewardEntry,
    RunSettings,
    TaskEntry,
    TrainerEntry,
)
from harness.report.estimate import Correction, Estimates
from harness.report.plan import ItemPlan, PlanRow
from harness.report.records import Leaderboard, LeaderboardRow
from harness.report.unread import UnreadAnswers, UnreadExample
from harness.report.usage import JudgeUsage
from harness.score.records import AltTest, AnnotatorTest, Ceiling, Comparison, MetricCeiling
from harness.score.trust import Calibration, CoveragePoint, Guarantee, Noise, ReliabilityBin
from harness.training import folder as checkpoint_folder
from harness.verbs import VERBS

MODELS = {
    "manifest": (Manifest, TaskEntry, JudgeEntry, RunSettings, ReportSettings),
    "recipe": (Recipe, RecipeTask, RewardEntry, TrainerEntry),
}


@pytest.fixture(scope="session")
def written(generate: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the generated pages."""
    folder = tmp_path_factory.mktemp("generated")
    generate.write_all(folder)
    return folder


@pytest.fixture(scope="session")
def pages(written: Path) -> dict[str, str]:
    """The generated pages by name, as they are on disk."""
    paths = written.rglob("*.md")
    return {str(path.relative_to(written).with_suffix("")): path.read_text(encoding="utf-8") for path in paths}


def test_every_hook_is_named(pages: dict[str, str]) -> None:
    hooks = [name for name, one in vars(hookspecs).items() if hasattr(one, "harness_spec")]
    assert len(hooks) >= 11
    assert [name for name in hooks if f"## `{name}`" not in pages["hooks"]] == []


def test_every_verb_and_every_option_is_named(pages: dict[str, str]) -> None:
    sections = {
        match[1]: match[2]
        for match in re.finditer(
            r"^## `harness (\S+)`\n(.*?)(?=^## |\Z)", pages["command-line"], re.MULTILINE | re.DOTALL
        )
    }
    assert list(sections) == list(VERBS)
    for verb, section in sections.items():
        command: click.Command = cast("click.Command", cli.get_command(click.Context(cli), verb))
        missing = [name for option in _options(command) for name in option if f"`{name}`" not in section]
        assert missing == [], verb
        assert "harness " in section.partition("```")[2], f"{verb}: no example"
    assert [name for option in _options(cli) for name in option if f"`{name}`" not in pages["command-line"]] == []


def test_examples_of_the_command_line_are_code_and_not_prose(pages: dict[str, str]) -> None:
    assert "\b" not in pages["command-line"]
    assert r"\b" not in pages["command-line"]


@pytest.mark.parametrize("page", MODELS)
def test_every_field_of_a_manifest_and_of_a_recipe_is_named(page: str, pages: dict[str, str]) -> None:
    for model in MODELS[page]:
        names = [spec.alias or name for name, spec in model.model_fields.items()]
        assert [name for name in names if f"| `{name}` |" not in pages[page]] == [], model.__name__
        assert all(spec.description for spec in model.model_fields.values()), model.__name__
    assert "`extends`" in pages[page]


def test_every_file_of_a_checkpoint_folder_and_every_field_of_its_record_is_named(pages: dict[str, str]) -> None:
    constants = {name: value for name, value in vars(checkpoint_folder).items() if name.isupper() and name[0] != "_"}
    files = [value for name, value in constants.items() if name != "CHECKPOINTS"]
    assert "trained.json" in files
    assert [name for name in files if name not in pages["recipe"]] == []
    for spec in dataclasses.fields(checkpoint_folder.Record):
        row = re.search(rf"^\| `{spec.name}` \|.*\| (.+) \|$", pages["recipe"], re.MULTILINE)
        assert row is not None, spec.name
        assert len(row[1]) > 5, spec.name


def test_every_field_of_a_protocol_is_named_and_explained(pages: dict[str, str], root: Path) -> None:
    explained = (root / "docs" / "explanation" / "protocols.md").read_text(encoding="utf-8")
    for spec in dataclasses.fields(Protocol):
        row = re.search(rf"^\| `{spec.name}` \|(.*)$", pages["protocol"], re.MULTILINE)
        assert row is not None, spec.name
        assert len(row[1]) > 20, spec.name
        assert f"`{spec.name}`" in explained, spec.name


def test_every_exit_code_is_named(pages: dict[str, str], root: Path) -> None:
    folders = (root / "harness" / part for part in ("cli", "pipeline"))
    sources = "\n".join(path.read_text(encoding="utf-8") for folder in folders for path in folder.glob("*.py"))
    used = {int(code) for code in re.findall(r"\breturn (?:\d+ if .* else )?(\d+)$", sources, re.MULTILINE)}
    used |= {int(code) for code in re.findall(r"\breturn (\d+) if ", sources)} | {2}
    assert used >= {0, 1, 2, 3, 4, 130}
    assert [code for code in sorted(used) if f"| `{code}` |" not in pages["exit-codes"]] == []


def test_every_public_name_of_the_python_interface_is_named(pages: dict[str, str]) -> None:
    assert set(harness.library.__all__) >= {"run", "load", "train", "Run", "JudgedAnswer"}
    assert [name for name in harness.library.__all__ if f":: harness.library.{name}\n" not in pages["library"]] == []
    for name in ("run", "load", "train"):
        assert "Args:" in (inspect.getdoc(getattr(harness.library, name)) or "")


def test_every_field_of_the_leaderboard_is_named(pages: dict[str, str]) -> None:
    people = (Ceiling, MetricCeiling, AltTest, AnnotatorTest)
    trust = (Calibration, ReliabilityBin, CoveragePoint, Guarantee, Noise)
    for record in (Leaderboard, LeaderboardRow, Comparison, JudgeUsage, UnreadAnswers, UnreadExample, *trust, *people):
        for spec in dataclasses.fields(record):
            row = re.search(rf"^\| `{spec.name}` \|.*\| (.+) \|$", pages["leaderboard-json"], re.MULTILINE)
            assert row is not None, f"{record.__name__}.{spec.name}"
            assert len(row[1]) > 5, f"{record.__name__}.{spec.name}"


@pytest.mark.parametrize(
    ("page", "records"),
    [
        ("estimate-json", (Estimates, Correction)),
        ("plan-json", (ItemPlan, PlanRow)),
        ("drift-json", (DriftReport, CellDrift, Flip, JudgeDrift)),
        ("verify-json", (Verification, RowCheck, Difference, Signature)),
    ],
)
def test_every_field_that_a_verb_prints_as_json_is_named(
    page: str, records: tuple[type[Any], ...], pages: dict[str, str]
) -> None:
    for record in records:
        for spec in dataclasses.fields(record):
            row = re.search(rf"^\| `{spec.name}` \|.*\| (.+) \|$", pages[page], re.MULTILINE)
            assert row is not None, f"{record.__name__}.{spec.name}"
            assert len(row[1]) > 5, f"{record.__name__}.{spec.name}"


def test_every_flag_is_named(pages: dict[str, str], root: Path) -> None:
    source = (root / "harness" / "score" / "flags.py").read_text(encoding="utf-8")
    flags = re.findall(r'^        "([a-z-]+)": ', source, re.MULTILINE)
    explained = (root / "docs" / "explanation" / "statistics.md").read_text(encoding="utf-8")
    assert "collapsed" in flags
    for flag in (*flags, "partial", "incomplete", "does-not-hold"):
        assert f"`{flag}`" in pages["leaderboard-json"], flag
        assert f"| `{flag}` |" in explained, flag


def test_every_reason_is_explained(pages: dict[str, str]) -> None:
    for reason in UnreadReason:
        row = re.search(rf"^\| `{reason}` \| (.+) \|$", pages["leaderboard-json"], re.MULTILINE)
        assert row is not None, reason
        assert len(row[1]) > 5, reason


def test_every_public_name_is_on_the_api_page(pages: dict[str, str]) -> None:
    assert [name for name in api.__all__ if f"harness.api.{name}\n" not in pages["api"]] == []
    assert re.search(r"^\.\. py:data:: .*\n\n +\n", pages["api"], re.MULTILINE) is None, "a constant has no docstring"
    assert "## More" not in pages["api"], "sort the new names into _generate.API_SECTIONS"


def test_every_public_name_of_the_data_package_is_on_its_page(pages: dict[str, str]) -> None:
    assert [name for name in data.__all__ if f"harness.api.data.{name}\n" not in pages["api-data"]] == []
    assert re.search(r"^\.\. py:data:: .*\n\n +\n", pages["api-data"], re.MULTILINE) is None, "no docstring"


def test_every_optional_member_is_on_its_page(pages: dict[str, str]) -> None:
    assert [one for one in optional.__all__ if f"harness.api.optional.{one}\n" not in pages["api-optional"]] == []


def test_every_public_name_for_files_is_on_its_page(pages: dict[str, str]) -> None:
    assert [name for name in files.__all__ if f"harness.api.files.{name}\n" not in pages["api-files"]] == []


def test_every_public_name_for_authors_of_formats_is_on_its_page(pages: dict[str, str]) -> None:
    missing = [name for name in execution.__all__ if f"harness.api.execution.{name}\n" not in pages["api-execution"]]
    assert missing == []
    assert [name for name in reading.__all__ if f"harness.api.reading.{name}\n" not in pages["api-reading"]] == []
    assert re.search(r"^\.\. py:data:: .*\n\n +\n", pages["api-reading"], re.MULTILINE) is None, "no docstring"


def test_every_public_name_of_the_testing_package_is_on_its_page(pages: dict[str, str]) -> None:
    assert [name for name in testing.__all__ if f"harness.testing.{name}\n" not in pages["api-testing"]] == []
    assert re.search(r"^\.\. py:data:: .*\n\n +\n", pages["api-testing"], re.MULTILINE) is None, "no docstring"


def test_every_benchmark_has_a_page_with_all_that_its_users_must_know(pages: dict[str, str]) -> None:
    plugins = Plugins.load()
    offers = [one for one in plugins.offers("task") if one.id.startswith(("preference/", "mtrl/"))]
    assert len(offers) > 2
    for offer in offers:
        page = pages[f"tasks/{offer.id.replace('/', '-')}"]
        assert f"| [`{offer.id}`](" in pages["tasks/index"]
        parts = dict(re.findall(r"^## (.+)\n\n((?:(?!## ).*\n)+)", page, re.MULTILINE))
        wanted = ("Official metric", "Official protocol", "Columns", "Deviations from the authors' script")
        for title in (*wanted, "Traps, and mistakes of other harnesses", "Worked example"):
            assert len(parts.get(title, "")) > 40, f"{offer.id}: {title}"
        assert "- licence: " in page, offer.id
        assert "| metric |" in parts["Worked example"], offer.id


def test_every_file_of_a_run_folder_and_every_table_is_named(pages: dict[str, str], generate: ModuleType) -> None:
    named = ("manifest.yaml", "run.json", "journal.sqlite", "scores.json", "leaderboard")
    assert [name for name in named if name not in pages["run-folder"]] == []
    for table, columns in generate.journal_tables().items():
        assert f"- `{table}`: " in pages["run-folder"]
        assert [name for name, _ in columns if f"`{name}`" not in pages["run-folder"]] == []


def test_every_environment_variable_is_named(root: Path) -> None:
    page = (root / "docs" / "reference" / "environment.md").read_text(encoding="utf-8")
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (root / "harness").rglob("*.py"))
    used = set(re.findall(r"""["'](HARNESS_[A-Z_]+)["']""", sources))
    assert used
    assert [name for name in sorted(used) if f"`{name}`" not in page] == []


def test_every_plugin_object_metric_and_format_of_this_repository_is_named(pages: dict[str, str]) -> None:
    plugins = Plugins.load()
    places = {"task": "plugin-objects", "judge": "plugin-objects", "format": "formats", "metric": "metrics"}
    for kind, page in places.items():
        ours = [offer.id for offer in plugins.offers(kind) if offer.distribution.startswith("judge-harness")]
        assert ours, kind
        assert [name for name in ours if f"`{name}`" not in pages[page]] == []


def test_generated_pages_are_not_touched_when_nothing_changed(generate: ModuleType, written: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in written.rglob("*.md")}
    generate.write_all(written)
    assert {path: path.stat().st_mtime_ns for path in written.rglob("*.md")} == before


def _options(command: click.Command) -> list[list[str]]:
    return [[*one.opts, *one.secondary_opts] for one in command.params if isinstance(one, click.Option)]
