from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from harness.api import (
    AnswerSpace,
    Choice,
    DataError,
    Image,
    Item,
    Message,
    Part,
    Preference,
    Ranking,
    Reading,
    Request,
    Score,
    Verdict,
)
from harness.inspection.sheet import contact_sheet
from harness.testing import odd_pictures


@dataclass(frozen=True)
class Plain:
    name: str = "plain"

    def instruction(self, space: AnswerSpace) -> str:
        return "Answer."

    def parse(self, text: str, request: Request) -> Reading:
        return Reading(verdict=request.space.read(text))

    def write(self, verdict: Verdict, space: AnswerSpace, rationale: str = "") -> str:
        return space.name(verdict)


def _picture(colour: str | tuple[int, ...], size: tuple[int, int] = (16, 16), mode: str = "RGB") -> Image:
    return Image.from_drawing(lambda: PIL.Image.new(mode, size, colour), name="picture")


def _request(item: Item, order: tuple[int, ...] = ()) -> Request:
    parts: list[Part] = list(item.question)
    for candidate in order:
        parts += item.candidates[candidate]
    message = Message("user", tuple(parts))
    return Request(task="t", item=item.id, messages=(message,), space=item.space, format=Plain(), order=order)


def _sheet(path: Path, *pairs: tuple[Item, Request]) -> PIL.Image.Image:
    contact_sheet([item for item, _ in pairs], [request for _, request in pairs], path)
    with PIL.Image.open(path) as sheet:
        assert sheet.format == "PNG"
        return sheet.convert("RGB")


def _left_edge(sheet: PIL.Image.Image, colour: tuple[int, int, int]) -> int:
    """The leftmost column in which the colour occurs as it is."""
    found = np.argwhere((np.asarray(sheet) == colour).all(axis=2))
    assert len(found), f"no pixel of {colour}"
    return int(found[:, 1].min())


def _pair(text: str = "Which is redder?") -> Item:
    candidates = ((_picture((250, 0, 0)),), (_picture((0, 0, 250)),))
    return Item(id="i", group="g", space=Preference(2), gold=0, question=(text,), candidates=candidates)


def test_candidates_stand_in_the_order_in_which_they_are_shown(tmp_path: Path) -> None:
    item = _pair()
    there = _sheet(tmp_path / "there.png", (item, _request(item, (0, 1))))
    back = _sheet(tmp_path / "back.png", (item, _request(item, (1, 0))))
    assert _left_edge(there, (250, 0, 0)) < _left_edge(there, (0, 0, 250))
    assert _left_edge(back, (250, 0, 0)) > _left_edge(back, (0, 0, 250))


def test_the_gold_is_written_in_shown_places(tmp_path: Path) -> None:
    """Two sheets differ where the gold is written, though the pictures are alike."""
    same = ((_picture("red"),), (_picture("red"),))
    item = Item(id="i", group="g", space=Preference(2), gold=0, candidates=same)
    swapped = Item(id="i", group="g", space=Preference(2), gold=1, candidates=same)
    first = _sheet(tmp_path / "1.png", (item, _request(item, (0, 1))))
    moved = _sheet(tmp_path / "2.png", (item, _request(item, (1, 0))))
    equal = _sheet(tmp_path / "3.png", (swapped, _request(swapped, (1, 0))))
    assert first.tobytes() != moved.tobytes()
    assert first.tobytes() == equal.tobytes()


def test_what_annotators_said_is_written_in_shown_places_too(tmp_path: Path) -> None:
    same = ((_picture("red"),), (_picture("red"),))
    plain = Item(id="i", group="g", space=Preference(2), gold=0, candidates=same)
    said = replace(plain, annotations={"ann": 0, "bob": 1})
    turned = replace(plain, gold=1, annotations={"ann": 1, "bob": 0})
    bare = _sheet(tmp_path / "0.png", (plain, _request(plain, (0, 1))))
    first = _sheet(tmp_path / "1.png", (said, _request(said, (0, 1))))
    equal = _sheet(tmp_path / "2.png", (turned, _request(turned, (1, 0))))
    assert first.height > bare.height
    assert first.tobytes() == equal.tobytes()


def test_small_pictures_grow_by_a_whole_factor_without_smoothing(tmp_path: Path) -> None:
    item = Item(id="i", group="g", space=Choice(("yes", "no")), gold="yes", question=(_picture((1, 200, 1)), "Green?"))
    pixels = np.asarray(_sheet(tmp_path / "s.png", (item, _request(item))))
    assert int((pixels == (1, 200, 1)).all(axis=2).sum()) == (16 * 14) ** 2


def test_large_pictures_shrink(tmp_path: Path) -> None:
    wide = _picture((1, 200, 1), size=(3000, 1500))
    item = Item(id="i", group="g", space=Score(1, 5), gold=3.0, question=(wide, "How green?"))
    sheet = _sheet(tmp_path / "s.png", (item, _request(item)))
    assert sheet.width == 1080
    assert int((np.asarray(sheet) == (1, 200, 1)).all(axis=2).sum()) == 224 * 112


@pytest.mark.parametrize(("mode", "colour"), [("L", 9), ("RGBA", (1, 2, 3, 0)), ("P", 3), ("1", 1), ("LA", (4, 255))])
def test_pictures_of_every_mode_can_be_shown(tmp_path: Path, mode: str, colour: int | tuple[int, ...]) -> None:
    picture = Image.from_drawing(lambda: PIL.Image.new(mode, (8, 8), colour), name="picture")
    item = Item(id="i", group="g", space=Choice(("yes", "no")), gold="no", question=(picture,))
    _sheet(tmp_path / "s.png", (item, _request(item)))


def test_transparent_parts_become_white(tmp_path: Path) -> None:
    item = Item(id="i", group="g", space=Choice(("a", "b")), gold="a", question=(_picture((9, 9, 9, 0), mode="RGBA"),))
    assert not (np.asarray(_sheet(tmp_path / "s.png", (item, _request(item)))) == (9, 9, 9)).all(axis=2).any()


def test_candidates_of_words_are_shown_as_words(tmp_path: Path) -> None:
    short, long = ("Yes.",), ("word " * 400,)
    item = Item(id="i", group="g", space=Ranking(2), gold=(1, 0), question=("Rank.",), candidates=(short, long))
    with_words = _sheet(tmp_path / "s.png", (item, _request(item, (0, 1))))
    bare = Item(id="i", group="g", space=Ranking(2), gold=(1, 0), question=("Rank.",), candidates=(short, short))
    assert with_words.height > _sheet(tmp_path / "b.png", (bare, _request(bare, (0, 1)))).height + 100


def test_a_book_or_an_endless_word_stays_within_the_sheet(tmp_path: Path) -> None:
    for text in ("word " * 200_000, "x" * 1_000_000, "line\n" * 10_000, "", " \n\n "):
        item = _pair(text)
        sheet = _sheet(tmp_path / "s.png", (item, _request(item, (0, 1))))
        assert sheet.height < 1200
        assert (np.asarray(sheet)[:, -4:] >= 200).all(), "text runs over the right edge"


def test_more_than_two_pictures_get_the_whole_width_and_more_than_four_another_row(tmp_path: Path) -> None:
    def ranked(n: int) -> PIL.Image.Image:
        candidates = tuple((_picture((10 * k, 0, 200)),) for k in range(n))
        item = Item(id="i", group="g", space=Ranking(n), gold=tuple(range(n)), candidates=candidates)
        return _sheet(tmp_path / "s.png", (item, _request(item, tuple(range(n)))))

    four, five = ranked(4), ranked(5)
    assert _left_edge(four, (30, 0, 200)) > 700
    assert five.height > four.height + 224


@pytest.mark.parametrize(("odd", "plain"), [pytest.param(*rest, id=name) for name, *rest in odd_pictures()])
def test_a_sheet_shows_the_picture_that_a_judge_sees(tmp_path: Path, odd: Image, plain: Image) -> None:
    def shown(image: Image) -> bytes:
        item = Item(id="i", group="g", space=Choice(("yes", "no")), gold="no", question=(image,))
        return _sheet(tmp_path / "s.png", (item, _request(item))).tobytes()

    assert shown(odd) == shown(plain)


def test_items_and_requests_must_go_together(tmp_path: Path) -> None:
    item = _pair()
    with pytest.raises(ValueError, match="zip"):
        contact_sheet([item, item], [_request(item, (0, 1))], tmp_path / "s.png")


def test_an_unreadable_picture_is_named_and_no_half_sheet_is_left(tmp_path: Path) -> None:
    broken = Image.from_bytes(b"no picture", name="broken.png")
    item = Item(id="i", group="g", space=Choice(("yes", "no")), gold="no", question=(broken,))
    with pytest.raises(DataError, match=r"broken\.png"):
        contact_sheet([item], [_request(item)], tmp_path / "deep" / "s.png")
    assert not (tmp_path / "deep").exists()


def test_the_folder_is_made_and_no_items_give_an_empty_sheet(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "down" / "s.png"
    contact_sheet([], [], path)
    assert path.exists()
