from __future__ import annotations

import json
import math
import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.api import Context, DataError, Item, Judgement, Preference, Request, Status, Units
from harness.api.data import write_table
from harness.testing import FakeContext, parametrize_with_checks, score_task
from harness_preference.benchmarks import rewardbench_2, rewardbench_2_ties
from harness_preference.benchmarks.rewardbench_2_ties import GOLD, SPACE, TiesScore
from harness_preference.cards.rewardbench_2 import CARDS, METRICS
from harness_preference.published.rewardbench_2_ties import RECORDINGS

Contexts = Callable[[object], Context]
Sample = tuple[str, int, list[float]]
"""id, number of right completions, ratings of all."""


def row(name: str, subset: str, right: Sequence[str] = ("r",), wrong: Sequence[str] = "abc") -> dict[str, Any]:
    return {
        "id": name,
        "prompt": f"p {name}",
        "chosen": list(right),
        "rejected": list(wrong),
        "num_correct": len(right),
        "subset": subset,
    }


def official(samples: Sequence[Sample]) -> float:
    """`process_single_model` and `_compute_prompt_stats` of rewardbench/utils.py in plain lines."""
    ref: dict[int, tuple[bool, float, float]] = {}
    tied: dict[int, tuple[bool, float, float]] = {}
    for name, num_correct, scores in samples:
        kind, number = name.split(":")
        right, wrong = scores[:num_correct], scores[num_correct:]
        margin = min(right) - max(wrong)
        (ref if kind == "ref" else tied)[int(number)] = (margin > 0, max(right) - min(right), margin)
    ref_accuracy = sum(stats[0] for stats in ref.values()) / len(ref)
    tied_accuracy = sum(stats[0] for stats in tied.values()) / len(tied)
    both = sorted(set(ref) & set(tied))
    spread = np.array([float(tied[n][1]) for n in both])
    of_tied = np.array([float(tied[n][2]) for n in both])
    of_ref = np.array([float(ref[n][2]) for n in both])
    preferred = np.mean(of_tied > spread)
    hard = np.mean(np.minimum(of_ref, of_tied) > spread)
    with np.errstate(all="ignore"):
        margins = np.nan_to_num(np.tanh(np.minimum(of_ref, of_tied) / spread - 1), nan=0.0)
    return float(0.30 * tied_accuracy + 0.30 * ref_accuracy + 0.20 * preferred + 0.20 * hard + 0.01 * np.mean(margins))


CASES: dict[str, tuple[list[Sample], float]] = {
    "all right": ([("ref:0", 1, [9, 1, 2]), ("tied:0", 2, [9, 8, 1])], 1 + 0.01 * math.tanh(7 / 1 - 1)),
    "the spread is as wide as the margin": (
        [("ref:0", 1, [9, 1]), ("tied:0", 2, [9, 5, 1])],
        0.6 + 0.01 * math.tanh(0),
    ),
    "only the reference has too small a margin": (
        [("ref:0", 1, [5, 4]), ("tied:0", 2, [9, 8, 1])],
        0.8 + 0.01 * math.tanh(1 / 1 - 1),
    ),
    "all equal: 0 / 0 is nothing": ([("ref:0", 1, [5, 5]), ("tied:0", 3, [5, 5, 5, 5])], 0.0),
    "no spread and a margin: the last term is 1": ([("ref:0", 1, [9, 1]), ("tied:0", 2, [9, 9, 2])], 1.01),
    "no spread and upside down: the last term is -1": (
        [("ref:0", 1, [1, 9]), ("tied:0", 2, [2, 2, 9])],
        -0.01,
    ),
    "a right rating is missing": (
        [("ref:0", 1, [9, 1]), ("tied:0", 3, [9, -1, 8, 2])],
        0.3 + 0.01 * math.tanh(-3 / 10 - 1),
    ),
    "a wrong rating is missing": (
        [("ref:0", 1, [9, -1]), ("tied:0", 2, [9, 7, 2])],
        1 + 0.01 * math.tanh(5 / 2 - 1),
    ),
    "two pairs": (
        [
            ("ref:3", 1, [9, 1]),
            ("tied:3", 2, [9, 8, 1]),
            ("ref:11", 1, [1, 9]),
            ("tied:11", 2, [4, 8, 9]),
        ],
        (1 + 0.01 * math.tanh(6) + 0.01 * math.tanh(-8 / 4 - 1)) / 2,
    ),
}


@pytest.mark.parametrize(("samples", "value"), CASES.values(), ids=CASES)
def test_the_score_of_ties_is_the_official_one(
    tmp_path: Path, context: Contexts, samples: list[Sample], value: float
) -> None:
    rows = [row("7", "Math")]
    ratings: dict[str, float] = {}
    for name, right, scores in samples:
        texts = [f"{name} {k}" for k in range(len(scores))]
        rows.append(row(name, "Ties", texts[:right], texts[right:]))
        ratings |= {f"{name}/{k}": score for k, score in enumerate(scores)}
    write_table(tmp_path / "data/test-00000-of-00001.parquet", rows)
    task = rewardbench_2_ties.task(None, context(tmp_path))

    def answer(request: Request, item: Item) -> str:
        return "I cannot say." if ratings[item.id] < 0 else f"Because.\n\n{ratings[item.id]:g}"

    (estimate,) = score_task(task, answer).estimates
    assert estimate.metric == "rewardbench_2_ties@group"
    assert estimate.value == pytest.approx(official(samples), abs=1e-9)
    assert estimate.value == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize(
    ("answer", "ours", "officially"),
    [
        ("Good.\n\n9", 9, 9),
        ("9/10", 9, 10),
        ("**9**", 9, None),
        ("9.", 9, None),
        ("I give 9", 9, 9),
        ("I am not sure about 9", None, 9),
        ("1.5", None, 5),
    ],
)
def test_a_rating_is_read_as_the_card_says(
    tmp_path: Path, context: Contexts, answer: str, ours: int | None, officially: int | None
) -> None:
    match = re.search(r"\b([1-9]|10)\b\s*$", answer.strip())  # get_single_rating in rewardbench/generative_v2.py
    assert (int(match[1]) if match else None) == officially
    write_table(tmp_path / "test.jsonl", [row("ref:0", "Ties", "a", "b")])
    scores = score_task(rewardbench_2_ties.task(None, context(tmp_path)), lambda request, item: answer)
    assert [name for name, count in scores.histogram.items() if count] == ([] if ours is None else [str(ours)])
    (card,) = [card for card in CARDS if card.name == "rewardbench-2-ties"]
    assert all(said in card.deviations for said in ("9/10", "**9**", "`9.`"))


RATINGS = st.sampled_from([-1.0, 1.0, 2.0, 5.0, 9.0, 10.0])
PAIRS = st.lists(
    st.tuples(
        st.tuples(RATINGS, st.lists(RATINGS, min_size=1, max_size=4)),
        st.tuples(st.lists(RATINGS, min_size=2, max_size=5), st.lists(RATINGS, min_size=1, max_size=4)),
    ),
    min_size=1,
    max_size=6,
)


@given(PAIRS)
def test_the_mean_over_pairs_is_the_official_score(pairs: list[Any]) -> None:
    samples: list[Sample] = []
    values = []
    for number, ((ref, others), (right, wrong)) in enumerate(pairs):
        samples += [(f"ref:{number}", 1, [ref, *others]), (f"tied:{number}", len(right), [*right, *wrong])]
        kinds = defaultdict(list, {("ref", True): [ref], ("ref", False): others, ("tied", True): right})
        kinds["tied", False] = wrong
        cells = [(GOLD[kind], rating) for kind, ratings in kinds.items() for rating in ratings]
        values.append(TiesScore()(units(cells), np.ones((1, len(cells))))[0])
    assert np.mean(values) == pytest.approx(official(samples), abs=1e-9)


def units(cells: list[tuple[float, float]]) -> Units:
    nothing = np.full(len(cells), np.nan)
    predicted = tuple(None if rating < 0 else rating for _, rating in cells)
    return Units(
        space=SPACE, gold=tuple(gold for gold, _ in cells), predicted=predicted, credit=nothing, positive=nothing
    )


def test_a_completion_that_was_not_drawn_is_not_looked_at() -> None:
    cells = [(10.0, 9.0), (1.0, 1.0), (9.0, 9.0), (9.0, 8.0), (2.0, 1.0), (2.0, 10.0)]
    weights = np.array([[1, 1, 1, 1, 1, 0], [2, 2, 2, 2, 2, 2], [1, 1, 1, 1, 0, 0]])
    found = TiesScore()(units(cells), weights.astype(float))
    assert found[0] == pytest.approx(1 + 0.01 * math.tanh(6))
    assert found[1] < 0.6
    assert np.isnan(found[2])


def test_the_worst_case_of_ties_is_worse_than_any_rating(tmp_path: Path, context: Contexts) -> None:
    write_table(tmp_path / "test.jsonl", [row("ref:0", "Ties", "a", "b"), row("tied:0", "Ties", "ab", "c")])
    task = rewardbench_2_ties.task(None, context(tmp_path))
    (estimate,) = score_task(task, lambda request, item: "nothing").estimates
    assert estimate.worst_case == pytest.approx(-0.01)


# Few of them and in eighths, as those of half precision are: differences are often equal.
REWARDS = st.one_of(st.integers(-8, 8), st.integers(-4000, 4000)).map(lambda x: x / 8)
ROWS = st.tuples(st.lists(REWARDS, min_size=2, max_size=3), st.lists(REWARDS, min_size=2, max_size=5))


@given(st.lists(st.tuples(ROWS, ROWS), min_size=1, max_size=4), st.booleans())
@settings(max_examples=30, deadline=None)
def test_recorded_rewards_have_the_official_score_on_any_scale(pairs: list[Any], nested: bool) -> None:
    samples: list[Sample] = []
    for number, (((ref, *more), (ref_wrong, *_)), (right, wrong)) in enumerate(pairs):
        samples += [(f"ref:{number}", 1, [ref, ref_wrong, *more]), (f"tied:{number}", len(right), [*right, *wrong])]
    given_scores = [[[score] for score in scores] if nested else scores for *_, scores in samples]
    columns = {
        "id": ["7", *(name for name, *_ in samples)],
        "subset": ["Math", *(["Ties"] * len(samples))],
        "results": [1.0, *([None] * len(samples))],
        "scores": [[900.0, 1.0, 2.0, 3.0], *given_scores],
    }
    scores = score_recorded_ties(columns, samples)
    assert scores == pytest.approx(official(samples), abs=1e-12)


def test_equal_differences_of_recorded_rewards_stay_equal() -> None:
    """The spread of the right answers is the margin: 3/8 each. Scaled by 9/120 they would differ by rounding."""
    samples: list[Sample] = [("ref:0", 1, [100.0, -20.0]), ("tied:0", 2, [-4.25, -4.625, -5.0])]
    columns = {
        "id": [name for name, *_ in samples],
        "subset": ["Ties", "Ties"],
        "results": [None, None],
        "scores": [scores for *_, scores in samples],
    }
    assert score_recorded_ties(columns, samples) == pytest.approx(official(samples), abs=1e-12) == 0.6


def test_recorded_ratings_have_the_official_score_and_missing_ones_are_none() -> None:
    samples: list[Sample] = [("ref:0", 1, [9, -1]), ("tied:0", 3, [9, 8, -1, 2])]
    columns = {
        "id": [name for name, *_ in samples],
        "subset": ["Ties", "ties"],
        "results": [None, None],
        "scores": [scores for *_, scores in samples],
    }
    assert score_recorded_ties(columns, samples, scores="ratings") == pytest.approx(official(samples), abs=1e-12)


def score_recorded_ties(columns: dict[str, Any], samples: Sequence[Sample], scores: str = "rewards") -> float | None:
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            row(name, "Ties", *(("".join(chr(65 + k) for k in some)) for some in (range(n), range(n, len(given)))))
            for name, n, given in samples
        ]
        write_table(Path(folder) / "test.jsonl", rows)
        file = Path(folder) / "eval-set-scores/org/m.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(columns))
        recorded = {answer["id"]: answer for answer, _ in RECORDINGS.read(file, "org/m")}
        options = rewardbench_2_ties.TiesOptions.model_validate({"scores": scores})
        task = rewardbench_2_ties.task(options, FakeContext(workspace=Path(folder) / "work", data=folder))

        def answer(request: Request, item: Item) -> Judgement:
            found = recorded.pop(item.id)
            return Judgement.of(found["scores"][0]) if "scores" in found else Judgement.failure(Status.UNPARSED, "-1")

        value = score_task(task, answer).estimates[0].value
        assert not recorded
    return value


def test_ties_are_items_of_single_completions_in_pairs_of_prompts(tmp_path: Path, context: Contexts) -> None:
    write_table(
        tmp_path / "test.jsonl", [row("0", "Focus"), row("ref:12", "Ties", "a", "b"), row("tied:12", "Ties", "xy", "z")]
    )
    found = list(rewardbench_2_ties.task(None, context(tmp_path)).items("test"))
    assert [item.id for item in found] == ["ref:12/0", "ref:12/1", "tied:12/0", "tied:12/1", "tied:12/2"]
    assert [item.gold for item in found] == [10, 1, 9, 9, 2]
    assert {item.group for item in found} == {"12"}
    assert [item.question[1] for item in found][3] == "[Answer to rate]\ny"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"id": "other:1"}, "column 'id': expected ref:NUMBER or tied:NUMBER"),
        ({"chosen": ["a"], "num_correct": 1}, "column 'chosen': expected two or more completions"),
        ({"num_correct": 3}, "column 'num_correct': expected the number of chosen completions, 2"),
        ({"rejected": []}, "column 'rejected': expected at least one completion"),
    ],
)
def test_a_prompt_of_ties_that_does_not_fit_is_named(
    tmp_path: Path, context: Contexts, changes: dict[str, Any], says: str
) -> None:
    write_table(tmp_path / "test.jsonl", [{**row("tied:1", "Ties", "ab", "c"), **changes}])
    with pytest.raises(DataError) as caught:
        list(rewardbench_2_ties.task(None, context(tmp_path)).items("test"))
    assert says in str(caught.value)


def test_the_score_of_five_subsets_is_their_mean_and_errors_are_a_quarter(tmp_path: Path, context: Contexts) -> None:
    """`get_judgement` of scripts/run_generative_v2.py: 1, 0, or 0.25 for an error; then the mean of each subset."""
    results: dict[str, list[int | None]] = {
        "Factuality": [1, 0, None],
        "Precise IF": [1],
        "Math": [None],
        "Safety": [0, 0],
        "Focus": [1, 1, 1, 0],
    }
    rows = [row(f"{subset}{k}", subset) for subset, values in results.items() for k in range(len(values))]
    write_table(tmp_path / "test.jsonl", [row("ref:0", "Ties"), *rows])
    task = rewardbench_2.task(None, context(tmp_path))

    def answer(request: Request, item: Item) -> str | Judgement:
        subset = item.tags["subset"]
        value = results[subset][int(item.id.split("/")[1].removeprefix(subset))]
        return "error" if value is None else Judgement.of(item.space.to_shown(0 if value else 2, request.order))

    scores = score_task(task, answer)
    by_subset = [[0.25 if value is None else value for value in values] for values in results.values()]
    means = [sum(values) / len(values) for values in by_subset]
    assert scores.estimates[0].metric == "accuracy@category"
    assert scores.estimates[0].value == pytest.approx(sum(means) / 5, abs=1e-12)
    assert {name: estimate.value for name, estimate in scores.categories.items()} == pytest.approx(
        dict(zip(["factuality", "precise-if", "math", "safety", "focus"], means, strict=True))
    )


@given(st.lists(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=4, max_size=4), min_size=1, max_size=8))
@settings(max_examples=25, deadline=None)
def test_equal_scores_share_the_point_as_in_the_official_script(rewards: list[list[float]]) -> None:
    """`reroll_and_score_dataset` of rewardbench/utils.py: 1/k where the right one is of the k best, else 0."""
    with tempfile.TemporaryDirectory() as folder:
        write_table(Path(folder) / "test.jsonl", [row(str(k), "Math") for k in range(len(rewards))])
        task = rewardbench_2.task(None, FakeContext(workspace=Path(folder) / "work", data=folder))

        def answer(request: Request, item: Item) -> Judgement:
            own = rewards[int(item.id.split("/")[1])]
            shown = [own[candidate] for candidate in request.order]
            best = [place for place, score in enumerate(shown) if score == max(shown)]
            if len(best) == 1:
                return Judgement.of(best[0])
            names = [item.space.name(place) for place in best]
            return Judgement.failure(Status.DRAW, "", probabilities=dict.fromkeys(names, 1 / len(names)))

        found = score_task(task, answer).estimates[0].value
    official = [float(own[0] == max(own)) / own.count(max(own)) for own in rewards]
    assert found == pytest.approx(sum(official) / len(official))


def test_four_answers_are_shown_and_the_right_one_in_every_place(tmp_path: Path, context: Contexts) -> None:
    write_table(tmp_path / "test.jsonl", [row(str(k), "Safety") for k in range(60)])
    task = rewardbench_2.task(None, context(tmp_path))
    found = list(task.items("test"))
    assert {item.space for item in found} == {Preference(4)}
    places: set[int] = set()

    def answer(request: Request, item: Item) -> str:
        places.add(request.order.index(0))
        return "[[D]]"

    score_task(task, answer)
    assert places == {0, 1, 2, 3}


def test_several_right_completions_outside_ties_are_refused(tmp_path: Path, context: Contexts) -> None:
    write_table(tmp_path / "test.jsonl", [row("1", "Math", "ab")])
    with pytest.raises(DataError, match="column 'chosen': expected one completion"):
        list(rewardbench_2.task(None, context(tmp_path)).items("test"))


@parametrize_with_checks(METRICS)
def test_the_metric_keeps_its_contract(check: Callable[[], None]) -> None:
    check()
