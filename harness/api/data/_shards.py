"""Shards: the files of one table by the names that the hub gives them, and whether all of them are there.

Not for the choice of a table: see `_sources` and `_subsets`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from harness.api._errors import DataError
from harness.api.data._files import suffix_of

# Files of 2022 and 2023 have 16 hex digits after the numbers: a hash of the shard, so that each has another one.
_SHARD = re.compile(r"(?P<stem>.*)-(?P<number>\d{5})-of-(?P<count>\d{5})(?P<hash>-[0-9a-f]{16})?", re.ASCII | re.DOTALL)

_MOST_NAMED = 5  # a message with thousands of names is not read


def stem_of(path: Path) -> str:
    """Name without ending and without the hub's shard number: `quality-00000-of-00002.parquet` is `quality`."""
    shard = _match_shard(path)
    return _without_ending(path) if shard is None else shard["stem"]


def check_shards(files: Iterable[Path], *, pattern: str = "*") -> tuple[Path, ...]:
    """Return the files of tables unless one has a missing shard or a second copy.

    A table is one file, or all shards of one numbering. Files of another folder or stem are another table.

    >>> check_shards([Path("test-00000-of-00002.parquet"), Path("test-00001-of-00002.parquet")])[1].name
    'test-00001-of-00002.parquet'
    >>> check_shards([Path("data/test-00001-of-00002.parquet")])
    Traceback (most recent call last):
    harness.api._errors.DataError: data: test-00000-of-00002 is missing; download it

    Args:
        files: The files.
        pattern: The last part of what a manifest calls them. Shards that it leaves out are not missing.

    Raises:
        DataError: Rows would be missing, or be there twice.
    """
    files = tuple(files)
    tables: dict[tuple[Path, str], list[Path]] = {}
    for file in files:
        tables.setdefault((file.parent, stem_of(file)), []).append(file)
    for table in tables.values():
        _check_copies(table)
        _check_numbers(table, pattern)
    return files


def _check_copies(table: list[Path]) -> None:
    """Check that the files are those of one numbering, and that no number is there twice."""
    seen: dict[str, Path] = {}
    for file in table:
        shard = _match_shard(file)
        number = "" if shard is None else shard["number"]
        # Two plain files are two copies. So are files of two endings, two counts, or with and without a hash.
        if seen and (number in seen or _numbering_of(file) != _numbering_of(table[0])):
            other = seen.get(number, table[0])
            raise DataError(
                f"{file.parent}: {other.name} and {file.name} are both there, and rows would count twice; remove one"
            )
        seen[number] = file


def _check_numbers(table: list[Path], pattern: str) -> None:
    """Check that no shard is missing and none is too many."""
    shards = {int(shard["number"]): shard for file in table if (shard := _match_shard(file)) is not None}
    if not shards:
        return
    first = next(iter(shards.values()))
    count = int(first["count"])
    # The hub counts from 0. Who splits a table by hand may count from 1.
    start = 1 if count in shards and 0 not in shards else 0
    wanted = range(start, start + count)
    folder, ending = table[0].parent, table[0].name.removeprefix(first[0])
    beyond = [shard[0] for number, shard in shards.items() if number not in wanted]
    if beyond:
        raise DataError(f"{folder}: {beyond[0]} is beyond the last shard; remove it, or correct its name")
    names = {number: f"{first['stem']}-{number:05}-of-{first['count']}" for number in wanted if number not in shards}
    missing = [name for name in names.values() if fnmatchcase(f"{name}{first['hash'] or ''}{ending}", pattern)]
    if missing:
        more = [f"{len(missing) - _MOST_NAMED:,} more"] if len(missing) > _MOST_NAMED else []
        *others, last = missing[:_MOST_NAMED] + more
        said = f"{', '.join(others)} and {last} are missing; download them"
        raise DataError(f"{folder}: {said if others else f'{last} is missing; download it'}")


def _match_shard(path: Path) -> re.Match[str] | None:
    return _SHARD.fullmatch(_without_ending(path))


def _numbering_of(path: Path) -> tuple[str, bool, str]:
    """What all shards of a table share: their count, whether names have a hash, and the ending."""
    shard = _match_shard(path)
    count, hashed = ("", False) if shard is None else (shard["count"], shard["hash"] is not None)
    return count, hashed, suffix_of(path)


def _without_ending(path: Path) -> str:
    return path.name[: len(path.name) - len(suffix_of(path))]
