"""VLRMBench: `eval_res/TASK/MODEL.jsonl`, as the scripts of https://github.com/JCruan519/VLRMBench write it.

A row has the id, the gold, and what the model wrote. It is read by the rules of the authors' scripts, quirks included.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.api.data import Row
from harness_preference.benchmarks.vlrmbench import FORESIGHT, SOLUTIONS, STEPS
from harness_preference.published import Recordings, stem

_NUMBER = re.compile(r"\d+")
_SAYS = {
    True: re.compile(r"\b(yes|true)\b", re.IGNORECASE),
    False: re.compile(r"\b(no|false)\b", re.IGNORECASE),
}
_LEFT_OUT = {"error": "the model gave no answer"}
"""The scripts print the id of a row without a text, and go on without it."""


def _judges(file: Path) -> tuple[str, ...]:
    return (stem(file),)


def _steps(row: Row, judge: str) -> Iterator[Mapping[str, Any]]:
    """The indicators of a row: the first numbers of the text, where what is no 0 is a 1 and what is missing a 0.

    It is `format_model_answer_tolist` of model_eval/utils.py.
    """
    assert row.file is not None
    count = len(row["task_gt"].elements())
    text = _text(row, "model_answer")
    numbers = _NUMBER.findall(text or "")[:count]
    marks = ["yes" if number.strip("0") else "no" for number in numbers] + ["no"] * (count - len(numbers))
    for step, mark in enumerate(marks, 1):
        said = _LEFT_OUT if text is None else {"verdict": mark, "response": text}
        yield {"id": f"{row.file.parent.name}/{row['id'].name()}/{step}", **said}


def _foresight(row: Row, judge: str) -> Iterator[Mapping[str, Any]]:
    """Yes or no. A text with both words is right in either case, as in get_fores_eval_res.py."""
    name, gold = f"foresight/{row['id'].name()}", row["task_gt"].flag()
    text = _text(row, "model_answer")
    if text is None:
        yield {"id": name, **_LEFT_OUT}
        return
    said = next((answer for answer in (gold, not gold) if _SAYS[answer].search(text)), None)
    verdict = {True: "yes", False: "no", None: None}[said]
    yield {"id": name, "verdict": verdict, **({"rationale": text} if verdict is None else {"response": text})}


def _solutions(row: Row, judge: str) -> Iterator[Mapping[str, Any]]:
    """The scores of both responses over both orders: the last two numbers of each text, as in get_ms_eval_res.py."""
    front, back = (_last_two(_text(row, f"model_answer_{way}") or "") for way in ("front", "back"))
    # The right response is shown first in front, and second in back.
    yield {"id": f"multi_solution/{row['id'].name()}", "scores": [front[0] + back[1], front[1] + back[0]]}


def _last_two(text: str) -> list[float]:
    # No more digits than a score can have. A longer number is as good as any other: it is no score.
    numbers = [float(number[:9]) for number in _NUMBER.findall(text)]
    return numbers[-2:] if len(numbers) >= 2 else [*numbers, 0.0, 0.0][:2]


def _text(row: Row, column: str) -> str | None:
    return row[column].text() if row.values.get(column) is not None else None


STEP_RECORDINGS = Recordings(
    patterns=tuple(f"eval_res/{subset}/*" for subset in STEPS.layout.subsets), judges=_judges, answers=_steps
)
FORESIGHT_RECORDINGS = Recordings(
    patterns=tuple(f"eval_res/{subset}/*" for subset in FORESIGHT.layout.subsets), judges=_judges, answers=_foresight
)
SOLUTION_RECORDINGS = Recordings(
    patterns=tuple(f"eval_res/{subset}/*" for subset in SOLUTIONS.layout.subsets), judges=_judges, answers=_solutions
)
