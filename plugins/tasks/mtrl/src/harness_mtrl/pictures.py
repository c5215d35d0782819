"""Where the pictures of a release are, where its rows do not say it in full."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path

from harness.api import Image
from harness.api.data import Archive, Pictures, PictureStore


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
        # The unpacked file wins: it is the copy that a user can see and replace. Names that lead out are refused here.
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
            # A link may lead to an archive outside the data folder, which no data may be read from.
            if path.resolve().is_relative_to(inside):
                folders |= {name.rpartition("/")[0] for name in Archive(path, workspace=self._workspace).names}
        # Sorted, since the order of folders differs by file system, and the first match wins.
        named = sorted(folder for folder in folders - {"", "."} if self._other not in folder.lower())
        return PictureStore(
            self._root,
            workspace=self._workspace,
            archives=patterns,
            prefixes=("", *(f"{folder}/" for folder in named)),
        )
