"""Omni-RewardBench: results of run_exp.py in https://github.com/HongbangYuan/OmniReward (evaluation_experiments).

`TASK/MODEL_preferences.json` is the list of the items with what the model said of each: `predicted`, and its answer in
`MODEL_raw_response`. `TASK/MODEL_preferences_with_tie.json` is the same, where a tie was allowed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.api import DataError
from harness.api.data import Row
from harness_preference.benchmarks.omni_rewardbench import TASKS
from harness_preference.published import Recordings, stem

_VERDICTS = {"response1": "A", "response2": "B", "tie": "tie"}
_NAME = re.compile(r"(?P<model>.+?)_preferences(?P<ties>_with_tie)?")


def _judges(file: Path) -> tuple[str, ...]:
    name = _NAME.fullmatch(stem(file))
    if name is None or file.parent.name not in TASKS:
        return ()
    # Asked with a tie allowed, a model gives other answers to the same items.
    return (name["model"] + ("-with-tie" if name["ties"] else ""),)


def _answers(row: Row, judge: str) -> Iterator[Mapping[str, Any]]:
    assert row.file is not None
    name = _NAME.fullmatch(stem(row.file))
    assert name is not None
    # Without ties the file lacks the items that people tie on, so that numbers of rows are not those of the data.
    if not row.has("id") and not name["ties"]:
        raise DataError(
            f"{row.place}: expected the id of the item in column 'id', found none; results without ties need it"
        )
    item = row["id"].name() if row.has("id") else str(row.number)
    column = f"{name['model']}_raw_response"
    said = row[column].text() if row.has(column) else ""
    answer = {"id": f"{row.file.parent.name}/{item}", "order": [0, 1]}
    verdict = row["predicted"].label(_VERDICTS) if row.has("predicted") else None
    yield {**answer, "verdict": verdict, ("rationale" if verdict is None else "response"): said}


RECORDINGS = Recordings(patterns=("*/*_preferences", "*/*_preferences_with_tie"), judges=_judges, answers=_answers)
