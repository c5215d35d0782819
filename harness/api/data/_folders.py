"""The content of a folder: files by their stem, and sub-folders of images as a source of rows.

Not for the choice of the files that a task reads: see `_sources` and `_subsets`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.api._errors import DataError
from harness.api.data._cells import Row
from harness.api.data._files import suffix_of
from harness.api.data._shards import stem_of
from harness.api.data._tables import Media
from harness.api.images._image import Image
from harness.api.images._shown import ENDINGS

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet", "metadata.tsv")
"""Tables that describe the images beside them, as in the `imagefolder` of `datasets`."""


def entries_of(folder: Path, *, missing_ok: bool = False) -> list[Path]:
    """The entries of a folder, sorted, without hidden files.

    Args:
        folder: The folder.
        missing_ok: Whether a missing folder counts as empty.

    Raises:
        DataError: It cannot be read.
    """
    # Sorted, since the order of a file system differs from machine to machine, and items must have one order.
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        if missing_ok and isinstance(error, FileNotFoundError | NotADirectoryError):
            return []
        raise DataError(f"{folder}: cannot be read ({error.strerror or error}); fix its permissions") from error


def files_by_stem(folder: Path) -> dict[str, tuple[Path, ...]]:
    """The tables in a folder by stem, with the shards of a table in order. Empty where there is no folder.

    A table that no task reads may have gaps: `check_shards` is for the one that is chosen.

    Raises:
        DataError: The folder cannot be read.
    """
    found: dict[str, tuple[Path, ...]] = {}
    for entry in entries_of(folder, missing_ok=True):
        if suffix_of(entry) and entry.is_file():
            found[stem_of(entry)] = (*found.get(stem_of(entry), ()), entry)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledFolder:
    """Sub-folders of images. The name of each is the label of its images."""

    folder: Path
    root: Path
    """The data folder, which no picture may lie outside of."""
    is_folder: bool = True

    def __str__(self) -> str:
        return str(self.folder)

    def rows(self) -> Iterator[Row]:
        """A row with `file_name` and `label` for each image, by name of sub-folder and of file.

        It lists one sub-folder at a time and opens no image.

        Raises:
            DataError: A sub-folder holds something that is no image.
        """
        number = 0
        for label in labels_in(self.folder):
            for file in entries_of(label):
                if not file.name.lower().endswith(ENDINGS) or file.is_dir():
                    raise DataError(f"{file}: expected an image ({', '.join(ENDINGS)}); move it out of the folder")
                values = {"file_name": f"{label.name}/{file.name}", "label": label.name}
                yield Row(values, str(file), number, self._picture)
                number += 1

    def with_media(self, media: Media) -> LabelledFolder:
        """The same source. Without its pictures it would be empty."""
        return self

    def provenance(self) -> str:
        """The folder."""
        return str(self)

    def digest(self) -> str:
        """SHA-256 of the names, sizes and times of change of the images.

        Raises:
            DataError: A file cannot be read.
        """
        sha = hashlib.sha256()
        for row in self.rows():
            name = str(row.values["file_name"])
            try:
                facts = (self.folder / name).stat()
            except OSError as error:
                raise DataError(f"{row.place}: cannot be read ({error.strerror or error}); fix the file") from error
            sha.update(f"{name}\0{facts.st_size}:{facts.st_mtime_ns}\0".encode("utf-8", "surrogateescape"))
        return sha.hexdigest()

    def _picture(self, name: str) -> Image:
        return Image.from_file(self.folder / name, root=self.root)


def labels_in(folder: Path) -> list[Path]:
    """The sub-folders of a folder of images. Hidden ones do not count.

    Raises:
        DataError: There is none, or there is something else beside them.
    """
    entries = entries_of(folder)
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
