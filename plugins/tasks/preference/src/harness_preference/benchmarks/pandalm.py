"""PandaLM: pairs of answers of two models to one instruction, each judged by three people, ties included.

Data, code and recorded judges: https://github.com/WeOpenML/PandaLM (data/testset-v1.json, data/compute_metrics.py),
paper: arXiv 2306.05087.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from harness.api import TIE, Item, Preference, Protocol, Verdict
from harness.api.data import Layout, PromptFrame, Row, group_of
from harness_preference.benchmark import Benchmark
from harness_preference.options import Options
from harness_preference.published import pandalm as published

SPACE = Preference(2, ties=(TIE,))
LABELS: dict[str, Verdict] = {"1": 0, "2": 1, "0": TIE}
_PEOPLE = ("annotator1", "annotator2", "annotator3")


def items(row: Row, subset: str, options: Options) -> Iterator[Item]:
    """The item of one pair, with the verdicts of the three people.

    Raises:
        DataError: A column is missing or does not fit.
    """
    instruction, context = row["instruction"].text(), row["input"].text()
    votes = {person: row[person].label(LABELS) for person in _PEOPLE}
    # Where all three differ the first one counts: `get_majority_vote` takes the first of the most frequent, and so does
    # a Counter.
    gold = Counter(votes.values()).most_common(1)[0][0]
    question = f"[Instruction]\n{instruction}" + (f"\n\n[Input]\n{context}" if context else "")
    yield Item(
        id=f"{subset}/{row['idx'].count()}",
        group=group_of(instruction, context),
        space=SPACE,
        gold=gold,
        question=(question,),
        # Six answers are true or false in the JSON, which were the words of the model.
        candidates=((row["response1"].word(),), (row["response2"].word(),)),
        tags=row.words("cmp_key", "motivation_app"),
        annotations=votes,
    )


def frame(subset: str) -> PromptFrame:
    """The official prompt's facts in our own words."""
    return PromptFrame(
        opening="Below are an instruction, with or without an input, and two responses to it.",
        heading="[Response {letter}]",
        ending="[End of response {letter}]",
        closing=(
            "Compare how right, concise, clear and complete the responses are, how well they follow the instruction, "
            "and their form. Which one is better? Call it a tie if neither is."
        ),
    )


PROTOCOL = Protocol(order="fixed", unparsed="wrong", ties="class", metrics=("accuracy", "macro_f1"))
"""The official one: accuracy, and the plain mean of the F1 of both responses and the tie."""

BENCHMARK = Benchmark(
    name="pandalm",
    entry="pandalm",
    protocol=PROTOCOL,
    format="harness/brackets",
    layout=Layout(subsets=("testset-v1",), split="test", hub="all", files=("data/testset-v1",)),
    items=items,
    frame=frame,
    published=published.find_items,
)

task, unfold = BENCHMARK.task, BENCHMARK.unfold


def example(folder: Path) -> None:
    """A pair with each verdict, and one on which all three people differ."""
    votes = ((1, 1, 2), (2, 2, 2), (0, 1, 0), (2, 0, 1))
    rows = [
        {
            "idx": k,
            "motivation_app": "Search",
            "cmp_key": "model-x_model-y",
            "instruction": f"What is {k} + {k}?",
            "input": "" if k % 2 else "Answer in one word.",
            "response1": str(2 * k),
            "response2": "",
            **dict(zip(_PEOPLE, people, strict=True)),
        }
        for k, people in enumerate(votes)
    ]
    (folder / "testset-v1.json").write_text(json.dumps(rows))
