"""Lazy videos, shown to a judge as frames.

The rule: of `count` equal parts of the video's time, the frame that is on the screen at the middle of each. It needs no
setting, leaves out neither end, and gives the same frames for the same file at any rate of frames. A video with fewer
frames than `count` shows some of them more than once.

Frames are decoded by PyAV (the libraries of FFmpeg), which the extra `video` installs. Only files of known containers
are opened, by what their first bytes say: FFmpeg also opens playlists, which lead to other files and to addresses.
"""

from __future__ import annotations

import hashlib
import io
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api._errors import DataError, UserError
from harness.api.images._image import Image
from harness.api.images._shown import ENDINGS, MAX_PIXELS
from harness.api.images._whole import is_cut

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

MAX_VIDEO_FRAMES = 50_000
"""Longer videos are refused: half an hour at 25 frames a second."""

FRAMES = 8
"""Frames of a video that are shown by default."""

# Goes into the names of frames. Change it with the rule, so that kept answers are about the frames that were shown.
_RULE = b"middles of equal parts, 1"

_CONTAINERS: tuple[tuple[int, bytes, str], ...] = (
    (4, b"ftyp", "mov"),  # MP4, MOV, M4V
    (0, b"\x1a\x45\xdf\xa3", "matroska"),  # WebM, MKV
    (8, b"AVI ", "avi"),
    (0, b"GIF8", "gif"),
    (0, b"OggS", "ogg"),
    (0, b"FLV", "flv"),
    (0, b"\x00\x00\x01\xba", "mpeg"),
    (0, b"\x47", "mpegts"),
)
"""Place and bytes that begin a file of each container, and FFmpeg's name of its reader."""


class Video:
    """A lazy video from a file, from a function that reads one, or from frames that are pictures already.

    Nothing is read before it is needed. The names of its frames come from the bytes of the file, so that a key needs no
    decoding. Frames that were decoded and not yet looked at are kept as long as the video's pictures live.

    Attributes:
        name: Where the video came from, for error messages. It is no part of any key: the content is.
    """

    __slots__ = ("_digest", "_frames", "_read", "name")

    def __init__(
        self, *, name: str, read: Callable[[], bytes] | None = None, frames: Sequence[Image] | None = None
    ) -> None:
        """Use `from_file`, `from_reader`, `from_frames` or `absent`. Exactly one source must be given."""
        if (read is None) == (frames is None):
            raise TypeError("Video: give exactly one of read, frames")
        if frames is not None and not frames:
            raise DataError(f"video {name}: has no frames; put its pictures there or remove the item")
        self.name = name
        self._read = read
        self._frames = frames
        self._digest: str | None = None

    @classmethod
    def from_file(cls, path: str | Path, *, root: Path | None = None) -> Video:
        """A video file, or a folder of pictures that are its frames, in the order of the numbers in their names.

        Other files in the folder are passed over.

        Args:
            path: The file or folder, relative to `root` where that is given.
            root: A path that leads out of this folder is refused.

        Raises:
            DataError: The path leads out of `root`, or a folder has no frames.
        """
        return cls.from_stored(Image.from_file(path, root=root))

    @classmethod
    def from_stored(cls, file: Image) -> Video:
        """A video that lies where a picture would: `file` is not decoded as one, and only says how it is read.

        Args:
            file: Of `Image.from_file`, for a folder too, of `Image.from_reader`, or of `Image.absent`.

        Raises:
            DataError: It is a folder without frames.
        """
        if file.is_absent:
            return cls.absent(file.name)
        folder = file.path
        if folder is not None and folder.is_dir():
            names = sorted((entry.name for entry in folder.iterdir() if _is_frame(entry)), key=_in_order)
            return cls.from_frames([Image.from_file(name, root=folder) for name in names], name=file.name)
        return cls(name=file.name, read=file.read_stored)

    @classmethod
    def from_reader(cls, read: Callable[[], bytes], *, name: str) -> Video:
        """A video that `read` fetches each time it is needed, such as a member of an archive.

        `read` raises a `DataError` where the video cannot be read.
        """
        return cls(name=name, read=read)

    @classmethod
    def from_frames(cls, frames: Sequence[Image], *, name: str) -> Video:
        """A video that is given as pictures, in order and at equal distances in time.

        Raises:
            DataError: There are none.
        """
        return cls(name=name, frames=frames)

    @classmethod
    def absent(cls, name: str) -> Video:
        """A placeholder for a missing video, for judges that do not look at it. Its frames are named after it."""
        return cls(name=name, frames=(Image.absent(name),))

    def frames(self, count: int = FRAMES) -> tuple[Image, ...]:
        """Pictures of the video, by the rule at the top of this module. They are decoded when they are loaded.

        Args:
            count: How many.
        """
        if count < 1:
            raise ValueError(f"Video: at least one frame must be shown, not {count}")
        if self._frames is not None:
            return tuple(self._frames[(2 * place + 1) * len(self._frames) // (2 * count)] for place in range(count))
        decoded = _Decoded(self.name, self._bytes, count)
        return tuple(
            Image.from_drawing(
                partial(decoded.take, place),
                name=f"{self.name}, frame {place + 1} of {count}",
                named=partial(self._name_frame, place, count),
            )
            for place in range(count)
        )

    def parts(self, count: int = FRAMES) -> tuple[str | Image, ...]:
        """What stands for the video in a question: a line that says what follows, and its frames.

        Args:
            count: How many frames.
        """
        return (f"A video, as {count} frames in order, at equal distances in time:", *self.frames(count))

    def _bytes(self) -> bytes:
        assert self._read is not None
        try:
            raw = self._read()
        except DataError as error:
            raise DataError(f"video {str(error).removeprefix('image ')}") from error
        if self._digest is None:
            self._digest = hashlib.sha256(raw).hexdigest()
        return raw

    def _name_frame(self, place: int, count: int) -> str:
        """SHA-256 of the file, the rule and the frame's place, in hex."""
        if self._digest is None:
            self._bytes()
        return hashlib.sha256(b"%s: %s %d/%d" % (_RULE, str(self._digest).encode(), place, count)).hexdigest()

    def __repr__(self) -> str:
        return f"Video({self.name!r})"


class _Decoded:
    """The frames of one video that are shown, decoded together and handed out one by one."""

    def __init__(self, name: str, read: Callable[[], bytes], count: int) -> None:
        self._name, self._read, self._count = name, read, count
        self._kept: dict[int, PILImage] = {}
        self._lock = threading.Lock()  # judges load pictures in several threads

    def take(self, place: int) -> PILImage:
        """A frame, which is not kept here any longer: its picture keeps it."""
        with self._lock:
            if place not in self._kept:
                self._kept = dict(enumerate(decode_frames(self._read(), self._count, name=self._name)))
            return self._kept.pop(place)


def decode_frames(raw: bytes, count: int, *, name: str) -> list[PILImage]:
    """The frames at the middles of `count` equal parts of a video's time.

    Args:
        raw: The bytes of the file.
        count: How many frames.
        name: For messages.

    Raises:
        DataError: Of an unknown kind, damaged, without pictures, or too large.
        UserError: PyAV is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise UserError(f"video {name}: needs the library PyAV; pip install 'judge-harness[video]'") from error
    kind = next((kind for place, mark, kind in _CONTAINERS if raw[place : place + len(mark)] == mark), None)
    if kind is None:
        raise DataError(f"video {name}: not a video of a known kind (MP4, MOV, WebM, MKV, AVI, GIF, ...); convert it")
    if is_cut(raw, kind):
        raise DataError(f"video {name}: its end is missing; copy it again")
    try:
        with av.open(io.BytesIO(raw), "r", format=kind) as container:
            stream = next((stream for stream in container.streams.video if stream.codec_context is not None), None)
            if stream is None:
                raise DataError(f"video {name}: has no pictures that can be decoded; convert it")
            _check_size(stream.codec_context, name)
            wanted = _middles(_times(container, stream, name), count)
        # Opened again in place of a seek: not every container can seek to its beginning.
        with av.open(io.BytesIO(raw), "r", format=kind) as container:
            stream = next(stream for stream in container.streams.video if stream.codec_context is not None)
            stream.codec_context.thread_count = 1  # threads of one clip would fight over cores that judges use
            return list(_pick_frames(wanted, container.decode(stream), name))
    except (av.FFmpegError, ValueError, MemoryError) as error:
        raise DataError(f"video {name}: cannot be decoded ({error}); convert it or remove the item") from error


def _check_size(sized: Any, name: str) -> None:
    size = sized.width * sized.height
    if size > MAX_PIXELS:
        raise DataError(f"video {name}: has {size:,} pixels a frame, more than {MAX_PIXELS:,}; scale it down")


def _times(container: Any, stream: Any, name: str) -> list[int]:
    """When each frame comes on the screen, in the stream's own unit, sorted. Nothing is decoded."""
    times: list[int] = []
    for packet in container.demux(stream):
        time = packet.dts if packet.pts is None else packet.pts
        if time is not None and not packet.is_discard:
            times.append(time)
        if len(times) > MAX_VIDEO_FRAMES:
            raise DataError(f"video {name}: has more than {MAX_VIDEO_FRAMES:,} frames; cut it")
    if not times:
        raise DataError(f"video {name}: has no frames; fix the file")
    return sorted(times)


def _middles(times: Sequence[int], count: int) -> list[float]:
    """The middles of equal parts. The last frame is taken to stay as long as frames do on average."""
    first, last = times[0], times[-1]
    stay = (last - first) / (len(times) - 1) if len(times) > 1 else 1.0
    return [first + (place + 0.5) / count * (last - first + stay) for place in range(count)]


def _pick_frames(wanted: Sequence[float], frames: Iterator[Any], name: str) -> Iterator[PILImage]:
    """The frame on the screen at each time: the last one that came on before it."""
    left, before = list(wanted), None
    for frame in frames:
        time = frame.dts if frame.pts is None else frame.pts
        # A first frame that comes late is on the screen from the beginning.
        while left and before is not None and time is not None and time > left[0]:
            left.pop(0)
            yield _upright(before)
        _check_size(frame, name)  # a damaged file may change its size on the way
        before = frame
        if not left:
            return
    if before is None:
        raise DataError(f"video {name}: none of its frames can be decoded; fix the file")
    for _ in left:
        yield _upright(before)


def _upright(frame: Any) -> PILImage:
    picture: PILImage = frame.to_image()
    turn = getattr(frame, "rotation", 0)
    return picture.rotate(turn, expand=True) if turn else picture


def _is_frame(entry: Path) -> bool:
    """Whether a file in a folder of frames is one: notes, and what systems leave there, would move all frames."""
    # A link is looked at where it is opened, and its folder there too: one that leads out is refused by name.
    return entry.suffix.lower() in ENDINGS and not entry.name.startswith(".") and not entry.is_dir()


def _in_order(name: str) -> list[tuple[int, str]]:
    """A key that puts `frame_2` before `frame_10`."""
    return [(int(number or 0), text) for number, text in re.findall(r"(\d{1,18})|(\D+)", name, re.ASCII)]
