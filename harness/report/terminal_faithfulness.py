"""What is known of the judges' reasoning on a terminal: numbers beside their controls, in tables that fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.libraries.text import clean
from harness.report import faithfulness, summary
from harness.report.lines import print_notes, print_title

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from harness.report.records import Leaderboard

_WIDEST_NAME = 34
_GAP = 2
_LONGEST_TITLE = 17  # letters of a title before it is broken: about as wide as a number with its control


def print_faithfulness(leaderboard: Leaderboard, console: Console, *, task: str | None) -> None:
    """Print a row for each judge of which something is known, and what the columns are. Nothing where nothing is.

    Args:
        leaderboard: What to show.
        console: Where to. Its width decides how many columns stand beside each other.
        task: Name of the task; empty: over all of them. `None`: a block that is of no task.
    """
    if task is None:
        return
    judges = summary.list_judges(leaderboard)
    header, rows = faithfulness.table_rows(leaderboard.faithfulness, task, judges, interval=False)
    if not rows:
        return
    print_title(f"{faithfulness.TITLE}, % vs control", console)
    heads = [_break_title(title) for title in header]
    widths = [max(len(text) for text in (*head, *(clean(row[k]) for row in rows))) for k, head in enumerate(heads)]
    name = min(widths[0], _WIDEST_NAME)
    for part in _divide(widths, console.width - name):
        console.print(_table(heads, rows, part, name))
        console.print()
    print_notes(faithfulness.legend(leaderboard.faithfulness, task=task), console)


def _break_title(title: str) -> list[str]:
    lines = [""]
    for word in title.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > _LONGEST_TITLE:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return lines


def _divide(widths: list[int], room: int) -> list[list[int]]:
    """Numbers of the columns in tables that fit, the first column left out: every table has it."""
    parts: list[list[int]] = [[]]
    for column in range(1, len(widths)):
        if parts[-1] and sum(widths[k] + _GAP for k in (*parts[-1], column)) > room:
            parts.append([])
        parts[-1].append(column)
    return parts


def _table(heads: list[list[str]], rows: list[list[str]], columns: list[int], name: int) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("judge", no_wrap=True, overflow="ellipsis", max_width=name)
    for k in columns:
        table.add_column(Text("\n".join(heads[k])), justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(clean(row[k])) for k in (0, *columns)))
    return table
