"""What `harness show RUN --unread` prints: the answers of a run that have no verdict, as they were written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any

from harness.console import echo, say
from harness.libraries.text import clean, visible
from harness.report.escaping import explain_unread, order_name

if TYPE_CHECKING:
    from harness.api import RecordedCell, UnreadAnswer, UnreadReason
    from harness.recorded.load import RecordedRun

_FIRST, _LAST = 600, 1400
"""Characters of a long text that are shown of its beginning and of its end, where verdicts stand."""

# Answers shown unless more are asked for: about what one reads in a terminal.
_LIMIT = 20


def show_unread(
    folder: Path, *, judge: str | None, task: str | None, reason: str | None, limit: int | None, as_json: bool
) -> None:
    """Print the answers without a verdict.

    Args:
        folder: The run folder.
        judge: Of this judge only.
        task: On this task only.
        reason: For this reason only.
        limit: At most so many.
        as_json: As a JSON array, each answer whole.

    Raises:
        UserError: It is no run folder, or has no such judge or task, or there is no such reason.
    """
    from harness.recorded.load import load_run

    cells = _choose_cells(load_run(folder), judge=judge, task=task)
    wanted = None if reason is None else _parse_reason(reason)
    # A generator: thousands of long answers are never in memory at once.
    found = ((cell, answer) for cell in cells for answer in cell.unread() if wanted in (None, answer.reason))
    if as_json:
        _print_json(islice(found, limit))
        return
    most = _LIMIT if limit is None else limit
    last: RecordedCell | None = None
    shown = left = 0
    for cell, answer in found:
        # Counted to the end, so that it can be said how many more there are.
        if shown == most:
            left += 1
            continue
        if cell is not last:
            echo(f"{'' if last is None else chr(10)}{clean(cell.task)} · {clean(cell.judge)}")
        last, shown = cell, shown + 1
        echo(_text(answer))
    if not shown:
        say("no answer without a verdict" if wanted is None else f"no answer without a verdict for reason {wanted!s}")
    if left:
        say(f"\n{left:,} more; --limit N shows more, --judge, --task and --reason choose, --json is for programs")


def _choose_cells(run: RecordedRun, *, judge: str | None, task: str | None) -> list[RecordedCell]:
    _check(run, "judge", judge, [cell.judge for cell in run.cells])
    _check(run, "task", task, [cell.task for cell in run.cells])
    return [cell for cell in run.cells if judge in (None, cell.judge) and task in (None, cell.task)]


def _check(run: RecordedRun, kind: str, name: str | None, known: Sequence[str]) -> None:
    import difflib

    from harness.api import UserError

    # A name that is not there is an error. An empty list would read as good news.
    if name is None or name in known:
        return
    names = list(dict.fromkeys(known))
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"Did you mean {close[0]!r}?" if close else f"It has {', '.join(names) or 'none'}."
    raise UserError(f"{run.folder} has no {kind} {name!r}. {hint}")


def _parse_reason(text: str) -> UnreadReason:
    """The reason, also written with hyphens."""
    from harness.api import UnreadReason, UserError

    try:
        return UnreadReason(text.replace("-", " ").strip().lower())
    except ValueError:
        raise UserError(f"--reason {text!r}: there is no such reason; there are {', '.join(UnreadReason)}") from None


def _print_json(found: Iterable[tuple[RecordedCell, UnreadAnswer]]) -> None:
    """One array, an answer at a time: raw answers are long, and there may be many."""
    before = "[\n"
    for cell, answer in found:
        echo(before + indent(json.dumps(_plain(cell, answer), indent=2), "  "), nl=False)
        before = ",\n"
    echo("[]" if before == "[\n" else "\n]")


def _plain(cell: RecordedCell, answer: UnreadAnswer) -> dict[str, Any]:
    judgement = answer.judgement
    return {
        "task": cell.task,
        "judge": cell.judge,
        "item": answer.item,
        "category": answer.category,
        "order": list(answer.order),
        "sample": answer.sample,
        "status": judgement.status.value,
        "reason": answer.reason.value,
        "problem": judgement.error,
        "raw": judgement.raw,
        "reasoning": judgement.rationale if judgement.thinking == "apart" else "",
        "cut": judgement.cut,
    }


def _text(answer: UnreadAnswer) -> str:
    judgement = answer.judgement
    order = f", order {order_name(answer.order)}" if answer.order else ""
    sample = f", sample {answer.sample}" if answer.sample else ""
    why = explain_unread(answer.reason.value, judgement.error)
    lines = [f"\n  item {clean(answer.item)}{order}{sample}", f"  {judgement.status}; {clean(why)}"]
    # Shown first, as it was written first. Elsewhere it is part of the text already.
    if judgement.thinking == "apart":
        lines += ["  its reasoning, in a field of its own:", *_quote(judgement.rationale), "  its answer:"]
    return "\n".join([*lines, *_quote(judgement.raw)])


def _quote(text: str) -> list[str]:
    """The lines of a text after a bar, so that none of them is taken for the harness's own."""
    if not text.strip():
        return ["    (no text)"]
    if len(text) > _FIRST + _LAST:
        left = len(text) - _FIRST - _LAST
        # The middle is left out: the beginning shows what kind of answer it is, and a verdict stands near the end.
        text = f"{text[:_FIRST]}\n[... {left:,} characters left out; --json prints all ...]\n{text[-_LAST:]}"
    return [f"    | {visible(line).rstrip()}" for line in text.replace("\r\n", "\n").split("\n")]
