from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.api import TIE, Context, DataError, Image, Item, Judgement, Request
from harness.api.data import make_picture, write_table
from harness.testing import parametrize_with_checks, score_task
from harness_preference.benchmarks import pick_a_pic
from harness_preference.cards.pick_a_pic import METRICS

Contexts = Callable[[object], Context]


def row(number: int, label: float | None, **changes: Any) -> dict[str, Any]:
    return {
        "caption": f"p {number}",
        "has_label": label is not None,
        "jpg_0": make_picture(2 * number),
        "jpg_1": make_picture(2 * number + 1),
        "label_0": label or 0.0,
        "label_1": 0.0 if label is None else 1 - label,
        "ranking_id": 50 + number,
        "model_0": "x",
        "model_1": "y",
        **changes,
    }


LABELS = [1.0, 0.0, 0.5, 1.0, None, 0.5, 0.0, 1.0]
PROBABILITIES = [(0.9, 0.1), (0.8, 0.2), (0.6, 0.4), (0.3, 0.7), (0.9, 0.1), (0.2, 0.8), (0.1, 0.9), (0.5, 0.5)]


def answer(request: Request, item: Item) -> str | Judgement:
    first, second = PROBABILITIES[int(item.id.split("/")[1])]
    verdict = TIE if first == second else int(first < second)
    return Judgement.of(item.space.to_shown(verdict, request.order))


def test_the_score_is_that_of_the_training_code(tmp_path: Path, context: Contexts) -> None:
    """`run_inference` of trainer/tasks/clip_task.py on the rows with a label."""
    is_correct = [
        (first > second) * label + (first < second) * (1 - label)
        for label, (first, second) in zip(LABELS, PROBABILITIES, strict=True)
        if label is not None
    ]
    write_table(
        tmp_path / "data/test_unique-00000-of-00001-e852c19ead276a89.parquet", [row(*r) for r in enumerate(LABELS)]
    )
    scores = score_task(pick_a_pic.task(None, context(tmp_path)), answer)
    assert scores.estimates[0].value == pytest.approx(sum(is_correct) / len(is_correct), abs=1e-12)
    assert scores.estimates[0].value == pytest.approx((1 + 0 + 0.5 + 0 + 0.5 + 1 + 0) / 7)


def test_it_is_also_that_of_the_evaluation_script_for_a_judge_that_decides(tmp_path: Path, context: Contexts) -> None:
    """`calc_acc` of trainer/scripts/eval_preference_predictor.py with a threshold of 0."""

    def score(label: float, first: float, second: float) -> float:
        gold = {0.5: "tie", 1.0: "0"}.get(label, "1")
        said = "0" if first > second else "1"
        return 1.0 if gold == said else 0.5 if gold == "tie" else 0.0

    known = [(label, *p) for label, p in zip(LABELS, PROBABILITIES, strict=True) if label is not None][:-1]
    write_table(tmp_path / "test_unique.parquet", [row(*r) for r in enumerate(LABELS[:-1])])
    scores = score_task(pick_a_pic.task(None, context(tmp_path)), answer)
    assert scores.estimates[0].value == pytest.approx(sum(score(*case) for case in known) / len(known))


def calc_acc(known: list[tuple[float, float, float]], threshold: float) -> float:
    """`get_label`, `get_pred`, `calc_score` and `calc_acc` of eval_preference_predictor.py in plain lines."""
    points = []
    for label, first, second in known:
        gold = "tie" if label == 0.5 else "0" if label == 1 else "1"
        said = "tie" if abs(second - first) <= threshold else "0" if first > second else "1"
        points.append(1.0 if gold == said else 0.5 if "tie" in (gold, said) else 0.0)
    return sum(points) / len(points)


@pytest.mark.parametrize("threshold", [0, 0.25, 0.7, 1])
def test_the_score_with_ties_is_that_of_the_evaluation_script(
    tmp_path: Path, context: Contexts, threshold: float
) -> None:
    def with_ties(request: Request, item: Item) -> Judgement:
        first, second = PROBABILITIES[int(item.id.split("/")[1])]
        verdict = TIE if abs(second - first) <= threshold else int(first < second)
        return Judgement.of(item.space.to_shown(verdict, request.order))

    known = [(label, *p) for label, p in zip(LABELS, PROBABILITIES, strict=True) if label is not None]
    write_table(tmp_path / "test_unique.parquet", [row(*r) for r in enumerate(LABELS)])
    score = score_task(pick_a_pic.task(None, context(tmp_path)), with_ties).estimates[1]
    assert score.metric == "preference/pick_a_pic_score"
    assert score.value == pytest.approx(calc_acc(known, threshold), abs=1e-12)


def test_no_answer_is_worth_nothing_even_where_people_tie(tmp_path: Path, context: Contexts) -> None:
    write_table(tmp_path / "test_unique.parquet", [row(0, 0.5), row(1, 1.0)])
    scores = score_task(pick_a_pic.task(None, context(tmp_path)), lambda request, item: "?")
    assert [estimate.value for estimate in scores.estimates] == [0, 0]


@parametrize_with_checks(METRICS)
def test_the_metric_keeps_its_contract(check: Callable[[], None]) -> None:
    check()


def test_rows_without_a_label_are_left_out_and_bytes_are_pictures(tmp_path: Path, context: Contexts) -> None:
    write_table(tmp_path / "test_unique.parquet", [row(*r) for r in enumerate(LABELS)])
    found = list(pick_a_pic.task(None, context(tmp_path)).items("test"))
    assert [item.id for item in found] == [f"test_unique/{k}" for k in (0, 1, 2, 3, 5, 6, 7)]
    assert [item.gold for item in found] == [0, 1, TIE, 0, TIE, 1, 0]
    assert found[1].tags == {"ranking_id": "51", "model_0": "x", "model_1": "y"}
    parts = [part for candidate in found[1].candidates for part in candidate]
    assert [part.load().getpixel((0, 0)) for part in parts if isinstance(part, Image)] == [(194, 0, 0), (35, 0, 0)]


def test_an_answer_that_cannot_be_read_is_wrong(tmp_path: Path, context: Contexts) -> None:
    write_table(tmp_path / "test_unique.parquet", [row(0, 1.0), row(1, 0.5)])
    scores = score_task(pick_a_pic.task(None, context(tmp_path)), lambda request, item: "?")
    assert scores.estimates[0].value == 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"label_0": 0.7, "label_1": 0.3}, "column 'label_0': expected 1, 0 or 0.5"),
        ({"label_1": 1.0}, "column 'label_1': expected 0, the rest of 1 beside label_0"),
        ({"jpg_0": b""}, "column 'jpg_0': expected a picture"),
    ],
)
def test_a_row_that_does_not_fit_is_named(tmp_path: Path, context: Contexts, change: dict[str, Any], says: str) -> None:
    write_table(tmp_path / "test_unique.parquet", [row(0, 1.0, **change)])
    with pytest.raises(DataError) as caught:
        list(pick_a_pic.task(None, context(tmp_path)).items("test"))
    assert says in str(caught.value)
