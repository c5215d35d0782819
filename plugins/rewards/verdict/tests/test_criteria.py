from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import TIE, Answer, Choice, Item, Judgement, Preference, Request, Rubric, Score, Status, UserError
from harness_verdict.accuracy import accuracy
from harness_verdict.brier import brier
from harness_verdict.criteria import criteria_accuracy
from harness_verdict.form import well_formed
from harness_verdict.swap import SwapConsistency

Put = Callable[..., Request]
SPACE = Rubric((("sharp", Score(1, 3)), ("better", Preference(2, ("tie",))), ("safe", Choice(("yes", "no")))))


@given(said=st.sampled_from(SPACE.verdicts()), gold=st.sampled_from(SPACE.verdicts()))
def test_it_is_the_share_that_evaluation_counts(put: Put, said: tuple[object, ...], gold: tuple[object, ...]) -> None:
    request = put(SPACE)
    judgement = request.read(request.format.write(said, SPACE, "It fits."))  # type: ignore[arg-type]
    share = sum(a == b for a, b in zip(said, gold, strict=True)) / 3
    assert criteria_accuracy(request, judgement, gold) == pytest.approx(share)  # type: ignore[arg-type]
    assert accuracy(request, judgement, gold) == float(share == 1)  # type: ignore[arg-type]
    assert well_formed(request, judgement, gold) == 1.0  # type: ignore[arg-type]


def test_leaving_out_a_criterion_never_pays(put: Put) -> None:
    request = put(SPACE)
    judgement = request.read("<think>So.</think><answer>sharp: 1; better: A</answer>")
    assert judgement.error == "no verdict: no answer to 'safe'"
    assert criteria_accuracy(request, judgement, (1.0, 0, "no")) == 0.0
    assert criteria_accuracy(request, Judgement.failure(Status.ERROR, "no memory"), (1.0, 0, "no")) is None


def test_a_bare_tie_is_right_for_a_tie_and_other_spaces_have_no_criteria(put: Put) -> None:
    assert criteria_accuracy(put(SPACE), Judgement.of((1.0, TIE, "no")), (1.0, "tie", "yes")) == pytest.approx(2 / 3)
    assert criteria_accuracy(put(Preference(2)), Judgement.of(0), 0) is None


def test_both_orders_need_every_criterion_right(put: Put) -> None:
    reward, gold = SwapConsistency(), (2.0, 0, "no")

    def answers(*shown: tuple[float | int | str, ...]) -> list[Answer]:
        item = Item(id="7", group="g", space=SPACE, gold=gold)
        asked = [put(SPACE, order=order) for order in ((0, 1), (1, 0))]
        return [
            Answer(request=request, judgement=Judgement.of(said), gold=SPACE.to_shown(gold, request.order), item=item)
            for request, said in zip(asked, shown, strict=True)
        ]

    assert reward.of_orders(answers((2.0, 0, "no"), (2.0, 1, "no"))) == 1.0
    assert reward.of_orders(answers((2.0, 0, "no"), (2.0, 0, "no"))) == 0.0
    with pytest.raises(UserError, match="one order"):
        reward(put(SPACE), Judgement.of(gold), gold)
    alone = Rubric((("sharp", Score(1, 3)),))
    assert reward(put(alone), Judgement.of((1.0,)), (1.0,)) is None


def test_brier_reads_the_probability_of_the_whole_answer(put: Put) -> None:
    space = Rubric((("better", Preference(2)), ("safe", Choice(("yes", "no")))))
    shares = {"better: A; safe: no": 0.6, "better: A; safe: yes": 0.4}
    earned = brier(put(space), Judgement.of((0, "no"), probabilities=shares), (0, "no"))
    assert earned == pytest.approx(1 - 0.4**2)
