"""The tables of the page `What carries over`: the predictions, all arms, and what was not predicted.

    python benchmarks/train/transfer_tables.py

`transfer_analysis.py` was fixed before the test split was opened, and prints more than a page needs. This shows its
numbers for the answers in `transfer_results`, and computes none.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from transfer_analysis import (
    DOSES,
    EXPLORED,
    PREDICTIONS,
    check_predictions,
    check_whole,
    contrast,
    difference,
    dose_slope,
    level,
    shown,
)
from transfer_design import ARMS, HERE, WEAKNESSES
from transfer_scores import Records, read_records

RESULTS = HERE / "transfer_results"
"""What `transfer_grid.py` exported."""

COLUMNS = {
    "six tasks": ("inside", "macro_f1"),
    "own pairs": ("own", "macro_f1"),
    "both kinds of pairs": ("pairs", "macro_f1"),
    "both orders agree": ("pairs", "consistency"),
    "outside": ("pairs", "outside"),
    "`reasoning`": ("pairs", "reasoning"),
    "`follows`": ("pairs", "follows"),
}
"""Heading of each column of the arms, with the tasks and the metric."""


def show_predictions(records: Records, stated: Mapping[str, Any]) -> Iterator[str]:
    """A row for each prediction, in the order of the file."""
    yield "| name | prediction | points (95 %) | p by Holm | shown |"
    yield "| --- | --- | ---: | ---: | --- |"
    for tested, prediction in zip(check_predictions(records, stated), stated["predictions"], strict=True):
        points = shown(contrast(records, prediction, stated["metric"]), sign=True)
        held = "yes" if tested.held else "**no**"
        yield f"| `{tested.name}` | {tested.says} | {points} | {tested.corrected:.2g} | {held} |"


def show_arms(records: Records, weakness: str) -> Iterator[str]:
    """A row for each arm that was asked."""
    yield f"| arm | {' | '.join(COLUMNS)} | judges |"
    yield f"| --- |{' ---: |' * (len(COLUMNS) + 1)}"
    for arm in ARMS:
        count = sum((record["arm"], record["weakness"]) == (arm.name, weakness) for record in records.records)
        if count:
            cells = [shown(level(records, arm.name, weakness, *column)) for column in COLUMNS.values()]
            yield f"| `{arm.name}` | {' | '.join(cells)} | {count} |"


def show_repeats(records: Records) -> Iterator[str]:
    """How often three answers at temperature 1 have one verdict, of the arms of both weaknesses."""
    again = [{**record, "answers": record["repeated"]} for record in records.records if "repeated" in record]
    if not again:
        return
    # Fewer items are asked several times: the first ones.
    sizes = {task: len(next(iter(mine["said"].values()))) for task, mine in again[0]["answers"].items()}
    few = {
        task: {part: records.items[task][part][:size] for part in ("gold", "groups")} for task, size in sizes.items()
    }
    asked = replace(records, records=again, items=few)
    yield f"| arm | {' | '.join(WEAKNESSES)} |"
    yield f"| --- |{' ---: |' * len(WEAKNESSES)}"
    for arm in ARMS:
        found = [level(asked, arm.name, weakness, "pairs", "repeatable") for weakness in WEAKNESSES]
        if any(found):
            yield f"| `{arm.name}` | {' | '.join(map(shown, found))} |"


def show_differences(records: Records) -> Iterator[str]:
    """Differences without a test, of arms that were trained."""
    yield "| arm | minus | on | points |"
    yield "| --- | --- | --- | ---: |"
    for arm, against, over in EXPLORED:
        by_base = difference(records, arm, against, "shared", over, "macro_f1")
        if by_base:
            yield f"| `{arm}` | `{against}` | {over} | {shown(by_base, sign=True)} |"


def show_dose(records: Records) -> Iterator[str]:
    """Arms with as many updates, by the number of tasks they were trained on, and what a doubling brings."""
    slope = dose_slope(records, "shared", "macro_f1")
    if not slope:
        return
    yield "| tasks | arm | own pairs |"
    yield "| --- | --- | ---: |"
    for arm, count in DOSES.items():
        yield f"| {count} | `{arm}` | {shown(level(records, arm, 'shared', 'own', 'macro_f1'))} |"
    yield f"| each doubling | | {shown(slope, sign=True)} |"


def document(records: Records, stated: Mapping[str, Any]) -> dict[str, list[str]]:
    """The lines of each table, by the name of its place on the page."""
    return {
        "tested": list(show_predictions(records, stated)),
        **{f"arms-{weakness}": list(show_arms(records, weakness)) for weakness in WEAKNESSES},
        "repeats": list(show_repeats(records)),
        "differences": list(show_differences(records)),
        "dose": list(show_dose(records)),
    }


def main() -> None:
    """Print the tables of the test split, or of the validation split, if it is named."""
    stated, split = json.loads(PREDICTIONS.read_text(encoding="utf-8")), (*sys.argv[1:], "test")[0]
    records = read_records(RESULTS / f"{split}.jsonl.gz", RESULTS / f"{split}-items.json")
    check_whole(records, stated)
    for name, lines in document(records, stated).items():
        print(f"{name}:\n", *lines, "", sep="\n")  # noqa: T201


if __name__ == "__main__":
    main()
