from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import Context, DataError, Image, Item, Judgement, Part, Request, Status
from harness.api.data import Row, make_picture
from harness.testing import score_task
from harness_preference.benchmarks import mmrb2
from harness_preference.options import Options

Writer = Callable[[Path, list[dict[str, Any]]], Path]
Contexts = Callable[[object], Context]
Picture = Callable[[int], bytes]


def row(name: str = "p1", **changes: Any) -> dict[str, Any]:
    fixed = {
        "prompt_text": f"draw {name}",
        "prompt_images": [],
        "prompt_source": "wise",
        "response_a_text": "a cup",
        "response_a_images": [],
        "response_a_model": "x",
        "response_b_text": "a mug",
        "response_b_images": [],
        "response_b_model": "y",
        "chosen": "A",
        "human_annotations": "[2, 2, 1]",
    }
    return {"pair_id": name, **fixed, **changes}


def shown(parts: tuple[Part, ...]) -> list[str | int]:
    """Texts, and images by their grey."""
    return [part if isinstance(part, str) else part.load().convert("L").getpixel((0, 0)) for part in parts]  # type: ignore[misc]


def content(text: str | None, count: int, png: Picture) -> list[str | int]:
    values = {"prompt_text": text, "prompt_images": [{"bytes": png(k)} for k in range(count)]}
    return shown(mmrb2.content(Row(values, "file, row 0", 0), "prompt"))


def test_the_protocol_is_the_official_one() -> None:
    protocol = mmrb2.PROTOCOL
    assert (protocol.order, protocol.pooling, protocol.unparsed) == ("both", "each", "exclude")
    assert protocol.policies == {"unparsed": "exclude", "outside": "wrong", "draws": "wrong"}
    assert (protocol.average, protocol.metrics) == ("micro", ("accuracy",))


@pytest.mark.parametrize(
    ("said", "votes"),
    [
        ("[2, 2, 1]", [1, 1, 1]),
        ("[6, 2, 5]", [0, 1, 0]),
        ([3, 4], [1, 0]),
        ("[7, 4, null, 0]", [0]),
        ('{"correctness": 2}', []),
        ("[]", []),
        ("", []),
        (None, []),
    ],
)
def test_ratings_from_one_to_six_are_votes_of_several_people(said: object, votes: list[int]) -> None:
    found = mmrb2.votes(Row({"human_annotations": said}, "file, row 0", 0), "p1")
    assert list(found.values()) == votes
    assert all(name.startswith("p1#") for name in found)


@pytest.mark.parametrize(
    ("text", "count", "expected"),
    [
        ("see <image_0> and <image_1> here", 2, ["see", 0, "and", 1, "here"]),
        ("see <image_7> and <image_7> here", 2, ["see", 0, "and", 1, "here"]),
        ("<image_3> <image_12>", 2, [0, 1]),
        ("no placeholder", 2, ["no placeholder", 0, 1]),
        ("one <image_0>", 3, ["one", 0, 1, 2]),
        ("none <image_0> left <image_1>", 1, ["none", 0, "left"]),
        ("  ", 1, [0]),
        (None, 1, [0]),
        ("<image_x> <image_> stay", 0, ["<image_x> <image_> stay"]),
    ],
)
def test_images_are_taken_in_order_whatever_the_numbers_say(
    png: Picture, text: str | None, count: int, expected: list[str | int]
) -> None:
    assert content(text, count, png) == expected


@given(
    texts=st.lists(st.text(alphabet="ab <>_image0", min_size=0, max_size=8), min_size=1, max_size=5),
    numbers=st.lists(st.integers(0, 20), min_size=4, max_size=4),
    count=st.integers(1, 6),
)
def test_no_image_and_no_text_is_lost(texts: list[str], numbers: list[int], count: int) -> None:
    joined = texts[0] + "".join(
        f"<image_{number}>{text}" for number, text in zip(numbers[: len(texts) - 1], texts[1:], strict=True)
    )
    images = [{"bytes": make_picture(k)} for k in range(count)]
    parts = mmrb2.content(Row({"prompt_text": joined, "prompt_images": images}, "row", 0), "prompt")
    digests = [part.digest for part in parts if isinstance(part, Image)]
    assert digests == [Image.from_bytes(make_picture(k), name="").digest for k in range(count)]
    pieces = [part for part in parts if isinstance(part, str)]
    assert "".join(pieces).replace(" ", "") == mmrb2._PLACEHOLDER.sub("", joined).replace(" ", "")


def test_an_empty_response_is_one_and_a_missing_one_is_refused(png: Picture) -> None:
    assert content("", 0, png) == [""]
    for text in (None, "<image_0>"):
        with pytest.raises(DataError, match="column 'prompt_text'"):
            content(text, 0, png)


def test_subsets_are_tasks_and_items_have_places_and_sources(
    tmp_path: Path, write_parquet: Writer, context: Contexts, png: Picture
) -> None:
    pictures: dict[str, Any] = {"response_a_text": "", "response_a_images": [{"bytes": png(1)}]}
    pictures |= {"response_b_text": "<image_0>", "response_b_images": [{"bytes": png(2)}]}
    write_parquet(
        tmp_path / "t2i/test-00000-of-00001.parquet", [row(**pictures), row("p2", chosen="b"), row("p3", chosen="B")]
    )
    write_parquet(tmp_path / "edit/test-00000-of-00001.parquet", [row(prompt_source=None)])
    entries = mmrb2.unfold(None, context(tmp_path))
    assert [entry.name for entry in entries] == ["mmrb2-t2i", "mmrb2-edit"]
    items = list(mmrb2.task(Options(subset="t2i"), context(tmp_path)).items("test"))
    assert [item.id for item in items] == ["t2i/p1", "t2i/p2", "t2i/p3"]
    assert [item.gold for item in items] == [0, 1, 1]
    assert {item.category for item in items} == {"wise"}
    assert [shown(candidate) for candidate in items[0].candidates] == [[1], [2]]
    (edited,) = mmrb2.task(Options(subset="edit"), context(tmp_path)).items("test")
    assert edited.category == "edit"
    assert items[0].tags == {"response_a_model": "x", "response_b_model": "y"}


def test_equal_prompts_are_a_group_unless_their_images_differ(
    tmp_path: Path, write_parquet: Writer, context: Contexts, png: Picture
) -> None:
    images = [[{"bytes": png(1)}], [{"bytes": png(1)}], [{"bytes": png(2)}]]
    rows = [row(f"p{k}", prompt_text="which is real?", prompt_images=one) for k, one in enumerate(images)]
    write_parquet(tmp_path / "reasoning/test-00000-of-00001.parquet", rows)
    first, second, third = mmrb2.task(Options(subset="reasoning"), context(tmp_path)).items("test")
    assert first.group == second.group != third.group


def official(said: dict[str, tuple[str, str]], chosen: dict[str, str]) -> float:
    """compute_accuracy.py: letters as shown, forward and reverse; an empty one is not there, any other is wrong."""
    correct = evaluated = 0
    for name, (forward, reverse) in said.items():
        if forward:
            evaluated += 1
            correct += forward == chosen[name]
        if reverse:
            evaluated += 1
            correct += {"A": "B", "B": "A"}.get(reverse, reverse) == chosen[name]
    return correct / evaluated


def test_accuracy_is_that_of_the_official_script(tmp_path: Path, write_parquet: Writer, context: Contexts) -> None:
    said = {
        "p1": ("A", "B"),
        "p2": ("A", "A"),
        "p3": ("", "A"),
        "p4": ("B", ""),
        "p5": ("", ""),
        "p6": ("B", "A"),
        "p7": ("B", "B"),
        "p8": ("C", "tie"),
        "p9": ("A", "C"),
    }
    chosen = dict(zip(said, "ABBAABABA", strict=True))
    write_parquet(
        tmp_path / "interleaved/test-00000-of-00001.parquet",
        [row(name, chosen=letter) for name, letter in chosen.items()],
    )

    def answer(request: Request, item: Item) -> Judgement:
        letter = said[item.id.partition("/")[2]][request.order == (1, 0)]
        if not letter:
            return Judgement.failure(Status.UNPARSED, "cannot be read")
        return request.read(f"[[{letter}]]")

    scores = score_task(mmrb2.task(Options(subset="interleaved"), context(tmp_path)), answer)
    (accuracy,) = scores.estimates
    assert official(said, chosen) == 8 / 14
    assert accuracy.value == pytest.approx(8 / 14)
    assert accuracy.n == 14


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"chosen": "C"}, "column 'chosen': expected one of A, B, a, b"),
        ({"response_b_text": "<image_1>"}, "column 'response_b_text': expected text, or pictures in response_b_images"),
    ],
)
def test_a_row_that_does_not_fit_is_named(
    tmp_path: Path, write_parquet: Writer, context: Contexts, change: dict[str, Any], says: str
) -> None:
    write_parquet(tmp_path / "t2i/test-00000-of-00001.parquet", [row(**change)])
    with pytest.raises(DataError) as caught:
        list(mmrb2.task(Options(subset="t2i"), context(tmp_path)).items("test"))
    assert says in str(caught.value)
