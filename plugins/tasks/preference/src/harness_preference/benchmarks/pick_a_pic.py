"""Pick-a-Pic v2: pairs of images for one prompt, with the choice of the user who wrote it, ties included.

Data: https://huggingface.co/datasets/yuvalkirstain/pickapic_v2, code: https://github.com/yuvalkirstain/PickScore
(trainer/tasks/clip_task.py), paper: arXiv 2305.01569.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.api import TIE, Item, Protocol, Verdict
from harness.api.data import Layout, PromptFrame, Row, group_of, make_picture, write_table
from harness_preference.benchmark import Benchmark
from harness_preference.benchmarks.ranked_images import WITH_TIES, two_images
from harness_preference.options import Options
from harness_preference.published import pick_a_pic as published

LABELS: dict[float, Verdict] = {1.0: 0, 0.0: 1, 0.5: TIE}
"""Gold by `label_0`: 1 where the first image was chosen."""


def items(row: Row, subset: str, options: Options) -> Iterator[Item]:
    """The item of one pair, numbered by its row; none for a row without a label.

    Raises:
        DataError: A column is missing or does not fit, or the two labels contradict each other.
    """
    prompt = row["caption"].text()
    # Read before rows are left out, so that a broken cell is found in any row.
    labels = tuple(row[column].number() for column in ("label_0", "label_1"))
    candidates = tuple((row[column].image(),) for column in ("jpg_0", "jpg_1"))
    # Both labels are 0 in such a row. Without this line it would be an image that lost to nothing.
    if not row["has_label"].flag():
        return
    if labels[0] not in LABELS:
        raise row["label_0"].mismatch("1, 0 or 0.5")
    # The labels share one point. If they do not, the copy of the data is broken.
    if sum(labels) != 1:
        raise row["label_1"].mismatch(f"{1 - labels[0]:g}, the rest of 1 beside label_0")
    yield Item(
        id=f"{subset}/{row['id'].name() if row.has('id') else row.number}",
        group=group_of(prompt),
        space=WITH_TIES,
        gold=LABELS[labels[0]],
        question=(f"Text prompt: {prompt}",),
        candidates=candidates,
        tags=row.words("ranking_id", "model_0", "model_1"),
    )


def frame(subset: str) -> PromptFrame:
    """What the users were asked, in our own words."""
    return two_images(
        "Whoever wrote the prompt chose the image that they liked better: for how well it shows what was asked for, "
        "and for how it looks. Call it a tie only if there is nothing to choose between them."
    )


# `ties="half"` is the rule of trainer/tasks/clip_task.py: a tie in the gold gives either image half a point.
PROTOCOL = Protocol(
    order="shuffled", unparsed="wrong", ties="half", metrics=("accuracy", "preference/pick_a_pic_score")
)
"""The official one: the accuracy of the training code first, then the score of the script for evaluation."""

BENCHMARK = Benchmark(
    name="pick-a-pic",
    entry="pick-a-pic",
    protocol=PROTOCOL,
    format="harness/brackets",
    # The authors' split for tests. On validation_unique they choose the threshold of their ties.
    layout=Layout(subsets=("test_unique",), split="test_unique", hub="all"),
    items=items,
    frame=frame,
    published=published.find_items,
)

task, unfold = BENCHMARK.task, BENCHMARK.unfold


def example(folder: Path) -> None:
    """A pair with each label, and one without a label."""
    labels = ((1.0, 0.0, True), (0.0, 1.0, True), (0.5, 0.5, True), (0.0, 0.0, False))
    rows = [
        {
            "caption": f"a cup, number {k}",
            "has_label": known,
            "jpg_0": make_picture(2 * k),
            "jpg_1": make_picture(2 * k + 1),
            "label_0": first,
            "label_1": second,
            "model_0": "model-x",
            "model_1": "model-y",
            "ranking_id": 100 + k,
        }
        for k, (first, second, known) in enumerate(labels)
    ]
    write_table(folder / "data" / "test_unique-00000-of-00001-e852c19ead276a89.parquet", rows)
