"""ContextualJudgeBench: `JUDGE/STRATEGY/eval_detailed_SPLIT.jsonl`, as `main_eval.py` of its authors leaves them.

Code: https://github.com/SalesforceAIResearch/ContextualJudgeBench. A file has a line for each pair, in the order of the
data. `votes` are the judgements of both orders: 1 for the better response wherever it was shown, 2 for the other one,
-1 where nothing could be read. Judges on a server have lists of one judgement.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.api.data import Cell, Row
from harness_preference.published import DATA, SWAPPED, Recordings, stem

SUBSETS = (
    "completeness_qa",
    "completeness_summ",
    "conciseness_qa",
    "conciseness_summ",
    "faithfulness_qa",
    "faithfulness_summ",
    "refusal_answerable",
    "refusal_unanswerable",
)
_START = "eval_detailed_"
# MiniCheck says 0 where it prefers the other response.
_VOTES: dict[str, int | None] = {"1": 0, "2": 1, "0": 1, "-1": None}


def _judges(file: Path) -> tuple[str, ...]:
    """The model, and the strategy where it is not the usual one. None for files of several samples."""
    if stem(file).removeprefix(_START) not in SUBSETS:
        return ()
    judge, strategy = file.parts[-3:-1]
    return (judge if strategy == "vanilla" else f"{judge}-{strategy}",)


def _answers(row: Row, judge: str) -> Iterator[Mapping[str, Any]]:
    assert row.file is not None
    votes = row["votes"].elements()
    if len(votes) != 2:
        raise row["votes"].mismatch("a list of two votes, the second of the swapped pair")
    subset = stem(row.file).removeprefix(_START)
    for vote, order, column in zip(votes, (DATA, SWAPPED), ("swap_inference1", "swap_inference2"), strict=True):
        winner = _single(vote).label(_VOTES)
        verdict = None if winner is None else "AB"[order.index(winner)]
        yield {"id": f"{subset}/{row.number}", "order": order, "verdict": verdict, "rationale": _find_text(row, column)}


def _single(cell: Cell) -> Cell:
    inner = cell.elements() if isinstance(cell.value, list) else [cell]
    if len(inner) != 1:
        raise cell.mismatch("one vote")
    return inner[0]


def _find_text(row: Row, column: str) -> str:
    """What the judge wrote. Judges that score have numbers there, which are left out."""
    value = row.values.get(column)
    value = value[0] if isinstance(value, list) and len(value) == 1 else value
    return value if isinstance(value, str) else ""


RECORDINGS = Recordings(
    patterns=(f"*/*/{_START}*", f"*/*/*/{_START}*"),
    judges=_judges,
    answers=_answers,
)
