"""The summary on a terminal: one table, or several beneath each other where the tasks do not fit beside each other."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.libraries.text import clean
from harness.report import summary, unread, usage
from harness.report.lines import print_notes, print_title
from harness.report.row_text import rank_text
from harness.report.terminal_faithfulness import print_faithfulness

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from harness.report.records import Leaderboard, LeaderboardRow

# A title is broken where its words meet, and its parts are put beneath each other.
_SEAM = re.compile(r"(?<=[-_ /])")
# Columns that the name of a judge gets: more where there is room, and never less.
_WIDEST_NAME, _NARROWEST_NAME = 34, 14
# Letters of a title before it is broken.
_LONGEST_TITLE = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """One column of numbers."""

    head: list[str]
    cells: list[str]
    rows: list[LeaderboardRow | None]

    @property
    def width(self) -> int:
        from rich.cells import cell_len

        return max(map(cell_len, (*self.head, *self.cells)))


def print_summary(leaderboard: Leaderboard, console: Console, *, folders: Sequence[Path] = ()) -> None:
    """Print the table, and a line for each thing to know.

    Args:
        leaderboard: What to show: a board of several tasks.
        console: Where to. Its width decides how many tasks stand beside each other.
        folders: The run folders, for commands that look into them.
    """
    judges = [clean(judge) for judge in summary.list_judges(leaderboard)]
    columns = _list_columns(leaderboard)
    name, gap = _fit_name(judges, columns, console.width)
    print_title(leaderboard.title, console)
    for part in _divide(columns, console.width - name, gap):
        console.print(_table(judges, part, name, gap))
        console.print()
    print_notes(summary.list_facts(leaderboard), console, style="yellow")
    print_faithfulness(leaderboard, console, task="")
    spent = usage.total_line(leaderboard.usage)
    print_notes([spent] if spent else [], console, style="")
    print_notes(summary.list_legend(leaderboard), console)
    print_notes(_list_ways_on(leaderboard, folders), console, style="bold")


def _list_ways_on(leaderboard: Leaderboard, folders: Sequence[Path]) -> list[str]:
    """Where to read more."""
    # `harness show` looks into run folders, and a bundle is none.
    bundles = {row.run for row in leaderboard.rows if row.verified is not None}
    lost = unread.commands([found for found in leaderboard.unread if found.run not in bundles], folders)
    said = [f"the answers without a verdict, as they were written: {command}" for command in lost]
    own = [shlex.quote(str(folder)) for folder in folders]
    said.append(f"the details of each task: leaderboard.md, or harness leaderboard {' '.join(own) or 'RUN'} --details")
    if leaderboard.sections:
        said.append(f"leaderboard.md has more: {', '.join(leaderboard.sections)}")
    return said


def _list_columns(leaderboard: Leaderboard) -> list[_Column]:
    judges, own = summary.list_judges(leaderboard), summary.rows_of(leaderboard)
    columns = []
    if leaderboard.overall:
        overall = {row.judge: row for row in leaderboard.overall}
        rows = [overall.get(judge) for judge in judges]
        ranks = [rank_text(row) if row is not None else "–" for row in rows]
        columns.append(_Column(head=["rank"], cells=ranks, rows=rows))
        columns.append(_make_column(["overall", summary.overall_head(leaderboard)], rows))
    for task in summary.list_tasks(leaderboard):
        known = [own[judge].get(task) for judge in judges]
        metric, count = summary.heads([row for row in known if row is not None])
        columns.append(_make_column([*_break_title(clean(task)), *_break_title(clean(metric)), count], known))
    return columns


def _make_column(head: list[str], rows: Sequence[LeaderboardRow | None]) -> _Column:
    # The mark has a place of its own in each cell, so that the numbers stay in line.
    cells = [f"{summary.value_text(row)}{summary.BEST if summary.is_best(row) else ' '}" for row in rows]
    return _Column(head=[line for line in head if line], cells=cells, rows=list(rows))


def _break_title(title: str) -> list[str]:
    """A title in short lines, broken after a dash, an underscore or a space."""
    lines = [""]
    for word in _SEAM.split(title):
        if lines[-1] and len(lines[-1]) + len(word.rstrip()) > _LONGEST_TITLE:
            lines.append("")
        lines[-1] += word
    return [line.rstrip() for line in lines]


def _fit_name(judges: Sequence[str], columns: Sequence[_Column], width: int) -> tuple[int, int]:
    """The width of the judges' names, and the spaces between columns. Both are less where all tasks then fit."""
    from rich.cells import cell_len

    wanted = min(max(map(cell_len, ("judge", *judges))), _WIDEST_NAME)
    for gap in (2, 1):
        room = width - sum(column.width + gap for column in columns)
        if room >= min(wanted, _NARROWEST_NAME):
            return min(wanted, room), gap
    return wanted, 2


def _shorten_names(judges: Sequence[str], width: int) -> list[str]:
    """Names that fit. Where several would become one, as two sizes of a model do, their ends are kept as well."""
    from rich.cells import cell_len, set_cell_size

    def shorten(name: str, end: int) -> str:
        if cell_len(name) <= width:
            return name
        tail = next((name[at:] for at in range(len(name)) if cell_len(name[at:]) <= end), "")
        return f"{set_cell_size(name, width - 1 - cell_len(tail)).rstrip()}…{tail}"

    for end in (0, width // 3, width // 2, 2 * width // 3):
        found = [shorten(name, end) for name in judges]
        if len(set(found)) == len(set(judges)):
            return found
    return [shorten(name, 0) for name in judges]


def _divide(columns: Sequence[_Column], width: int, gap: int) -> list[list[_Column]]:
    """The columns in tables that fit. A single one that is too wide has a table of its own."""
    parts: list[list[_Column]] = [[]]
    for column in columns:
        used = sum(other.width + gap for other in parts[-1])
        if parts[-1] and used + gap + column.width > width:
            parts.append([])
        parts[-1].append(column)
    return parts


def _table(judges: Sequence[str], columns: Sequence[_Column], name: int, gap: int) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, gap - 1, 0, 0), header_style="dim")
    table.add_column("judge", no_wrap=True, overflow="ellipsis", max_width=name)
    names = _shorten_names(judges, name)
    for column in columns:
        table.add_column(Text("\n".join(column.head)), justify="right", no_wrap=True, min_width=column.width)
    for place in range(len(judges)):
        cells = [Text(column.cells[place], style=_choose_style(column.rows[place])) for column in columns]
        # A judge without any ranked value is dimmed as a whole.
        lost = all(row is None or not summary.is_ranked(row) for row in (column.rows[place] for column in columns))
        table.add_row(Text(names[place], style="dim" if lost else ""), *cells)
    return table


def _choose_style(row: LeaderboardRow | None) -> str:
    """Bold for the best, dim for what is not ranked: both can be seen without reading, and read without colours."""
    if row is None or not summary.is_ranked(row):
        return "dim"
    return "bold" if summary.is_best(row) else ""
