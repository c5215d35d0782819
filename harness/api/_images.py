"""Images that cost nothing until they are looked at, and that are named by their content.

Not for image processing: that belongs to the task or judge that wants it.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from harness.api._errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

MAX_PIXELS = 100_000_000
"""Larger images are refused before they are decoded: a small file can hide many gigabytes of pixels."""


class Image:
    """A lazy picture from a file, from bytes, or from a function that reads or draws it.

    Nothing is read or drawn before `digest`, `load` or `encoded` is called; each then keeps its result for as long
    as the image itself lives (items are streamed, so that is short).

    Attributes:
        name: Where the image came from, for error messages. Never part of any key: the content is.
    """

    __slots__ = ("_bytes", "_digest", "_draw", "_path", "_pixels", "_read", "name")

    def __init__(
        self,
        *,
        name: str,
        path: Path | None = None,
        data: bytes | None = None,
        read: Callable[[], bytes] | None = None,
        draw: Callable[[], PILImage] | None = None,
    ) -> None:
        """Use `from_file`, `from_bytes`, `from_reader` or `drawn`; exactly one source must be given."""
        if sum(source is not None for source in (path, data, read, draw)) != 1:
            raise TypeError("Image: give exactly one of path, data, read, draw")
        self.name = name
        self._path = path
        self._bytes = data
        self._read = read
        self._draw = draw
        self._pixels: PILImage | None = None
        self._digest: str | None = None

    @classmethod
    def from_file(cls, path: str | Path, *, root: Path | None = None) -> Image:
        """An image file, read when it is needed.

        Args:
            path: The file; relative to `root` when that is given.
            root: When given, a path that leads out of this folder is refused (data files are hostile).

        Raises:
            DataError: The path leads out of `root`.
        """
        path = Path(path)
        if root is not None:
            path = root / path
            try:
                inside = path.resolve().is_relative_to(root.resolve())
            except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a NUL in the name, ...
                raise DataError(f"image {str(path)!r}: not a usable path ({error}); mend the data") from error
            if not inside:
                raise DataError(f"image {path}: leads out of the data folder {root}; keep images inside it")
        return cls(name=str(path), path=path)

    @classmethod
    def from_bytes(cls, data: bytes, *, name: str) -> Image:
        """An encoded image (PNG, JPEG, ...) that is already in memory."""
        return cls(name=name, data=data)

    @classmethod
    def from_reader(cls, read: Callable[[], bytes], *, name: str) -> Image:
        """An encoded image that `read` fetches each time it is needed, such as a member of an archive.

        `read` raises a `DataError` where it cannot.
        """
        return cls(name=name, read=read)

    @classmethod
    def drawn(cls, draw: Callable[[], PILImage], *, name: str) -> Image:
        """An image that `draw` makes, the same every time."""
        return cls(name=name, draw=draw)

    @classmethod
    def absent(cls, name: str) -> Image:
        """The place of a picture that is not there, for judges that do not look. Its digest is made from the name.

        Args:
            name: The same on every machine, and another one for another picture: as the data name it.
        """

        def read() -> bytes:
            raise DataError(
                f"image {name!r}: is not in these data, which are used without their pictures; put them there and take "
                "out `media: absent`, or ask only judges that do not look at pictures"
            )

        image = cls(name=name, read=read)
        image._digest = hashlib.sha256(f"absent:{name}".encode("utf-8", "surrogatepass")).hexdigest()
        return image

    @property
    def digest(self) -> str:
        """SHA-256 of the encoded bytes, or of the pixels of a drawn image, in hex.

        Raises:
            DataError: The file cannot be read.
        """
        if self._digest is None:
            sha = hashlib.sha256()
            if self._draw is not None:
                pixels = self.load()
                sha.update(f"{pixels.mode}:{pixels.width}x{pixels.height}:".encode())
                sha.update(pixels.tobytes())
            else:
                sha.update(self._raw())
            self._digest = sha.hexdigest()
        return self._digest

    def load(self) -> PILImage:
        """The decoded picture, in the mode it was stored in. Do not change it in place; copy it first.

        Raises:
            DataError: Missing, unreadable, truncated, or more than `MAX_PIXELS` pixels; names the file and the fix.
        """
        if self._pixels is None:
            self._pixels = self._draw() if self._draw is not None else self._decode(self._raw())
        return self._pixels

    def forget(self) -> None:
        """Let go of the decoded picture; the digest is kept, and the next `load` decodes or draws it again."""
        self._pixels = None

    def encoded(self) -> tuple[bytes, str]:
        """The image as a file: bytes and media type. A drawn image becomes PNG.

        Raises:
            DataError: The image cannot be read or its kind is not known.
        """
        if self._draw is not None:
            buffer = io.BytesIO()
            self.load().save(buffer, format="PNG")
            return buffer.getvalue(), "image/png"
        import PIL.Image

        raw = self._raw()
        try:
            with PIL.Image.open(io.BytesIO(raw)) as picture:
                media_type = PIL.Image.MIME.get(picture.format or "", "application/octet-stream")
        except Exception as error:
            raise self._broken(error) from error
        return raw, media_type

    def _raw(self) -> bytes:
        if self._bytes is not None:
            return self._bytes
        if self._read is not None:
            return self._read()
        assert self._path is not None
        try:
            return self._path.read_bytes()
        except FileNotFoundError as error:
            raise DataError(f"image {self.name}: no such file; put it there or remove the item") from error
        except OSError as error:
            raise DataError(f"image {self.name}: cannot be read ({error.strerror or error}); mend the file") from error
        except ValueError as error:  # a NUL in the name
            raise DataError(f"image {self.name!r}: not a usable path ({error}); mend the data") from error

    def _decode(self, raw: bytes) -> PILImage:
        import PIL.Image

        try:
            picture = PIL.Image.open(io.BytesIO(raw))
            if picture.width * picture.height > MAX_PIXELS:
                raise DataError(
                    f"image {self.name}: {picture.width} x {picture.height} pixels are more than the {MAX_PIXELS:,} "
                    "allowed; a file like this can exhaust memory: scale it down"
                )
            picture.load()
        except DataError:
            raise
        except PIL.Image.DecompressionBombError as error:
            raise DataError(f"image {self.name}: {error}; scale it down") from error
        except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError, struct.error, ... on bad files
            raise self._broken(error) from error
        return picture

    def _broken(self, error: Exception) -> DataError:
        return DataError(f"image {self.name}: not a readable image ({error}); replace the file or remove the item")

    def __repr__(self) -> str:
        return f"Image({self.name!r})"
