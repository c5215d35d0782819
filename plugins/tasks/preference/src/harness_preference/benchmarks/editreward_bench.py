"""EditReward-Bench: edits of one image by two, three or four models, compared in pairs; and EditReward's validation.

Data: https://huggingface.co/datasets/TIGER-Lab/EditReward-Bench, and data/dataset/valid_dataset_1.json of the code,
https://github.com/TIGER-AI-Lab/EditReward (evaluate/inference_2pair_hf.py and so on, evaluate/eval_bench.py), paper:
arXiv 2509.26346.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from harness.api import TIE, Item, Protocol, Verdict
from harness.api.data import Layout, PromptFrame, Row, group_of, make_picture, write_table
from harness_preference.benchmark import Benchmark
from harness_preference.benchmarks.ranked_images import DECIDED, WITH_TIES, better
from harness_preference.options import Options

SUBSETS = ("2pair", "3pair", "4pair")
"""By the number of edits that are compared with one another. Only two edits may be a tie."""

_COMPARED = re.compile(r"([A-D])vs([A-D])", re.ASCII)
_RANKED = re.compile(r"([A-D])([<>=])([A-D])", re.ASCII)


def items(row: Row, subset: str, options: Options) -> Iterator[Item]:
    """The item of one comparison of a subset; none for rows of the others, which are in the same table.

    Raises:
        DataError: A column is missing or does not fit.
    """
    if row["dataset"].label({name: name for name in SUBSETS}) != subset:
        return
    name, pair = row["id"].name(), row["comparison_type"].word()
    yield Item(
        id=f"{subset}/{name}/{pair}",
        group=f"{subset}/{group_name(name) if subset != '2pair' else name}",
        space=WITH_TIES if subset == "2pair" else DECIDED,
        gold=_winner(row, subset),
        question=(
            f"Editing instruction: {row['instruction'].text()}",
            "Source image:",
            row["source_image"].image(),
        ),
        candidates=tuple((row[column].image(),) for column in ("candidate_1", "candidate_2")),
        tags=row.words("model_1", "model_2"),
    )


def group_name(name: str) -> str:
    """The sample that a comparison is of, from the comparison's id, as the authors' scripts find it."""
    return name.partition("_")[0] if "_" in name else name[:10]


def winner_of(ranking: str, pair: str) -> Verdict | None:
    """Who wins by a ranking such as `C>A` in a comparison such as `AvsC`. `None` where it is of other edits.

    >>> winner_of("C>A", "AvsC"), winner_of("A<C", "AvsC"), winner_of("A=B", "AvsB"), winner_of("A>B", "AvsC")
    (1, 1, 'tie', None)
    """
    compared, ranked = _COMPARED.fullmatch(pair), _RANKED.fullmatch(ranking)
    if compared is None or ranked is None or {*compared.groups()} != {ranked[1], ranked[3]}:
        return None
    if ranked[2] == "=":
        return TIE
    return 0 if compared[1] == ranked[1 if ranked[2] == ">" else 3] else 1


def _winner(row: Row, subset: str) -> Verdict:
    pair = row["comparison_type"]
    if _COMPARED.fullmatch(pair.word()) is None:
        raise pair.mismatch("two letters such as AvsB")
    found = winner_of(row["ranking"].word(), pair.word())
    if found is None or (found == TIE and subset != "2pair"):
        first, second = pair.word().split("vs")
        known = [f"{first}>{second}", f"{second}>{first}", *([f"{first}={second}"] if subset == "2pair" else [])]
        raise row["ranking"].mismatch(f"{', '.join(known[:-1])} or {known[-1]}")
    return found


def frame(subset: str) -> PromptFrame:
    """What people compared, in our own words."""
    ties = subset in ("2pair", "validation")
    return PromptFrame(
        opening=(
            "You are shown an image, an instruction to edit it, and two edited images, A and B. Judge which edit "
            "people would prefer."
        ),
        heading="Edited image {letter}:",
        closing=(
            "Consider two things. First, whether the edit does what the instruction asks for: all of it, with the "
            "meaning that it has, and nothing besides. Second, whether it looks real and good: light, shadows and "
            "perspective that fit, no blur, seams or distortion, a natural and balanced picture."
            + (" If neither edit is better, the answer is a tie." if ties else " Decide for one of them.")
        ),
    )


PROTOCOL = Protocol(
    # As the scripts for models that explain themselves: the data's order, and an answer without a vote is wrong.
    unparsed="wrong",
    metrics=("all_right@group", "accuracy", "preference/calibrated_ties_from_zero"),
)
"""The official one: groups in which every comparison is right, and single comparisons."""

BENCHMARK = Benchmark(
    name="editreward-bench",
    entry="editreward-bench-{subset}",
    protocol=PROTOCOL,
    format="harness/arena",
    layout=Layout(subsets=SUBSETS, split="train", hub="all"),
    items=items,
    frame=frame,
    overall="overall",
)

task, unfold = BENCHMARK.task, BENCHMARK.unfold


def example(folder: Path) -> None:
    """Two pairs, one of them a tie, and a group of three edits, as parquet files in a folder for each subset."""

    def picture(number: int) -> dict[str, object]:
        return {"bytes": make_picture(number), "path": f"{number}.png"}

    def compare(name: str, pair: str, ranking: str, subset: str) -> dict[str, object]:
        first, second = ("ABCD".index(letter) for letter in pair.split("vs"))
        return {
            "id": name,
            "dataset": subset,
            "instruction": "make the cup red",
            "source_image": picture(9),
            "candidate_1": picture(first),
            "candidate_2": picture(second),
            "ranking": ranking,
            "comparison_type": pair,
            "model_1": f"model{first}",
            "model_2": f"model{second}",
        }

    pairs = [compare("0_AvsB", "AvsB", "B>A", "2pair"), compare("1_AvsB", "AvsB", "A=B", "2pair")]
    three = [("AvsB", "A>B"), ("AvsC", "C>A"), ("BvsC", "C>B")]
    write_table(folder / "2pair" / "train-00000-of-00001.parquet", pairs)
    rows = [compare(f"7_{pair}", pair, ranking, "3pair") for pair, ranking in three]
    write_table(folder / "3pair" / "train-00000-of-00001.parquet", rows)


# -- the validation pairs of the code ------------------------------------------------------------------------------


def validation_items(row: Row, subset: str, options: Options) -> Iterator[Item]:
    """The item of one pair of edits, each with a score of people. It has no id: the number of its row is one.

    Raises:
        DataError: A column is missing or does not fit.
    """
    prompt = row["prompt"].text()
    first, second = (row[f"model{place}_dim1_score"].number() for place in (1, 2))
    yield Item(
        id=f"{subset}/{row.number}",
        # A source image has another name in each row, so what pairs have in common is the instruction.
        group=group_of(prompt),
        space=WITH_TIES,
        # `better` is of ranks, of which the lower one wins. Here the higher score does.
        gold=better(-first, -second),
        question=(f"Editing instruction: {prompt}", "Source image:", row["path_src"].image()),
        candidates=tuple((row[column].image(),) for column in ("path1", "path2")),
        tags=row.words("model1", "model2"),
    )


VALIDATION_PROTOCOL = Protocol(
    # Officially each edit gets a score, which knows no order and is never missing.
    order="shuffled",
    unparsed="wrong",
    metrics=("preference/calibrated_ties", "preference/decided_accuracy", "accuracy"),
)
"""The official one: accuracy with ties at the best threshold, and without the ties of people."""

VALIDATION = Benchmark(
    name="editreward-validation",
    entry="editreward-validation",
    protocol=VALIDATION_PROTOCOL,
    format="harness/arena",
    layout=Layout(
        subsets=("validation",),
        split="validation",
        files=("data/dataset/valid_dataset_1", "valid_dataset_1"),
        prefixes=("", "data/dataset/"),
    ),
    items=validation_items,
    frame=frame,
)

validation_task, unfold_validation = VALIDATION.task, VALIDATION.unfold


def validation_example(folder: Path) -> None:
    """Three pairs of edits of one image, one of them scored alike."""
    rows = []
    for number, (first, second) in enumerate([(4, 2), (2, 4), (4, 4)]):
        paths = {
            "path_src": f"GenAI-Bench/image_edition/images/{number}_src.jpg",
            "path1": f"GenAI-Bench/image_edition/images/{number}_out.jpg",
            "path2": f"GenAI-Bench/image_edition/images/{number + 10}_out.jpg",
        }
        for place, path in enumerate(paths.values()):
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(make_picture(3 * number + place))
        scores = {"model1_dim1_score": first, "model2_dim1_score": second}
        rows.append({"prompt": "make it red", **paths, "model1": "SDEdit", "model2": "PNP", **scores})
    write_table(folder / "data" / "dataset" / "valid_dataset_1.json", rows)
