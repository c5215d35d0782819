from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from harness.api import Choice, Judgement, Preference, Ranking, Request, Score, Status, Verdict
from harness_verdict.distance import distance, kendall_distance

Put = Callable[..., Request]
SCALES = [Score(1, 5), Score(0, 4), Score(-1, 1, 0.25)]
rankings = st.integers(2, 7).flatmap(lambda n: st.tuples(*[st.permutations(range(n)).map(tuple)] * 3))


@pytest.mark.parametrize(
    ("space", "said", "gold", "earned"),
    [
        (Score(1, 5), 4.0, 4.0, 1.0),
        (Score(1, 5), 3.0, 4.0, 0.75),
        (Score(1, 5), 5.0, 1.0, 0.0),
        (Score(0, 1, 0), 0.25, 0.5, 0.75),
        (Ranking(3), (0, 1, 2), (0, 1, 2), 1.0),
        (Ranking(3), (1, 0, 2), (0, 1, 2), 2 / 3),
        (Ranking(3), (2, 1, 0), (0, 1, 2), 0.0),
    ],
)
def test_it_is_1_less_the_share_of_the_greatest_distance(
    put: Put, space: Score, said: Verdict, gold: Verdict, earned: float
) -> None:
    assert distance(put(space), Judgement.of(said), gold) == pytest.approx(earned)


@given(space=st.sampled_from(SCALES), data=st.data())
def test_of_scores_it_is_bounded_symmetric_and_blind_to_the_ends(put: Put, space: Score, data: st.DataObject) -> None:
    said, gold = (float(str(data.draw(st.sampled_from(space.verdicts())))) for _ in range(2))
    request, ends = put(space), space.low + space.high
    earned = distance(request, Judgement.of(said), gold)
    assert earned is not None
    assert 0 <= earned <= 1
    assert (earned == 1) == (said == gold)
    assert distance(request, Judgement.of(gold), said) == earned
    assert distance(request, Judgement.of(ends - said), ends - gold) == pytest.approx(earned)
    assert distance(request, Judgement.failure(Status.UNPARSED, "no"), gold) == 0.0


@given(rankings)
def test_of_rankings_it_does_not_depend_on_the_names_of_the_candidates(
    put: Put, drawn: tuple[tuple[int, ...], ...]
) -> None:
    said, gold, names = drawn
    request = put(Ranking(len(said)))
    earned = distance(request, Judgement.of(said), gold)
    assert earned is not None
    assert 0 <= earned <= 1
    assert (earned == 1) == (said == gold)
    assert distance(request, Judgement.of(gold), said) == earned
    renamed = Judgement.of(tuple(names[place] for place in said))
    assert distance(request, renamed, tuple(names[place] for place in gold)) == earned
    assert distance(request, Judgement.of(tuple(reversed(said))), gold) == pytest.approx(1 - earned)


@given(rankings)
def test_the_distance_of_rankings_is_kendalls(drawn: tuple[tuple[int, ...], ...]) -> None:
    one, other, _ = drawn
    ranks = [[ranking.index(place) for place in range(len(ranking))] for ranking in (one, other)]
    assert kendall_distance(one, other) == pytest.approx((1 - kendalltau(*ranks).statistic) / 2)


@pytest.mark.parametrize("space", [Choice(("yes", "no")), Preference(2)], ids=str)
@pytest.mark.parametrize("status", list(Status))
def test_it_does_not_apply_to_spaces_without_a_distance(put: Put, space: Choice, status: Status) -> None:
    verdict = space.verdicts()[0]
    judgement = Judgement.of(verdict) if status is Status.OK else Judgement.failure(status, "no")
    assert distance(put(space), judgement, verdict) is None


@pytest.mark.parametrize("space", [Score(0, 4), Ranking(3)], ids=str)
def test_no_verdict_earns_0_and_a_failure_of_the_machine_nothing(put: Put, space: Score) -> None:
    for gold in space.verdicts():
        for status in (Status.UNPARSED, Status.REFUSED, Status.TRUNCATED):
            assert distance(put(space), Judgement.failure(status, "no"), gold) == 0.0
        assert distance(put(space), Judgement.failure(Status.ERROR, "no memory"), gold) is None
