"""Where a benchmark's rows are: the files of each subset in a folder, or a hub dataset; and a hash of their content.

Not for what is in them: see `rows` and each benchmark's module.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.api import DataError
from harness_preference.hub import HubName, hub_rows
from harness_preference.rows import SUFFIXES, Row, read_rows, suffix_of

HASHED_WHOLE = 256 * 2**20
"""Bytes. Larger files enter a fingerprint by size and time of change, not by content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a benchmark's data are laid out."""

    subsets: tuple[str, ...]
    """Its subsets in order; empty when a release may hold any."""
    split: str
    """The official split on the hub, also the first word of the parquet files that are copied from there."""
    hub: str = "config"
    """What a subset is on the hub: a `config`, a `split`, or files under `data/`."""
    unfolded_only_by_name: frozenset[str] = frozenset()
    """Subsets that are used only when a manifest names them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One subset of one copy of a benchmark."""

    subset: str
    files: tuple[Path, ...] = ()
    """Local files in order; empty for the hub."""
    root: Path | None = None
    """The data folder."""
    hub: HubName | None = None
    layout: Layout
    split: str

    def rows(self) -> Iterator[Row]:
        """Stream the rows.

        Raises:
            DataError: They cannot be read.
        """
        if self.hub is None:
            assert self.root is not None
            return read_rows(self.files, root=self.root)
        if self.layout.hub == "split":
            return hub_rows(self.hub, config=None, split=self.subset)
        if self.layout.hub == "files":
            return hub_rows(self.hub, config=None, split=self.split, data_files=f"data/{self.subset}*.parquet")
        return hub_rows(self.hub, config=self.subset, split=self.split)

    def digest(self) -> str:
        """SHA-256 of the files; a hub dataset stands for its name and revision, so pin a revision.

        Raises:
            DataError: A file cannot be read.
        """
        sha = hashlib.sha256(f"{self.subset}:{self.split if self.hub else ''}:{self.hub or ''}".encode())
        for file in self.files:
            try:
                facts = file.stat()
                if facts.st_size > HASHED_WHOLE:
                    sha.update(f"{facts.st_size}:{facts.st_mtime_ns}".encode())
                else:
                    with file.open("rb") as stream:
                        sha.update(hashlib.file_digest(stream, "sha256").digest())
            except OSError as error:
                raise DataError(f"{file}: cannot be read ({error.strerror or error}); mend the file") from error
        return sha.hexdigest()


def find(data: str | None, *, layout: Layout, subset: str | None, split: str | None, task: str) -> list[Source]:
    """The subsets that `data:` holds, in the benchmark's order.

    Args:
        data: The manifest's `data:`, a path or `hub:ORG/NAME[@REVISION]`.
        layout: The benchmark's.
        subset: The one that is wanted; all by default.
        split: Split of the hub; the official one by default.
        task: Name of the task, for messages.

    Raises:
        DataError: There is no data, the subset is not in it, or it is not of this layout.
    """
    if data is None:
        raise DataError(f"task {task}: needs data; write `data:` with a folder, a file or hub:ORG/NAME in the manifest")
    if subset is not None and layout.subsets and subset not in layout.subsets:
        raise DataError(f"task {task}: there is no subset {subset!r}; it has {', '.join(layout.subsets)}")
    split = split or layout.split
    if data.startswith("hub:"):
        wanted = (subset,) if subset else layout.subsets
        if not wanted:
            raise DataError(f"task {task}: a hub dataset needs `with: {{subset: ...}}`, such as quality")
        name = HubName.parse(data)
        return [Source(subset=each, hub=name, layout=layout, split=split) for each in wanted]
    path = Path(data)
    found = _in_file(path, layout, subset) if path.is_file() else _in_folder(path, layout, split)
    wanted = (subset,) if subset else tuple(name for name in found if name not in layout.unfolded_only_by_name)
    if not found or any(name not in found for name in wanted) or not wanted:
        raise DataError(
            f"task {task}: {path} does not hold {f'the subset {subset!r}' if subset else 'its data'}; expected "
            f"SUBSET/items.jsonl.gz, SUBSET/{split}-*.parquet or [data/]SUBSET.parquet with SUBSET one of "
            f"{', '.join(layout.subsets) or 'its own names'} ({', '.join(SUFFIXES)} are read)"
            + (f"; found only {', '.join(found)}" if found else "")
        )
    root = path.parent if path.is_file() else path
    return [Source(subset=each, files=found[each], root=root, layout=layout, split=split) for each in wanted]


def _in_file(path: Path, layout: Layout, subset: str | None) -> dict[str, tuple[Path, ...]]:
    if not suffix_of(path):
        raise DataError(f"{path}: this kind of file is not read; expected {', '.join(SUFFIXES)}")
    names = (subset, _stem(path), path.parent.name)
    known = next((name for name in names if name and (name == subset or _is_subset(name, layout))), None)
    if known is None:
        raise DataError(f"{path}: which subset is it? Write `with: {{subset: ...}}`: {', '.join(layout.subsets)}")
    return {known: (path,)}


def _in_folder(folder: Path, layout: Layout, split: str) -> dict[str, tuple[Path, ...]]:
    """Every subset's files, from its own folder or from files of its name, at the top or under `data/`."""
    found: dict[str, list[tuple[Path, ...]]] = {}
    for place in (folder, folder / "data"):
        loose: dict[str, list[Path]] = {}
        for entry in _entries(place):
            name = _stem(entry)
            if entry.is_dir() and entry != folder / "data" and _is_subset(entry.name, layout):
                if files := _of_subset(entry, split):
                    found.setdefault(entry.name, []).append(files)
            elif entry.is_file() and suffix_of(entry) and _is_subset(name, layout):
                loose.setdefault(name, []).append(entry)
        for name, shards in loose.items():
            found.setdefault(name, []).append(tuple(shards))
    if not found and _is_subset(folder.name, layout) and (files := _of_subset(folder, split)):
        found[folder.name] = [files]
    for name, places in found.items():
        if len(places) > 1:
            raise DataError(f"{folder}: {name} is there twice: {places[0][0]} and {places[1][0]}; remove one")
    order = {name: k for k, name in enumerate(layout.subsets)}
    return {name: found[name][0] for name in sorted(found, key=lambda name: (order.get(name, 0), name))}


def _of_subset(folder: Path, split: str) -> tuple[Path, ...]:
    """`items.*`, or the shards of the split."""
    files = [entry for entry in _entries(folder) if entry.is_file() and suffix_of(entry)]
    items = [file for file in files if _stem(file) == "items"]
    if len(items) > 1:
        raise DataError(f"{folder}: {items[0].name} and {items[1].name} are both there; remove one")
    return tuple(items) or tuple(file for file in files if _stem(file) == split)


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror or error}); mend its permissions") from error


def _stem(path: Path) -> str:
    """Name without ending and without the hub's shard number: `quality-00000-of-00002.parquet` is `quality`."""
    ending = suffix_of(path)
    return re.sub(r"-\d{5}-of-\d{5}$", "", path.name[: -len(ending)] if ending else path.name)


def _is_subset(name: str, layout: Layout) -> bool:
    return name in layout.subsets if layout.subsets else name != "items" and not name.startswith(".")
