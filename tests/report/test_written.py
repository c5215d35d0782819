"""Reports beside a journal are made again where they are missing, damaged or changed, and never believed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cli import main

REPORTS = ("leaderboard.json", "leaderboard.md", "leaderboard.csv", "scores.json")
MANIFEST = "name: m\ntasks: [{use: miniature/technical, with: {items: 8}}]\njudges: [{use: prior}]\n"


def command(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("finished")
    (place / "m.yaml").write_text(MANIFEST)
    assert command("run", place / "m.yaml", "--runs", place / "runs") == 0
    return place


@pytest.fixture
def run(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(finished, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    (found,) = Path("runs").glob("m-*")
    return found


def _change(path: Path) -> None:
    """A number in it becomes another one, as by hand."""
    text = path.read_text(encoding="utf-8")
    place = max(text.rfind(digit) for digit in "123456789")
    path.write_text(f"{text[:place]}0{text[place + 1 :]}", encoding="utf-8")


def _sparse(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(30 * 2**30)


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "edited": _change,
    "no UTF-8": lambda path: path.write_bytes(path.read_bytes().replace(b"e", b"\xff", 1)),
    "deep": lambda path: path.write_text("[" * 100_000),
    "another version": lambda path: path.write_text(json.dumps({"schema": "judge-harness/scores/99", "cells": [7]})),
    "sparse": _sparse,
    "pipe": _fifo,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_reports_are_made_again(run: Path, damage: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = {name: (run / name).read_bytes() for name in REPORTS}
    for name in REPORTS:
        DAMAGES[damage](run / name)
    # It says what to do, and that heals it.
    assert command("leaderboard", run) == 2
    assert f"`harness score {run}` makes them" in capsys.readouterr().err
    assert command("score", run) == 0
    assert {name: (run / name).read_bytes() for name in REPORTS} == before
    assert command("leaderboard", run) == 0
    for name in REPORTS:
        DAMAGES[damage](run / name)
        assert command("run", "m.yaml") == 0
        assert {name: (run / name).read_bytes() for name in REPORTS} == before, name
    assert "(leaderboard.md, leaderboard.csv, leaderboard.json)" in capsys.readouterr().err


@pytest.mark.parametrize("name", [*REPORTS, "run.json", "manifest.yaml"])
def test_a_folder_in_the_place_of_a_report_is_named(run: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (run / name).unlink()
    (run / name).mkdir()
    assert command("run", "m.yaml") == 2
    assert f"error: {run / name}: a folder stands in the place of this file; move it away" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["run.json", "manifest.yaml"])
def test_what_a_run_leaves_beside_its_reports_is_made_again(run: Path, name: str) -> None:
    (run / name).write_bytes(b"\xff{")
    assert command("leaderboard", run) == 0
    assert command("run", "m.yaml") == 0
    (run / name).read_text(encoding="utf-8")
