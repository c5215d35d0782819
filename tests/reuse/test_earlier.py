"""Answers of earlier runs of a manifest are taken over, where and only where nothing else could come out."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from harness.api import Judgement, Request, Score
from harness.cli import main
from harness.discovery import Plugins
from harness.formats.tagged import TaggedFormat
from harness.manifest.load import load_manifest
from harness.reuse.earlier import MOST_RUNS, _read, find_earlier
from harness.runner.folder import JOURNAL
from harness.runner.plan import build_plan
from harness.runner.requests import stream_requests
from harness.runner.rows import judgement_row

PLUGIN = '''
import os
from pathlib import Path

from pydantic import BaseModel

from harness.api import JudgeCard, Judgement, Status, UserError, hookimpl


class Options(BaseModel):
    tone: str = "dry"


class Judge:
    """Notes each question that it is asked, and that it was called at all."""

    def __init__(self, options, context):
        self.name = context.name

    def fingerprint(self):
        return os.environ.get("FINGERPRINT", "x")

    def judge(self, requests):
        with open("asked", "a") as stream:
            stream.write("called ")
        for number, request in enumerate(requests):
            with open("asked", "a") as stream:
                stream.write("asked ")
            if number == int(os.environ.get("STOP", "-1")):
                raise UserError("enough")
            if number == int(os.environ.get("FAIL", "-1")):
                yield request, Judgement.failure(Status.ERROR, "no")
                continue
            verdicts = request.space.verdicts()
            sure = dict(zip(verdicts, (0.75, 0.25))) if isinstance(verdicts[0], str) else None
            yield request, Judgement(status=Status.OK, verdict=verdicts[0], probabilities=sure, raw="dry \\N{SNOWMAN}")


@hookimpl
def harness_judges():
    return [JudgeCard(name="noted", summary="Notes.", factory=Judge, options=Options, api_version=1)]
'''
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a manifest of 20 questions in 10 items and 10 items."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "noting.py").write_text(PLUGIN, encoding="utf-8")
    (tmp_path / "m.yaml").write_text(
        "name: m\nrun: {limit: 10}\ntasks: [{use: miniature/technical}, {use: miniature/pairwise-safety}]\n"
        "judges: [{use: noting/noted}]\n",
        encoding="utf-8",
    )
    return tmp_path


@pytest.fixture
def run(here: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the manifest: the exit code, what was asked, and what was said."""

    def call(*arguments: str) -> tuple[int, str, str]:
        (here / "asked").write_text("")
        with pytest.raises(SystemExit) as caught:
            main(["-p", "noting.py", "run", "m.yaml", *arguments])
        said = capsys.readouterr()
        return int(str(caught.value.code)), (here / "asked").read_text(), said.out + said.err

    return call


METRIC = ("--set", "report.metric=kappa")
ALL = "called " + 10 * "asked " + "called " + 20 * "asked "


def newest(here: Path, runs: str = "runs") -> Path:
    return max((here / runs).glob("m-*"), key=lambda path: (path / "run.json").stat().st_mtime_ns)


def judgements(folder: Path) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(folder / JOURNAL)) as journal:
        return journal.execute("SELECT * FROM judgements ORDER BY 1, 2").fetchall()


def change(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / JOURNAL)) as journal, journal:
        for statement in statements:
            journal.execute(statement)
        journal.execute("UPDATE meta SET value='' WHERE key='published'")


def test_a_manifest_that_asks_the_same_asks_nothing(here: Path, run: Run) -> None:
    assert run()[:2] == (0, ALL)
    first = newest(here)
    dry = run(*METRIC, "--dry-run")[2]
    assert "30 answers would be taken over from runs/" in dry
    assert "2 cells, 30 requests, 0 already answered, 0 to ask" in dry
    code, asked, said = run(*METRIC)
    second = newest(here)
    assert (code, asked) == (0, ""), "the judge is not even called"
    assert f"30 answers taken over from {first.relative_to(here)}\n" in said
    assert json.loads((second / "run.json").read_text())["taken_over"] == {str(first.relative_to(here)): 30}
    assert judgements(second) == judgements(first)
    assert run(*METRIC, "--runs", "others")[:2] == (0, ALL), "another folder of runs"
    for name in ("scores.json", "leaderboard.json", "leaderboard.md"):
        assert (second / name).read_bytes() == (newest(here, "others") / name).read_bytes(), name
    assert "taken over" not in run(*METRIC)[2], "said once"


def test_a_higher_limit_asks_for_the_rest_and_a_lower_one_takes_what_it_asks(here: Path, run: Run) -> None:
    run()
    code, asked, said = run("--limit", "12")
    assert (code, asked.count("asked "), "30 answers taken over" in said) == (0, 2 + 4, True)
    code, asked, said = run("--limit", "3")
    assert (asked, "9 answers taken over" in said, len(judgements(newest(here)))) == ("", True, 9)
    code, asked, said = run("--set", "judges.0.with.tone=warm")
    assert asked == ALL, "another judge"


def test_it_can_be_refused(here: Path, run: Run) -> None:
    run()
    assert "taken over" not in run(*METRIC, "--no-reuse", "--dry-run")[2]
    assert run(*METRIC, "--no-reuse")[1] == ALL
    assert run(*METRIC, "--fresh")[1] == ALL
    assert "taken over" not in run(*METRIC, "--fresh", "--dry-run")[2]


@pytest.mark.parametrize("option", ["--fresh", "--no-reuse"])
def test_a_run_that_was_begun_without_goes_on_without(
    option: str, here: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    monkeypatch.setenv("STOP", "5")
    assert run(*METRIC, option)[0] == 2
    monkeypatch.delenv("STOP")
    code, asked, said = run(*METRIC)
    assert (code, asked.count("asked ") >= 25, "taken over" in said) == (0, True, False)
    # It can be had back, by asking for it.
    (here / "asked").write_text("")
    assert run("--set", "report.metric=macro_f1", option)[1] == ALL


def test_what_was_begun_and_stopped_takes_the_rest_once(here: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIL", "3")
    assert run()[0] == 3
    monkeypatch.delenv("FAIL")
    code, asked, said = run(*METRIC)
    assert (code, asked.count("asked "), "28 answers taken over" in said) == (0, 2, True), "errors are asked again"
    monkeypatch.setenv("FINGERPRINT", "")
    run("--set", "report.metric=macro_f1")
    code, asked, said = run("--set", "report.metric=macro_f1@category")
    assert (asked.count("asked "), "taken over" in said) == (30, False), "a judge that cannot be known again"


def test_a_shard_takes_its_part_and_gives_none(here: Path, run: Run) -> None:
    run("--shard", "1/2")
    assert run(*METRIC)[1] == ALL
    code, asked, said = run("--set", "report.metric=macro_f1", "--shard", "1/2")
    assert (code, asked, "answers taken over from" in said) == (0, "", True)


def test_no_other_folder_is_a_source(here: Path, run: Run) -> None:
    run()
    first = newest(here)
    os.rename(first, here / "elsewhere")
    assert find_earlier(here / "runs/m-000000000000") is None
    names = ["n-aaaaaaaaaaaa", "m-aaaaaaaaaaaa.old-1", "m-aaaaaaaaaaaa-shard-1-of-2", "m-aaaaaaaaaaa", "m-AAAAAAAAAAAA"]
    for name in [*names, "x-m-aaaaaaaaaaaa", "m-x-aaaaaaaaaaaa"]:
        os.rename(here / "elsewhere", here / "runs" / name)
        assert find_earlier(here / "runs/m-000000000000") is None, name
        os.rename(here / "runs" / name, here / "elsewhere")
    (here / "runs/m-aaaaaaaaaaaa").symlink_to(here / "elsewhere")
    assert find_earlier(here / "runs/m-000000000000") is None
    (here / "runs/m-bbbbbbbbbbbb").mkdir()
    os.mkfifo(here / "runs/m-bbbbbbbbbbbb" / JOURNAL)
    assert find_earlier(here / "runs/m-000000000000") is None
    for n in range(MOST_RUNS + 3):
        (here / f"runs/m-{n:012x}").mkdir()
        (here / f"runs/m-{n:012x}" / JOURNAL).write_text("no journal")
    assert run(*METRIC)[:2] == (0, ALL), "none of them is one"


HOSTILE = {
    "no answer of the space": ["UPDATE judgements SET verdict='\"perhaps\"'"],
    "no JSON": ["UPDATE judgements SET verdict='{'"],
    "deep JSON": [f"UPDATE judgements SET verdict='{'[' * 100_000}'"],
    "no known status": ["UPDATE judgements SET status='fine'"],
    "fields that there are not": ["UPDATE judgements SET more='{\"x\": 1}'"],
    "probabilities that are none": ["UPDATE judgements SET probabilities='{\"yes\": 7}'"],
    "numbers for texts": ["UPDATE judgements SET raw=7, more=7"],
    "another manifest": ['UPDATE meta SET value=replace(value, \'"name": "m"\', \'"name": "n"\') WHERE key=\'plan\''],
    "no plan": ["UPDATE meta SET value='[]' WHERE key='plan'"],
    "a view": [
        "ALTER TABLE judgements RENAME TO kept",
        "CREATE VIEW judgements AS SELECT * FROM kept",
    ],
    "no table": ["DROP TABLE judgements"],
    "another schema": ["UPDATE meta SET value='99' WHERE key='schema'"],
}


def test_what_does_not_fit_is_no_answer(here: Path, run: Run) -> None:
    run()
    folder = newest(here)
    plugins = Plugins.load(extra=["noting.py"])
    plan = build_plan(load_manifest(here / "m.yaml", plugins=plugins), plugins, workspace=here / "work")
    judge = plan.judges[0].key
    requests = [found.request for task in plan.tasks for found in stream_requests(task) if found.request is not None]

    def count() -> int:
        known = find_earlier(here / "runs/m-000000000000")
        assert known is not None
        found = known.find(judge, requests)
        known.close()
        return len(found)

    assert count() == len(requests) == 30
    whole = (folder / JOURNAL).read_bytes()
    for case, statements in HOSTILE.items():
        (folder / JOURNAL).write_bytes(whole)
        change(folder, *statements)
        assert count() == 0, case


def test_a_damaged_journal_is_no_source(here: Path, run: Run) -> None:
    run("--limit", "200")
    journal = newest(here) / JOURNAL
    with closing(sqlite3.connect(journal)) as opened:
        opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = opened.execute("PRAGMA page_size").fetchone()[0]
    content = bytearray(journal.read_bytes())
    pages = len(content) // size
    for page in range(pages // 2, pages):  # swapped with its neighbour, so that each of them alone is sound
        content[page * size : (page + 1) * size] = content[(page - 1) * size : page * size]
    journal.write_bytes(content)
    code, _, said = run(*METRIC)
    assert (code, "taken over" in said) == (0, False)


def test_a_plugin_can_know_answers(here: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    text = (
        PLUGIN
        + """

class Known:
    def find(self, judge, requests):
        assert len({request.key for request in requests}) == len(requests)
        return {request.key: ("a cache", Judgement.of(request.space.verdicts()[-1])) for request in requests[::2]}

    def close(self):
        Path("closed").touch()


@hookimpl
def harness_answers_known(folder):
    return Known()
"""
    )
    (here / "noting.py").write_text(text, encoding="utf-8")
    code, asked, said = run()
    assert (code, asked.count("asked "), "15 answers taken over from a cache" in said) == (0, 15, True)
    assert (here / "closed").exists()


def test_a_score_of_an_earlier_journal_is_taken_over_as_the_value_of_its_step() -> None:
    asked = Request(task="t", item="i", messages=(), space=Score(0, 1, 0.1), format=TaggedFormat())
    given = Judgement.of(0.30000000000000004, raw="said")
    assert _read(judgement_row(given), asked) == Judgement.of(0.3, raw="said")
    assert _read(judgement_row(Judgement.of(0.35)), asked) is None
