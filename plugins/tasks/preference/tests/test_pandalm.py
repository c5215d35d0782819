from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.api import TIE, Context, Item, Judgement, Request
from harness.testing import score_task
from harness_preference.benchmarks import pandalm

Contexts = Callable[[object], Context]
PEOPLE = ((1, 1, 2), (2, 2, 2), (0, 0, 0), (1, 1, 1), (2, 1, 2), (1, 1, 1))
"""What three people say of each pair: 0 is a tie."""


def test_the_three_people_are_the_ceiling_beside_the_judge(tmp_path: Path, context: Contexts) -> None:
    rows = [
        {
            "idx": number,
            "instruction": f"i {number}",
            "input": "",
            "response1": "a",
            "response2": "b",
            **{f"annotator{k}": said for k, said in enumerate(votes, 1)},
        }
        for number, votes in enumerate(PEOPLE)
    ]
    (tmp_path / "testset-v1.json").write_text(json.dumps(rows))

    def first(request: Request, item: Item) -> Judgement:
        vote = PEOPLE[int(item.id.split("/")[1])][0]
        return Judgement.of(TIE if vote == 0 else vote - 1)

    ceiling = score_task(pandalm.task(None, context(tmp_path)), first).ceiling
    assert ceiling is not None
    accuracy = ceiling.of("accuracy")
    assert accuracy is not None
    # Leave one out: where the other two differ, each of their verdicts is the gold by half. Pair 0 gives the three
    # people 1/2, 1/2 and 0, pair 4 gives 1/2, 0 and 1/2, and the others agree.
    assert accuracy.value == pytest.approx((4 * 3 + 1 + 1) / 18)
