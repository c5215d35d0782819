from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

MANIFEST = """
name: tiny
tasks: [{use: miniature/technical, limit: 2}]
judges: [{use: baselines/constant}]
"""

Run: TypeAlias = Callable[..., int]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.yaml").write_text(MANIFEST)
    return tmp_path


def test_the_last_line_of_a_run_is_the_page_to_open(
    command: Run, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("run", "m.yaml") == 0
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("report: ")
    report = place / last.removeprefix("report: ")
    # One that is gone or changed is written again by the same command.
    report.unlink()
    assert command("run", "m.yaml") == 0
    assert report.is_file()


def test_a_run_that_wants_no_page_has_none(command: Run, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_REPORT", "no")
    assert command("run", "m.yaml") == 0
    assert not list(place.glob("runs/*/report.html"))


def test_a_page_that_fails_costs_nothing_else(
    command: Run, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("harness.view.publish.write_report", fail)
    assert command("run", "m.yaml") == 0
    assert "report.html is not written" in capsys.readouterr().err
    assert list(place.glob("runs/*/leaderboard.json"))
