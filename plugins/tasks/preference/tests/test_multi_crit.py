from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.api import (
    Context,
    DataError,
    Item,
    Judgement,
    Metric,
    Preference,
    Protocol,
    RecordedAnswer,
    Status,
    UserError,
)
from harness.api.data import write_table
from harness.score.cell import score_cell
from harness.score.metrics import Accuracy, AllRight
from harness.score.units import build_cell
from harness.testing import parametrize_with_checks, score_task
from harness_preference.benchmarks import multi_crit
from harness_preference.cards.multi_crit import CARDS, METRICS
from harness_preference.conflict_metrics import PairedConflictMatching, PairedTradeoffSensitivity
from harness_preference.options import Options

Contexts = Callable[[object], Context]
Row = dict[str, Any]
MEASURES: dict[str, Metric] = {
    "all_right@group": AllRight(),
    "cmr@group": PairedConflictMatching(),
    "tos@group": PairedTradeoffSensitivity(),
    "accuracy@category": Accuracy(),
    "accuracy": Accuracy(),
}


def row(png: Callable[[int], bytes], prompt: str, criterion: str, **changes: Any) -> Row:
    fixed = {
        "image": {"bytes": png(1), "path": "1.png"}, "question_id": f"{prompt}-{criterion}", "image_path": "1.png",
        "question": "What is shown?", "pred_a": "a cup", "pred_b": "a red cup", "model_a": "one", "model_b": "two",
        "split": "open_ended", "criterion": criterion, "preference": "model_a", "prompt_id": prompt,
    }  # fmt: skip
    return {**fixed, **changes}


@pytest.fixture
def data(tmp_path: Path) -> Callable[..., Path]:
    def make(rows: list[Row], subset: str = "open_ended") -> Path:
        write_table(tmp_path / "data" / f"{subset}-00000-of-00001.parquet", rows)
        return tmp_path

    return make


def found(folder: Path, context: Contexts, subset: str = "open_ended") -> list[Item]:
    return list(multi_crit.task(Options(subset=subset), context(folder)).items("test"))


def test_a_row_is_a_pair_and_a_criterion(
    data: Callable[..., Path], context: Contexts, png: Callable[[int], bytes]
) -> None:
    rows = [row(png, "p1", "completeness"), row(png, "p1", "clarity", preference="model_b"), row(png, "p2", "clarity")]
    first, second, third = found(data(rows), context)
    assert [(item.id, item.gold, item.category) for item in (first, second)] == [
        ("p1-completeness", 0, "completeness"),
        ("p1-clarity", 1, "clarity"),
    ]
    assert first.group == second.group != third.group
    assert first.candidates == (("a cup",), ("a red cup",))
    assert "[Question]\nWhat is shown?\n\n[Criterion]\nCompleteness" in str(first.question[1])
    assert first.tags == {"model_a": "one", "model_b": "two"}


def test_both_subsets_are_found(data: Callable[..., Path], context: Contexts, png: Callable[[int], bytes]) -> None:
    data([row(png, "p1", "clarity")])
    folder = data([row(png, "r1", "logic", split="reasoning")], "reasoning")
    assert [entry.name for entry in multi_crit.unfold(None, context(folder))] == [
        "multi-crit-open_ended",
        "multi-crit-reasoning",
    ]
    (item,) = found(folder, context, "reasoning")
    assert item.category == "logic"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"preference": "A"}, "column 'preference'"),
        ({"preference": None}, "column 'preference'"),
        ({"criterion": "logic"}, "column 'criterion'"),
        ({"pred_b": None}, "column 'pred_b'"),
        ({"prompt_id": ""}, "column 'prompt_id'"),
    ],
)
def test_a_row_that_does_not_fit_is_named(
    data: Callable[..., Path], context: Contexts, png: Callable[[int], bytes], change: Row, told: str
) -> None:
    with pytest.raises(DataError, match=told):
        found(data([{**row(png, "p1", "clarity"), **change}]), context)


@pytest.mark.parametrize(
    "column", ["question_id", "prompt_id", "image", "question", "pred_a", "criterion", "preference"]
)
def test_a_column_that_is_missing_is_named(
    data: Callable[..., Path], context: Contexts, png: Callable[[int], bytes], column: str
) -> None:
    given = row(png, "p1", "clarity")
    del given[column]
    with pytest.raises(DataError, match=f"'{column}'"):
        found(data([given]), context)


def simulate(pairs: int, *, seed: int = 0) -> list[tuple[str, list[tuple[int, int | None]]]]:
    """Golds and answers of each pair, criterion by criterion."""
    dice = random.Random(seed)
    return [
        (
            f"p{k}",
            [
                (dice.randint(0, 1), None if dice.random() < 0.1 else dice.randint(0, 1))
                for _ in range(dice.randint(1, 5))
            ],
        )
        for k in range(pairs)
    ]


def official(prompts: list[tuple[str, list[tuple[int, int | None]]]]) -> dict[str, float]:
    """The measures as the paper defines them: pair by pair of criteria, prompt by prompt."""
    pairs, seen = [], []
    for _, rows in prompts:
        conflicts = [(a, b) for a, b in itertools.combinations(rows, 2) if a[0] != b[0]]
        pairs += [a[0] == a[1] and b[0] == b[1] for a, b in conflicts]
        if conflicts:
            seen.append(any(a[1] is not None and b[1] is not None and a[1] != b[1] for a, b in conflicts))
    return {
        "all_right@group": float(np.mean([all(gold == said for gold, said in rows) for _, rows in prompts])),
        "cmr@group": float(np.mean(pairs)),
        "tos@group": float(np.mean(seen)),
        "accuracy": float(np.mean([gold == said for _, rows in prompts for gold, said in rows])),
    }


def answers(
    prompts: list[tuple[str, list[tuple[int, int | None]]]], orders: tuple[tuple[int, int], ...] = ((0, 1),)
) -> list[RecordedAnswer]:
    return [
        RecordedAnswer(
            f"{prompt}-{place}", prompt, f"c{place}", Preference(2), gold, order, 0,
            Status.UNPARSED if said is None else Status.OK, None if said is None else order.index(said),
        )
        for prompt, rows in prompts
        for place, (gold, said) in enumerate(rows)
        for order in orders
    ]  # fmt: skip


def scores(given: list[RecordedAnswer], protocol: Protocol = multi_crit.PROTOCOL) -> dict[str, Any]:
    cell = score_cell(build_cell(given, protocol), task="t", judge="j", metrics=MEASURES, data_hash="h")
    return {estimate.metric: estimate for estimate in cell.estimates}


@pytest.mark.parametrize("seed", range(3))
def test_the_measures_are_the_official_ones(seed: int) -> None:
    prompts = simulate(150, seed=seed)
    found = scores(answers(prompts))
    for name, value in official(prompts).items():
        assert found[name].value == pytest.approx(value), name
        assert found[name].ci_low < value < found[name].ci_high


def test_two_orders_that_agree_are_one_answer() -> None:
    prompts = simulate(60)
    rules = {"order": "both", "pooling": "agree", "metrics": tuple(MEASURES)}
    agree = Protocol(**{**multi_crit.PROTOCOL.to_json(), **rules})
    found = scores(answers(prompts, ((0, 1), (1, 0))), agree)
    assert found["cmr@group"].value == pytest.approx(official(prompts)["cmr@group"])


@pytest.mark.parametrize("order", ["both", "shuffled"])
def test_places_that_were_shuffled_cannot_be_compared(order: str) -> None:
    rules = Protocol(**{**multi_crit.PROTOCOL.to_json(), "order": order, "metrics": tuple(MEASURES)})
    with pytest.raises(UserError, match="compares the answers of a group by candidate"):
        scores(answers(simulate(5)), rules)


def test_a_judge_that_always_prefers_the_same_sees_no_conflict() -> None:
    prompts: list[tuple[str, list[tuple[int, int | None]]]] = [
        (name, [(gold, 0) for gold, _ in rows]) for name, rows in simulate(50)
    ]
    found = scores(answers(prompts))
    assert (found["tos@group"].value, found["cmr@group"].value) == (0, 0)
    assert found["accuracy"].value > 0.3


def test_intervals_of_cmr_hold_what_they_promise() -> None:
    """The truth of a judge that is right with 0.7 is 0.49, for any number of conflicts."""
    dice = random.Random(5)
    held = 0
    for _ in range(150):
        prompts: list[tuple[str, list[tuple[int, int | None]]]] = []
        for k in range(60):
            golds = [dice.randint(0, 1) for _ in range(dice.randint(2, 5))]
            prompts.append((f"p{k}", [(gold, gold if dice.random() < 0.7 else 1 - gold) for gold in golds]))
        cell = score_cell(
            build_cell(answers(prompts), multi_crit.PROTOCOL),
            task="t", judge="j", metrics={"cmr@group": PairedConflictMatching()}, data_hash="h",
        )  # fmt: skip
        (estimate,) = cell.estimates
        assert estimate.ci_low is not None
        assert estimate.ci_high is not None
        held += estimate.ci_low <= 0.49 <= estimate.ci_high
    assert 0.90 <= held / 150 <= 1


def test_a_right_judge_has_every_measure(context: Contexts, tmp_path: Path) -> None:
    multi_crit.example(tmp_path)
    task = multi_crit.task(Options(subset="reasoning"), context(tmp_path))
    right = score_task(task, lambda request, item: Judgement.of(item.space.to_shown(item.gold, request.order)))
    assert [(estimate.metric, estimate.value) for estimate in right.estimates] == [
        (name, 1) for name in multi_crit.PROTOCOL.metrics
    ]


def test_the_card_says_what_could_not_be_seen() -> None:
    assert "could not be seen" in CARDS[0].description


@parametrize_with_checks(METRICS)
def test_conformance(check: Callable[[], None]) -> None:
    check()
