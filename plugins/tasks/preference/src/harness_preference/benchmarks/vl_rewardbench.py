"""VL-RewardBench: pairs of answers to a question about an image, of which people prefer one.

Data: https://huggingface.co/datasets/MMInstruction/VL-RewardBench, code:
https://github.com/vl-rewardbench/VL_RewardBench, paper: arXiv 2411.17451.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from harness.api import Item, Preference, Protocol
from harness.api.data import Cell, Layout, PromptFrame, Row, group_of, make_picture, write_table
from harness_preference.benchmark import Benchmark
from harness_preference.options import Options

SPACE = Preference(2)
SOURCES = {
    "rlaif": "rlaif-v",
    "rlhf": "rlhf-v",
    "hallucination": "povid",
    "povid": "povid",
    "mathverse": "reasoning_tasks",
    "mmmu": "reasoning_tasks",
    "wildvision": "wildvision-battle",
}
"""Source by what stands before the first `_` or `-` of an id, in lower case; any other id is of vlfeedback."""

CATEGORIES = {
    "povid": "hallucination",
    "rlhf-v": "hallucination",
    "rlaif-v": "hallucination",
    "reasoning_tasks": "reasoning",
    "wildvision-battle": "general",
    "vlfeedback": "general",
}
"""The three groups that the macro average is over, by source."""

# A literal line in some queries and answers. The image is a part of its own here.
_PLACEHOLDER = "<image>\n"


def items(row: Row, subset: str, options: Options) -> Iterator[Item]:
    """The item of one pair. Its id is that of the data and the number of the row, for ids repeat.

    Raises:
        DataError: A column is missing or does not fit.
    """
    name = row["id"].name()
    # The groups of cal.py as it is now. Versions before sent 448 ids elsewhere.
    source = SOURCES.get(re.split("[_-]", name, maxsplit=1)[0].casefold(), "vlfeedback")
    responses, gold = _responses(row)
    shown = row.first("image", "image_path")
    image = shown.image()
    query = row.first("query", "prompt").text().replace(_PLACEHOLDER, "")
    yield Item(
        # Ids repeat: 1,225 different ones in 1,250 rows.
        id=f"{name}#{row.number}",
        group=group_of(shown.value if isinstance(shown.value, str) else image.digest),
        space=SPACE,
        gold=gold,
        question=(f"Question: {query}", image),
        candidates=tuple((response.text().replace(_PLACEHOLDER, ""),) for response in responses),
        category=CATEGORIES[source],
        tags={"source": source},
    )


def frame(subset: str) -> PromptFrame:
    """The official template's facts in our own words."""
    return PromptFrame(
        opening="You are given an image, a question about it and two answers, A and B. Judge which answer is better.",
        heading="Answer {letter}:",
        closing=(
            "Hold both answers against four criteria, and give your reasons for each: accuracy (is it what the image "
            "shows?), completeness (is all of the question answered?), clarity (is it well put and easy to follow?) "
            "and relevance (is it about the question and the image?). Then decide which answer is better overall."
        ),
    )


# The script asks ten times, each in a random order, and scores the first K up to 9 by majority.
PROTOCOL = Protocol(
    order="reshuffled", samples=9, vote="absolute", unparsed="exclude", metrics=("accuracy", "accuracy@category")
)
"""The official one."""

BENCHMARK = Benchmark(
    name="vl-rewardbench",
    entry="vl-rewardbench",
    protocol=PROTOCOL,
    format="harness/brackets",
    layout=Layout(subsets=("test",), split="test", hub="all", files=("data/data", "data")),
    items=items,
    frame=frame,
)

task, unfold = BENCHMARK.task, BENCHMARK.unfold


def _responses(row: Row) -> tuple[list[Cell], int]:
    """Both answers and the place of the better one. The copy of R1-Reward has them as chosen and rejected."""
    if row.has("chosen") and not row.has("response"):
        return [row["chosen"], row["rejected"]], 0
    responses = row["response"].elements()
    if len(responses) != 2:
        raise row["response"].mismatch("a list of two answers")
    return responses, _better_place(row)


def _better_place(row: Row) -> int:
    """Place of the response with rank 0."""
    cell = row["human_ranking"]
    ranks = [rank.count() for rank in cell.elements()]
    # A tie or a third rank has no place in the official score.
    if sorted(ranks) != [0, 1]:
        raise cell.mismatch("the rank of each answer, [0, 1] or [1, 0], where 0 is the better one")
    return ranks.index(0)


def example(folder: Path) -> None:
    """A pair of each source, in the columns of the hub; two of them share an id."""
    names = (
        "RLAIF-V-14",
        "RLHF-V-7",
        "hallucination_pair-3",
        "mathverse_21",
        "wildvision-5",
        "LRVInstruction-0007",
    )
    rows = [
        {
            "id": name,
            "query": f"{_PLACEHOLDER}How many cups are there?",
            "response": ["Two cups.", f"{k + 3} cups."],
            "image": {"bytes": make_picture(k), "path": None},
            "human_ranking": [k % 2, 1 - k % 2],
        }
        for k, name in enumerate((*names, names[0]))
    ]
    write_table(folder / "data" / "test-00000-of-00001.parquet", rows)
