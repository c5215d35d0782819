"""Videos that the tests make, with PyAV: every frame is grey, and its shade tells its number."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.api import DataError, Image, Video
from harness.api.images import _video
from harness.api.images._video import decode_frames
from harness.api.images._whole import is_cut

if TYPE_CHECKING:
    from typing_extensions import Buffer

av = pytest.importorskip("av")

CODECS = [
    ("ffv1", "matroska", "bgr0"),
    ("mpeg4", "mp4", "yuv420p"),
    ("libx264", "mp4", "yuv420p"),  # its frames are stored in another order than they are shown
    ("mpeg4", "avi", "yuv420p"),
    ("libvpx-vp9", "webm", "yuv420p"),
    ("mpeg2video", "mpegts", "yuv420p"),
    ("mpeg2video", "vob", "yuv420p"),
    ("mpeg2video", "mpeg", "yuv420p"),
    ("flv", "flv", "yuv420p"),
    ("libvpx", "ogg", "yuv420p"),
    ("gif", "gif", "bgr8"),
]


def clip(
    shades: Sequence[int], *, rate: int = 10, codec: str = "ffv1", container: str = "matroska", pixels: str = "bgr0"
) -> bytes:
    """A video of 32 x 24 pixels, a frame for each shade."""
    out = io.BytesIO()
    with av.open(out, "w", format=container) as writer:
        stream = writer.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = 32, 24, pixels
        for shade in shades:
            frame = av.VideoFrame.from_ndarray(np.full((24, 32, 3), shade, np.uint8), format="rgb24")
            for packet in stream.encode(frame):
                writer.mux(packet)
        for packet in stream.encode():
            writer.mux(packet)
    return out.getvalue()


def shade(picture: PIL.Image.Image) -> int:
    pixel = picture.getpixel((5, 5))
    assert isinstance(pixel, tuple)
    return int(pixel[0])


def shades(raw: bytes, count: int) -> list[int]:
    return [shade(frame) for frame in decode_frames(raw, count, name="clip")]


@pytest.mark.parametrize(("codec", "container", "pixels"), CODECS)
def test_frames_are_those_at_the_middles_of_equal_parts(codec: str, container: str, pixels: str) -> None:
    raw = clip([10 * number for number in range(20)], codec=codec, container=container, pixels=pixels)
    coarse = 24 if container == "gif" else 3  # a GIF has eight shades of a colour
    assert shades(raw, 5) == pytest.approx([20, 60, 100, 140, 180], abs=coarse)
    assert shades(raw, 1) == pytest.approx([100], abs=coarse)


@pytest.mark.parametrize(("codec", "container", "pixels"), CODECS)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_video_whose_end_is_missing_is_refused(codec: str, container: str, pixels: str, share: float) -> None:
    raw = clip([10 * number for number in range(20)], codec=codec, container=container, pixels=pixels)
    # Cut between two boxes, an MP4 lacks its index, which FFmpeg says itself.
    with pytest.raises(DataError, match=r"video clip: (its end is missing; copy it again|cannot be decoded)"):
        decode_frames(raw[: int(share * len(raw))], 4, name="clip")


@pytest.mark.parametrize(
    ("codec", "container", "pixels"), [given for given in CODECS if given[1] in ("matroska", "webm", "gif", "ogg")]
)
def test_a_container_that_says_where_it_ends_shows_every_cut(codec: str, container: str, pixels: str) -> None:
    raw = clip([0, 100, 200], codec=codec, container=container, pixels=pixels)
    kind = {"webm": "matroska"}.get(container, container)
    assert not is_cut(raw, kind)
    assert [size for size in range(64, len(raw)) if not is_cut(raw[:size], kind)] == []


@pytest.mark.parametrize(
    ("container", "kind"), [("vob", "mpeg"), ("mpeg", "mpeg"), ("mpegts", "mpegts"), ("flv", "flv")]
)
def test_a_cut_within_a_part_is_seen_and_one_between_two_is_not(container: str, kind: str) -> None:
    codec = "flv" if container == "flv" else "mpeg2video"
    raw = clip([10 * number for number in range(24)], codec=codec, container=container, pixels="yuv420p")
    whole = [size for size in range(len(raw) // 2, len(raw)) if not is_cut(raw[:size], kind)]
    assert not is_cut(raw, kind)
    assert 0 < len(whole) < len(raw) / 8


@pytest.mark.parametrize("flags", ["frag_keyframe+dash+global_sidx", "frag_keyframe+empty_moov+default_base_moof"])
def test_an_mp4_in_fragments_is_cut_where_its_index_or_its_last_box_ends_later(flags: str, tmp_path: Path) -> None:
    with av.open(tmp_path / "a.mp4", "w", format="mp4", options={"movflags": flags}) as writer:
        stream = writer.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 32, 24, "yuv420p", 4
        for shade in range(0, 200, 10):
            frame = av.VideoFrame.from_ndarray(np.full((24, 32, 3), shade, np.uint8), format="rgb24")
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode())
    raw = (tmp_path / "a.mp4").read_bytes()
    assert not is_cut(raw, "mov")
    assert shades(raw, 4) == pytest.approx([20, 70, 120, 170], abs=4)
    last = raw.rindex(b"moof") - 4
    assert is_cut(raw[: last + 60], "mov")
    assert is_cut(raw[:last], "mov") == ("sidx" in flags)


def test_a_recording_that_says_no_length_is_taken_as_it_is() -> None:
    raw = bytearray(clip([0, 50, 100, 150]))
    place = raw.index(b"\x18\x53\x80\x67") + 4
    width = 9 - raw[place].bit_length()
    raw[place : place + width] = (
        b"\x01" + b"\xff" * 7 if width == 8 else bytes([(2 << (8 - width)) - 1]) + b"\xff" * (width - 1)
    )
    assert shades(bytes(raw), 4) == [0, 50, 100, 150]


class Pipe(io.RawIOBase):
    """What cannot go back to its beginning, such as the standard output of a program."""

    def __init__(self) -> None:
        self.written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer, /) -> int:
        self.written += data
        return memoryview(data).nbytes


@pytest.mark.parametrize(("codec", "container"), [("mpeg4", "avi"), ("ffv1", "matroska")])
def test_a_video_whose_writer_could_not_go_back_is_whole(codec: str, container: str) -> None:
    pipe = Pipe()
    with av.open(pipe, "w", format=container) as writer:
        stream = writer.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "bgr0" if codec == "ffv1" else "yuv420p"
        for shade in (0, 100, 200):
            frame = av.VideoFrame.from_ndarray(np.full((24, 32, 3), shade, np.uint8), format="rgb24")
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode())
    assert shades(bytes(pipe.written), 3) == pytest.approx([0, 100, 200], abs=3)


@pytest.mark.parametrize(
    "trailer", [b"\xff" * 64, b" " * 16, b"<!-- x -->\n", b"8db42d694ccc418790edff439fe026bf", b"\0" * 99]
)
def test_what_others_add_after_a_video_does_not_make_it_cut(trailer: bytes) -> None:
    raw = clip([0, 100, 200], codec="mpeg4", container="mp4", pixels="yuv420p")
    assert shades(raw + trailer, 3) == pytest.approx([0, 100, 200], abs=3)


@settings(max_examples=200, deadline=None)
@given(
    head=st.sampled_from([(mark if place == 0 else b"", kind) for place, mark, kind in _video._CONTAINERS]),
    rest=st.binary(max_size=40),
)
def test_any_bytes_are_cut_or_not(head: tuple[bytes, str], rest: bytes) -> None:
    mark, kind = head
    assert is_cut(mark + rest, kind) in (True, False)


@settings(max_examples=25, deadline=None)
@given(frames=st.integers(1, 24), count=st.integers(1, 30), rate=st.sampled_from([1, 10, 24, 30]))
def test_the_rule_holds_for_any_number_and_rate(frames: int, count: int, rate: int) -> None:
    """Frame k is on the screen from k to k + 1; the middles are at (place + 1/2) / count of the whole."""
    raw = clip([8 * number for number in range(frames)], rate=rate)
    for place, found in enumerate(shades(raw, count)):
        middle = (place + 0.5) / count * frames
        # At the very change of a frame either is right. Matroska counts milliseconds.
        near = {int(middle + rate * 2e-3), int(middle - rate * 2e-3)}
        assert found // 8 in {min(max(number, 0), frames - 1) for number in near}


@pytest.mark.parametrize(
    ("matrix", "size", "corner"),
    [((0, 1, -1, 0), (24, 32), (20, 4)), ((-1, 0, 0, -1), (32, 24), (28, 20)), ((0, -1, 1, 0), (24, 32), (4, 28))],
)
def test_a_video_that_lies_on_its_side_is_shown_upright(
    matrix: tuple[int, int, int, int], size: tuple[int, int], corner: tuple[int, int]
) -> None:
    """As telephones store them. Which corner is which was compared with what ffmpeg's own program shows."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as writer:
        stream = writer.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        pixels = np.zeros((24, 32, 3), np.uint8)
        pixels[:8, :8] = 255  # the upper left corner, as it is stored
        for packet in (*stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")), *stream.encode()):
            writer.mux(packet)
    raw = bytearray(out.getvalue())
    a, b, c, d = (value << 16 for value in matrix)
    # ISO 14496-12: the matrix stands 40 bytes into the header of the track.
    struct.pack_into(">9i", raw, raw.index(b"tkhd") + 44, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    (shown,) = decode_frames(bytes(raw), 1, name="clip")
    assert shown.size == size
    bright = [(x, y) for x in (4, size[0] - 4) for y in (4, size[1] - 4) if shown.convert("L").getpixel((x, y)) > 128]  # type: ignore[operator]
    assert bright == [corner]


def test_a_gif_is_a_video() -> None:
    frames = [PIL.Image.new("RGB", (32, 24), (number * 12,) * 3) for number in range(20)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=100)
    assert shades(out.getvalue(), 5) == [24, 72, 120, 168, 216]


def test_nothing_is_read_before_it_is_needed_and_names_need_no_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    raw, read = clip(range(16)), []

    def reader() -> bytes:
        read.append(1)
        return raw

    frames = Video.from_reader(reader, name="clip.mkv").frames(4)
    assert not read
    assert [frame.name for frame in frames[:2]] == ["clip.mkv, frame 1 of 4", "clip.mkv, frame 2 of 4"]
    monkeypatch.setattr(_video, "decode_frames", None)
    assert len({frame.key for frame in frames}) == 4
    assert all(frame.key == frame.digest for frame in frames)
    assert len(read) == 1, "one reading names all frames"


def test_names_tell_file_rule_and_place() -> None:
    def keys(raw: bytes, count: int) -> list[str]:
        return [frame.key for frame in Video.from_reader(lambda: raw, name="x").frames(count)]

    first, second = clip([1, 2, 3]), clip([1, 2, 4])
    assert keys(first, 3) == keys(first, 3)
    assert not set(keys(first, 3)) & {*keys(second, 3), *keys(first, 2)}


def test_a_video_is_decoded_once_for_all_of_its_frames_and_again_when_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw, decoded = clip([10 * number for number in range(8)]), []
    decode = _video.decode_frames

    def count(raw: bytes, count: int, *, name: str) -> list[PIL.Image.Image]:
        decoded.append(1)
        return decode(raw, count, name=name)

    monkeypatch.setattr(_video, "decode_frames", count)
    frames = Video.from_reader(lambda: raw, name="x").frames(8)
    assert [shade(frame.load()) for frame in frames] == [10 * number for number in range(8)]
    assert len(decoded) == 1
    frames[3].forget()
    assert shade(frames[3].load()) == 30
    assert len(decoded) == 2
    threads = [threading.Thread(target=frame.load) for frame in Video.from_reader(lambda: raw, name="y").frames(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(decoded) == 3, "threads that load frames at once decode the video once"


def test_a_file_and_its_frames_go_to_a_judge_as_pictures(tmp_path: Path) -> None:
    (tmp_path / "a.mkv").write_bytes(clip([0, 100, 200]))
    said, *frames = Video.from_file("a.mkv", root=tmp_path).parts(3)
    assert said == "A video, as 3 frames in order, at equal distances in time:"
    for frame, wanted in zip(frames, (0, 100, 200), strict=True):
        assert isinstance(frame, Image)
        raw, kind = frame.encode()
        assert kind == "image/png"
        assert shade(PIL.Image.open(io.BytesIO(raw)).convert("RGB")) == wanted
        packed, size = frame.pack()
        again = Image.unpack(packed, name=frame.name, digest=frame.digest, key=frame.key, size=size)
        assert (shade(again.load()), again.key) == (wanted, frame.key)


def test_a_folder_of_frames_is_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    folder = tmp_path / "clip"
    folder.mkdir()
    for other in (".DS_Store", "Thumbs.db", "frame_3.txt", "meta.json"):
        (folder / other).write_bytes(b"x")
    (folder / "masks.png").mkdir()
    for number in range(12):
        PIL.Image.new("RGB", (8, 8), (number * 20,) * 3).save(folder / f"frame_{number}.png")
    assert [shade(frame.load()) for frame in Video.from_file("clip", root=tmp_path).frames(4)] == [20, 80, 140, 200]
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match=r"video .*none: has no frames"):
        Video.from_file("none", root=tmp_path)


def test_frames_may_be_avif_and_those_in_heic_are_not_passed_over(tmp_path: Path) -> None:
    PIL.Image.init()
    if "AVIF" not in PIL.Image.SAVE:
        pytest.skip("this Pillow writes no AVIF")
    for number in range(2):
        PIL.Image.new("RGB", (8, 8), (number * 200,) * 3).save(tmp_path / f"{number}.AVIF")
    first, second = Video.from_file(tmp_path).frames(2)
    assert (shade(first.load()), shade(second.load())) == (0, 200)
    (tmp_path / "2.heic").write_bytes(b"\0\0\0\x1cftyp" + b"heic\0\0\0\0mif1heic" + bytes(100))
    assert [Path(frame.name).name for frame in Video.from_file(tmp_path).frames(3)] == ["0.AVIF", "1.AVIF", "2.heic"]


def test_paths_stay_in_the_data_folder(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "clip").mkdir(parents=True)
    root = tmp_path / "data"
    (root / "frames").mkdir(parents=True)
    (root / "frames" / "1.png").symlink_to(outside / "secret.png")
    (root / "link").symlink_to(outside / "clip")
    for path in ("../outside/clip", "link", "../outside/secret.mp4"):
        with pytest.raises(DataError, match="leads out of the data folder"):
            Video.from_file(path, root=root)
    with pytest.raises(DataError, match="leads out of the data folder"):
        Video.from_file("frames", root=root)


def test_an_absent_video_has_names_and_no_pictures() -> None:
    frames = Video.from_stored(Image.absent("clip.mp4")).frames(3)
    assert len({frame.key for frame in frames}) == 1
    assert frames[0].key != Video.absent("other.mp4").frames(1)[0].key
    with pytest.raises(DataError, match="is not in these data"):
        frames[0].load()


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "not a video of a known kind"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "not a video of a known kind"),  # a playlist
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "not a video of a known kind"),
        (b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 40, "cannot be decoded"),
        (b"\x1a\x45\xdf\xa3" + b"\xff" * 64, "cannot be decoded"),
        (clip([1, 2, 3])[:200], "its end is missing"),
    ],
)
def test_what_is_no_video_is_refused_and_named(raw: bytes, says: str) -> None:
    with pytest.raises(DataError, match=rf"^video clip: ({says})"):
        decode_frames(raw, 4, name="clip")


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damaged_files_give_frames_or_a_clear_error(data: st.DataObject) -> None:
    raw = bytearray(_DAMAGED)
    for _ in range(data.draw(st.integers(1, 20))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with suppress(DataError):
        assert len(decode_frames(bytes(raw), 3, name="clip")) == 3


_DAMAGED = clip([10 * number for number in range(10)], codec="mpeg4", container="mp4", pixels="yuv420p")


def test_bounds_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = clip(range(20))
    monkeypatch.setattr(_video, "MAX_VIDEO_FRAMES", 10)
    with pytest.raises(DataError, match="has more than 10 frames; cut it"):
        decode_frames(raw, 2, name="clip")
    monkeypatch.setattr(_video, "MAX_VIDEO_FRAMES", 100)
    monkeypatch.setattr(_video, "MAX_PIXELS", 32 * 24 - 1)
    with pytest.raises(DataError, match="has 768 pixels a frame, more than 767; scale it down"):
        decode_frames(raw, 2, name="clip")


def test_a_missing_file_is_named_as_a_video(tmp_path: Path) -> None:
    frame, *_ = Video.from_file("no.mp4", root=tmp_path).frames(2)
    with pytest.raises(DataError, match=r"^video .*no\.mp4: no such file"):
        _ = frame.key
    with pytest.raises(ValueError, match="at least one frame"):
        Video.from_file("no.mp4", root=tmp_path).frames(0)
    with pytest.raises(TypeError, match="exactly one"):
        Video(name="x")


def test_the_decoder_is_imported_only_where_a_frame_is_shown() -> None:
    code = (
        "import sys; from harness.api import Video; frames = Video.from_file('x.mp4').frames(2); "
        "print('av' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_video_without_the_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.api import UserError

    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UserError, match=r"pip install 'judge-harness\[video\]'"):
        decode_frames(_DAMAGED, 2, name="clip")
