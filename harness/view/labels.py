"""Names on charts: short enough for their room, and where there is room for them. What they name is `charts`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

LETTER, LINE = 7.0, 12.0
"""About the width of a letter and the height of a line, in the units of a chart. A wide letter has two widths."""


@dataclass(frozen=True, slots=True)
class Label:
    """A name, and where it stands."""

    text: str
    x: float
    y: float
    """Of its baseline."""
    anchor: str
    """`start` or `end`: which end of it is at `x`."""


def shorten(text: str, most: int) -> str:
    """Text that fits into the width of so many letters. The mark's label has all of it."""
    from rich.cells import cell_len, set_cell_size

    # By width and not by number: a letter of Chinese, Japanese or Korean takes the room of two.
    return text if cell_len(text) <= most else set_cell_size(text, max(1, most - 1)).rstrip() + "…"


def place_names(
    points: Sequence[tuple[float, float, str]], *, left: float, right: float, most: int
) -> list[Label | None]:
    """Where the names of points stand: none upon another. `None` where there is no room, or no name.

    Args:
        points: Place and name of each.
        left: Where the chart begins.
        right: Where it ends.
        most: Letters of a name.
    """
    from rich.cells import cell_len

    taken: list[tuple[float, float, float]] = []
    found: list[Label | None] = []
    for x, y, name in points:
        text = shorten(name, most)
        wide = LETTER * cell_len(text)
        label = None
        for tried in _try(text, x, y, middle=(left + right) / 2) if text else ():
            begin = tried.x - wide if tried.anchor == "end" else tried.x
            free = all(
                abs(tried.y - line) >= LINE or begin >= end or begin + wide <= start for start, end, line in taken
            )
            if free and left <= begin and begin + wide <= right:
                taken.append((begin, begin + wide, tried.y))
                label = tried
                break
        found.append(label)
    return found


def _try(text: str, x: float, y: float, *, middle: float) -> Iterator[Label]:
    """Above the point and below it, first on the side with more room."""
    sides = (-8.0, 8.0) if x > middle else (8.0, -8.0)
    for aside in sides:
        for down in (-6.0, 14.0):
            yield Label(text, x + aside, y + down, "end" if aside < 0 else "start")
