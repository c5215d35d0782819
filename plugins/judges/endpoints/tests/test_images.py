from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from PIL import Image as Pillow

from harness.api import DataError, Image
from harness.testing import odd_pictures
from harness_endpoints.images import ImageLimits, data_url

WIDE = ImageLimits(side=None, bytes=10**7)


def noise(size: tuple[int, int], mode: str = "RGB") -> Pillow.Image:
    picture = Pillow.effect_noise(size, 80).convert("RGB")
    return picture.convert(mode)


def saved(picture: Pillow.Image, kind: str, **settings: Any) -> Image:
    buffer = io.BytesIO()
    picture.save(buffer, format=kind, **settings)
    return Image.from_bytes(buffer.getvalue(), name=f"a {kind}")


def opened(url: str) -> tuple[str, bytes, Pillow.Image]:
    head, _, body = url.partition(",")
    raw = base64.b64decode(body, validate=True)
    return head, raw, Pillow.open(io.BytesIO(raw))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_what_endpoints_take_goes_as_it_is(kind: str) -> None:
    image = saved(noise((40, 30)), kind)
    head, raw, _ = opened(data_url(image, WIDE))
    assert raw == image.encode()[0]
    assert head == f"data:image/{kind.lower()};base64"
    assert opened(data_url(image, ImageLimits(side=40, bytes=10**6)))[1] == raw


@pytest.mark.parametrize(
    ("kind", "mode"), [("GIF", "P"), ("TIFF", "RGB"), ("BMP", "RGB"), ("TIFF", "CMYK"), ("TIFF", "1")]
)
def test_other_kinds_become_png_with_the_same_pixels(kind: str, mode: str) -> None:
    image = saved(noise((40, 30), mode), kind)
    head, _, picture = opened(data_url(image, WIDE))
    assert head == "data:image/png;base64"
    assert picture.convert("RGB").tobytes() == image.load().convert("RGB").tobytes()


def test_a_larger_side_is_scaled_down_and_the_shape_kept() -> None:
    _, _, picture = opened(data_url(saved(noise((400, 200)), "PNG"), ImageLimits(side=100, bytes=10**6)))
    assert picture.size == (100, 50)
    assert picture.format == "PNG"
    head, _, picture = opened(data_url(saved(noise((200, 400)), "JPEG"), ImageLimits(side=100, bytes=10**6)))
    assert (head, picture.size) == ("data:image/jpeg;base64", (50, 100))


def test_a_file_that_is_too_large_is_re_encoded_until_it_fits() -> None:
    image = saved(noise((600, 600)), "PNG")
    for limit in (200_000, 60_000, 8_000):
        _, raw, picture = opened(data_url(image, ImageLimits(side=None, bytes=limit)))
        assert len(raw) <= limit < len(image.encode()[0])
        assert picture.format == "JPEG"
    with pytest.raises(DataError, match=r"a PNG: does not fit into 100 bytes.*max_image_bytes"):
        data_url(image, ImageLimits(side=None, bytes=100))


def test_the_same_image_gives_the_same_bytes() -> None:
    picture = noise((300, 300))
    urls = {data_url(saved(picture, "PNG"), ImageLimits(side=128, bytes=9_000)) for _ in range(2)}
    assert len(urls) == 1


def test_transparent_pixels_lie_on_white_in_a_jpeg() -> None:
    clear = noise((64, 64), "RGBA")
    clear.paste((0, 0, 0, 0), (0, 0, 64, 32))
    _, _, picture = opened(data_url(saved(clear, "PNG"), ImageLimits(side=None, bytes=3_500)))
    assert picture.format == "JPEG"
    assert min(picture.convert("L").crop((0, 0, 64, 24)).tobytes()) > 240


@pytest.mark.parametrize(("odd", "plain"), [pytest.param(*rest, id=name) for name, *rest in odd_pictures()])
def test_what_is_sent_are_the_pixels_that_a_person_sees(odd: Image, plain: Image) -> None:
    _, _, picture = opened(data_url(odd, WIDE))
    assert (picture.mode, picture.info.get("exif")) == ("RGB", None)
    assert (picture.size, picture.tobytes()) == (plain.load().size, plain.load().tobytes())
    for limits in (
        ImageLimits(side=32, bytes=10**6),
        ImageLimits(side=None, bytes=1200),
        ImageLimits(side=32, bytes=1024),
    ):
        assert data_url(odd, limits) == data_url(plain, limits)


def test_a_photograph_that_lies_on_its_side_is_upright_however_it_is_sent() -> None:
    lying = Pillow.new("RGB", (80, 40), (0, 0, 250))
    lying.paste((250, 0, 0), (40, 0, 80, 40))
    exif = Pillow.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees, clockwise
    for kind, more in (("JPEG", {}), ("MPO", {"save_all": True, "append_images": [lying]})):
        image = saved(lying, kind, exif=exif, **more)
        for limits in (WIDE, ImageLimits(side=40, bytes=10**6), ImageLimits(side=None, bytes=1024)):
            _, _, picture = opened(data_url(image, limits))
            assert picture.height == 2 * picture.width
            assert Pillow.Image.getexif(picture).get(0x0112, 1) == 1
            corners = [picture.getpixel((4, y)) for y in (4, picture.height - 5)]
            assert corners == [pytest.approx((0, 0, 250), abs=6), pytest.approx((250, 0, 0), abs=6)]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_truncated_file_is_not_sent(kind: str) -> None:
    buffer = io.BytesIO()
    noise((40, 30)).save(buffer, format=kind)
    cut = Image.from_bytes(buffer.getvalue()[: buffer.tell() // 2], name="cut")
    with pytest.raises(DataError, match="image cut: not a readable image"):
        data_url(cut, WIDE)


def test_pixels_are_let_go_of() -> None:
    for limits in (WIDE, ImageLimits(side=20, bytes=10**6), ImageLimits(side=None, bytes=2_000)):
        image = saved(noise((80, 60)), "PNG")
        data_url(image, limits)
        assert image._pixels is None


def test_what_cannot_be_read_is_named() -> None:
    with pytest.raises(DataError, match="broken"):
        data_url(Image.from_bytes(b"not an image", name="broken"), WIDE)
