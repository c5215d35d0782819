from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import Context, DataError, Item, Judgement, Request, Status, Verdict
from harness.api.data import Row
from harness.testing import FakeContext, score_task
from harness_preference.benchmark import Benchmark
from harness_preference.benchmarks import mllm_as_a_judge
from harness_preference.options import Options

Data = Callable[[str, list[dict[str, Any]]], list[Item]]
Estimates = Callable[[Benchmark, dict[str, Verdict | None]], dict[str, float | None]]


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return FakeContext(workspace=tmp_path / "workspace", name="mine", data=str(tmp_path))


@pytest.fixture
def write(tmp_path: Path, write_rows: Callable[..., Path], png: Callable[[int], bytes]) -> Callable[..., None]:
    """Write rows of a setting, and the pictures 0.jpg (grey 10) and 1.jpg (grey 11) beside them."""

    def make(subset: str, rows: list[dict[str, Any]], *, images: str = "image", benchmark: str = "Benchmark") -> None:
        (tmp_path / images).mkdir(parents=True)
        for number in (0, 1):
            (tmp_path / images / f"{number}.jpg").write_bytes(png(10 + number))
        write_rows(tmp_path / benchmark / f"{subset}.jsonl", rows)

    return make


def row(**changes: Any) -> dict[str, Any]:
    fixed = {"id": 3, "instruction": "What?", "image_path": "0.jpg", "original_dataset": "coco"}
    return {**fixed, **changes}


def scored(number: int, human: object, dataset: str = "coco") -> dict[str, Any]:
    return row(score_id=number, name="llava", answer=f"answer {number}", human=human, original_dataset=dataset)


def pair(number: int, human: object, dataset: str = "coco", **changes: Any) -> dict[str, Any]:
    answers = {f"answer{k}": {"name": "gpt4", "answer": f"{number}: {k}"} for k in (1, 2)}
    return row(pair_id=number, **answers, human_answer=human, original_dataset=dataset, **changes)


def batch(number: int, human: object, dataset: str = "coco", *, count: int = 4, **changes: Any) -> dict[str, Any]:
    answers = [{"name": "gpt4", "answer": f"{number}: {k}"} for k in range(count)]
    return row(**{"id": number, "answers": answers, "human_answer": human, "original_dataset": dataset, **changes})


def estimates(benchmark: Benchmark, context: Context, said: dict[str, Verdict | None]) -> dict[str, float | None]:
    """The harness's numbers by metric, for answers by the name of the row; `None` cannot be read."""

    def answer(request: Request, item: Item) -> Judgement:
        verdict = said[item.id.rpartition("#")[0]]
        return Judgement.failure(Status.UNPARSED, "cannot be read") if verdict is None else Judgement.of(verdict)

    return {one.metric: one.value for one in score_task(benchmark.task(None, context), answer).estimates}


def test_the_protocols_are_the_official_ones() -> None:
    protocols = [one.protocol for one in (mllm_as_a_judge.SCORE, mllm_as_a_judge.PAIR, mllm_as_a_judge.BATCH)]
    assert [one.metrics[0] for one in protocols] == ["pearson", "accuracy", "levenshtein"]
    assert {(one.order, one.unparsed, one.ties, one.average) for one in protocols} == {
        ("fixed", "exclude", "class", "category")
    }


def test_scores_are_numbers_or_text_and_a_missing_one_is_left_out(write: Callable[..., None], context: Context) -> None:
    write("score", [scored(0, 3), scored(1, "4"), scored(2, -1), scored(3, "-1"), scored(4, ""), scored(5, "1")])
    items = list(mllm_as_a_judge.score_task(None, context).items("test"))
    assert [item.gold for item in items] == [3, 4, 1]
    assert [item.id.partition("#")[0] for item in items] == ["0", "1", "5"]
    assert not items[0].candidates
    assert "answer 0" in str(items[0].question)
    assert {item.category for item in items} == {"coco"}


def test_choices_are_places_and_c_is_a_tie(write: Callable[..., None], context: Context) -> None:
    write("pair", [pair(0, "A"), pair(1, "B"), pair(2, "C"), pair(3, -1)])
    items = list(mllm_as_a_judge.pair_task(None, context).items("test"))
    assert [item.gold for item in items] == [0, 1, "tie"]
    assert items[0].candidates == (("0: 1",), ("0: 2",))


def test_letters_rank_the_list_of_answers_and_equal_ids_are_items_of_their_own(
    write: Callable[..., None], context: Context
) -> None:
    rows = [batch(7, "CDAB"), batch(7, "ABCD", answers=[{"answer": letter} for letter in "wxyz"]), batch(8, "")]
    write("batch", [*rows, batch(9, "BA", count=2)])
    items = list(mllm_as_a_judge.batch_task(None, context).items("test"))
    assert [item.gold for item in items] == [(2, 3, 0, 1), (0, 1, 2, 3), (1, 0)]
    assert len({item.id for item in items}) == 3
    assert items[0].candidates[2] == ("7: 2",)


@pytest.mark.parametrize("name", ["1.jpg", "image/1.jpg"])
@pytest.mark.parametrize(("images", "benchmark"), [("image", "Benchmark"), ("Dataset/image", "Dataset/Benchmark")])
def test_an_image_is_found_with_and_without_the_folder_in_its_name(
    write: Callable[..., None], context: Context, name: str, images: str, benchmark: str
) -> None:
    write("pair", [pair(0, "A", image_path=name)], images=images, benchmark=benchmark)
    (item,) = mllm_as_a_judge.pair_task(None, context).items("test")
    assert [part.load().convert("L").getpixel((0, 0)) for part in item.question if not isinstance(part, str)] == [11]


def test_one_image_is_one_group_however_it_is_named(write: Callable[..., None], context: Context) -> None:
    names = ("0.jpg", "image/0.jpg", "1.jpg")
    write("pair", [pair(k, "A", image_path=name) for k, name in enumerate(names)])
    first, second, third = mllm_as_a_judge.pair_task(None, context).items("test")
    assert first.group == second.group != third.group


@pytest.mark.parametrize(
    ("subset", "written", "says"),
    [
        ("score", scored(0, 6), "column 'human': expected a whole number from 1 to 5"),
        ("score", scored(0, 2.5), "column 'human': expected a whole number from 1 to 5"),
        ("pair", pair(0, "D"), "column 'human_answer': expected one of A, B, C"),
        ("batch", batch(0, "CDA"), "column 'human_answer': expected the letters ABCD from best to worst"),
        ("batch", batch(0, "CDAA"), "column 'human_answer': expected the letters ABCD"),
        ("batch", batch(0, "A", count=1), "column 'answers': expected a list of 2 to 26 answers"),
    ],
)
def test_a_row_that_does_not_fit_is_named(
    write: Callable[..., None], context: Context, subset: str, written: dict[str, Any], says: str
) -> None:
    write(subset, [written])
    with pytest.raises(DataError) as caught:
        list(getattr(mllm_as_a_judge, f"{subset}_task")(None, context).items("test"))
    assert says in str(caught.value)
    assert f"{subset}.jsonl, line 1" in str(caught.value)


def pearson(pairs: list[tuple[float, float]]) -> float:
    """By its definition."""
    xs, ys = zip(*pairs, strict=True)
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    covariance: float = sum((a - x) * (b - y) for a, b in pairs)
    spread: float = sum((a - x) ** 2 for a in xs) * sum((b - y) ** 2 for b in ys)
    return covariance / math.sqrt(spread)


def test_score_is_the_mean_of_the_correlations_of_the_datasets(write: Callable[..., None], context: Context) -> None:
    humans = {"coco": (1, "2", 5, 4, 3), "ChartQA": (5, "5", 1)}
    said: dict[str, Verdict | None] = dict(zip("01234567", (1, 3, 5, 2, None, 4, 3, 1), strict=True))
    datasets = [name for name, given in humans.items() for _ in given]
    golds = [human for given in humans.values() for human in given]
    write("score", [scored(k, human, name) for k, (human, name) in enumerate(zip(golds, datasets, strict=True))])
    both = [(float(v), float(g), d) for v, g, d in zip(said.values(), golds, datasets, strict=True) if v is not None]  # type: ignore[arg-type]
    by_dataset = [pearson([(v, g) for v, g, d in both if d == name]) for name in humans]
    assert by_dataset == pytest.approx([7 / math.sqrt(8.75 * 10), 60 / math.sqrt(42 * 96)])
    assert estimates(mllm_as_a_judge.SCORE, context, said) == pytest.approx(
        {"pearson": sum(by_dataset) / 2, "pearson@micro": pearson([(v, g) for v, g, _ in both])}
    )


def notebook_pairs(rows: list[dict[str, Any]], said: dict[str, str | None], *, include_ties: bool) -> dict[str, float]:
    """Accuracy as in calculate_metrics.ipynb, and its plain mean over datasets as in pair_analysis.ipynb."""
    correct: dict[str, int] = defaultdict(int)
    total: dict[str, int] = defaultdict(int)
    for one in rows:
        prediction, answer = said[str(one["pair_id"])], one["human_answer"]
        if prediction is None or answer == -1 or (not include_ties and "C" in (prediction, answer)):
            continue
        total[one["original_dataset"]] += 1
        correct[one["original_dataset"]] += prediction == answer
    return {
        "mean": sum(correct[name] / total[name] for name in total) / len(total),
        "overall": sum(correct.values()) / sum(total.values()),
    }


def test_pair_is_accuracy_with_and_without_ties_as_the_authors_notebooks_have_it(
    write: Callable[..., None], context: Context
) -> None:
    golds, letters = "ABCCABCAAB", "ABCACCBB?A"
    rows = [pair(k, gold, "coco" if k < 6 else "ChartQA") for k, gold in enumerate(golds)]
    write("pair", [*rows, pair(10, -1)])
    said = {str(k): None if letter == "?" else letter for k, letter in enumerate(letters)}
    verdicts = {k: None if v is None else mllm_as_a_judge.CHOICES[v] for k, v in said.items()}
    with_ties, without = (notebook_pairs(rows, said, include_ties=both) for both in (True, False))
    assert with_ties == {"mean": (3 / 6 + 0 / 3) / 2, "overall": 3 / 9}
    assert without == {"mean": (2 / 2 + 0 / 2) / 2, "overall": 2 / 4}
    assert estimates(mllm_as_a_judge.PAIR, context, verdicts) == pytest.approx(
        {
            "accuracy": with_ties["mean"],
            "accuracy_without_ties": without["mean"],
            "accuracy@micro": with_ties["overall"],
            "accuracy_without_ties@micro": without["overall"],
        }
    )


@cache
def distance(a: str, b: str) -> int:
    """Levenshtein's, by its recursive definition."""
    if not a or not b:
        return len(a) + len(b)
    return min(
        distance(a[1:], b) + 1,
        distance(a, b[1:]) + 1,
        distance(a[1:], b[1:]) + (a[0] != b[0]),
    )


def test_batch_is_the_mean_of_the_normalised_distances_of_the_datasets(
    write: Callable[..., None], context: Context
) -> None:
    golds = ["CDAB", "ABCD", "DCBA", "BACD"]
    said = ["CDAB", "DABC", None, "DCBA"]
    rows = [batch(k, gold, "coco" if k < 3 else "ChartQA") for k, gold in enumerate(golds)]
    write("batch", [*rows, batch(4, "")])
    distances = [distance(a, b) / 4 for a, b in zip(golds, said, strict=True) if b is not None]
    assert distances == [0, 0.5, 1]
    verdicts: dict[str, Verdict | None] = {
        str(k): None if one is None else tuple("ABCD".index(letter) for letter in one) for k, one in enumerate(said)
    }
    assert estimates(mllm_as_a_judge.BATCH, context, verdicts) == pytest.approx(
        {"levenshtein": (0.25 + 1) / 2, "levenshtein@micro": 1.5 / 3}
    )


@given(order=st.permutations("ABCDEF"))
def test_any_ranking_of_letters_is_read(order: list[str]) -> None:
    written = batch(0, "".join(order), count=6, image_path={"bytes": b"not opened"})
    (item,) = mllm_as_a_judge.batch_items(Row(written, "row", 0), "batch", Options())
    assert item.gold == tuple("ABCDEF".index(letter) for letter in order)
