"""Pixels held against what was worked out by hand, for files that Pillow writes and for those that it cannot."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageFile
import pytest

from harness.api import MAX_PIXELS, Choice, DataError, Image, Message, Request
from harness.api.images._shown import MAX_BYTES
from harness.formats.tagged import TaggedFormat
from harness.testing import odd_pictures

Pixel = tuple[int, int, int]


def file(picture: PIL.Image.Image, kind: str, **settings: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format=kind, **settings)
    return buffer.getvalue()


def exif(orientation: int) -> bytes:
    data = PIL.Image.Exif()
    data[0x0112] = orientation
    return data.tobytes()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def words(*values: int) -> bytes:
    return struct.pack(f">{len(values)}H", *values)


def png(width: int, depth: int, colour: int, *rows: bytes, before: bytes = b"", after: bytes = b"") -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, len(rows), depth, colour, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
    return b"\x89PNG\r\n\x1a\n" + head + before + data + after + chunk(b"IEND", b"")


def tiff(width: int, bits: int, data: bytes, *, white_is_zero: bool = False, number: int = 1, **more: int) -> bytes:
    """One row of grey; `number` is 1 for whole numbers, 2 for those with a sign, 3 for floating point."""
    start = 8 + 2 + 12 * (10 + len(more)) + 4
    photometric = 0 if white_is_zero else 1
    tags = {256: width, 257: 1, 258: bits, 259: 1, 262: photometric, 273: start, 277: 1, 278: 1, 279: len(data)}
    tags |= {339: number} | {int(tag[1:]): value for tag, value in more.items()}
    rows = [struct.pack("<HHII", tag, 4, 1, tags[tag]) for tag in sorted(tags)]
    return b"II*\0" + struct.pack("<IH", 8, len(rows)) + b"".join(rows) + bytes(4) + data


def image(raw: bytes) -> Image:
    return Image.from_bytes(raw, name="x")


def pixels(raw: bytes) -> list[Pixel]:
    picture = image(raw).load()
    assert picture.mode == "RGB"
    return [picture.getpixel((x, y)) for y in range(picture.height) for x in range(picture.width)]  # type: ignore[misc]


def greys(raw: bytes) -> list[int]:
    assert all(red == green == blue for red, green, blue in pixels(raw))
    return [red for red, _, _ in pixels(raw)]


@pytest.mark.parametrize(("odd", "plain"), [pytest.param(*rest, id=name) for name, *rest in odd_pictures()])
def test_an_odd_picture_is_shown_as_its_plain_twin_is(odd: Image, plain: Image) -> None:
    assert odd.load().size == plain.load().size
    assert np.asarray(odd.load()).tolist() == np.asarray(plain.load()).tolist()
    assert odd.load().info == {}
    raw, media = odd.encode()
    assert media == "image/png"
    sent = PIL.Image.open(io.BytesIO(raw))
    assert (sent.mode, sent.info.get("exif"), getattr(sent, "n_frames", 1)) == ("RGB", None, 1)
    assert sent.tobytes() == plain.load().tobytes()


# The picture 1 2 / 3 4 / 5 6 as each orientation stores it, by the table of the EXIF standard.
STORED = {
    1: [[1, 2], [3, 4], [5, 6]],
    2: [[2, 1], [4, 3], [6, 5]],
    3: [[6, 5], [4, 3], [2, 1]],
    4: [[5, 6], [3, 4], [1, 2]],
    5: [[1, 3, 5], [2, 4, 6]],
    6: [[2, 4, 6], [1, 3, 5]],
    7: [[6, 4, 2], [5, 3, 1]],
    8: [[5, 3, 1], [6, 4, 2]],
}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "MPO", "AVIF"])
@pytest.mark.parametrize("orientation", STORED)
def test_every_orientation_is_upright_in_every_format(kind: str, orientation: int) -> None:
    stored = PIL.Image.fromarray(np.array(STORED[orientation], dtype=np.uint8) * 40).convert("RGB")
    wide = stored.resize((stored.width * 16, stored.height * 16), PIL.Image.Resampling.NEAREST)
    more: dict[str, Any] = {"tiffinfo": {0x0112: orientation}} if kind == "TIFF" else {"exif": exif(orientation)}
    if kind == "MPO":
        more |= {"save_all": True, "append_images": [wide]}
    if kind == "AVIF" and kind not in PIL.Image.SAVE:
        pytest.skip("this Pillow writes no AVIF")
    raw = file(wide, kind, **more)
    seen = image(raw).load()
    assert seen.size == (32, 48)
    grid = [[seen.getpixel((x * 16 + 8, y * 16 + 8))[0] for x in range(2)] for y in range(3)]  # type: ignore[index]
    assert grid == [[pytest.approx(40 * value, abs=4) for value in row] for row in STORED[1]]
    sent = PIL.Image.open(io.BytesIO(image(raw).encode()[0]))
    assert (sent.size, PIL.Image.Image.getexif(sent).get(0x0112, 1)) == ((32, 48), 1)


def test_exif_data_after_the_pixels_of_a_png_counts_too() -> None:
    late = png(2, 8, 0, b"\1\2", after=chunk(b"eXIf", exif(2)[6:]))
    assert greys(late) == [2, 1]
    assert greys(image(late).encode()[0]) == [2, 1]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("damage", [b"\xff" * 40, b"MM\0*\0\0\0\x08\xff\xff", b""])
def test_damaged_exif_data_leave_the_picture_as_it_is_stored(damage: bytes) -> None:
    assert greys(png(2, 8, 0, b"\1\2", before=chunk(b"eXIf", damage))) == [1, 2]


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_an_orientation_that_does_not_exist_is_none(orientation: int) -> None:
    assert greys(png(2, 8, 0, b"\1\2", before=chunk(b"eXIf", exif(orientation)[6:]))) == [1, 2]


CLEAR = {
    "1 bit": (png(2, 1, 0, b"\x40", before=chunk(b"tRNS", words(0))), [255, 255]),
    "1 bit, white": (png(2, 1, 0, b"\x40", before=chunk(b"tRNS", words(1))), [0, 255]),
    "2 bits": (png(4, 2, 0, b"\x1b", before=chunk(b"tRNS", words(1))), [0, 255, 170, 255]),
    "4 bits": (png(2, 4, 0, b"\x34", before=chunk(b"tRNS", words(3))), [255, 68]),
    "8 bits": (png(2, 8, 0, b"\x03\x0f", before=chunk(b"tRNS", words(3))), [255, 15]),
    "8 bits, of which more are given": (png(2, 8, 0, b"\x03\x0f", before=chunk(b"tRNS", words(0xFF03))), [255, 15]),
    "16 bits": (png(3, 16, 0, words(0, 257, 514), before=chunk(b"tRNS", words(257))), [0, 255, 2]),
    "colour": (png(2, 8, 2, b"\1\2\3\5\5\5", before=chunk(b"tRNS", words(1, 2, 3))), [255, 5]),
    "colour of 16 bits": (
        png(3, 16, 2, words(*[256] * 3, *[1285] * 3, *[65535] * 3), before=chunk(b"tRNS", words(256, 256, 256))),
        [255, 5, 255],
    ),
    "palette": (
        png(3, 8, 3, b"\0\1\2", before=chunk(b"PLTE", bytes(9)) + chunk(b"tRNS", b"\0\x80\xff")),
        [255, 127, 0],
    ),
    "grey of 16 bits with alpha": (png(2, 16, 4, words(0, 65535, 0, 0)), [0, 255]),
    "colour of 16 bits with alpha": (png(1, 16, 6, words(0, 0, 0, 128 * 257)), [127]),
}


@pytest.mark.parametrize(("raw", "expected"), CLEAR.values(), ids=CLEAR)
def test_what_is_transparent_lies_on_white(raw: bytes, expected: list[int]) -> None:
    assert greys(raw) == expected
    assert greys(image(raw).encode()[0]) == expected


def test_a_gif_with_a_clear_colour_lies_on_white() -> None:
    picture = PIL.Image.new("P", (2, 1))
    picture.putpalette([9, 9, 9, 40, 50, 60])
    picture.putpixel((1, 0), 1)
    assert pixels(file(picture, "GIF", transparency=0)) == [(255, 255, 255), (40, 50, 60)]


DEEP = {
    "16 bits": (png(4, 16, 0, words(0, 128, 129, 65535)), [0, 0, 1, 255]),
    "TIFF": (tiff(3, 16, struct.pack("<3H", 0, 257 * 7, 65535)), [0, 7, 255]),
    "TIFF, white is 0": (tiff(3, 16, struct.pack("<3H", 0, 257 * 7, 65535), white_is_zero=True), [255, 248, 0]),
    "TIFF, 12 bits": (tiff(2, 12, b"\xff\xf0\x00"), [255, 0]),
    "TIFF, 16 bits with a sign": (tiff(3, 16, struct.pack("<3h", -100, 0, 100), number=2), [0, 128, 255]),
    "TIFF, 32 bits": (tiff(3, 32, struct.pack("<3I", 0, 2**20, 2**21)), [0, 128, 255]),
    "from 0 to 1": (tiff(4, 32, struct.pack("<4f", 0.2, 0.4, 0.6, 0.8), number=3), [51, 102, 153, 204]),
    "wider": (tiff(3, 32, struct.pack("<3f", -10, 0, 10), number=3), [0, 128, 255]),
    "as wide as can be": (tiff(3, 32, struct.pack("<3f", -3e38, 0, 3e38), number=3), [0, 128, 255]),
    "no numbers": (tiff(3, 32, struct.pack("<3f", float("nan"), float("inf"), 0.2), number=3), [0, 255, 51]),
    "nothing but no numbers": (tiff(1, 32, struct.pack("<f", float("nan")), number=3), [0]),
    "flat": (tiff(1, 32, struct.pack("<f", 700), number=3), [0]),
}


@pytest.mark.parametrize(("raw", "expected"), DEEP.values(), ids=DEEP)
def test_16_bits_and_floating_point_become_8_bits(raw: bytes, expected: list[int]) -> None:
    assert greys(raw) == expected
    assert greys(image(raw).encode()[0]) == expected


def test_colours_of_16_bits_become_8_and_go_out_with_8() -> None:
    raw = png(2, 16, 2, words(0, 257 * 5, 65535, 257 * 9, 257 * 8, 257 * 7))
    assert pixels(raw) == [(0, 5, 255), (9, 8, 7)]
    sent, media = image(raw).encode()
    assert (media, sent[24]) == ("image/png", 8), "the byte of a PNG that says how deep it is"


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_ink_is_multiplied_out(kind: str) -> None:
    ink = PIL.Image.new("CMYK", (16, 16), (0, 100, 200, 50))
    raw = file(ink, kind, **({"quality": 100} if kind == "JPEG" else {}))
    assert pixels(raw)[0] == pytest.approx((255 * 205 / 255, 155 * 205 / 255, 55 * 205 / 255), abs=2)
    assert PIL.Image.open(io.BytesIO(image(raw).encode()[0])).mode == "RGB"


def test_other_colour_spaces() -> None:
    red = PIL.Image.new("LAB", (2, 2), (138, 209, 198))  # sRGB red: L 54.3, a 80.8, b 69.9 under D50
    assert pixels(file(red, "TIFF"))[0] == pytest.approx((255, 0, 0), abs=6)
    blue = PIL.Image.new("RGB", (1, 1), (0, 0, 255)).convert("YCbCr")
    assert Image.from_drawing(lambda: blue, name="x").load().getpixel((0, 0)) == pytest.approx((0, 0, 255), abs=3)
    assert greys(file(PIL.Image.new("1", (1, 2), 1), "BMP")) == [255, 255]


def test_a_drawn_picture_is_shown_like_a_stored_one() -> None:
    def drawn(raw: bytes) -> Image:
        return Image.from_drawing(lambda: PIL.Image.open(io.BytesIO(raw)), name="x")

    assert drawn(png(2, 8, 0, b"\1\2", before=chunk(b"eXIf", exif(2)[6:]))).load().getpixel((0, 0)) == (2, 2, 2)
    assert drawn(CLEAR["palette"][0]).load().getpixel((0, 0)) == (255, 255, 255)
    with pytest.raises(DataError, match=r"image x: not a readable image"):
        drawn(PLAIN["PNG"][:2000]).load()


def noise(mode: str = "RGB") -> PIL.Image.Image:
    levels = np.random.default_rng(0).integers(0, 256, (64, 96), dtype=np.uint8)
    return PIL.Image.fromarray(levels).convert(mode)


PLAIN = {
    "PNG": file(noise(), "PNG"),
    "grey PNG": file(noise("L"), "PNG"),
    "opaque RGBA": file(noise("RGBA"), "PNG"),
    "JPEG": file(noise(), "JPEG"),
    "progressive JPEG": file(noise("L"), "JPEG", progressive=True),
    "upright JPEG": file(noise(), "JPEG", exif=exif(1)),
    "WebP": file(noise(), "WEBP"),
}


@pytest.mark.parametrize("raw", PLAIN.values(), ids=PLAIN)
def test_a_file_that_every_decoder_shows_alike_is_given_as_it_is(raw: bytes) -> None:
    assert image(raw).encode() == (raw, image(raw).media_type)


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "BMP"])
def test_a_format_that_not_every_endpoint_decodes_becomes_png(kind: str) -> None:
    raw, media = image(file(noise(), kind)).encode()
    assert media == "image/png"
    assert pixels(raw) == pixels(file(noise(), kind))


KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "PNG": ("PNG", {}),
    "JPEG": ("JPEG", {}),
    "progressive JPEG": ("JPEG", {"progressive": True}),
    "WebP": ("WEBP", {}),
    "GIF": ("GIF", {}),
    "BMP": ("BMP", {}),
    "TIFF": ("TIFF", {}),
    "packed TIFF": ("TIFF", {"compression": "tiff_lzw"}),
    "AVIF": ("AVIF", {}),
}


@pytest.mark.parametrize(("kind", "settings"), KINDS.values(), ids=KINDS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_truncated_file_is_an_error_for_all_or_shows_the_whole_picture(kind: str, settings: dict[str, Any]) -> None:
    if kind == "AVIF" and kind not in PIL.Image.SAVE:
        pytest.skip("this Pillow writes no AVIF")
    raw = file(noise(), kind, **settings)
    whole, errors = image(raw).load().tobytes(), []
    for size in {*range(0, len(raw), max(1, len(raw) // 40)), *range(len(raw) - 20, len(raw))}:
        cut = image(raw[:size])
        assert cut.key, "that a file is no picture is told by whoever looks"
        try:
            assert cut.load().tobytes() == whole
        except DataError as error:
            errors.append(str(error))
            with pytest.raises(DataError, match=r"image x: .*replace the file"):
                cut.encode()
        else:
            assert cut.encode()[0] != raw[:size], "another decoder may refuse it"
    assert len(errors) >= 40
    assert not [error for error in errors if "0x" in error]


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"
OTHERS = {
    "PostScript": POSTSCRIPT,
    "PDF": b"%PDF-1.4\n",
    "FITS": b"SIMPLE  =                    T" + bytes(100),
    "WMF": b"\xd7\xcd\xc6\x9a" + bytes(80),
    "PPM": b"P6 1 1 255 \1\2\3",
    "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "ICO": file(noise(), "ICO"),
    "HTML": b"<html>404</html>",
    "empty": b"",
}


@pytest.mark.parametrize("raw", OTHERS.values(), ids=OTHERS)
def test_the_list_of_formats_is_closed(raw: bytes) -> None:
    for use in (image(raw).load, image(raw).encode, lambda: image(raw).media_type):
        with pytest.raises(DataError, match=r"image x: not a readable image \(.*none of PNG, JPEG, .*HEIC\)") as caught:
            use()
        assert "0x" not in str(caught.value)


@pytest.mark.skipif(os.name != "posix", reason="the stand-in for Ghostscript is a shell script")
def test_postscript_is_never_run(tmp_path: Path) -> None:
    trace, ghostscript = tmp_path / "ran", tmp_path / "gs"
    ghostscript.write_text(f"#!/bin/sh\necho ran >> {trace}\n")
    ghostscript.chmod(0o755)
    (tmp_path / "a.png").write_bytes(POSTSCRIPT)
    code = (
        "import sys, PIL.Image; from harness.api import Image, DataError\n"
        "def look(use):\n"
        "    try: use()\n"
        "    except Exception as error: print(type(error).__name__)\n"
        "image = Image.from_file(sys.argv[1]); image.key\n"
        "look(image.load); look(image.encode)\n"
        "if sys.argv[2] == 'open': look(lambda: PIL.Image.open(sys.argv[1]).load())\n"
    )
    for how, ran in (("closed", False), ("open", True)):  # the second shows that the trap works
        command = [sys.executable, "-c", code, str(tmp_path / "a.png"), how]
        path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
        told = subprocess.run(command, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=True)
        assert told.stdout.split()[:2] == ["DataError", "DataError"], told
        assert trace.exists() is ran


def test_heic_names_the_library_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    raw = b"\0\0\0\x1cftyp" + b"mif1\0\0\0\0mif1heic" + bytes(100)
    assert image(raw).key
    with pytest.raises(DataError, match=r"pip install 'judge-harness\[heic\]'"):
        image(raw).load()


def test_heic_is_read_where_the_library_is() -> None:
    pillow_heif = pytest.importorskip("pillow_heif", reason="pip install pillow-heif")
    pillow_heif.register_heif_opener()
    lying = PIL.Image.new("RGB", (64, 32), (0, 0, 255))
    lying.paste((255, 0, 0), (32, 0, 64, 32))
    seen = image(file(lying, "HEIF", quality=-1, exif=exif(6))).load()
    assert seen.size == (32, 64)
    assert seen.getpixel((16, 8)) == pytest.approx((0, 0, 255), abs=3)
    assert seen.getpixel((16, 56)) == pytest.approx((255, 0, 0), abs=3)


def test_avif_names_the_pillow_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    PIL.Image.init()
    monkeypatch.delitem(PIL.Image.OPEN, "AVIF", raising=False)
    with pytest.raises(DataError, match=r"AVIF needs Pillow 11\.3"):
        image(b"\0\0\0\x1cftyp" + b"avif\0\0\0\0avifmif1" + bytes(100)).load()


def test_a_frame_or_tile_that_exceeds_the_memory_is_refused() -> None:
    frame = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)
    frame += b"," + struct.pack("<HHHHB", 0, 0, 60_000, 60_000, 0) + b"\x02\x02\x44\x01\x00;"
    tile = tiff(16, 8, bytes(16), t322=20_000, t323=20_000, t324=8, t325=16)
    assert MAX_PIXELS < 20_000**2
    for raw in (frame, tile):
        with pytest.raises(DataError, match="scale it down"):
            image(raw).load()


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    sparse = tmp_path / "x.png"
    with sparse.open("wb") as stream:
        stream.truncate(30 * 2**30)
    for use in (Image.from_file(sparse).load, lambda: Image.from_file(sparse).key, Image.from_file(sparse).encode):
        with pytest.raises(DataError, match=rf"x\.png: 32,212,254,720 bytes are more than the {MAX_BYTES:,} allowed"):
            use()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.timeout(20)
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.png")
    for path in (tmp_path / "x.png", Path("/dev/zero")):
        with pytest.raises(DataError, match="a folder, pipe or device"):
            Image.from_file(path).load()


# Their key is SHA-256 of the bytes, as that of all pictures was before they were turned, laid on white and scaled.
AS_BEFORE: dict[str, bytes] = {
    **{name: raw for name, raw in PLAIN.items() if name != "opaque RGBA"},
    "palette": file(noise("P"), "PNG"),
    "1 bit": file(noise("1"), "PNG"),
    "GIF": file(noise(), "GIF"),
    "two pages": file(noise(), "TIFF", save_all=True, append_images=[noise()]),
    "turned TIFF": file(noise(), "TIFF", tiffinfo={0x0112: 6}),
    "CMYK": file(noise("CMYK"), "JPEG"),
    "colours of 16 bits": png(1, 16, 2, words(1, 2, 3)),
    "no picture": b"hello",
    "cut": PLAIN["JPEG"][:300],
}


@pytest.mark.parametrize("raw", AS_BEFORE.values(), ids=AS_BEFORE)
def test_pictures_that_always_were_shown_so_keep_their_key(raw: bytes) -> None:
    assert image(raw).key == image(raw).digest == hashlib.sha256(raw).hexdigest()


CHANGED = {
    "sideways": file(noise(), "JPEG", exif=exif(6)),
    "sideways, told late": png(2, 8, 0, b"\1\2", after=chunk(b"eXIf", exif(2)[6:])),
    "transparent": file(PIL.Image.new("RGBA", (2, 2)), "PNG"),
    "clear colour": CLEAR["palette"][0],
    "16 bits": DEEP["16 bits"][0],
    "floating point": DEEP["wider"][0],
}


@pytest.mark.parametrize("raw", CHANGED.values(), ids=CHANGED)
def test_pictures_that_were_shown_otherwise_have_another_key_and_are_the_same_data(raw: bytes) -> None:
    assert image(raw).digest == hashlib.sha256(raw).hexdigest()
    assert image(raw).key != image(raw).digest
    assert image(raw).key == image(raw).key
    message = Message("user", (image(raw), "Is it good?"))
    asked = Request(task="t", item="i", messages=(message,), space=Choice(("yes", "no")), format=TaggedFormat())
    assert image(raw).key in asked.content
    assert image(raw).digest not in asked.content


def test_drawn_pictures_with_other_palettes_are_others() -> None:
    def drawn(colour: int) -> Image:
        picture = PIL.Image.new("P", (2, 2))
        picture.putpalette([colour] * 3)
        return Image.from_drawing(lambda: picture, name="x")

    assert drawn(1).key != drawn(2).key
    assert drawn(1).key == drawn(1).digest


@pytest.fixture
def decodings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with each picture whose pixels Pillow decodes."""
    made: list[int] = []
    load = PIL.ImageFile.ImageFile.load

    def counted(self: PIL.ImageFile.ImageFile) -> Any:
        if self.tile:
            made.append(1)
        return load(self)

    monkeypatch.setattr(PIL.ImageFile.ImageFile, "load", counted)
    return made


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP"])
def test_a_picture_is_decoded_once_and_for_its_key_never(kind: str, decodings: list[int]) -> None:
    picture = image(file(noise(), kind))
    assert picture.digest
    assert picture.key
    assert decodings == []
    assert picture.load() is picture.load()
    assert picture.encode()
    assert picture.media_type
    assert decodings == [1]


def test_a_plain_file_is_decoded_once_however_often_it_is_sent(decodings: list[int]) -> None:
    picture = image(PLAIN["JPEG"])
    uses: list[Callable[[], object]] = [picture.encode] * 3
    assert len({use() for use in uses}) == 1
    assert decodings == [1]
