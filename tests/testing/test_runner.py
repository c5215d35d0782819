"""The fixture `run_manifest`: whole runs inside tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.api import ManifestError, PluginError
from harness.testing import ManifestRunner

TEXT = """
name: small
tasks: [{use: miniature/pairwise-safety, limit: 6}]
judges: [{use: baselines/constant}]
"""


def test_a_text_is_run_and_its_leaderboard_is_that_of_the_run_folder(
    run_manifest: ManifestRunner, tmp_path: Path
) -> None:
    import json

    run = run_manifest(TEXT)
    assert run.folder.parent == tmp_path / "runs"
    assert run.leaderboard == json.loads((run.folder / "leaderboard.json").read_text())
    row = run.row(task="pairwise-safety", judge="constant")
    assert (row["n"], run.failed, run.stopped) == (12, 0, {})
    with pytest.raises(LookupError, match="0 rows of random on pairwise-safety; there are constant on pairwise-safety"):
        run.row(task="pairwise-safety", judge="random")


def test_a_mapping_a_file_and_a_shipped_name_are_run_too(run_manifest: ManifestRunner, tmp_path: Path) -> None:
    tasks, judges = [{"use": "miniature/pairwise-safety", "limit": 6}], [{"use": "baselines/constant"}]
    first = run_manifest({"name": "small", "tasks": tasks, "judges": judges})
    (tmp_path / "other.yaml").write_text(TEXT)
    assert run_manifest(tmp_path / "other.yaml").folder == first.folder
    assert run_manifest(str(tmp_path / "other.yaml")).folder == first.folder
    extended = {"extends": "miniature/ood", "name": "o", "vars": {"items": 2}, "judges": judges}
    assert len(run_manifest(extended).leaderboard["rows"]) == 4
    with pytest.raises(PluginError, match="there is no file 'miniature/odd'"):
        run_manifest("miniature/odd")


def test_overrides_and_plugin_files_are_as_on_the_command_line(run_manifest: ManifestRunner, tmp_path: Path) -> None:
    (tmp_path / "failing.py").write_text(
        "from harness.api import JudgeCard, Judgement, Status, hookimpl\n"
        "class Failing:\n"
        "    def judge(self, requests):\n"
        "        for request in requests:\n"
        "            yield request, Judgement.failure(Status.ERROR, 'no power')\n"
        "    def fingerprint(self):\n"
        "        return '1'\n"
        "@hookimpl\n"
        "def harness_judges():\n"
        "    make = lambda options, context: Failing()\n"
        "    return [JudgeCard(name='failing', api_version=1, summary='s', factory=make)]\n"
    )
    run = run_manifest(TEXT, sets=["judges.0.use=failing", "tasks.0.limit=3"], plugins=[str(tmp_path / "failing.py")])
    assert run.failed == 6


def test_a_mistake_is_said_as_harness_run_says_it(run_manifest: ManifestRunner) -> None:
    with pytest.raises(ManifestError, match="tsaks"):
        run_manifest(TEXT.replace("tasks", "tsaks"))


def test_the_pytest_plugin_is_light() -> None:
    code = "import sys, pytest, harness.pytest_plugin\nprint(sorted(n for n in sys.modules if n.startswith('harness')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['harness', 'harness.pytest_plugin']"
