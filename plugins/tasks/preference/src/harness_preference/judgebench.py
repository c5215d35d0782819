"""JudgeBench: pairs of text answers to hard questions, of which exactly one is objectively right.

Data: https://huggingface.co/datasets/ScalerLab/JudgeBench, code: https://github.com/ScalerLab/JudgeBench,
paper: arXiv 2410.12784.
"""

from __future__ import annotations

from harness.api import Context, Item, Preference, Protocol, Unfolded
from harness_preference.options import Options
from harness_preference.pairs import Benchmark, Frame, PairTask, group_of, unfolded
from harness_preference.rows import Row
from harness_preference.sources import Layout

SPACE = Preference(2, ties=("tie",))
LABELS = {"A>B": 0, "B>A": 1}
CATEGORIES = {
    "mmlu-pro": "knowledge",
    "livebench-reasoning": "reasoning",
    "livebench-math": "math",
    "livecodebench": "coding",
}
"""Category by the beginning of `source`."""


def item(row: Row, subset: str) -> Item:
    """The item of one pair.

    Raises:
        DataError: A column is missing or does not fit, or the source is of no known category.
    """
    source, question = row.text("source"), row.text("question")
    category = next((name for start, name in CATEGORIES.items() if source.startswith(start)), None)
    if category is None:
        raise row.wrong("source", "a text that begins with " + ", ".join(CATEGORIES))
    return Item(
        id=f"{subset}/{row.text('pair_id')}",
        group=group_of(question),
        space=SPACE,
        gold=row.label("label", LABELS),
        question=(f"[Question]\n{question}",),
        candidates=((row.text("response_A"),), (row.text("response_B"),)),
        category=category,
        tags={"source": source, **row.texts("response_model")},
    )


def frame(subset: str) -> Frame:
    """After the Arena-Hard judge that JudgeBench uses, in our own words."""
    return Frame(
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


BENCHMARK = Benchmark(
    name="judgebench",
    entry="judgebench-{subset}",
    protocol=Protocol(order="both", pooling="sum", unparsed="wrong", ties="class"),
    format="harness/arena",
    layout=Layout(subsets=("gpt", "claude"), split="test", hub="split"),
    item=item,
    frame=frame,
)


def task(options: Options | None, context: Context) -> PairTask:
    """The factory of the card."""
    return PairTask(BENCHMARK, options, context)


def unfold(options: Options | None, context: Context) -> list[Unfolded]:
    """One task for each subset in the data."""
    return unfolded(BENCHMARK, options, context)
