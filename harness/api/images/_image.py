"""Lazy images, whose keys name the picture that is shown.

Not for decoding (see `_shown`), and not for image processing: that belongs to the task or judge that wants it.
"""

from __future__ import annotations

import errno
import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from harness.api._errors import DataError
from harness.api.images._shown import MAX_BYTES, UnseenError, decode_picture, is_shown_as_stored, to_visible
from harness.libraries.files import read_whole

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

# Goes into the key of a picture whose pixels are changed before it is shown. Change it when other pixels are shown for
# the same bytes: kept answers to the old pixels are then not taken for answers to the new ones.
_MARK = b"upright, opaque, 8 bits: "


class Image:
    """A lazy picture from a file, from bytes, or from a function that reads or draws it.

    `load` and `encode` both give the picture that a person sees: upright, on white where it is transparent, 8 bits,
    RGB, the first frame. Other content of the file is never shown to a judge. Files may be PNG, JPEG, WebP, GIF, BMP,
    TIFF, AVIF, and HEIC where the library pillow-heif is installed.

    Nothing is read or drawn before it is needed. Digest, key and the decoded picture are kept as long as the image
    itself lives. Items are streamed, so that is short.

    >>> import PIL.Image
    >>> image = Image.from_drawing(lambda: PIL.Image.new("RGBA", (2, 2), (0, 0, 0, 0)), name="clear")
    >>> image.load().mode, image.load().getpixel((0, 0))  # transparent pixels lie on white
    ('RGB', (255, 255, 255))
    >>> raw, media_type = image.encode()
    >>> media_type
    'image/png'

    Attributes:
        name: Where the image came from, for error messages. It is no part of any key: the content is.
    """

    __slots__ = ("_bytes", "_draw", "_named", "_names", "_path", "_pixels", "_read", "_stored", "name")

    def __init__(
        self,
        *,
        name: str,
        path: Path | None = None,
        data: bytes | None = None,
        read: Callable[[], bytes] | None = None,
        draw: Callable[[], PILImage] | None = None,
        named: Callable[[], str] | None = None,
    ) -> None:
        """Use `from_file`, `from_bytes`, `from_reader` or `from_drawing`. Exactly one source must be given."""
        if sum(source is not None for source in (path, data, read, draw)) != 1:
            raise TypeError("Image: give exactly one of path, data, read, draw")
        self.name = name
        self._path = path
        self._bytes = data
        self._read = read
        self._draw = draw
        self._named = named
        self._pixels: PILImage | None = None
        self._stored: tuple[str, bool] | None = None  # kind of the file, and whether it is plain, once it was decoded
        self._names: tuple[str, str] | None = None

    @classmethod
    def from_file(cls, path: str | Path, *, root: Path | None = None) -> Image:
        """An image file, read when it is needed.

        Args:
            path: The file, relative to `root` where that is given.
            root: A path that leads out of this folder is refused.

        Raises:
            DataError: The path leads out of `root`.
        """
        path = Path(path)
        if root is not None:
            # Data files are hostile: a row that names ../../.ssh/id_rsa must not send that file to an endpoint. Links
            # are followed first, since a link in the folder may lead out of it as well.
            path = root / path
            try:
                inside = path.resolve().is_relative_to(root.resolve())
            except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a NUL in the name, ...
                raise DataError(f"image {str(path)!r}: not a usable path ({error}); fix the data") from error
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

        `read` raises a `DataError` where the image cannot be read.
        """
        return cls(name=name, read=read)

    @classmethod
    def from_drawing(cls, draw: Callable[[], PILImage], *, name: str, named: Callable[[], str] | None = None) -> Image:
        """An image that `draw` makes. It must make the same pixels every time.

        Args:
            draw: Makes the picture.
            name: For error messages.
            named: Gives the digest and key, in hex, where what is drawn can be named without drawing it. By default the
                pixels are hashed.
        """
        return cls(name=name, draw=draw, named=named)

    @classmethod
    def absent(cls, name: str) -> Image:
        """A placeholder for a missing picture, for judges that do not look at it. Its digest is made from the name.

        Args:
            name: Its name in the data: the same on every machine, and different for different pictures.
        """

        def read() -> bytes:
            raise DataError(
                f"image {name!r}: is not in these data, which are used without their pictures; put them there and take "
                "out `media: absent`, or ask only judges that do not look at pictures"
            )

        image = cls(name=name, read=read)
        image._names = _name_absent(name), _name_absent(name)
        return image

    @property
    def is_absent(self) -> bool:
        """Whether it is a placeholder of `absent`."""
        return self._names is not None and self._names[0] == _name_absent(self.name)

    @property
    def path(self) -> Path | None:
        """The file that it is read from; `None` where it is no file."""
        return self._path

    def read_stored(self) -> bytes:
        """The bytes of the file, which may hold no picture.

        Raises:
            DataError: It cannot be read, or is drawn and has no file.
        """
        if self._draw is not None:
            raise DataError(f"image {self.name}: is drawn and has no file")
        return self._raw()

    def pack(self) -> tuple[bytes, tuple[int, int] | None]:
        """What `unpack` makes the picture from in another process: its file as it is stored, or a drawing's pixels.

        Returns:
            Bytes, and the width and height where they are pixels (RGB, 8 bits, row by row). A PNG of a drawing would be
            smaller, and takes a hundred times as long to make as its pixels take to copy.

        Raises:
            DataError: The picture cannot be read.
        """
        if self.is_absent:
            return b"", None  # no file is empty, so that no bytes say: absent
        if self._draw is None:
            return self._raw(), None
        pixels = self.load()
        return pixels.tobytes(), pixels.size

    @classmethod
    def unpack(cls, data: bytes, *, name: str, digest: str, key: str, size: tuple[int, int] | None = None) -> Image:
        """The picture that `pack` packed, with the digest and the key that it had there."""
        if size is not None:
            image = cls.from_drawing(lambda: _of_pixels(data, size), name=name)
        elif data:
            image = cls.from_bytes(data, name=name)
        else:
            return cls.absent(name)
        image._names = digest, key
        return image

    @property
    def digest(self) -> str:
        """SHA-256 of the encoded bytes, or of the pixels of a drawn image, in hex. It tells whether data have changed.

        Raises:
            DataError: The file cannot be read. Only `load` finds out that its content is no picture.
        """
        return self._compute_names()[0]

    @property
    def key(self) -> str:
        """Name of the picture that is shown, in hex. No two different pictures have the same key.

        It is the digest where pixels are shown as they are stored. Where they are turned, laid on white or scaled, it
        is another hash, so that an answer to the stored pixels is never taken for an answer to the changed ones. Two
        files with equal pixels may have different keys.

        Raises:
            DataError: As `digest`.
        """
        return self._compute_names()[1]

    @property
    def media_type(self) -> str:
        """Media type of the file, such as `image/tiff`. A drawn image has `image/png`.

        Raises:
            DataError: As `load`.
        """
        if self._draw is None and self._stored is None:
            self._decode(self._raw())
        return self._stored[0] if self._stored is not None else "image/png"

    def load(self) -> PILImage:
        """The picture that a person sees, in mode RGB. Copy it before you change it.

        Raises:
            DataError: Missing, of an unknown kind, truncated, damaged, or larger than `MAX_PIXELS` pixels or 256 MiB.
                The message names the file and the fix.
        """
        pixels = self._pixels
        if pixels is None:
            pixels = self._render(self._draw) if self._draw is not None else self._decode(self._raw())
            self._pixels = pixels
        return pixels

    def forget(self) -> None:
        """Free the decoded picture. Digest and key are kept, and the next `load` decodes or draws it again."""
        self._pixels = None

    def encode(self) -> tuple[bytes, str]:
        """The picture that a person sees, as a file: bytes and media type.

        A PNG, JPEG or WebP that every decoder shows so is given as it is stored. Anything else becomes a PNG.

        Raises:
            DataError: As `load`.
        """
        pixels = self._pixels
        if self._draw is None:
            raw = self._raw()
            if self._stored is None:
                # Only decoding tells whether a file is whole. The pixels are not kept: a judge that sends files does
                # not need them, and they take many times the memory of the file.
                pixels = self._decode(raw)
            assert self._stored is not None
            kind, plain = self._stored
            if plain:
                return raw, kind
            if pixels is None:
                pixels = self._decode(raw)
        if pixels is None:
            pixels = self.load()
        buffer = io.BytesIO()
        pixels.save(buffer, format="PNG")
        return buffer.getvalue(), "image/png"

    def _compute_names(self) -> tuple[str, str]:
        """Digest and key."""
        if self._names is None:
            if self._named is not None:
                self._names = (self._named(),) * 2
            elif self._draw is not None:
                # The size goes in as well: 2 x 3 and 3 x 2 pixels can have the same bytes.
                pixels = self.load()
                sha = hashlib.sha256(f"{pixels.mode}:{pixels.width}x{pixels.height}:".encode() + pixels.tobytes())
                self._names = sha.hexdigest(), sha.hexdigest()
            else:
                raw = self._raw()
                sha = hashlib.sha256(raw)
                marked = sha if is_shown_as_stored(raw) else hashlib.sha256(_MARK + sha.digest())
                self._names = sha.hexdigest(), marked.hexdigest()
        return self._names

    def _raw(self) -> bytes:
        if self._bytes is not None:
            return self._bytes
        if self._read is not None:
            return self._read()
        assert self._path is not None
        try:
            return read_whole(self._path, most=MAX_BYTES)
        except FileNotFoundError as error:
            raise DataError(f"image {self.name}: no such file; put it there or remove the item") from error
        except OSError as error:
            if error.errno == errno.EFBIG:
                raise DataError(f"image {self.name}: {error.strerror}; scale it down") from error
            raise DataError(f"image {self.name}: cannot be read ({error.strerror or error}); fix the file") from error
        except ValueError as error:  # a NUL in the name
            raise DataError(f"image {self.name!r}: not a usable path ({error}); fix the data") from error

    def _decode(self, raw: bytes) -> PILImage:
        try:
            stored = decode_picture(raw)
        except UnseenError as error:
            raise DataError(f"image {self.name}: {error}") from error
        self._stored = stored.kind, stored.plain
        return stored.picture

    def _render(self, draw: Callable[[], PILImage]) -> PILImage:
        picture = draw()
        try:
            return to_visible(picture)
        except UnseenError as error:
            raise DataError(f"image {self.name}: {error}") from error

    def __repr__(self) -> str:
        return f"Image({self.name!r})"


def _name_absent(name: str) -> str:
    return hashlib.sha256(f"absent:{name}".encode("utf-8", "surrogatepass")).hexdigest()


def _of_pixels(data: bytes, size: tuple[int, int]) -> PILImage:
    import PIL.Image

    return PIL.Image.frombytes("RGB", size, data)
