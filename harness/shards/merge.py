"""Merging the shards of a run: the union of their journals, checked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from harness.api import JournalError
from harness.run.folder import JOURNAL, MANIFEST, lock_folder, make_folder, read_kept, write_atomically
from harness.run.journal import Journal
from harness.run.rows import LEFT_OUT, CellRow

_SHARD = re.compile(r"(?P<run>.+)-shard-(?P<index>\d+)-of-(?P<count>\d+)")


def merge_shards(shards: Sequence[Path], out: Path | None) -> Path:
    """Put all that the shards hold into one run folder.

    Args:
        shards: Run folders made with `--shard I/N`, of one manifest and one N; all N of them.
        out: The folder of the whole run; by default the one that `harness run` without `--shard` would use.

    Returns:
        The folder of the whole run.

    Raises:
        JournalError: A folder is no shard, one is missing or given twice, or they are of different runs.
    """
    names = {shard: _SHARD.fullmatch(shard.resolve().name) for shard in shards}
    for shard, match in names.items():
        if match is None or not (shard / JOURNAL).is_file():
            raise JournalError(f"{shard}: not a shard; give folders that `harness run --shard I/N` made")
    matches = [match for match in names.values() if match is not None]
    if len({(match["run"], match["count"]) for match in matches}) != 1:
        raise JournalError(f"shards of different runs: {', '.join(sorted(shard.name for shard in shards))}")
    count = int(matches[0]["count"])
    missing = sorted(set(range(1, count + 1)) - {int(match["index"]) for match in matches})
    if missing:
        listed = ", ".join(f"{index}/{count}" for index in missing)
        raise JournalError(
            f"{matches[0]['run']}: missing shards {listed}; run them first, or give their folders as well"
        )
    # All shards have the same manifest, so that of any will do.
    manifest = next((shard / MANIFEST for shard in shards if (shard / MANIFEST).is_file()), None)
    if manifest is None:
        raise JournalError(f"{matches[0]['run']}: no shard has its {MANIFEST}; run one of them again")
    folder = out or shards[0].resolve().parent / matches[0]["run"]
    make_folder(folder, fresh=False)
    with lock_folder(folder):
        journal = Journal(folder / JOURNAL)
        try:
            _merge_into(journal, shards)
        finally:
            journal.close()
        try:
            write_atomically(folder / MANIFEST, read_kept(manifest).decode("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise JournalError(f"{manifest}: cannot be read ({error}); run that shard again") from error
    return folder


def _merge_into(journal: Journal, shards: Sequence[Path]) -> None:
    plans: set[str] = set()
    cells: dict[tuple[str, str], list[CellRow]] = {}
    for shard in shards:
        reader = Journal(shard / JOURNAL, readonly=True)
        try:
            reader.check()
            plan = reader.meta("plan")
            for cell in reader.cells():
                cells.setdefault((cell.task, cell.judge), []).append(cell)
        finally:
            reader.close()
        if plan is None:
            raise JournalError(f"{shard}: this shard never began; run it first")
        plans.add(plan)
    # The record of the plan holds the keys of the judges: another model or another prompt is another plan.
    if len(plans) != 1:
        raise JournalError(
            "the shards were made with different plans (plugins or judges changed in between); run them again"
        )
    for shard in shards:
        journal.merge_from(shard / JOURNAL)
    journal.count_again()
    journal.set_meta("plan", plans.pop())
    for same in cells.values():
        # A shard without a row for the cell never came to it.
        whole = len(same) == len(shards) and all(cell.state == "complete" for cell in same)
        first = same[0]
        state = "complete" if whole else LEFT_OUT if first.state == LEFT_OUT else "partial"
        journal.set_cell(CellRow(first.task, first.judge, first.judge_key, first.fingerprint, state))
