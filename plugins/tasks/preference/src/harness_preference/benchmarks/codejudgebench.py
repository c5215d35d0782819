"""CodeJudgeBench: pairs of answers of one model to a programming task, of which tests have passed exactly one.

Data: https://huggingface.co/datasets/mattymchen/codejudgebench, code: https://github.com/hongcha0/CodeJudgeBench
(run.py, src/score.py, src/tasks), paper: arXiv 2507.10535. A task of the benchmark has a split for each model that
answered, and its score is over all of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harness.api import Context, DataError, Item, Preference, Protocol
from harness.api.data import (
    Cell,
    HubSplit,
    Layout,
    Media,
    PromptFrame,
    Row,
    Source,
    Table,
    check_shards,
    data_of,
    group_of,
    stem_of,
    write_table,
)
from harness_preference.benchmark import Benchmark
from harness_preference.options import Options
from harness_preference.published import find_tables

SPACE = Preference(2)
_THREE = ("claude_3.7_sonnet", "gemini_2.5_flash", "gemini_2.5_pro")
SPLITS: dict[str, tuple[str, ...]] = {
    "codegen": (
        "claude_3.7_sonnet",
        "claude_4_opus",
        "claude_4_sonnet",
        "gemini_2.5_flash",
        "gemini_2.5_flash_lite",
        "gemini_2.5_pro",
        "qwen3_235b",
    ),
    "coderepair": _THREE,
    "testgen": _THREE,
}
"""The splits of each task on the hub. In a folder any are read."""
DIFFICULTIES = {name: name for name in ("easy", "medium", "hard")}
_ERRORS = {
    "-1": "The code does not compile:",
    "-2": "The code gives a wrong answer:",
    "-3": "The code takes too long:",
    "-4": "The code fails while it runs:",
}
"""Kind of failure by `error_code`."""
_FACTS = {
    "inputs": "Input",
    "output": "Output of the code",
    "expected": "Expected output",
    "error": "Error",
    "error_message": "Error",
}
"""Words for the fields of `wrong_meta` that are shown."""
_SPLIT = "split"


@dataclass(frozen=True, slots=True)
class SplitSources:
    """The rows of several splits, one after the other, each with its split. Implements `harness.api.data.Source`."""

    sources: Mapping[str, Source]
    is_folder: bool = False

    def __str__(self) -> str:
        return ", ".join(map(str, self.sources.values()))

    def rows(self) -> Iterator[Row]:
        """Stream the rows. Their numbers count within their split.

        Raises:
            DataError: A file cannot be read to its end.
        """
        for split, source in self.sources.items():
            for row in source.rows():
                yield replace(row, values={**row.values, _SPLIT: split})

    def with_media(self, media: Media) -> SplitSources:
        """The same source: there are no pictures."""
        return self

    def provenance(self) -> str:
        """The names of all of them."""
        return "; ".join(source.provenance() for source in self.sources.values())

    def digest(self) -> str:
        """SHA-256 over those of the splits and their names."""
        parts = (f"{split}:{source.digest()}" for split, source in self.sources.items())
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def find(options: Options, context: Context) -> Mapping[str, Source]:
    """The rows of each task: of all its splits, or of the one that the options name.

    Raises:
        DataError: There are no data, or none of the benchmark's layout.
    """
    data, only = data_of(context), options.hub_split
    tasks = [options.subset] if options.subset in SPLITS else [*SPLITS]
    if data.startswith("hub:"):
        found: dict[str, Mapping[str, Source]] = {
            task: {
                split: HubSplit.parse(data, config=task, split=split) for split in ([only] if only else SPLITS[task])
            }
            for task in tasks
        }
    else:
        found = {task: _find_splits(Path(data), task, only) for task in tasks}
    sources = {task: SplitSources(splits) for task, splits in found.items() if splits}
    if not sources:
        raise DataError(
            f"task {context.name}: {data} does not hold its data; expected TASK/{only or 'SPLIT'}-*.parquet or another "
            f"table, with TASK one of {', '.join(tasks)}; `harness show` of the task says which files are published"
        )
    return sources


def _find_splits(folder: Path, task: str, only: str | None) -> dict[str, Source]:
    files: dict[str, tuple[Path, ...]] = {}
    for file in find_tables(folder, f"{task}/*"):
        split = stem_of(file)
        if only in (None, split):
            files[split] = (*files.get(split, ()), file)
    return {split: Table(files=check_shards(shards), root=folder) for split, shards in files.items()}


def items(row: Row, subset: str, options: Options) -> Iterator[Item]:
    """The item of one pair. Recorded answers are matched by the number of the row in its split.

    Raises:
        DataError: A column is missing or does not fit.
    """
    question, split = row["question_content"].text(), row[_SPLIT].name()
    yield Item(
        id=f"{subset}/{split}/{row.number}",
        # Several models answered the same question.
        group=group_of(question),
        space=SPACE,
        # The right answer comes first in the data. The protocol asks both orders.
        gold=0,
        question=_describe(row, subset, question),
        candidates=tuple((_answer(row, subset, side),) for side in ("pos", "neg")),
        category=row["difficulty"].label(DIFFICULTIES),
        tags={"split": split, **row.words("question_id", "platform")},
    )


def _describe(row: Row, subset: str, question: str) -> tuple[str, ...]:
    """What the model was asked."""
    if subset == "testgen":
        return (f"Write a unit test for this programming question: a test input and its output.\n\n{question}",)
    if subset == "codegen":
        return (f"[Question]\n{question}",)
    meta = row["wrong_meta"].fields()
    facts = [f"{words}:\n{_show(meta[name])}" for name, words in _FACTS.items() if meta.has(name)]
    return (
        f"Correct the code that was written for this programming question.\n\n[Question]\n{question}",
        f"[Code to correct]\n{row['wrong_code'].text()}",
        "\n\n".join((meta["error_code"].label(_ERRORS), *facts)),
    )


def _answer(row: Row, subset: str, side: str) -> str:
    text = row[f"{side}_response"].text()
    return text if subset != "testgen" else f"Test input:\n{row[f'{side}_input'].text()}\n\nTest output:\n{text}"


def _show(cell: Cell) -> str:
    """A field of the failure as text. It is mostly text already, which a test may hold as a list."""
    value = cell.value if isinstance(cell.value, str) else json.dumps(cell.value, ensure_ascii=False, default=str)
    return replace(cell, value=value).text()


def frame(subset: str) -> PromptFrame:
    """The facts of the official prompt, which is after Arena-Hard, in our own words."""
    return PromptFrame(
        opening=(
            "You are an impartial judge of the answers of two AI assistants to one request. First work out your own "
            "answer. Then hold both answers against it, and point out and correct what is wrong in them. A good answer "
            "is right, helpful and to the point."
        ),
        heading="[Assistant {letter}'s answer]",
        ending="[End of assistant {letter}'s answer]",
        closing="Which assistant's answer is better?",
    )


# src/score.py: the mean of `pred == label` over the answers to both orders. What cannot be read is no label.
PROTOCOL = Protocol(order="both", pooling="each", unparsed="wrong")
"""The official one."""

BENCHMARK = Benchmark(
    name="codejudgebench",
    entry="codejudgebench-{subset}",
    protocol=PROTOCOL,
    # The labels of Arena-Hard, which the official script reads too.
    format="harness/arena",
    layout=Layout(subsets=tuple(SPLITS), split="test"),
    items=items,
    frame=frame,
    find=find,
)

task, unfold = BENCHMARK.task, BENCHMARK.unfold


def example(folder: Path) -> None:
    """A pair of each task."""
    shared = {"question_content": "Print the sum of two numbers.", "question_id": "made-up-1", "platform": "made up"}
    code = {"pos_response": "print(sum(map(int, input().split())))", "neg_response": "print(input())"}
    rows: dict[str, dict[str, object]] = {
        "codegen": {**code, "difficulty": "easy"},
        "coderepair": {
            **code,
            "difficulty": "medium",
            "wrong_code": "print(0)",
            "wrong_meta": {"error_code": -2, "inputs": "1 2", "output": "0", "expected": "3"},
        },
        "testgen": {
            "difficulty": "hard",
            "pos_input": "1 2",
            "pos_response": "3",
            "neg_input": "2 2",
            "neg_response": "5",
        },
    }
    for task_name, row in rows.items():
        write_table(folder / task_name / "gemini_2.5_pro-00000-of-00001.parquet", [{**shared, **row}])
