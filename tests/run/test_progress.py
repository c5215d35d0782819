"""What a run says on stderr: lines anywhere, bars on a terminal."""

from __future__ import annotations

import io

import pytest

from harness.run import progress
from harness.run.progress import Bars, Lines, make_progress


class Clock:
    """The clock of `progress`, moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr("harness.run.progress.time.monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_a_cell_ends_with_its_requests_coverage_and_rate(clock: Clock) -> None:
    stream = io.StringIO()
    with Lines(stream) as lines:
        lines.start("t · j", total=2000, done=0)
        clock.now += 4
        lines.update(done=2000, answered=1500)
        assert stream.getvalue() == ""
        lines.end()
    assert stream.getvalue() == "t · j: 2,000 of 2,000 requests, coverage 75.0 %, 500/s\n"


def test_in_between_a_line_comes_now_and_then_with_the_time_that_is_left(clock: Clock) -> None:
    stream = io.StringIO()
    lines = Lines(stream)
    lines.start("t · j", total=100, done=0)
    for _ in range(10):
        clock.now += progress.LINE_EVERY_S / 5
        lines.update(done=25, answered=25)
    said = stream.getvalue().splitlines()
    assert said == [
        "t · j: 25 of 100 requests, coverage 100.0 %, 2/s, 30 s left",
        "t · j: 25 of 100 requests, coverage 100.0 %, 1/s, 60 s left",
    ]


def test_what_the_journal_has_already_is_no_part_of_the_rate(clock: Clock) -> None:
    stream = io.StringIO()
    lines = Lines(stream)
    lines.start("t · j", total=None, done=900)
    clock.now += 1
    lines.update(done=1000, answered=1000)
    lines.end()
    assert stream.getvalue().splitlines() == [
        "t · j: 900 already in the journal",
        "t · j: 1,000 requests, coverage 100.0 %, 100/s",
    ]


def test_a_note_stands_in_place_of_the_figures_and_nothing_done_has_none(clock: Clock) -> None:
    stream = io.StringIO()
    lines = Lines(stream)
    lines.start("t · j", total=3, done=0)
    lines.end()
    lines.end("nothing to do")
    assert stream.getvalue() == "t · j: 0 of 3 requests\nt · j: nothing to do\n"


def test_a_label_cannot_write_to_the_terminal(clock: Clock) -> None:
    stream = io.StringIO()
    lines = Lines(stream)
    lines.start("t\x1b[31m · j", total=1, done=1)
    assert "\x1b" not in stream.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_bars_are_for_terminals_and_lines_for_all_else() -> None:
    assert isinstance(make_progress(Terminal()), Bars)
    assert isinstance(make_progress(io.StringIO()), Lines)


def test_a_bar_shows_rate_and_coverage_and_is_full_at_the_end(clock: Clock) -> None:
    bars = Bars()
    bars.update(done=1, answered=1)  # before any cell: nothing to move
    bars.end()
    bars.start("t · j", total=None, done=10)
    clock.now += 2
    bars.update(done=110, answered=55)
    [bar] = bars._progress.tasks
    assert (bar.completed, bar.fields["rate"], bar.fields["coverage"]) == (110, "50/s", "coverage 50.0 %")
    bars.end("stopped")
    assert (bar.total, bar.fields["coverage"]) == (110, "stopped")


def test_bars_are_drawn_while_a_run_goes_on_and_no_longer() -> None:
    bars = Bars()
    with bars:
        assert bars._progress.live.is_started
    assert not bars._progress.live.is_started
