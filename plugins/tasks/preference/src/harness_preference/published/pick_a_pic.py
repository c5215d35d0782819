"""Pick-a-Pic: `reward_models/result/validation_MODEL_eval_THRESHOLD.json` of https://github.com/MJ-Bench/MJ-Bench.

The scores of both images of the 500 pairs of validation_unique. The threshold is the difference up to which a model
calls a tie. It changes no score, so that where it is above 0 the recorded choice counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.api.data import Row, read_table
from harness_preference.published import PublishedTable, Recordings, find_tables, stem
from harness_preference.published.mj_bench import choice_of, scores_of

_PATTERN = "reward_models/result/validation_*"
_LABELS = {"0": 1.0, "1": 0.0, "tie": 0.5}
"""The label names the better image, and `label_0` of the hub is what the first one gets."""
_SUBSET = "validation_unique"
_NAME = re.compile(r"validation_(?P<model>.+?)_eval(?P<version>_v\d+)?(?P<rest>_.+)?")

_USUAL = (None, "_0.00")


def find_items(folder: Path) -> dict[str, PublishedTable]:
    """The pairs, from the model with the most scores."""
    counts = {file: sum(1 for _ in read_table(file)) for file in find_tables(folder, _PATTERN)}
    if not counts:
        return {}
    return {_SUBSET: PublishedTable(files=(max(counts, key=lambda file: counts[file]),), root=folder, convert=_convert)}


def _convert(rows: Iterator[Row]) -> Iterator[Row]:
    """The columns of the hub's release."""
    for row in rows:
        first = row["label"].label(_LABELS)
        images = {f"jpg_{k}": row.first(f"image_{k}_uid", f"image_{k}_url").value for k in range(2)}
        facts = {"caption": row["caption"].value, "ranking_id": row["ranking_id"].value, "has_label": True}
        yield replace(row, values={**images, **facts, "label_0": first, "label_1": 1 - first, "id": row["id"].value})


def _judges(file: Path) -> tuple[str, ...]:
    """The model, with the rest of the name of the file where it is not the usual one."""
    name = _NAME.fullmatch(stem(file))
    if name is None:
        return ()
    rest = "" if name["rest"] in _USUAL else name["rest"]
    # The same scores were saved once more without a threshold in the name.
    again = name["rest"] is None and any(file.parent.glob(f"{stem(file)}_0.00.*"))
    return (f"{name['model']}{name['version'] or ''}{'_eval' if again else rest}",)


def _answers(row: Row, judge: str) -> Iterator[Mapping[str, Any]]:
    name = None if row.file is None else _NAME.fullmatch(stem(row.file))
    with_ties = name is not None and name["rest"] not in _USUAL
    answer = (choice_of(row) or scores_of(row)) if with_ties else (scores_of(row) or choice_of(row))
    # Where all of them are empty the model gave nothing.
    yield {"id": f"{_SUBSET}/{row['id'].count()}", **(answer or {"verdict": None})}


RECORDINGS = Recordings(patterns=(_PATTERN,), judges=_judges, answers=_answers)
