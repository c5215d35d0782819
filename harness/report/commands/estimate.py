"""`harness estimate`: a rate of unlabelled items, from a labelled run and the same judge's verdicts on them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.console import echo

if TYPE_CHECKING:
    from harness.api import RecordedCell
    from harness.recorded.load import RecordedRun
    from harness.report.estimate import Estimates
    from harness.report.verdicts import VerdictItems, VerdictTarget


@click.command("estimate")
@click.argument("labelled", type=click.Path(path_type=Path, file_okay=False))
@click.argument("unlabelled", type=click.Path(path_type=Path))
@click.option("--judge", metavar="NAME", help="The judge, where the labelled run has several.")
@click.option("--task", metavar="NAME", help="The labelled task, where the run has several.")
@click.option(
    "--unlabelled-task",
    metavar="NAME",
    help="The task of the unlabelled items, where UNLABELLED is a run.  [default: of the same name, or the only one]",
)
@click.option("--class", "label", metavar="LABEL", help="Whose share to estimate.  [default: the positive class, or A]")
@click.option(
    "--ties",
    type=click.Choice(["class", "half"]),
    help="In a win rate, a tie is no win, or half of one.  [default: half where the task's protocol says so]",
)
@click.option("--column", metavar="NAME", help="Column of the verdicts in a file.  [default: verdict, or the only one]")
@click.option("--id", "id_column", metavar="NAME", help="Column of item ids in a file: rows of one id are one item.")
@click.option("--group", metavar="NAME", help="Column of clusters in a file, such as the source or the prompt.")
@click.option(
    "--confidence",
    type=click.FloatRange(0.5, 1, min_open=True, max_open=True),
    help="Of the intervals.  [default: as the labelled run says]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def command(
    labelled: Path,
    unlabelled: Path,
    judge: str | None,
    task: str | None,
    unlabelled_task: str | None,
    label: str | None,
    ties: str | None,
    column: str | None,
    id_column: str | None,
    group: str | None,
    confidence: float | None,
    as_json: bool,
) -> int:
    """Estimate how often something is so, from few labels and many verdicts of a judge that errs.

    LABELLED is a finished run: a judge's verdicts on items with gold. UNLABELLED is what the same judge said of other
    items: a run folder, whose gold is not looked at; or a file with one verdict a row (JSON lines, JSON, CSV, TSV,
    parquet) or a line (.txt), an empty one where the judge gave none. Estimated is the share of a class, the win rate
    of a candidate or the mean of scores, with an interval for all that is uncertain.

    \b
    Examples:
      harness estimate runs/labelled-1a2b3c4d5e6f verdicts.csv --column answer --class yes
      harness estimate runs/labelled-1a2b3c4d5e6f runs/production-0f9e8d7c6b5a --judge my-judge
      harness estimate runs/arena-1a2b3c4d5e6f votes.jsonl --class A --ties half --json
    """
    from harness.recorded.load import load_run
    from harness.report.estimate import estimate
    from harness.report.verdicts import items_from_answers, make_target

    run = load_run(labelled)
    cell = _find_cell(run, judge=judge, task=task)
    # How the run was scored is the best guess of what the user means by a win.
    ties = ties or ("half" if cell.protocol.ties == "half" else "class")
    target = make_target(next(cell.answers()).space, label=label, ties=ties)
    own = items_from_answers(cell.answers(), cell.protocol, target)
    columns = {"column": column, "id_column": id_column, "group": group}
    other, source, warnings = _find_unlabelled(cell, own, unlabelled, target, task=unlabelled_task, columns=columns)
    found = estimate(
        own,
        other,
        target,
        judge=cell.judge,
        task=cell.task,
        labelled_run=run.folder.resolve().name,
        unlabelled_from=source,
        confidence=run.report.confidence if confidence is None else confidence,
        warnings=warnings,
    )
    _print(found, target, as_json=as_json)
    return 0


def _print(found: Estimates, target: VerdictTarget, *, as_json: bool) -> None:
    if as_json:
        from harness.report.tables import to_json_text

        echo(to_json_text(found.to_json()), nl=False)
        return
    from harness.report.estimate_text import print_estimates
    from harness.report.lines import make_console

    print_estimates(found, target, make_console())


def _find_cell(run: RecordedRun, *, judge: str | None, task: str | None) -> RecordedCell:
    """The one cell that is meant.

    Raises:
        UserError: There is none, or several.
    """
    from harness.api import UserError

    # The judge first: which tasks there are to choose from depends on it.
    judge = _choose(run, "judge", judge, [cell.judge for cell in run.cells])
    task = _choose(run, "task", task, [cell.task for cell in run.cells if cell.judge == judge])
    found = next((cell for cell in run.cells if (cell.judge, cell.task) == (judge, task)), None)
    if found is None or next(found.answers(), None) is None:
        raise UserError(f"{run.folder}: judge {judge} has answered nothing of task {task}; run its manifest again")
    return found


def _choose(run: RecordedRun, kind: str, name: str | None, known: list[str]) -> str:
    from harness.api import UserError
    from harness.api.data import suggest_names

    names = list(dict.fromkeys(known))
    if name is None and len(names) == 1:
        return names[0]
    if name is None:
        raise UserError(f"{run.folder} has {len(names)} {kind}s ({', '.join(names)}); choose one with --{kind}")
    if name not in names:
        raise UserError(f"{run.folder} has no {kind} {name!r}.{suggest_names(name, names)}")
    return name


def _find_unlabelled(
    cell: RecordedCell,
    own: VerdictItems,
    unlabelled: Path,
    target: VerdictTarget,
    *,
    task: str | None,
    columns: dict[str, str | None],
) -> tuple[VerdictItems, str, tuple[str, ...]]:
    """The items, where they are from, and what to warn of. Options for the other kind of source are refused."""
    if unlabelled.is_dir():
        of_files = (("--column", "column"), ("--id", "id_column"), ("--group", "group"))
        _refuse(*((option, columns[name]) for option, name in of_files), of="file")
        return _read_run(cell, unlabelled, target, task=task)
    _refuse(("--unlabelled-task", task), of="run")
    # A file does not say whose verdicts it holds, so there is nothing to compare and nothing to warn of.
    return _read_file(own, unlabelled, target, **columns), unlabelled.name, ()


def _read_run(
    cell: RecordedCell, folder: Path, target: VerdictTarget, *, task: str | None
) -> tuple[VerdictItems, str, tuple[str, ...]]:
    """The unlabelled items of a run without those that are labelled, where they are from, and what to warn of.

    Raises:
        UserError: It is of another judge, protocol or format.
    """
    from harness.api import UserError
    from harness.recorded.load import find_repeats, load_run
    from harness.report.verdicts import items_from_answers

    run, said = load_run(folder), ""
    # The key holds options and fingerprint. Only the same key is the same judge for certain.
    same = [other for other in run.cells if other.judge_key == cell.judge_key]
    if not same and (
        same := [other for other in run.cells if (other.judge, other.judge_id) == (cell.judge, cell.judge_id)]
    ):
        said = (
            f"judge {cell.judge} is not set up alike in {cell.run} and {same[0].run} (other options, or other files of "
            "recorded answers): all of this rests on its being the same judge"
        )
    if not same:
        raise UserError(
            f"{folder} has no answers of the judge {cell.judge}: another judge errs otherwise; run the same on both"
        )
    # One run may hold both tasks. The labelled one cannot be its own unlabelled data.
    tasks = [other.task for other in same if (other.run, other.task) != (cell.run, cell.task)]
    if not tasks:
        raise UserError(f"{folder} has no other task than the labelled one; name a run with unlabelled items")
    chosen = _choose_task(run, cell.task if task is None and cell.task in tasks else task, tasks)
    other = next(candidate for candidate in same if candidate.task == chosen)
    _check_alike(cell, other)
    found = items_from_answers(other.answers(), other.protocol, target)
    # By what was asked and not by id: one item may have two names. Counted twice, it would make the interval too
    # narrow.
    twice = find_repeats(cell, other)
    kept = [item for item in found.items if item.item not in twice]
    found.known, found.items = len(found.items) - len(kept), kept
    return found, f"{other.run}:{other.task}", (said,) if said else ()


def _choose_task(run: RecordedRun, task: str | None, tasks: list[str]) -> str:
    from harness.api import UserError

    try:
        return _choose(run, "task", task, tasks)
    except UserError as error:
        # The message of `_choose` names the option of the labelled run.
        raise UserError(str(error).replace("--task", "--unlabelled-task")) from None


def _check_alike(cell: RecordedCell, other: RecordedCell) -> None:
    """The same rules must have made verdicts of the answers.

    Raises:
        UserError: They differ. The message says in what.
    """
    from harness.api import UserError

    ours, theirs = cell.protocol.to_json(), other.protocol.to_json()
    # Only what changes the verdicts. How they are scored afterwards is of no matter here.
    asked = ("order", "order_seed", "samples", "vote", "pooling")
    differing = [f"{name} is {ours[name]} and {theirs[name]}" for name in asked if ours[name] != theirs[name]]
    if cell.format != other.format:
        differing.append(f"format is {cell.format} and {other.format}")
    if differing:
        raise UserError(
            f"{cell.run}:{cell.task} and {other.run}:{other.task} were asked differently ({'; '.join(differing)}), so "
            "the judge errs differently; give both tasks the same protocol and format"
        )


def _read_file(
    own: VerdictItems,
    path: Path,
    target: VerdictTarget,
    *,
    column: str | None,
    id_column: str | None,
    group: str | None,
) -> VerdictItems:
    """The unlabelled items of a file, without those whose id is that of a labelled one."""
    from harness.report.verdicts import items_from_file

    if not path.is_file():
        from harness.api import DataError

        raise DataError(f"{path}: there is no such file or run folder")
    found = items_from_file(path, target, column=column, id_column=id_column, group=group)
    # Without ids no row can be recognised as one of the labelled items.
    if id_column is not None:
        labelled = {item.item for item in own.items}
        kept = [item for item in found.items if item.item not in labelled]
        found.known, found.items = len(found.items) - len(kept), kept
    return found


def _refuse(*options: tuple[str, str | None], of: str) -> None:
    for name, value in options:
        if value is not None:
            raise click.UsageError(f"{name} is for an UNLABELLED that is a {of}")
