from __future__ import annotations

import itertools
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.api import TIE, Context, DataError, Image, Item, Judgement, Preference, Request
from harness.api.data import make_picture, write_table
from harness.testing import score_task
from harness_preference.benchmarks import imagereward
from harness_preference.benchmarks.imagereward import ImageRewardOptions

Contexts = Callable[[object], Context]
RANKINGS = {"a": [1, 2, 5, 3], "b": [2, 1, 1], "c": [1, 1], "d": [1, 2], "e": [3, 1, 3, 1, 2]}
REWARDS = {
    "a": [0.9, 0.9, 0.1, 0.4],  # equal rewards for a pair that is decided
    "b": [0.2, 0.8, 0.1],
    "c": [0.5, 0.1],
    "d": [0.1, 0.7],
    "e": [0.3, 0.9, 0.3, 0.1, 0.5],
}


def counts(ranking: Sequence[float], rewards: Sequence[float]) -> tuple[int, int]:
    """The inner loops of `acc` in test.py of the code, and of `calc_ImageReward` of HPS v2."""
    total = right = 0
    for i in range(len(ranking)):
        for j in range(i + 1, len(ranking)):
            if ranking[i] > ranking[j]:
                total += 1
                right += rewards[i] < rewards[j]
            elif ranking[i] < ranking[j]:
                total += 1
                right += rewards[i] > rewards[j]
    return right, total


def list_of_prompts(folder: Path) -> Path:
    rows = []
    for k, (name, ranking) in enumerate(RANKINGS.items()):
        generations = [f"part-{k}/images/{j}.webp" for j in range(len(ranking))]
        for j, place in enumerate(generations):
            file = folder / "data" / "test_images" / place
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(make_picture(10 * k + j))
        rows.append({"id": name, "prompt": f"p {name}", "generations": generations, "ranking": ranking})
    write_table(folder / "data" / "test.json", rows)
    return folder


def by_rewards(request: Request, item: Item) -> str | Judgement:
    name, _, pair = item.id.partition("/")
    i, j = map(int, pair.split("-"))
    if REWARDS[name][i] == REWARDS[name][j]:
        return Judgement.of(TIE) if item.space.contains(TIE) else "neither"
    return Judgement.of(item.space.to_shown(int(REWARDS[name][i] < REWARDS[name][j]), request.order))


def test_accuracies_are_those_of_the_official_scripts(tmp_path: Path, context: Contexts) -> None:
    pairs = {name: counts(RANKINGS[name], REWARDS[name]) for name in RANKINGS}
    pooled = sum(right for right, _ in pairs.values()) / sum(total for _, total in pairs.values())
    each = [right / total for right, total in pairs.values() if total]  # HPS v2 divides by 0 where all are equal
    scores = score_task(imagereward.task(None, context(list_of_prompts(tmp_path))), by_rewards)
    found = {estimate.metric: estimate.value for estimate in scores.estimates}
    assert found == pytest.approx({"accuracy": pooled, "accuracy@group": sum(each) / len(each)}, abs=1e-12)
    assert abs(found["accuracy"] - found["accuracy@group"]) > 0.01  # type: ignore[operator]
    assert scores.items == sum(total for _, total in pairs.values())


def test_with_ties_the_official_score_stays_and_other_policies_can_be_had(tmp_path: Path, context: Contexts) -> None:
    folder = list_of_prompts(tmp_path)
    official = score_task(imagereward.task(None, context(folder)), by_rewards).estimates[0].value
    task = imagereward.task(ImageRewardOptions(ties=True), context(folder))
    found = list(task.items("test"))
    assert len(found) == sum(len(list(itertools.combinations(ranking, 2))) for ranking in RANKINGS.values())
    assert {item.space for item in found} == {Preference(2, ties=("tie",))}
    assert sum(item.gold == TIE for item in found) == 4
    assert score_task(task, by_rewards).estimates[0].value == pytest.approx(official)
    half = score_task(task, by_rewards, protocol=replace(task.protocol, ties="half")).estimates[0].value
    rights, totals = zip(*(counts(RANKINGS[name], REWARDS[name]) for name in RANKINGS), strict=True)
    assert half == pytest.approx((sum(rights) + 4 / 2) / (sum(totals) + 4))


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """A copy of the hub: the images of a prompt lie in both zips, and those of two prompts take turns."""
    order = [("x", 3), ("y", 2), ("x", 1), ("y", 2), ("x", 1), ("y", 5)]
    rows: list[dict[str, Any]] = []
    zips = {part: tmp_path / f"images/validation/validation_{part}.zip" for part in (1, 2)}
    zips[1].parent.mkdir(parents=True)
    for part, file in zips.items():
        with zipfile.ZipFile(file, "w") as archive:
            for number, (name, rank) in enumerate(order):
                if 1 + number % 2 != part:
                    continue
                archive.writestr(f"{number}.webp", make_picture(number))
                path = f"images/validation/validation_{part}/{number}.webp"
                cells = {"image_path": path, "prompt_id": name, "prompt": f"p {name}", "rank": rank}
                rows.append({**cells, "classification": "Arts", "number": number})
    rows.sort(key=lambda row: row["number"])
    write_table(tmp_path / "metadata-validation.parquet", rows)
    return tmp_path


def colours(item: Item) -> Iterator[int]:
    for candidate in item.candidates:
        (image,) = candidate
        assert isinstance(image, Image)
        yield image.load().getpixel((0, 0))[0] // 97  # type: ignore[index]


def test_metadata_of_single_images_become_pairs_of_each_prompt(hub: Path, context: Contexts) -> None:
    (entry,) = imagereward.unfold(None, context(hub))
    assert entry.name == "imagereward-validation"
    task = imagereward.task(ImageRewardOptions(**entry.options), context(hub))
    for _ in range(2):  # a second reading starts anew
        found = {item.id: item for item in task.items("test")}
        assert list(found) == ["x/0-1", "x/0-2", "y/0-2", "y/1-2"]
    assert [item.gold for item in found.values()] == [1, 1, 0, 0]  # a lower rank is better
    assert [item.group for item in found.values()] == ["x", "x", "y", "y"]
    assert found["y/0-2"].tags == {"classification": "Arts"}
    assert list(colours(found["x/0-1"])) == [0, 2]
    assert found["x/0-1"].space == Preference(2)


def test_two_readings_at_once_do_not_mix(hub: Path, context: Contexts) -> None:
    task = imagereward.task(None, context(hub))
    both = [(first.id, second.id) for first, second in zip(task.items("test"), task.items("test"), strict=True)]
    assert both == [(name, name) for name in ("x/0-1", "x/0-2", "y/0-2", "y/1-2")]


def test_unpacked_zips_are_found_as_well(hub: Path, context: Contexts) -> None:
    for part in (1, 2):
        file = hub / f"images/validation/validation_{part}.zip"
        with zipfile.ZipFile(file) as archive:
            archive.extractall(file.with_suffix(""))
        file.unlink()
    found = list(imagereward.task(None, context(hub)).items("test"))
    assert list(colours(found[0])) == [0, 2]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"ranking": [1]}, "column 'ranking': expected a rank for each of the 2 images"),
        ({"ranking": [1, "best"]}, "column 'ranking', element 1: expected a finite number"),
        ({"generations": ["../0.webp", "1.webp"]}, "column 'generations', element 0: image"),
    ],
)
def test_a_row_that_does_not_fit_is_named(tmp_path: Path, context: Contexts, change: dict[str, Any], says: str) -> None:
    row = {"id": "a", "prompt": "p", "generations": ["x/0.webp", "x/1.webp"], "ranking": [1, 2]}
    write_table(tmp_path / "test.json", [{**row, **change}])
    with pytest.raises(DataError) as caught:
        list(imagereward.task(None, context(tmp_path)).items("test"))
    assert says in str(caught.value)
