from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import PIL.Image
import pytest

from harness.api import MAX_PIXELS, DataError, Image


def png(colour: int = 7, size: tuple[int, int] = (64, 64)) -> bytes:
    buffer = io.BytesIO()
    PIL.Image.effect_noise(size, colour).save(buffer, format="PNG")
    return buffer.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A few hundred bytes that promise many gigabytes of pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def test_the_same_bytes_have_the_same_digest_wherever_they_come_from(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(data := png())
    assert Image.from_file(tmp_path / "a.png").digest == Image.from_bytes(data, name="x").digest
    assert Image.from_bytes(data + b"\0", name="x").digest != Image.from_bytes(data, name="x").digest


def test_nothing_is_read_or_drawn_before_it_is_needed(tmp_path: Path) -> None:
    drawn: list[int] = []

    def draw() -> PIL.Image.Image:
        drawn.append(1)
        return PIL.Image.new("RGB", (3, 2), "red")

    image = Image.from_drawing(draw, name="d")
    assert (repr(image), drawn) == ("Image('d')", [])
    Image.from_file(tmp_path / "not there yet.png")
    assert image.digest == image.digest
    assert image.load().size == (3, 2)
    assert image.encode()[1] == "image/png"
    assert drawn == [1]


def test_drawn_images_are_named_by_their_pixels() -> None:
    def digest(colour: str, size: tuple[int, int] = (4, 1), mode: str = "RGB") -> str:
        return Image.from_drawing(lambda: PIL.Image.new(mode, size, colour), name=colour).digest

    assert digest("red") == digest("red")
    assert len({digest("red"), digest("blue"), digest("red", (2, 2)), digest("red", (1, 4))}) == 4
    assert digest("black", (3, 1), "L") != digest("black", (1, 1), "RGB")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    image = Image.from_file(tmp_path / "gone.png")
    for use in (image.load, image.encode, lambda: image.digest):
        with pytest.raises(DataError, match=r"gone\.png: no such file"):
            use()


def test_a_folder_is_no_image(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        Image.from_file(tmp_path).load()


@pytest.mark.parametrize("data", [b"", b"hello", png()[:20], png()[:-200], png()[:200] + b"\0" * 50])
def test_truncated_and_broken_files_are_data_errors(data: bytes) -> None:
    with pytest.raises(DataError, match=r"image x: not a readable image"):
        Image.from_bytes(data, name="x").load()


@pytest.mark.parametrize(("width", "height"), [(11_000, 10_000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_decompression_bomb_is_refused_before_it_is_decoded(width: int, height: int) -> None:
    assert width * height > MAX_PIXELS
    with pytest.raises(DataError, match=r"image x: .*scale it down"):
        Image.from_bytes(bomb(width, height), name="x").load()


@pytest.mark.parametrize("path", ["../secret.png", "/etc/passwd", "a/../../secret.png", "link/secret.png", "a\0b.png"])
def test_a_path_out_of_the_data_folder_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "secret.png").write_bytes(png())
    root = tmp_path / "data"
    root.mkdir()
    (root / "link").symlink_to(tmp_path)
    with pytest.raises(DataError, match=r"leads out of|not a usable path"):
        Image.from_file(path, root=root)


def test_a_path_inside_the_data_folder_is_fine(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.png").write_bytes(png())
    assert Image.from_file("sub/../sub/a.png", root=tmp_path).load().size == (64, 64)


def test_a_name_with_nul_is_a_data_error_without_a_root_too() -> None:
    with pytest.raises(DataError, match="not a usable path"):
        Image.from_file("a\0b.png").load()


def test_encoded_gives_the_stored_bytes_and_their_kind() -> None:
    buffer = io.BytesIO()
    PIL.Image.new("RGB", (2, 2)).save(buffer, format="JPEG")
    assert Image.from_bytes(buffer.getvalue(), name="x").encode() == (buffer.getvalue(), "image/jpeg")


def test_exactly_one_source_must_be_given() -> None:
    with pytest.raises(TypeError, match="exactly one"):
        Image(name="x")
    with pytest.raises(TypeError, match="exactly one"):
        Image(name="x", data=b"", path=Path("x"))


def test_a_forgotten_picture_is_made_again_with_the_same_digest() -> None:
    drawn: list[int] = []

    def draw() -> PIL.Image.Image:
        drawn.append(1)
        return PIL.Image.new("RGB", (4, 4), (1, 2, 3))

    image = Image.from_drawing(draw, name="drawn")
    digest = image.digest
    image.load()
    assert len(drawn) == 1
    image.forget()
    assert image.load().getpixel((0, 0)) == (1, 2, 3)
    assert len(drawn) == 2
    assert image.digest == digest
