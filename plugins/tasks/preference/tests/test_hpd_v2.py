from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.api import TIE, Context, DataError, Image, Item, Judgement, Request
from harness.api.data import make_picture, write_table
from harness.testing import score_task
from harness_preference.benchmarks import hpd_v2

Contexts = Callable[[object], Context]
RANKS = [[1, 2, 3], [2, 1, 2, 1], [3, 1], [1, 1, 2]]
SAID = [[0, 2, 1], [3, 0, 1, 2], [0, 1], [2, 1, 0]]
"""Rankings of a judge: place of each image, 0 is best."""


def inversion_score(p1: Sequence[float], p2: Sequence[float]) -> float:
    """As in hpsv2/src/training/train.py."""
    n, inversions = len(p1), 0
    for i in range(n - 1):
        for j in range(i + 1, n):
            if (p1[i] > p1[j] and p2[i] < p2[j]) or (p1[i] < p1[j] and p2[i] > p2[j]):
                inversions += 1
    return 1 - inversions / (n * (n - 1) / 2)


def release(folder: Path, inside: str = "") -> Path:
    rows, number = [], 0
    with tarfile.open(folder / "test.tar.gz", "w:gz") as archive:
        for k, ranks in enumerate(RANKS):
            names = [f"{number + j:05d}.jpg" for j in range(len(ranks))]
            for j, name in enumerate(names):
                data = make_picture(number + j)
                member = tarfile.TarInfo(inside + name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
            number += len(ranks)
            rows.append({"prompt": "a cup" if k < 2 else f"p {k}", "image_path": names, "rank": ranks})
    write_table(folder / "test.json", rows)
    return folder


def place(item: Item) -> tuple[int, int, int]:
    _, number, pair = item.id.split("/")
    i, j = pair.split("-")
    return int(number), int(i), int(j)


def by_ranking(request: Request, item: Item) -> Judgement:
    number, i, j = place(item)
    return Judgement.of(item.space.to_shown(int(SAID[number][i] > SAID[number][j]), request.order))


def test_the_score_is_that_of_the_official_script(tmp_path: Path, context: Contexts) -> None:
    scores = score_task(hpd_v2.task(None, context(release(tmp_path))), by_ranking)
    each = [inversion_score(said, ranks) for said, ranks in zip(SAID, RANKS, strict=True)]
    assert scores.estimates[0].value == pytest.approx(sum(each) / len(each), abs=1e-12)
    assert each == pytest.approx([2 / 3, 5 / 6, 0, 1 / 3])
    pairs = [n * (n - 1) / 2 for n in map(len, RANKS)]
    over_pairs = sum(share * n for share, n in zip(each, pairs, strict=True)) / sum(pairs)
    assert scores.estimates[1].value == pytest.approx(over_pairs, abs=1e-12)
    assert scores.groups == len(RANKS)  # two rows with one prompt are two prompts to the script


def test_a_tie_is_no_inversion_and_no_answer_is_one(tmp_path: Path, context: Contexts) -> None:
    task = hpd_v2.task(None, context(release(tmp_path)))
    assert score_task(task, lambda request, item: Judgement.of(TIE)).estimates[0].value == 1
    assert score_task(task, lambda request, item: "?").estimates[0].value == 0


@pytest.mark.parametrize(
    ("raw", "votes"),
    [
        ({"a": [1, 2, 3], "b": [2, 1, 2], "c": [1, 3, 2]}, [{"a": 0, "b": 1, "c": 0}, {"a": 0, "b": TIE, "c": 0}]),
        ({"a": [3, 2, 1], "b": [2, 1, 3]}, [{}, {}]),
        ({"a": [1, 2]}, [{}, {}]),
        ({}, [{}, {}]),
    ],
)
def test_people_are_known_by_their_ranks_unless_these_contradict_the_average(
    tmp_path: Path, context: Contexts, raw: dict[str, list[int]], votes: list[dict[str, int | str]]
) -> None:
    people = [{"user_hash": name, "rank": ranks} for name, ranks in raw.items()]
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(make_picture(number))
    images = [f"{number}.jpg" for number in range(3)]
    write_table(
        tmp_path / "test.json", [{"prompt": "p", "image_path": images, "rank": [1, 2, 3], "raw_annotations": people}]
    )
    found = list(hpd_v2.task(None, context(tmp_path)).items("test"))
    assert [item.annotations for item in found][:2] == votes


@pytest.mark.parametrize("inside", ["", "test/", "./test/"])
def test_all_pairs_of_a_prompt_with_their_pictures(tmp_path: Path, context: Contexts, inside: str) -> None:
    found = list(hpd_v2.task(None, context(release(tmp_path, inside))).items("test"))
    assert [place(item) for item in found][:4] == [(0, 0, 1), (0, 0, 2), (0, 1, 2), (1, 0, 1)]
    assert len(found) == 3 + 6 + 1 + 3
    assert [item.gold for item in found if place(item)[0] == 1] == [1, TIE, 1, 0, TIE, 1]
    parts = [part for candidate in found[-1].candidates for part in candidate]
    wanted = [(k * 97 % 256, 0, 0) for k in (10, 11)]
    assert [part.load().getpixel((0, 0)) for part in parts if isinstance(part, Image)] == wanted


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"rank": [1]}, "column 'rank': expected a rank for each of the 2 images"),
        ({"image_path": ["0.jpg"], "rank": [1]}, "column 'image_path': expected two images or more"),
        ({"rank": [1, None]}, "column 'rank', element 1: expected a finite number, found nothing"),
        ({"image_path": ["0.jpg", "../1.jpg"]}, "leads out of the data folder"),
    ],
)
def test_a_row_that_does_not_fit_is_named(tmp_path: Path, context: Contexts, change: dict[str, Any], says: str) -> None:
    for name in ("0.jpg", "1.jpg"):
        (tmp_path / name).write_bytes(make_picture(1))
    write_table(tmp_path / "test.json", [{"prompt": "p", "image_path": ["0.jpg", "1.jpg"], "rank": [1, 2], **change}])
    with pytest.raises(DataError) as caught:
        list(hpd_v2.task(None, context(tmp_path)).items("test"))
    assert says in str(caught.value)
