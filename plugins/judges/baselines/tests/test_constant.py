from __future__ import annotations

from typing import Any

import pytest

from harness.api import Choice, Preference, Ranking, Rubric, Score, Status
from harness_baselines.constant import Constant, make
from harness_baselines.options import ConstantOptions

RUBRIC = Rubric((("clear", Score(1, 5)), ("better", Preference(2))))


@pytest.mark.parametrize(
    ("answer", "space", "verdict"),
    [
        ("B", Preference(2), 1),
        ("yes", Choice(("no", "yes")), "yes"),
        ("3", Score(1, 5, 1), 3.0),
        ("B > A > C", Ranking(3), (1, 0, 2)),
        (None, Preference(2), 0),
        (None, Choice(("no", "yes")), "no"),
        (None, Score(0, 1, 0), 0.0),
        ("better: B; clear: 2", RUBRIC, (2.0, 1)),
        (None, RUBRIC, (1.0, 0)),
        (None, Ranking(12), tuple(range(12))),
    ],
)
def test_it_always_gives_the_named_verdict(one: Any, put: Any, answer: str | None, space: Any, verdict: Any) -> None:
    judge = Constant(answer)
    for number in range(3):
        assert one(judge, put(space, number=number)).verdict == verdict


def test_an_answer_outside_the_space_is_refused_and_says_so(one: Any, put: Any) -> None:
    judgement = one(Constant("C"), put(Preference(2)))
    assert judgement.status is Status.REFUSED
    assert "'C'" in judgement.error
    assert "preference among 2" in judgement.error


@pytest.mark.parametrize(("written", "read"), [(True, "yes"), (False, "no"), (3, "3"), (2.5, "2.5"), ("A", "A")])
def test_what_yaml_makes_of_a_bare_word_is_put_right(written: Any, read: str) -> None:
    assert ConstantOptions(answer=written).answer == read


def test_another_answer_is_another_judge(plan: Any) -> None:
    assert len({make(ConstantOptions(answer=answer), plan()).fingerprint() for answer in ("A", "B", None)}) == 3


def test_it_is_certain(one: Any, put: Any) -> None:
    assert one(Constant("no"), put(Choice(("yes", "no")))).probabilities == {"yes": 0.0, "no": 1.0}
