"""`completions.jsonl`: some of what the policy wrote at each step, and what it earned."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api.files import write_whole
from harness_grpo.rollout import Group

if TYPE_CHECKING:
    from torch import Tensor


class Completions:
    """The log of a training.

    Args:
        folder: Of the training.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "completions.jsonl"

    def add(self, records: Sequence[dict[str, Any]]) -> None:
        """Append records. Each has a `step`."""
        with self._path.open("a", encoding="utf-8") as stream:
            stream.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)

    def trim(self, step: int) -> None:
        """Drop what was written after a step, and a line that was cut off: it will be written again."""
        if not self._path.is_file():
            return
        lines = self._path.read_text(encoding="utf-8", errors="replace").split("\n")  # models write other line ends
        # In one step: an attempt that is killed here leaves the old file whole.
        write_whole(self._path, "".join(f"{line}\n" for line in lines if _step_of(line) <= step))


def records(groups: Sequence[Group], advantage: Tensor, *, step: int, count: int) -> list[dict[str, Any]]:
    """Some answers of a step, spread evenly over it.

    Args:
        groups: Of the step, G answers each.
        advantage: Shape (rows,), group by group.
        step: Its number, from 1.
        count: How many answers at most.
    """
    rows = [(group, place) for group in groups for place in range(len(group.given))]
    count = min(count, len(rows))
    return [
        _record(*rows[row], advantage=float(advantage[row]), step=step)
        for row in (number * len(rows) // count for number in range(count))
    ]


def _record(group: Group, place: int, *, advantage: float, step: int) -> dict[str, Any]:
    request, given, earned = group.asked.example.request, group.given[place], group.earned[place]
    verdict = given.judgement.verdict
    return {
        "step": step,
        "task": group.asked.task,
        "item": request.item,
        "order": list(request.order),
        "text": given.text,
        "status": given.judgement.status.value,
        "verdict": None if verdict is None else request.space.name(verdict),
        "gold": request.space.name(group.asked.example.gold),
        "rewards": dict(earned.parts),
        "reward": earned.total,
        "advantage": round(advantage, 6),  # for people; the gradient used all digits
    }


def _step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf  # past every step, so that a broken line is dropped
