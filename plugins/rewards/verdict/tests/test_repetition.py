from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import Judgement, Preference, Request, Status
from harness_verdict.options import RepetitionOptions
from harness_verdict.repetition import Repetition, share_of_repeats

Put = Callable[..., Request]
PAIR = Preference(2)
words = st.lists(st.sampled_from(["a", "b", "c"]), max_size=30)


@pytest.mark.parametrize(
    ("text", "n", "share"),
    [
        ("", 3, 0.0),
        ("a a", 3, 0.0),
        ("a a a", 3, 0.0),
        ("a a a a", 3, 1 / 2),
        ("a b c d e f", 3, 0.0),
        ("a b c A\nB  c", 3, 1 / 4),
        ("a b a b", 1, 1 / 2),
        ("a b a b", 2, 1 / 3),
    ],
)
def test_it_counts_n_grams_that_were_said_before(text: str, n: int, share: float) -> None:
    assert share_of_repeats(text, n) == pytest.approx(share)


@given(words=words, n=st.integers(1, 6), scale=st.floats(0.01, 10))
def test_it_is_bounded_by_the_scale_and_0_for_short_text(put: Put, words: list[str], n: int, scale: float) -> None:
    reward = Repetition(RepetitionOptions(n=n, scale=scale))
    value = reward(put(PAIR), Judgement.of(0, raw=" ".join(words)), 1)
    assert value is not None
    assert -scale < value <= 0
    assert value == 0 or len(words) > n


@given(words=words, n=st.integers(1, 6))
def test_text_that_goes_round_and_round_has_no_more_n_grams_than_one_round_has_words(words: list[str], n: int) -> None:
    rounds = 50
    count = rounds * len(words) - n + 1
    if words:
        assert share_of_repeats(" ".join(words * rounds), n) >= 1 - len(words) / count - 1e-9


@given(words)
def test_other_words_in_their_places_change_nothing(words: list[str]) -> None:
    renamed = [{"a": "x", "b": "y", "c": "z"}[word] for word in words]
    assert share_of_repeats(" ".join(renamed), 2) == share_of_repeats(" ".join(words), 2)


def test_the_whole_answer_counts_and_not_the_verdict(put: Put) -> None:
    request, reward = put(PAIR), Repetition(RepetitionOptions())
    raw = "<think> " + "I see. I see. I see. " * 4 + "</think><answer>A</answer>"
    read = request.read(raw)
    assert reward(request, read, 0) == reward(request, read, 1) == pytest.approx(-share_of_repeats(raw, 3))
    for status in (Status.UNPARSED, Status.REFUSED, Status.TRUNCATED):
        assert reward(request, Judgement.failure(status, "no", raw=raw), 0) == reward(request, read, 0)


def test_a_failure_of_the_machine_earns_nothing(put: Put) -> None:
    assert Repetition(RepetitionOptions())(put(PAIR), Judgement.failure(Status.ERROR, "no memory"), 0) is None
