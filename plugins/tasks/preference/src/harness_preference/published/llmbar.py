"""LLMBar: `Dataset/LLMBar/SUBSET/evaluators/MODEL/STRATEGY/result.json` of https://github.com/princeton-nlp/LLMBar.

A result is the data set once more, with the steps of the evaluator in `results`. The last step has the winner of each
order: of the data (`swap = False`), and of the swapped pair (`swap = True`), where the winner is named by its number in
the data. Every strategy ends so: Vanilla, CoT, Metrics and Reference in one step or after notes, Swap after a second
opinion where both orders disagree, Rating by the scores of single answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.api.data import Cell, Row, Table
from harness_preference.published import DATA, SWAPPED, Recordings, find_tables

SUBSETS = ("Natural", "Neighbor", "GPTInst", "GPTOut", "Manual")
_FOLDERS = ("Dataset/LLMBar/*", "Dataset/LLMBar/*/*", "Dataset/CaseStudy/*")


def find_items(folder: Path) -> dict[str, Table]:
    """The pairs of each subset: the official ones, then those of the case studies."""
    files = find_tables(folder, *(f"{place}/dataset" for place in _FOLDERS))
    found = {file.parts[-2]: Table(files=(file,), root=folder) for file in files}
    order = {name: place for place, name in enumerate(SUBSETS)}
    return {name: found[name] for name in sorted(found, key=lambda name: (order.get(name, len(order)), name))}


def _judges(file: Path) -> tuple[str, ...]:
    return (f"{file.parts[-3]}/{file.parts[-2]}",)


def _answers(row: Row, judge: str) -> Iterator[Mapping[str, Any]]:
    assert row.file is not None
    steps = row["results"]
    if isinstance(steps.value, list) and steps.value:
        steps = steps.elements()[-1]
    last = steps.fields()
    for order, swapped in ((DATA, "swap = False"), (SWAPPED, "swap = True")):
        identity = {"id": f"{row.file.parts[-5]}/{row.number}", "order": order}
        yield identity | _answer(last[swapped], first="1" if order == DATA else "2")


def _answer(cell: Cell, *, first: str) -> dict[str, Any]:
    """The verdict of one order, in the places shown."""
    entry = cell.fields()
    texts = [part.value for part in entry["completion"].elements()] if entry.has("completion") else []
    said = texts[0] if texts and isinstance(texts[0], str) else ""
    if not entry.has("winner"):
        return {"verdict": None, "rationale": said}
    return {"verdict": "A" if entry["winner"].label({"1": "1", "2": "2"}) == first else "B", "response": said}


RECORDINGS = Recordings(
    patterns=tuple(f"{place}/evaluators/*/*/result" for place in _FOLDERS), judges=_judges, answers=_answers
)
