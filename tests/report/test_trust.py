"""Calibration and a judge's own noise on the board: from recorded answers to JSON, Markdown and terminal."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.cli import main
from harness.manifest.model import ReportSettings
from harness.report.leaderboard import build_leaderboard
from harness.report.markdown import to_markdown
from harness.report.records import Leaderboard, LeaderboardRow
from harness.report.tables import to_csv_text
from harness.report.terminal import terminal_text
from harness.report.trust import noise_lines, threshold
from harness.score.metrics import make_accuracy
from harness.score.trust import Noise

N = 240


def answers(rng: np.random.Generator) -> tuple[str, str, list[float | None]]:
    """What a calibrated judge says, the gold, and how sure it is of A."""
    sure = 0.5 + 0.5 * rng.random(N)
    said = rng.random(N) < 0.5
    right = rng.random(N) < sure
    gold = np.where(said == right, "A", "B")
    return "".join(np.where(said, "A", "B")), "".join(gold), [float(p) for p in np.where(said, sure, 1 - sure)]


@pytest.fixture(scope="module")
def board(make_cell: Any) -> Leaderboard:
    said, gold, sure = answers(np.random.default_rng(3))
    bold = [None if p is None else float(p > 0.5) for p in sure]
    cells = [
        make_cell("honest", said, gold, sure=sure),
        make_cell("bold", said, gold, sure=bold),
        make_cell("silent", said, gold),
    ]
    return build_leaderboard(cells, ReportSettings(resamples=100), find_metric=lambda name: make_accuracy(None, None))


def rows_of(board: Leaderboard) -> dict[str, LeaderboardRow]:
    return {row.judge: row for row in board.rows}


def test_rows_have_the_calibration_of_judges_with_probabilities(board: Leaderboard) -> None:
    rows = rows_of(board)
    honest, bold = rows["honest"].calibration, rows["bold"].calibration
    assert rows["silent"].calibration is None
    assert honest is not None
    assert bold is not None
    assert honest.n == bold.n == N
    assert honest.right == bold.right == rows["honest"].value
    assert honest.ece_low == 0
    assert bold.ece == pytest.approx(1 - bold.right, abs=0.01)
    assert bold.ece_low > honest.ece_high
    assert bold.aurc == pytest.approx(1 - bold.right)  # it is always as sure
    chosen = honest.guarantee(0.8)
    assert chosen is not None
    assert chosen.threshold is not None
    assert (chosen.ci_low or 0) >= 0.8


def test_json_csv_markdown_and_terminal_say_it(board: Leaderboard) -> None:
    plain = board.to_json()
    again = Leaderboard.from_json(json.loads(json.dumps(plain)))
    assert again.to_json() == plain
    rows = rows_of(again)
    assert rows["honest"].calibration is not None
    assert rows["honest"].calibration.bins[0].n > 0
    cells = {row["judge"]: row["calibration"] for row in csv.DictReader(io.StringIO(to_csv_text(board)))}
    assert json.loads(cells["honest"])["n"] == N
    assert cells["silent"] == ""
    text, printed = to_markdown(board), terminal_text(board, width=140)
    table = text.partition("### Calibration\n")[2].partition("\n#")[0]
    assert "| honest " in table
    assert "silent" not in table
    assert "· calibration error, %: " in printed
    assert "bold 2" in printed
    assert "silent" not in printed.partition("calibration error")[2].partition("\n\n")[0]


def test_criteria_of_a_rubric_are_said_beside_their_judge(board: Leaderboard) -> None:
    known = rows_of(board)["honest"].calibration
    assert known is not None
    rows = tuple(
        replace(row, calibration=None, criteria_calibration={"safe": known} if row.judge == "honest" else {})
        for row in board.rows
    )
    told = replace(board, rows=rows)
    assert Leaderboard.from_json(json.loads(json.dumps(told.to_json()))).to_json() == told.to_json()
    assert "calibration error, %: honest [safe] " in terminal_text(told)
    assert f"| honest \\[safe\\] | {N} |" in to_markdown(told)


def test_without_probabilities_and_repeats_nothing_is_said(make_cell: Any) -> None:
    said, gold, _ = answers(np.random.default_rng(4))
    silent = build_leaderboard([make_cell("j", said, gold)], find_metric=lambda name: make_accuracy(None, None))
    assert "calibration" not in terminal_text(silent) + to_markdown(silent).lower()
    assert "own noise" not in terminal_text(silent) + to_markdown(silent)


def test_a_suite_has_no_calibration_of_its_own(make_cell: Any) -> None:
    said, gold, sure = answers(np.random.default_rng(5))
    cells = [make_cell("j", said, gold, task=task, sure=sure) for task in "xy"]
    [row] = build_leaderboard(
        cells, ReportSettings(group_by="suite"), find_metric=lambda name: make_accuracy(None, None)
    ).rows
    assert (row.calibration, row.noise) == (None, None)


def test_categories_have_their_own(make_cell: Any) -> None:
    said, gold, sure = answers(np.random.default_rng(6))
    cell = make_cell("j", said, gold, sure=sure, categories=("x", "y"))
    rows = build_leaderboard(
        [cell], ReportSettings(group_by="category"), find_metric=lambda name: make_accuracy(None, None)
    ).rows
    assert [row.calibration.n for row in rows if row.calibration] == [N // 2, N // 2]


@pytest.mark.parametrize(("value", "shown"), [(0.9, "0.9"), (0.836125, "0.836125"), (1.0, "1"), (0.999999, "0.999999")])
def test_a_threshold_is_shown_as_it_was_tested(value: float, shown: str) -> None:
    assert threshold(value) == shown


RULES = "order: fixed, pooling: each, metrics: [accuracy]"
MANIFEST = """\
name: m
tasks:
  - use: generic/pairwise
    name: pairs
    data: items.jsonl
    format: harness/brackets
    protocol: {RULES}
    with: {question: "{q}", candidate_texts: [a, b], labels: {A: first, B: second}, id: id}
judges:
  - {use: baselines/replay, with: {answers: answers}}
"""


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], rules: str) -> str:
    """Run recorded answers; what the command prints."""
    (folder / "m.yaml").write_text(MANIFEST.replace("RULES", rules))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as caught:
        main(["run", "m.yaml"])
    assert caught.value.code == 0
    return capsys.readouterr().out


def save(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def recorded(folder: Path) -> dict[str, Any]:
    [path] = folder.glob("runs/m-*/leaderboard.json")
    [row] = json.loads(path.read_text())["rows"]
    known: dict[str, Any] = row
    return known


def test_recorded_probabilities_go_all_the_way_to_the_board(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said, gold, sure = answers(np.random.default_rng(7))
    items = [{"id": str(k), "q": f"Which, {k}?", "a": "x", "b": "y", "label": label} for k, label in enumerate(gold)]
    save(tmp_path / "items.jsonl", items)
    given = [
        {"id": str(k), "verdict": word, "probabilities": {"A": p, "B": 1 - (p or 0)}}
        for k, (word, p) in enumerate(zip(said, sure, strict=True))
    ]
    save(tmp_path / "answers" / "rec.jsonl", given)
    printed = run(tmp_path, monkeypatch, capsys, RULES)
    row = recorded(tmp_path)
    known = row["calibration"]
    assert (known["n"], row["with_probabilities"], row["noise"]) == (N, 1, None)
    expected = np.mean([p if word == "A" else 1 - (p or 0) for word, p in zip(said, sure, strict=True)])
    assert known["confidence"] == pytest.approx(expected, abs=1e-5)
    assert "calibration error, %: rec " in printed
    [scores] = json.loads(next(tmp_path.glob("runs/m-*/scores.json")).read_text())["cells"]
    assert scores["calibration"]["brier"] == pytest.approx(known["brier"], abs=1e-6)


def test_samples_go_all_the_way_to_a_sentence_on_noise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(8)
    often = rng.beta(2, 1, 100)
    items = [{"id": str(k), "q": f"Which, {k}?", "a": "x", "b": "y", "label": "A"} for k in range(100)]
    save(tmp_path / "items.jsonl", items)
    hits = rng.random((100, 3)) < often[:, None]
    given = [{"id": str(k), "sample": s, "verdict": "A" if hits[k, s] else "B"} for k in range(100) for s in range(3)]
    save(tmp_path / "answers" / "rec.jsonl", given)
    printed = run(tmp_path, monkeypatch, capsys, RULES + ", samples: 3, vote: majority")
    known = recorded(tmp_path)["noise"]
    assert known["value"] == pytest.approx(hits.mean(), abs=1e-6)
    assert known["within"] == pytest.approx(hits.var(axis=1, ddof=1).mean(), abs=1e-6)
    assert known["se_endless"] < known["se"] < known["se_one"]
    assert 0 < known["vote_changes"] < 0.5
    assert "rec: 3 answers to a question: " in printed
    assert "of votes would turn right or wrong" in " ".join(printed.replace("·", "").split())


@pytest.mark.parametrize(("error", "said"), [(0.0, "0.0 points"), (0.0003, "0.03 points"), (0.0123, "1.2 points")])
def test_a_small_error_is_not_rounded_to_nothing(error: float, said: str, board: Leaderboard) -> None:
    noise = Noise(
        measure="accuracy",
        questions=90_000,
        groups=90_000,
        samples=3.0,
        value=0.9,
        between=0.09,
        within=error**2 * 90_000 * 3,
        share=None,
        share_low=None,
        share_high=None,
        se_one=error,
        se=0.001,
        se_endless=0.001,
        se_again=error,
        se_vote=None,
        vote_changes=None,
    )
    (line,) = noise_lines([replace(board.rows[0], noise=noise)])
    assert f"the score would move by {said} (standard error)" in line
