"""A leaderboard, as a program and a notebook want it. Its records are those of `harness.report`."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.library.html import as_page, html_list, html_table
from harness.library.tables import RecordTable, find_columns
from harness.report import notes, summary
from harness.report.numbers import NOTHING, share
from harness.report.records import Leaderboard, LeaderboardRow
from harness.report.row_text import rank_text
from harness.score.records import Comparison

if TYPE_CHECKING:
    import pandas
    import pyarrow
    from rich.console import Console

    from harness.discovery import Plugins

_WIDTH = 100


class Board:
    """A leaderboard.

    Args:
        record: The leaderboard itself.
        plugins: Loads the installed plugins, one of which may render it.
        folders: The run folders, for commands that look into them.
    """

    def __init__(self, record: Leaderboard, plugins: Callable[[], Plugins], folders: Sequence[Path]) -> None:
        self._plugins, self._folders = plugins, folders
        self.record = record
        """The leaderboard itself, with everything that `leaderboard.json` has."""

    @property
    def rows(self) -> tuple[LeaderboardRow, ...]:
        """One for each judge in each block: value, interval, n, coverage, rank set, flags."""
        return self.record.rows

    @property
    def overall(self) -> tuple[LeaderboardRow, ...]:
        """The judges over all tasks. Empty where the board has one task, or is of suites or categories."""
        return self.record.overall

    @property
    def table(self) -> RecordTable[LeaderboardRow]:
        """The rows as a table, with a column for each plain field of a row."""
        return RecordTable(lambda: self.rows, find_columns(LeaderboardRow), title=f"rows of {self.record.title}")

    @property
    def comparisons(self) -> RecordTable[Comparison]:
        """Each pair of judges of each block: difference, interval, p-values, n."""
        columns = find_columns(Comparison)
        return RecordTable(lambda: self.record.comparisons, columns, title=f"comparisons of {self.record.title}")

    def __iter__(self) -> Iterator[LeaderboardRow]:
        return iter(self.rows)

    def to_json(self) -> dict[str, Any]:
        """The content of `leaderboard.json`."""
        return self.record.to_json()

    def to_pandas(self) -> pandas.DataFrame:
        """The rows as a data frame; see `RecordTable.to_pandas`."""
        return self.table.to_pandas()

    def to_arrow(self) -> pyarrow.Table:
        """The rows as an Arrow table; see `RecordTable.to_arrow`."""
        return self.table.to_arrow()

    def render(self, format: str) -> str:
        """The leaderboard as text: `md`, `csv`, `json`, `latex`, or the renderer of a plugin.

        Raises:
            PluginError: There is no such renderer, or it fails.
        """
        from harness.report.render import render

        return render(self.to_json(), format, self._plugins())

    def details(self) -> str:
        """What `harness leaderboard --details` prints: the summary, and a table for each task."""
        return self._print(details=True)

    def __repr__(self) -> str:
        return self._print(details=False)

    def _print(self, *, details: bool) -> str:
        from harness.report.terminal import print_leaderboard

        return print_plainly(
            lambda console: print_leaderboard(self.record, console, folders=self._folders, details=details)
        )

    def _repr_html_(self) -> str:
        if not summary.has_summary(self.record):
            return "".join(_show_block(self.record, rows) for rows in notes.blocks(self.record))
        return as_page(
            self.record.title,
            _show_summary(self.record),
            html_list(summary.list_facts(self.record)),
            notes=summary.list_legend(self.record),
        )


def print_plainly(show: Callable[[Console], None]) -> str:
    """What a function prints to a terminal, as text without colours."""
    from rich.console import Console

    stream = io.StringIO()
    # In a notebook rich would display what it prints, and write none of it into the stream.
    show(Console(file=stream, width=_WIDTH, force_terminal=False, force_jupyter=False, color_system=None))
    # Lines are filled up with blanks, which a comparison of two outputs would stumble over.
    return "\n".join(line.rstrip() for line in stream.getvalue().rstrip().splitlines())


def _show_summary(board: Leaderboard) -> str:
    """A row for each judge, a column for each task, as on the terminal."""
    own, overall = summary.rows_of(board), {row.judge: row for row in board.overall}
    tasks = summary.list_tasks(board)
    header = ["judge", *(["rank", f"overall\n{summary.overall_head(board)}"] if overall else [])]
    for task in tasks:
        metric, count = summary.heads([rows[task] for rows in own.values() if task in rows])
        header.append("\n".join(filter(None, [task, metric, count])))
    rows = []
    for judge in summary.list_judges(board):
        place = overall.get(judge)
        cells = [NOTHING if place is None else rank_text(place), _write_value(place)] if overall else []
        rows.append([judge, *cells, *(_write_value(own[judge].get(task)) for task in tasks)])
    return html_table(header, rows, right=range(1, len(header)))


def _write_value(row: LeaderboardRow | None) -> str:
    return f"{summary.value_text(row)}{summary.BEST if summary.is_best(row) else ''}"


def _show_block(board: Leaderboard, rows: Sequence[LeaderboardRow]) -> str:
    """One block, a row for each judge."""
    header = ["rank", "letters", "judge", summary.heads(rows)[0], "n", "cover", "flags"]
    cells = [
        [
            NOTHING if row.rank_low is None else rank_text(row),
            row.letters,
            row.judge,
            summary.interval_text(row),
            f"{row.n:,}",
            share(row.coverage),
            ", ".join(row.flags),
        ]
        for row in rows
    ]
    said = notes.flag_notes(board, rows)
    facts = html_list(notes.facts(rows))
    return as_page(notes.title(rows[0]), facts, html_table(header, cells, right=(0, 3, 4, 5)), notes=said)
