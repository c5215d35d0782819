from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from harness.view.charts import Axis, Bar, grid, intervals, parts

numbers = st.floats(-1e9, 1e9)


@given(numbers, numbers)
def test_ticks_are_few_round_and_on_the_axis(one_end: float, other: float) -> None:
    low, high = sorted((one_end, other))
    if high - low < 1e-6:
        return
    ticks = Axis(low, high, 0, 100).ticks()
    assert len(ticks) <= 7
    room = 1e-6 * (high - low) + 1e-9
    assert all(low - room <= tick <= high + room for tick in ticks)


@given(numbers)
def test_no_number_stands_outside(value: float) -> None:
    assert 10 <= Axis(0, 1, 10, 90).at(value) <= 90
    assert math.isfinite(Axis(3, 3, 10, 90).at(value))


def test_a_judge_without_a_value_has_a_line_that_says_so() -> None:
    chart = intervals([Bar(label="a", value=None, href="#a")], title="t", description="d")
    assert [mark.href for mark in chart.marks] == ["#a"]
    assert "no value" in [shape.text for mark in chart.marks for shape in mark.shapes]


def test_cells_lead_to_their_items_and_empty_ones_nowhere() -> None:
    chart = grid({("A", "B"): 3}, ["A"], ["A", "B"], title="t", description="d", link=lambda a, b: f"#{a}{b}")
    assert [(mark.label, mark.href) for mark in chart.marks] == [
        ("gold A, verdict A: 0", ""),
        ("gold A, verdict B: 3", "#AB"),
    ]


def test_parts_fill_their_row() -> None:
    chart = parts([("a", [("ok", 3, "#1"), ("error", 1, "#2"), ("draw", 0, "#3")])], title="t", description="d")
    boxes = [shape.attributes for mark in chart.marks for shape in mark.shapes if shape.tag == "rect"]
    assert len(boxes) == 2
    assert math.isclose(boxes[0]["x"] + boxes[0]["width"], boxes[1]["x"], abs_tol=0.11)
    assert [name for name, _ in chart.names] == ["ok", "error"]
