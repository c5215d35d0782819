"""JudgeBench: pairs of text answers to hard questions, of which exactly one is objectively right.

Data: https://huggingface.co/datasets/ScalerLab/JudgeBench, code: https://github.com/ScalerLab/JudgeBench,
paper: arXiv 2410.12784.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.api import Item, Preference, Protocol
from harness.api.data import Layout, PromptFrame, Row, group_of, write_table
from harness_preference.benchmark import Benchmark
from harness_preference.options import Options
from harness_preference.published import judgebench as published

# The gold is never a tie, but the official prompt offers one. A judge that takes it gets 0 for that order.
SPACE = Preference(2, ties=("tie",))
LABELS = {"A>B": 0, "B>A": 1}
# LiveBench gives two categories and MMLU-Pro one for all its subjects, as in the paper's table.
CATEGORIES = {
    "mmlu-pro": "knowledge",
    "livebench-reasoning": "reasoning",
    "livebench-math": "math",
    "livecodebench": "coding",
}
"""Category by the beginning of `source`."""


def items(row: Row, subset: str, options: Options) -> Iterator[Item]:
    """The item of one pair.

    Raises:
        DataError: A column is missing or does not fit, or the source is of no known category.
    """
    source, question = row["source"].text(), row["question"].text()
    category = next((name for start, name in CATEGORIES.items() if source.startswith(start)), None)
    if category is None:
        raise row["source"].mismatch("a text that begins with " + ", ".join(CATEGORIES))
    yield Item(
        # The two subsets may stand on one board, so the name of the subset keeps their ids apart.
        id=f"{subset}/{row['pair_id'].name()}",
        group=group_of(question),
        space=SPACE,
        gold=row["label"].label(LABELS),
        question=(f"[Question]\n{question}",),
        candidates=((row["response_A"].text(),), (row["response_B"].text(),)),
        category=category,
        tags={"source": source, **row.words("response_model")},
    )


def frame(subset: str) -> PromptFrame:
    """After the Arena-Hard judge that JudgeBench uses, in our own words."""
    return PromptFrame(
        system=(
            "You are an impartial judge of the answers of two AI assistants to one question. First work out your own "
            "answer. Then hold both answers against it, and point out and correct what is wrong in them. A good answer "
            "is right, helpful, to the point, and leaves out nothing that matters; length and style do not make it so, "
            "nor does the place in which it is shown."
        ),
        opening="Here are a question and the answers of two assistants.",
        heading="[Assistant {letter}'s answer]",
        ending="[End of assistant {letter}'s answer]",
        closing="Which assistant's answer is better?",
    )


# `pooling="sum"` is the authors' rule: +1 and -1 over both orders, and right where the sum is above 0.
PROTOCOL = Protocol(order="both", pooling="sum", unparsed="wrong", ties="class")
"""The official one."""

BENCHMARK = Benchmark(
    name="judgebench",
    entry="judgebench-{subset}",
    protocol=PROTOCOL,
    # The labels of Arena-Hard, which the official script reads too.
    format="harness/arena",
    layout=Layout(subsets=("gpt", "claude"), split="test", hub="split"),
    items=items,
    frame=frame,
    published=published.find_items,
)

task, unfold = BENCHMARK.task, BENCHMARK.unfold


def example(folder: Path) -> None:
    """A pair of each subset."""
    for subset, label in (("gpt", "A>B"), ("claude", "B>A")):
        row = {
            "pair_id": f"{subset}-pair",
            "original_id": 17,
            "source": "mmlu-pro-physics",
            "question": "What is 2 + 2? (A) 3 (B) 4",
            "response_model": "some-model",
            "response_A": "BBBBB",
            "response_B": "AAAAA",
            "label": label,
        }
        write_table(folder / subset / "items.jsonl.gz", [row])
