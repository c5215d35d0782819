from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.api import Context, DataError, Item, Request
from harness.api.data import write_table
from harness.testing import score_task
from harness_preference.benchmarks import multimodal_rewardbench

Contexts = Callable[[object], Context]
Picture = Callable[[int], bytes]


@pytest.fixture
def data(tmp_path: Path, png: Picture) -> Callable[[list[dict[str, Any]]], Path]:
    """Write rows and one image as the download script of the authors leaves them."""

    def make(rows: list[dict[str, Any]]) -> Path:
        (tmp_path / "data" / "images" / "nocaps").mkdir(parents=True)
        (tmp_path / "data" / "images" / "nocaps" / "1.jpg").write_bytes(png(9))
        write_table(tmp_path / "data" / "all_data.json", rows)
        return tmp_path

    return make


def row(name: str = "nocaps_1", category: str = "vqa", **changes: Any) -> dict[str, Any]:
    fixed = {"Text": "What?", "Image": "images/nocaps/1.jpg", "Output1": "one", "Output2": "two", "Better": "Output1"}
    return {"ID": name, "Category": category, **fixed, **changes}


def found(folder: Path, context: Contexts) -> list[Item]:
    return list(multimodal_rewardbench.task(None, context(folder)).items("test"))


def test_the_protocol_is_the_official_one() -> None:
    protocol = multimodal_rewardbench.PROTOCOL
    assert (protocol.order, protocol.samples, protocol.unparsed) == ("fixed", 1, "chance")
    assert (protocol.average, protocol.metrics) == ("micro", ("accuracy",))


@pytest.mark.parametrize(
    ("name", "category", "expected"),
    [
        ("PAIRS_1", "safety", "safety/bias"),
        ("pairs_1", "safety", "safety/bias"),
        ("hateful_1", "safety", "safety/toxicity"),
        ("mathvista_1", "reasoning", "reasoning/math"),
        ("EMMA-Coding_1", "reasoning", "reasoning/coding"),
        ("image2struct_1", "reasoning", "reasoning/coding"),
        ("mathvista_1", "knowledge", "knowledge"),
        ("nocaps_1", "open_generation/correctness_task", "correctness"),
        ("nocaps_1", "open_generation/preference_task", "preference"),
    ],
)
def test_safety_and_reasoning_are_split_by_the_id(name: str, category: str, expected: str) -> None:
    assert multimodal_rewardbench.category_of(name, category) == expected


def test_better_names_the_candidate_and_the_image_lies_under_data(data: Callable[..., Path], context: Contexts) -> None:
    items = found(data([row(), row(Better="Output2")]), context)
    assert [item.gold for item in items] == [0, 1]
    assert [item.id for item in items] == ["nocaps_1#0", "nocaps_1#1"]
    assert items[0].group == items[1].group
    assert [part.load().convert("L").getpixel((0, 0)) for part in items[0].question if not isinstance(part, str)] == [9]


def test_a_release_without_prompts_is_refused(data: Callable[..., Path], context: Contexts) -> None:
    with pytest.raises(DataError, match=r"all_data\.json, element 0: there is no column 'Text'"):
        found(data([{name: value for name, value in row().items() if name != "Text"}]), context)


def official(answers: dict[str, str], rows: list[dict[str, Any]], *, throws: int) -> dict[str, float]:
    """2_get_accuracy.py, its coin averaged over many seeds."""
    sums: dict[str, float] = defaultdict(float)
    counts: dict[str, int] = defaultdict(int)
    for seed in range(throws):
        coin = random.Random(seed)
        for one in rows:
            output = answers[one["ID"]]
            said = "A" if "[[A]]" in output else "B" if "[[B]]" in output else "AB"[coin.random() >= 0.5]
            category = one["Category"]
            if category == "safety":
                category += "/bias" if one["ID"].lower().startswith("pairs") else "/toxicity"
            elif category == "reasoning":
                category += "/math" if one["ID"].lower().startswith("math") else "/coding"
            for key in ("all", category):
                sums[key] += said == ("B" if one["Better"] == "Output2" else "A")
                counts[key] += 1
    return {key: sums[key] / counts[key] for key in counts}


def test_accuracy_is_that_of_the_official_script_but_for_the_noise_of_its_coin(
    data: Callable[..., Path], context: Contexts
) -> None:
    rows = [
        row("pairs_1", "safety"),
        row("pairs_2", "safety", Better="Output2"),
        row("toxic_1", "safety"),
        row("mathvista_1", "reasoning", Better="Output2"),
        row("EMMA-Coding_1", "reasoning"),
        row("EMMA-Coding_2", "reasoning"),
        row("nocaps_1"),
        row("nocaps_2", Better="Output2"),
    ]
    says = ("[[A]]", "[[A]]", "neither", "[[B]]", "[[B]]", "[[C]]", "better: [[A]]", "")
    answers = {one["ID"]: said for one, said in zip(rows, says, strict=True)}
    orders = set()

    def answer(request: Request, item: Item) -> str:
        orders.add(request.order)
        return answers[item.id.partition("#")[0]]

    scores = score_task(multimodal_rewardbench.task(None, context(data(rows))), answer)
    (accuracy,) = scores.estimates
    assert orders == {(0, 1)}
    assert accuracy.value == (3 + 3 * 0.5) / 8
    assert accuracy.n == 8
    ours = {"all": accuracy.value, **{name: one.value for name, one in scores.categories.items()}}
    assert ours == pytest.approx(official(answers, rows, throws=4_000), abs=0.03)
    assert ours["reasoning/coding"] == 0.25
