"""Recorded answers read again: real runs of a plugin whose format changes between the run and the second reading."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.api import JournalError, Judgement, Request, Score
from harness.cli import main
from harness.discovery import Plugins
from harness.recorded.journal import RecordedJournal
from harness.report.reread import CellReread, _is_sure, reread_run
from harness.runner.rows import JudgementRow, judgement_row

READER = '''
import dataclasses
from pathlib import Path

from harness.api import (
    Choice, FormatCard, Item, Judgement, JudgeCard, Message, Protocol, Reading, Request, Status, TaskCard, hookimpl,
    majority_vote
)

TEXTS = [line.replace("/", chr(10)) for line in Path("texts.txt").read_text().splitlines()]


class Words:
    """Reads the first word of an answer, or the last one."""

    name = "reader/words"

    def instruction(self, space):
        return "Answer:"

    def parse(self, text, request):
        words = text.split()
        verdict = request.space.read(words[PLACE]) if words else None
        return Reading(verdict=verdict, rationale=text, problem="" if verdict else PROBLEM)

    def write(self, verdict, space, rationale=""):
        return space.name(verdict)


class Task:
    protocol, format = Protocol(), "reader/words"

    def items(self, split):
        for number, _ in enumerate(TEXTS):
            yield Item(id=f"i{number}", group=str(number), space=Choice(("yes", "no")), gold="yes",
                       question=(f"Is it {number}?",))

    def render(self, item, *, order, format):
        return Request(task="?", item=item.id, messages=(Message("user", (*item.question, WORDING)),),
                       space=item.space, format=format, order=order)

    def fingerprint(self):
        return FINGERPRINT


class Judge:
    def judge(self, requests):
        for request in requests:
            text = TEXTS[int(request.item[1:])]
            kind, _, text = text.partition(": ")
            yield request, self.say(kind, text, request)

    def say(self, kind, text, request):
        assert ASKED, "a judge was asked"
        if kind == "read":
            return request.read(text, prompt_tokens=7, latency_s=0.5, model="m")
        if kind == "sure":
            return request.read(text, probabilities={"yes": 0.9, "no": 0.1})
        if kind == "apart":
            return request.read(text, reasoning="long thoughts no")
        if kind == "given":
            return Judgement.of("yes", raw=text)
        if kind == "voted":
            return majority_vote([request.read(text), request.read(text)], request)
        if kind == "refused":
            return Judgement.failure(Status.REFUSED, "declined", raw=text)
        return Judgement.failure(Status.ERROR, "broken", raw=text)

    def fingerprint(self):
        return "judge"


@hookimpl
def harness_formats():
    return [FormatCard(name="words", summary="Words.", factory=lambda options, context: Words())]


@hookimpl
def harness_tasks():
    return [TaskCard(name="task", summary="Task.", factory=lambda options, context: Task())]


@hookimpl
def harness_judges():
    return [JudgeCard(name="judge", summary="Judge.", factory=lambda options, context: Judge())]
'''
FIRST = {"PLACE": 0, "PROBLEM": "no verdict", "WORDING": "Say.", "FINGERPRINT": "1", "ASKED": True}
MANIFEST = "name: m\ntasks: [{use: reader/task, name: t}]\njudges: [{use: reader/judge, name: j}]\n"
TEXTS = [
    "read: yes and then no",
    "sure: yes it is yes",
    "sure: yes it is no",
    "read: well it is no",
    "read: mumble",
    "apart: yes",
    "given: no no no",
    "voted: yes and then no",
    "refused: no",
]

Start = Callable[..., Path]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """`start(*texts)`: a run of these answers, read by their first words."""
    monkeypatch.chdir(tmp_path)

    def go(*texts: str, code: int = 0) -> Path:
        Path("texts.txt").write_text("\n".join(texts), encoding="utf-8")
        Path("m.yaml").write_text(MANIFEST, encoding="utf-8")
        plugin(**FIRST)
        assert command("run", "m.yaml") == code
        [folder] = Path("runs").glob("m-*")
        return folder

    return go


def plugin(**changes: object) -> None:
    """Today's plugin: as it was, but for the changes. By default no judge may be asked, and the last word counts."""
    values = {**FIRST, "ASKED": False, "PLACE": -1, **changes}
    Path("reader.py").write_text(READER + "".join(f"\n{k} = {v!r}" for k, v in values.items()), encoding="utf-8")


def command(*arguments: object) -> object:
    with pytest.raises(SystemExit) as ended:
        main(["-p", "reader.py", *map(str, arguments)])
    return ended.value.code


def reread(folder: Path, *, dry_run: bool = False) -> CellReread:
    [cell] = reread_run(folder, Plugins.load(extra=("reader.py",)), dry_run=dry_run)
    return cell


def rows(folder: Path) -> dict[str, dict[str, Any]]:
    with sqlite3.connect(folder / "journal.sqlite") as db:
        db.row_factory = sqlite3.Row
        found = db.execute("SELECT a.item, j.* FROM asks a JOIN judgements j ON j.request=a.request").fetchall()
    return {row["item"]: dict(row) for row in found}


def reports(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith("journal.")}


def summary(cell: CellReread) -> dict[str, int]:
    return {f"{before} → {after}": count for (before, after), count in cell.counts.items()}


def test_what_changed_is_counted_and_written_and_no_judge_is_asked(start: Start) -> None:
    folder = start(*TEXTS)
    plugin()
    cell = reread(folder)
    assert summary(cell) == {"yes → no": 2, "(unparsed: no verdict) → no": 1}
    assert (cell.read, cell.kept, cell.unsure) == (6, 3, 0)
    assert [one.item for one in cell.changed] == ["i0", "i2", "i3"]
    found = rows(folder)
    assert {item: found[item]["verdict"] for item in ("i0", "i1", "i2", "i3")} == {
        "i0": '"no"',
        "i1": '"yes"',
        "i2": '"no"',
        "i3": '"no"',
    }
    assert found["i3"]["status"] == "ok"
    more = json.loads(found["i0"]["more"])
    assert (more["prompt_tokens"], more["latency_s"], more["model"]) == (7, 0.5, "m")
    assert summary(reread(folder)) == {}


def test_probabilities_stay_where_the_verdict_does_and_go_where_it_changes(start: Start) -> None:
    folder = start(*TEXTS)
    plugin()
    reread(folder)
    found = rows(folder)
    assert json.loads(found["i1"]["probabilities"]) == {"yes": 0.9, "no": 0.1}
    assert found["i2"]["probabilities"] is None


def test_a_verdict_that_no_text_was_read_for_is_never_touched(start: Start) -> None:
    folder = start(*TEXTS, "error: no", code=3)
    before = rows(folder)
    plugin()
    reread(folder)
    after = rows(folder)
    for item in ("i5", "i6", "i7", "i8", "i9"):
        assert after[item] == before[item], item
    assert (after["i6"]["verdict"], after["i8"]["status"], after["i9"]["status"]) == ('"yes"', "refused", "error")


def test_reasoning_of_its_own_field_is_handed_to_the_reader_as_such(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = start(*TEXTS)
    heard: dict[str, dict[str, Any]] = {}
    real = Request.read

    def read(self: Request, raw: str, **fields: Any) -> Judgement:
        heard[self.item] = {"raw": raw, **fields}
        return real(self, raw, **fields)

    with sqlite3.connect(folder / "journal.sqlite") as db:
        for item, more in (("i0", {"cut": "max_tokens"}), ("i1", {"thinking": "opened"})):
            old = json.loads(rows(folder)[item]["more"])
            key = rows(folder)[item]["request"]
            db.execute("UPDATE judgements SET more=? WHERE request=?", (json.dumps({**old, **more}), key))
    plugin()
    monkeypatch.setattr(Request, "read", read)
    reread(folder, dry_run=True)
    assert heard["i0"] == {"raw": "yes and then no", "reasoning": "", "opened": False, "cut": "max_tokens"}
    assert heard["i1"]["opened"] is True
    assert heard["i5"] == {"raw": "yes", "reasoning": "long thoughts no", "opened": False, "cut": ""}


def test_what_was_before_can_be_put_back(start: Start) -> None:
    folder = start(*TEXTS)
    before = rows(folder)
    plugin()
    reread(folder)
    with sqlite3.connect(folder / "journal.sqlite") as db:
        db.execute(
            "UPDATE judgements SET (status, verdict, probabilities, more) = "
            "(SELECT status, verdict, probabilities, more FROM replaced r "
            "WHERE r.judge=judgements.judge AND r.request=judgements.request) "
            "WHERE (judge, request) IN (SELECT judge, request FROM replaced)"
        )
    assert rows(folder) == before


def test_a_dry_run_says_the_same_and_changes_no_byte(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    folder = start(*TEXTS)
    plugin()
    before = reports(folder), rows(folder)
    capsys.readouterr()
    assert command("score", folder, "--reread", "--dry-run") == 0
    said = capsys.readouterr()
    assert "t · j: 3 of 6 answers are read otherwise\n  yes → no: 2\n    item i0: yes and then no\n" in said.out
    assert "  (unparsed: no verdict) → no: 1\n    item i3: well it is no\n" in said.out
    assert "nothing was written (--dry-run)" in said.err
    assert "3 that no text was read for" in said.err
    assert (reports(folder), rows(folder)) == before


def test_the_verb_writes_the_reports_again(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    folder = start(*TEXTS)
    plugin()
    old = json.loads((folder / "leaderboard.json").read_text())["rows"][0]
    capsys.readouterr()
    assert command("score", folder, "--reread") == 0
    assert "t · accuracy, %" in capsys.readouterr().out
    new = json.loads((folder / "leaderboard.json").read_text())["rows"][0]
    assert (old["histogram"], old["unread"]) == ({"no": 0, "yes": 6}, {"no verdict": 2, "refused": 1})
    assert (new["histogram"], new["unread"]) == ({"no": 3, "yes": 4}, {"no verdict": 1, "refused": 1})


def test_programs_get_every_change(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    folder = start(*TEXTS)
    plugin()
    capsys.readouterr()
    assert command("score", folder, "--reread", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    [cell] = said["cells"]
    assert (said["schema"], said["dry_run"]) == ("judge-harness/reread/1", False)
    assert (cell["task"], cell["judge"], cell["read"], cell["kept"], len(cell["changed"])) == ("t", "j", 6, 3, 3)
    assert cell["changed"][2] == {
        "item": "i3",
        "order": [],
        "sample": 0,
        "before": {"status": "unparsed", "verdict": None, "reason": "no verdict"},
        "after": {"status": "ok", "verdict": "no", "reason": None},
    }
    assert sum(change["count"] for change in cell["changes"]) == 3


def test_a_new_reason_is_a_change_too(start: Start) -> None:
    folder = start(*TEXTS)
    plugin(PLACE=0, PROBLEM="ambiguous: this or that")
    assert summary(reread(folder)) == {"(unparsed: no verdict) → (unparsed: ambiguous)": 2}


def test_a_run_after_it_does_not_read_back_the_older_reports(start: Start) -> None:
    folder = start("read: yes and then no", "read: yes it is yes")  # so that the counts by status stay
    plugin()
    stale = (folder / "leaderboard.json").read_bytes()
    reread(folder)
    assert (folder / "leaderboard.json").read_bytes() == stale, "as after a crash between the two steps"
    assert command("run", "m.yaml") == 0
    row = json.loads((folder / "leaderboard.json").read_text())["rows"][0]
    assert (row["value"], row["histogram"]) == (0.5, {"no": 1, "yes": 1})


def test_one_failure_leaves_everything_as_it_was(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = start(*TEXTS)
    before = rows(folder)
    plugin()
    calls: list[int] = []

    def third(judgement: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return judgement_row(judgement)

    monkeypatch.setattr("harness.recorded.journal.judgement_row", third)
    with pytest.raises(KeyboardInterrupt):
        reread(folder)
    assert rows(folder) == before
    with sqlite3.connect(folder / "journal.sqlite") as db:
        assert db.execute("SELECT count(*) FROM replaced").fetchone() == (0,)


# -- journals of earlier versions, which did not record where a verdict came from -----------------------------------


def as_before(folder: Path) -> None:
    """Take the record of what was read out of a journal."""
    with sqlite3.connect(folder / "journal.sqlite") as db:
        for request, more in db.execute("SELECT request, more FROM judgements").fetchall():
            plain = {key: value for key, value in json.loads(more).items() if key != "read"}
            db.execute("UPDATE judgements SET more=? WHERE request=?", (json.dumps(plain), request))
        db.execute("DROP TABLE replaced")


def test_an_older_journal_is_read_by_status_and_text(start: Start) -> None:
    folder = start(*TEXTS, "given: 0.25 0.75", "given: rather the other one", code=0)
    as_before(folder)
    plugin()
    cell = reread(folder)
    assert summary(cell) == {"yes → no": 2, "(unparsed: no verdict) → no": 1}
    assert cell.unsure == 3, "no verdict of theirs stands in these texts"
    assert cell.kept == 2, "a vote, and a refusal"
    assert rows(folder)["i6"]["verdict"] == '"yes"'


def test_an_answer_that_was_truncated_is_read_as_one_that_was_cut(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = start("read: mumble")
    as_before(folder)
    with sqlite3.connect(folder / "journal.sqlite") as db:
        db.execute("UPDATE judgements SET status='truncated'")
    heard: list[str] = []
    real = Request.read

    def read(self: Request, raw: str, *, cut: str = "", **fields: Any) -> Judgement:
        heard.append(cut)
        return real(self, raw, cut=cut, **fields)

    monkeypatch.setattr(Request, "read", read)
    plugin()
    reread(folder, dry_run=True)
    assert heard == ["cut off"]


@pytest.mark.parametrize(
    ("raw", "sure"),
    [("4", False), ("0.2 4 1e-3", False), ("Score: 4", True), ("four out of five", False), ("14 points", False)],
)
def test_a_number_among_numbers_may_be_a_score_and_no_answer(raw: str, sure: bool) -> None:
    judgement = Judgement.of(4.0, raw=raw)
    old = JudgementRow("ok", "4.0", None, raw, "{}")
    assert _is_sure(old, judgement, Score(1, 5)) is sure
    assert _is_sure(old._replace(more='{"read": true}'), judgement, Score(1, 5))


# -- when the questions cannot be asked as they were -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"FINGERPRINT": "2"}, r"task 't' is not what it was when the run asked it .* version of reader/task"),
        ({"WORDING": "Speak."}, r"task 't', item 'i0' is not what the run asked: the data, or the wording"),
    ],
)
def test_a_question_that_changed_is_an_error_and_nothing_is_written(
    start: Start, changes: dict[str, object], says: str
) -> None:
    folder = start(*TEXTS)
    before = rows(folder)
    plugin(**changes)
    with pytest.raises(JournalError, match=says):
        reread(folder)
    assert rows(folder) == before


def test_items_that_are_gone_are_an_error(start: Start) -> None:
    folder = start(*TEXTS)
    Path("texts.txt").write_text("\n".join(TEXTS[:-2]), encoding="utf-8")
    plugin()
    with pytest.raises(JournalError, match="2 recorded requests of task 't' are none of its questions now"):
        reread(folder)


def test_data_that_are_gone_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    place = Path("data/image_generation")
    (place / "outputs").mkdir(parents=True)
    (place / "items.jsonl").write_text('{"idx": 0, "prompt": "a", "human_vote": "leftvote"}\n', encoding="utf-8")
    (place / "outputs" / "j.jsonl").write_text('{"idx": 0, "response": "[[A>B]]"}\n', encoding="utf-8")
    Path("m.yaml").write_text(
        "name: m\ntasks: [{use: preference/genai-bench, data: data}]\n"
        "judges: [{use: baselines/replay, with: {answers: data}}]\n",
        encoding="utf-8",
    )
    with pytest.raises(SystemExit):
        main(["run", "m.yaml"])
    [folder] = Path("runs").glob("m-*")
    (place / "outputs" / "j.jsonl").unlink()
    assert sum(cell.read for cell in reread_run(folder, Plugins.load(), dry_run=False)) == 1, "judges are not needed"
    Path("data").rename("moved")
    with pytest.raises(JournalError, match=f"cannot: .*there is nothing at {re.escape(str(tmp_path / 'data'))}"):
        reread_run(folder, Plugins.load(), dry_run=True)
    (folder / "manifest.yaml").unlink()
    with pytest.raises(JournalError, match=r"has no manifest\.yaml"):
        reread_run(folder, Plugins.load(), dry_run=True)


def test_another_process_that_holds_the_run_is_told(start: Start) -> None:
    from harness.runner.folder import lock_folder

    folder = start(*TEXTS)
    plugin()
    with lock_folder(folder), pytest.raises(JournalError, match="another harness process"):
        reread(folder)


def test_a_shard_is_read_again_by_itself(start: Start) -> None:
    start(*TEXTS)
    assert command("run", "m.yaml", "--shard", "1/2") in (0, 3)
    [shard] = Path("runs").glob("m-*-shard-1-of-2")
    plugin(PLACE=0)
    cell = reread(shard)
    assert 0 < cell.read + cell.kept < len(TEXTS)


@pytest.mark.parametrize("option", ["--dry-run", "--json"])
def test_its_options_need_it(option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["score", str(tmp_path), option])
    assert ended.value.code == 2
    assert "are for --reread" in capsys.readouterr().err


def test_the_journal_keeps_whether_a_text_was_read(tmp_path: Path) -> None:
    journal = RecordedJournal(tmp_path / "journal.sqlite")
    with journal.transaction():
        journal.add_judgements(
            "j", [("a", Judgement.of("yes", raw="x")), ("b", Judgement.of("yes", raw="x", read=True))]
        )
    mores = {key: json.loads(row.more) for key, row in journal.find_judgements("j", ["a", "b"]).items()}
    journal.close()
    assert mores == {"a": {"read": False}, "b": {"read": True}}


SLOPPY = """
import datetime, enum
from typing import Any
from pydantic import BaseModel, ConfigDict, Field
from harness.api import Item, Message, Protocol, Request, Rubric, Score, TaskCard, hookimpl

class Size(enum.Enum):
    SMALL = "small"

class Inner(BaseModel):
    step: float = 1
    parts: tuple[str, ...] = ["a", "b"]

class Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    low: float = 0
    high: float = 4
    step: float = 1
    inner: Inner = Inner()
    given: Inner = Inner()
    several: list[Inner] = [Inner()]
    named: dict[str, Inner] = {}
    parts: tuple[str, ...] = ["a", "b"]
    size: Size = "small"
    day: datetime.date = "2026-01-31"
    nothing: str = None
    perhaps: int | None = None
    loose: Any = 1
    late: float = Field(default_factory=lambda: 2, alias="later")

class Task:
    protocol, format = Protocol(), "tagged"
    def __init__(self, options):
        self.options = options
        scale = Score(options.low, options.high, options.step)
        self.space = Rubric((("first", scale), ("second", Score(0, 4, options.inner.step)))) if RUBRIC else scale
    def items(self, split):
        yield Item(id="i", group="g", space=self.space, gold=(1, 2.0) if RUBRIC else 1,
                   question=(f"How good? {self.options!r}",))
    def render(self, item, *, order, format):
        return Request(task="?", item=item.id, messages=(Message("user", item.question),), space=item.space,
                       format=format, order=order)
    def fingerprint(self):
        return repr(self.options)

@hookimpl
def harness_tasks():
    return [TaskCard(name="task", summary="Task.", options=Options, factory=lambda options, context: Task(options))]
"""


@pytest.mark.parametrize("rubric", [False, True])
def test_defaults_that_are_not_of_their_type_ask_the_same_when_read_again(
    rubric: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sloppy.py").write_text(SLOPPY.replace("RUBRIC", str(rubric)), encoding="utf-8")
    Path("m.yaml").write_text(
        "name: m\njudges: [{use: random}]\ntasks: [{use: sloppy/task, name: t, with: "
        "{given: {step: 2}, several: [{}], named: {x: {}}}}]\n",
        encoding="utf-8",
    )
    plugins = Plugins.load(extra=("sloppy.py",))
    with pytest.raises(SystemExit) as ended:
        main(["-p", "sloppy.py", "run", "m.yaml"])
    assert ended.value.code == 0
    [folder] = Path("runs").glob("m-*")
    with sqlite3.connect(folder / "journal.sqlite") as db:
        [(said,)] = db.execute("SELECT content FROM requests").fetchall()
    assert "parts=('a', 'b')" in said
    assert "step=1.0" in said
    [cell] = reread_run(folder, plugins, dry_run=False)
    assert cell.read + cell.kept == 1


@pytest.mark.parametrize(
    ("use", "options"),
    [
        ("score", "gold: gold, low: 1, high: 5"),
        ("score", "gold: gold, low: 1, high: 5, step: 1"),
        ("score", "gold: gold, low: 1.0, high: 5.0, step: 0.5"),
        ("score", "gold: gold, low: 0, high: 5, step: 0"),
        ("pointwise", "gold: label, answers: ['1', '2.0']"),
        ("pairwise", "gold: label, labels: {'1': first, '2.0': second}, candidate_texts: [a, b]"),
        ("pairwise", "gold: label, labels: {'1': first, '2.0': second, '3': tie}, candidate_texts: [a, b]"),
        ("ranking", "gold: ranking, gold_is: ranks, candidate_texts: [a, b]"),
        (
            "rubric",
            (
                "criteria: {good: {gold: gold, low: 1, high: 5}, it: {gold: label, labels: {'1': first, x: second}}}, "
                "candidate_texts: [a, b]"
            ),
        ),
    ],
)
def test_every_kind_of_answer_can_be_read_again(
    use: str, options: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    row = {"q": "How?", "gold": 3, "label": "1", "a": "x", "b": "y", "ranking": [2, 1.0]}
    Path("d.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    Path("m.yaml").write_text(
        f"name: m\njudges: [{{use: random}}]\ntasks: [{{use: generic/{use}, data: d.jsonl, "
        f"with: {{question: '{{q}}', {options}}}}}]\n",
        encoding="utf-8",
    )
    with pytest.raises(SystemExit) as ended:
        main(["run", "m.yaml"])
    assert ended.value.code == 0
    [folder] = Path("runs").glob("m-*")
    [cell] = reread_run(folder, Plugins.load(), dry_run=False)
    assert cell.read + cell.kept >= 1


def test_a_scale_that_was_recorded_with_other_numbers_of_the_same_worth_asks_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Earlier versions asked with a step of 1 where none was given, and of 1.0 where it was."""
    test_every_kind_of_answer_can_be_read_again("score", "gold: gold, low: 1, high: 5", tmp_path, monkeypatch)
    [folder] = Path("runs").glob("m-*")
    with sqlite3.connect(folder / "journal.sqlite") as db:
        db.execute("UPDATE requests SET key='old', content=replace(content, '\"step\":1}', '\"step\":1.0}')")
        db.execute("UPDATE asks SET request='old'")
        db.execute("UPDATE judgements SET request='old'")
    [cell] = reread_run(folder, Plugins.load(), dry_run=False)
    assert cell.read + cell.kept == 1
    with sqlite3.connect(folder / "journal.sqlite") as db:
        db.execute("UPDATE requests SET content=replace(content, '\"step\":1.0}', '\"step\":2.0}')")
    with pytest.raises(JournalError, match="is not what the run asked"):
        reread_run(folder, Plugins.load(), dry_run=False)
