"""What is read of a split: counts, hashes, and errors that say where."""

from __future__ import annotations

import io
from collections.abc import Iterator

import PIL.Image
import pytest

from harness.api import Choice, DataError, Image, Item, Protocol, Request
from harness.doctor.images import hash_of, item_ids, read_split
from harness.doctor.splits import TaskSplit
from harness.testing import odd_pictures

PICTURE = PIL.Image.effect_noise((8, 6), 90)


class Fixed:
    """A task of given pictures, a list for each item. A text in their place is a row that cannot be read."""

    protocol = Protocol()
    format = "harness/tagged"

    def __init__(self, rows: list[list[Image] | str]) -> None:
        self.rows = rows

    def items(self, split: str) -> Iterator[Item]:
        for number, row in enumerate(self.rows):
            if isinstance(row, str):
                raise DataError(row)
            yield Item(
                id=f"i{number}",
                group="g",
                space=Choice(("a", "b")),
                gold="a",
                question=("?", *row[:1]),
                candidates=tuple(("text", word) for word in row[1:]),
            )

    def render(self, *_: object, **__: object) -> Request:
        raise AssertionError("nothing is rendered")

    def fingerprint(self) -> str:
        raise AssertionError


def split_of(*rows: list[Image] | str, used: bool = False) -> TaskSplit:
    asked = ["m"] if used else []
    return TaskSplit(names={"mine": "mine"}, id="x/mine", split="train", made=Fixed(list(rows)), asked=asked)


def store(picture: PIL.Image.Image, **options: object) -> Image:
    buffer = io.BytesIO()
    picture.save(buffer, **{"format": "PNG", **options})  # type: ignore[arg-type]
    return Image.from_bytes(buffer.getvalue(), name="picture")


def level(value: int) -> Image:
    return store(PIL.Image.new("L", (2, 2), value))


def test_items_pictures_and_distinct_pictures_are_counted() -> None:
    read = read_split(
        split_of([level(5), level(6)], [level(5), level(5), level(5)], [], [level(7)]), pixels=False, limit=None
    )
    assert (read.items, read.images, read.distinct, read.skipped) == (4, 4, 3, "")


def test_the_first_item_that_shows_a_picture_is_kept_in_sixteen_bytes_and_a_number() -> None:
    rows = [[level(9)], [level(8)], [level(9)], [level(7)], [level(8)]]
    read = read_split(split_of(*rows), pixels=False, limit=None)
    whole = {bytes.fromhex(image.digest)[:16]: number for number, (image,) in reversed(list(enumerate(rows)))}
    assert {
        bytes(key).ljust(16, b"\0"): int(first) for key, first in zip(read.hashes, read.first, strict=True)
    } == whole
    assert read.hashes.itemsize == 16
    assert read.first.itemsize == 4


def test_no_more_items_are_read_than_asked_for() -> None:
    read = read_split(split_of([level(1)], [level(2)], "a broken row"), pixels=False, limit=2)
    assert (read.items, read.distinct) == (2, 2)


def test_text_alone_has_no_pictures() -> None:
    read = read_split(split_of([], []), pixels=False, limit=None)
    assert (read.items, read.images, read.distinct) == (2, 0, 0)


def test_pictures_are_let_go_of_even_where_one_is_broken() -> None:
    drawn = Image.from_drawing(lambda: PICTURE.copy(), name="drawn")
    broken = store(PICTURE.convert("I;16"), format="PNG")
    rows = [[drawn], [broken, Image.from_bytes(b"none", name="none")]]
    with pytest.raises(DataError):
        read_split(split_of(*rows), pixels=True, limit=None)
    assert [image._pixels for row in rows for image in row] == [None, None, None]


@pytest.mark.parametrize("pixels", [False, True])
def test_a_broken_picture_names_task_split_and_item_even_in_the_first_item_of_a_split_that_nobody_uses(
    pixels: bool,
) -> None:
    with pytest.raises(DataError, match=r"task mine, split train, item 'i0': image gone\.png: no such file"):
        read_split(split_of([Image.from_file("gone.png")]), pixels=pixels, limit=None)


def test_a_broken_row_names_task_split_and_the_item_before() -> None:
    with pytest.raises(DataError, match=r"task mine, split train, after item 'i1': rows\.csv, line 3: fix it"):
        read_split(split_of([], [], "rows.csv, line 3: fix it"), pixels=False, limit=None)


@pytest.mark.parametrize(("rows", "reason"), [(["no file of train"], "no file of train"), ([], "it has no items")])
def test_a_split_without_data_is_skipped_with_the_reason_unless_it_is_used(
    rows: list[list[Image] | str], reason: str
) -> None:
    read = read_split(split_of(*rows), pixels=False, limit=None)
    assert (read.items, read.distinct, read.skipped) == (0, 0, reason)
    with pytest.raises(DataError, match=f"task mine, split train: .*{reason}"):
        read_split(split_of(*rows, used=True), pixels=False, limit=None)


def test_ids_are_looked_up_without_opening_a_picture() -> None:
    split = split_of(*[[Image.from_file("gone.png")]] * 5, "a broken row")
    assert item_ids(split, {0, 3}) == {0: "i0", 3: "i3"}
    assert item_ids(split, set()) == {}


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("L", {"compress_level": 1}),
        ("L", {"format": "BMP"}),
        ("L", {"format": "WEBP", "lossless": True, "exact": True}),
        ("RGB", {}),
        ("RGBA", {}),
        ("LA", {}),
        ("P", {}),
    ],
)
def test_a_copy_stored_in_another_way_without_a_loss_is_the_same_by_pixels_and_not_by_content(
    mode: str, options: dict[str, object]
) -> None:
    few = PICTURE.point(lambda value: value // 64 * 64)
    original, copy = store(few), store(few.convert(mode), **options)
    assert hash_of(original, pixels=True) == hash_of(copy, pixels=True)
    assert hash_of(original, pixels=False) != hash_of(copy, pixels=False)


@pytest.mark.parametrize(("odd", "plain"), [pytest.param(*rest, id=name) for name, *rest in odd_pictures()])
def test_pictures_that_look_the_same_are_the_same_by_pixels(odd: Image, plain: Image) -> None:
    assert hash_of(odd, pixels=True) == hash_of(plain, pixels=True)


def test_a_drawn_picture_is_the_same_as_its_file_by_pixels() -> None:
    drawn = Image.from_drawing(lambda: PICTURE.convert("RGB"), name="drawn")
    assert hash_of(drawn, pixels=True) == hash_of(store(PICTURE.convert("RGB")), pixels=True)


def palette(*colours: int) -> PIL.Image.Image:
    picture = PIL.Image.new("P", (2, 2), 1)
    picture.putpalette(colours)
    return picture


@pytest.mark.parametrize(
    ("picture", "other"),
    [
        (PIL.Image.new("L", (2, 8), 3), PIL.Image.new("L", (4, 4), 3)),
        (PIL.Image.new("L", (2, 2), 3), PIL.Image.new("L", (2, 2), 4)),
        (PIL.Image.new("I;16", (2, 2), 3), PIL.Image.new("I;16", (2, 2), 259)),
        (PIL.Image.new("CMYK", (2, 2), (1, 2, 3, 255)), PIL.Image.new("RGB", (2, 2), (1, 2, 3))),
        (palette(0, 0, 0, 255, 0, 0), palette(0, 0, 0, 0, 255, 0)),
        (PIL.Image.new("RGBA", (2, 2), (1, 2, 3, 255)), PIL.Image.new("RGBA", (2, 2), (1, 2, 3, 9))),
    ],
    ids=["size", "pixels", "16-bits", "mode", "palette", "alpha"],
)
def test_pictures_that_differ_are_not_the_same_by_pixels(picture: PIL.Image.Image, other: PIL.Image.Image) -> None:
    images = [Image.from_drawing(lambda picture=picture: picture, name="drawn") for picture in (picture, other)]  # type: ignore[misc]
    assert len({hash_of(image, pixels=True) for image in images}) == 2
