"""What was fetched into a folder: name, size and SHA-256 of each file, in a hidden file of that folder.

Hidden, since the loaders of benchmarks take other files of a folder for its data. Not for downloading: see `hub`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath, PureWindowsPath

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.api import DataError
from harness.libraries.files import open_regular, read_whole, write_whole

RECORD = ".harness-data.json"
"""Name of the file."""
_MOST = 2**26
_CHUNK = 2**20
# Files that the harness, the hub's library and git keep for themselves in such a folder.
_KEPT = (RECORD, ".cache", ".git")


class FetchedFile(BaseModel):
    """One file of a data set."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    """Path in the folder, with `/`."""
    bytes: int = Field(ge=0)
    """Its size."""
    sha256: str = ""
    """Its hash as 64 hexadecimal digits. Empty until the download is complete."""


class FetchRecord(BaseModel):
    """What a folder was fetched from."""

    model_config = ConfigDict(extra="forbid", strict=True)

    hub: str
    """`ORG/NAME` of the data set."""
    commit: str
    """The commit that all files are of."""
    files: list[FetchedFile]
    """All files that are wanted, by name."""

    @property
    def is_complete(self) -> bool:
        """Whether the download came to its end."""
        return all(file.sha256 for file in self.files)


def check_name(name: str, *, place: str) -> None:
    """Refuse the name of a file that would lie outside of the folder, or in the place of what is kept there.

    Raises:
        DataError: It would. `place` says whose list it stands in.
    """
    parts = name.split("/")
    windows = PureWindowsPath(name)
    leads_out = (
        not name.isprintable()
        or "\\" in name
        or windows.drive
        or PurePosixPath(name).is_absolute()
        or any(part in ("", ".", "..") for part in parts)
    )
    if leads_out:
        raise DataError(f"{place}: lists a file {name!r}, which would lie outside of the folder; nothing is fetched")
    if parts[0].lower() in _KEPT:
        raise DataError(f"{place}: lists a file {name!r}, a name that is kept for other use; nothing is fetched")


def part_of(path: Path) -> Path:
    """Where a file lies until it is whole: hidden, so that no loader takes it for data."""
    return path.with_name(f".{path.name}.part")


def read_record(folder: Path) -> FetchRecord | None:
    """What was fetched into a folder. `None` where nothing was.

    Raises:
        DataError: The record cannot be read, or names files outside of the folder.
    """
    path = folder / RECORD
    if not path.exists():
        return None
    fix = "remove it and fetch again"
    try:
        record = FetchRecord.model_validate_json(read_whole(path, most=_MOST))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}); {fix}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise DataError(f"{path}: is no record of a download ({where}: {first['msg']}); {fix}") from error
    for file in record.files:
        check_name(file.name, place=str(path))
    return record


def write_record(folder: Path, record: FetchRecord) -> None:
    """Keep a record in the folder.

    Raises:
        DataError: It cannot be written.
    """
    path = folder / RECORD
    try:
        write_whole(path, record.model_dump_json(indent=1) + "\n")
    except OSError as error:
        why = error.strerror or str(error)
        raise DataError(f"{path}: cannot be written ({why}); free space, or see to its permissions") from error


def hash_file(path: Path, *, git: bool = False) -> str:
    """SHA-256 of a file; with `git` SHA-1 of it as git names it (`blob SIZE`, a zero byte, the content).

    Raises:
        DataError: It cannot be read.
    """
    try:
        with open_regular(path) as stream:
            sha = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False) if git else hashlib.sha256()
            while part := stream.read(_CHUNK):
                sha.update(part)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    return sha.hexdigest()


def find_changes(folder: Path, files: Iterable[FetchedFile]) -> list[str]:
    """A line for each file that is not there, or is not as it was fetched. Other files of the folder do not matter.

    Raises:
        DataError: A file cannot be read.
    """
    found = []
    for file in files:
        path = folder / file.name
        if not path.is_file():
            found.append(f"{file.name}: is missing")
        elif (size := path.stat().st_size) != file.bytes:
            what = "is cut off" if size < file.bytes else "is longer"
            found.append(f"{file.name}: {what}, {size:,} bytes in the place of {file.bytes:,}")
        elif file.sha256 and hash_file(path) != file.sha256:
            found.append(f"{file.name}: its bytes have changed: it has another SHA-256")
    return found
