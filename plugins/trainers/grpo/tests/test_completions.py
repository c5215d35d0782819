from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from harness_grpo.completions import Completions, records

from .conftest import group_of, pair, point, said


def test_a_record_says_who_was_asked_what_was_said_and_what_it_earned() -> None:
    _, second = pair("pair", 3)
    given = [said(second, "<think>é</think><answer>B</answer>"), said(second, "well")]
    group = group_of(second, given, {"accuracy": 1.0, "format": None}, {"accuracy": 0.0, "format": 0.5})
    one, other = records([group], torch.tensor([0.7071068, -0.5]), step=9, count=2)
    assert one == {
        "step": 9,
        "task": "pair",
        "item": "3",
        "order": [1, 0],
        "text": "<think>é</think><answer>B</answer>",
        "status": "ok",
        "verdict": "B",
        "gold": "B",
        "rewards": {"accuracy": 1.0, "format": None},
        "reward": 1.0,
        "advantage": 0.707107,
    }
    assert (other["status"], other["verdict"], other["reward"]) == ("unparsed", None, 0.5)


@pytest.mark.parametrize(("count", "items"), [(0, []), (1, ["0"]), (3, ["0", "2", "4"]), (12, list("001122334455"))])
def test_answers_are_spread_evenly_over_a_step(count: int, items: list[str]) -> None:
    groups = []
    for number in range(6):
        example = point("red", number)
        groups.append(group_of(example, [said(example, "a"), said(example, "b")], {"r": 0.0}, {"r": 1.0}))
    assert [one["item"] for one in records(groups, torch.zeros(12), step=1, count=count)] == items
    assert len(records(groups, torch.zeros(12), step=1, count=99)) == 12


def test_what_was_written_behind_a_step_is_dropped_and_so_is_a_torn_line(tmp_path: Path) -> None:
    log = Completions(tmp_path)
    log.trim(3)  # there is nothing yet
    for step in (1, 2, 3, 4):
        log.add([{"step": step, "text": "ä\n\u2028"}] * 2)
    path = tmp_path / "completions.jsonl"
    with path.open("a", encoding="utf-8") as stream:
        stream.write('{"step": 2, "te')
    log.trim(3)
    log.add([{"step": 4}])
    lines = path.read_text(encoding="utf-8").split("\n")
    assert [json.loads(line)["step"] for line in lines if line] == [1, 1, 2, 2, 3, 3, 4]
    assert not list(tmp_path.glob("*.tmp"))
