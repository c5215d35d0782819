"""Pictures by name: files of a folder, and members of archives in it.

Archives are hostile. No member is written to disk under its own name, so none can leave the folder. A `.tar.gz` has no
index, so it is decompressed once, to a plain tar in the workspace.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import TypeAlias

from harness.api._errors import DataError
from harness.api.images._image import Image
from harness.api.images._shown import MAX_BYTES
from harness.libraries.files import check_regular, put_in_place

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
"""Endings of the archives that are read."""

MAX_MEMBER = MAX_BYTES
"""Most bytes of one member. A small archive can hide a member of many gigabytes."""

MAX_RATIO = 100
"""Most growth of a `.tar.gz`. Pictures hardly compress, so a file that grows by more holds something else."""

_CHUNK = 2**20  # bytes decompressed at once

Pictures: TypeAlias = Callable[[str], Image]
"""A function that gives the lazy picture of a name.

Raises:
    DataError: The name leads out of the data folder.
"""


class Archive:
    """A zip or tar file whose members are read by name.

    It is opened when it is first used. Any thread may use it.

    >>> import tempfile, zipfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with zipfile.ZipFile(folder / "images.zip", "w") as out:
    ...     out.writestr("cat.png", b"...")
    >>> archive = Archive(folder / "images.zip", workspace=folder)
    >>> archive.names, "cat.png" in archive, archive.read("cat.png")
    (('cat.png',), True, b'...')
    """

    def __init__(self, path: Path, *, workspace: Path) -> None:
        """Name an archive. Nothing is read yet.

        Args:
            path: The file.
            workspace: The folder in which a `.tar.gz` is decompressed.

        Raises:
            DataError: The ending is not that of an archive.
        """
        if not path.name.lower().endswith(ARCHIVES):
            raise DataError(f"{path}: this kind of archive is not read; expected {', '.join(ARCHIVES)}")
        self.path, self._workspace = path, workspace

    def __contains__(self, name: str) -> bool:
        """Whether there is a member of this name."""
        return name in self._members

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its files, in the archive's order."""
        return tuple(self._members)

    def image(self, name: str) -> Image:
        """A member as a lazy picture.

        Raises:
            DataError: There is no such member, or the archive cannot be read.
        """
        if name not in self._members:
            raise DataError(f"{self.path}: holds no member {name!r}; download the archive again or fix the row")
        return Image.from_reader(partial(self.read, name), name=f"{self.path}!{name}")

    def read(self, name: str) -> bytes:
        """The bytes of a member.

        Raises:
            DataError: It is damaged, encrypted, or more than `MAX_MEMBER` bytes.
        """
        try:
            return self._members[name]()
        except (
            OSError,
            EOFError,
            RuntimeError,
            ValueError,
            NotImplementedError,
            zlib.error,
            zipfile.BadZipFile,
        ) as error:
            raise DataError(f"{self.path}, member {name!r}: cannot be read ({error}); download it again") from error

    @cached_property
    def _members(self) -> Mapping[str, Callable[[], bytes]]:
        """A reader for each regular file. Links are left out, since they may point out of the archive."""
        try:
            check_regular(self.path)
            if self.path.name.lower().endswith(".zip"):
                return self._index_zip()
            return self._index_tar(self.path if self.path.name.lower().endswith(".tar") else self._decompress())
        except (OSError, EOFError, ValueError, zlib.error, zipfile.BadZipFile, tarfile.TarError) as error:
            raise DataError(f"{self.path}: not a readable archive ({error}); download it again") from error

    def _index_zip(self) -> dict[str, Callable[[], bytes]]:
        archive = zipfile.ZipFile(self.path)

        def read(member: zipfile.ZipInfo) -> bytes:
            if member.file_size > MAX_MEMBER:
                raise ValueError(f"{member.file_size:,} bytes, more than the {MAX_MEMBER:,} allowed")
            return archive.read(member)  # reads no more than the declared size, and compares the checksum

        return {member.filename: partial(read, member) for member in archive.infolist() if not member.is_dir()}

    def _index_tar(self, file: Path) -> dict[str, Callable[[], bytes]]:
        # Members are read by their place in the file, each through a handle of its own: a TarFile has one position, and
        # two threads would move it for each other.
        def read(offset: int, size: int) -> bytes:
            if size > MAX_MEMBER:
                raise ValueError(f"{size:,} bytes, more than the {MAX_MEMBER:,} allowed")
            with file.open("rb") as stream:
                stream.seek(offset)
                data = stream.read(size)
            if len(data) < size:
                raise EOFError(f"{len(data):,} of {size:,} bytes are there")
            return data

        with tarfile.open(file, "r:") as archive:
            return {
                member.name.removeprefix("./"): partial(read, member.offset_data, member.size)
                for member in archive
                if member.isreg() and not member.issparse()
            }

    def _decompress(self) -> Path:
        """Make a plain tar of this `.tar.gz`, once."""
        # Size and time of change are part of the name: a new file of the same name is decompressed again.
        facts = self.path.stat()
        key = hashlib.sha256(f"{self.path.absolute()}:{facts.st_size}:{facts.st_mtime_ns}".encode()).hexdigest()[:16]
        plain = self._workspace / "archives" / f"{key}.tar"
        if plain.exists():
            return plain
        plain.parent.mkdir(parents=True, exist_ok=True)
        # Several processes may do this at once. Each writes a file of its own and renames it at the end, so none ever
        # sees half an archive.
        handle, temporary = tempfile.mkstemp(dir=plain.parent, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as out, gzip.open(self.path) as packed:
                while chunk := packed.read(_CHUNK):
                    if out.tell() > max(_CHUNK, MAX_RATIO * facts.st_size):
                        raise ValueError(f"grows to more than {MAX_RATIO} times its size")
                    out.write(chunk)
            put_in_place(Path(temporary), plain)
        finally:
            Path(temporary).unlink(missing_ok=True)
        return plain


class PictureStore:
    """The pictures of a benchmark by name. Files of the folder come first, then members of archives."""

    def __init__(
        self, root: Path, *, workspace: Path, archives: tuple[str, ...] = (), prefixes: tuple[str, ...] = ("",)
    ) -> None:
        """Name the places. Nothing is read yet.

        Args:
            root: The data folder. A name that leads out of it is refused.
            workspace: The folder in which a `.tar.gz` is decompressed.
            archives: Patterns of the archives in the folder, such as `images/*.zip`.
            prefixes: Texts that may stand before a name, in the folder or in an archive: `("", "images/")`.
        """
        self._root, self._workspace = root, workspace
        self._patterns, self._prefixes = archives, prefixes

    def __call__(self, name: str) -> Image:
        """The picture of a name. A missing one is an error when it is loaded, as with any missing file.

        Raises:
            DataError: The name leads out of the folder, or an archive cannot be read.
        """
        files = [Image.from_file(prefix + name, root=self._root) for prefix in self._prefixes]
        for prefix, file in zip(self._prefixes, files, strict=True):
            if (self._root / (prefix + name)).is_file():
                return file
        for archive in self._archives:
            for prefix in self._prefixes:
                if prefix + name in archive:
                    return archive.image(prefix + name)
        places = [str(self._root), *(str(archive.path) for archive in self._archives)]

        def missing() -> bytes:
            raise DataError(f"image {name!r}: not in {' or in '.join(places)}; download it or remove the row")

        return Image.from_reader(missing, name=name)

    @cached_property
    def _archives(self) -> list[Archive]:
        # Sorted, so that a name that two archives hold means the same picture on every machine.
        found = sorted({path for pattern in self._patterns for path in self._root.glob(pattern)})
        inside = self._root.resolve()
        for path in found:
            if not path.resolve().is_relative_to(inside):
                raise DataError(f"{path}: leads out of the data folder {self._root}; keep all files inside it")
        return [Archive(path, workspace=self._workspace) for path in found]
