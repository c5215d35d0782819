"""A title, a table and notes on a terminal: what has no room is named, and no number is cut."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pytest
from rich.console import Console

from harness.report.lines import print_rows

HEADER = ("judge", "task", "first", "now", "second", "now", "empty")
ROWS = [["a judge with a name", "pairs", "11.1", "22.2", "33.3", "44.4", ""]]
LEAST = 42  # 8 for the long name, the width of each other column, and two blanks between each two


def print_lines(width: int, *, spare: Sequence[str] = ()) -> list[str]:
    file = io.StringIO()
    print_rows(HEADER, ROWS, Console(file=file, width=width, color_system=None), left=2, spare=spare)
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_a_table_that_fits_has_every_column_that_is_not_empty() -> None:
    head, _, row, *rest = print_lines(LEAST)
    assert head.split() == ["judge", "task", "first", "now", "second", "now"]
    assert row.split() == ["a", "judge…", "pairs", "11.1", "22.2", "33.3", "44.4"]
    assert rest == [""]


@pytest.mark.parametrize(
    ("width", "spare", "titles", "named"),
    [
        (LEAST - 1, (), ["first", "now", "second"], "now (after second)"),
        (LEAST - 7, (), ["first", "now"], "second; now (after second)"),
        (LEAST - 1, ("second", "first"), ["first", "now", "now"], "second"),
        (LEAST - 9, ("second", "first"), ["now", "now"], "first; second"),
    ],
)
def test_columns_without_room_are_left_out_whole_and_named(
    width: int, spare: tuple[str, ...], titles: list[str], named: str
) -> None:
    head, _, _, *rest = print_lines(width, spare=spare)
    assert head.split()[2:] == titles
    assert " ".join(" ".join(rest).split()) == f"· left out for want of width: {named} (COLUMNS={LEAST} shows all)"


def test_the_first_number_is_the_last_to_go() -> None:
    assert print_lines(25)[0].split() == ["judge", "task", "first"]
