"""ContextualJudgeBench: pairs of answers that rest on a given context, in eight splits of what sets them apart.

Data: https://huggingface.co/datasets/Salesforce/ContextualJudgeBench, code:
https://github.com/SalesforceAIResearch/ContextualJudgeBench (main_eval.py, utils/utils.py), paper: arXiv 2503.15620.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.api import Item, Preference, Protocol
from harness.api.data import Layout, PromptFrame, Row, group_of, write_table
from harness_preference.benchmark import Benchmark
from harness_preference.options import Options
from harness_preference.published.contextualjudgebench import SUBSETS

SPACE = Preference(2)


def items(row: Row, subset: str, options: Options) -> Iterator[Item]:
    """The item of one pair. Recorded answers are matched by the number of the row.

    Raises:
        DataError: A column is missing or does not fit.
    """
    question, context = row["question"].text(), row["context"].text()
    yield Item(
        id=f"{subset}/{row.number}",
        group=group_of(question, context),
        space=SPACE,
        # The better answer comes first in the data. The protocol asks both orders.
        gold=0,
        question=(f"[Question]\n{question}", f"[Context]\n{context}"),
        candidates=((row["positive_response"].text(),), (row["negative_response"].text(),)),
        category=subset,
        tags=row.words("question_id"),
    )


def frame(subset: str) -> PromptFrame:
    """The facts of the authors' prompt with the strategy `vanilla`, in our own words."""
    return PromptFrame(
        opening="Judge two responses to a question, for which a context is given. Which one is better?",
        heading="[Response {letter}]",
        ending="[End of response {letter}]",
        closing=(
            "First of all a response must be faithful: all facts in it can be found in the context, and where the "
            "context does not hold enough to answer, the response says so and refuses. Prefer the more faithful one. "
            "If both are equally faithful, prefer the more complete one, which answers every part of the question. If "
            "both are equally complete, prefer the more concise one, with no more than is needed. The order of the "
            "responses and their length count for nothing. Decide for one of them."
        ),
    )


# `compute_acc` of utils/utils.py: a pair is right if both orders name the better answer.
PROTOCOL = Protocol(order="both", pooling="agree", unparsed="wrong")
"""The official one."""

BENCHMARK = Benchmark(
    name="contextualjudgebench",
    entry="contextualjudgebench-{subset}",
    protocol=PROTOCOL,
    format="harness/brackets",
    layout=Layout(subsets=SUBSETS, split="test", hub="split"),
    items=items,
    frame=frame,
    overall="overall",
)

task, unfold = BENCHMARK.task, BENCHMARK.unfold


def example(folder: Path) -> None:
    """A pair of two splits."""
    shared = {"question": "How many cups are there?", "question_id": "made-up-1"}
    known = {"context": "There are two cups on the table.", "positive_response": "Two."}
    unknown = {"context": "There is a table.", "positive_response": "The context does not say."}
    for subset, texts in (("faithfulness_qa", known), ("refusal_unanswerable", unknown)):
        row = {**shared, **texts, "negative_response": "There are three cups."}
        write_table(folder / "data" / f"{subset}-00000-of-00001.parquet", [row])
