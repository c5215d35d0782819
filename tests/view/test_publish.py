from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli import main

MANIFEST = """
name: tiny
tasks: [{use: miniature/technical, limit: 2}]
judges: [{use: baselines/constant}]
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.yaml").write_text(MANIFEST)
    return tmp_path


def test_the_last_line_of_a_run_is_the_page_to_open(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "m.yaml"]) == 0
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("report: ")
    report = place / last.removeprefix("report: ")
    before = report.read_bytes()
    # One that is gone or changed is written again by the same command.
    report.unlink()
    assert main(["run", "m.yaml"]) == 0
    assert report.read_bytes() == before


def test_a_run_that_wants_no_page_has_none(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_REPORT", "no")
    assert main(["run", "m.yaml"]) == 0
    assert not list(place.glob("runs/*/report.html"))


def test_a_page_that_fails_costs_nothing_else(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("harness.view.publish.write_report", fail)
    assert main(["run", "m.yaml"]) == 0
    assert "report.html is not written" in capsys.readouterr().err
    assert list(place.glob("runs/*/leaderboard.json"))
