"""Merging the shards of a run: the union of their journals, checked."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from harness.api import JournalError
from harness.recorded.journal import RecordedJournal
from harness.runner.folder import JOURNAL, MANIFEST, lock_folder, make_folder, read_kept, write_atomically
from harness.runner.journal import Journal
from harness.runner.rows import LEFT_OUT, CellRow

_SHARD = re.compile(r"(?P<run>.+)-shard-(?P<index>\d+)-of-(?P<count>\d+)")


class WholeJournal(RecordedJournal):
    """The journal of a whole run, which takes over those of its shards."""

    def merge_from(self, other: Path) -> None:
        """Take over all that another journal of the same run holds. Answers win over errors.

        Raises:
            JournalError: Both hold one item with different contents.
        """
        with self.explain_errors():
            self._db.execute("ATTACH DATABASE ? AS other", (str(other),))
        try:
            with self.transaction():
                clash = self.select_one(
                    "SELECT a.task, a.id FROM items a JOIN other.items b ON a.task=b.task AND a.id=b.id "
                    "WHERE a.hash<>b.hash OR a.ordinal<>b.ordinal LIMIT 1",
                    (),
                )
                if clash is not None:
                    raise JournalError(
                        f"{other}: item {clash[1]!r} of task {clash[0]!r} differs from the other shard's"
                    )
                self.forget_sums()
                # `replaced` and `meta` stay where they are: they are about the shard, not about its answers.
                tables = ["items", "asks", "requests"]
                if self.has_table("annotations", of="other"):
                    tables.append("annotations")
                for table in tables:
                    self._db.execute(f"INSERT OR IGNORE INTO {table} SELECT * FROM other.{table}")
                self._db.execute(
                    "INSERT INTO judgements SELECT * FROM other.judgements WHERE true ON CONFLICT DO UPDATE SET "
                    "status=excluded.status, verdict=excluded.verdict, probabilities=excluded.probabilities, "
                    "raw=excluded.raw, more=excluded.more WHERE status='error'"
                )
        finally:  # SQLite attaches ten files at most, and there may be more shards
            self._db.execute("DETACH DATABASE other")


def merge_shards(shards: Sequence[Path], out: Path | None) -> Path:
    """Put all that the shards hold into one run folder.

    Args:
        shards: Run folders made with `--shard I/N`, of one manifest and one N; all N of them.
        out: The folder of the whole run; by default the one that `harness run` without `--shard` would use.

    Returns:
        The folder of the whole run.

    Raises:
        JournalError: A folder is no shard, one is missing or given twice, or they are of different runs; or `out` is
            one of them, or holds another run.
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
    if out is not None:
        _check_out(out, shards)
    folder = out or shards[0].resolve().parent / matches[0]["run"]
    make_folder(folder, fresh=False)
    with lock_folder(folder):
        with WholeJournal(folder / JOURNAL) as journal:
            _merge_into(journal, shards)
        try:
            write_atomically(folder / MANIFEST, read_kept(manifest).decode("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise JournalError(f"{manifest}: cannot be read ({error}); run that shard again") from error
    return folder


def _check_out(out: Path, shards: Sequence[Path]) -> None:
    """Make sure that no other run is lost: its plan, manifest and scores would be those of the shards.

    Raises:
        JournalError: The folder is one of the shards, or holds another run.
    """
    if out.resolve() in {shard.resolve() for shard in shards}:
        raise JournalError(f"{out}: is one of the shards; give another folder as --out, or none")
    kept = [place / MANIFEST for place in (out, *shards) if (place / MANIFEST).is_file()]
    try:
        # A merge that was killed leaves a journal alone. All shards have the same manifest, and the whole has it then.
        other = kept[0].parent == out and read_kept(kept[0]) not in [read_kept(place) for place in kept[1:]]
    except OSError as error:
        raise JournalError(f"{out}: cannot be compared with the shards ({error}); give another folder") from error
    if other:
        raise JournalError(f"{out}: holds another run; give another folder as --out, or none")


def _merge_into(journal: WholeJournal, shards: Sequence[Path]) -> None:
    plans: set[str] = set()
    cells: dict[tuple[str, str], list[CellRow]] = {}
    for shard in shards:
        with Journal(shard / JOURNAL, readonly=True) as reader:
            reader.check()
            plan = reader.meta("plan")
            for cell in reader.cells():
                cells.setdefault((cell.task, cell.judge), []).append(cell)
        if plan is None:
            raise JournalError(f"{shard}: this shard never began; run it first")
        plans.add(plan)
    # The record of the plan holds the keys of the judges: another model or another prompt is another plan.
    if len(plans) != 1:
        raise JournalError(
            "the shards were made with different plans (plugins or judges changed in between); run them again"
        )
    # And the fingerprint of a cell holds the data and the questions of its task, with any judge.
    asked = {(cell.task, cell.fingerprint) for same in cells.values() for cell in same}
    changed = [task for task, count in Counter(task for task, _ in asked).items() if count > 1]
    if changed:
        raise JournalError(
            f"task {changed[0]}: the shards were asked different questions (its data, its options or its version "
            "changed in between); run them again on the same data"
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
