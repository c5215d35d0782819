"""Charts as shapes on a plane, which `templates/chart.html` writes as SVG. Every mark is a link to what it stands for.

Where things stand is worked out here, and no number is: values and intervals are those of the scores.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.view.labels import Label, place_names, shorten

WIDTH = 520
"""Width of every chart. The page scales it."""

_ROW = 24
_LABEL = 150
_LONGEST = 20


@dataclass(frozen=True, slots=True)
class ChartShape:
    """One element of SVG."""

    tag: str
    """`line`, `rect`, `circle`, `polyline` or `text`."""
    attributes: Mapping[str, Any]
    """Its attributes. Colours come from classes, so that they follow the page's."""
    text: str = ""
    """What a `text` says."""


@dataclass(frozen=True, slots=True)
class ChartMark:
    """Shapes that stand for one thing, with a link to it."""

    label: str
    """What it says, for people who point at it or hear it."""
    href: str
    """Address of what it stands for; empty where that is no page."""
    shapes: Sequence[ChartShape]
    """Its shapes."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart."""

    title: str
    """What it shows."""
    description: str
    """The same in a sentence, with what the axes are."""
    height: float
    """In the units of `WIDTH`."""
    ground: Sequence[ChartShape]
    """Axes, grid and labels."""
    marks: Sequence[ChartMark]
    """What stands for something."""
    width: float = WIDTH
    """Its width."""
    names: Sequence[tuple[str, str]] = ()
    """What its colours mean: a name and a class each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One line of a chart of intervals."""

    label: str
    """Its name."""
    value: float | None
    """The point."""
    low: float | None = None
    """Lower end of the interval."""
    high: float | None = None
    """Upper end of it."""
    href: str = ""
    """Where it leads."""
    said: str = ""
    """Value and interval in words."""
    kind: str = ""
    """A class more, such as `dim`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Points of a plane, joined by a line if wanted."""

    name: str
    """Name of the series."""
    points: Sequence[Point]
    """Its points."""
    joins: bool = True
    """Whether a line joins them."""
    number: int = 0
    """Which of the six colours and dashes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A point of a plane."""

    x: float
    """Across."""
    y: float
    """Up."""
    low: float | None = None
    """Lower end of the interval of `y`."""
    high: float | None = None
    """Upper end of it."""
    label: str = ""
    """In words."""
    href: str = ""
    """Where it leads."""
    name: str = ""
    """Written beside it."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Maps numbers to places."""

    low: float
    """The number at the beginning."""
    high: float
    """The number at the end."""
    start: float
    """Place of the beginning."""
    end: float
    """Place of the end."""
    write: Callable[[float], str] = field(default=lambda value: f"{value:g}")
    """How a number is written at the axis."""

    def at(self, value: float) -> float:
        """The place of a number. One outside of the axis stands at its end."""
        span = (self.high - self.low) or 1.0
        # Marks outside of the drawing would be lost, and links to them with them.
        part = min(1.0, max(0.0, (value - self.low) / span))
        return round(self.start + part * (self.end - self.start), 1)

    def ticks(self, most: int = 6) -> list[float]:
        """Round numbers from end to end, at most so many."""
        span = (self.high - self.low) or 1.0
        rough = span / most
        base = 10.0 ** math.floor(math.log10(rough))
        # 1, 2 and 5 times a power of ten are what people count by.
        step = next(base * factor for factor in (1, 2, 5, 10) if base * factor >= rough - 1e-12)
        first = math.ceil(self.low / step - 1e-9)
        return [round(k * step, 10) for k in range(first, math.floor(self.high / step + 1e-9) + 1)]


def intervals(
    bars: Sequence[Bar],
    *,
    title: str,
    description: str,
    bounds: tuple[float, float] | None = None,
    zero: float | None = None,
    write: Callable[[float], str] = lambda value: f"{value:g}",
    room: float = _LABEL,
) -> Chart:
    """A line for each bar: its name, its interval, its point. What is called a forest plot.

    Args:
        bars: From top to bottom.
        title: What it shows.
        description: In a sentence.
        bounds: Ends of the axis. `None`: those of the numbers.
        zero: Where a line stands that bars are held against.
        write: How numbers are written at the axis.
        room: Width for the names.
    """
    found = [number for bar in bars for number in (bar.value, bar.low, bar.high) if number is not None]
    found += [] if zero is None else [zero]
    low, high = bounds or _widen(min(found, default=0.0), max(found, default=1.0))
    # A little room at the right, where half of the last number of the axis stands.
    axis = Axis(low, high, room, WIDTH - 14, write)
    bottom = 8 + _ROW * len(bars)
    ground = [*_bottom_axis(axis, 4, bottom)]
    if zero is not None:
        ground.append(_line(axis.at(zero), 4, axis.at(zero), bottom, "zero"))
    marks = []
    for place, bar in enumerate(bars):
        y = 8 + _ROW * place + _ROW / 2
        shapes = [_text(room - 10, y + 4, shorten(bar.label, int((room - 10) / 7)), "end", f"name {bar.kind}")]
        # A wide bar that cannot be seen, so that a finger can meet the link.
        shapes.append(ChartShape("rect", _box(0, y - _ROW / 2, WIDTH - 14, _ROW, "hit")))
        if bar.low is not None and bar.high is not None:
            shapes.append(_line(axis.at(bar.low), y, axis.at(bar.high), y, f"interval {bar.kind}"))
            for end in (axis.at(bar.low), axis.at(bar.high)):
                shapes.append(_line(end, y - 4, end, y + 4, f"interval {bar.kind}"))
        if bar.value is not None:
            shapes.append(_circle(axis.at(bar.value), y, 4.5, f"point {bar.kind}"))
        else:
            shapes.append(_text(room + 4, y + 4, bar.said or "no value", "start", "note"))
        marks.append(ChartMark(f"{bar.label}: {bar.said}" if bar.said else bar.label, bar.href, shapes))
    return Chart(title, description, bottom + 26, ground, marks)


def plane(
    series: Sequence[Series],
    *,
    title: str,
    description: str,
    x: tuple[str, float, float],
    y: tuple[str, float, float],
    diagonal: bool = False,
    write_x: Callable[[float], str] = lambda value: f"{value:g}",
    write_y: Callable[[float], str] = lambda value: f"{value:g}",
    height: float = 300,
) -> Chart:
    """Points and lines on a plane.

    Args:
        series: What is drawn.
        title: What it shows.
        description: In a sentence.
        x: Name and ends of the axis across.
        y: Name and ends of the axis upwards.
        diagonal: Whether a line stands where both are equal.
        write_x: How numbers are written at the axis across.
        write_y: How numbers are written at the axis upwards.
        height: Of the chart.
    """
    across = Axis(x[1], x[2], 52, WIDTH - 16, write_x)
    up = Axis(y[1], y[2], height - 44, 12, write_y)
    ground = [*_bottom_axis(across, 12, height - 44), *_side_axis(up)]
    ground.append(_text((52 + WIDTH - 16) / 2, height - 8, x[0], "middle", "axis"))
    ground.append(_upright_text(13, height / 2 - 16, y[0]))
    if diagonal:
        low, high = max(x[1], y[1]), min(x[2], y[2])
        ground.append(_line(across.at(low), up.at(low), across.at(high), up.at(high), "zero"))
    marks = []
    for own in series:
        kind = f"s{own.number % 6}"
        if own.joins and len(own.points) > 1:
            path = " ".join(f"{across.at(point.x)},{up.at(point.y)}" for point in own.points)
            ground.append(ChartShape("polyline", {"points": path, "class": f"path {kind}"}))
        spots = [(across.at(point.x), up.at(point.y), point.name) for point in own.points]
        labels = place_names(spots, left=across.start, right=WIDTH, most=_LONGEST)
        marks += [_point_mark(own, at, label, across, up, kind) for at, label in zip(own.points, labels, strict=True)]
        lacking = sum(bool(at.name) for at in own.points) - sum(label is not None for label in labels)
        description += f" {lacking} of {len(labels)} names have no room; each mark says its own." if lacking else ""
    # One series is named by the title, and points that have names of their own need no legend.
    several = [own for own in series if own.joins and own.name != title]
    names = [(own.name, f"point s{own.number % 6}") for own in several]
    return Chart(title, description, height, ground, marks, names=names)


def grid(
    counts: Mapping[tuple[str, str], int],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    title: str,
    description: str,
    link: Callable[[str, str], str],
    row_title: str = "gold",
    column_title: str = "verdict",
) -> Chart:
    """Counts by row and column: a table of confusion, or a scatter of scores. The darker a cell, the more are in it.

    Args:
        counts: By names of row and column.
        rows: Names from top to bottom.
        columns: Names from left to right.
        title: What it shows.
        description: In a sentence.
        link: Address of the items of a cell.
        row_title: What the rows are.
        column_title: What the columns are.
    """
    left, top = 92, 40
    wide = min(74.0, (WIDTH - left - 8) / max(1, len(columns)))
    tall = 30.0 if len(rows) <= 12 else 20.0
    # By row, so that a rare gold is seen as well as a frequent one.
    totals = {row: sum(counts.get((row, column), 0) for column in columns) for row in rows}
    ground = [
        _text(left - 8, top + tall * k + tall / 2 + 4, shorten(row, 11), "end", "name") for k, row in enumerate(rows)
    ]
    ground += [
        _text(left + wide * k + wide / 2, top - 8, shorten(column, max(3, int(wide / 7))), "middle", "name")
        for k, column in enumerate(columns)
    ]
    ground.append(_text(left, 12, f"{row_title} ↓   {column_title} →", "start", "axis"))
    marks = []
    for i, row in enumerate(rows):
        for k, column in enumerate(columns):
            count = counts.get((row, column), 0)
            part = count / totals[row] if totals[row] else 0.0
            box = _box(
                left + wide * k + 1, top + tall * i + 1, wide - 2, tall - 2, "cell same" if row == column else "cell"
            )
            label = f"{row_title} {row}, {column_title} {column}: {count:,}"
            # A cell without answers is a link to nothing.
            marks.append(ChartMark(label, link(row, column) if count else "", _cell_shapes(box, count, part)))
    width = max(220, left + wide * len(columns) + 8)
    return Chart(title, description, top + tall * len(rows) + 6, ground, marks, width=width)


def parts(rows: Sequence[tuple[str, Sequence[tuple[str, int, str]]]], *, title: str, description: str) -> Chart:
    """A bar for each row, cut into parts of a whole.

    Args:
        rows: Name of each row, with name, count and address of each part. The names of parts are classes as well.
        title: What it shows.
        description: In a sentence.
    """
    axis = Axis(0, 1, _LABEL, WIDTH - 14, lambda value: f"{value:.0%}")
    bottom = 8 + _ROW * len(rows)
    marks = []
    for place, (name, own) in enumerate(rows):
        # An empty row has no parts, and must not divide by nothing.
        total, done = sum(count for _, count, _ in own) or 1, 0
        y = 8 + _ROW * place
        marks.append(
            ChartMark(name, "", [_text(_LABEL - 10, y + _ROW / 2 + 4, shorten(name, _LONGEST), "end", "name")])
        )
        for part, count, href in own:
            if count:
                start, end = axis.at(done / total), axis.at((done + count) / total)
                done += count
                box = _box(start, y + 4, max(1.0, end - start), _ROW - 8, f"part {part}")
                marks.append(ChartMark(f"{name}: {part} {count:,} of {total:,}", href, [ChartShape("rect", box)]))
    present = dict.fromkeys(part for _, own in rows for part, count, _ in own if count)
    names = [(part, f"part {part}") for part in present]
    return Chart(title, description, bottom + 26, _bottom_axis(axis, 4, bottom), marks, names=names)


def _cell_shapes(box: dict[str, Any], count: int, part: float) -> list[ChartShape]:
    """A cell of a grid. The count is written on it as well, since shades alone are no numbers."""
    shapes = [ChartShape("rect", {**box, "fill-opacity": f"{0.06 + 0.8 * part:.2f}"})]
    if count:
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2 + 4
        shapes.append(_text(*middle, f"{count:,}", "middle", "count strong" if part > 0.55 else "count"))
    return shapes


def _point_mark(own: Series, point: Point, label: Label | None, across: Axis, up: Axis, kind: str) -> ChartMark:
    x, y = across.at(point.x), up.at(point.y)
    shapes = []
    if point.low is not None and point.high is not None:
        shapes.append(_line(x, up.at(point.low), x, up.at(point.high), f"interval {kind}"))
    shapes.append(_circle(x, y, 4.5 if point.href or not own.joins else 3, f"point {kind}"))
    if label is not None:
        shapes.append(_text(label.x, label.y, label.text, label.anchor, "name"))
    return ChartMark(point.label or own.name, point.href, shapes)


def _bottom_axis(axis: Axis, top: float, bottom: float) -> list[ChartShape]:
    shapes = [_line(axis.start, bottom, axis.end, bottom, "rule")]
    for tick in axis.ticks():
        shapes.append(_line(axis.at(tick), top, axis.at(tick), bottom, "grid"))
        shapes.append(_text(axis.at(tick), bottom + 16, axis.write(tick), "middle", "tick"))
    return shapes


def _side_axis(axis: Axis) -> list[ChartShape]:
    shapes = []
    for tick in axis.ticks(5):
        shapes.append(_line(52, axis.at(tick), WIDTH - 16, axis.at(tick), "grid"))
        shapes.append(_text(46, axis.at(tick) + 4, axis.write(tick), "end", "tick"))
    return shapes


def _widen(low: float, high: float) -> tuple[float, float]:
    """A little room on both sides, so that no mark stands on the edge."""
    room = (high - low) * 0.05 or 0.5
    return low - room, high + room


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> ChartShape:
    return ChartShape("line", {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "class": kind})


def _circle(x: float, y: float, radius: float, kind: str) -> ChartShape:
    return ChartShape("circle", {"cx": x, "cy": y, "r": radius, "class": kind})


def _text(x: float, y: float, text: str, anchor: str, kind: str) -> ChartShape:
    return ChartShape("text", {"x": round(x, 1), "y": round(y, 1), "text-anchor": anchor, "class": kind.strip()}, text)


def _upright_text(x: float, y: float, text: str) -> ChartShape:
    """A text that is read from below, beside an axis."""
    shape = _text(x, y, text, "middle", "axis")
    return ChartShape("text", {**shape.attributes, "transform": f"rotate(-90 {x} {y})"}, text)


def _box(x: float, y: float, width: float, height: float, kind: str) -> dict[str, Any]:
    return {"x": round(x, 1), "y": round(y, 1), "width": round(width, 1), "height": round(height, 1), "class": kind}
