"""What one cell's scores say, and that they say it in the same bytes every time."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from harness.api import (
    Choice,
    Metric,
    Preference,
    Protocol,
    Ranking,
    RecordedAnswer,
    Score,
    Status,
    Units,
    UserError,
    Verdict,
)
from harness.score.agreement import BalancedAccuracy, Kappa, MacroF1, PositiveF1, RocAuc
from harness.score.arrays import Floats
from harness.score.cell import score_cell
from harness.score.correlation import Pearson
from harness.score.metrics import Accuracy, AllRight, MeanAbsoluteError
from harness.score.ranking import Levenshtein
from harness.score.records import CellScores
from harness.score.units import build_cell

YES = Choice(("yes", "no"))


def labels(
    pairs: list[tuple[str, str | Status]], *, size: int = 1, categories: tuple[str, ...] = ("",)
) -> list[RecordedAnswer]:
    return [
        RecordedAnswer(
            item=f"i{k:04d}",
            group=f"g{k // size}",
            category=categories[k % len(categories)],
            space=YES,
            gold=gold,
            order=(),
            sample=0,
            status=said if isinstance(said, Status) else Status.OK,
            verdict=None if isinstance(said, Status) else said,
        )
        for k, (gold, said) in enumerate(pairs)
    ]


def blind(item: str) -> str:
    """The blind guess for a yes/no item, as the documentation says it is drawn."""
    digest = hashlib.blake2b(f"{item}\0()\0{0}".encode(), digest_size=8).digest()
    return YES.labels[int.from_bytes(digest, "little") % 2]


def score(answers: list[RecordedAnswer], metrics: dict[str, Metric], protocol: Protocol | None = None) -> CellScores:
    table = build_cell(answers, protocol or Protocol())
    return score_cell(table, task="t", judge="j", metrics=metrics, data_hash="h")


MIXED: list[tuple[str, str | Status]] = [
    ("yes", "yes"),
    ("yes", "no"),
    ("no", "no"),
    ("no", "no"),
    ("yes", Status.REFUSED),
    ("no", Status.ERROR),
]


def test_value_excluded_and_worst_case_of_a_label_metric_by_hand() -> None:
    wrong = score(labels(MIXED), {"macro_f1": MacroF1()}, Protocol(unparsed="wrong")).estimates[0]
    # excluded: yes 2*1/(2+1), no 2*2/(2+3); value: one more false negative of yes; worst: yes/no and no/yes swapped
    assert wrong.excluded == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert wrong.value == pytest.approx((2 / 4 + 4 / 5) / 2)
    assert wrong.worst_case == pytest.approx((2 / 5 + 4 / 7) / 2)
    assert wrong.n == 5


def test_accuracy_of_independent_items_is_a_share_of_trials_and_of_clusters_it_is_not() -> None:
    pairs: list[tuple[str, str | Status]] = [("yes", "yes")] * 30 + [("yes", "no")] * 10
    alone = score(labels(pairs), {"accuracy": Accuracy()}).estimates[0]
    grouped = score(labels(pairs, size=4), {"accuracy": Accuracy()}).estimates[0]
    assert (alone.method, grouped.method) == ("agresti-coull", "cluster-jackknife")
    assert alone.ci_low is not None
    assert alone.ci_low < 0.75
    assert grouped.ci_high is not None
    assert grouped.ci_high > 0.75
    assert grouped.value == alone.value == 0.75


@pytest.mark.parametrize("metric", [MacroF1(), AllRight()])
def test_half_a_point_for_missing_answers_is_refused_for_metrics_that_average_no_points(metric: Metric) -> None:
    protocol = Protocol(unparsed="half")
    with pytest.raises(UserError, match=r"metric other: protocol says unparsed: half.*unparsed: exclude"):
        score(labels(MIXED), {"accuracy": Accuracy(), "other": metric}, protocol)


def likely(rows: list[tuple[str, str | Status, float | None]]) -> list[RecordedAnswer]:
    """Gold, answer and probability of `yes`."""
    said = labels([(gold, said) for gold, said, _ in rows])
    return [
        answer if p is None else answer._replace(probabilities={"yes": p, "no": 1 - p})
        for answer, (_, _, p) in zip(said, rows, strict=True)
    ]


CLEAN: list[tuple[str, str | Status, float | None]] = [
    ("yes", "yes", 0.9), ("yes", "no", 0.4), ("no", "no", 0.3), ("no", "yes", 0.6), ("yes", "yes", 0.7),
]  # fmt: skip


def test_a_metric_of_probabilities_is_of_the_answers_that_have_them_and_says_how_many() -> None:
    bare: list[tuple[str, str | Status, float | None]] = [("yes", "no", None), ("no", "yes", None)]
    both: dict[str, Metric] = {"roc_auc": RocAuc(), "accuracy": Accuracy()}
    clean, mixed = score(likely(CLEAN), both), score(likely(CLEAN + bare), both)
    auc, accuracy = mixed.estimates
    assert (auc.value, auc.basis, auc.n) == (clean.estimates[0].value, "probabilities", 5)
    assert auc.excluded == auc.value
    assert (accuracy.basis, accuracy.n) == ("", 7)
    assert (clean.with_probabilities, mixed.with_probabilities) == (1.0, 5 / 7)
    none = score(likely([(gold, said, None) for gold, said, _ in CLEAN]), both)
    assert (none.estimates[0].basis, none.estimates[0].n, none.with_probabilities) == ("verdicts", 5, 0.0)
    assert none.estimates[0].value == pytest.approx((2 / 3 + 1 / 2) / 2)  # balanced accuracy


@pytest.mark.parametrize(
    ("policy", "value", "n"),
    [
        ("exclude", 5 / 6, 5),
        ("wrong", 5 / 8, 6),  # the lost yes is below both
        ("chance", 6 / 8, 6),  # at one half, above one of the two
    ],
)
def test_a_missing_answer_among_probabilities_follows_the_protocol(policy: str, value: float, n: int) -> None:
    rows = [*CLEAN, ("yes", Status.UNPARSED, None)]
    (auc,) = score(likely(rows), {"roc_auc": RocAuc()}, Protocol(unparsed=policy)).estimates  # type: ignore[arg-type]
    assert auc.value == pytest.approx(value)
    assert (auc.n, auc.basis) == (n, "probabilities")
    assert auc.worst_case == pytest.approx(5 / 8)


def test_no_category_is_of_verdicts_where_another_is_of_probabilities() -> None:
    rows = [*CLEAN, *[(gold, said, None) for gold, said, _ in CLEAN]]
    answers = [answer._replace(category="xy"[k >= 5]) for k, answer in enumerate(likely(rows))]
    (auc,) = score(answers, {"roc_auc@category": RocAuc()}).estimates
    (plain,) = score(likely(CLEAN), {"roc_auc": RocAuc()}).estimates
    assert (auc.value, auc.n) == (plain.value, 5)


def test_a_blind_guess_is_a_share_to_accuracy_and_one_guess_to_metrics_of_classes() -> None:
    """By hand: of yes, yes, no, no with the answers yes, none, no, none the guesses for the two are known."""
    pairs: list[tuple[str, str | Status]] = [
        ("yes", "yes"),
        ("yes", Status.UNPARSED),
        ("no", "no"),
        ("no", Status.REFUSED),
        ("no", Status.ERROR),
    ]
    metrics: dict[str, Metric] = {"accuracy": Accuracy(), "macro_f1": MacroF1(), "kappa": Kappa(), "all": AllRight()}
    accuracy, macro, kappa, right = score(labels(pairs), metrics, Protocol(unparsed="chance")).estimates
    assert (blind("i0001"), blind("i0003")) == ("no", "no")
    assert [estimate.n for estimate in (accuracy, macro, kappa, right)] == [4] * 4
    assert accuracy.value == (1 + 0.5 + 1 + 0.5) / 4
    assert macro.value == pytest.approx((2 * 1 / (2 + 1) + 2 * 2 / (2 + 3)) / 2)
    assert kappa.value == pytest.approx((3 / 4 - 1 / 2) / (1 - 1 / 2))
    assert right.value == 0
    assert macro.excluded == 1  # without the two
    assert macro.worst_case == pytest.approx((2 * 1 / (2 + 3) + 2 * 1 / (3 + 2)) / 2)  # wrong, the error too


def test_a_metric_that_does_not_fit_the_space_is_refused() -> None:
    with pytest.raises(UserError, match="metric pearson: not defined for choice answers, only for score"):
        score(labels(MIXED), {"pearson": Pearson()})


def test_category_average_of_a_label_metric_by_hand() -> None:
    pairs: list[tuple[str, str | Status]] = [("yes", "yes"), ("yes", "no"), ("no", "no"), ("no", "no")]
    cell = score(labels(pairs, categories=("x", "y")), {"macro_f1": MacroF1()}, Protocol(average="category"))
    # x: yes/yes, no/no: 1; y: yes/no, no/no: F1 of yes 0, of no 2/3
    assert cell.estimates[0].value == pytest.approx((1 + 1 / 3) / 2)
    assert {name: estimate.value for name, estimate in cell.categories.items()} == {"x": 1, "y": pytest.approx(1 / 3)}
    assert cell.estimates[0].ci_low is not None


def test_worst_case_of_scores_and_rankings() -> None:
    def estimate(item: str, said: Verdict | None, *, gold: Verdict, space: Score | Ranking) -> RecordedAnswer:
        order = () if isinstance(space, Score) else (0, 1, 2)
        status = Status.ERROR if said is None else Status.OK
        return RecordedAnswer(
            item=item,
            group=item,
            category="",
            space=space,
            gold=gold,
            order=order,
            sample=0,
            status=status,
            verdict=said,
        )

    scales = [estimate("a", 3.0, gold=4.0, space=Score()), estimate("b", None, gold=4.0, space=Score())]
    error = score(scales, {"mae": MeanAbsoluteError()}).estimates[0]
    assert (error.value, error.worst_case, error.greater_is_better) == (1.0, 2.0, False)
    gold = (0, 1, 2)
    ranks = [estimate("a", gold, gold=gold, space=Ranking(3)), estimate("b", None, gold=gold, space=Ranking(3))]
    distance = score(ranks, {"levenshtein": Levenshtein()}).estimates[0]
    assert distance.value == 0
    assert distance.worst_case == pytest.approx((2 / 3) / 2)


def test_nothing_answered_gives_no_value_but_a_worst_case_and_a_flag() -> None:
    cell = score(labels([("yes", Status.ERROR), ("no", Status.UNPARSED)]), {"accuracy": Accuracy()})
    estimate = cell.estimates[0]
    assert (estimate.value, estimate.ci_low, estimate.method, estimate.n) == (None, None, "", 0)
    assert estimate.worst_case == 0
    assert cell.coverage == 0
    assert set(cell.flags) >= {"no-answers", "low-coverage"}


def test_a_metric_that_is_not_defined_has_no_value() -> None:
    cell = score(labels([("yes", "yes"), ("yes", "no")]), {"roc_auc": RocAuc()})
    assert cell.estimates[0].value is None


def simulate() -> list[RecordedAnswer]:
    rng = np.random.default_rng(0)
    words = np.array(YES.labels)
    pairs: list[tuple[str, str | Status]] = []
    for gold, said, lost in zip(rng.choice(words, 300), rng.choice(words, 300), rng.random(300), strict=True):
        pairs.append((str(gold), Status.UNPARSED if lost < 0.05 else str(said)))
    return labels(pairs, size=3, categories=("x", "y", "z"))


ALL: dict[str, Metric] = {
    "accuracy": Accuracy(),
    "macro_f1": MacroF1(),
    "f1": PositiveF1(),
    "balanced_accuracy": BalancedAccuracy(),
    "kappa": Kappa(),
    "roc_auc": RocAuc(),
}


def test_equal_input_gives_equal_bytes_and_json_gives_the_scores_back() -> None:
    first, second = (json.dumps(score(simulate(), ALL).to_json()) for _ in range(2))
    assert first == second
    cell = CellScores.from_json(json.loads(first))
    assert json.dumps(cell.to_json()) == first
    assert [estimate.metric for estimate in cell.estimates] == list(ALL)
    for estimate in cell.estimates:
        assert estimate.value is not None
        assert estimate.ci_low is not None
        assert estimate.ci_high is not None
        assert estimate.ci_low < estimate.value < estimate.ci_high
        assert estimate.worst_case is not None
        assert estimate.worst_case <= estimate.value


def test_the_order_of_units_does_not_change_a_value() -> None:
    forward, backward = score(simulate(), ALL), score(simulate()[::-1], ALL)
    assert [estimate.value for estimate in forward.estimates] == pytest.approx(
        [estimate.value for estimate in backward.estimates]
    )


class Mine:
    """A stranger's metric: the bare contract, and slow."""

    def __call__(self, units: Units, weights: Floats) -> Floats:
        right = np.array([float(a == b) for a, b in zip(units.gold, units.predicted, strict=True)])
        value: Floats = weights @ right / weights.sum(axis=1)
        return value


def test_a_plain_callable_is_a_metric() -> None:
    cell = score(simulate(), {"mine/share": Mine(), "accuracy": Accuracy()})
    mine, ours = cell.estimates
    assert mine.value == ours.value
    assert mine.method == "cluster-jackknife"
    assert (mine.ci_low, mine.ci_high) == pytest.approx((ours.ci_low, ours.ci_high), abs=0.03)
    table = build_cell(simulate(), Protocol())
    lower = score_cell(
        table,
        task="t",
        judge="j",
        metrics={"mine/share": Mine()},
        data_hash="h",
        lower_is_better=frozenset({"mine/share"}),
    )
    assert not lower.estimates[0].greater_is_better


def pairs_of(shown: list[tuple[Verdict, Verdict]], golds: list[Verdict]) -> list[RecordedAnswer]:
    return [
        RecordedAnswer(
            item=f"i{k:03d}",
            group=f"i{k:03d}",
            category="",
            space=Preference(2),
            gold=golds[k],
            order=order,
            sample=0,
            status=Status.OK,
            verdict=said,
        )
        for k, both in enumerate(shown)
        for order, said in zip(((0, 1), (1, 0)), both, strict=True)
    ]


def test_consistency_by_hand() -> None:
    answers = pairs_of([(0, 1), (0, 0), (1, 0), (1, 0)], [0, 0, 1, 1])
    cell = score(answers, {"accuracy": Accuracy()}, Protocol(order="both"))
    values = {estimate.metric: (estimate.value, estimate.n) for estimate in cell.consistency}
    assert values == {"swap_consistency": (0.75, 4), "first_position": (5 / 8, 8)}
    assert {estimate.metric: estimate.method for estimate in cell.consistency} == {
        "swap_consistency": "agresti-coull",
        "first_position": "cluster-jackknife",
    }


def test_repeat_consistency_is_over_pairs_of_samples() -> None:
    answers = [
        RecordedAnswer(
            item="i", group="i", category="", space=YES, gold="yes", order=(), sample=k, status=Status.OK, verdict=said
        )
        for k, said in enumerate(("yes", "yes", "no"))
    ]
    cell = score(answers, {"accuracy": Accuracy()}, Protocol(samples=3))
    assert [(estimate.metric, estimate.value, estimate.n) for estimate in cell.consistency] == [
        ("repeat_consistency", 1 / 3, 3)
    ]


def flags_of(cell: CellScores) -> set[str]:
    return set(cell.flags)


def test_a_judge_that_always_says_the_same_is_flagged_unless_the_gold_does_so_too() -> None:
    varied = labels([("yes", "yes"), ("no", "yes")] * 20)
    assert flags_of(score(varied, {"accuracy": Accuracy()})) == {"collapsed"}
    constant = labels([("yes", "yes")] * 39 + [("yes", "no")])
    assert flags_of(score(constant, {"accuracy": Accuracy()})) == {"constant-gold"}
    honest = labels([("yes", "yes"), ("no", "no")] * 20 + [("no", "yes")])
    assert flags_of(score(honest, {"accuracy": Accuracy()})) == set()


def test_a_judge_that_always_names_the_first_place_is_collapsed_and_biased() -> None:
    golds: list[Verdict] = [0, 1] * 20
    cell = score(pairs_of([(0, 0)] * 40, golds), {"accuracy": Accuracy()}, Protocol(order="both"))
    assert flags_of(cell) == {"collapsed", "position-biased"}
    assert cell.histogram == {"A": 40, "B": 40}
    constant: list[Verdict] = [0] * 40
    shuffled = pairs_of([(0, 0)] * 40, constant)
    assert "collapsed" in flags_of(score(shuffled, {"accuracy": Accuracy()}, Protocol(order="both")))


def test_a_judge_that_answers_another_question_is_told_apart_from_one_that_is_wrong() -> None:
    pairs = [("yes", "yes"), ("no", "no")] * 19 + [("yes", "no"), ("no", "yes")]
    some: list[tuple[str, str | Status]] = [*pairs, *[("yes", Status.OUTSIDE)] * 2]
    assert flags_of(score(labels(some), {"accuracy": Accuracy()})) == set()
    many: list[tuple[str, str | Status]] = [*pairs, *[("yes", Status.OUTSIDE)] * 3]
    cell = score(labels(many), {"accuracy": Accuracy()})
    assert flags_of(cell) == {"outside"}
    assert (cell.statuses["outside"], cell.statuses["unparsed"]) == (3, 0)


def test_few_clusters_and_low_coverage_are_flagged() -> None:
    many = [("yes", "yes"), ("no", "no")] * 29 + [("yes", "no"), ("no", "yes")]
    lost: list[tuple[str, str | Status]] = [*many, *[("yes", Status.TRUNCATED)] * 10]
    assert flags_of(score(labels(lost), {"accuracy": Accuracy()})) == {"low-coverage"}
    assert flags_of(score(labels(lost, size=10), {"accuracy": Accuracy()})) == {"low-coverage"}, "six clusters"
    assert flags_of(score(labels(lost, size=20), {"accuracy": Accuracy()})) == {"low-coverage", "few-clusters"}
