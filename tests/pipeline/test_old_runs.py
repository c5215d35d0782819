"""Run folders that earlier versions wrote are opened, scored and printed. `old_runs/make.py` makes them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.recorded.load import load_run
from harness.report.scored import SCHEMA

HERE = Path(__file__).parent / "old_runs"
FOLDERS = sorted(path.parent for path in HERE.glob("*/journal.sqlite"))


@pytest.fixture(params=FOLDERS, ids=lambda path: path.name)
def kept(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.param
    return folder


@pytest.fixture
def run(kept: Path, tmp_path: Path) -> Path:
    """A copy, which may be written to."""
    return Path(shutil.copytree(kept, tmp_path / "old"))


def command(*arguments: object) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["-p", str(HERE / "make.py"), *map(str, arguments)])
    assert ended.value.code == 0


def test_every_folder_is_small_and_there_is_at_least_one() -> None:
    assert FOLDERS
    for folder in FOLDERS:
        assert sum(path.stat().st_size for path in folder.iterdir()) < 100_000, folder.name


def test_its_cells_are_read_with_what_was_asked_and_answered(run: Path) -> None:
    cells = {(cell.task, cell.judge): cell for cell in load_run(run).cells}
    assert set(cells) == {(task, judge) for task in ("pairs", "technical") for judge in ("first", "constant")}
    pairs = cells["pairs", "first"]
    assert (pairs.protocol.order, pairs.protocol.pooling, pairs.protocol.samples) == ("both", "agree", 2)
    assert pairs.protocol.metrics == ("accuracy", "macro_f1")
    answers = list(pairs.answers())
    assert len(answers) == 20
    assert {answer.order for answer in answers} == {(0, 1), (1, 0)}
    assert {answer.sample for answer in answers} == {0, 1}
    assert {answer.item: answer.gold for answer in answers} == dict(
        zip([f"pair-{n}" for n in range(5)], [0, 1, 0, 1, "tie"], strict=True)
    )
    assert dict(answers[0].annotations) == {"ann": 0, "ben": 0, "cy": "tie"}
    assert {answer.status.value for answer in answers} == {"ok", "unparsed", "refused", "error"}
    assert {unread.reason.value for unread in pairs.unread()} == {"no verdict", "refused", "error"}
    usage = pairs.usage()
    assert (usage.prompt_tokens > 0, usage.cost_usd > 0, usage.models) == (True, True, ("m-1",))


def test_it_is_scored_again_to_the_same_numbers(run: Path, kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / "scores.json").unlink()
    command("score", run)
    out = capsys.readouterr().out
    for name in ("pairs", "technical", "first", "constant"):
        assert name in out
    before, after = (json.loads((folder / "scores.json").read_text(encoding="utf-8")) for folder in (kept, run))
    if before["schema"] != SCHEMA:
        pytest.skip(f"{kept.name} has the numbers of {before['schema']}")
    assert list(headlines(after)) == list(headlines(before))


def headlines(scores: dict[str, Any]) -> Any:
    for cell in scores["cells"]:
        values = [(found["metric"], found["n"], pytest.approx(found["value"])) for found in cell["estimates"]]
        yield cell["task"], cell["judge"], cell["asked"], cell["statuses"], values


def test_its_leaderboard_is_printed_from_the_scores_that_it_has(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (run / "scores.json").read_bytes()
    command("leaderboard", run)
    assert "constant" in capsys.readouterr().out
    assert (run / "scores.json").read_bytes() == before


def test_its_answers_are_read_again_to_the_same_verdicts(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command("score", run, "--reread", "--dry-run", "--json")
    cells = {(cell["task"], cell["judge"]): cell for cell in json.loads(capsys.readouterr().out)["cells"]}
    assert cells["pairs", "first"]["read"] == 14
    assert [cell["changes"] for cell in cells.values()] == [[]] * 4
