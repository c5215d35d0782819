from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.api import Context, DataError, Image, Item, Request
from harness.api.data import make_picture, write_table
from harness.testing import score_task
from harness_preference.benchmarks import m_judgebench

Contexts = Callable[[object], Context]
TYPES = (
    "shortcot_same_model",
    "shortcot_diff_model",
    "longcot_same_model",
    "longcot_diff_model",
    "incidental_error_bygpt",
    "reasoning_error_bygpt",
    "visual_error_bygpt",
    "imbalanced_length_short_answer_correct",
    "imbalanced_length_shortcot_correct",
    "imbalanced_length_longcot_correct",
)
"""In the order of the official script."""


def row(kind: str, number: int, image: object = "images/0.png") -> dict[str, Any]:
    return {"image": image, "question": f"q {number}", "chosen": "good", "rejected": "bad", "type": kind}


def release(folder: Path, rows: list[dict[str, Any]]) -> Path:
    (folder / "data" / "images").mkdir(parents=True, exist_ok=True)
    for number in (0, 1):
        (folder / "data" / "images" / f"{number}.png").write_bytes(make_picture(number))
    write_table(folder / "data" / "m_judgebench_data.jsonl", rows)
    return folder


def test_accuracies_are_those_of_the_official_script(tmp_path: Path, context: Contexts) -> None:
    """`main` of code/m_judgebench_eval.py: over all pairs and by type, right where the answer names the better one."""
    rows = [row(kind, 10 * k + j) for k, kind in enumerate(TYPES) for j in range(1 + k % 3)]
    outcomes = [("right", "wrong", "neither")[(k * 5) % 3] for k in range(len(rows))]
    group_correct, group_total = dict.fromkeys(TYPES, 0), dict.fromkeys(TYPES, 0)
    correct = 0
    for values, outcome in zip(rows, outcomes, strict=True):
        group_total[values["type"]] += 1
        if outcome == "right":
            correct += 1
            group_correct[values["type"]] += 1

    def answer(request: Request, item: Item) -> str:
        outcome = outcomes[int(item.id.split("/")[1])]
        place = request.order.index(0)
        return {"right": f"[[{'AB'[place]}]]", "wrong": f"[[{'BA'[place]}]]", "neither": "Both."}[outcome]

    scores = score_task(m_judgebench.task(None, context(release(tmp_path, rows))), answer)
    assert scores.estimates[0].value == pytest.approx(correct / len(rows))
    found = {name.split("/")[1]: estimate.value for name, estimate in scores.categories.items()}
    assert found == pytest.approx({kind: group_correct[kind] / group_total[kind] for kind in TYPES})


def test_one_image_or_several_are_shown_before_the_question(tmp_path: Path, context: Contexts) -> None:
    rows = [row(TYPES[0], 1), row(TYPES[6], 2, ["images/1.png", "images/0.png"]), row(TYPES[7], 2)]
    found = list(m_judgebench.task(None, context(release(tmp_path, rows))).items("test"))
    shown = [[part.load().getpixel((0, 0)) for part in item.question if isinstance(part, Image)] for item in found]
    assert shown == [[(0, 0, 0)], [(97, 0, 0), (0, 0, 0)], [(0, 0, 0)]]
    assert [item.question[-1] for item in found] == ["[Question]\nq 1", "[Question]\nq 2", "[Question]\nq 2"]
    assert [item.category.split("/")[0] for item in found] == ["pairwise-cot", "process-error", "length-bias"]
    assert found[1].group == found[2].group != found[0].group


def test_all_ten_types_are_known_and_no_other(tmp_path: Path, context: Contexts) -> None:
    assert set(m_judgebench.CATEGORIES) == set(TYPES)
    with pytest.raises(DataError, match="column 'type': expected one of shortcot_same_model"):
        list(m_judgebench.task(None, context(release(tmp_path, [row("longcot", 1)]))).items("test"))


def test_the_chosen_answer_is_shown_in_both_places(tmp_path: Path, context: Contexts) -> None:
    task = m_judgebench.task(None, context(release(tmp_path, [row(TYPES[0], k) for k in range(20)])))
    places: set[int] = set()

    def answer(request: Request, item: Item) -> str:
        places.add(request.order.index(0))
        return "[[A]]"

    score_task(task, answer)
    assert places == {0, 1}
