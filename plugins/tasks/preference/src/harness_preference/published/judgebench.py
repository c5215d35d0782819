"""JudgeBench: `data/` and `outputs/` of https://github.com/ScalerLab/JudgeBench.

The names of the files say what they hold: `dataset=judgebench,response_model=gpt-4o-2024-05-13` for the pairs, and with
`,judge_name=arena_hard,judge_model=o1-mini-2024-09-12` after it for the answers of a judge. The pairs are in both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.api.data import Cell, Row, Table
from harness_preference.published import DATA, SWAPPED, Recordings, find_tables, stem

SUBSETS = {"gpt": "gpt", "claude": "claude"}
"""Subset by the beginning of the model that answered."""

_DECISIONS = {"A>B": "A", "B>A": "B", "A=B": "tie"}
_MIRRORED = {"A": "B", "B": "A", "tie": "tie", None: None}
_NAME = re.compile(
    r"(?:.*,)?response_model=(?P<answers>[^,]+)(?:,judge_name=(?P<kind>[^,]+),judge_model=(?P<judge>.+))?"
)


def find_items(folder: Path) -> dict[str, Table]:
    """The pairs of each subset. Where `data/` is not there, those in the first file of recorded answers."""
    found: dict[str, Table] = {}
    for file in (*find_tables(folder, "data/*response_model=*"), *find_tables(folder, "outputs/*response_model=*")):
        if subset := _subset(file):
            found.setdefault(subset, Table(files=(file,), root=folder))
    return {subset: found[subset] for subset in SUBSETS.values() if subset in found}


def _subset(file: Path) -> str:
    name = _NAME.fullmatch(stem(file))
    return "" if name is None else next((SUBSETS[start] for start in SUBSETS if name["answers"].startswith(start)), "")


def _judges(file: Path) -> tuple[str, ...]:
    """The judge's model. Several ways to ask one model are several judges, and all but the usual two are named."""
    name = _NAME.fullmatch(stem(file))
    if name is None or not name["judge"] or not _subset(file):
        return ()
    return (name["judge"],) if name["kind"] in ("arena_hard", "reward_model") else (f"{name['judge']}-{name['kind']}",)


def _answers(row: Row, judge: str) -> Iterator[Mapping[str, Any]]:
    """Both judgements of a pair, as the authors' script read them (`compute_final_metrics` of utils/metrics.py).

    The second is of the swapped pair, and its decision is in the places shown. A judgement of `null` is a request that
    failed, which the script counts as no vote.
    """
    assert row.file is not None
    cells = row["judgments"].elements()
    answers = [{"verdict": None} if cell.value is None else _answer(cell) for cell in cells]
    if len(answers) == 1 and "verdict" in answers[0]:
        # Asked once, with `--single_game`, which is for judges that do not look at the order.
        answers.append({**answers[0], "verdict": _MIRRORED[answers[0]["verdict"]]})
    if len(answers) != 2:
        raise row["judgments"].mismatch("a list of two judgements, the second of the swapped pair")
    for answer, order in zip(answers, (DATA, SWAPPED), strict=True):
        yield {"id": f"{_subset(row.file)}/{row['pair_id'].name()}", "order": order, **answer}


def _answer(cell: Cell) -> dict[str, Any]:
    entry = cell.fields()
    answer = entry["judgment"].fields().values if entry.has("judgment") else {}
    text = answer.get("response")
    said = text if isinstance(text, str) else ""
    if "decision" not in entry.values:
        # Not so in the published files. The scores decide as they would there, and a text is read as any other.
        return {"scores": answer["scores"]} if "scores" in answer else {"response": said}
    if not entry.has("decision"):
        # The authors found no verdict in it, and what they found is what counts here.
        return {"verdict": None, "rationale": said}
    return {"verdict": entry["decision"].label(_DECISIONS), "response": said}


RECORDINGS = Recordings(patterns=("outputs/*response_model=*",), judges=_judges, answers=_answers)
