"""What was explained stands on the leaderboard, in every form of it, and each number beside its control."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.explain.conftest import Explaining

JUDGES: dict[str, dict[str, Any]] = {"sound": {}, "by-square": {"follows": "square"}}


def board_of(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "leaderboard.json").read_text())
    return found


def number(board: dict[str, Any], task: str, judge: str, key: str) -> dict[str, Any]:
    [found] = [r for r in board["faithfulness"] if (r["task"], r["judge"], r["key"]) == (task, judge, key)]
    return dict(found)


@pytest.fixture
def explained(explaining: Explaining) -> Path:
    # Parts differ on half of the items of both tasks. There a verdict by the square alone contradicts the reasoning.
    run = explaining.run(JUDGES, items=40, others={"large": {"items": 80}})
    assert board_of(run)["faithfulness"] == []
    explaining.explain(run, "--no-ask")
    return run


def test_the_board_has_each_number_with_its_control_and_over_all_tasks(explained: Path) -> None:
    board = board_of(explained)
    own = number(board, "parts", "by-square", "contradiction")
    assert (own["value"], own["n"], own["tasks"]) == (0.5, 40, 1)
    assert own["control"] == "reasoning dealt out at random among these answers"
    assert own["ci_low"] < 0.5 < own["ci_high"]
    whole = number(board, "", "by-square", "contradiction")
    assert (whole["value"], whole["n"], whole["tasks"]) == (0.5, 120, 2)
    # Pictures of the two tasks are of the same groups: more items of a group are not more clusters.
    assert whole["ci_high"] - whole["ci_low"] < own["ci_high"] - own["ci_low"]
    assert all(record["control_n"] > 0 and record["control"] for record in board["faithfulness"])
    assert all(record["control_low"] <= record["control_value"] for record in board["faithfulness"])


def test_no_form_of_the_board_shows_a_number_without_its_control(explained: Path, explaining: Explaining) -> None:
    assert explaining.call("leaderboard", str(explained)) == 0
    lines = explaining.out.splitlines()
    title = next(k for k, line in enumerate(lines) if line.startswith("Faithfulness of the reasoning, % vs control"))
    [row] = [line for line in lines[title:] if line.startswith("by-square")]
    assert row.count(" vs ") == 3
    assert "50.0 ±" in row
    assert explaining.call("leaderboard", str(explained), "--details") == 0
    assert explaining.out.count("Faithfulness of the reasoning") == 3
    report = (explained / "leaderboard.md").read_text()
    assert report.count("## Faithfulness of the reasoning") == 3
    assert "vs reasoning dealt out at random among these answers" in report
    assert explaining.call("leaderboard", str(explained), "--format", "latex") == 0
    assert "% Faithfulness of the reasoning" in explaining.out
    assert r"by-square & 50.0 $\pm$" in explaining.out


def test_the_csv_has_columns_of_number_and_control(explained: Path) -> None:
    rows = list(csv.DictReader(io.StringIO((explained / "leaderboard.csv").read_text())))
    [own] = [row for row in rows if (row["task"], row["judge"]) == ("parts", "by-square")]
    assert own["contradiction.value"] == "0.5"
    assert float(own["contradiction.control_value"]) == pytest.approx(0.5, abs=0.03)
    assert own["contradiction.control_n"] == "40"


def test_numbers_about_other_answers_leave_the_board(explained: Path, explaining: Explaining) -> None:
    path = explained / "explanations.json"
    found = json.loads(path.read_text())
    path.write_text(json.dumps({**found, "answers": "0" * 16}))
    # The board that was written is not read back: the file that it rests on has changed.
    assert explaining.call("run", "m.yaml") == 0
    assert board_of(explained)["faithfulness"] == []
    assert "Faithfulness" not in explaining.out
    path.write_text(json.dumps(found))
    assert explaining.call("run", "m.yaml") == 0
    assert len(board_of(explained)["faithfulness"]) > 4
    assert "Faithfulness" in explaining.out


@pytest.mark.parametrize("damage", ['{"schema": "judge-harness/explanations/1"}', "[1", '{"schema": 3}', "[]"])
def test_a_damaged_file_costs_no_board(explained: Path, explaining: Explaining, damage: str) -> None:
    (explained / "explanations.json").write_text(damage)
    assert explaining.call("score", str(explained)) == 0
    assert board_of(explained)["faithfulness"] == []


def test_a_number_whose_control_was_taken_away_is_not_shown(explained: Path, explaining: Explaining) -> None:
    path = explained / "explanations.json"
    found = json.loads(path.read_text())
    for finding in found["findings"]:
        for figure in finding["figures"]:
            if figure["key"] == "contradiction":
                figure["controls"][0]["value"] = None
    path.write_text(json.dumps(found))
    assert explaining.call("score", str(explained)) == 0
    keys = {record["key"] for record in board_of(explained)["faithfulness"]}
    assert keys == {"right_by_reasoning", "wrong_reason"}


def test_judges_of_two_runs_keep_their_own_numbers(explained: Path, explaining: Explaining) -> None:
    other = explaining.run({"sound": {"follows": "square"}}, items=40, name="second", others={"large": {"items": 80}})
    explaining.explain(other, "--no-ask")
    assert explaining.call("leaderboard", str(explained), str(other), "--format", "json") == 0
    board = json.loads(explaining.out)
    first, second = (number(board, "", f"sound ({run.name})", "contradiction") for run in (explained, other))
    assert (first["value"], second["value"]) == (0.0, 0.5)


def test_a_bundle_holds_its_numbers_and_not_those_that_only_its_maker_could_compute(
    explained: Path, explaining: Explaining
) -> None:
    assert explaining.call("bundle", str(explained), "-o", f"{explained}.bundle") == 0, explaining.err
    assert explaining.call("verify", f"{explained}.bundle") == 0, explaining.out
    # A folder of that name stands beside it, and says nothing of the bundle.
    assert explaining.call("leaderboard", f"{explained}.bundle", "--format", "json") == 0
    assert json.loads(explaining.out)["faithfulness"] == []
