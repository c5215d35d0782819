from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import Answer, Choice, Item, Judgement, Preference, Request, Status, UserError
from harness_verdict.options import RationaleOptions
from harness_verdict.rationale import Rationale, word_f1

Put = Callable[..., Request]
REWARD = Rationale(RationaleOptions())
SPACE = Choice(("yes", "no"))
REFERENCE = "The card shows a red 3, and the text says a red 5."


def answer(put: Put, said: str | Status, rationale: str = REFERENCE, *, reference: str = REFERENCE) -> Answer:
    request = put(SPACE)
    judgement = Judgement.failure(said, "no") if isinstance(said, Status) else Judgement.of(said, rationale=rationale)
    item = Item(id=request.item, group="g", space=SPACE, gold="no", tags={"rationale": reference})
    return Answer(request=request, judgement=judgement, gold="no", item=item)


def test_the_reference_itself_earns_1_in_any_case_and_punctuation(put: Put) -> None:
    said = "the card shows a red 3 AND the text says a red 5"
    assert REWARD.of_step([answer(put, "no"), answer(put, "no", said)]) == [1.0, 1.0]


def test_a_fact_left_out_or_changed_costs(put: Put) -> None:
    whole, less, other, none = REWARD.of_step(
        [answer(put, "no", text) for text in (REFERENCE, "The card shows a red 3.", REFERENCE.replace("3", "8"), "")]
    )
    assert whole is not None
    assert other is not None
    assert less is not None
    assert whole > other > less > 0 == none


def test_words_without_end_do_not_pay(put: Put) -> None:
    """Precision counts as well as recall: to name every fact that there is earns less than to name the right ones."""
    (stuffed,) = REWARD.of_step([answer(put, "no", " ".join([REFERENCE, *map(str, range(100))]))])
    assert stuffed is not None
    assert stuffed < 0.25


@pytest.mark.parametrize("said", ["yes", Status.UNPARSED, Status.OUTSIDE, Status.REFUSED, Status.TRUNCATED])
def test_good_reasons_never_pay_for_a_wrong_verdict_or_none(put: Put, said: str | Status) -> None:
    assert REWARD.of_step([answer(put, said)]) == [0.0]


def test_an_item_without_a_reference_is_left_to_other_rewards(put: Put) -> None:
    assert REWARD.of_step([answer(put, "no", reference=" "), answer(put, "no")]) == [None, 1.0]
    other = Rationale(RationaleOptions(tag="why"))
    assert other.of_step([answer(put, "no")]) == [None]


def test_a_trainer_that_gives_no_item_is_told(put: Put) -> None:
    with pytest.raises(UserError, match="item '7': the reference rationale is in the item"):
        REWARD(put(SPACE), Judgement.of("no"), "no")


def test_a_preference_is_right_in_its_own_order(put: Put) -> None:
    space = Preference(2)
    item = Item(id="7", group="g", space=space, gold=0, tags={"rationale": REFERENCE})
    shown = put(space, order=(1, 0))
    right, wrong = (
        Answer(request=shown, judgement=Judgement.of(said, rationale=REFERENCE), gold=1, item=item) for said in (1, 0)
    )
    assert REWARD.of_step([right, wrong]) == [1.0, 0.0]


WORDS = st.lists(st.sampled_from(["a", "b", "c", "3"]), max_size=8).map(" ".join)


@given(text=WORDS, reference=WORDS)
def test_f1_is_the_harmonic_mean_of_precision_and_recall(text: str, reference: str) -> None:
    left, found = reference.split(), 0
    for word in text.split():
        if word in left:
            left.remove(word)
            found += 1
    value = word_f1(text, reference)
    if not found:
        assert value == 0
        return
    precision, recall = found / len(text.split()), found / len(reference.split())
    assert value == pytest.approx(2 * precision * recall / (precision + recall))
