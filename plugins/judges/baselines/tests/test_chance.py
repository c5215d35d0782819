from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from scipy.stats import chisquare

from harness.api import Choice, Preference, Ranking, Rubric, Score
from harness_baselines.chance import Chance, make
from harness_baselines.options import RandomOptions

SPACES = [
    Choice(("yes", "no", "unsure")),
    Preference(2),
    Preference(3, ("bothgood", "bothbad")),
    Score(1, 5, 1),
    Score(0, 0.3, 0.1),
    Ranking(3),
    Rubric((("clear", Score(1, 5)), ("better", Preference(2)))),
]


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_every_verdict_is_as_likely_as_any_other(put: Any, space: Any) -> None:
    requests = [put(space, number=number) for number in range(1500)]
    given = Counter(space.name(judgement.verdict) for _, judgement in Chance(0).judge(requests))
    names = [space.name(verdict) for verdict in space.verdicts()]
    assert set(given) == set(names)
    assert chisquare([given[name] for name in names]).pvalue > 1e-4


@pytest.mark.parametrize("space", [*SPACES, Score(0, 1, 0), Score(0, 10000, 1), Ranking(20)], ids=str)
def test_answers_fit_the_space_and_a_resumed_run_gets_the_same(one: Any, put: Any, space: Any) -> None:
    whole = [one(Chance(7), put(space, number=number)) for number in range(20)]
    assert [one(Chance(7), put(space, number=number)) for number in reversed(range(20))] == whole[::-1]


def test_another_seed_is_another_judge(plan: Any, put: Any) -> None:
    requests = [put(Preference(2), number=number) for number in range(64)]
    first, second, unset = (make(RandomOptions(seed=seed), plan(seed=1)) for seed in (1, 2, None))
    assert first.fingerprint() == unset.fingerprint() != second.fingerprint()
    assert list(first.judge(requests)) == list(unset.judge(requests)) != list(second.judge(requests))


def test_small_spaces_get_uniform_probabilities(one: Any, put: Any) -> None:
    assert one(Chance(0), put(Preference(4))).probabilities == dict.fromkeys("ABCD", 0.25)
    assert one(Chance(0), put(Ranking(8))).probabilities is None
    assert one(Chance(0), put(Score(0, 1, 0))).probabilities is None
