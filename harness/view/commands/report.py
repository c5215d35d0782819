"""`harness report`: runs as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.console import load_plugins, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.discovery import Plugins
    from harness.view.book import Book


@click.command("report")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file.  [default: report.html in the run folder; needed for several runs]",
)
@click.option("--items", type=click.IntRange(min=0), metavar="N", help="At most N items inside.  [default: 1000]")
@click.option(
    "--pictures",
    type=click.FloatRange(min=0, max=500),
    metavar="MB",
    help="At most so many MB of thumbnails inside; 0 for none.  [default: 6]",
)
@click.pass_context
def command(
    ctx: click.Context, runs: tuple[Path, ...], output: Path | None, items: int | None, pictures: float | None
) -> int:
    """Write RUNS into one HTML file, which opens from disk without a network and in any browser.

    Every run writes such a file by itself. This verb makes it again, elsewhere, with more or fewer items, or of several
    runs on one board. Of a large run it holds a part of the items, and says so: first those on which judges do not
    agree or that have an answer without a verdict, then a drawn sample. `harness view` has all of them.

    \b
    Examples:
      harness report runs/ood-1a2b3c4d5e6f
      harness report runs/ood-1a2b3c4d5e6f runs/ood-6f5e4d3c2b1a -o both.html
      harness report runs/ood-1a2b3c4d5e6f -o small.html --items 100 --pictures 0
    """
    from harness.runner.folder import REPORT, write_atomically
    from harness.view.file import DEFAULT, FileBudget, make_report

    if output is None and len(runs) > 1:
        raise click.UsageError("give the file of several runs: -o FILE", ctx)
    plugins = load_plugins(ctx)
    budget = FileBudget(
        items=DEFAULT.items if items is None else items,
        pictures=DEFAULT.pictures if pictures is None else int(pictures * 2**20),
    )
    text, _ = make_report(_load(runs, plugins), plugins, budget)
    path = output or runs[0] / REPORT
    write_atomically(path, text)
    say(f"written: {path}")
    return 0


def _load(runs: Sequence[Path], plugins: Plugins) -> Book:
    """One run with the board that it has, or several on one that is made now."""
    from harness.api import UserError
    from harness.view.book import is_reported, join_books, load_book

    books = [load_book(folder) for folder in runs]
    # Scoring here in silence would take long, and hide that the run was not finished.
    for folder in runs:
        if not is_reported(folder):
            raise UserError(f"{folder}: has no leaderboard yet; `harness score {folder}` makes it from what was judged")
    if len(books) == 1:
        return books[0]
    from harness.report.faithfulness import read_faithfulness
    from harness.report.leaderboard import build_leaderboard
    from harness.report.scored import load_scored
    from harness.report.settings import agree
    from harness.score.find import make_metric

    loaded = [run for book in books for run in book.runs]
    names = [run.folder.resolve().name for run in loaded]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UserError(f"two of the runs are called {twice}; name each once, or rename a folder")
    settings, seed = agree(loaded)
    board = build_leaderboard(
        load_scored(loaded),
        settings,
        seed=seed,
        left_out=[cell for run in loaded for cell in run.left_out],
        explained=[known for run in loaded for known in read_faithfulness(run)],
        find_metric=lambda name: make_metric(name, plugins),
    )
    return join_books(books, board)
