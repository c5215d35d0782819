from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from harness.api import TIE, AnswerSpace, Choice, Preference, Ranking, RecordedAnswer, Score, Status, Verdict
from harness.discovery import Plugins
from harness.score.direct import UnitStatistics
from harness_probes.compare import compare

PLUGINS = Plugins.load()
YES_NO = Choice(("yes", "no"))
PAIR = Preference(2, ("tie",))
Said = Verdict | None


def answer(
    verdict: Said,
    gold: Verdict,
    *,
    item: str = "i",
    group: str = "g",
    space: AnswerSpace = YES_NO,
    order: tuple[int, ...] = (),
    sample: int = 0,
) -> RecordedAnswer:
    return RecordedAnswer(
        item=item,
        group=group,
        category="",
        space=space,
        gold=gold,
        order=order,
        sample=sample,
        status=Status.UNPARSED if verdict is None else Status.OK,
        verdict=verdict,
    )


def answers(said: Sequence[Said], golds: Sequence[Verdict], *, groups: Sequence[str] = ()) -> list[RecordedAnswer]:
    return [
        answer(verdict, gold, item=f"{number}", group=groups[number] if groups else f"{number}")
        for number, (verdict, gold) in enumerate(zip(said, golds, strict=True))
    ]


def compared(
    base: Iterable[RecordedAnswer], probed: Iterable[RecordedAnswer], probe: str = "jpeg", **changes: Any
) -> Any:
    name = changes.pop("metric", "accuracy")
    metric = PLUGINS.find("metric", name).create(None, None)
    return compare(
        probe, "j", base=base, probed=probed, metric_name=name, metric=metric, statistics=UnitStatistics(), **changes
    )


def test_flips_change_and_coverage_by_hand() -> None:
    golds: list[Verdict] = ["yes"] * 6
    base = answers(["yes", "yes", "no", None, "yes", "no"], golds)
    probed = answers(["yes", "no", "yes", "no", None, None], golds)
    found = compared(base, probed)
    assert (found.paired, found.n, found.items, found.groups) == (6, 3, 3, 3)
    assert (found.base_lost, found.probe_lost) == (1, 2)
    assert found.coverage == 0.5
    assert found.flips == 2, "an answer without a verdict is never a flip"
    assert found.flip_rate.value == pytest.approx(2 / 3)
    assert (found.base_value, found.probe_value) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert found.change.value == pytest.approx(0)


def test_what_the_base_was_not_asked_is_counted_apart() -> None:
    golds: list[Verdict] = ["yes", "no"]
    found = compared(answers(["yes", "no"][:1], golds[:1]), answers(["yes", "yes"], golds))
    assert (found.paired, found.unpaired, found.n) == (1, 1, 1)


def test_a_negation_flips_where_the_verdict_does_not_turn() -> None:
    base = answers(["yes", "yes", "no"], ["yes", "no", "no"])
    probed = answers(["no", "yes", "no"], ["no", "yes", "yes"])
    found = compared(base, probed, "negated")
    assert found.flips == 2
    assert (found.base_value, found.probe_value) == (pytest.approx(2 / 3), pytest.approx(2 / 3))


def test_pairs_share_item_order_and_sample() -> None:
    one = answer(0, 0, space=PAIR, order=(0, 1))
    for other, paired in (
        (one, 1),
        (one._replace(item="j"), 0),
        (one._replace(order=(1, 0)), 0),
        (one._replace(sample=1), 0),
    ):
        assert compared([one], [other]).paired == paired


def preference(
    verdict: Said, gold: Verdict, *, item: str = "i", space: Any = PAIR, order: Any = (0, 1)
) -> RecordedAnswer:
    return answer(item=item, space=space, gold=gold, order=order, verdict=verdict)


@pytest.mark.parametrize(
    ("before", "after", "order", "flips"),
    [
        (0, 0, (0, 1), 1),  # the first place both times: the other candidate
        (0, 1, (0, 1), 0),  # the same candidate
        (1, 1, (1, 0), 1),
        (1, 0, (1, 0), 0),
        (TIE, TIE, (0, 1), 0),
        (TIE, 0, (0, 1), 1),
    ],
)
def test_a_swap_flips_where_another_candidate_wins(
    before: Verdict, after: Verdict, order: tuple[int, int], flips: int
) -> None:
    found = compared([preference(before, 0, order=order)], [preference(after, 1, order=order)], "swap")
    assert found.flips == flips


def test_a_swapped_ranking_is_read_from_the_other_end() -> None:
    base = [preference((0, 2, 1), (0, 1, 2), space=Ranking(3), order=(0, 1, 2))]
    for after, flips in (((2, 0, 1), 0), ((0, 2, 1), 1)):
        probed = [preference(after, (2, 1, 0), space=Ranking(3), order=(0, 1, 2))]
        assert compared(base, probed, "swap").flips == flips


def test_ties_count_as_the_protocol_says() -> None:
    base = [preference(0, "tie", item="a"), preference(0, 0, item="b")]
    probed = [preference("tie", "tie", item="a"), preference(0, 0, item="b")]
    for ties, before, after in (("class", 0.5, 1.0), ("half", 0.75, 0.75), ("skip", 1.0, 1.0), ("right", 1.0, 1.0)):
        found = compared(base, probed, ties=ties)
        assert (found.base_value, found.probe_value) == (before, after)
        assert found.flips == 1, "a flip is a flip, whatever it is worth"


def test_a_tie_that_is_said_is_worth_what_the_protocol_says() -> None:
    base = [preference(0, 0, item=item) for item in "ab"]
    probed = [preference("tie", 0, item="a"), preference(0, 0, item="b")]
    for ties, after in (("class", 0.5), ("half", 0.5), ("skip", 0.5), ("right", 1.0)):
        assert compared(base, probed, ties=ties).probe_value == after
    for ties in ("class", "skip"):
        found = compared(base, probed, ties=ties, metric="macro_f1")
        assert found.probe_value == pytest.approx(2 / 3), "a tie that is never the gold is wrong, and no class"


def test_the_interval_of_a_change_is_that_of_two_judges_on_the_same_groups() -> None:
    golds: list[Verdict] = ["yes"] * 60
    groups = [f"{k // 2}" for k in range(60)]
    base = answers(["yes"] * 60, golds, groups=groups)
    found = compared(base, answers(["yes"] * 40 + ["no"] * 20, golds, groups=groups)).change
    # Ten of thirty groups lose both answers: z_g = -2/60 each, and the score interval of Wilson's kind is
    # (d - x)^2 <= q^2 (10 (-2/60 - x/30)^2 + 20 (x/30)^2 + s^2), with s^2 = (2/62)^2 for one more group, of 62 then.
    q, d, s2 = 1.959963984540054, -1 / 3, (2 / 62) ** 2
    for end in (found.low, found.high):
        spread = 10 * (-1 / 30 - end / 30) ** 2 + 20 * (end / 30) ** 2 + s2
        assert (d - end) ** 2 == pytest.approx(q * q * spread, rel=1e-6)
    assert found.value == pytest.approx(d)
    assert found.low < d < found.high < 0


def test_where_nothing_changes_the_interval_still_has_a_width() -> None:
    same = answers(["yes", "no"] * 20, ["yes", "yes", "no", "no"] * 10)
    for metric in ("accuracy", "macro_f1", "kappa"):
        found = compared(same, same, metric=metric).change
        assert found.value == 0
        assert found.low < 0 < found.high


def test_one_group_and_no_pair_have_no_interval() -> None:
    one = answers(["yes", "no"], ["yes", "yes"], groups=["g", "g"])
    found = compared(one, one)
    assert (found.flip_rate.value, found.flip_rate.low, found.change.low) == (0.0, None, None)
    empty = compared([], one)
    assert (empty.n, empty.coverage, empty.flip_rate.value, empty.change.value) == (0, None, None, None)


def test_probabilities_reach_a_metric_that_wants_them() -> None:
    golds: list[Verdict] = ["yes", "no", "yes", "no"]

    def sure(shares: list[float]) -> list[RecordedAnswer]:
        return [
            answer._replace(probabilities={"yes": share, "no": 1 - share})
            for answer, share in zip(answers(["yes"] * 4, golds), shares, strict=True)
        ]

    found = compared(sure([0.9, 0.1, 0.8, 0.2]), sure([0.1, 0.9, 0.2, 0.8]), metric="roc_auc")
    assert (found.base_value, found.probe_value, found.flips) == (1.0, 0.0, 0)


def test_probabilities_are_compared_with_probabilities_and_verdicts_with_verdicts() -> None:
    golds: list[Verdict] = ["yes", "no", "yes", "no", "yes"]
    said: list[Said] = ["yes", "no", "no", "no", "yes"]

    def sure(shares: Sequence[float | None]) -> list[RecordedAnswer]:
        return [
            answer if share is None else answer._replace(probabilities={"yes": share, "no": 1 - share})
            for answer, share in zip(answers(said, golds), shares, strict=True)
        ]

    whole, bare = sure([0.9, 0.1, 0.4, 0.2, 0.8]), sure([None] * 5)
    half = compared(whole, sure([0.3, 0.4, None, 0.2, None]), metric="roc_auc")
    assert (half.base_value, half.probe_value, half.n, half.counted) == (1.0, 0.5, 5, 3)
    none = compared(whole, bare, metric="roc_auc")
    assert none.base_value == none.probe_value == pytest.approx(5 / 6), "of the same verdicts"


def test_a_flip_rate_of_independent_pairs_has_agresti_and_coulls_interval() -> None:
    from statsmodels.stats.proportion import proportion_confint

    golds: list[Verdict] = ["yes"] * 9
    found = compared(answers(["yes"] * 9, golds), answers(["yes"] * 7 + ["no"] * 2, golds)).flip_rate
    assert (found.low, found.high) == pytest.approx(proportion_confint(2, 9, method="agresti_coull"))


def test_a_judge_that_always_or_never_flips_is_not_sure_to() -> None:
    golds: list[Verdict] = ["yes"] * 8
    groups = [f"{k // 2}" for k in range(8)]
    base = answers(["yes"] * 8, golds, groups=groups)
    never = compared(base, base).flip_rate
    always = compared(base, answers(["no"] * 8, golds, groups=groups)).flip_rate
    assert (never.value, never.low, always.value, always.high) == (0.0, 0.0, 1.0, 1.0)
    alone = compared(answers(["yes"] * 8, golds), answers(["yes"] * 8, golds)).flip_rate
    assert never.high > alone.high, "four groups of two say less than eight pairs"
    assert always.low == pytest.approx(1 - never.high)


def test_lift_over_blind_is_what_the_images_add() -> None:
    golds: list[Verdict] = ["yes", "no", "yes", "no"]
    base, blind = answers(golds, golds), answers(["yes"] * 4, golds)
    found = compared(base, blind, "blind")
    assert (found.change.value, found.lift.value) == (-0.5, 0.5)
    assert (found.lift.low, found.lift.high) == (-found.change.high, -found.change.low)
    assert compared(base, blind, "jpeg").lift is None
    assert f"{compared(base, base, 'blind').lift.value:+}" == "+0.0", "nothing has no sign of its own"


def test_lift_over_blind_is_positive_where_images_make_an_error_smaller() -> None:
    near, far = (
        [one._replace(space=Score(1, 5, 1), verdict=said, gold=gold) for one, said, gold in rows]
        for rows in (
            zip(answers(["yes"] * 3, ["yes"] * 3), (1.0, 3.0, 5.0), (1.0, 3.0, 5.0), strict=True),
            zip(answers(["yes"] * 3, ["yes"] * 3), (3.0, 3.0, 3.0), (1.0, 3.0, 5.0), strict=True),
        )
    )
    found = compared(near, far, "blind", metric="mae")
    assert found.lift.value == pytest.approx(4 / 3)
