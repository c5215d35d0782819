"""`harness compare`: two judges on the same items."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.console import echo, load_plugins, say

if TYPE_CHECKING:
    from harness.recorded.load import RecordedRun
    from harness.report.scored import ScoredCell


@click.command("compare")
@click.argument("a")
@click.argument("b")
@click.option(
    "--run",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="The run in which A and B are judges.  [default: the newest under ./runs]",
)
@click.option("--metric", metavar="NAME", help="Compare by this metric instead of each task's headline.")
@click.option("--items", type=click.IntRange(min=0), default=10, show_default=True, help="Disagreements to list.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["terminal", "md", "json", "csv"]),
    default="terminal",
    show_default=True,
    help="How to print it; csv has the tasks only.",
)
@click.pass_context
def command(
    ctx: click.Context, a: str, b: str, folder: Path | None, metric: str | None, items: int, format_: str
) -> None:
    """Compare judges A and B on the items that both answered.

    A and B are names of judges in one run; or RUN:JUDGE, for judges of two runs; or RUN alone where a run has only one
    judge.

    \b
    Examples:
      harness compare pixels prior
      harness compare gpt4o llava --run runs/genai-bench-1a2b3c4d5e6f --items 20
      harness compare runs/ood-1a2b3c4d5e6f:pixels runs/ood-0f9e8d7c6b5a:pixels
    """
    from harness.report.compare import compare_judges, render_comparison
    from harness.report.settings import agree
    from harness.score.find import make_metric

    plugins = load_plugins(ctx)
    run_a, judge_a, run_b, judge_b = _find_sides(a, b, folder)
    # Two runs may ask for two ways to report. What they do not agree on is the default.
    settings, seed = agree([run_a, run_b], metric=metric)
    compared = compare_judges(
        _find_cells(run_a, judge_a),
        _find_cells(run_b, judge_b),
        settings,
        seed=seed,
        items=items,
        find_metric=lambda name: make_metric(name, plugins),
    )
    if format_ != "terminal":
        echo(render_comparison(compared, format_), nl=False)
        return
    from harness.report.lines import make_console
    from harness.report.terminal import print_comparison

    print_comparison(compared, make_console())


def _find_sides(a: str, b: str, folder: Path | None) -> tuple[RecordedRun, str | None, RecordedRun, str | None]:
    """Run and judge of both sides. A judge of `None` is the only one of its run.

    A name of a judge may hold a colon and a run's path too, so what is a folder decides where the run ends.
    """
    from harness.api import UserError
    from harness.recorded.load import load_run

    if folder is not None:
        run = load_run(folder)
        return run, a, run, b
    (path_a, judge_a), (path_b, judge_b) = _split(a), _split(b)
    if path_a is not None and path_b is not None:
        return load_run(path_a), judge_a, load_run(path_b), judge_b
    if path_a is not None or path_b is not None:
        wrong = b if path_b is None else a
        raise UserError(f"{wrong!r} begins with no run folder; write both as RUN:JUDGE, or use --run RUN JUDGE JUDGE")
    newest = _find_newest(Path("runs"))
    # A run that was chosen for the user is named, or numbers of another one may be quoted.
    say(f"run: {newest}")
    run = load_run(newest)
    return run, a, run, b


def _split(text: str) -> tuple[Path | None, str | None]:
    """The run folder that `text` begins with, and the judge after it."""
    from harness.runner.folder import JOURNAL

    # The whole text first: a folder's name may hold a colon.
    if (Path(text) / JOURNAL).is_file():
        return Path(text), None
    for place, letter in enumerate(text):
        if letter == ":" and place and (Path(text[:place]) / JOURNAL).is_file():
            return Path(text[:place]), text[place + 1 :]
    return None, None


def _find_newest(folder: Path) -> Path:
    from harness.api import UserError
    from harness.runner.folder import JOURNAL

    # By the time of the journal, which every answer touches. Names break ties, so that the choice is the same twice.
    found = sorted(folder.glob(f"*/{JOURNAL}"), key=lambda path: (path.stat().st_mtime, path.parent.name))
    if not found:
        raise UserError(f"there is no run under {folder}; name one with --run")
    return found[-1].parent


def _find_cells(run: RecordedRun, judge: str | None) -> list[ScoredCell]:
    """The cells of one judge.

    Raises:
        UserError: The run has no such judge, or several and none is named.
    """
    import difflib

    from harness.api import UserError
    from harness.report.scored import load_scored

    # In the order of the manifest, each once.
    known = list(dict.fromkeys(cell.judge for cell in run.cells))
    if judge is None:
        if len(known) != 1:
            raise UserError(f"{run.folder} has {len(known)} judges ({', '.join(known)}); write {run.folder}:JUDGE")
        judge = known[0]
    if judge not in known:
        close = difflib.get_close_matches(judge, known, n=1)
        hint = f"Did you mean {close[0]!r}?" if close else f"It has {', '.join(known) or 'none'}."
        raise UserError(f"{run.folder} has no judge {judge!r}. {hint}")
    return [cell for cell in load_scored([run]) if cell.judge == judge]
