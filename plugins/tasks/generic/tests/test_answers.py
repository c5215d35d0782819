from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import TIE, DataError, Ranking
from harness.api.data import Row
from harness_generic import answers
from harness_generic.options import Pairwise, Pointwise, Ranked, Scored

LETTERS = "ABCDEF"


def row(**values: object) -> Row:
    return Row(values, "f.jsonl, line 3", 2)


def pair(**labels: Any) -> Pairwise:
    return Pairwise(question="?", candidate_texts=["a", "b"], gold="g", labels=labels)


def point(**labels: str) -> Pointwise:
    return Pointwise(question="{a}?", answers=["yes", "no"], gold="g", labels=labels)


def scale(low: float, high: float, step: float = 1) -> Scored:
    return Scored(question="{a}?", gold="g", low=low, high=high, step=step)


def ranked(**options: Any) -> Ranked:
    return Ranked(**{"question": "?", "gold": "g", "candidate_texts": "texts", **options})


@pytest.mark.parametrize(
    ("found", "label", "said"),
    [
        ("n\u043e", "no", r"It is 'n\u043e', and the label is 'no'."),
        ("no", "n\u043e", r"It is 'no', and the label is 'n\u043e'."),
        ("ja\u0308", "j\u00e4", r"It is 'ja\u0308', and the label is 'j\xe4'."),
        ("no\u00a0", "no ", r"It is 'no\xa0', and the label is 'no '."),
        ("n\u043e", "yes", "fix the row, or say in `labels` what it means."),
    ],
)
def test_a_word_that_looks_like_a_label_is_told_with_both_spellings(found: str, label: str, said: str) -> None:
    with pytest.raises(DataError) as raised:
        answers.choice(point(**{label: "yes", "other": "no"}), row(g=found), 0)
    assert str(raised.value).endswith(said)


def test_preferences_are_what_the_labels_say() -> None:
    options = pair(L="first", R="second", same="tie", both="tie")
    assert [answers.preference(options, row(g=value), 2)[1] for value in ("L", "R", "same", "both")] == [0, 1, TIE, TIE]


def test_a_tie_may_be_said_only_where_a_label_means_it() -> None:
    assert answers.preference(pair(L="first", same="tie"), row(g="L"), 2)[0].contains(TIE)
    assert not answers.preference(pair(L="first"), row(g="L"), 2)[0].contains(TIE)


def test_without_a_gold_column_the_first_is_better() -> None:
    options = Pairwise(question="?", candidate_texts=["chosen", "rejected"], gold=None)
    assert answers.preference(options, row(), 2)[1] == 0


def test_a_pair_has_two_candidates() -> None:
    with pytest.raises(DataError, match=r"line 3: expected two candidates, found 3"):
        answers.preference(pair(L="first"), row(g="L"), 3)


@pytest.mark.parametrize("value", [1, 1.0, "1", True])
def test_labels_are_compared_as_text(value: object) -> None:
    assert answers.choice(point(**{"1": "yes", "true": "yes", "0": "no"}), row(g=value), 0)[1] == "yes"


def test_without_labels_the_values_are_the_answers() -> None:
    assert answers.choice(point(), row(g="no"), 0)[1] == "no"


@pytest.mark.parametrize("value", ["Yes", "yes ", "maybe", 2, False, float("nan"), ["yes"], b"yes", ""])
def test_an_unknown_label_names_row_column_and_what_is_known(value: object) -> None:
    with pytest.raises(DataError, match=r"f\.jsonl, line 3, column 'g': expected .*, found"):
        answers.choice(point(), row(g=value), 0)
    with pytest.raises(DataError, match=r"expected one of 'yes', 'no', found str 'yess'; .*\. Did you mean 'yes'\?"):
        answers.choice(point(), row(g="yess"), 0)


@given(st.dictionaries(st.text(min_size=1), st.sampled_from(["yes", "no"]), min_size=1), st.text(min_size=1))
def test_a_value_means_what_its_label_says_or_is_an_error(labels: dict[str, str], value: str) -> None:
    try:
        assert answers.choice(point(**labels), row(g=value), 0)[1] == labels[value]
    except DataError:
        assert value not in labels or not value.strip()


@pytest.mark.parametrize(("value", "options"), [(3, scale(1, 5)), ("4", scale(1, 5)), (0.37, scale(0, 1, 0))])
def test_scores_are_numbers_on_the_scale(value: object, options: Scored) -> None:
    assert answers.score(options, row(g=value), 0)[1] == float(str(value))


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (0, "expected a number from 1 to 5 in steps of 1, found int 0"),
        ("5.1", "expected a number from 1 to 5 in steps of 1, found str '5.1'"),
        (3.5, "step: 0 allows any number"),
        (float("nan"), "expected a finite number, found float nan"),
        (float("inf"), "expected a finite number"),
        ("good", "expected a finite number"),
        (True, "expected a finite number"),
    ],
)
def test_a_score_off_the_scale_or_no_score_is_named(value: object, says: str) -> None:
    with pytest.raises(DataError) as caught:
        answers.score(scale(1, 5), row(g=value), 0)
    assert says in str(caught.value)
    assert "f.jsonl, line 3, column 'g'" in str(caught.value)


@given(st.permutations(range(6)), st.integers(2, 6))
def test_a_ranking_is_the_same_in_every_spelling(order: list[int], count: int) -> None:
    gold = tuple(place for place in order if place < count)
    columns = [f"text {letter}" for letter in LETTERS[:count]]
    for written in (
        list(gold),
        [place + 1 for place in gold],
        [str(place) for place in gold],
        " > ".join(LETTERS[place] for place in gold),
        str(list(gold)),
    ):
        assert answers.ranking(ranked(), row(g=written), count) == (Ranking(count), gold)
    named = ranked(candidate_texts=columns)
    assert answers.ranking(named, row(g=[columns[place] for place in gold]), count)[1] == gold


@given(st.lists(st.integers(-5, 5) | st.floats(-5, 5), min_size=3, max_size=3, unique=True))
def test_the_lowest_rank_is_the_best_however_ranks_are_held(ranks: list[float]) -> None:
    one = answers.ranking(ranked(gold_is="ranks"), row(g=ranks), 3)[1]
    several = answers.ranking(
        ranked(gold_is="ranks", gold=["x", "y", "z"]), row(**dict(zip("xyz", ranks, strict=True))), 3
    )[1]
    assert isinstance(one, tuple)
    assert [ranks[int(place)] for place in one] == sorted(ranks)
    assert several == one


def test_column_names_go_before_letters_and_numbers() -> None:
    assert answers.ranking(ranked(candidate_texts=["B", "A"]), row(g="A > B"), 2)[1] == (1, 0)


@pytest.mark.parametrize(
    ("value", "options", "says"),
    [
        ([0, 1], {}, "expected 3 elements, one for each candidate (there are 2)"),
        ([0, 1, 1], {}, "expected each candidate once, from best to worst (A B C, or 0 1 2, or 1 2 3; there is 0 1 1)"),
        ([1, 2, 4], {}, "expected each candidate once"),
        ("A > B > D", {}, "expected each candidate once"),
        (7, {}, "expected a list"),
        ([1, 2, 2], {"gold_is": "ranks"}, "expected 3 different ranks, as rankings have no ties"),
        ([1, float("nan"), 2], {"gold_is": "ranks"}, "element 1: expected a finite number"),
    ],
)
def test_what_is_no_ranking_is_named(value: object, options: dict[str, Any], says: str) -> None:
    with pytest.raises(DataError) as caught:
        answers.ranking(ranked(**options), row(g=value), 3)
    assert says in str(caught.value)
    assert "f.jsonl, line 3, column 'g'" in str(caught.value)
