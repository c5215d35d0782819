"""`harness data`: where the data of a benchmark are, a download of them, and a check of what is there."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.console import echo, load_plugins, say

if TYPE_CHECKING:
    from harness.discovery import Offer, Plugins
    from harness.fetch.hub import Listing
    from harness.fetch.record import FetchRecord

_LARGE = 10**9
"""Bytes from which a person at a terminal is asked first."""
_LARGEST = 50 * 10**9
"""Bytes of a file that the hub sends over plain HTTP."""


@click.command("data")
@click.argument("task")
@click.option(
    "--to", "folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Fetch them into a folder."
)
@click.option("--check", is_flag=True, help="Fetch nothing: check the files of DIR, and open the benchmark on it.")
@click.option("--dry-run", is_flag=True, help="Ask the hub for files and sizes. Nothing is fetched.")
@click.option("--yes", is_flag=True, help="Do not ask before a large download.")
@click.option("--revision", metavar="REVISION", help="Branch, tag or commit.  [default: that of DIR, or of the card]")
@click.option(
    "--files", "patterns", multiple=True, metavar="PATTERN", help="Fetch these files; may be given several times."
)
@click.pass_context
def command(
    ctx: click.Context,
    task: str,
    folder: Path | None,
    check: bool,
    dry_run: bool,
    yes: bool,
    revision: str | None,
    patterns: tuple[str, ...],
) -> int:
    """Say where the data of TASK are, under which licence and gate, and how large; with --to, fetch and check them.

    A download can be stopped: the same command goes on with it. Each file is held to the hash that the hub lists, and
    size and SHA-256 are kept in DIR, for --check. Data that are on no hub are fetched by hand, as is said.

    \b
    Examples:
      harness data preference/rewardbench
      harness data preference/rewardbench --to data/rewardbench --dry-run
      harness data preference/rewardbench --to data/rewardbench
      harness data preference/rewardbench --to data/rewardbench --check
    """
    from harness.fetch.facts import list_facts, next_command

    if folder is None and (check or dry_run or yes or revision or patterns):
        raise click.UsageError("--check, --dry-run, --yes, --revision and --files need --to DIR", ctx)
    if check and (dry_run or yes or revision or patterns):
        raise click.UsageError("--check fetches nothing: leave out --dry-run, --yes, --revision and --files", ctx)
    plugins = load_plugins(ctx)
    offer = plugins.find("task", task)
    if folder is None:
        _echo_folded(list_facts(offer))
        say(f"to have them: {next_command(offer)}")
        return 0
    if check:
        _check_folder(offer, plugins, folder)
        return 0
    listing = _prepare(offer, folder, revision, patterns)
    if dry_run:
        echo("nothing was fetched")
        return 0
    if not yes and listing.bytes > _LARGE and sys.stdin.isatty():
        click.confirm("fetch them?", abort=True, err=True)
    _fetch(offer, plugins, folder, listing)
    return 0


def _echo_folded(lines: Iterable[str]) -> None:
    """Print lines, folded to the terminal. In a pipe each stays one line, for programs."""
    from harness.fetch.facts import fold

    # Without a terminal and without COLUMNS there are none.
    width = shutil.get_terminal_size((0, 0)).columns
    for line in lines:
        echo(fold(line, width))


def _prepare(offer: Offer, folder: Path, revision: str | None, patterns: tuple[str, ...]) -> Listing:
    """What is to be fetched, after it was shown.

    Raises:
        UserError: There is no data set on the hub, the folder holds something else, or the disk is too small.
    """
    from harness.api import DataError, UserError
    from harness.fetch.facts import dataset_of, free_bytes, list_download, list_facts, next_command
    from harness.fetch.hub import list_files
    from harness.fetch.progress import write_bytes
    from harness.fetch.record import read_record

    data = dataset_of(offer)
    _echo_folded(list_facts(offer))
    if not data.hub:
        raise UserError(
            f"{offer.id}: its data are no data set of the hub, so nothing is fetched; {next_command(offer)}"
        )
    record = read_record(folder)
    _check_target(folder, record, data.hub)
    wanted = revision or (record.commit if record else data.revision or None)
    listing = list_files(data.hub, revision=wanted, patterns=patterns or data.files)
    if record is not None and record.commit != listing.commit:
        raise DataError(f"{folder}: holds commit {record.commit}; give another folder for commit {listing.commit}")
    missing = sum(_count_missing(folder / file.name, file.bytes) for file in listing.files)
    for line in list_download(listing, folder, missing=missing):
        echo(line)
    _check_sizes(offer, folder, listing)
    if missing > (free := free_bytes(folder)):
        raise UserError(
            f"{folder}: the disk has {write_bytes(free)} free, and {write_bytes(missing)} are to be fetched; give a "
            "folder on a larger disk, or name fewer files with --files"
        )
    return listing


def _check_sizes(offer: Offer, folder: Path, listing: Listing) -> None:
    """Refuse what the hub does not send over HTTP."""
    from harness.api import UserError

    if large := [file.name for file in listing.files if file.bytes > _LARGEST]:
        place = shlex.quote(str(folder))
        raise UserError(
            f"{large[0]}: is larger than the 50 GB that the hub sends over HTTP; fetch the files with `hf download "
            f"{listing.hub} --repo-type dataset --revision {listing.commit} --local-dir {place}`, then `harness data "
            f"{offer.id} --to {place} --check`"
        )


def _check_target(folder: Path, record: FetchRecord | None, hub: str) -> None:
    """Refuse a folder that holds something else."""
    from harness.api import DataError

    if record is not None and record.hub != hub:
        raise DataError(f"{folder}: was fetched from {record.hub}, and not from {hub}; give another folder")
    if record is None and folder.is_dir() and any(folder.iterdir()):
        raise DataError(
            f"{folder}: is not empty, and nothing was fetched into it; give another folder, or check your own copy "
            "with --check"
        )


def _count_missing(path: Path, size: int) -> int:
    """Bytes of a file that are to be fetched: what an earlier command began is not fetched again."""
    from harness.fetch.record import part_of

    if path.is_file() and path.stat().st_size == size:
        return 0
    part = part_of(path)
    return max(0, size - part.stat().st_size) if part.is_file() else size


def _fetch(offer: Offer, plugins: Plugins, folder: Path, listing: Listing) -> None:
    """Fetch, keep what was fetched, and open the benchmark on it."""
    from harness.api import DataError
    from harness.fetch.download import download_files
    from harness.fetch.facts import dataset_of, list_steps
    from harness.fetch.record import FetchedFile, FetchRecord, read_record, write_record

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: cannot be made ({error.strerror or error}); give another folder") from error
    # Another task of the same data set may have fetched other files of it.
    record = read_record(folder)
    kept = {file.name: file for file in (record.files if record else ())}
    kept |= {file.name: FetchedFile(name=file.name, bytes=file.bytes) for file in listing.files}
    # Before the first byte, so that a download that is stopped goes on with the same commit.
    write_record(folder, FetchRecord(hub=listing.hub, commit=listing.commit, files=[*kept.values()]))
    kept |= {file.name: file for file in download_files(listing, folder)}
    write_record(folder, FetchRecord(hub=listing.hub, commit=listing.commit, files=[*kept.values()]))
    echo(f"{folder}: {len(listing.files):,} files are complete, and have the hashes that the hub lists")
    if dataset_of(offer).afterwards:
        for line in list_steps(offer):
            echo(line)
        say(f"then: harness data {offer.id} --to {folder} --check")
    else:
        _open(offer, plugins, folder)


def _check_folder(offer: Offer, plugins: Plugins, folder: Path) -> None:
    """Hold the files to what was fetched, and open the benchmark.

    Raises:
        DataError: A file is missing, cut off or changed, or the benchmark cannot be read.
    """
    from harness.api import DataError
    from harness.fetch.record import RECORD, find_changes, read_record

    if not folder.is_dir():
        raise DataError(f"{folder}: is no folder; fetch the data with `harness data {offer.id} --to {folder}`")
    record = read_record(folder)
    if record is None:
        say(f"{folder}: has no {RECORD}, so it is a copy of your own, and no hashes are known")
    else:
        changes = find_changes(folder, record.files)
        if not record.is_complete:
            changes.append("the download was stopped before its end")
        if changes:
            more = [f"and {len(changes) - 20:,} more"] if len(changes) > 20 else []
            raise DataError(
                "\n  ".join([f"{folder}: is not what was fetched", *changes[:20], *more])
                + f"\n`harness data {offer.id} --to {folder}` fetches these files again"
            )
        echo(f"{folder}: {len(record.files):,} files of {record.hub} at {record.commit} are as they were fetched")
    _open(offer, plugins, folder)


def _open(offer: Offer, plugins: Plugins, folder: Path) -> None:
    """Say how many items each subset has."""
    from harness.fetch.facts import dataset_of
    from harness.fetch.rows import count_rows

    total = 0
    for name, count in count_rows(offer, plugins, folder):
        echo(f"{count:>12,}  {name}")
        total += count if name.endswith(", test") else 0
    known = dataset_of(offer).rows
    if known is not None and known != total:
        say(f"note: {total:,} items of test are here, and {known:,} were counted for the card; revisions differ")
