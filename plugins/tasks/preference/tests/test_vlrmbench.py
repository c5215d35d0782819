from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from harness.api import Context, DataError, Item, Judgement, Request, Status, Units
from harness.testing import parametrize_with_checks, score_task
from harness_preference.benchmarks import vlrmbench
from harness_preference.cards.vlrmbench import METRICS
from harness_preference.options import Options
from harness_preference.published.vlrmbench import FORESIGHT_RECORDINGS, SOLUTION_RECORDINGS, STEP_RECORDINGS
from harness_preference.step_metrics import VlrmbenchF1

Contexts = Callable[[object], Context]


def options(subset: str) -> Options:
    return Options(subset=subset, media="absent")


def save(file: Path, rows: Sequence[dict[str, Any]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def row(name: str, **facts: Any) -> dict[str, Any]:
    """In the columns of location_error.jsonl."""
    return {
        "id": name,
        "image": [f"dynamath/{name}.jpg"],
        "question": f"Which point is the image? {name}",
        "step_list": ["STEP1: Let's see.\n\n", "STEP2: It is above.\n\n", "STEP3: A."],
        "reasoning_error": "STEP1: Let's see.\n\n\nSTEP2: It is below.\nSTEP3: A.",
        "category": "location_error",
        **facts,
    }


def official_f1(gold: Sequence[int], said: Sequence[int]) -> float:
    """`get_F1Score` of model_eval/utils.py."""
    positive, negative = (f1_score(gold, said, pos_label=label, zero_division=0) for label in (1, 0))
    share = sum(gold) / len(gold)
    return float(share * negative + (1 - share) * positive)


def official_list(text: str, count: int) -> list[int]:
    """`format_model_answer_tolist` of model_eval/utils.py."""
    numbers = [min(int(number), 1) for number in re.findall(r"\d+", text)]
    return numbers[:count] if len(numbers) >= count else numbers + [0] * (count - len(numbers))


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_the_f1_is_that_of_the_authors(pairs: list[tuple[bool, bool]]) -> None:
    names = {True: "yes", False: "no"}
    nothing = np.full(len(pairs), np.nan)
    units = Units(
        space=vlrmbench.YES_NO,
        gold=tuple(names[gold] for gold, _ in pairs),
        predicted=tuple(names[said] for _, said in pairs),
        credit=nothing,
        positive=nothing,
    )
    (found,) = VlrmbenchF1()(units, np.ones((1, len(pairs))))
    assert found == pytest.approx(official_f1(*zip(*[(int(a), int(b)) for a, b in pairs], strict=True)), abs=1e-12)


TEXTS = ["[0, 1, 0]", "Step 2 is wrong: [0, 1, 0]", "[1]", "none", "[0, 2, 0, 1, 1]", "", "[1, 0, 1]", "00 10 0"]


def test_recorded_lists_have_the_official_f1(tmp_path: Path, context: Contexts) -> None:
    rng = np.random.default_rng(0)
    marks = [[int(x) for x in rng.integers(0, 2, 3)] for _ in TEXTS] + [[1, 1, 1]]
    rows = [row(f"r{k}", task_gt=mark) for k, mark in enumerate(marks)]
    save(tmp_path / "benchmark_data/location_error.jsonl", rows)
    texts: list[str | None] = [*TEXTS, None]
    told = [{"id": f"r{k}", "task_gt": mark, "model_answer": texts[k]} for k, mark in enumerate(marks)]
    save(tmp_path / "eval_res/location_error/qvq_72b.jsonl", told)
    (file,) = STEP_RECORDINGS.find(tmp_path)["qvq_72b"]
    recorded = {answer["id"]: answer for answer, _ in STEP_RECORDINGS.read(file, "qvq_72b")}

    def answer(request: Request, item: Item) -> Judgement:
        found = recorded[item.id]
        if "error" in found:
            return Judgement.failure(Status.ERROR, found["error"])
        return Judgement.of(found["verdict"])

    scores = score_task(vlrmbench.step_task(options("location_error"), context(tmp_path)), answer)
    gold = [x for mark in marks[:-1] for x in mark]
    said = [x for text in TEXTS for x in official_list(text, 3)]
    assert scores.estimates[0].metric == "preference/vlrmbench_f1"
    assert scores.estimates[0].value == pytest.approx(official_f1(gold, said), abs=1e-12)
    assert scores.estimates[1].value == pytest.approx(f1_score(gold, said), abs=1e-12)


def test_each_step_is_an_item_of_the_whole_reasoning(tmp_path: Path, context: Contexts) -> None:
    rows = [row("a", task_gt=[0, 1, 1]), row("b", task_gt=[1], error_info="timeout")]
    for subset in ("location_error", "redundant_det"):
        save(tmp_path / f"benchmark_data/{subset}.jsonl", rows)
    entries = vlrmbench.step_unfold(Options(media="absent"), context(tmp_path))
    assert [entry.name for entry in entries] == ["vlrmbench-redundant_det", "vlrmbench-location_error"]
    task = vlrmbench.step_task(options("location_error"), context(tmp_path))
    items = list(task.items("test"))
    assert [(item.id, item.gold) for item in items] == [
        ("location_error/a/1", "no"),
        ("location_error/a/2", "yes"),
        ("location_error/a/3", "yes"),
    ]
    assert len({item.group for item in items}) == 1
    texts = [part for part in items[1].question if isinstance(part, str)]
    assert texts == [
        "[Question]\nWhich point is the image? a",
        "[Reasoning]\nSTEP1: Let's see.\n\n\nSTEP2: It is below.\nSTEP3: A.\n[End of the reasoning]",
        "The step to judge is STEP 2.",
    ]
    # Only the last part tells the items of a reasoning apart.
    assert items[0].question[:-1] == items[2].question[:-1]
    assert "At least one step" in vlrmbench.step_frame("location_error").closing
    assert "At least one step" not in vlrmbench.step_frame("redundant_det").closing


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"task_gt": [0, 2]}, "column 'task_gt', element 1: expected one of 0, 1"),
        ({"task_gt": []}, "column 'task_gt': expected a list of 0 and 1"),
        ({"image": "a.jpg"}, "column 'image': expected a list"),
        ({"reasoning_error": ["STEP1"]}, "column 'reasoning_error': expected text"),
    ],
)
def test_a_row_that_does_not_fit_is_named(
    tmp_path: Path, context: Contexts, changes: dict[str, Any], says: str
) -> None:
    save(tmp_path / "benchmark_data/detail_error.jsonl", [row("a", **{"task_gt": [0, 1], **changes})])
    with pytest.raises(DataError) as caught:
        list(vlrmbench.step_task(options("detail_error"), context(tmp_path)).items("test"))
    assert says in str(caught.value)


def test_foresight_is_read_as_by_the_authors(tmp_path: Path, context: Contexts) -> None:
    """`process_jsonl` of get_fores_eval_res.py, which counts a text with both words as right in any case."""
    said = ["Yes", "no.", "It is true", "Yes and no", "I cannot say", "", None, "knows nothing"]
    golds = [k % 2 == 0 for k in range(len(said))]
    save(
        tmp_path / "benchmark_data/foresight.jsonl",
        [row(f"r{k}", task_gt=gold, **({} if gold else {"step_list": ["x"]})) for k, gold in enumerate(golds)],
    )
    told = [{"id": f"r{k}", "task_gt": golds[k], "model_answer": text} for k, text in enumerate(said)]
    save(tmp_path / "eval_res/foresight/m.jsonl", told)
    patterns = {True: r"\b(yes|true)\b", False: r"\b(no|false)\b"}
    right = [
        bool(re.search(patterns[gold], text, re.IGNORECASE))
        for gold, text in zip(golds, said, strict=True)
        if text is not None
    ]
    recorded = {
        answer["id"]: answer for answer, _ in FORESIGHT_RECORDINGS.read(tmp_path / "eval_res/foresight/m.jsonl", "m")
    }

    def answer(request: Request, item: Item) -> Judgement:
        found = recorded[item.id]
        if "error" in found:
            return Judgement.failure(Status.ERROR, found["error"])
        verdict = found["verdict"]
        return Judgement.failure(Status.UNPARSED, "?") if verdict is None else Judgement.of(verdict)

    scores = score_task(vlrmbench.foresight_task(options("foresight"), context(tmp_path)), answer)
    assert scores.estimates[0].value == pytest.approx(sum(right) / len(right))
    assert (len(right), sum(right)) == (7, 4)


def official_solution(front: str | None, back: str | None) -> bool:
    """`process_jsonl` of get_ms_eval_res.py with `format_ms_ec_era_model_answer_tolist`."""

    def last(text: str | None) -> list[int]:
        numbers = [int(number) for number in re.findall(r"\d+", text or "[0,0]")]
        return numbers[-2:] if len(numbers) >= 2 else numbers + [0] * (2 - len(numbers))

    first, second = last(front), last(back)
    return first[0] + second[1] > first[1] + second[0]


ANSWERS: list[tuple[str | None, str | None]] = [
    ("[8, 6]", "[6, 8]"),
    ("[8, 6]", "[7, 5]"),
    ("[9, 3]", "[6, 5]"),
    ("[3, 9]", "[9, 3]"),
    ("Response 1: 8. Response 2: 7", None),
    ("7.5, 7", "[5]"),
    (None, "no"),
    ('["9", "2"] of 10', "[4, 4]"),
]


def test_pairs_of_solutions_are_decided_by_the_sum_of_both_orders(tmp_path: Path, context: Contexts) -> None:
    save(tmp_path / "benchmark_data/multi_solution.jsonl", [row(f"r{k}") for k in range(len(ANSWERS))])
    told = [
        {"id": f"r{k}", "task_gt": [0, 1], "model_answer_front": front, "model_answer_back": back}
        for k, (front, back) in enumerate(ANSWERS)
    ]
    file = tmp_path / "eval_res/multi_solution/m.jsonl"
    save(file, told)
    recorded = {answer["id"]: answer["scores"] for answer, _ in SOLUTION_RECORDINGS.read(file, "m")}

    def answer(request: Request, item: Item) -> Judgement:
        shown = [recorded[item.id][candidate] for candidate in request.order]
        if shown[0] == shown[1]:
            return Judgement.failure(Status.DRAW, "", probabilities={"A": 0.5, "B": 0.5})
        return Judgement.of(int(shown[1] > shown[0]))

    scores = score_task(vlrmbench.solution_task(options("multi_solution"), context(tmp_path)), answer)
    right = [official_solution(front, back) for front, back in ANSWERS]
    assert scores.estimates[0].value == pytest.approx(sum(right) / len(right))
    assert 0 < sum(right) < len(right) - 1


def test_a_judge_that_names_one_place_in_both_orders_has_not_won(tmp_path: Path, context: Contexts) -> None:
    save(tmp_path / "benchmark_data/multi_solution.jsonl", [row("a")])
    task = vlrmbench.solution_task(options("multi_solution"), context(tmp_path))
    assert score_task(task, lambda request, item: Judgement.of(0)).estimates[0].value == 0
    (item,) = task.items("test")
    assert item.candidates[0] == ("STEP1: Let's see.\nSTEP2: It is above.\nSTEP3: A.",)


@parametrize_with_checks(METRICS)
def test_the_metric_keeps_its_contract(check: Callable[[], None]) -> None:
    check()
