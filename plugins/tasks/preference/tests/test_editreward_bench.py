from __future__ import annotations

import json
import math
import random
from collections import defaultdict
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from harness.api import TIE, Context, DataError, Image, Item, Judgement, Preference, Request
from harness.api.data import make_picture, write_table
from harness.testing import score_task
from harness_preference.benchmarks import editreward_bench as bench
from harness_preference.options import Options
from harness_preference.published.editreward_bench import RECORDINGS

Contexts = Callable[[object], Context]
ABSENT = Options(media="absent")


def row(name: str, pair: str, ranking: str, subset: str = "2pair", **changes: Any) -> dict[str, Any]:
    pictures = {
        column: {"bytes": make_picture(k), "path": f"{k}.png"}
        for k, column in enumerate(("source_image", "candidate_1", "candidate_2"))
    }
    facts = {"id": name, "comparison_type": pair, "ranking": ranking, "dataset": subset, "instruction": "make it red"}
    return {**facts, **pictures, **changes}


def release(folder: Path, rows: list[dict[str, Any]]) -> Path:
    """A folder for each subset, as the hub has."""
    for subset in bench.SUBSETS:
        if own := [values for values in rows if values["dataset"] == subset]:
            write_table(folder / subset / "train-00000-of-00001.parquet", own)
    return folder


def group(name: str, ranks: str) -> list[dict[str, Any]]:
    """All comparisons of a group whose edits people put in this order, such as `CAB`."""
    letters = sorted(ranks)
    return [
        row(
            f"{name}_{first}vs{second}",
            f"{first}vs{second}",
            ">".join(sorted((first, second), key=ranks.index)),
            f"{len(ranks)}pair",
        )
        for first, second in combinations(letters, 2)
    ]


def items(context: Context, subset: str) -> list[Item]:
    return list(bench.task(Options(subset=subset), context).items("test"))


def test_rankings_are_read_by_the_letters_that_are_compared(tmp_path: Path, context: Contexts) -> None:
    rows = [row("a", "AvsB", "A>B"), row("b", "AvsB", "B>A"), row("c", "AvsB", "A=B"), row("d", "AvsB", "A<B")]
    found = items(context(release(tmp_path, [*rows, *group("g", "CAB")])), "2pair")
    assert [item.gold for item in found] == [0, 1, TIE, 1]
    assert {item.space for item in found} == {Preference(2, ties=("tie",))}
    found = items(context(tmp_path), "3pair")
    assert [(item.id, item.gold) for item in found] == [
        ("3pair/g_AvsB/AvsB", 0),
        ("3pair/g_AvsC/AvsC", 1),
        ("3pair/g_BvsC/BvsC", 1),
    ]
    assert {item.space for item in found} == {Preference(2)}
    assert {item.group for item in found} == {"3pair/g"}


def test_one_table_of_all_subsets_is_read_by_each(tmp_path: Path, context: Contexts) -> None:
    rows = [row("a_AvsB", "AvsB", "A>B"), row("a_AvsC", "AvsB", "A>B"), *group("g", "BCA")]
    write_table(tmp_path / "train.parquet", rows)
    found = {name: items(context(tmp_path / "train.parquet"), name) for name in ("2pair", "3pair")}
    assert {name: len(these) for name, these in found.items()} == {"2pair": 2, "3pair": 3}
    assert len({item.group for item in found["2pair"]}) == 2, "a pair of two edits is a group of its own"


def test_the_group_is_found_in_the_id_as_the_scripts_find_it() -> None:
    assert [bench.group_name(name) for name in ("12_AvsB", "ab_cd_AvsC", "0123456789abc")] == ["12", "ab", "0123456789"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"ranking": "A>C"}, r"column 'ranking': expected A>B, B>A or A=B, found str 'A>C'"),
        ({"ranking": "A=B=Good"}, r"column 'ranking': expected A>B, B>A or A=B"),
        ({"comparison_type": "A vs B"}, "column 'comparison_type': expected two letters such as AvsB"),
        ({"dataset": "5pair"}, "column 'dataset': expected one of 2pair, 3pair, 4pair"),
        ({"ranking": "A=B", "dataset": "3pair"}, r"column 'ranking': expected A>B or B>A, found"),
    ],
)
def test_a_row_that_does_not_fit_is_named(
    tmp_path: Path, context: Contexts, changes: dict[str, Any], says: str
) -> None:
    file = tmp_path / "train.parquet"
    write_table(file, [{**row("a", "AvsB", "A>B"), **changes}])
    with pytest.raises(DataError, match=says):
        items(context(file), "3pair" if changes.get("dataset") == "3pair" else "2pair")


RANKS = {"g0": "BAC", "g1": "ABC", "g2": "CBA", "g3": "CAB"}
SCORES = {
    "g0": {"A": 0.5, "B": 0.9, "C": 0.1},  # the whole ranking
    "g1": {"A": 0.9, "B": 0.1, "C": 0.2},  # one pair wrong
    "g2": {"A": 0.3, "B": 0.5, "C": 0.9},
    "g3": {"A": 0.7, "B": 0.7, "C": 0.9},  # equal scores
}


def by_scores(request: Request, item: Item) -> Judgement | str:
    _, name, pair = item.id.split("/")
    first, second = (SCORES[name.split("_")[0]][letter] for letter in pair.split("vs"))
    if first == second:
        return "no preference"
    return Judgement.of(item.space.to_shown(int(second > first), request.order))


def test_group_accuracy_is_that_of_the_scripts(tmp_path: Path, context: Contexts) -> None:
    """`inference_3pair_hf.py`: a group is right if its three comparisons are; single ones are counted beside it."""
    rows = [values for name, ranks in RANKS.items() for values in group(name, ranks)]
    groups: dict[str, list[bool]] = defaultdict(list)
    for values in rows:
        name, (first, second) = values["id"].split("_")[0], values["comparison_type"].split("vs")
        scores = SCORES[name]
        vote = f"{first}>{second}" if scores[first] > scores[second] else f"{second}>{first}"
        groups[name].append(scores[first] != scores[second] and vote == values["ranking"])
    official = sum(len(right) == 3 and all(right) for right in groups.values()) / len(groups)
    single = [right for rights in groups.values() for right in rights]
    found = score_task(bench.task(Options(subset="3pair"), context(release(tmp_path, rows))), by_scores)
    values = {estimate.metric: estimate.value for estimate in found.estimates}
    assert values["all_right@group"] == pytest.approx(official)
    assert values["accuracy"] == pytest.approx(sum(single) / len(single))
    assert (official, sum(single)) == (2 / 4, 10)


def two_edits(count: int) -> tuple[list[dict[str, Any]], list[int], list[float]]:
    draw = random.Random(5)
    people = [draw.choice([-1, 0, 1]) for _ in range(count)]
    names = {1: "A>B", -1: "B>A", 0: "A=B"}
    margins = [0.5 * human + draw.gauss(0, 1) for human in people]
    return [row(f"{k}", "AvsB", names[human]) for k, human in enumerate(people)], people, margins


def answer_with(margins: list[float]) -> Callable[[Request, Item], Judgement]:
    def answer(request: Request, item: Item) -> Judgement:
        margin = margins[int(item.id.split("/")[1])] * (1 if request.order == (0, 1) else -1)
        share = 1 / (1 + math.exp(-margin))
        return Judgement.of(TIE if margin == 0 else int(margin < 0), probabilities={"A": share, "B": 1 - share})

    return answer


def right_at(people: list[int], margins: list[float], threshold: float) -> float:
    pairs = zip(people, margins, strict=True)
    right = [human == 0 if abs(margin) <= threshold else human * margin > 0 for human, margin in pairs]
    return sum(right) / len(people)


def test_ties_of_two_edits_are_calibrated_as_the_script_for_scores_does(tmp_path: Path, context: Contexts) -> None:
    """`calc_accuracy_with_ties_for_edit_reward_bench`: the best of 0 and all distances."""
    rows, people, margins = two_edits(50)
    found = score_task(bench.task(Options(subset="2pair"), context(release(tmp_path, rows))), answer_with(margins))
    values = {estimate.metric: estimate.value for estimate in found.estimates}
    best = max(right_at(people, margins, threshold) for threshold in [0.0, *map(abs, margins)])
    assert values["preference/calibrated_ties_from_zero"] == pytest.approx(best)
    assert values["all_right@group"] == values["accuracy"] == pytest.approx(right_at(people, margins, 0))


def test_all_subsets_are_one_task_by_the_name_overall(tmp_path: Path, context: Contexts) -> None:
    rows = [values for name, ranks in RANKS.items() for values in group(name, ranks)]
    folder = release(tmp_path, [*rows, row("g4", "AvsB", "A>B")])
    (entry,) = bench.unfold(Options(subset="overall"), context(folder))
    task = bench.task(Options(**entry.options), context(folder))
    SCORES["g4"] = {"A": 1.0, "B": 0.0}
    found = score_task(task, by_scores)
    assert found.estimates[0].value == pytest.approx(3 / 5), "micro over groups"


def test_results_of_the_scripts_are_read(tmp_path: Path, context: Contexts) -> None:
    def result(name: str, vote: str, pair: str | None = "AvsC") -> dict[str, Any]:
        return {"id": name, "model_vote": vote, "model_response": f"I say {vote}", "comparison_type": pair}

    three = [result("g_AvsC", "C>A"), None, result("h_AvsC", "A>B"), result("i_AvsC", "Unknown")]
    two = [result("a", "A=B", None)]
    for subset, results in (("3pair", three), ("2pair", two)):
        file = tmp_path / f"results_{subset}_hf" / f"gpt-4o_pairwise_{subset}_{subset}_hf.json"
        file.parent.mkdir()
        file.write_text(json.dumps({"model_name": "gpt-4o", "accuracy": 0.5, "results": results}))
    files = RECORDINGS.find(tmp_path)
    assert list(files) == ["gpt-4o"]
    read = [dict(answer) for file in files["gpt-4o"] for answer, _ in RECORDINGS.read(file, "gpt-4o")]
    assert read == [
        {"id": "2pair/a/AvsB", "order": [0, 1], "verdict": "tie", "response": "I say A=B"},
        {"id": "3pair/g_AvsC/AvsC", "order": [0, 1], "verdict": "B", "response": "I say C>A"},
        {"id": "3pair/h_AvsC/AvsC", "order": [0, 1], "verdict": None, "rationale": "I say A>B"},
        {"id": "3pair/i_AvsC/AvsC", "order": [0, 1], "verdict": None, "rationale": "I say Unknown"},
    ]


# -- the validation pairs ------------------------------------------------------------------------------------------


def pair(first: float, second: float, **changes: Any) -> dict[str, Any]:
    """In the columns and the order of the repository's file."""
    images = "GenAI-Bench/image_edition/images/"
    paths = {"path_src": f"{images}1_src.jpg", "path1": f"{images}1_out.jpg", "path2": f"{images}2_out.jpg"}
    scores = {"model1_dim1_score": first, "model2_dim1_score": second, "model1_overall_score": 0.1}
    facts = {"prompt": "make the cat lick its nose", "choice_dist": None, "confidence": None}
    return {**facts, **paths, "model1": "PNP", "model2": "InfEdit", **scores, "model2_overall_score": 0.9, **changes}


def validation(folder: Path, rows: list[dict[str, Any]], place: str = "data/dataset/") -> Path:
    file = folder / place / "valid_dataset_1.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(rows, indent=4))
    return folder


@pytest.mark.parametrize("pictures", ["GenAI-Bench", "data/dataset/GenAI-Bench"])
@pytest.mark.parametrize("place", ["data/dataset", "."])
def test_the_higher_score_of_people_wins(tmp_path: Path, context: Contexts, place: str, pictures: str) -> None:
    folder = validation(tmp_path, [pair(4, 2), pair(2, 4), pair(3, 3)], place)
    file = folder / pictures / "image_edition/images/1_src.jpg"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(make_picture(1))
    found = list(bench.validation_task(None, context(folder)).items("test"))
    golds = {item.id: item.gold for item in found}
    assert golds == {"validation/0": 0, "validation/1": 1, "validation/2": TIE}
    shown = found[0].question[-1]
    assert isinstance(shown, Image)
    assert shown.load().tobytes() == Image.from_bytes(file.read_bytes(), name="1").load().tobytes()


def test_validation_accuracies_are_those_of_the_script(tmp_path: Path, context: Contexts) -> None:
    _, people, margins = two_edits(40)
    folder = validation(tmp_path, [pair(2 + human, 2) for human in people])
    task = bench.validation_task(ABSENT, context(folder))
    values = {estimate.metric: estimate.value for estimate in score_task(task, answer_with(margins)).estimates}
    decided = [human * margin > 0 for human, margin in zip(people, margins, strict=True) if human]
    best = max(right_at(people, margins, abs(margin)) for margin in margins)
    assert values["preference/calibrated_ties"] == pytest.approx(best)
    assert values["preference/decided_accuracy"] == pytest.approx(sum(decided) / len(decided))


def test_a_validation_row_that_does_not_fit_is_named(tmp_path: Path, context: Contexts) -> None:
    folder = validation(tmp_path, [pair(4, 2), pair(4, 2, model2_dim1_score="good")])
    with pytest.raises(DataError, match=r"element 1, column 'model2_dim1_score': expected a finite number"):
        list(bench.validation_task(ABSENT, context(folder)).items("test"))
