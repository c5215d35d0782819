"""What enters a leaderboard: a run folder of this machine with its kept scores, or a bundle with numbers made here."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from harness.api import RecordedCell, UserError
from harness.bundle.questions import find_other_question
from harness.bundle.records import Signature
from harness.bundle.show import describe_signature
from harness.bundle.signers import Signer, find_signature, read_signers
from harness.bundle.unpack import rename_run
from harness.bundle.verify import VerifiedRun, open_verified
from harness.console import say
from harness.recorded.load import RecordedRun, load_run
from harness.report.faithfulness import read_faithfulness
from harness.report.leaderboard import build_leaderboard
from harness.report.records import Leaderboard
from harness.report.scored import Attestation, ScoredCell, load_scored
from harness.report.settings import agree
from harness.score.find import make_metric

if TYPE_CHECKING:
    from harness.discovery import Plugins


@dataclass(frozen=True, kw_only=True)
class Entrant:
    """A run that competes."""

    path: Path
    """The folder or the bundle."""
    run: RecordedRun
    """What it holds, under the name of its folder or of its file."""
    cells: Sequence[ScoredCell]
    """Its cells with their numbers."""
    root: str = ""
    """Hash over the bundle; empty for a folder."""
    warnings: tuple[str, ...] = ()
    """What a reader should know."""


def load_entrant(
    path: Path, plugins: Plugins, stack: ExitStack, *, signers: Sequence[Signer] | None, others: Sequence[Entrant] = ()
) -> Entrant:
    """Read a run folder or a bundle.

    Args:
        path: The folder or the file.
        plugins: The installed plugins.
        stack: Keeps the journal of a bundle until it ends.
        signers: Whose signatures are trusted.
        others: What has entered before.

    Raises:
        UserError: It is neither, or the same bundle has entered under another name.
    """
    if path.is_dir():
        run = load_run(path)
        return Entrant(path=path, run=run, cells=load_scored([run]))
    found = stack.enter_context(open_verified(path, plugins))
    root = found.verification.root
    same = next((other for other in others if other.root == root), None)
    if same is not None:
        raise UserError(f"{path} and {same.path} are the same bundle (hash {root[:16]}); leave one of them out")
    signature = find_signature(path, signers) if signers is not None else Signature(state="none")
    # By the name of the file: two people may have run the same manifest, and their runs have the same name then.
    run = replace(rename_run(found.unpacked.run, path.stem), folder=path.with_suffix(""))
    cells = [_with_standing(cell, found, signature, run=path.stem) for cell in found.recomputed.cells.values()]
    return Entrant(path=path, run=run, cells=cells, root=root, warnings=tuple(_list_warnings(path, found, signature)))


def load_entrants(
    paths: Sequence[Path], plugins: Plugins, stack: ExitStack, *, signers: Path | None = None
) -> list[Entrant]:
    """Read run folders and bundles that compete with one another. What a reader should know is said.

    Args:
        paths: The folders and files.
        plugins: The installed plugins.
        stack: Keeps the journals of bundles until it ends.
        signers: Whose signatures are trusted: a file as of `ssh-keygen -Y verify`. `None`: nobody's.

    Raises:
        UserError: One of them is neither, is given twice, or was asked something else than another.
    """
    # `runs/*` beside one of them by name would else rank each judge against itself.
    places = [path.resolve() for path in paths]
    twice = next((path for path in places if places.count(path) > 1), None)
    if twice is not None:
        raise UserError(f"{'run' if twice.is_dir() else 'bundle'} {twice.name} is given twice; name each once")
    trusted = None if signers is None else read_signers(signers)
    entrants: list[Entrant] = []
    for path in paths:
        entrant = load_entrant(path, plugins, stack, signers=trusted, others=entrants)
        for same in filter(partial(_is_copy, entrant), entrants):
            # Two people may run one manifest, and may get the same answers. A folder beside a bundle is one person's.
            if bool(same.root) != bool(entrant.root):
                raise UserError(f"{path} and {same.path} have the same answers: one is a bundle of the other; name one")
            say(f"warning: {path} and {same.path} have the same answers; if one is a copy, leave it out")
        if problem := find_other_question(entrant.run, [other.run for other in entrants]):
            raise UserError(f"{path} cannot be compared with the others: {problem}; `harness verify --data` tells more")
        entrants.append(entrant)
        for warning in entrants[-1].warnings:
            say(f"warning: {warning}")
    return entrants


def _is_copy(first: Entrant, second: Entrant) -> bool:
    """Whether two runs have the same answers, of the same judges to the same items."""

    def identify(cell: RecordedCell) -> tuple[str, str, str]:
        return cell.task, cell.judge_key, cell.data_hash

    mine, theirs = (sorted(entrant.run.cells, key=identify) for entrant in (first, second))
    return list(map(identify, mine)) == list(map(identify, theirs)) and all(
        answer == other
        for cell, its in zip(mine, theirs, strict=True)
        for answer, other in zip_longest(cell.answers(texts=True), its.answers(texts=True))
    )


def rank_entrants(
    entrants: Sequence[Entrant], plugins: Plugins, *, metric: str | None = None, group_by: str | None = None
) -> Leaderboard:
    """The leaderboard of several runs, as they agree on it. The arguments have the last word.

    Args:
        entrants: The runs.
        plugins: The installed plugins, one of which may have the metric.
        metric: The metric to show.
        group_by: What a block of the leaderboard is.

    Raises:
        UserError: Their protocols or data differ, or the metric is unknown.
    """
    settings, seed = agree([found.run for found in entrants], metric=metric, group_by=group_by)
    return build_leaderboard(
        [cell for found in entrants for cell in found.cells],
        settings,
        seed=seed,
        left_out=[cell for found in entrants for cell in found.run.left_out],
        # A bundle has none of it: only its maker could compute it again.
        explained=[known for found in entrants if found.path.is_dir() for known in read_faithfulness(found.run)],
        find_metric=lambda name: make_metric(name, plugins),
    )


def _with_standing(cell: ScoredCell, found: VerifiedRun, signature: Signature, *, run: str) -> ScoredCell:
    standing = Attestation(
        verified=found.is_verified(cell.task, cell.judge),
        signed_by=signature.signer if signature.state == "signed" else "",
    )
    return replace(cell, run=run, standing=standing)


def _list_warnings(path: Path, found: VerifiedRun, signature: Signature) -> list[str]:
    said = []
    checked = found.verification
    if checked.differs:
        wrong = sum(row.state == "differs" for row in checked.rows)
        what = f"{wrong:,} of {len(checked.rows):,} rows do not hold" if wrong else "its board does not hold"
        said.append(f"{path}: {what}; `harness verify {path}` says why")
    lost = {**found.recomputed.uncomputed, **found.recomputed.broken}
    said += [f"{path}: {judge} on {task} is left out: {reason}" for (task, judge), reason in lost.items()]
    if signature.state == "bad":
        said.append(f"{path}: {describe_signature(signature)}")
    return said
