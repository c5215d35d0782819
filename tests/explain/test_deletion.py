"""Second numbers: the map of the verdict and its deletion curve, of judges of which it is known where they look."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.explain.deleting import SHARES, GridCell, count_cells, deal_cells, measure_area, order_cells
from harness.explain.maps import list_windows
from tests.explain.conftest import Explaining, reasons_of

WINDOWS = ("--window", "8", "--step", "4")
DELETION = ("--measure", "deletion", *WINDOWS)
JUDGES: dict[str, dict[str, Any]] = {
    "square": {"verdict_hangs_on": "square"},
    "nothing": {},
    "noise": {"verdict_hangs_on": "square", "sees": False},
}
ORDERS = ("own", "chance", "edges")


def deletion_of(found: Mapping[str, Any], judge: str) -> dict[str, Any]:
    [finding] = [f for f in found["findings"] if (f["judge"], f["measure"]) == (judge, "deletion")]
    return {figure["key"]: figure for figure in finding["figures"]}


def curves_of(figures: Mapping[str, Any]) -> dict[str, list[float]]:
    steps = [figure for key, figure in figures.items() if key.startswith("deletion.at.")]
    values = [[share["value"] for share in (step["share"], *step["controls"])] for step in steps]
    return dict(zip(ORDERS, map(list, zip(*values, strict=True)), strict=True))


@pytest.fixture
def run(explaining: Explaining) -> Path:
    return explaining.run(JUDGES, items=24)


def test_the_curve_of_a_judge_that_looks_at_one_place_falls_at_once(run: Path, explaining: Explaining) -> None:
    figures = deletion_of(explaining.explain(run, *DELETION), "square")
    curves = curves_of(figures)
    assert curves["own"][0] == curves["chance"][0] == curves["edges"][0] > 0.8
    assert curves["own"][-1] == curves["chance"][-1] == curves["edges"][-1] < 0.01
    # The square is four cells of 64. Three of them are covered in the first step, and all of them in the next.
    assert curves["own"][1] < 0.05
    assert curves["own"][2] < 0.01
    assert curves["chance"][1] > 0.5
    # Where the judge does not look there is an edge as well, so that some of the first cells by edges are lost on it.
    assert curves["own"][1] < curves["edges"][1] < curves["chance"][1]
    gap = figures["deletion_less_chance"]["share"]
    assert gap["value"] < -0.2
    assert gap["low"] < gap["high"] < 0
    assert gap["n"] == 24
    area = figures["deletion"]
    assert gap["value"] == pytest.approx(area["share"]["value"] - area["controls"][0]["value"], abs=2e-6)
    edges = figures["deletion_less_edges"]["share"]
    assert edges["value"] == pytest.approx(area["share"]["value"] - area["controls"][1]["value"], abs=2e-6)
    assert area["share"]["value"] == pytest.approx(measure_area(curves["own"]), abs=2e-6)


@pytest.mark.parametrize("judge", ["nothing", "noise"])
def test_of_a_judge_that_looks_at_nothing_no_order_is_better(run: Path, explaining: Explaining, judge: str) -> None:
    figures = deletion_of(explaining.explain(run, *DELETION), judge)
    for key in ("deletion_less_chance", "deletion_less_edges"):
        share = figures[key]["share"]
        assert abs(share["value"]) < 0.02, key
        assert share["low"] < 0 < share["high"], key
    if judge == "nothing":
        # Its map is flat: cells of which it says the same are covered in the order of chance.
        assert figures["deletion_less_chance"]["share"]["value"] == 0


def test_the_verdict_points_at_what_it_hangs_on_beside_edges_and_another_item(
    run: Path, explaining: Explaining
) -> None:
    found = explaining.explain(run, *DELETION)
    square, nothing = (deletion_of(found, judge)["verdict_points"] for judge in ("square", "nothing"))
    edges, other, part = (control["value"] for control in square["controls"])
    assert [control["name"] for control in square["controls"][:2]] == [
        "a map of edges, without a judge",
        "the map of another item",
    ]
    # Edges win the game here without a judge, and all squares are in one place: no number on its own.
    assert (square["share"]["value"], edges, other) == (1.0, 1.0, 1.0)
    assert square["share"]["low"] < 1.0
    # Square and bar, 12 cells of 64. A flat map points nowhere.
    assert part == nothing["share"]["value"] == pytest.approx(12 / 64)


def test_it_is_made_on_request_only_and_told_beforehand(run: Path, explaining: Explaining) -> None:
    assert explaining.call("explain", str(run), "--dry-run", *WINDOWS) == 0
    assert "deletion" not in explaining.out
    assert explaining.call("explain", str(run), "--dry-run", "--limit", "10", *DELETION) == 0
    assert "30 questions in all" in explaining.out
    # A pass without a cover, 49 windows, and 4 inner steps of 3 orders with the last, which they share.
    assert explaining.out.count(f"about {10 * (1 + 49 + 13):,} passes") == 3
    found = explaining.explain(run, "--limit", "10", *DELETION)
    assert {f["share"]["n"] for f in deletion_of(found, "square").values()} == {10}
    explaining.call("explain", str(run), "--dry-run", "--limit", "10", *DELETION)
    assert "0 questions in all" in explaining.out
    assert "passes" not in explaining.out


def test_they_are_called_second_numbers_and_stand_on_no_board(run: Path, explaining: Explaining) -> None:
    found = explaining.explain(run, *DELETION)
    assert not any(figure["on_board"] for f in found["findings"] for figure in f["figures"])
    text = (run / "leaderboard.md").read_text()
    section = text.partition("### deletion: second numbers")[2]
    assert "An edge map, made without any judge, wins the pointing game" in section
    assert re.search(r"\| parts +\| square +\| the order of the judge's map +\| +8\d", section)
    assert "deletion.at" not in text
    assert "### All judges" not in text
    assert json.loads((run / "leaderboard.json").read_text())["faithfulness"] == []
    # What was asked for by name is printed as well.
    explaining.call("explain", str(run), *DELETION)
    assert "deletion: second numbers" in explaining.out


def test_a_judge_that_weighs_nothing_is_told_so(explaining: Explaining) -> None:
    run = explaining.run({"plain": {"weighs": False}}, items=4)
    assert "`log_probabilities`" in reasons_of(explaining.explain(run, *DELETION), "plain")["deletion"]


def test_a_judge_without_reasoning_has_a_curve_and_no_place_to_point_at(explaining: Explaining) -> None:
    run = explaining.run({"mute": {"writes": "", "verdict_hangs_on": "nothing"}}, items=8)
    figures = deletion_of(explaining.explain(run, *DELETION), "mute")
    assert "verdict_points" not in figures
    assert figures["deletion"]["share"]["n"] == 8


def test_cells_are_dealt_by_seed_and_question() -> None:
    cells = [GridCell(0, window) for window in list_windows(32, 32, side=4, step=4)]
    dealt = deal_cells(cells, seed=0, name="a")
    assert sorted(dealt) == sorted(cells)
    assert dealt == deal_cells(cells, seed=0, name="a")
    assert dealt not in (deal_cells(cells, seed=1, name="a"), deal_cells(cells, seed=0, name="b"), cells)


def test_cells_are_ordered_over_all_pictures() -> None:
    import numpy as np

    cells = [GridCell(image, window) for image in (0, 1) for window in list_windows(8, 8, side=4, step=4)]
    maps = [np.zeros((8, 8)), np.zeros((8, 8))]
    maps[1][4:, 4:] = 2.0
    maps[0][:4, 4:] = 1.0
    dealt = deal_cells(cells, seed=0, name="a")
    first, second, *rest = order_cells(maps, dealt)
    assert (first, second) == (GridCell(1, (4, 4, 8, 8)), GridCell(0, (4, 0, 8, 4)))
    assert rest == [cell for cell in dealt if cell not in (first, second)]
    assert count_cells(len(cells)) == [0, 1, 1, 2, 3, 8]
    assert len(SHARES) == 6
