"""Finds the rows of each subset of a published benchmark, in its own release or in a copy of the hub.

Not for the content of the rows: see `_table_task`. For one set of rows with its splits see `_sources`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.api._contracts import Context
from harness.api._errors import DataError
from harness.api.data._archives import PictureStore
from harness.api.data._cells import did_you_mean
from harness.api.data._files import SUFFIXES, suffix_of
from harness.api.data._folders import entries_of, files_by_stem
from harness.api.data._hub import HubSplit
from harness.api.data._shards import check_shards, stem_of
from harness.api.data._sources import Source, data_of
from harness.api.data._tables import Media, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The layout of a benchmark's data."""

    subsets: tuple[str, ...]
    """Its subsets in order. Empty where a release may hold any."""
    split: str
    """The official split on the hub. It is also the first word of the parquet files there."""
    hub: str = "config"
    """How the hub holds a subset: as a `config`, as a `split`, as `files` under `data/`, or as `all` of a dataset
    without parts."""
    files: tuple[str, ...] = ()
    """Names of a subset's files in the published release, without their ending: `Benchmark/{subset}`. The places of a
    copy of the hub are searched as well, for every benchmark."""
    archives: tuple[str, ...] = ()
    """Patterns of archives with the pictures, such as `images/*.zip`."""
    prefixes: tuple[str, ...] = ("",)
    """Texts that may stand before the name of a picture, such as `images/`."""
    unfolded_only_by_name: frozenset[str] = frozenset()
    """Subsets that are only used when a manifest names them."""


def find_subsets(
    context: Context, layout: Layout, *, subset: str | None = None, split: str | None = None, media: Media = None
) -> dict[str, Source]:
    """Find the subsets that `data:` holds, in the benchmark's order, each with its source. Nothing is read.

    >>> import tempfile
    >>> from harness.api.data import write_table
    >>> from harness.testing import FakeContext
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = write_table(folder / "safety/items.csv", [{"id": "1"}])
    >>> layout = Layout(subsets=("quality", "safety"), split="test")
    >>> list(find_subsets(FakeContext(data=str(folder), workspace=folder), layout))
    ['safety']

    Args:
        context: The entry's context, for its data, name and workspace.
        layout: The benchmark's layout.
        subset: The subset to find. All by default.
        split: Split of the hub. The official one by default.
        media: Whether the pictures are there.

    Raises:
        DataError: There are no data, the subset is not in them, they do not have this layout, a shard is missing, or a
            table is there twice.
    """
    data, task = data_of(context), f"task {context.name}"
    if subset is not None and layout.subsets and subset not in layout.subsets:
        close = did_you_mean(subset, layout.subsets)
        raise DataError(f"{task}: there is no subset {subset!r}; it has {', '.join(layout.subsets)}.{close}")
    split = split or layout.split
    if data.startswith("hub:"):
        wanted = (subset,) if subset else layout.subsets
        if not wanted:
            raise DataError(f"{task}: a hub dataset needs `with: {{subset: ...}}`, such as quality")
        return {each: _find_on_hub(data, layout, each, split).with_media(media) for each in wanted}
    path = Path(data)
    found = _find_in_file(path, layout, subset) if path.is_file() else _find_in_folder(path, layout, split)
    wanted = (subset,) if subset else tuple(name for name in found if name not in layout.unfolded_only_by_name)
    if not found or any(name not in found for name in wanted) or not wanted:
        raise DataError(
            f"{task}: {path} does not hold {f'the subset {subset!r}' if subset else 'its data'}; expected "
            f"{_describe_places(layout, split)}" + (f"; found only {', '.join(found)}" if found else "")
        )
    # Pictures may only come from the data folder: rows are hostile.
    root = path.parent if path.is_file() else path
    pictures = None
    if layout.archives or layout.prefixes != ("",):
        pictures = PictureStore(root, workspace=context.workspace, archives=layout.archives, prefixes=layout.prefixes)
    return {
        # A single file that the manifest names is taken as it is, also one shard of several.
        each: Table(
            files=found[each] if path.is_file() else check_shards(found[each]), root=root, pictures=pictures
        ).with_media(media)
        for each in wanted
    }


def _describe_places(layout: Layout, split: str) -> str:
    """The places that are searched, for people. A benchmark with a single subset is named in full."""
    name = layout.subsets[0] if len(layout.subsets) == 1 else "SUBSET"
    files = [file.format(subset=name) for file in layout.files]
    parts = "" if name != "SUBSET" else f"SUBSET one of {', '.join(layout.subsets) or 'its own names'} and "
    loose = split if layout.hub == "all" and split != layout.split else name
    return (
        f"{', '.join([*files, f'{name}/items'])}, {name}/{split}-* or [data/]{loose}, with {parts}"
        f"an ending of {', '.join(SUFFIXES)}; `harness show` of the task says which files are published"
    )


def _find_on_hub(data: str, layout: Layout, subset: str, split: str) -> HubSplit:
    if layout.hub == "split":
        return HubSplit.parse(data, split=subset)
    if layout.hub == "files":
        return HubSplit.parse(data, split=split, data_files=f"data/{subset}*.parquet")
    return HubSplit.parse(data, split=split, config=subset if layout.hub == "config" else None)


def _find_in_file(path: Path, layout: Layout, subset: str | None) -> dict[str, tuple[Path, ...]]:
    if not suffix_of(path):
        raise DataError(f"{path}: this kind of file is not read; expected {', '.join(SUFFIXES)}")
    # A file tells its subset by its own name or by its folder's, as `quality/items.jsonl` does.
    only = layout.subsets[0] if len(layout.subsets) == 1 else None
    names = (subset, only, stem_of(path), path.parent.name)
    known = next((name for name in names if name and (name == subset or _is_subset(name, layout))), None)
    if known is None:
        raise DataError(f"{path}: which subset is it? Write `with: {{subset: ...}}`: {', '.join(layout.subsets)}")
    return {known: (path,)}


def _find_in_folder(folder: Path, layout: Layout, split: str) -> dict[str, tuple[Path, ...]]:
    """The files of every subset: in the places of the release, in a folder of its own, at the top or under `data/`."""
    places: list[tuple[str, tuple[Path, ...]]] = []
    for name in layout.subsets:
        for pattern in layout.files:
            at = folder / pattern.format(subset=name)
            places.append((name, files_by_stem(at.parent).get(at.name, ())))
    other = layout.hub == "all" and split != layout.split
    for place in (folder, folder / "data"):
        for entry in entries_of(place, missing_ok=True):
            if entry.is_dir() and entry != folder / "data" and _is_subset(entry.name, layout):
                places.append((entry.name, _find_files(entry, split)))
        loose = files_by_stem(place)
        # A file by the name of the subset holds the official split, and no other one.
        named = [] if other else [name for name in loose if _is_subset(name, layout)]
        places += [(name, loose[name]) for name in named]
        # The hub names the files of a data set without parts by their split. The subset keeps its own name.
        if layout.hub == "all" and not named and split in loose:
            places.append((layout.subsets[0], loose[split]))
    if not any(files for _, files in places) and _is_subset(folder.name, layout):
        places.append((folder.name, _find_files(folder, split)))
    found: dict[str, tuple[Path, ...]] = {}
    for name, files in places:
        # Two copies of a subset may differ. To take either in silence could score the wrong one.
        if files and found.setdefault(name, files) != files:
            raise DataError(f"{folder}: {name} is there twice: {found[name][0]} and {files[0]}; remove one")
    # The benchmark's own order, so that reports are the same for every copy of the data.
    order = {name: k for k, name in enumerate(layout.subsets)}
    return {name: found[name] for name in sorted(found, key=lambda name: (order.get(name, 0), name))}


def _find_files(folder: Path, split: str) -> tuple[Path, ...]:
    """`items.*`, or the shards of the split."""
    files = files_by_stem(folder)
    return files.get("items", ()) or files.get(split, ())


def _is_subset(name: str, layout: Layout) -> bool:
    return name in layout.subsets if layout.subsets else name != "items" and not name.startswith(".")
