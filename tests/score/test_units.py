"""Every field of the protocol, against values computed by hand."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import pytest

from harness.api import (
    AnswerSpace,
    Choice,
    DataError,
    Preference,
    Protocol,
    Ranking,
    RecordedAnswer,
    Score,
    Status,
    UserError,
    Verdict,
)
from harness.score.agreement import MacroF1
from harness.score.cell import score_cell
from harness.score.metrics import Accuracy
from harness.score.records import Estimate
from harness.score.table import ANSWERED, DRAWN, ERROR, MISSING, OUTSIDE, CellTable
from harness.score.units import build_cell

Said: TypeAlias = Verdict | Status
PAIR = Preference(2)
TIED = Preference(2, ("both-good", "both-bad"))
YES = Choice(("yes", "no"))
BOTH = ((0, 1), (1, 0))
NONE: Said = Status.UNPARSED
FAILED: Said = Status.ERROR


def ask(
    item: str,
    gold: Verdict,
    said: Said,
    *,
    space: AnswerSpace = PAIR,
    order: tuple[int, ...] = (0, 1),
    sample: int = 0,
    group: str = "",
    category: str = "",
    probabilities: dict[str, float] | None = None,
) -> RecordedAnswer:
    return RecordedAnswer(
        item=item,
        group=group or item,
        category=category,
        space=space,
        gold=gold,
        order=order,
        sample=sample,
        status=said if isinstance(said, Status) else Status.OK,
        verdict=None if isinstance(said, Status) else said,
        probabilities=probabilities,
    )


def both(item: str, gold: Verdict, first: Said, second: Said, **fields: Any) -> list[RecordedAnswer]:
    """Verdicts in *shown* places: with the order reversed, 0 names the second candidate."""
    return [
        ask(item, gold, first, order=BOTH[0], **fields),
        ask(item, gold, second, order=BOTH[1], **fields),
    ]


def predictions(table: CellTable) -> list[Verdict | None]:
    units = table.units
    return [None if code < 0 else units.verdicts[code] for code in units.predicted]


def accuracy(answers: list[RecordedAnswer], **fields: Any) -> Estimate:
    table = build_cell(answers, Protocol(**fields))
    cell = score_cell(table, task="t", judge="j", metrics={"accuracy": Accuracy()}, data_hash="h")
    return cell.estimates[0]


def test_where_orders_are_pooled_shown_places_become_canonical_ones() -> None:
    table = build_cell(both("i", 1, 1, 0), Protocol(order="both", pooling="agree"))
    assert predictions(table) == [1]
    assert table.units.credit.tolist() == [1]
    ranking = ask("r", (2, 0, 1), (0, 1, 2), space=Ranking(3), order=(2, 0, 1))
    assert predictions(build_cell([ranking], Protocol())) == [(2, 0, 1)]


def test_where_each_order_counts_the_classes_of_a_preference_are_places() -> None:
    table = build_cell(both("i", 1, 1, 0), Protocol(order="both"))
    assert predictions(table) == [1, 0]
    assert table.units.credit.tolist() == [1, 1]


def test_a_constant_judge_gets_no_macro_f1_out_of_a_constant_gold_that_was_shuffled() -> None:
    answers = [ask(f"i{n}", 0, 0, order=BOTH[n % 2]) for n in range(40)]
    table = build_cell(answers, Protocol(order="shuffled"))
    metrics = {"macro_f1": MacroF1(), "accuracy": Accuracy()}
    macro, plain = score_cell(table, task="t", judge="j", metrics=metrics, data_hash="h").estimates
    assert macro.value == pytest.approx(1 / 3)
    assert plain.value == 0.5


def test_each_order_counts_on_its_own() -> None:
    estimate = accuracy(both("a", 0, 0, 0) + both("b", 1, 1, 0), order="both")  # right, wrong, right, right
    assert (estimate.value, estimate.n) == (0.75, 4)


@pytest.mark.parametrize(
    ("first", "second", "right"),
    [
        (0, 1, True),  # both for the gold
        (0, 0, False),  # one for, one against: net 0
        (0, NONE, True),  # a missing answer counts nothing
        (NONE, 1, True),
        (1, NONE, False),
        (1, 0, False),
        ("both-good", 1, True),  # neither does a tie
        ("both-good", "both-good", False),
    ],
)
def test_net_votes_decide_as_in_judgebench(first: Verdict, second: Verdict, right: bool) -> None:
    table = build_cell(both("i", 0, first, second, space=TIED), Protocol(order="both", pooling="sum", unparsed="wrong"))
    assert table.units.credit.tolist() == [float(right)]
    assert table.state.tolist() == [ANSWERED]


def test_net_votes_without_any_vote_are_missing_and_follow_the_rule_for_missing_answers() -> None:
    answers = both("i", 0, NONE, NONE) + both("j", 0, 0, 1)
    assert accuracy(answers, order="both", pooling="sum", unparsed="wrong").value == 0.5
    assert accuracy(answers, order="both", pooling="sum", unparsed="exclude").value == 1.0


def test_both_orders_must_agree() -> None:
    answers = both("a", 0, 0, 1) + both("b", 0, 0, 0) + both("c", 0, 0, NONE)
    table = build_cell(answers, Protocol(order="both", pooling="agree"))
    assert predictions(table) == [0, None, None]
    assert table.state.tolist() == [ANSWERED, ANSWERED, MISSING]
    estimate = accuracy(answers, order="both", pooling="agree")
    assert (estimate.value, estimate.n, estimate.worst_case) == (0.5, 2, 1 / 3)


def test_an_item_with_one_order_asked_does_not_pass_for_agreement() -> None:
    table = build_cell([ask("a", 0, 0)], Protocol(order="both", pooling="agree"))
    assert table.state.tolist() == [ERROR]


def test_pooling_leaves_tasks_without_candidates_alone() -> None:
    table = build_cell([ask("a", "yes", "yes", space=YES, order=())], Protocol(order="both", pooling="agree"))
    assert table.units.credit.tolist() == [1]


def test_majority_of_samples_and_a_draw_gives_no_verdict() -> None:
    answers = [ask("a", 0, said, sample=k) for k, said in enumerate((0, 1, 0))]
    answers += [ask("b", 0, said, sample=k) for k, said in enumerate([0, 1, NONE])]
    answers += [ask("c", 0, said, sample=k) for k, said in enumerate([NONE, 1, NONE])]
    table = build_cell(answers, Protocol(samples=3))
    assert predictions(table) == [0, None, 1]
    assert table.state.tolist() == [ANSWERED, MISSING, ANSWERED]


@pytest.mark.parametrize(
    ("said", "verdict", "state"),
    [
        ((0, 0, 0, 1, NONE), 0, ANSWERED),
        ((0, 0, 1, NONE, NONE), None, MISSING),  # most, and not more than half
        ((0, 0, 1, 1), None, MISSING),
        ((0, NONE), None, MISSING),
        ((0, 0, FAILED, FAILED, FAILED), 0, ANSWERED),  # what failed is no answer of the judge
        ((NONE, FAILED), None, ERROR),
    ],
)
def test_an_absolute_majority_is_more_than_half_of_all_answers(
    said: Sequence[Said], verdict: Verdict | None, state: int
) -> None:
    answers = [ask("a", 0, verdict, sample=k) for k, verdict in enumerate(said)]
    table = build_cell(answers, Protocol(samples=len(said), vote="absolute"))
    assert predictions(table) == [verdict]
    assert table.state.tolist() == [state]


def test_mean_of_scores_is_not_snapped() -> None:
    answers = [ask("a", 4.0, said, space=Score(), order=(), sample=k) for k, said in enumerate((3.0, 4.0))]
    table = build_cell(answers, Protocol(samples=2, vote="mean"))
    assert predictions(table) == [3.5]


def test_mean_of_labels_is_refused_with_the_fix() -> None:
    answers = [ask("a", "yes", "no", space=YES, order=(), sample=k) for k in range(2)]
    with pytest.raises(UserError, match=r"'a'.*vote: mean.*vote: majority"):
        build_cell(answers, Protocol(samples=2, vote="mean"))


def reshuffle(item: str, gold: Verdict, candidates: Sequence[Said], orders: str, **fields: Any) -> list[RecordedAnswer]:
    """Samples that speak for these candidates, `>` shown forwards and `<` backwards: 0 is then in the second place."""
    answers = []
    for sample, (said, way) in enumerate(zip(candidates, orders, strict=True)):
        order = BOTH[way == "<"]
        shown = said if isinstance(said, Status) else PAIR.to_shown(said, order)
        answers.append(ask(item, gold, shown, order=order, sample=sample, **fields))
    return answers


RESHUFFLED = Protocol(order="reshuffled", samples=3)


@pytest.mark.parametrize(
    ("candidates", "orders", "verdict", "state"),
    [
        ((1, 1, 0), "><>", 1, ANSWERED),
        ((1, 0, 1), "<><", 1, ANSWERED),
        ((1, 0, NONE), "><<", None, MISSING),  # a draw
        ((NONE, NONE, 1), "><>", 1, ANSWERED),
        ((NONE, FAILED, NONE), "><>", None, ERROR),
    ],
)
def test_reshuffled_samples_vote_for_candidates_whatever_their_order(
    candidates: Sequence[Said], orders: str, verdict: Verdict | None, state: int
) -> None:
    table = build_cell(reshuffle("a", 1, candidates, orders), RESHUFFLED)
    assert predictions(table) == [verdict]
    assert table.state.tolist() == [state]
    assert table.units.credit.tolist() == [float(verdict == 1)]


def test_a_reshuffled_vote_has_one_name_however_many_samples_are_there_yet_and_in_whatever_orders() -> None:
    asked = [reshuffle("a", 1, (1,) * len(orders), orders) for orders in (">>>", "<<>", "<", "><")]
    asked.append(asked[0][2:])  # the first two samples are still to come
    tables = [build_cell(answers, RESHUFFLED) for answers in asked]
    assert len({int(table.units.key[0]) for table in tables}) == 1
    assert all(predictions(table) == [1] for table in tables)


def test_reshuffled_samples_that_each_stand_for_themselves_have_places_for_classes() -> None:
    each = replace(RESHUFFLED, vote="each")
    table = build_cell(reshuffle("a", 1, (1, 1, 0), "><<"), each)
    assert predictions(table) == [1, 0, 1]
    assert table.units.credit.tolist() == [1, 1, 0]
    assert len(set(table.units.key.tolist())) == 3
    once = build_cell(reshuffle("a", 1, (1,), "<"), Protocol(order="reshuffled"))
    assert predictions(once) == [0], "one sample is one order, as with order: shuffled"


def test_the_mean_of_reshuffled_scores_is_over_all_samples() -> None:
    space = Score(1, 5, 1)
    answers = [ask("a", 4.0, said, space=space, order=BOTH[k % 2], sample=k) for k, said in enumerate((1.0, 5.0, 4.0))]
    table = build_cell(answers, replace(RESHUFFLED, vote="mean"))
    assert predictions(table) == [pytest.approx(10 / 3)]


def test_the_probability_of_a_reshuffled_vote_is_that_of_the_first_candidate_wherever_it_was_shown() -> None:
    answers = reshuffle("a", 0, (0, 0), "><", probabilities={"A": 0.9, "B": 0.1})
    assert build_cell(answers, RESHUFFLED).units.positive.tolist() == [pytest.approx(0.5)]


def test_consistency_of_reshuffled_samples_by_hand() -> None:
    """Repeats: every pair of samples. Swap: the vote of each order, where every order has one."""
    answers = reshuffle("a", 0, (0, 0, 0, 1), "><><")  # 3 of 6 pairs agree; forwards 0, backwards a draw
    answers += reshuffle("b", 0, (0, 1, 0, 1), "><><")  # 2 of 6; forwards 0, backwards 1
    answers += reshuffle("c", 0, (1, 1, 1, NONE), "<<>>")  # 3 of 3; forwards 1, backwards 1
    answers += reshuffle("d", 0, (0, 0, 1, 0), ">>>>")  # 3 of 6; one order
    table = build_cell(answers, replace(RESHUFFLED, samples=4))
    assert (table.repeat.hits.tolist(), table.repeat.trials.tolist()) == ([3, 2, 3, 3], [6, 6, 3, 6])
    assert (table.swap.hits.tolist(), table.swap.trials.tolist()) == ([0, 1], [1, 1])
    assert table.requests.orders == 2
    each = build_cell(answers, replace(RESHUFFLED, samples=4, vote="each"))
    assert each.swap.hits.tolist() == [0, 1]
    assert each.repeat.hits.tolist() == [3, 2, 3, 3]


def test_each_sample_stands_for_itself() -> None:
    answers = [ask("a", 0, said, sample=k) for k, said in enumerate([0, 1, NONE])]
    table = build_cell(answers, Protocol(samples=3, vote="each"))
    assert predictions(table) == [0, 1, None]
    assert len(set(table.units.key.tolist())) == 3


@pytest.mark.parametrize(
    ("policy", "value", "n"), [("exclude", 1.0, 2), ("wrong", 0.5, 4), ("chance", 0.75, 4), ("half", 0.75, 4)]
)
def test_answers_without_a_verdict(policy: str, value: float, n: int) -> None:
    answers = [
        ask(name, "yes", said, space=YES, order=())
        for name, said in zip("abcd", ["yes", "yes", NONE, NONE], strict=True)
    ]
    estimate = accuracy(answers, unparsed=policy)
    assert (estimate.value, estimate.n, estimate.excluded, estimate.worst_case) == (value, n, 1.0, 0.5)


def test_chance_is_one_over_the_number_of_verdicts() -> None:
    answers = [ask("a", 2, NONE, space=Preference(4), order=(0, 1, 2, 3))]
    assert accuracy(answers, unparsed="chance").value == 0.25


@pytest.mark.parametrize("policy", ["exclude", "wrong", "chance", "half"])
def test_failures_of_the_machinery_only_count_in_the_worst_case(policy: str) -> None:
    answers = [ask("a", 0, 0), ask("b", 0, Status.ERROR), ask("c", 0, 0), ask("d", 0, Status.ERROR)]
    estimate = accuracy(answers, unparsed=policy)
    assert (estimate.value, estimate.n, estimate.excluded, estimate.worst_case) == (1.0, 2, 1.0, 0.5)


def test_an_error_among_samples_or_orders_only_matters_when_no_verdict_is_left() -> None:
    answers = [ask("a", 0, said, sample=k) for k, said in enumerate([0, FAILED])]
    answers += [ask("b", 0, said, sample=k) for k, said in enumerate([NONE, FAILED])]
    assert build_cell(answers, Protocol(samples=2)).state.tolist() == [ANSWERED, ERROR]
    orders = both("a", 0, Status.ERROR, 1) + both("b", 0, Status.ERROR, NONE)
    assert build_cell(orders, Protocol(order="both", pooling="sum")).state.tolist() == [ANSWERED, ERROR]


POLICIES = {"exclude": (1.0, 1), "wrong": (0.5, 2), "chance": (0.75, 2), "half": (0.75, 2)}
"""Value and n of a right answer beside one that such a policy is about."""


@pytest.mark.parametrize(
    ("field", "status"), [("unparsed", Status.UNPARSED), ("outside", Status.OUTSIDE), ("draws", Status.DRAW)]
)
@pytest.mark.parametrize("policy", POLICIES)
def test_each_kind_of_answer_without_a_verdict_has_a_policy_of_its_own(field: str, status: Status, policy: str) -> None:
    others = {"unparsed": "exclude", "outside": "exclude", "draws": "exclude"}
    answers = [ask("a", "yes", "yes", space=YES, order=()), ask("b", "yes", status, space=YES, order=())]
    estimate = accuracy(answers, **{**others, field: policy})
    assert (estimate.value, estimate.n) == POLICIES[policy]
    assert (estimate.excluded, estimate.worst_case) == (1.0, 0.5)
    unlike = accuracy(answers, **{name: "wrong" for name in others if name != field}, **{field: "exclude"})
    assert (unlike.value, unlike.n) == (1.0, 1)


@pytest.mark.parametrize("status", [Status.OUTSIDE, Status.DRAW])
@pytest.mark.parametrize("policy", POLICIES)
def test_by_default_every_kind_follows_unparsed(status: Status, policy: str) -> None:
    answers = [ask("a", "yes", "yes", space=YES, order=()), ask("b", "yes", status, space=YES, order=())]
    estimate = accuracy(answers, unparsed=policy)
    assert (estimate.value, estimate.n) == POLICIES[policy]


@pytest.mark.parametrize(
    ("probabilities", "gold", "credit"),
    [
        ({"A": 0.5, "B": 0.5, "C": 0.0, "D": 0.0}, 0, 0.0),  # shown A and B are the candidates 3 and 2
        ({"A": 0.5, "B": 0.5, "C": 0.0, "D": 0.0}, 2, 0.5),
        ({"A": 0.3, "B": 0.3, "C": 0.3, "D": 0.1}, 1, 1 / 3),
        ({"A": 0.1, "B": 0.3, "C": 0.3, "D": 0.3}, 3, 0.0),
        (None, 0, 0.25),  # which drew is not known
    ],
)
def test_a_drawn_share_is_one_in_those_that_draw_if_the_right_one_is_among_them(
    probabilities: dict[str, float] | None, gold: int, credit: float
) -> None:
    four = Preference(4)
    answer = ask("a", gold, Status.DRAW, space=four, order=(3, 2, 1, 0), probabilities=probabilities)
    table = build_cell([answer], Protocol(order="shuffled", draws="share"))
    assert table.view().credit.tolist() == [pytest.approx(credit)]
    assert table.state.tolist() == [DRAWN]
    (guess,) = guesses(table)
    assert guess is not None
    most = max((probabilities or {}).values(), default=None)
    drawn = [place for place, p in enumerate((probabilities or dict.fromkeys("ABCD")).values()) if p == most]
    assert four.to_shown(four.to_canonical(guess, (3, 2, 1, 0)), (3, 2, 1, 0)) in drawn


def test_votes_without_a_verdict_are_of_one_kind_or_follow_unparsed() -> None:
    def state(*said: Said) -> int:
        answers = [ask("a", 0, verdict, sample=k) for k, verdict in enumerate(said)]
        return int(build_cell(answers, Protocol(samples=len(said))).state[0])

    assert state(Status.OUTSIDE, Status.OUTSIDE) == OUTSIDE
    assert state(Status.DRAW, Status.DRAW) == DRAWN
    assert state(Status.OUTSIDE, Status.DRAW) == MISSING
    assert state(Status.OUTSIDE, FAILED) == ERROR
    assert state(0, 1) == MISSING
    agree = Protocol(order="both", pooling="agree")
    assert build_cell(both("a", 0, 0, Status.OUTSIDE), agree).state.tolist() == [OUTSIDE]
    assert build_cell(both("a", 0, Status.DRAW, Status.OUTSIDE), agree).state.tolist() == [MISSING]


def lose_answers(count: int, *, space: AnswerSpace = YES, order: tuple[int, ...] = ()) -> list[RecordedAnswer]:
    gold = space.verdicts()[0]
    return [ask(f"i{k}", gold, NONE, space=space, order=order) for k in range(count)]


def guesses(table: CellTable) -> list[Verdict | None]:
    return predictions(replace(table, units=table.with_random_guess))


def test_a_blind_guess_is_the_same_for_every_judge_and_in_every_version() -> None:
    table = build_cell(lose_answers(8), Protocol(unparsed="chance"))
    pinned = ["no", "yes", "yes", "no", "yes", "no", "yes", "yes"]
    assert guesses(table) == pinned
    assert predictions(table) == [None] * 8
    assert table.with_random_guess.credit.tolist() == [float(guess == "yes") for guess in pinned]
    assert table.units.credit.tolist() == [0.5] * 8
    assert guesses(build_cell(lose_answers(8)[4:], Protocol(unparsed="chance"))) == pinned[4:]


def test_blind_guesses_are_spread_evenly_over_the_verdicts() -> None:
    table = build_cell(lose_answers(4000, space=TIED, order=(0, 1)), Protocol(unparsed="chance"))
    counts = [guesses(table).count(verdict) for verdict in TIED.verdicts()]
    assert sum(counts) == 4000
    assert all(900 < count < 1100 for count in counts)
    assert table.with_random_guess.credit.sum() == counts[0]


def test_a_blind_guess_counts_as_any_answer_does() -> None:
    """A class in the places shown, a credit by the rule for ties; nothing else about the cell changes."""
    answers = [*lose_answers(200, space=TIED, order=(1, 0)), ask("known", 0, 0, space=TIED, order=(1, 0))]
    table = build_cell(answers, Protocol(unparsed="chance", ties="right"))
    gold = table.units.verdicts[table.units.gold[0]]
    assert gold == 1, "the gold is shown in the second place"
    right = [float(isinstance(guess, str) or guess == 1) for guess in guesses(table)[:-1]]
    assert table.with_random_guess.credit.tolist()[:-1] == right
    assert {0, 1, "both-good", "both-bad"} == set(guesses(table))
    assert guesses(table)[-1] == predictions(table)[-1] == 0
    assert table.state.tolist() == [MISSING] * 200 + [ANSWERED]
    skipped = build_cell(answers, Protocol(unparsed="chance", ties="skip"))
    assert set(guesses(skipped)) == {0, 1, None}, "a guessed tie is wrong, and no class"


def test_a_failure_of_the_machinery_is_never_guessed() -> None:
    table = build_cell([ask("a", "yes", FAILED, space=YES, order=())], Protocol(unparsed="chance"))
    assert guesses(table) == [None]
    assert len(table.view(with_random_guess=True)) == 0


def test_without_chance_nothing_is_guessed() -> None:
    table = build_cell(lose_answers(3), Protocol(unparsed="wrong"))
    assert table.with_random_guess is table.units


def test_where_no_blind_guess_can_be_made_the_item_and_the_fix_are_named() -> None:
    with pytest.raises(DataError, match=r"'a'.*unparsed: chance.*too many.*use unparsed: exclude"):
        build_cell([ask("a", 0.5, NONE, space=Score(0, 1, 0), order=())], Protocol(unparsed="chance"))


def tie_answers() -> list[RecordedAnswer]:
    golds: list[Verdict] = ["both-bad", "both-bad", "both-bad", 0, 0]
    said: list[Verdict] = ["both-bad", "tie", "both-good", 0, "tie"]
    return [ask(f"i{k}", gold, verdict, space=TIED) for k, (gold, verdict) in enumerate(zip(golds, said, strict=True))]


@pytest.mark.parametrize(
    ("ties", "value", "n"),
    [("class", 3 / 5, 5), ("skip", 1 / 2, 2), ("half", (3 * 0.5 + 1) / 5, 5), ("right", 1, 5)],
)
def test_ties(ties: str, value: float, n: int) -> None:
    estimate = accuracy(tie_answers(), ties=ties)
    assert estimate.value == pytest.approx(value)
    assert estimate.n == n


@pytest.mark.parametrize(
    ("gold", "said", "credit"),
    [
        (0, 0, 1),
        (0, 1, 0),
        (0, "both-good", 1),
        (0, "tie", 1),
        ("both-bad", 1, 1),
        ("both-bad", "both-good", 1),
        ("both-bad", NONE, 0),  # nothing was said, so the rule for missing answers holds
    ],
)
def test_a_tie_on_either_side_is_no_inversion(gold: Verdict, said: Said, credit: float) -> None:
    table = build_cell([ask("a", gold, said, space=TIED)], Protocol(ties="right", unparsed="wrong"))
    assert table.units.credit.tolist() == [credit]
    assert table.view("worst").credit.tolist() == [0 if said is NONE else credit]


def test_where_ties_are_right_a_judge_that_always_says_tie_is_perfect_and_flagged_as_collapsed() -> None:
    answers = [ask(f"i{k}", k % 2, "both-good", space=TIED) for k in range(40)]
    table = build_cell(answers, Protocol(ties="right"))
    cell = score_cell(table, task="t", judge="j", metrics={"accuracy": Accuracy()}, data_hash="h")
    assert cell.estimates[0].value == 1
    assert cell.flags == ("collapsed", "no-errors")
    assert accuracy(answers).value == 0


def test_a_bare_tie_is_the_golds_own_tie_class_or_else_the_first() -> None:
    assert predictions(build_cell(tie_answers(), Protocol())) == ["both-bad", "both-bad", "both-good", 0, "both-good"]


def test_where_ties_are_skipped_a_predicted_tie_is_no_class_of_its_own() -> None:
    assert predictions(build_cell(tie_answers(), Protocol(ties="skip"))) == [0, None]


def average_answers() -> list[RecordedAnswer]:
    rows = [("x", "g1", 0), ("x", "g1", 0), ("x", "g1", 1), ("y", "g2", 1)]  # x: 2/3, y: 0; g1: 2/3, g2: 0
    rows += [("y", "g3", 0)]
    return [ask(f"i{k}", 0, said, category=category, group=group) for k, (category, group, said) in enumerate(rows)]


@pytest.mark.parametrize(
    ("average", "value"), [("micro", 3 / 5), ("category", (2 / 3 + 1 / 2) / 2), ("group", (2 / 3 + 0 + 1) / 3)]
)
def test_averages(average: str, value: float) -> None:
    assert accuracy(average_answers(), average=average).value == pytest.approx(value)


def test_probabilities_are_of_the_first_place_and_where_orders_are_pooled_of_the_first_candidate() -> None:
    shown = {"A": 0.9, "B": 0.1}
    answers = [
        ask("i", 0, 0, order=BOTH[0], probabilities=shown),
        ask("i", 0, 0, order=BOTH[1], probabilities=shown),
        ask("j", 0, 0, order=BOTH[0]),
    ]
    assert build_cell(answers, Protocol(order="both")).units.positive.tolist()[:2] == [0.9, 0.9]
    pooled = build_cell(answers[:2], Protocol(order="both", pooling="sum")).units.positive
    assert pooled.tolist() == [0.5]
    label = ask("i", "no", "no", space=YES, order=(), probabilities={"yes": 0.2, "no": 0.8})
    assert build_cell([label], Protocol()).units.positive.tolist() == [0.2]


def test_a_unit_of_several_answers_has_a_probability_where_each_of_them_has_one() -> None:
    shown = {"A": 0.9, "B": 0.1}
    answers = [ask("i", 0, 0, order=BOTH[0], probabilities=shown), ask("i", 0, 1, order=BOTH[1])]
    for pooling in ("sum", "agree"):
        assert np.isnan(build_cell(answers, Protocol(order="both", pooling=pooling)).units.positive).all()
    samples = [ask("i", 0, 0, sample=k, probabilities=shown if k else None) for k in range(3)]
    assert np.isnan(build_cell(samples, Protocol(samples=3)).units.positive).all()
    lose_answers = [ask("i", 0, said, sample=k, probabilities=shown) for k, said in enumerate([0, NONE, 0])]
    assert build_cell(lose_answers, Protocol(samples=3)).units.positive.tolist() == [pytest.approx(0.9)]
    drawn = [ask("i", 0, said, sample=k, probabilities=shown) for k, said in enumerate([0, 1])]
    assert np.isnan(build_cell(drawn, Protocol(samples=2)).units.positive).all()


def test_tallies_are_counts_of_requests_and_golds_of_items() -> None:
    table = build_cell(both("a", 0, 0, 0) + both("b", 1, NONE, Status.ERROR), Protocol(order="both"))
    requests = table.requests
    assert requests.asked == 4
    assert {name: count for name, count in requests.statuses.items() if count} == {"ok": 2, "unparsed": 1, "error": 1}
    assert requests.histogram == {"A": 1, "B": 1}
    assert requests.shown_histogram == {"A": 2, "B": 0}
    assert requests.gold_histogram == {"A": 1, "B": 1}
    assert [table.items[k] for k in range(len(table.items))] == ["a", "b"]


def test_the_histogram_of_a_continuous_score_has_ten_bins() -> None:
    space = Score(0, 1, 0)
    answers = [ask(f"i{k}", k / 100, k / 100, space=space, order=()) for k in range(101)]
    histogram = build_cell(answers, Protocol()).requests.histogram
    assert list(histogram.values()) == [10] * 9 + [11]
    assert next(iter(histogram)) == "0 to 0.1"


def test_the_largest_space_stands_for_the_cell_and_mixed_kinds_are_refused() -> None:
    answers = [ask("a", 0, 0), ask("b", 3, 3, space=Preference(4), order=(0, 1, 2, 3)), ask("c", 1, 1)]
    assert build_cell(answers, Protocol()).units.space == Preference(4)
    with pytest.raises(DataError, match=r"'b'.*make them two tasks"):
        build_cell([ask("a", 0, 0), ask("b", "yes", "yes", space=YES, order=())], Protocol())


def test_answers_that_come_apart_and_an_empty_cell_are_errors() -> None:
    with pytest.raises(DataError, match=r"'a'.*ordered by item"):
        build_cell([ask("a", 0, 0), ask("b", 0, 0), ask("a", 0, 0)], Protocol())
    with pytest.raises(DataError, match="no answers"):
        build_cell([], Protocol())


@pytest.mark.slow
def test_an_answer_costs_less_than_three_hundred_bytes() -> None:
    count = 25_000

    def stream() -> Iterator[RecordedAnswer]:
        for k in range(count):
            yield ask(f"item-{k:06d}", "yes", "yes" if k % 3 else "no", space=YES, order=(), group=f"group-{k:06d}")

    for _ in itertools.islice(stream(), 10):
        pass
    tracemalloc.start()
    table = build_cell(stream(), Protocol())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(table.units) == count
    assert peak < 300 * count, peak
    assert np.isclose(table.units.credit.mean(), 0.66664)
