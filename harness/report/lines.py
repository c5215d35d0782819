"""A title, a table and notes on a terminal, for verbs that print one of each. Boards are `harness.report.terminal`.

Text comes from files and models: everything is cleaned and put into `rich.text.Text`, which knows no markup.
"""

from __future__ import annotations

import codecs
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.libraries.text import clean

if TYPE_CHECKING:
    from rich.console import Console

# Columns that a name keeps: enough to recognise it by its beginning.
_NARROWEST = 8

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


def print_rows(header: Sequence[str], rows: Sequence[Sequence[str]], console: Console, *, left: int = 1) -> None:
    """A table. Columns after the first `left` ones are numbers, and those that are empty throughout are left out."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    # An empty column says nothing and costs width.
    kept = [place for place in range(len(header)) if any(row[place] for row in rows)]
    widths = {place: max(len(line[place]) for line in (header, *rows)) for place in kept}
    room = console.width - sum(widths[place] + 2 for place in kept if place >= left)  # a number is never cut
    for place in kept:
        table.add_column(
            header[place],
            justify="right" if place >= left else "left",
            overflow="ellipsis",
            no_wrap=True,
            min_width=widths[place] if place >= left else None,
            max_width=None if place >= left else max(_NARROWEST, room // left - 2),
        )
    for row in rows:
        table.add_row(*(Text(clean(row[place])) for place in kept))
    console.print(table)
    console.print()


def print_notes(notes: Sequence[str], console: Console, *, style: str = "dim") -> None:
    """Hanging bullets that wrap within the terminal."""
    from rich.text import Text

    for note in notes:
        lines = Text(clean(note), style=style).wrap(console, max(1, console.width - 2), overflow="fold")
        for place, line in enumerate(lines):
            # No spaces at the end: they would be copied with the text, and differ from one width to another.
            line.rstrip()
            console.print(Text("· " if place == 0 else "  ", style=style) + line)
