"""A title, a table and notes on a terminal, for verbs that print one of each. Boards are `harness.report.terminal`.

Text comes from files and models: everything is cleaned and put into `rich.text.Text`, which knows no markup.
"""

from __future__ import annotations

import codecs
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from harness.libraries.text import clean

if TYPE_CHECKING:
    from rich.console import Console

# Columns that a name keeps: enough to recognise it by its beginning.
_NARROWEST = 8
# Blanks between two columns: rich puts one of its own there, beside that of the padding.
_GAP = 2

# What stands for a sign where the terminal has no Unicode. A letter for a letter, so that columns stay in line.
_PLAIN = str.maketrans("±–−─·…≤≥×→", "~----.<>x>")
_HANDLER = "harness-plain"


def make_console() -> Console:
    """A console on stdout. Where stdout cannot write the signs of a board, others stand for them."""
    from rich.console import Console

    stream = sys.stdout
    if not (stream.encoding or "utf-8").lower().startswith("utf"):
        codecs.register_error(_HANDLER, _write_plainly)
        # Otherwise a run of hours would end in an error where its board is printed.
        stream.reconfigure(errors=_HANDLER)  # type: ignore[union-attr]
    return Console()


def _write_plainly(error: UnicodeError) -> tuple[str, int]:
    """The signs that a stream cannot write, as an error handler of `codecs`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end].translate(_PLAIN)
    return "".join(sign if sign.isascii() else "?" for sign in lost), error.end


def print_title(text: str, console: Console) -> None:
    """One line in bold, and an empty one."""
    from rich.text import Text

    console.print(Text(clean(text), style="bold"))
    console.print()


def print_rows(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    console: Console,
    *,
    left: int = 1,
    spare: Sequence[str] = (),
) -> None:
    """A table. Columns that are empty throughout are left out.

    Where there is no room for all, some columns of numbers are left out and named below the table: a number that is cut
    is another number.

    Args:
        header: Titles of the columns.
        rows: The cells.
        console: Where to.
        left: How many columns are names, which are cut where there is no room. Those after them are numbers.
        spare: Titles of numbers that are left out first. After them it is the last ones.
    """
    from rich import box
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    # An empty column says nothing and costs width.
    full = [place for place in range(len(header)) if any(row[place] for row in rows)]
    widths = {place: max(cell_len(clean(line[place])) for line in (header, *rows)) for place in full}
    least = {place: width if place >= left else min(width, _NARROWEST) for place, width in widths.items()}
    going = sorted((place for place in full if place >= left), key=lambda place: (header[place] not in spare, -place))
    kept = _fit(full, least, going, width=console.width)
    names = [place for place in kept if place < left]
    room = console.width + _GAP - sum(widths[place] + _GAP for place in kept if place >= left)
    for place in kept:
        table.add_column(
            header[place],
            justify="right" if place >= left else "left",
            overflow="ellipsis",
            no_wrap=True,
            min_width=widths[place] if place >= left else None,
            max_width=None if place >= left else max(_NARROWEST, room // len(names) - _GAP),
        )
    for row in rows:
        table.add_row(*(Text(clean(row[place])) for place in kept))
    console.print(table)
    console.print()
    if left_out := [_name_column(header, place) for place in full if place not in kept]:
        _print_left_out(left_out, console, wanted=_add_up(full, least))


def _fit(places: Sequence[int], widths: Mapping[int, int], going: Sequence[int], *, width: int) -> list[int]:
    """The columns that fit. They go in the order of `going`, of which the last one always stays."""
    kept = list(places)
    for place in going[:-1]:
        if _add_up(kept, widths) <= width:
            break
        kept.remove(place)
    return kept


def _add_up(places: Sequence[int], widths: Mapping[int, int]) -> int:
    """The width of a table with these columns."""
    return sum(widths[place] + _GAP for place in places) - _GAP


def _print_left_out(titles: Sequence[str], console: Console, *, wanted: int) -> None:
    print_notes([f"left out for want of width: {'; '.join(titles)} (COLUMNS={wanted} shows all)"], console)
    console.print()


def _name_column(header: Sequence[str], place: int) -> str:
    """The title of a column, with that of the column before it where another one has the same title."""
    title = header[place]
    return title if header.count(title) == 1 else f"{title} (after {header[place - 1]})"


def print_notes(notes: Sequence[str], console: Console, *, style: str = "dim") -> None:
    """Hanging bullets that wrap within the terminal."""
    from rich.text import Text

    for note in notes:
        lines = Text(clean(note), style=style).wrap(console, max(1, console.width - 2), overflow="fold")
        for place, line in enumerate(lines):
            # No spaces at the end: they would be copied with the text, and differ from one width to another.
            line.rstrip()
            console.print(Text("· " if place == 0 else "  ", style=style) + line)
