from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.api import Context, DataError, Image, Item, Judgement, Request
from harness.api.data import make_picture, write_table
from harness.testing import score_task
from harness_preference.benchmarks import hpd_v3

Contexts = Callable[[object], Context]


def release(folder: Path, pairs: int, **changes: Any) -> Path:
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rows = []
    for k in range(pairs):
        for number in (2 * k, 2 * k + 1):
            (folder / "images" / f"{number}.jpg").write_bytes(make_picture(number))
        paths = {"path1": f"images/{2 * k}.jpg", "path2": f"images/{2 * k + 1}.jpg"}
        rows.append({"prompt": f"p {k // 2}", **paths, **changes})
    write_table(folder / "test.json", rows)
    return folder


def test_the_score_is_the_share_of_greater_rewards_for_the_first_image(tmp_path: Path, context: Contexts) -> None:
    rewards = [(2.0, 1.0), (1.0, 2.0), (1.0, 1.0), (5.0, 0.0), (3.0, 1.0)]
    correct = sum(first > second for first, second in rewards)

    def answer(request: Request, item: Item) -> str | Judgement:
        first, second = rewards[int(item.id.split("/")[1])]
        if first == second:
            return "equal"
        return Judgement.of(item.space.to_shown(int(first < second), request.order))

    scores = score_task(hpd_v3.task(None, context(release(tmp_path, len(rewards)))), answer)
    assert scores.estimates[0].value == pytest.approx(correct / len(rewards))


def test_a_judge_that_always_says_a_is_at_chance(tmp_path: Path, context: Contexts) -> None:
    scores = score_task(hpd_v3.task(None, context(release(tmp_path, 60))), lambda request, item: "[[A]]")
    value = scores.estimates[0].value
    assert value is not None
    assert 0.3 < value < 0.7


def test_optional_columns_may_be_there_or_not(tmp_path: Path, context: Contexts) -> None:
    said = {"model1": "flux", "model2": "sd3", "source": "x", "confidence": 0.9, "choice_dist": [18, 1]}
    nothing = dict.fromkeys(said)
    for folder, changes in ((tmp_path / "a", said), (tmp_path / "b", nothing), (tmp_path / "c", {})):
        first, second, third = hpd_v3.task(None, context(release(folder, 3, **changes))).items("test")
        wanted = {"model1": "flux", "model2": "sd3", "source": "x", "confidence": "0.9"} if changes is said else {}
        assert first.tags == wanted
        assert first.group == second.group != third.group
        assert {item.gold for item in (first, second, third)} == {0}
        assert list(first.annotations.values()) == ([0] * 18 + [1] if changes is said else [])


@pytest.mark.parametrize(
    ("votes", "said"),
    [([1, 2], [0, 0, 1]), ([2.0, 2.0], [0, 0, 1, 1]), ([0.95, 0.05], []), ([1, 0], []), ([0, 0], [])],
)
def test_the_votes_are_people_and_the_more_of_them_are_for_the_first(
    votes: list[float], said: list[int], tmp_path: Path, context: Contexts
) -> None:
    items = list(hpd_v3.task(None, context(release(tmp_path, 3, choice_dist=votes))).items("test"))
    assert all(list(item.annotations.values()) == said for item in items)
    assert len({name for item in items for name in item.annotations}) == 3 * len(said), "no one voted twice"


@pytest.mark.parametrize("votes", [[1], [1, 2, 3], [-1, 3], [1, 10**9], "a", [None, 1], {"a": 1}])
def test_votes_that_are_none_are_named(votes: object, tmp_path: Path, context: Contexts) -> None:
    with pytest.raises(DataError, match="'choice_dist'"):
        list(hpd_v3.task(None, context(release(tmp_path, 1, choice_dist=votes))).items("test"))


def test_the_human_ceiling_is_shown(tmp_path: Path, context: Contexts) -> None:
    task = hpd_v3.task(None, context(release(tmp_path, 40, choice_dist=[8, 2])))
    scores = score_task(task, lambda request, item: Judgement.of(item.space.to_shown(item.gold, request.order)))
    assert scores.ceiling is not None
    # By hand: one of ten agrees with what most of the other nine say where it is one of the eight.
    (accuracy,) = scores.ceiling.metrics
    assert scores.ceiling.items == 40
    assert accuracy.value == pytest.approx(0.8)


def test_pictures_are_found_in_one_archive_too(tmp_path: Path, context: Contexts) -> None:
    release(tmp_path, 1)
    with tarfile.open(tmp_path / "images.tar.gz", "w:gz") as archive:
        for number in (0, 1):
            data = (tmp_path / "images" / f"{number}.jpg").read_bytes()
            member = tarfile.TarInfo(f"images/{number}.jpg")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
            (tmp_path / "images" / f"{number}.jpg").unlink()
    (item,) = hpd_v3.task(None, context(tmp_path)).items("test")
    parts = [part for candidate in item.candidates for part in candidate]
    assert [part.load().getpixel((0, 0)) for part in parts if isinstance(part, Image)] == [(0, 0, 0), (97, 0, 0)]


def test_a_second_copy_of_the_table_is_an_error(tmp_path: Path, context: Contexts) -> None:
    folder = release(tmp_path, 2)
    write_table(folder / "test.json.gz", [])
    with pytest.raises(DataError, match=r"test\.json and test\.json\.gz are both there, .*; remove one"):
        hpd_v3.task(None, context(folder))
