"""What a run says on stderr: lines anywhere, bars on a terminal."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from harness import progress
from harness.cli import main
from harness.progress import Bars, LineProgress, make_progress


class Clock:
    """The clock of `progress`, moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr("harness.progress.time.monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_a_cell_ends_with_its_requests_coverage_and_rate(clock: Clock) -> None:
    stream = io.StringIO()
    with LineProgress(stream) as lines:
        lines.start("j", "t", total=2000, done=0, answered=0)
        clock.now += 4
        lines.update(done=2000, answered=1500)
        assert stream.getvalue() == ""
        lines.end()
    assert stream.getvalue() == "t · j: 2,000 of 2,000 requests, coverage 75.0 %, 500/s\n"


def test_in_between_a_line_comes_now_and_then_with_the_time_that_is_left(clock: Clock) -> None:
    stream = io.StringIO()
    lines = LineProgress(stream)
    lines.start("j", "t", total=100, done=0, answered=0)
    for _ in range(10):
        clock.now += progress.LINE_EVERY_S / 5
        lines.update(done=25, answered=25)
    said = stream.getvalue().splitlines()
    assert said == [
        "t · j: 25 of 100 requests, coverage 100.0 %, 2/s; 25 of 100 requests in all, 0:00:30 left",
        "t · j: 25 of 100 requests, coverage 100.0 %, 1/s; 25 of 100 requests in all, 0:01:00 left",
    ]


def test_what_the_journal_has_already_is_no_part_of_the_rate(clock: Clock) -> None:
    stream = io.StringIO()
    lines = LineProgress(stream)
    lines.start("j", "t", total=None, done=900, answered=900)
    clock.now += 1
    lines.update(done=1000, answered=1000)
    lines.end()
    assert stream.getvalue().splitlines() == [
        "t · j: 900 already in the journal",
        "t · j: 1,000 requests, coverage 100.0 %, 100/s",
    ]


def test_a_cell_of_which_nothing_is_done_has_no_rate(clock: Clock) -> None:
    stream = io.StringIO()
    lines = LineProgress(stream)
    lines.start("j", "t", total=3, done=0, answered=0)
    lines.end()
    assert stream.getvalue() == "t · j: 0 of 3 requests\n"


def test_the_time_left_is_that_of_all_judges_each_at_its_own_pace(clock: Clock) -> None:
    stream = io.StringIO()
    lines = LineProgress(stream)
    for judge in ("quick", "slow", "unseen"):
        for task in ("x", "y"):
            lines.expect(judge, task, total=100, done=0, answered=0)
    lines.start("quick", "x", total=100, done=0, answered=0)
    clock.now += progress.LINE_EVERY_S
    lines.update(done=100, answered=100)
    assert stream.getvalue().splitlines()[-1].endswith("; 100 of 600 requests in all, at least 0:00:10 left")
    lines.end()
    lines.start("slow", "x", total=100, done=50, answered=50)  # what the journal has is no part of its pace
    clock.now += progress.LINE_EVERY_S
    lines.update(done=60, answered=60)
    # 100 of `quick` at 10/s, and 140 of `slow` at 1/s
    assert stream.getvalue().splitlines()[-1].endswith("; 160 of 600 requests in all, at least 0:02:30 left")


def test_a_label_cannot_write_to_the_terminal(clock: Clock) -> None:
    stream = io.StringIO()
    lines = LineProgress(stream)
    lines.start("j", "t\x1b[31m", total=1, done=1, answered=1)
    assert "\x1b" not in stream.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_bars_are_for_terminals_and_lines_for_all_else() -> None:
    assert isinstance(make_progress(Terminal()), Bars)
    assert isinstance(make_progress(io.StringIO()), LineProgress)


def test_a_judge_has_one_bar_over_all_its_tasks_and_the_run_has_another(clock: Clock) -> None:
    bars = Bars()
    bars.update(done=1, answered=1)  # before any cell: nothing to move
    bars.end()
    for judge in ("j", "k"):
        for task in ("s", "t"):
            bars.expect(judge, task, total=110, done=0, answered=0)
    bars.start("j", "s", total=110, done=10, answered=10)
    clock.now += 2
    bars.update(done=110, answered=55)
    bars.end()
    bars.start("j", "t", total=110, done=0, answered=0)
    own, whole = bars._progress.tasks
    assert (own.description, own.completed, own.total) == ("j", 110, 220)
    assert own.fields["said"] == "t · coverage 50.0 % · 50/s"
    assert (whole.description, whole.completed, whole.total) == ("all", 110, 440)
    assert whole.fields["said"] == "0 of 2 judges done · at least 0:00:02 left"


def test_what_the_journal_has_of_a_judge_counts_for_its_coverage(clock: Clock) -> None:
    """A run that goes on: two tasks are done with half of their verdicts, and the third is under way."""
    bars = Bars()
    for task, done, answered in (("s", 100, 50), ("t", 100, 50), ("u", 0, 0)):
        bars.expect("j", task, total=100, done=done, answered=answered)
    bars.start("j", "u", total=100, done=40, answered=20)
    clock.now += 1
    bars.update(done=60, answered=30)
    own, whole = bars._progress.tasks
    assert own.fields["said"] == "u · coverage 50.0 % · 20/s"
    assert (own.completed, whole.completed) == (260, 260)


def test_no_verdict_at_all_is_a_coverage_too(clock: Clock) -> None:
    bars = Bars()
    bars.start("j", "t", total=10, done=0, answered=0)
    clock.now += 1
    bars.update(done=10, answered=0)
    assert bars._progress.tasks[0].fields["said"] == "t · coverage 0.0 % · 10/s"


def test_a_judge_that_is_done_leaves_one_line(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    bars = Bars()
    for judge in ("j", "k"):
        bars.expect(judge, "t", total=10, done=0, answered=0)
    bars.start("j", "t", total=10, done=0, answered=0)
    clock.now += 2
    bars.update(done=10, answered=9)
    bars.end()
    assert capsys.readouterr().err == "j: 10 requests, coverage 90.0 %, 5/s\n"
    assert [bar.description for bar in bars._progress.tasks] == ["all"]
    bars.beside().start("k", "t", total=10, done=0, answered=0)
    assert [bar.description for bar in bars._progress.tasks] == ["all", "k"]


def test_bars_are_drawn_while_a_run_goes_on_and_no_longer() -> None:
    bars = Bars()
    with bars:
        assert bars._progress.live.is_started
    assert not bars._progress.live.is_started


SHOWS = """
from harness.api import CellProgress, hookimpl


class Ticker(CellProgress):
    def end(self):
        print("one more cell is over")


@hookimpl
def harness_progress_wanted():
    return Ticker()
"""


def test_a_plugin_shows_the_progress_in_place_of_the_core(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = tmp_path / "two.yaml"
    manifest.write_text(
        "name: two\ntasks: [{use: miniature/safety, limit: 8}]\n"
        "judges: [{use: baselines/constant, with: {answer: 'yes'}}, {use: baselines/random}]\n"
    )
    (tmp_path / "ticker.py").write_text(SHOWS)
    with pytest.raises(SystemExit) as ended:
        main(["-p", str(tmp_path / "ticker.py"), "run", str(manifest), "--runs", str(tmp_path / "runs")])
    printed = capsys.readouterr()
    assert ended.value.code == 0
    assert printed.out.count("one more cell is over") == 2
    # The lines of the core's own display.
    assert "miniature/safety · " not in printed.err
    assert "8 of 8 requests" not in printed.err
