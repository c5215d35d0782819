"""Where the rows and the pictures of a release are. Not for what is in them: see each data set's module."""

from __future__ import annotations

import os
import re
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from harness.api import Context, DataError, Image
from harness.api.data import SUFFIXES, Archive, HubSplit, Pictures, PictureStore, Table, suffix_of

Source: TypeAlias = Table | HubSplit
"""Rows of one table."""

TABLES = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
"""Endings of a release's one table."""


def place_of(context: Context) -> str:
    """The manifest's `data:`.

    Raises:
        DataError: There is none.
    """
    if context.data is None:
        raise DataError(
            f"task {context.name}: needs data; write `data:` with a folder, a file or hub:ORG/NAME in the manifest"
        )
    return context.data


def folder_of(data: str) -> Path:
    """The data folder: that of the table, where `data:` is a file."""
    path = Path(data)
    return path.parent if path.is_file() else path


def one_table(data: str, *, names: tuple[str, ...], task: str) -> Path:
    """The one CSV or TSV file of a release: a file, or that of a folder.

    Args:
        data: The manifest's `data:`, a path.
        names: Names that it is known by, without ending; any other name will do if there is only one such file.
        task: Name of the entry, for messages.

    Raises:
        DataError: There is no such file, or there are several.
    """
    path = Path(data)
    if path.is_file():
        if not suffix_of(path):
            raise DataError(f"task {task}: {path}: this kind of file is not read; expected {', '.join(SUFFIXES)}")
        return path
    found = [entry for entry in _entries(path) if suffix_of(entry) in TABLES]
    known = [entry for entry in found if entry.name[: -len(suffix_of(entry))] in names]
    if len(known or found) == 1:
        return (known or found)[0]
    shown = ", ".join(entry.name for entry in (known or found)[:5]) or "none"
    raise DataError(
        f"task {task}: {path}: expected one table with an ending of {', '.join(TABLES)}, found {shown}; "
        "give the file itself as `data:`, with its pictures beside it"
    )


def shards(data: str, *, stem: str, task: str) -> tuple[Path, ...]:
    """The files of one split: `STEM.*` or its shards `STEM-00000-of-00002.*`, in a folder or in `data/` within it.

    Raises:
        DataError: There are none.
    """
    root = Path(data)
    if root.is_file():
        raise DataError(f"task {task}: {root}: expected a folder, found a file; give the one that {stem}.parquet is in")
    for folder in (root, root / "data"):
        files = tuple(entry for entry in _entries(folder) if suffix_of(entry) and _stem(entry) == stem)
        if files:
            return files
    raise DataError(
        f"task {task}: {root}: expected {stem}.parquet or its shards {stem}-*.parquet, in this folder or in data/ "
        "within it; download the data set into this folder"
    )


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if entry.is_file())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror or error}); mend its permissions") from error


def _stem(path: Path) -> str:
    return re.sub(r"-\d{5}-of-\d{5}$", "", path.name[: -len(suffix_of(path))])


class ByLastName:
    """Pictures of rows that name them as they lie when unpacked, while archives hold them by the last name alone."""

    def __init__(self, root: Path, pictures: Pictures) -> None:
        """Look in the folder `root` by the whole name, then by the last name in `pictures`."""
        self._root, self._pictures = root, pictures

    def __call__(self, name: str) -> Image:
        """The picture of a name.

        Raises:
            DataError: There is none, or the name leads out of the folder.
        """
        file = Image.from_file(name, root=self._root)
        return file if (self._root / name).is_file() else self._pictures(name.rpartition("/")[2])


class InAnyFolder:
    """Pictures of a release whose folders are not known by name: in any folder, or in any folder of any zip file."""

    def __init__(self, root: Path, *, workspace: Path, other_than: str) -> None:
        """Name the place; nothing is read yet.

        Args:
            root: The data folder.
            workspace: Where archives may be unpacked to.
            other_than: Folders with this in their name hold something else under the same names.
        """
        self._root, self._workspace, self._other = root, workspace, other_than

    def __call__(self, name: str) -> Image:
        """The picture of a name.

        Raises:
            DataError: There is none, or the name leads out of the folder.
        """
        return self._store(name)

    @cached_property
    def _store(self) -> PictureStore:
        patterns = ("*.zip", "*/*.zip")
        inside = self._root.resolve()
        archives = sorted({path for pattern in patterns for path in self._root.glob(pattern)})
        folders = {Path(at).relative_to(self._root).as_posix() for at, _, _ in os.walk(self._root)}
        for path in archives:
            if path.resolve().is_relative_to(inside):
                folders |= {name.rpartition("/")[0] for name in Archive(path, workspace=self._workspace).names}
        named = sorted(folder for folder in folders - {"", "."} if self._other not in folder.lower())
        return PictureStore(
            self._root,
            workspace=self._workspace,
            archives=patterns,
            prefixes=("", *(f"{folder}/" for folder in named)),
        )
