from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from harness.api import Context, DataError, Image, Item, Judgement, Request
from harness.api.data import make_picture, write_table
from harness.testing import score_task
from harness_preference.benchmarks import mm_rlhf_rewardbench as bench
from harness_preference.benchmarks.mm_rlhf_rewardbench import MMRLHFOptions

Contexts = Callable[[object], Context]


def row(name: str, path: str, media: str = "image", **changes: Any) -> dict[str, Any]:
    return {"id": name, media: path, "prompt": "<image>\nWhat?", "chosen": "good", "rejected": "bad", **changes}


def release(folder: Path, rows: list[dict[str, Any]], *, images: str = "images", frames: int = 40) -> Path:
    for values in rows:
        if "image" in values:
            file = folder / images / values["image"]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(make_picture(1))
        else:
            place = folder / images / values["video"]
            place.mkdir(parents=True, exist_ok=True)
            for k in range(frames):
                (place / f"{k:04d}.jpg").write_bytes(make_picture(k))
    write_table(folder / "mm_reward_bench.jsonl", rows)
    return folder


def numbers(item: Item) -> list[int]:
    """Which pictures are shown, by their colours."""
    shown = [part.load().getpixel((0, 0)) for part in item.question if isinstance(part, Image)]
    colours = {(k * 97 % 256, k // 256 % 256, 0): k for k in range(200)}
    return [colours[pixel] for pixel in shown]  # type: ignore[index]


def test_acc_and_acc_plus_are_those_of_the_official_script(tmp_path: Path, context: Contexts) -> None:
    """`cal_performance`: reward_0 > reward_1 is right, so a draw is wrong; ACC+ needs all pairs of an id."""
    cases = [
        ("1", "mcq/1.jpg", 2.0, 1.0),
        ("1", "mcq/1.jpg", 3.0, 1.0),
        ("2", "long/2.jpg", 2.0, 1.0),
        ("2", "long/2.jpg", 1.0, 1.0),  # a draw
        ("3", "short/3.jpg", 0.0, 1.0),
        ("1", "mcq/1.jpg", 2.0, 0.0),  # its id again, later
        ("4", "safety/4.jpg", 5.0, 1.0),
    ]
    id_to_items: dict[str, list[bool]] = defaultdict(list)
    for name, _, chosen, rejected in cases:
        id_to_items[name].append(chosen > rejected)
    right = [correct for values in id_to_items.values() for correct in values]
    acc, acc_plus = sum(right) / len(right), sum(map(all, id_to_items.values())) / len(id_to_items)

    release(tmp_path, [row(name, path) for name, path, _, _ in cases])

    def answer(request: Request, item: Item) -> str | Judgement:
        _, _, chosen, rejected = cases[int(item.id.split("/")[1])]
        if chosen == rejected:
            return "Both are equally good."
        return Judgement.of(item.space.to_shown(0 if chosen > rejected else 1, request.order))

    scores = score_task(bench.task(None, context(tmp_path)), answer)
    found = {estimate.metric: estimate.value for estimate in scores.estimates}
    assert found == pytest.approx({"accuracy": acc, "all_right@group": acc_plus})
    assert (acc, acc_plus) == pytest.approx((5 / 7, 2 / 4))
    assert scores.groups == 4


def test_pairs_of_one_id_are_items_of_their_own(tmp_path: Path, context: Contexts) -> None:
    release(tmp_path, [row("5", "short/5.jpg"), row("5", "short/5.jpg"), row("6", "video/6", "video")])
    found = list(bench.task(None, context(tmp_path)).items("test"))
    assert [item.id for item in found] == ["5/0", "5/1", "6/2"]
    assert [item.group for item in found] == ["5", "5", "6"]
    assert [item.category for item in found] == ["short", "short", "video"]
    assert [item.tags["media"] for item in found] == ["image", "image", "video"]
    assert found[0].question[-1] == "[Question]\nWhat?"


@pytest.mark.parametrize(
    ("path", "category"),
    [
        ("mcq/long.jpg", "mcq"),
        ("x/short_long.jpg", "long"),
        ("safety/short.jpg", "short"),
        ("video_safety/a", "safety"),
    ],
)
def test_the_category_is_the_first_keyword_in_the_official_order(
    tmp_path: Path, context: Contexts, path: str, category: str
) -> None:
    release(tmp_path, [row("1", path)])
    (item,) = bench.task(None, context(tmp_path)).items("test")
    assert item.category == category


@pytest.mark.parametrize("frames", [33, 40, 100])
def test_thirty_two_frames_are_those_that_the_official_script_takes(
    tmp_path: Path, context: Contexts, frames: int
) -> None:
    release(tmp_path, [row("1", "video/1", "video")], frames=frames)
    (item,) = bench.task(None, context(tmp_path)).items("test")
    assert numbers(item) == np.linspace(0, frames - 1, 32, dtype=int).tolist()


def test_a_video_file_is_shown_as_frames(tmp_path: Path, context: Contexts) -> None:
    pytest.importorskip("av")
    write_table(tmp_path / "mm_reward_bench.jsonl", [row("1", "video/1.gif", "video")])
    frames = [PIL.Image.new("L", (8, 8), 40 * number) for number in range(4)]
    (tmp_path / "images/video").mkdir(parents=True)
    frames[0].save(tmp_path / "images/video/1.gif", save_all=True, append_images=frames[1:])
    (item,) = bench.task(MMRLHFOptions(frames=2), context(tmp_path)).items("test")
    assert [part.load().convert("L").tobytes()[0] for part in item.question if isinstance(part, Image)] == [40, 120]


def test_a_short_video_is_shown_once_and_fewer_frames_can_be_asked_for(tmp_path: Path, context: Contexts) -> None:
    release(tmp_path, [row("1", "video/1", "video")], images=".", frames=5)
    (item,) = bench.task(None, context(tmp_path)).items("test")
    assert numbers(item) == [0, 1, 2, 3, 4]
    (item,) = bench.task(MMRLHFOptions(frames=3), context(tmp_path / "mm_reward_bench.jsonl")).items("test")
    assert numbers(item) == [0, 2, 4]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"video": "video/none"}, "expected a folder of frames or a video in"),
        ({"video": "../video"}, "expected a folder of frames or a video in"),
        ({"video": "clips/1"}, "expected a path with one of the words mcq, long"),
        ({"video": None}, "nothing in column 'image' or 'video'"),
        ({"prompt": 7}, "column 'prompt': expected text, found int 7"),
    ],
)
def test_a_row_that_does_not_fit_is_named(tmp_path: Path, context: Contexts, change: dict[str, Any], says: str) -> None:
    (tmp_path / "video").mkdir()
    (tmp_path / "video" / "secret.jpg").write_bytes(make_picture(1))
    folder = release(tmp_path / "data", [row("1", "video/1", "video")], frames=1)
    write_table(folder / "mm_reward_bench.jsonl", [{**row("1", "video/1", "video"), **change}])
    with pytest.raises(DataError) as caught:
        list(bench.task(None, context(folder)).items("test"))
    assert says in str(caught.value)


def test_the_hub_has_no_pictures(context: Contexts) -> None:
    from harness.api.data import Cell, Row

    cell = Cell("video/1", Row({}, "hub, row 0", 0), "video")
    with pytest.raises(DataError, match="download the dataset and give its folder"):
        bench.Videos(None).frames(cell, 32)
