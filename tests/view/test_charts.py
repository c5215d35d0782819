from __future__ import annotations

import math
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from harness.view.charts import Axis, Bar, Chart, Point, Series, grid, intervals, parts, plane

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


def names_of(chart: Chart) -> list[tuple[str, float, float, float]]:
    """Each name on a chart: what it says, where it begins and ends, and its line."""
    found = []
    for shape in (shape for mark in chart.marks for shape in mark.shapes if shape.tag == "text"):
        wide = 7 * cell_len(shape.text)
        begin = shape.attributes["x"] - (wide if shape.attributes["text-anchor"] == "end" else 0)
        found.append((shape.text, begin, begin + wide, shape.attributes["y"]))
    return found


def test_no_name_of_a_point_stands_on_another_and_it_is_said_which_have_no_room() -> None:
    points = [Point(x=0.2 + k / 1000, y=0.8 + k % 3 / 100, label=f"judge {k}", name=f"judge {k}") for k in range(40)]
    own = Series(name="judges", points=points, joins=False)
    chart = plane([own], title="t", description="d", x=("x", 0.0, 0.3), y=("y", 0.0, 1.0))
    shown = names_of(chart)
    assert len(shown) >= 3
    for (_, start, end, line), (_, other_start, other_end, other) in combinations(shown, 2):
        assert abs(line - other) >= 12 or start >= other_end or end <= other_start
    assert f"{40 - len(shown)} of 40 names have no room" in chart.description
    assert [mark.label for mark in chart.marks] == [point.label for point in points]


def test_a_name_of_wide_letters_is_cut_where_its_room_ends() -> None:
    name = "\u88c1\u5224\u5b98" * 10
    charts = (
        intervals([Bar(label=name, value=0.5, href="")], title="t", description="d"),
        parts([(name, [("ok", 1, "")])], title="t", description="d"),
    )
    for chart in charts:
        ((text, begin, *_),) = names_of(chart)
        assert text.endswith("…")
        assert begin >= 0
