"""LLMBar: pairs of answers to one instruction, of which exactly one follows it.

Data, code and recorded evaluators: https://github.com/princeton-nlp/LLMBar, paper: arXiv 2310.07641. Both orders count,
as in `LLMEvaluator/evaluate.py` there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from harness.api import Item, Preference, Protocol
from harness.api.data import Layout, PromptFrame, Row, group_of
from harness_preference.benchmark import Benchmark
from harness_preference.options import Options
from harness_preference.published import llmbar as published

SPACE = Preference(2)
LABELS = {"1": 0, "2": 1}


def items(row: Row, subset: str, options: Options) -> Iterator[Item]:
    """The item of one pair. It has no id in the data: its number in the file is one.

    Raises:
        DataError: A column is missing or does not fit.
    """
    instruction = row["input"].text()
    yield Item(
        id=f"{subset}/{row.number}",
        group=group_of(instruction),
        space=SPACE,
        gold=row["label"].label(LABELS),
        question=(f"[Instruction]\n{instruction}",),
        candidates=((row["output_1"].text(),), (row["output_2"].text(),)),
    )


def frame(subset: str) -> PromptFrame:
    """The facts of the official prompt with its rules, in our own words."""
    return PromptFrame(
        system="You judge how well answers follow an instruction.",
        opening=(
            "Here are an instruction and two outputs for it. Decide which output follows the instruction better. First "
            "of all it must do exactly what the instruction asks. Only then look at how helpful, right and harmless "
            "it is. It should hold no more and no less than was asked for. Order, length and tone make no output "
            "better."
        ),
        heading="[Output {letter}]",
        ending="[End of output {letter}]",
        closing="Which output follows the instruction better?",
    )


# `correct_average`, `correct_both` and `equal` of the authors. An answer without a winner equals no label.
PROTOCOL = Protocol(
    order="both",
    pooling="each",
    unparsed="wrong",
    # The group of an instruction is one pair: no subset has an instruction twice.
    metrics=("accuracy", "all_right@group", "preference/same_winner@group"),
)
"""The official one."""

BENCHMARK = Benchmark(
    name="llmbar",
    entry="llmbar-{subset}",
    protocol=PROTOCOL,
    format="harness/brackets",
    layout=Layout(subsets=published.SUBSETS, split="test"),
    items=items,
    frame=frame,
    published=published.find_items,
)

task, unfold = BENCHMARK.task, BENCHMARK.unfold


def example(folder: Path) -> None:
    """A pair of two subsets, in the layout of the repository."""
    for subset, label in (("Natural", 1), ("Adversarial/Neighbor", 2)):
        pair = ["Apple, pear, plum.", "I like fruit."]
        outputs = pair if label == 1 else pair[::-1]
        row = {"input": "Name three fruits.", "output_1": outputs[0], "output_2": outputs[1], "label": label}
        file = folder / "Dataset" / "LLMBar" / subset / "dataset.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps([row]))
