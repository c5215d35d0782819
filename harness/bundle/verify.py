"""Verify a bundle: compute every number from its judgements, and say which rows of its board hold.

bundle  --unpack_bundle-->  journal  --recompute_run, check_texts-->  numbers, texts  --compare-->  Verification
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness import __version__
from harness.bundle.compare import RowLedger
from harness.bundle.data import ComparedData
from harness.bundle.recompute import Key, Recomputed, recompute_run
from harness.bundle.records import Signature, Verification
from harness.bundle.texts import check_texts
from harness.bundle.unpack import UnpackedRun, unpack_bundle
from harness.bundle.write import write_bundle

if TYPE_CHECKING:
    from harness.discovery import Plugins

GOLD_IS_A_WORD = (
    "the gold labels, the groups and the categories are the submitter's word; with the data, `--data MANIFEST` "
    "compares them"
)
"""Said where nothing was compared with the data."""


@dataclass(frozen=True, kw_only=True)
class VerifiedRun:
    """A bundle with what was computed from it. Its journal lives as long as the block of `open_verified`."""

    unpacked: UnpackedRun
    """The bundle, read."""
    recomputed: Recomputed
    """The numbers."""
    verification: Verification
    """What they say of the recorded ones."""

    def is_verified(self, task: str, judge: str) -> bool:
        """Whether a cell was computed here, and every row that rests on it holds."""
        checked = self.verification
        if checked.problems or (task, judge) not in self.recomputed.cells:
            return False
        suites = {cell.suite or cell.task for cell in self.unpacked.run.cells if cell.task == task}
        own = [row for row in checked.rows if row.judge == judge]
        own = [row for row in own if row.task == task or (not row.task and row.suite in suites)]
        return bool(own) and all(row.state == "holds" for row in own)


CheckData = Callable[[UnpackedRun], ComparedData]
"""Compares a run with data."""


def verify_bundle(path: Path, plugins: Plugins, *, check_data: CheckData | None = None) -> Verification:
    """Verify a bundle, or a run folder as the bundle that it makes.

    Args:
        path: The bundle or the folder.
        plugins: The installed plugins.
        check_data: Compares the items with data on this machine.

    Raises:
        UserError: It is neither, or a bundle was changed. The message names the place.
    """
    with open_verified(path, plugins, check_data=check_data) as found:
        return found.verification


@contextmanager
def open_verified(path: Path, plugins: Plugins, *, check_data: CheckData | None = None) -> Iterator[VerifiedRun]:
    """Verify a bundle and keep its journal, for a leaderboard.

    Raises:
        UserError: As `verify_bundle`.
    """
    # `ignore_cleanup_errors`: on some systems a journal that was read is freed later than its folder is removed.
    with tempfile.TemporaryDirectory(prefix="harness-verify-", ignore_cleanup_errors=True) as place:
        bundle = path
        if path.is_dir():
            # The same checks for both: what a journal holds is no better known than what a file of a stranger holds.
            bundle = Path(place) / "run.bundle"
            write_bundle(path, bundle, requests=True)
        workspace = Path(place) / "run"
        workspace.mkdir()
        with unpack_bundle(bundle, workspace) as unpacked:
            yield _verify(path, unpacked, plugins, check_data=check_data)


def _verify(path: Path, unpacked: UnpackedRun, plugins: Plugins, *, check_data: CheckData | None) -> VerifiedRun:
    recomputed = recompute_run(unpacked.run, plugins)
    recorded_by = str(unpacked.environment.get("harness", ""))
    ledger = RowLedger(unpacked.run, recomputed, same_version=recorded_by == __version__)
    ledger.compare_board(unpacked.board)
    ledger.compare_scores(unpacked.scores)
    notes = [GOLD_IS_A_WORD]
    if check_data is not None:
        # Before the texts, which are read with the questions that the data give.
        compared = check_data(unpacked)
        notes = list(compared.notes)
        for task, found in compared.problems.items():
            for problem in found:
                ledger.add_problem_of_task(task, problem)
    questions = unpacked.index.requests or check_data is not None
    read, given = _check_texts(unpacked, plugins, ledger, questions=questions)
    if recorded_by != __version__:
        notes.append(
            f"the run was made by judge-harness {recorded_by or '(unknown)'} and computed here by {__version__}: what "
            "differs may differ by the version"
        )
    verification = Verification(
        path=path,
        name=unpacked.index.name,
        root=unpacked.index.root,
        recorded_by=recorded_by,
        verified_by=__version__,
        # It is over the file, and is looked at by those who have the file.
        signature=Signature(state="none"),
        rows=ledger.rows(),
        problems=tuple(ledger.problems),
        notes=tuple(notes),
        read=read,
        given=given,
    )
    return VerifiedRun(unpacked=unpacked, recomputed=recomputed, verification=verification)


def _check_texts(unpacked: UnpackedRun, plugins: Plugins, ledger: RowLedger, *, questions: bool) -> tuple[int, int]:
    """Hold the verdicts of each cell against its texts. Gives how many were read, and how many have no text."""
    read = given = 0
    for cell in unpacked.run.cells:
        key: Key = (cell.task, cell.judge)
        found = check_texts(cell, plugins, questions=questions)
        read, given = read + found.read, given + found.given
        for problem in found.faults:
            ledger.add_problem(key, problem)
        if found.faults.count and not questions:
            ledger.add_problem(
                key, "the questions are not in the bundle; where an answer quotes one, `harness bundle --with-requests`"
            )
        if found.missing:
            ledger.add_problem(key, f"the cell says it is complete, and {found.missing:,} requests have no judgement")
        if found.unread:
            # Else a format that is installed nowhere would be the way around the reading.
            ledger.add_lack(key, f"its texts were not read again: {found.unread}")
        if found.given:
            ledger.add_note(key, f"{found.given:,} verdicts come from no text that could be read again")
    return read, given
