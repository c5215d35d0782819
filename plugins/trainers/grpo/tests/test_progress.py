from __future__ import annotations

import io
import sys

import pytest

from harness_grpo.progress import Phase, TrainingBar


def advance(bar: TrainingBar, begin: int, end: int) -> None:
    for step in range(begin + 1, end + 1):
        bar.advance(step, {"loss": 0.25, "reward": 0.5, "grad_norm": 3.0})


def test_off_a_terminal_the_last_step_is_a_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with TrainingBar("mine", 50, 0) as bar:
        advance(bar, 0, 50)
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("mine: step 50 of 50")
    assert "reward 0.5" in line
    assert "loss 0.25" in line
    assert "grad_norm" not in line


def test_off_a_terminal_a_line_comes_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(1000))  # a second at each look
    monkeypatch.setattr("harness_grpo.progress.time.monotonic", lambda: float(next(clock)))
    with TrainingBar("mine", 100, 40) as bar:
        advance(bar, 40, 100)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in lines] == ["mine: step 70 of 100", "mine: step 100 of 100"]
    assert "about 30 s left" in lines[0], "30 steps took 30 s, those of an attempt before took none of it"


def test_on_a_terminal_a_bar_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with TrainingBar("mine", 50, 10) as bar:
        advance(bar, 10, 50)
    assert "mine" in screen.getvalue()
    assert "50/50" in screen.getvalue()
    assert "loss 0.25" in screen.getvalue()


def test_what_comes_before_the_first_step_is_said_at_once_and_then_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("harness_grpo.progress.time.monotonic", lambda: now)
    phase = Phase("mine", "validating the start", "answers")
    assert capsys.readouterr().err == "mine: validating the start ...\n"
    for done in range(1, 13):
        now += 1.0
        phase.advance(10 * done, 240)
    assert capsys.readouterr().err.splitlines() == [
        "mine: validating the start: 50 of 240 answers, about 19 s left",
        "mine: validating the start: 100 of 240 answers, about 14 s left",
    ]
    assert phase.seconds == 12
    reading = Phase("mine", "reading", "items")
    now += 6.0
    reading.advance(1234)
    assert capsys.readouterr().err.splitlines()[-1] == "mine: reading: 1,234 items"
