"""Where a benchmark's rows are: the files of each subset in a folder, or a hub dataset; and a hash of their content.

Not for what is in them: see each benchmark's module.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.api import Context, DataError
from harness.api.data import SUFFIXES, HubSplit, Media, PictureStore, Row, Table, did_you_mean, suffix_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a benchmark's data are laid out."""

    subsets: tuple[str, ...]
    """Its subsets in order; empty when a release may hold any."""
    split: str
    """The official split on the hub, also the first word of the parquet files that are copied from there."""
    hub: str = "config"
    """What a subset is on the hub: a `config`, a `split`, files under `data/`, or `all` of a dataset without parts."""
    files: tuple[str, ...] = ()
    """Names of a subset's files in the published release, without their ending: `Benchmark/{subset}`. They are looked
    for beside the places that every benchmark may use, which are those of a copy of the hub."""
    archives: tuple[str, ...] = ()
    """Patterns of archives with the pictures, such as `images/*.zip`."""
    prefixes: tuple[str, ...] = ("",)
    """What may stand before the name of a picture, such as `images/`."""
    unfolded_only_by_name: frozenset[str] = frozenset()
    """Subsets that are used only when a manifest names them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One subset of one copy of a benchmark."""

    subset: str
    table: Table | HubSplit

    def rows(self) -> Iterator[Row]:
        """Stream the rows.

        Raises:
            DataError: They cannot be read.
        """
        return self.table.rows()

    def digest(self) -> str:
        """SHA-256 of the files; a hub dataset stands for its name and revision, so pin a revision.

        Raises:
            DataError: A file cannot be read.
        """
        return hashlib.sha256(f"{self.subset}:{self.table.digest()}".encode()).hexdigest()


def find(
    data: str | None,
    *,
    layout: Layout,
    subset: str | None,
    split: str | None,
    context: Context,
    media: Media = None,
) -> list[Source]:
    """The subsets that `data:` holds, in the benchmark's order.

    Args:
        data: The manifest's `data:`, a path or `hub:ORG/NAME[@REVISION]`.
        layout: The benchmark's.
        subset: The one that is wanted; all by default.
        split: Split of the hub; the official one by default.
        context: The entry's, for its name and workspace.
        media: Whether the pictures are there.

    Raises:
        DataError: There is no data, the subset is not in it, or it is not of this layout.
    """
    task = context.name
    if data is None:
        raise DataError(f"task {task}: needs data; write `data:` with a folder, a file or hub:ORG/NAME in the manifest")
    if subset is not None and layout.subsets and subset not in layout.subsets:
        close = did_you_mean(subset, layout.subsets)
        raise DataError(f"task {task}: there is no subset {subset!r}; it has {', '.join(layout.subsets)}.{close}")
    split = split or layout.split
    if data.startswith("hub:"):
        wanted = (subset,) if subset else layout.subsets
        if not wanted:
            raise DataError(f"task {task}: a hub dataset needs `with: {{subset: ...}}`, such as quality")
        return [Source(subset=each, table=_on_hub(data, layout, each, split).with_media(media)) for each in wanted]
    path = Path(data)
    found = _in_file(path, layout, subset) if path.is_file() else _in_folder(path, layout, split)
    wanted = (subset,) if subset else tuple(name for name in found if name not in layout.unfolded_only_by_name)
    if not found or any(name not in found for name in wanted) or not wanted:
        raise DataError(
            f"task {task}: {path} does not hold {f'the subset {subset!r}' if subset else 'its data'}; expected "
            f"{_expected(layout, split)}" + (f"; found only {', '.join(found)}" if found else "")
        )
    root = path.parent if path.is_file() else path
    pictures = None
    if layout.archives or layout.prefixes != ("",):
        pictures = PictureStore(root, workspace=context.workspace, archives=layout.archives, prefixes=layout.prefixes)
    tables = {each: Table(files=found[each], root=root, pictures=pictures).with_media(media) for each in wanted}
    return [Source(subset=each, table=table) for each, table in tables.items()]


def _expected(layout: Layout, split: str) -> str:
    """The places that are looked at, for people; a benchmark without parts is spelt out."""
    name = layout.subsets[0] if len(layout.subsets) == 1 else "SUBSET"
    files = [file.format(subset=name) for file in layout.files]
    parts = "" if name != "SUBSET" else f"SUBSET one of {', '.join(layout.subsets) or 'its own names'} and "
    return (
        f"{', '.join([*files, f'{name}/items'])}, {name}/{split}-* or [data/]{name}, with {parts}"
        f"an ending of {', '.join(SUFFIXES)}; `harness show` of the task says which files are published"
    )


def _on_hub(data: str, layout: Layout, subset: str, split: str) -> HubSplit:
    if layout.hub == "split":
        return HubSplit.parse(data, split=subset)
    if layout.hub == "files":
        return HubSplit.parse(data, split=split, data_files=f"data/{subset}*.parquet")
    return HubSplit.parse(data, split=split, config=subset if layout.hub == "config" else None)


def _in_file(path: Path, layout: Layout, subset: str | None) -> dict[str, tuple[Path, ...]]:
    if not suffix_of(path):
        raise DataError(f"{path}: this kind of file is not read; expected {', '.join(SUFFIXES)}")
    only = layout.subsets[0] if len(layout.subsets) == 1 else None
    names = (subset, only, _stem(path), path.parent.name)
    known = next((name for name in names if name and (name == subset or _is_subset(name, layout))), None)
    if known is None:
        raise DataError(f"{path}: which subset is it? Write `with: {{subset: ...}}`: {', '.join(layout.subsets)}")
    return {known: (path,)}


def _in_folder(folder: Path, layout: Layout, split: str) -> dict[str, tuple[Path, ...]]:
    """Every subset's files: in the places of the release, in its own folder, or loose, at the top or under `data/`."""
    found: dict[str, list[tuple[Path, ...]]] = {}
    for name in layout.subsets:
        for pattern in layout.files:
            at = folder / pattern.format(subset=name)
            if files := tuple(entry for entry in _entries(at.parent) if suffix_of(entry) and _stem(entry) == at.name):
                found.setdefault(name, []).append(files)
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
        if different := [place for place in places if place != places[0]]:
            raise DataError(f"{folder}: {name} is there twice: {places[0][0]} and {different[0][0]}; remove one")
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
    return re.sub(r"-\d{5}-of-\d{5}(-[0-9a-f]{16})?$", "", path.name[: -len(ending)] if ending else path.name)


def _is_subset(name: str, layout: Layout) -> bool:
    return name in layout.subsets if layout.subsets else name != "items" and not name.startswith(".")
