"""What a finished run says to the hooks of plugins."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from harness.api import JournalError, Status
from harness.cli import main
from harness.discovery import Plugins
from harness.manifest.load import load_manifest
from harness.pipeline.session import run_manifest
from harness.progress import LineProgress
from harness.recorded.load import load_run

MINE = '''
import dataclasses

from harness.api import TaskCard, hookimpl


class Over:
    """The items of another task with a word before the question."""

    def __init__(self, context):
        self.base = context.task("miniature/technical", {"items": 8})
        self.wraps = (self.base, "test")
        self.protocol, self.format, self.render = self.base.protocol, self.base.format, self.base.render

    def items(self, split):
        for item in self.base.items(split):
            yield dataclasses.replace(item, question=("Well:", *item.question))

    def fingerprint(self):
        return "over " + self.base.fingerprint()


@hookimpl
def harness_tasks():
    return [TaskCard(name="over", summary="Over.", factory=lambda options, context: Over(context))]


@hookimpl
def harness_report_sections(leaderboard, cells, find_metric):
    named = [f"{cell.task}/{cell.judge}" for cell in cells]
    metric = type(find_metric("macro_f1")).__name__
    return [("Mine", f"{len(leaderboard['rows'])} rows; {' '.join(named)}; {metric}")]
'''
OLD = """
from harness.api import hookimpl

@hookimpl
def harness_report_sections(leaderboard):
    return [("Old", "as before")]
"""
MANIFEST = """
name: m
tasks:
  - {name: base, use: miniature/technical, with: {items: 8}, protocol: {order: both, pooling: agree}}
  - {use: mine/over}
judges: [{use: baselines/constant}, {use: baselines/random}]
"""

Run = Callable[..., Path]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run(manifest, *arguments)` from start to end; gives the run folder."""
    monkeypatch.chdir(tmp_path)
    for name, text in (("mine", MINE), ("old", OLD)):
        Path(f"{name}.py").write_text(text, encoding="utf-8")

    def go(manifest: str, *arguments: str) -> Path:
        Path("m.yaml").write_text(manifest, encoding="utf-8")
        before = set(Path("runs").glob("m-*"))
        command(["run", "m.yaml", *arguments])
        [folder] = set(Path("runs").glob("m-*")) - before
        return folder

    return go


def command(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["-p", "mine.py", "-p", "old.py", *arguments])
    assert ended.value.code == 0


def test_report_sections_are_told_the_run_folder_and_metrics_and_older_hooks_still_work(run: Run) -> None:
    report = (run(MANIFEST) / "leaderboard.md").read_text(encoding="utf-8")
    cells = "base/constant base/random over/constant over/random"
    assert f"## Mine\n\n4 rows; {cells}; " in report
    assert "F1" in report[report.index("## Mine") :].splitlines()[2]
    assert "## Old\n\nas before" in report


def test_the_terminal_says_what_plugins_added_to_the_report_also_when_it_is_read_back(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run(MANIFEST)
    first = capsys.readouterr().out
    command(["run", "m.yaml"])
    again = capsys.readouterr().out
    for said in (first, again):
        assert "leaderboard.md has more: Mine, Old" in said
    assert json.loads((folder / "leaderboard.json").read_text())["sections"] == ["Mine", "Old"]


def test_recorded_cells_say_what_was_asked_and_answered(run: Run) -> None:
    folder = run(MANIFEST)
    cells = load_run(folder).cells
    first, last = cells[0], cells[-1]
    assert (first.task, first.task_id, first.judge, first.judge_id) == (
        "base",
        "miniature/technical",
        "constant",
        "baselines/constant",
    )
    assert (first.protocol.pooling, first.format, first.state) == ("agree", "harness/tagged", "complete")
    assert [cell.wraps for cell in cells] == [(), (), ("base",), ("base",)]
    assert first.metric == last.metric == first.protocol.metrics[0]
    answers = list(last.answers())
    assert [one.item for one in answers] == [f"test-00000{n}" for n in range(8)]
    assert {(one.status, one.order, one.sample) for one in answers} == {(Status.OK, (), 0)}
    recorded = next(cell for cell in load_run(folder).cells if (cell.task, cell.judge) == ("over", "random"))
    assert answers == list(recorded.answers())


def test_the_metric_of_a_cell_is_the_one_that_the_manifest_shows(run: Run) -> None:
    cells = load_run(run(MANIFEST + "report: {metric: balanced_accuracy}\n")).cells
    assert {cell.metric for cell in cells} == {"balanced_accuracy"}


def test_merged_shards_still_know_what_a_task_shows_changed(run: Run) -> None:
    shards = [run(MANIFEST, "--shard", f"{number}/2") for number in (1, 2)]
    command(["merge", *map(str, shards)])
    [whole] = set(Path("runs").glob("m-*")) - set(shards)
    assert [cell.wraps for cell in load_run(whole).cells] == [(), (), ("base",), ("base",)]
    assert sum(1 for _ in load_run(whole).cells[0].answers()) == 8


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="not a run folder"):
        load_run(tmp_path)


def test_report_settings_of_another_version_are_refused_with_their_names(run: Run) -> None:
    folder = run(MANIFEST)
    with closing(sqlite3.connect(folder / "journal.sqlite")) as database, database:
        [[text]] = database.execute("SELECT value FROM meta WHERE key = 'plan'")
        plan = json.loads(text)
        plan["report"] |= {"confidence": 2, "of_the_future": True}
        database.execute("UPDATE meta SET value = ? WHERE key = 'plan'", (json.dumps(plan),))
    with pytest.raises(JournalError, match=r"another version of the harness, or are damaged \(.*of_the_future"):
        load_run(folder)


def test_importing_the_api_reads_no_run() -> None:
    code = "import sys, harness.api; print(sorted({'sqlite3', 'numpy', 'harness.runner'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


REPORTER = """
from dataclasses import dataclass
from harness.api import hookimpl

@dataclass
class Short:
    leaderboard: dict
    files: tuple = ("short.txt",)

    def show(self, *, details=False):
        print("shown by reporter")

@hookimpl
def harness_run_recorded(folder, reuse):
    if reuse:
        (folder / "short.txt").write_text("short")
        return Short({"rows": []})
"""


def test_a_plugin_can_report_a_run_in_its_own_way_and_the_core_has_the_rest(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("reporter.py").write_text(REPORTER)
    Path("m.yaml").write_text(MANIFEST)
    command(["--plugin", "reporter.py", "run", "m.yaml"])
    said = capsys.readouterr()
    assert said.out == "shown by reporter\n"
    assert "(short.txt)" in said.err
    [folder] = Path("runs").glob("m-*")
    assert (folder / "short.txt").is_file()
    assert not (folder / "leaderboard.json").exists()
    command(["--plugin", "reporter.py", "score", str(folder)])
    assert (folder / "leaderboard.json").is_file(), "without a report of the plugin the core makes one"


def test_a_report_that_cannot_be_shown_is_a_fault_of_its_plugin(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    Path("reporter.py").write_text(REPORTER.replace('print("shown by reporter")', "[][1]"))
    Path("m.yaml").write_text(MANIFEST)
    with pytest.raises(SystemExit) as ended:
        main(["-p", "mine.py", "-p", "reporter.py", "run", "m.yaml"])
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert "IndexError" in said
    assert "this is a fault of the plugin reporter; tell its authors" in said
    assert "bug in the harness" not in said


def test_a_reporter_that_fails_is_named_and_nothing_is_lost(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    Path("reporter.py").write_text(REPORTER.replace("if reuse:", "if undefined:"))
    Path("m.yaml").write_text(MANIFEST)
    with pytest.raises(SystemExit) as ended:
        main(["-p", "mine.py", "-p", "reporter.py", "run", "m.yaml"])
    assert ended.value.code == 2
    assert "plugin reporter: harness_run_recorded raised NameError" in capsys.readouterr().err
    [folder] = Path("runs").glob("m-*")
    assert json.loads((folder / "run.json").read_text())["state"] == "finished"
    command(["run", "m.yaml", "--dry-run"])
    assert "32 already answered, 0 to ask" in capsys.readouterr().out


@pytest.mark.parametrize("answer", ["None", "{'a': 'b'}", "('a', 'b')", "[('a', 3)]", "[('a', 'b', 'c')]", "3"])
def test_sections_of_a_wrong_type_are_left_out_with_a_warning(
    run: Run, capsys: pytest.CaptureFixture[str], answer: str
) -> None:
    Path("wrong.py").write_text(OLD.replace('[("Old", "as before")]', answer))
    Path("m.yaml").write_text(MANIFEST)
    command(["-p", "wrong.py", "run", "m.yaml"])
    assert "warning: plugin wrong: harness_report_sections returned" in capsys.readouterr().err
    [folder] = Path("runs").glob("m-*")
    assert json.loads((folder / "leaderboard.json").read_text())["sections"] == ["Mine", "Old"]


def test_a_run_names_the_reports_that_are_there_and_no_others(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    Path("worse.py").write_text(
        "from harness.api import RendererCard, hookimpl\n"
        "@hookimpl\ndef harness_renderers():\n"
        "    card = RendererCard(name='w', summary='s', factory=lambda *_: 1 / 0, file='worse.txt', api_version=1)\n"
        "    return [card]\n"
    )
    Path("m.yaml").write_text(MANIFEST)
    command(["-p", "worse.py", "run", "m.yaml"])
    said = capsys.readouterr().err
    assert "worse.txt is not written" in said
    assert "(leaderboard.md, leaderboard.csv, leaderboard.json)" in said


LINES = """
from harness.api import RendererCard, hookimpl

@hookimpl
def harness_renderers():
    return [RendererCard(name="n", summary="s", factory=lambda *_: write, file="n.txt", api_version=1)]

def write(leaderboard, *, sections=(), width=100):
    return "first"
"""


def test_a_plugin_in_a_file_has_its_report_written_again_once_it_is_edited_or_allowed(run: Run) -> None:
    Path("m.yaml").write_text(MANIFEST)
    Path("n.py").write_text(LINES)
    command(["-p", "n.py", "--no-plugin", "n", "run", "m.yaml"])
    [folder] = Path("runs").glob("m-*")
    assert not (folder / "n.txt").exists()
    command(["-p", "n.py", "run", "m.yaml"])
    assert (folder / "n.txt").read_text() == "first"
    Path("n.py").write_text(LINES.replace("first", "second"))
    command(["-p", "n.py", "run", "m.yaml"])
    assert (folder / "n.txt").read_text() == "second"


@pytest.mark.parametrize(
    ("name", "text"),
    [("leaderboard.json", "{"), ("leaderboard.json", "[]"), ("leaderboard.json", "{}"), ("leaderboard.md", None)],
)
def test_a_report_that_was_damaged_or_removed_is_made_again(run: Run, name: str, text: str | None) -> None:
    folder = run(MANIFEST)
    before = (folder / name).read_text(encoding="utf-8")
    if text is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(text, encoding="utf-8")
    command(["run", "m.yaml"])
    assert (folder / name).read_text(encoding="utf-8") == before


@pytest.mark.parametrize("change", ["version", "distribution", "nothing"])
def test_a_leaderboard_is_read_back_only_while_the_plugins_are_those_that_made_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.yaml").write_text(
        "name: m\ntasks: [{use: miniature/technical, with: {items: 8}}]\njudges: [{use: prior}]\n"
    )
    plugins = Plugins.load()
    loaded = load_manifest(Path("m.yaml"), plugins=plugins)

    def run_again() -> Path:
        session = run_manifest(
            loaded, plugins, runs=Path("runs"), fresh=False, shard=None, progress=LineProgress(io.StringIO())
        )
        assert session.report is not None
        return session.folder / "leaderboard.md"

    report = run_again()
    os.utime(report, (1, 1))
    run_again()
    assert report.stat().st_mtime == 1, "nothing changed, so nothing is written"
    if change != "nothing":
        # As after an upgrade of any plugin: the row of a metric's plugin is one of these.
        plugins.rows[0] = dataclasses.replace(plugins.rows[0], **{change: "99.1"})  # type: ignore[arg-type]
    run_again()
    assert (report.stat().st_mtime == 1) is (change == "nothing")


OWN = """
from harness.api import hookimpl

@hookimpl
def harness_formats():
    from harness.formats.cards import FORMATS
    return list(FORMATS)

@hookimpl
def harness_metrics():
    from harness.score.cards import METRICS
    return list(METRICS)
"""


def test_without_the_cores_plugin_a_run_keeps_its_answers_and_says_why_there_is_no_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.py").write_text(OWN)
    Path("m.yaml").write_text(
        "name: m\ntasks: [{use: miniature/technical, with: {items: 8}, format: own/tagged}]\njudges: [{use: prior}]\n"
    )
    blocked = ["--no-plugin", "harness", "-p", "own.py"]
    for verb, code in ((["run", "m.yaml"], 0), (["score", "FOLDER"], 2)):
        folder = str(next(iter(Path("runs").glob("m-*")), ""))
        with pytest.raises(SystemExit) as ended:
            main([*blocked, *(folder if word == "FOLDER" else word for word in verb)])
        assert ended.value.code == code
        assert "no plugin reports it; is `harness` blocked by --no-plugin?" in capsys.readouterr().err
    assert len(load_run(Path(folder)).cells) == 1
