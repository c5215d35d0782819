"""The file of a bundle: a zip archive of one form only, so that equal content has equal bytes.

Any program opens it. This module writes it by itself, because the writers of two versions of Python need not agree on
every byte. It reads with the same functions: each header is made again from the name, the size and the checksum that
it states, and must be equal. So there is no room for a second member of a name, a path, a link, a comment, an extra
field, encryption, compression, or bytes that belong to no member.

Source of the form: PKWARE, APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16.
"""

from __future__ import annotations

import stat
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from harness.api import DataError

MOST_BYTES = 2**32 - 1
"""Bytes of a bundle. More would need the fields of zip64, a second way to say everything."""
MOST_MEMBERS = 64
LONGEST_NAME = 64
LONGEST_LINE = 16 * 2**20
"""Bytes of one line of a table: a row is held in memory, and a file from a stranger must not fill it."""

CHUNK = 2**20

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_VERSION = 20
_MADE_BY = 3 << 8 | _VERSION  # Unix, so that the mode below is read
_DATE = 1 << 5 | 1  # 1 January 1980, the first day that the form knows
_MODE = (stat.S_IFREG | 0o644) << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveEntry:
    """One member of an archive."""

    name: str
    """Its name, without any folder."""
    size: int
    """Bytes of its content."""
    crc: int
    """CRC-32 of its content."""
    start: int = 0
    """Place of its header in the file."""

    @property
    def content_start(self) -> int:
        """Place of its content in the file."""
        return self.start + _LOCAL.size + len(self.name)

    @property
    def end(self) -> int:
        """Place after its content."""
        return self.content_start + self.size


def write_archive(
    stream: BinaryIO, entries: Sequence[ArchiveEntry], content_of: Callable[[ArchiveEntry], Iterable[bytes]]
) -> None:
    """Write an archive.

    Args:
        stream: Where to.
        entries: Its members in their order. Their `start` is not looked at.
        content_of: Gives the content of a member, in parts.

    Raises:
        DataError: It would be larger than `MOST_BYTES`.
    """
    placed, start = [], 0
    for entry in entries:
        placed.append(ArchiveEntry(name=entry.name, size=entry.size, crc=entry.crc, start=start))
        start = placed[-1].end
    directory = b"".join(map(_central_header, placed))
    if start + len(directory) + _END.size > MOST_BYTES:
        raise DataError(
            f"the bundle would have {start:,} bytes, and {MOST_BYTES:,} are the most; leave the texts of the requests "
            "out, or bundle the shards of the run one by one"
        )
    for entry in placed:
        stream.write(_local_header(entry))
        for part in content_of(entry):
            stream.write(part)
    stream.write(directory)
    stream.write(_end_record(len(placed), len(directory), start))


def _local_header(entry: ArchiveEntry) -> bytes:
    name = entry.name.encode()
    return _LOCAL.pack(b"PK\3\4", _VERSION, 0, 0, 0, _DATE, entry.crc, entry.size, entry.size, len(name), 0) + name


def _central_header(entry: ArchiveEntry) -> bytes:
    name = entry.name.encode()
    sizes = (entry.crc, entry.size, entry.size, len(name), 0, 0, 0, 0, _MODE, entry.start)
    return _CENTRAL.pack(b"PK\1\2", _MADE_BY, _VERSION, 0, 0, 0, _DATE, *sizes) + name


def _end_record(count: int, size: int, start: int) -> bytes:
    return _END.pack(b"PK\5\6", 0, 0, count, count, size, start, 0)


class BundleArchive:
    """An archive that `write_archive` may have written, open for reading.

    Args:
        path: Name of the file, for messages.
        stream: The file, from its beginning.
        size: Bytes of the file.

    Raises:
        DataError: It is not of this form. The message names the place of the first byte that is not.
    """

    def __init__(self, path: Path, stream: BinaryIO, size: int) -> None:
        self.path, self._stream, self._size = path, stream, size
        if size > MOST_BYTES:
            raise self.fault(f"it has {size:,} bytes, and {MOST_BYTES:,} are the most")
        self.entries = tuple(self._read_entries())
        names = [entry.name for entry in self.entries]
        if len(set(names)) < len(names):
            raise self.fault("two members have one name")
        self._by_name = dict(zip(names, self.entries, strict=True))
        self._check_directory()

    def fault(self, problem: str) -> DataError:
        """The error that says what is wrong with the file."""
        return DataError(f"{self.path}: not a bundle: {problem}")

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def parts(self, entry: ArchiveEntry) -> Iterator[bytes]:
        """Stream the content of a member."""
        self._stream.seek(entry.content_start)
        left = entry.size
        while left:
            part = self._stream.read(min(left, CHUNK))
            if not part:
                raise self.fault(f"{entry.name} ends before its {entry.size:,} bytes")
            left -= len(part)
            yield part

    def read(self, name: str, *, most: int) -> bytes:
        """The content of a small member.

        Args:
            name: Its name.
            most: Bytes that it may have.

        Raises:
            DataError: There is none of that name, or it is larger.
        """
        if name not in self._by_name:
            raise self.fault(f"it has no {name}")
        entry = self._by_name[name]
        if entry.size > most:
            raise self.fault(f"{name} has {entry.size:,} bytes, and {most:,} are the most")
        return b"".join(self.parts(entry))

    def lines(self, name: str) -> Iterator[bytes]:
        """Stream the lines of a member, each without its line break.

        Raises:
            DataError: A line is too long, or the last one has no end.
        """
        entry = self._by_name[name]
        self._stream.seek(entry.content_start)
        left, number = entry.size, 0
        while left:
            number += 1
            line = self._stream.readline(min(left, LONGEST_LINE + 1))
            if not line.endswith(b"\n"):
                raise self.fault(f"{name}, line {number}: longer than {LONGEST_LINE:,} bytes, or without an end")
            left -= len(line)
            yield line[:-1]

    def _take(self, start: int, count: int) -> bytes:
        self._stream.seek(start)
        return self._stream.read(count)

    def _read_entries(self) -> Iterator[ArchiveEntry]:
        """The members, by the headers in front of them."""
        start = 0
        for _ in range(MOST_MEMBERS):
            head = self._take(start, _LOCAL.size)
            if head[:4] != b"PK\3\4":
                if start == 0:
                    raise self.fault("it does not begin as a zip archive does")
                return
            if len(head) < _LOCAL.size:
                raise self.fault(f"byte {start}: the file ends inside a header")
            *_, crc, size, _, length, _ = _LOCAL.unpack(head)
            name = self._take(start + _LOCAL.size, min(length, LONGEST_NAME))
            if not _is_plain_name(name):
                raise self.fault(f"byte {start + _LOCAL.size}: the name of a member is not one that bundles have")
            entry = ArchiveEntry(name=name.decode(), size=size, crc=crc, start=start)
            self._compare(start, _local_header(entry), of=f"the header of {entry.name}")
            if entry.end > self._size:
                raise self.fault(f"{entry.name} says that it has {size:,} bytes, and the file ends before")
            yield entry
            start = entry.end
        raise self.fault(f"it has more than {MOST_MEMBERS} members")

    def _check_directory(self) -> None:
        """Check that the directory repeats the headers, and that the file ends with it."""
        start = self.entries[-1].end
        directory = b"".join(map(_central_header, self.entries))
        self._compare(start, directory, of="the directory")
        end = start + len(directory)
        self._compare(end, _end_record(len(self.entries), len(directory), start), of="the end of the directory")
        if self._size != end + _END.size:
            raise self.fault(f"byte {end + _END.size}: there are bytes after its end")

    def _compare(self, start: int, wanted: bytes, *, of: str) -> None:
        found = self._take(start, len(wanted))
        if found != wanted:
            same = next((k for k, (a, b) in enumerate(zip(found, wanted, strict=False)) if a != b), len(found))
            raise self.fault(f"byte {start + same}: {of} is not written as bundles are")


def _is_plain_name(name: bytes) -> bool:
    """Whether a name is of small letters with a dot inside: no folder, no drive, no device of an operating system."""
    stem, dot, ending = name.partition(b".")
    return bool(dot and stem.isalpha() and ending.isalpha() and name.islower())


@contextmanager
def open_archive(path: Path) -> Iterator[BundleArchive]:
    """Open an archive for reading.

    Raises:
        DataError: It cannot be read, is no regular file, or is not of the form of a bundle.
    """
    try:
        # A pipe or a device would be read for ever.
        if not stat.S_ISREG(path.stat().st_mode):
            raise DataError(f"{path}: not a bundle: it is no regular file")
        with path.open("rb") as stream:
            yield BundleArchive(path, stream, path.stat().st_size)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}); check its name and its rights") from error
