"""What enters a leaderboard: a run folder of this machine with its kept scores, or a bundle with numbers made here."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.api import UserError
from harness.bundle.records import Signature
from harness.bundle.show import describe_signature
from harness.bundle.signers import Signer, find_signature
from harness.bundle.unpack import rename_run
from harness.bundle.verify import VerifiedRun, open_verified
from harness.recorded.load import RecordedRun, load_run
from harness.report.scored import ScoredCell, Standing, load_scored

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


def _with_standing(cell: ScoredCell, found: VerifiedRun, signature: Signature, *, run: str) -> ScoredCell:
    standing = Standing(
        verified=found.is_verified(cell.task, cell.judge),
        signed_by=signature.signer if signature.state == "signed" else "",
    )
    return replace(cell, run=run, standing=standing)


def _list_warnings(path: Path, found: VerifiedRun, signature: Signature) -> list[str]:
    said = []
    checked = found.verification
    if checked.differs:
        wrong = sum(row.state == "differs" for row in checked.rows)
        said.append(f"{path}: {wrong:,} of {len(checked.rows):,} rows do not hold; `harness verify {path}` names them")
    lost = {**found.recomputed.uncomputed, **found.recomputed.broken}
    said += [f"{path}: {judge} on {task} is left out: {reason}" for (task, judge), reason in lost.items()]
    if signature.state == "bad":
        said.append(f"{path}: {describe_signature(signature)}")
    return said
