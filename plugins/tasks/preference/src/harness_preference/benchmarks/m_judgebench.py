"""M-JudgeBench: pairs of answers with reasoning to questions about images, one of them wrong in a known way.

Code: https://github.com/czythu/M_Judger (code/m_judgebench_eval.py), paper: arXiv 2603.00546.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.api import Item, Preference, Protocol
from harness.api.data import Layout, PromptFrame, Row, group_of, make_picture, write_table
from harness_preference.benchmark import Benchmark
from harness_preference.options import Options

SPACE = Preference(2)
FAMILIES = {
    "pairwise-cot": ("shortcot_same_model", "shortcot_diff_model", "longcot_same_model", "longcot_diff_model"),
    "length-bias": (
        "imbalanced_length_short_answer_correct",
        "imbalanced_length_shortcot_correct",
        "imbalanced_length_longcot_correct",
    ),
    "process-error": ("visual_error_bygpt", "reasoning_error_bygpt", "incidental_error_bygpt"),
}
"""Types by family."""

CATEGORIES = {kind: f"{family}/{kind}" for family, kinds in FAMILIES.items() for kind in kinds}
"""Category by `type`."""


def items(row: Row, subset: str, options: Options) -> Iterator[Item]:
    """The item of one pair. It has no id in the data: the number of its row is one.

    Raises:
        DataError: A column is missing or does not fit.
    """
    question = row["question"].text()
    yield Item(
        # The data have no ids.
        id=f"{subset}/{row.number}",
        # Pairs about one question are not independent.
        group=group_of(question),
        space=SPACE,
        # The right answer is always `chosen`. The protocol shuffles, as the authors' script does with one seed.
        gold=0,
        question=(*row["image"].images(), f"[Question]\n{question}"),
        candidates=((row["chosen"].text(),), (row["rejected"].text(),)),
        category=row["type"].label(CATEGORIES),
    )


def frame(subset: str) -> PromptFrame:
    """The facts of the official default prompt in our own words."""
    return PromptFrame(
        opening="You are shown one or more images, a question about them, and two answers with their reasoning.",
        heading="[Answer {letter}]",
        ending="[End of answer {letter}]",
        closing=(
            "Judge first of all whether the final answer is right. Then look at the reasoning: whether each step "
            "follows, whether the images are read correctly, whether it is clear and no longer than it need be. "
            "Longer reasoning is not better, and style counts for nothing. Decide for the better answer."
        ),
    )


# code/m_judgebench_eval.py counts every answer that does not name the better one as wrong.
PROTOCOL = Protocol(order="shuffled", unparsed="wrong")
"""The official one."""

BENCHMARK = Benchmark(
    name="m-judgebench",
    entry="m-judgebench",
    protocol=PROTOCOL,
    format="harness/brackets",
    layout=Layout(subsets=("test",), split="test", hub="all", files=("m_judgebench_data", "data/m_judgebench_data")),
    items=items,
    frame=frame,
)

task, unfold = BENCHMARK.task, BENCHMARK.unfold


def example(folder: Path) -> None:
    """A pair of each family, one of them about two images."""
    images: tuple[str | list[str], ...] = ("images/0.png", ["images/0.png", "images/1.png"], "images/1.png")
    kinds = ("shortcot_same_model", "imbalanced_length_longcot_correct", "visual_error_bygpt")
    rows = [
        {
            "image": image,
            "question": f"How many cups are there? Case {k}.",
            "chosen": "I count one. The answer is 1.",
            "rejected": "I count two. The answer is 2.",
            "type": kind,
        }
        for k, (image, kind) in enumerate(zip(images, kinds, strict=True))
    ]
    (folder / "data" / "images").mkdir(parents=True, exist_ok=True)
    for number in (0, 1):
        (folder / "data" / "images" / f"{number}.png").write_bytes(make_picture(number))
    write_table(folder / "data" / "m_judgebench_data.jsonl", rows)
