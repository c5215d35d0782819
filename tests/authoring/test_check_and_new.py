"""`harness new` makes plugins that pass `harness check`, and `harness check` finds what is broken."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TypeAlias

import pytest
from click.testing import CliRunner

from harness.api import PluginError
from harness.authoring import new
from tests.commands import Commands

Harness: TypeAlias = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def harness(commands: Commands) -> Harness:
    """Runs the command with these arguments, and these variables beside those of this process."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return commands.run([*arguments], cwd=Path.cwd(), env={**os.environ, **environment}, apart=True)

    return run


def installed(folder: Path) -> str:
    """The source folder of a new distribution, with the metadata beside it that `pip install -e` would leave."""
    import tomllib

    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    info = folder / "src" / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = "".join(f"{name} = {module}\n" for name, module in project["entry-points"]["harness"].items())
    (info / "entry_points.txt").write_text(f"[harness]\n{points}")
    return str(folder / "src")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["task", "judge", "reward"])
def test_a_new_plugin_passes_its_own_tests_and_its_checks(harness: Harness, kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    made = CliRunner().invoke(new.command, [kind, "brand-new", "--dir", str(folder)], standalone_mode=False)
    assert made.exception is None, made.output
    source = installed(folder)
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder / "tests" / "test_conformance.py")],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([source, os.environ.get("PYTHONPATH", "")])},
        timeout=300,
    )
    assert tested.returncode == 0, tested.stdout
    checked = harness(
        "check", "brand-new", "--json", PYTHONPATH=os.pathsep.join([source, os.environ.get("PYTHONPATH", "")])
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    rows = json.loads(checked.stdout)
    assert len(rows) > 8
    assert [row for row in rows if row["fault"] or row["warning"]] == []
    assert f"{len(rows)} passed" in tested.stdout, "pytest makes the same checks as `harness check`"


def test_a_new_distribution_advertises_its_plugin(tmp_path: Path) -> None:
    import tomllib

    folder = tmp_path / "mine"
    CliRunner().invoke(new.command, ["judge", "brand-new", "--dir", str(folder)], standalone_mode=False)
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["name"] == "judge-harness-brand-new"
    point = EntryPoint("brand-new", project["entry-points"]["harness"]["brand-new"], "harness")
    assert (folder / "src" / (point.module.replace(".", "/") + ".py")).is_file()
    CliRunner().invoke(new.command, ["all", "brand-new", "--dir", str(tmp_path / "all")], standalone_mode=False)
    # A console shows `$ pip`, a workflow `${{ matrix }}` and a pattern ends in `$`: a blank is a name after the mark.
    for path in [path for path in tmp_path.rglob("*") if path.is_file()]:
        blank = re.search(r"\$\{?[a-z_]", path.read_text(encoding="utf-8"))
        assert blank is None, f"{path} has a blank that was not filled"


@pytest.mark.parametrize("name", ["Mine", "my_judge", "../evil", "1st", "", "a--b", "a b"])
def test_a_name_that_cannot_be_a_plugin_is_refused(name: str, tmp_path: Path) -> None:
    made = CliRunner().invoke(new.command, ["judge", "--dir", str(tmp_path / "x"), "--", name], standalone_mode=False)
    assert isinstance(made.exception, PluginError)
    assert not (tmp_path / "x").exists()


def test_a_folder_with_files_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    made = CliRunner().invoke(new.command, ["judge", "brand-new", "--dir", str(tmp_path)], standalone_mode=False)
    assert isinstance(made.exception, PluginError)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


BROKEN = """
from harness.api import JudgeCard, hookimpl

class Judge:
    def judge(self, requests):
        return iter(())
    def fingerprint(self):
        return "1"

@hookimpl
def harness_judges():
    make = lambda options, context: Judge()
    return [JudgeCard(name="mute", api_version=1, summary="s", licence="l", source="s", factory=make)]
"""


def test_check_names_each_fault_and_exits_with_2(harness: Harness, tmp_path: Path) -> None:
    (tmp_path / "mute_plugin.py").write_text(BROKEN)
    done = harness("--plugin", str(tmp_path / "mute_plugin.py"), "check", "mute_plugin")
    assert done.returncode == 2
    assert "FAIL  mute_plugin/mute  judge_answers_each_once" in done.stdout
    assert "8 of 8 requests were never answered" in done.stdout
    assert "ok    mute_plugin/mute  judge_takes_an_empty_stream" in done.stdout


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (BROKEN.replace("@hookimpl\n", ""), "plugin 'mine' is broken: harness_judges is not marked as a hook"),
        (BROKEN.replace("[JudgeCard", "[] and [JudgeCard"), "mine offers no object, and nothing of it was checked"),
        ("raise SystemExit('bye')", "plugin 'mine' is broken: SystemExit: bye"),
    ],
)
def test_check_of_nothing_fails_and_says_why(harness: Harness, code: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(code)
    done = harness("--plugin", str(tmp_path / "mine.py"), "check", "mine")
    assert done.returncode == 2
    assert said in done.stderr


def test_a_factory_that_exits_fails_its_checks_and_the_others_are_still_made(harness: Harness, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import sys\n" + BROKEN.replace(": Judge()", ": sys.exit('no key')"))
    done = harness("--plugin", str(tmp_path / "mine.py"), "check", "mine")
    assert done.returncode == 2
    assert "could not be made: SystemExit: no key" in done.stdout
    assert "FAIL  mine/mute  judge_fingerprint_is_stable" in done.stdout


def test_a_plugin_that_exits_stops_no_command(harness: Harness, tmp_path: Path) -> None:
    (tmp_path / "exits.py").write_text("raise SystemExit('set MY_API_KEY first')")
    for command in (["list", "formats"], ["plugins"], ["check", "harness/label"]):
        done = harness("--plugin", str(tmp_path / "exits.py"), *command)
        assert done.returncode == 0, done.stderr
        assert "SystemExit: set MY_API_KEY first" in done.stdout + done.stderr
    assert harness("--plugin", str(tmp_path / "exits.py"), "doctor").returncode == 2


def test_plugins_says_what_offers_nothing(harness: Harness, tmp_path: Path) -> None:
    hook = "from harness.api import hookimpl\n@hookimpl\ndef "
    (tmp_path / "bare.py").write_text(hook + "harness_judges(): return []")
    (tmp_path / "ears.py").write_text(hook + "harness_run_finished(folder): pass")
    done = harness("-p", str(tmp_path / "bare.py"), "-p", str(tmp_path / "ears.py"), "plugins")
    assert "ok: offers nothing" in next(line for line in done.stdout.splitlines() if line.startswith("bare "))
    assert "ok: hooks only" in next(line for line in done.stdout.splitlines() if line.startswith("ears "))


def test_check_of_an_unknown_plugin_is_an_error(harness: Harness) -> None:
    done = harness("check", "no-such-plugin")
    assert done.returncode == 2
    assert "there is no plugin or plugin object 'no-such-plugin'" in done.stderr


@pytest.mark.slow
def test_the_core_passes_its_own_checks(harness: Harness) -> None:
    done = harness("check", "harness")
    assert done.returncode == 0, done.stdout
    assert "ok    harness  plugin_import_is_light" in done.stdout
    assert "ok    harness/tagged  format_round_trip" in done.stdout
    assert "ok    harness/processes  executor_ends_its_workers_in_the_middle" in done.stdout


def test_an_object_without_its_options_has_only_its_card_checked(harness: Harness, tmp_path: Path) -> None:
    wants = "from pydantic import BaseModel\nclass Wants(BaseModel):\n    depth: int\n" + BROKEN.replace(
        'source="s",', 'source="s", options=Wants,'
    )
    (tmp_path / "wants.py").write_text(wants)
    plugin = str(tmp_path / "wants.py")
    without = harness("--plugin", plugin, "check", "wants")
    assert without.returncode == 0, without.stdout
    assert "give depth with `--with`" in without.stderr
    given = harness("--plugin", plugin, "check", "wants/mute", "--with", "depth=3")
    assert "FAIL  wants/mute  judge_answers_each_once" in given.stdout
    assert harness("check", "wants", "--with", "depth").returncode == 2
