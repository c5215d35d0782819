"""Finds the rows of each split: a file, a folder or a hub dataset, as the manifest's `data:` and `with:` say.

Not for the content of the rows: see `_table_task`. For a release in several subsets see `_subsets`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from harness.api._contracts import Context
from harness.api._errors import DataError
from harness.api.data._archives import PictureStore
from harness.api.data._cells import Row, suggest_names
from harness.api.data._files import SUFFIXES, suffix_of
from harness.api.data._folders import METADATA, LabelledFolder, entries_of, files_by_stem, labels_in
from harness.api.data._hub import HubSplit
from harness.api.data._shards import check_shards
from harness.api.data._tables import Media, Table

Split: TypeAlias = Literal["train", "validation", "test"]
"""The names of splits."""

ONE_TABLE = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
"""Endings of the table in a release that consists of a table and its pictures."""


class Source(Protocol):
    """The rows of one split or subset: a `Table`, a `HubSplit`, a `LabelledFolder`. `str()` gives their place."""

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of images, whose rows have `file_name`."""

    def rows(self) -> Iterator[Row]:
        """Stream the rows.

        Raises:
            DataError: They cannot be read. The message names file and row.
        """

    def with_media(self, media: Media) -> Source:
        """The same source, or one without the pictures that rows name."""

    def provenance(self) -> str:
        """The names of the data, for the record of a run.

        Raises:
            DataError: The hub cannot be asked.
        """

    def digest(self) -> str:
        """SHA-256 that changes with the rows.

        Raises:
            DataError: A file cannot be read.
        """


class TableOptions(BaseModel):
    """Options for the place of the rows, beside `data:`. Derive your own options from it to use `find_splits`.

    >>> class Options(TableOptions):
    ...     scale: str = "8k"
    >>> Options(splits={"test": "test.csv"}).splits
    {'test': 'test.csv'}
    """

    # Frozen, since the fingerprint of a task is made from its options. Unknown names are refused: they are misspelt.
    model_config = ConfigDict(extra="forbid", frozen=True)

    splits: dict[Split, str] | None = Field(
        default=None,
        min_length=1,
        description="File or folder of each split within the folder `data:`. With * in it, several files of one split, "
        "in which no shard may be missing. "
        "Of a hub dataset, its name of the split. Default: all of `data:` is test.",
    )
    hub_config: str | None = Field(default=None, description="Configuration of a hub dataset that has several.")
    media: Media = None


def data_of(context: Context) -> str:
    """The manifest's `data:`, a path or `hub:ORG/NAME[@REVISION]`.

    Raises:
        DataError: There is none.
    """
    if context.data is None:
        raise DataError(
            f"task {context.name}: needs data; write `data:` with a folder, a file or hub:ORG/NAME in the manifest"
        )
    return context.data


def find_splits(
    context: Context,
    options: TableOptions,
    *,
    files: Mapping[Split, str] | None = None,
    archives: tuple[str, ...] = (),
    prefixes: tuple[str, ...] = ("",),
) -> dict[str, Source]:
    """Find the source of each split. Nothing is read.

    >>> import tempfile
    >>> from harness.api.data import write_table
    >>> from harness.testing import FakeContext
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = write_table(folder / "train.csv", [{"id": "1"}])
    >>> _ = write_table(folder / "test.csv", [{"id": "2"}, {"id": "3"}])
    >>> context = FakeContext(data=str(folder), workspace=folder)
    >>> sources = find_splits(context, TableOptions(), files={"train": "train.csv", "test": "test.csv"})
    >>> [row["id"].text() for row in sources["test"].rows()]
    ['2', '3']

    Args:
        context: The entry's context, for its data, name and workspace.
        options: The options of the manifest.
        files: The files of each split in the published release, as in the option `splits`. They are used where the
            manifest names none. Without them all of `data:` is test.
        archives: Patterns of archives with the pictures, such as `images/*.zip`.
        prefixes: Texts that may stand before the name of a picture, such as `images/`.

    Raises:
        DataError: There are no data, or none in the place that `splits` names.
    """
    data, task = data_of(context), f"task {context.name}"
    if data.startswith("hub:"):
        names: Iterable[tuple[str, str]] = (
            options.splits.items() if options.splits else [(split, split) for split in files or ("test",)]
        )
        found: dict[str, Source] = {
            split: HubSplit.parse(data, config=options.hub_config, split=theirs) for split, theirs in names
        }
        return {split: source.with_media(options.media) for split, source in found.items()}
    if options.hub_config is not None:
        raise DataError(f"{task}: hub_config is for data of the hub, not for {data}; remove it")
    # The root bounds what rows may name: no picture is read from outside of it.
    path = Path(data).absolute()
    root = path if path.is_dir() else path.parent
    # Without `splits`, a single file is test as a whole: the names of the release are those of files in a folder.
    named = options.splits or (files if path.is_dir() else None)
    store = PictureStore(root, workspace=context.workspace, archives=archives, prefixes=prefixes)
    pictures = store if archives or prefixes != ("",) else None
    if named is None:
        found = {"test": _make_source(path, root, pictures)}
    elif not path.is_dir():
        raise DataError(f"{task}: splits name files in a folder, and data: {path} is none; give the folder")
    else:
        found = {
            split: _find_source(root, name, at=f"{task}, splits.{split}", pictures=pictures)
            for split, name in named.items()
        }
    return {split: source.with_media(options.media) for split, source in found.items()}


def find_shards(context: Context, *, stem: str) -> tuple[Path, ...]:
    """Find the files of a split: `STEM.*` or its shards `STEM-00000-of-00002.*`, in a folder or in `data/` within it.

    Raises:
        DataError: There are none, a shard is missing, or the split is there twice.
    """
    task, root = f"task {context.name}", Path(data_of(context))
    if root.is_file():
        raise DataError(f"{task}: {root}: expected a folder, found a file; give the one that {stem}.parquet is in")
    files = tuple(file for folder in (root, root / "data") for file in files_by_stem(folder).get(stem, ()))
    other = next((file for file in files if file.parent != files[0].parent), None)
    if other is not None:
        raise DataError(f"{task}: {root}: {files[0]} and {other} are both there; remove one")
    if files:
        return check_shards(files)
    raise DataError(
        f"{task}: {root}: expected {stem}.parquet or its shards {stem}-*.parquet, in this folder or in data/ "
        "within it; download the data set into this folder"
    )


def find_table(context: Context, *, names: tuple[str, ...]) -> Path:
    """Find the CSV or TSV file of a release: a file, or the table of a folder.

    Args:
        context: The entry's context, for its data and name.
        names: Known names of the file, without ending. Any other name will do if there is only one such file.

    Raises:
        DataError: There is no such file, or there are several.
    """
    task, path = f"task {context.name}", Path(data_of(context))
    if path.is_file():
        if not suffix_of(path):
            raise DataError(f"{task}: {path}: this kind of file is not read; expected {', '.join(SUFFIXES)}")
        return path
    found = [entry for entry in entries_of(path, missing_ok=True) if entry.is_file() and suffix_of(entry) in ONE_TABLE]
    # The folder may hold other tables of the release, such as a list of licences.
    known = [entry for entry in found if entry.name[: -len(suffix_of(entry))] in names]
    if len(known or found) == 1:
        return check_shards(known or found)[0]
    shown = ", ".join(entry.name for entry in (known or found)[:5]) or "none"
    raise DataError(
        f"{task}: {path}: expected one table with an ending of {', '.join(ONE_TABLE)}, found {shown}; "
        "give the file itself as `data:`, with its pictures beside it"
    )


def _make_source(path: Path, root: Path, pictures: PictureStore | None) -> Source:
    if path.is_file():
        if not suffix_of(path):
            raise DataError(f"{path}: this kind of file is not read; expected {', '.join(SUFFIXES)}, or a folder")
        return Table(files=(path,), root=root, pictures=pictures)
    # A folder is read as `datasets` reads an image folder: by its metadata table, else by the names of sub-folders.
    tables = tuple(path / name for name in METADATA if (path / name).is_file())
    if len(tables) > 1:
        raise DataError(f"{path}: {tables[0].name} and {tables[1].name} are both there; remove one")
    if tables:
        return Table(
            files=(_check_inside(tables[0], root, str(tables[0])),), root=root, pictures=pictures, is_folder=True
        )
    labels_in(path)
    return LabelledFolder(folder=path, root=root)


def _find_source(root: Path, name: str, *, at: str, pictures: PictureStore | None) -> Source:
    """The source that an entry of `splits` names: a file, a folder, or with `*` several files."""
    # Manifests are passed around: one from a stranger must not read files outside of the data folder.
    if Path(name).is_absolute() or ".." in Path(name).parts or "\0" in name:
        raise DataError(f"{at}: {name!r} leads out of the data folder {root}; keep all files inside it")
    if "*" in name:
        files = tuple(_check_inside(file, root, at) for file in sorted(root.glob(name)))
        unread = next((file for file in files if not (file.is_file() and suffix_of(file))), None)
        if unread is not None:
            raise DataError(f"{at}: {unread} is not read; expected files ending in {', '.join(SUFFIXES)}")
        if not files:
            raise DataError(f"{at}: no file in {root} is called like {name!r}")
        return Table(files=check_shards(files, pattern=Path(name).name), root=root, pictures=pictures)
    path = root / name
    if not path.exists():
        beside = entries_of(path.parent) if path.parent.is_dir() else []
        raise DataError(f"{at}: there is no {path}.{suggest_names(path.name, (entry.name for entry in beside))}")
    return _make_source(_check_inside(path, root, at), root, pictures)


def _check_inside(path: Path, root: Path, at: str) -> Path:
    """Return the path unless it leads out of the data folder. Links are followed."""
    try:
        inside = path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError) as error:  # a loop of links
        raise DataError(f"{at}: {path} is not a usable path ({error})") from error
    if not inside:
        raise DataError(f"{at}: {path} leads out of the data folder {root}; keep all files inside it")
    return path
