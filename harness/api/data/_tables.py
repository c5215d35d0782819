"""Several files of rows as one streamed table, and a hash of their content."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from harness.api._errors import DataError
from harness.api.data._cells import ABSENT, Row
from harness.api.data._files import read_table
from harness.api.images._image import Image
from harness.libraries.files import check_regular

Media: TypeAlias = Annotated[
    Literal["present", "absent"] | None,
    Field(
        description="absent: there are no pictures and none are searched for. Only judges that do not look at them are "
        "asked, such as recorded answers."
    ),
]
"""The option `media` of a task: `media: Media = None`."""

HASHED_WHOLE = 256 * 2**20
"""Bytes. Larger files enter a digest by size and time of change, not by content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One file of rows, or several in order."""

    files: tuple[Path, ...]
    root: Path
    """The data folder. No picture may lie outside of it."""
    pictures: Callable[[str], Image] | None = None
    """Gives the picture of a name. By default names are files, relative to the folder of the row's own file."""
    is_folder: bool = False
    """Whether it describes a folder of images, with a column `file_name`."""

    def __str__(self) -> str:
        return ", ".join(map(str, self.files))

    def with_media(self, media: Media) -> Table:
        """The same table, or one with `Image.absent` in the place of each picture that a row names."""
        return replace(self, pictures=ABSENT) if media == "absent" else self

    def provenance(self) -> str:
        """The files, for the record of a run."""
        return str(self)

    def rows(self) -> Iterator[Row]:
        """Stream the rows. Memory does not grow with their number.

        Raises:
            DataError: A file cannot be read to its end. The message names the file and the row.
        """
        number = 0
        for file in self.files:
            pictures = self.pictures or partial(_open_beside, file.parent, self.root)
            # Closed at once: a caller that stops early would leave the file open until the garbage is collected.
            with closing(read_table(file)) as cells:
                for values, place in cells:
                    yield Row(values, f"{file}, {place}", number, pictures, file)
                    number += 1

    def digest(self) -> str:
        """SHA-256 of the content of the files. The pictures that they name are part of each request's key instead.

        Raises:
            DataError: A file cannot be read.
        """
        return files_digest(self.files)


def files_digest(files: Iterable[Path]) -> str:
    """SHA-256 over files in order. Files of more than 256 MB enter by size and time of change.

    Raises:
        DataError: A file cannot be read.
    """
    sha = hashlib.sha256()
    for file in files:
        try:
            check_regular(file)
            facts = file.stat()
            if facts.st_size > HASHED_WHOLE:  # hashing gigabytes would delay every start, even that of --dry-run
                sha.update(f"{facts.st_size}:{facts.st_mtime_ns}".encode())
            else:
                with file.open("rb") as stream:
                    sha.update(hashlib.file_digest(stream, "sha256").digest())
        except OSError as error:
            raise DataError(f"{file}: cannot be read ({error.strerror or error}); fix the file") from error
    return sha.hexdigest()


def _open_beside(folder: Path, root: Path, name: str) -> Image:
    return Image.from_file(folder / name, root=root)
