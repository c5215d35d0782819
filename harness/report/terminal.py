"""The leaderboard on a terminal, through rich. Files are `harness.report.markdown` and `harness.report.tables`.

Judge names and verdicts are hostile: everything is cleaned and put into `rich.text.Text`, which knows no markup.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.api import write_interval, write_number
from harness.libraries.text import clean
from harness.report import ceilings, criteria, notes, trust, unread, usage
from harness.report.numbers import NOTHING, heading, share
from harness.report.records import Leaderboard, LeaderboardRow
from harness.report.row_text import consistency, rank_text, standing
from harness.report.summary import has_summary
from harness.report.terminal_faithfulness import print_faithfulness
from harness.report.terminal_summary import print_summary

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from harness.report.compare import JudgeComparison

# From this width on there is a space more between columns, and the letters have a title.
_WIDE = 100
# A name longer than this is cut even where there is room, so that one judge does not push the numbers away.
_WIDEST_NAME = 34
# With spaces between columns a name gets at least this. Before it is cut further, the spaces go.
_ROOMY_NAME = 24
# Below this names can no longer be told from one another, so a column goes instead.
_NARROWEST_NAME = 14


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    cell: Callable[[LeaderboardRow], str]
    left: bool = False
    optional: int = 0  # order in which columns go when the terminal is too narrow; 0: never


def print_leaderboard(
    leaderboard: Leaderboard, console: Console, *, folders: Sequence[Path] = (), details: bool = False
) -> None:
    """Print the summary of a board of several tasks; of any other, and with `details`, every block and its flags.

    Args:
        leaderboard: What to show.
        console: Where to. Its width decides how much fits: everything at 100 columns, with shorter names at 80.
        folders: The run folders, for commands that look into them.
        details: Whether a block for each task follows the summary.
    """
    if has_summary(leaderboard):
        print_summary(leaderboard, console, folders=folders)
        if not details:
            return
        console.print()
    _print_blocks(leaderboard, console, folders)


def _print_blocks(leaderboard: Leaderboard, console: Console, folders: Sequence[Path]) -> None:
    """Every block, its flags in words, and how to read them."""
    from rich.text import Text

    left_out: set[str] = set()
    for rows in notes.blocks(leaderboard):
        console.print(
            Text(f"{clean(notes.title(rows[0]))} · {clean(heading(rows[0].metric, rows[0].unit))}", style="bold")
        )
        for fact in notes.facts(rows):
            console.print(Text(clean(fact), style="dim"))
        console.print()
        console.print(_table(rows, console.width, left_out))
        console.print()
        # What may be wrong with a number is in yellow, before what the numbers show.
        for note in (said := notes.flag_notes(leaderboard, rows)):
            console.print(_indent(note, style="yellow"))
        for note in (told := notes.findings(leaderboard, rows)):
            console.print(_indent(note, style=""))
        if said or told:
            console.print()
        _print_criteria(rows, console)
        if not rows[0].category:
            print_faithfulness(leaderboard, console, task=rows[0].task or None)
        for note in (told := [*trust.calibration_lines(leaderboard, rows), *trust.noise_lines(rows)]):
            console.print(_indent(note, style=""))
        if told:
            console.print()
    # Once for the whole board: a judge without an answer to a task is on no block of it.
    for note in notes.cells_left_out(leaderboard):
        console.print(_indent(note, style="yellow"))
    _print_usage(leaderboard, console, folders)
    for line in notes.legend(leaderboard):
        console.print(_indent(line, style="dim"))
    # `harness show` looks into run folders, and a bundle is none.
    bundles = {row.run for row in leaderboard.rows if row.verified is not None}
    for command in unread.commands([found for found in leaderboard.unread if found.run not in bundles], folders):
        console.print(_indent(f"the answers without a verdict, as they were written: {command}", style="bold"))
    if leaderboard.sections:
        titles = ", ".join(map(clean, leaderboard.sections))
        console.print(_indent(f"leaderboard.md has more: {titles}", style="bold"))
    if left_out:
        hidden = ", ".join(sorted(left_out))
        console.print(_indent(f"left out for want of width: {hidden}; --format md shows all", style="dim"))


def _print_criteria(rows: Sequence[LeaderboardRow], console: Console) -> None:
    """The criteria of a rubric, each with its own numbers. Nothing is printed where there are none."""
    header, lines = criteria.table_rows(rows)
    if lines:
        gap = 1 if console.width >= _WIDE else 0
        console.print(_plain_table(header, *lines, gap=gap, right=range(2, len(header)), width=console.width))
        console.print()


def _print_usage(leaderboard: Leaderboard, console: Console, folders: Sequence[Path]) -> None:
    """What the judges cost. Nothing is printed where none of them says."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    spent, asides = usage.rows(leaderboard.usage), usage.notes(leaderboard.usage)
    if not spent and not asides:
        return
    console.print(Text("What it cost", style="bold"))
    console.print()
    if spent:
        gap = 1 if console.width >= _WIDE else 0
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, gap, 0, 0), header_style="dim")
        first, *others = usage.HEADER
        widths = [max(len(line[place]) for line in (usage.HEADER, *spent)) for place in range(1, len(usage.HEADER))]
        room = console.width - sum(widths) - (gap + 1) * len(widths) - gap
        table.add_column(first, no_wrap=True, overflow="ellipsis", max_width=max(_NARROWEST_NAME, room))
        for title, width in zip(others, widths, strict=True):
            table.add_column(title, justify="right", no_wrap=True, min_width=width)  # a number is never cut
        for line in spent:
            table.add_row(*(Text(clean(cell)) for cell in line))
        console.print(table)
        console.print()
    told = usage.lines(leaderboard.usage)
    if spent and folders:  # a board that is rendered from its file alone has no journal beside it
        from harness.report.spending import latency_lines

        told += latency_lines(folders)
    for fact in told:
        console.print(_indent(fact, style=""))
    for note in asides:
        console.print(_indent(note, style="yellow"))
    if asides or told:
        console.print()


def print_comparison(compared: JudgeComparison, console: Console) -> None:
    """Print two judges side by side: differences, what they say, and where the two disagree."""
    from rich.text import Text

    from harness.report import compare  # brings the statistics, which a leaderboard read back does not need

    console.print(Text(clean(compare.title(compared)), style="bold"))
    console.print()
    gap = 1 if console.width >= _WIDE else 0
    header, rows = compare.difference_rows(compared)
    # With one task both p-values are equal, and one column is enough.
    lone = len(rows) == 1
    kept = [k for k, title in enumerate(header) if title != ("p (all)" if lone else "p")]
    console.print(
        _plain_table(
            *([line[k] for k in kept] for line in (header, *rows)), gap=gap, right=range(1, 10), width=console.width
        )
    )
    console.print()
    for line in compare.verdict_lines(compared):
        console.print(_indent(line, style=""))
    if compared.disagreements:
        console.print()
        console.print(Text("Where they disagree", style="bold"))
        console.print()
        header, rows = compare.disagreement_rows(compared)
        console.print(_plain_table(header, *rows, gap=gap))
    console.print()
    for line in compare.legend(compared):
        console.print(_indent(line, style="dim"))


def _plain_table(
    header: Sequence[str], *rows: Sequence[str], gap: int, right: Sequence[int] = (), width: int | None = None
) -> Table:
    """A table of text. Columns without any are left out, and long text ends in an ellipsis.

    Args:
        header: Titles of the columns.
        *rows: The cells.
        gap: Spaces beside each.
        right: Columns of numbers.
        width: Of the terminal: the first column, a name, leaves so much to the numbers that none is cut.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    kept = [k for k in range(len(header)) if any(row[k] for row in rows)]
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, gap, 0, 0), header_style="dim")
    # The width of everything but the name: numbers are never cut, since a cut number is another number.
    others = sum(max(len(row[k]) for row in (header, *rows)) + gap + 1 for k in kept[1:])
    name = None if width is None else max(_NARROWEST_NAME, width - others - gap)
    for k in kept:
        table.add_column(
            header[k],
            justify="right" if k in right else "left",
            no_wrap=True,
            overflow="ellipsis",
            max_width=name if k == 0 else None,
        )
    for row in rows:
        table.add_row(*(Text(clean(row[k])) for k in kept))
    return table


def terminal_text(leaderboard: Leaderboard, *, width: int = 100, details: bool = False) -> str:
    """What `print_leaderboard` prints, without colours, each line without trailing spaces."""
    import io

    from rich.console import Console

    stream = io.StringIO()
    console = Console(file=stream, width=width, color_system=None, legacy_windows=False)
    print_leaderboard(leaderboard, console, details=details)
    # rich pads lines to the width. Trailing spaces make noise where outputs are compared.
    return "".join(line.rstrip() + "\n" for line in stream.getvalue().splitlines())


def _table(rows: Sequence[LeaderboardRow], width: int, left_out: set[str]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    columns, name_width, gap = _fit(rows, width, left_out)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, gap, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(
            column.title,
            justify="left" if column.left else "right",
            no_wrap=True,
            overflow="ellipsis",
            max_width=name_width if column.title == "judge" else None,
        )
    for row in rows:
        best = row.rank_low
        # Who cannot be ranked is dimmed, and who may be the best is bold: both can be seen without reading.
        style = "dim" if best is None else ("bold" if best == 1 else "")
        cells = [Text(clean(column.cell(row)), style=_style(column, style)) for column in columns]
        table.add_row(*cells)
    return table


def _style(column: _Column, style: str) -> str:
    if column.title == "flags":
        return "yellow"
    return style if column.title in ("rank", "letters", "", "judge", "value") or style == "dim" else ""


def _fit(rows: Sequence[LeaderboardRow], width: int, left_out: set[str]) -> tuple[list[_Column], int, int]:
    """The columns that fit, the width of the judges' names, and the gap between columns."""
    from rich.cells import cell_len

    columns = _columns(rows, letters="letters" if width >= _WIDE else "")
    # One column goes at a time, the least needed first, until the rest fits.
    while True:
        widths = {
            column.title: max(cell_len(text) for text in (column.title, *(clean(column.cell(row)) for row in rows)))
            for column in columns
        }
        name = min(widths.pop("judge"), _WIDEST_NAME)
        for gap in (1, 0):
            # rich pads the last column too, and puts one cell of its own between columns
            room = width - sum(widths.values()) - gap * len(columns) - (len(columns) - 1)
            if room >= min(name, _ROOMY_NAME if gap else _NARROWEST_NAME):
                return columns, min(name, room), gap
        optional = [column for column in columns if column.optional]
        if not optional:
            return columns, max(room, 1), 0
        # Flags go first, since they stand in words beneath. How far people agree goes last: it can be read nowhere else
        # in the table.
        first = min(optional, key=lambda column: column.optional)
        if first.title != "flags":  # these are explained beneath in any case
            left_out.add(first.title)
        columns = [column for column in columns if column is not first]


def _columns(rows: Sequence[LeaderboardRow], *, letters: str) -> list[_Column]:
    """All columns. `letters` is the title of theirs, which is wider than any of them."""
    columns = [
        _Column("rank", rank_text),
        _Column("judge", lambda row: row.judge, left=True),
        _Column("value", lambda row: write_number(row.unit, row.value, row.ci_low, row.ci_high)),
        _Column("interval", lambda row: write_interval(row.unit, row.ci_low, row.ci_high)),
        _Column("n", lambda row: f"{row.n:,}", optional=5),
        _Column("cover", lambda row: share(row.coverage), optional=6),
        _Column("worst", lambda row: write_number(row.unit, row.worst_case, row.ci_low, row.ci_high), optional=3),
    ]
    if ceilings.has_ceilings(rows):
        # Right after the interval. The index counts the columns above, before the letters come in.
        columns.insert(4, _Column("ceiling", ceilings.ceiling_text, optional=8))
    if any(row.letters for row in rows):
        columns.insert(1, _Column(letters, lambda row: row.letters, left=True))
    if any(row.basis for row in rows):
        columns.append(_Column("probs", lambda row: share(row.with_probabilities), optional=7))
    if any(row.swap_consistency is not None for row in rows):
        columns.append(_Column("swap", lambda row: consistency(row, "swap_consistency"), optional=4))
    if any(row.first_position is not None for row in rows):
        columns.append(_Column("first", lambda row: consistency(row, "first_position"), optional=2))
    if any(standing(row) for row in rows):
        columns.append(_Column("checked", lambda row: standing(row) or NOTHING, left=True, optional=9))
    if any(notes.own_flags(row) for row in rows):
        columns.append(_Column("flags", _flags, left=True, optional=1))
    return columns


def _flags(row: LeaderboardRow) -> str:
    """The first flag and how many more there are. All are explained beneath."""
    own = notes.own_flags(row)
    return "" if not own else own[0] if len(own) == 1 else f"{own[0]} +{len(own) - 1}"


def _indent(text: str, *, style: str) -> Table:
    """A hanging bullet that wraps within the terminal."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_row(Text("·", style=style), Text(clean(text), style=style, overflow="fold"))
    return grid
