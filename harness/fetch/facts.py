"""What a task's card says of its data, as lines for people: where they are, licence, gate, size, layout.

Not for what the hub says: see `hub`.
"""

from __future__ import annotations

import shlex
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path

from harness.api import Dataset
from harness.discovery import Offer
from harness.fetch.hub import Listing, page_of
from harness.fetch.progress import write_bytes

_SHOWN = 20
_UNKNOWN = "not known"
_NARROWEST = 20


def dataset_of(offer: Offer) -> Dataset:
    """What the card says of the data. All is unknown where it says nothing."""
    said = getattr(offer.card, "data", None)
    return said if isinstance(said, Dataset) else Dataset()


def place_of(data: Dataset) -> str:
    """Where the data are: a page, or the address of a git repository. Empty where the card does not say it."""
    return page_of(data.hub) if data.hub else data.place


def list_facts(offer: Offer) -> Iterator[str]:
    """What is known without asking the hub."""
    card, data = offer.card, dataset_of(offer)
    gate = {None: _UNKNOWN, True: "ask for access on its page, and log in", False: "none"}[data.gated]
    yield f"{offer.id}: {card.summary}"
    yield f"  data: {place_of(data) or 'its card names no place; they come with the plugin, or are your own'}"
    yield f"  licence: {card.licence or _UNKNOWN}"
    yield f"  gate: {gate}"
    yield f"  items of test: {_UNKNOWN if data.rows is None else f'{data.rows:,}'}"
    yield f"  size: {_UNKNOWN if data.bytes is None else write_bytes(data.bytes)}"
    if data.hub:
        yield f"  files: {', '.join(data.files) or 'all'}"
        yield f"  revision: {data.revision or 'the newest, which is kept in the folder'}"
    yield f"  source: {card.source or _UNKNOWN}"
    yield from list_steps(offer)


def fold(line: str, width: int) -> str:
    """A line as several of at most `width` columns, the further ones set in. Addresses stay whole.

    Args:
        line: One of `list_facts`.
        width: Columns of the terminal; 0 where there is none, and the line stays as it is.
    """
    if not width:
        return line
    return textwrap.fill(
        line, max(width, _NARROWEST), subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )


def list_steps(offer: Offer) -> Iterator[str]:
    """The layout that the task reads, and what is left to do by hand."""
    # The description of a benchmark says in this paragraph which files it reads.
    paragraphs = offer.card.description.split("\n\n")
    if layout := next((part for part in paragraphs if part.startswith("Data:")), ""):
        yield "  layout: " + " ".join(layout.removeprefix("Data:").split())
    if afterwards := dataset_of(offer).afterwards:
        yield f"  afterwards: {' '.join(afterwards.split())}"


def next_command(offer: Offer) -> str:
    """What to do to have the data."""
    data, check = dataset_of(offer), f"harness data {offer.id} --to DIR --check"
    if data.hub:
        return f"harness data {offer.id} --to DIR"
    if data.git:
        return f"git clone --depth 1 {shlex.quote(data.git)} DIR, then {check}"
    return f"{f'get them from {data.page} into a folder' if data.page else 'have them in a folder'}, then {check}"


def list_download(listing: Listing, folder: Path, *, missing: int) -> Iterator[str]:
    """What a download would do: commit, files with sizes, target, free space.

    Args:
        listing: The files.
        folder: Where they are to lie.
        missing: Bytes that are not there yet.
    """
    for file in listing.files[:_SHOWN]:
        yield f"{file.bytes:>18,}  {file.name}"
    if len(listing.files) > _SHOWN:
        yield f"{'':>18}  and {len(listing.files) - _SHOWN:,} more"
    # The answer of the hub, which knows it better than a card.
    yield f"  gate: {'the hub asks for consent first' if listing.gated else 'none'}"
    yield f"  commit: {listing.commit}"
    yield f"  size: {write_bytes(listing.bytes)} in {len(listing.files):,} files, {write_bytes(missing)} to fetch"
    yield f"  target: {folder}, with {write_bytes(free_bytes(folder))} free"


def free_bytes(folder: Path) -> int:
    """Free space of the disk on which a folder is or will be."""
    # The folder may not be there yet, and `absolute` ends at a root that is.
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    return shutil.disk_usage(there).free
