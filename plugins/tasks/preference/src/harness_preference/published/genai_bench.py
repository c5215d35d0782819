"""GenAI-Bench: `results/TASK/JUDGE/pairwise.jsonl` of https://github.com/TIGER-AI-Lab/GenAI-Bench.

A file holds the answers of a judge and the votes of people, most of them the prompts too. There are no pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.api.data import Row, read_table
from harness_preference.published import PublishedTable, Recordings, find_tables

SUBSETS = ("image_generation", "image_edition", "video_generation")
_PROMPTS = ("prompt", "source_prompt", "target_prompt", "instruct_prompt")
_PATTERN = "results/*/*/pairwise"


def find_items(folder: Path) -> dict[str, PublishedTable]:
    """The votes of each subset, from the file of the judge that holds the most of them, with their prompts."""
    best: dict[str, tuple[tuple[bool, int], Path]] = {}
    for file in find_tables(folder, _PATTERN):
        subset = file.parts[-3]
        if subset not in SUBSETS:
            continue
        rows = [values for values, _ in read_table(file)]
        # Some judges were recorded without prompts, some stopped early, and some came to every item twice.
        score = any("prompt" in name for name in (rows[0] if rows else ())), len({str(row.get("idx")) for row in rows})
        if subset not in best or score > best[subset][0]:
            best[subset] = score, file
    return {
        subset: PublishedTable(files=(best[subset][1],), root=folder, convert=_convert)
        for subset in SUBSETS
        if subset in best
    }


def _convert(rows: Iterator[Row]) -> Iterator[Row]:
    """Each item once. Where a judge was recorded without the prompts, a text says so: answers need none."""
    seen: set[int] = set()
    for row in rows:
        if (number := row["idx"].count()) not in seen:
            seen.add(number)
            prompts = dict.fromkeys(_PROMPTS, f"(prompt {number} is not in these files)")
            yield replace(row, values={**prompts, **row.values})


def _judges(file: Path) -> tuple[str, ...]:
    return (file.parts[-2],) if file.parts[-3] in SUBSETS else ()


def _answers(row: Row, judge: str) -> Iterator[Mapping[str, Any]]:
    assert row.file is not None
    said = {"response": row["response"].text()} if row.has("response") else {"verdict": None}
    yield {"id": f"{row.file.parts[-3]}/{row['idx'].count()}", **said}


class _LastCounts(Recordings):
    """As `Recordings`. Where a judge was asked an item again, its last answer counts.

    The authors' script keeps answers in a mapping by `idx` when it goes on (`existing_results` of inference.py).
    """

    def read(self, file: Path, judge: str) -> Iterator[tuple[Mapping[str, Any], str]]:
        """The last answer to each item."""
        last = {answer["id"]: (answer, place) for answer, place in Recordings.read(self, file, judge)}
        yield from last.values()


RECORDINGS = _LastCounts(patterns=(_PATTERN,), judges=_judges, answers=_answers)
