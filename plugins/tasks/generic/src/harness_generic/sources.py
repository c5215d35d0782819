"""Where the rows of each split are: tables in a folder, a folder of images, or a hub dataset; and a hash of them.

Not for what is in them: see `answers` and `task`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from harness.api import DataError, Image
from harness.api.data import SUFFIXES, HubSplit, Media, Row, Table, near, suffix_of

Split: TypeAlias = Literal["train", "validation", "test"]
"""The splits that the cards name."""

IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")
"""Endings of the images in a folder that is read by itself."""

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet", "metadata.tsv")
"""Tables that describe the images beside them, as in the `imagefolder` of `datasets`."""


class Source(Protocol):
    """The rows of one split. `str()` says where they are."""

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of images, whose rows have `file_name`."""

    def rows(self) -> Iterator[Row]:
        """Stream the rows.

        Raises:
            DataError: They cannot be read; names file and row.
        """

    def with_media(self, media: Media) -> Source:
        """Itself, or without the pictures that rows name."""

    def provenance(self) -> str:
        """What was read, for the record of a run.

        Raises:
            DataError: The hub cannot be asked.
        """

    def digest(self) -> str:
        """SHA-256 that changes with the rows.

        Raises:
            DataError: A file cannot be read.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledFolder:
    """Sub-folders of images; the name of each is the label of what is in it."""

    folder: Path
    root: Path
    """The data folder."""
    is_folder: bool = True

    def __str__(self) -> str:
        return str(self.folder)

    def rows(self) -> Iterator[Row]:
        """A row with `file_name` and `label` for each image, by name of sub-folder and of file.

        It lists one sub-folder at a time and opens no image.

        Raises:
            DataError: There is something else than images in a sub-folder.
        """
        number = 0
        for label in labels_in(self.folder):
            for file in _entries(label):
                if not file.name.lower().endswith(IMAGES) or file.is_dir():
                    raise DataError(f"{file}: expected an image ({', '.join(IMAGES)}); move it out of the folder")
                values = {"file_name": f"{label.name}/{file.name}", "label": label.name}
                yield Row(values, str(file), number, self._picture)
                number += 1

    def with_media(self, media: Media) -> LabelledFolder:
        """Itself: without its pictures there is nothing in it."""
        return self

    def provenance(self) -> str:
        """The folder."""
        return str(self)

    def _picture(self, name: str) -> Image:
        return Image.from_file(self.folder / name, root=self.root)

    def digest(self) -> str:
        """Hash of the names, sizes and times of change of the images."""
        sha = hashlib.sha256()
        for row in self.rows():
            name = str(row.values["file_name"])
            try:
                facts = (self.folder / name).stat()
            except OSError as error:
                raise DataError(f"{row.place}: cannot be read ({error.strerror or error}); mend the file") from error
            sha.update(f"{name}\0{facts.st_size}:{facts.st_mtime_ns}\0".encode("utf-8", "surrogateescape"))
        return sha.hexdigest()


def find(data: str | None, *, splits: Mapping[Split, str] | None, config: str | None, task: str) -> dict[str, Source]:
    """The source of each split. Nothing is read.

    Args:
        data: The manifest's `data:`, a path or `hub:ORG/NAME[@REVISION]`.
        splits: File or folder within `data` of each split, or its name on the hub; only `test` by default.
        config: Configuration of a hub dataset.
        task: Name of the task, for messages.

    Raises:
        DataError: There is no data, or not where `splits` says.
    """
    if data is None:
        raise DataError(f"task {task}: needs data; write `data:` with a file, a folder or hub:ORG/NAME in the manifest")
    if data.startswith("hub:"):
        names: Mapping[Split, str] = splits or {"test": "test"}
        return {split: HubSplit.parse(data, config=config, split=theirs) for split, theirs in names.items()}
    if config is not None:
        raise DataError(f"task {task}: hub_config is for data of the hub, not for {data}; remove it")
    path = Path(data).absolute()
    if splits is None:
        return {"test": _source(path, root=path if path.is_dir() else path.parent)}
    if not path.is_dir():
        raise DataError(f"task {task}: splits name files in a folder, and data: {path} is none; give the folder")
    return {split: _inside(path, name, f"task {task}, splits.{split}") for split, name in splits.items()}


def labels_in(folder: Path) -> list[Path]:
    """The sub-folders of a folder of images. Hidden ones do not count.

    Raises:
        DataError: There is none, or something else beside them.
    """
    entries = _entries(folder)
    for entry in entries:
        if not entry.is_dir():
            raise DataError(
                f"{folder}: expected {', '.join(METADATA[:2])} or nothing but sub-folders of images named by their "
                f"label, found {entry.name!r}; move it away, or name the file of each split, such as "
                "with: {splits: {test: test.jsonl}}"
            )
    if not entries:
        raise DataError(f"{folder}: is empty; expected {', '.join(METADATA[:2])} or sub-folders named by their label")
    return entries


def _source(path: Path, *, root: Path) -> Source:
    if path.is_file():
        if not suffix_of(path):
            raise DataError(f"{path}: this kind of file is not read; expected {', '.join(SUFFIXES)}, or a folder")
        return Table(files=(path,), root=root)
    tables = tuple(path / name for name in METADATA if (path / name).is_file())
    if len(tables) > 1:
        raise DataError(f"{path}: {tables[0].name} and {tables[1].name} are both there; remove one")
    if tables:
        return Table(files=(_kept(tables[0], root, str(tables[0])),), root=root, is_folder=True)
    labels_in(path)
    return LabelledFolder(folder=path, root=root)


def _inside(root: Path, name: str, at: str) -> Source:
    """What one entry of `splits` names: a file, a folder, or with `*` several files."""
    if Path(name).is_absolute() or ".." in Path(name).parts or "\0" in name:
        raise DataError(f"{at}: {name!r} leads out of the data folder {root}; keep all files inside it")
    if "*" in name:
        files = tuple(_kept(file, root, at) for file in sorted(root.glob(name)))
        unread = next((file for file in files if not (file.is_file() and suffix_of(file))), None)
        if unread is not None:
            raise DataError(f"{at}: {unread} is not read; expected files ending in {', '.join(SUFFIXES)}")
        if not files:
            raise DataError(f"{at}: no file in {root} is called like {name!r}")
        return Table(files=files, root=root)
    path = root / name
    if not path.exists():
        beside = _entries(path.parent) if path.parent.is_dir() else []
        raise DataError(f"{at}: there is no {path}.{near(path.name, (entry.name for entry in beside))}")
    return _source(_kept(path, root, at), root=root)


def _kept(path: Path, root: Path, at: str) -> Path:
    """The path itself, if it does not lead out of the data folder, links followed."""
    try:
        inside = path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError) as error:  # a loop of links
        raise DataError(f"{at}: {path} is not a usable path ({error})") from error
    if not inside:
        raise DataError(f"{at}: {path} leads out of the data folder {root}; keep all files inside it")
    return path


def _entries(folder: Path) -> list[Path]:
    """What is in a folder, sorted, without hidden files."""
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror or error}); mend its permissions") from error
