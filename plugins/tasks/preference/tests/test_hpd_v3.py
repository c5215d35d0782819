from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.api import Context, Image, Item, Judgement, Request
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
