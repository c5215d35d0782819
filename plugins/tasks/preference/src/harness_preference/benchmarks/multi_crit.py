"""Multi-Crit: which of two answers about an image is better by one criterion, for several criteria of each pair.

Data: https://huggingface.co/datasets/txiong23/Multi-Crit, paper: arXiv 2511.21662 (CVPR 2026). The rows could not be
seen when this was written: columns are those of the dataset card, and what stands in them is as the official evaluation
is described.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.api import Item, Preference, Protocol
from harness.api.data import Cell, Layout, PromptFrame, Row, group_of, make_picture, write_table
from harness_preference.benchmark import Benchmark
from harness_preference.options import Options

SPACE = Preference(2)
LABELS = {"model_a": 0, "model_b": 1}
CRITERIA = {
    "open_ended": {
        "completeness": "Completeness and coverage: every part of the request and what matters in the image is dealt "
        "with, in depth.",
        "visual-grounding": "Visual grounding and details: what is said rests on things that can be seen in the image.",
        "hallucination": "Factuality, no hallucination: nothing is said that the image or the facts do not support.",
        "expressiveness": "Expressiveness and expertise: vivid or inventive where the task is open, precise and well "
        "informed where it is analytical.",
        "clarity": "Clarity and coherence: well ordered, fluent and easy to follow.",
    },
    "reasoning": {
        "grounding": "Visual grounding: the reasoning uses what can be seen in the image, rightly and aptly.",
        "logic": "Logical coherence and consistency: each step follows from those before it, without contradictions, "
        "and the result follows from the steps.",
        "hallucination": "Factual correctness, no hallucination: every step is true of the image and of the facts.",
        "exploration": "Reflection and exploration: other possibilities are weighed, and doubts are named.",
        "efficiency": "Conciseness and efficiency: to the point, without repeats and detours.",
    },
}
"""What each criterion of a subset means, in our own words."""


def items(row: Row, subset: str, options: Options) -> Iterator[Item]:
    """The item of one row: a pair of answers and one criterion.

    Raises:
        DataError: A column is missing or does not fit.
    """
    name, prompt, image = row["question_id"].name(), row["prompt_id"].name(), row["image"].image()
    criterion = _criterion(row["criterion"], subset)
    yield Item(
        id=name,
        group=group_of(prompt),
        space=SPACE,
        gold=row["preference"].label(LABELS),
        question=(image, f"[Question]\n{row['question'].text()}\n\n[Criterion]\n{CRITERIA[subset][criterion]}"),
        candidates=((row["pred_a"].text(),), (row["pred_b"].text(),)),
        category=criterion,
        tags={column: row[column].word() for column in ("model_a", "model_b") if row.has(column)},
    )


def _criterion(cell: Cell, subset: str) -> str:
    word, known = cell.word(), CRITERIA[subset]
    if word not in known:
        raise cell.mismatch(f"one of {', '.join(known)}", f"the criteria of {subset} are fixed; fix the row")
    return word


def frame(subset: str) -> PromptFrame:
    """The words around a pair, in our own words."""
    return PromptFrame(
        opening="Compare two answers of AI assistants, A and B, to a question about an image, by one criterion alone.",
        heading="[Answer {letter}]",
        closing="Leave out of account how good the answers are in any other way. Which is better by the criterion?",
    )


# What the authors cannot read is wrong, and the answers are shown in the order of the data.
PROTOCOL = Protocol(
    order="fixed",
    unparsed="wrong",
    metrics=("all_right@group", "cmr@group", "tos@group", "accuracy@category", "accuracy"),
)
"""The official one: PAcc, CMR, TOS, the mean over criteria, and the mean over rows."""

BENCHMARK = Benchmark(
    name="multi-crit",
    entry="multi-crit-{subset}",
    protocol=PROTOCOL,
    format="harness/brackets",
    layout=Layout(subsets=("open_ended", "reasoning"), split="open_ended", hub="split"),
    items=items,
    frame=frame,
)

task, unfold = BENCHMARK.task, BENCHMARK.unfold


def example(folder: Path) -> None:
    """Pairs with every criterion, some of them in conflict, laid out as on the hub."""
    for subset, criteria in CRITERIA.items():
        rows = []
        for pair in range(3):
            for place, criterion in enumerate(criteria):
                rows.append(
                    {
                        "image": {"bytes": make_picture(pair), "path": f"{pair}.png"},
                        "question_id": f"{subset}-{pair}-{criterion}",
                        "image_path": f"{pair}.png",
                        "question": "What is shown?",
                        "pred_a": "A red cup.",
                        "pred_b": "A blue cup on a table, which is made of oak.",
                        "model_a": "one",
                        "model_b": "two",
                        "split": subset,
                        "criterion": criterion,
                        "preference": "model_b" if (place + pair) % 2 else "model_a",
                        "prompt_id": f"{subset}-{pair}",
                    }
                )
        write_table(folder / "data" / f"{subset}-00000-of-00001.parquet", rows)
