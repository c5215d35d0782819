"""Rubrics: a criterion scores as if nothing else had been asked, and conflicts are counted as their authors do."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from harness.api import (
    TIE,
    Choice,
    DataError,
    Metric,
    Preference,
    Protocol,
    RecordedAnswer,
    Rubric,
    Score,
    Status,
    UserError,
    Verdict,
)
from harness.score.agreement import Kappa, MacroF1, RocAuc
from harness.score.cell import score_cell
from harness.score.contest import Contest, Round
from harness.score.correlation import Spearman
from harness.score.metrics import Accuracy, MeanAbsoluteError
from harness.score.records import CellScores
from harness.score.rubric import ConflictMatching, CriteriaAccuracy, TradeoffSensitivity
from harness.score.units import build_cell

SPACE = Rubric((("sharp", Score(1, 5)), ("better", Preference(2, ("good", "bad"))), ("safe", Choice(("yes", "no")))))
FOUR = Rubric(tuple((name, Preference(2)) for name in ("a", "b", "c", "d")))
BOTH = ((0, 1), (1, 0))


def answer(
    item: str, gold: Verdict, said: Verdict | None, *, space: Rubric = SPACE, order: tuple[int, ...] = (), **fields: Any
) -> RecordedAnswer:
    """`said` is canonical."""
    status = Status.UNPARSED if said is None else Status.OK
    shown = said if said is None or not order else space.to_shown(said, order)
    return RecordedAnswer(item, fields.pop("group", item), "", space, gold, order, 0, status, shown, **fields)


def draw(dice: random.Random, space: Rubric) -> Verdict:
    return tuple(dice.choice(own.verdicts()) for own in space.spaces)  # type: ignore[misc]


def simulate(space: Rubric, count: int, *, seed: int = 0, missing: float = 0.1) -> list[RecordedAnswer]:
    dice = random.Random(seed)
    found = []
    for k in range(count):
        gold = draw(dice, space)
        people = {name: draw(dice, space) if dice.random() < 0.5 else gold for name in ("ann", "bob", "cat")}
        for order in BOTH:
            said = draw(dice, space) if dice.random() < 0.5 else gold
            given = None if dice.random() < missing else said
            found.append(answer(f"i{k}", gold, given, space=space, order=order, group=f"g{k // 2}", annotations=people))
    return found


def score(answers: list[RecordedAnswer], metrics: dict[str, Metric], **protocol: Any) -> CellScores:
    rules = Protocol(metrics=tuple(metrics), **protocol)
    return score_cell(build_cell(answers, rules), task="t", judge="j", metrics=metrics, data_hash="h")


def project(answers: list[RecordedAnswer], place: int) -> list[RecordedAnswer]:
    """By hand, from the definition: the parts of everything at one place."""
    return [
        given._replace(
            space=SPACE.spaces[place],
            gold=given.gold[place],  # type: ignore[index]
            verdict=None if given.verdict is None else given.verdict[place],  # type: ignore[index]
            annotations={name: said[place] for name, said in given.annotations.items()},  # type: ignore[index]
        )
        for given in answers
    ]


@pytest.mark.parametrize("unparsed", ["exclude", "wrong"])
@pytest.mark.parametrize(
    ("criterion", "metric", "average"),
    [
        ("sharp", MeanAbsoluteError, ""),
        ("sharp", Spearman, ""),
        ("better", MacroF1, ""),
        ("better", Accuracy, ""),
        ("safe", Kappa, ""),
        ("safe", Accuracy, "@group"),
    ],
)
def test_a_criterion_scores_as_if_nothing_else_had_been_asked(
    criterion: str, metric: Callable[[], Metric], average: str, unparsed: str
) -> None:
    answers = simulate(SPACE, 60)
    name = f"m[{criterion}]{average}"
    mine = score(answers, {"accuracy": Accuracy(), name: metric()}, order="both", unparsed=unparsed)
    alone = score(
        project(answers, SPACE.place_of(criterion)), {f"m{average}": metric()}, order="both", unparsed=unparsed
    )
    (_, of_criterion), (expected,) = mine.estimates, alone.estimates
    assert of_criterion.to_json() == {**expected.to_json(), "metric": name}
    assert mine.coverage == alone.coverage
    assert mine.ceiling is not None
    assert alone.ceiling is not None
    of_people, theirs = mine.ceiling.metrics[1], alone.ceiling.metrics[0]
    assert (of_people.value, of_people.ci_low, of_people.judge) == (theirs.value, theirs.ci_low, theirs.judge)


def test_against_scikit_learn() -> None:
    answers = simulate(SPACE, 80, missing=0)
    found = score(answers, {"kappa[safe]": Kappa(), "accuracy": Accuracy(), "criteria_accuracy": CriteriaAccuracy()})
    golds = [given.gold for given in answers]
    said = [SPACE.to_canonical(given.verdict, given.order) for given in answers if given.verdict is not None]
    values = {estimate.metric: estimate.value for estimate in found.estimates}
    kappa = sk.cohen_kappa_score([gold[2] for gold in golds], [verdict[2] for verdict in said])  # type: ignore[index]
    assert values["kappa[safe]"] == pytest.approx(kappa)
    assert values["accuracy"] == pytest.approx(np.mean([SPACE.agrees(a, b) for a, b in zip(said, golds, strict=True)]))
    each = [np.mean(SPACE.agree_each(a, b)) for a, b in zip(said, golds, strict=True)]
    assert values["criteria_accuracy"] == pytest.approx(np.mean(each))


def by_the_authors(rows: list[tuple[tuple[Any, ...], tuple[Any, ...] | None]]) -> tuple[float, float]:
    """TOS and CMR from the definition in section 3 of the paper, prompt by prompt and pair by pair."""
    seen, pairs = [], []
    for gold, said in rows:
        own = [
            (said is not None and said[a] != said[b], said is not None and (said[a], said[b]) == (gold[a], gold[b]))
            for a, b in itertools.combinations(range(len(gold)), 2)
            if gold[a] != gold[b]
        ]
        if own:
            seen.append(any(apart for apart, _ in own))
            pairs += [matched for _, matched in own]
    return float(np.mean(seen)), float(np.mean(pairs))


@pytest.mark.parametrize("mixed", [False, True])
def test_conflicts_are_counted_as_the_authors_do(mixed: bool) -> None:
    dice = random.Random(3)
    rows, answers = [], []
    for k in range(200):
        names = sorted(dice.sample("abcd", dice.randint(2, 4) if mixed else 4))
        space = Rubric(tuple((name, Preference(2)) for name in names))
        gold = draw(dice, space)
        said = None if dice.random() < 0.1 else draw(dice, space)
        rows.append((gold, said))
        answers.append(answer(f"i{k}", gold, said, space=space))
    metrics: dict[str, Metric] = {"tos": TradeoffSensitivity(), "cmr": ConflictMatching()}
    found = score(answers, metrics, unparsed="wrong")
    assert tuple(estimate.value for estimate in found.estimates) == pytest.approx(by_the_authors(rows))  # type: ignore[arg-type]
    assert all(estimate.ci_low is not None and estimate.ci_low < estimate.value for estimate in found.estimates)  # type: ignore[operator]


def test_a_constant_judge_sees_no_conflict_and_a_tie_is_none() -> None:
    tied = Rubric((("a", Preference(2, ("tie",))), ("b", Preference(2, ("tie",)))))
    metrics: dict[str, Metric] = {"tos": TradeoffSensitivity(), "cmr": ConflictMatching()}
    rows = [answer("1", (0, 1), (0, 0), space=tied), answer("2", (0, "tie"), (0, 1), space=tied)]
    assert [estimate.value for estimate in score(rows, metrics).estimates] == [0, 0]
    rows[0] = answer("1", (0, 1), (0, "tie"), space=tied)
    assert [estimate.value for estimate in score(rows, metrics).estimates] == [0, 0]
    rows[0] = answer("1", (0, 1), (1, 0), space=tied)
    assert [estimate.value for estimate in score(rows, metrics).estimates] == [1, 0], "seen, and resolved wrongly"
    assert [estimate.value for estimate in score(rows[1:], metrics).estimates] == [None, None]


def test_only_preferences_conflict() -> None:
    space = Rubric((("sharp", Score(0, 1)), ("a", Preference(2)), ("b", Preference(2))))
    rows = [answer("1", (0.0, 1, 0), (1.0, 1, 0), space=space)]
    assert [e.value for e in score(rows, {"tos": TradeoffSensitivity(), "cmr": ConflictMatching()}).estimates] == [1, 1]
    rows.append(answer("2", (0.0,), (0.0,), space=Rubric((("sharp", Score(0, 1)),))))
    with pytest.raises(UserError, match="the items have different rubrics"):
        score(rows, {"tos": TradeoffSensitivity()})


def test_each_item_counts_for_the_criteria_that_it_has() -> None:
    short = Rubric((("a", Preference(2)), ("c", Preference(2))))
    rows = [answer("1", (0, 0, 1, 1), (0, 1, 1, 1), space=FOUR), answer("2", (0, 1), (0, 0), space=short)]
    found = score(rows, {name: Accuracy() for name in ("accuracy", "accuracy[b]", "accuracy[c]")})
    assert [(estimate.n, estimate.value) for estimate in found.estimates] == [(2, 0), (1, 0), (2, 0.5)]
    with pytest.raises(UserError, match="no criterion 'e'; there are a, b, c, d"):
        score(rows, {"accuracy[e]": Accuracy()})
    with pytest.raises(UserError, match="its answers have no criteria"):
        score(project([answer("1", (1.0, 0, "no"), None)], 2), {"accuracy[e]": Accuracy()})
    turned = Rubric(SPACE.criteria[::-1])
    rows = [answer("1", (1.0, 0, "no"), None), answer("2", ("no", 0, 1.0), None, space=turned)]
    with pytest.raises(DataError, match="name them in one order"):
        score(rows, {"accuracy": Accuracy()})


def test_a_bare_tie_counts_for_the_ties_of_its_criterion() -> None:
    rows = [answer("1", (2.0, "bad", "no"), (2.0, TIE, "no")), answer("2", (2.0, 0, "no"), (2.0, TIE, "no"))]
    found = score(
        rows, {"accuracy": Accuracy(), "criteria_accuracy": CriteriaAccuracy(), "accuracy[better]": Accuracy()}
    )
    assert [estimate.value for estimate in found.estimates] == pytest.approx([0.5, 5 / 6, 0.5])


def test_probabilities_of_a_criterion_are_marginal() -> None:
    space = Rubric((("safe", Choice(("yes", "no"))), ("better", Preference(2))))
    shares = {"safe: yes; better: A": 0.5, "safe: yes; better: B": 0.2, "safe: no; better: A": 0.3}
    table = build_cell([answer("1", ("yes", 0), ("yes", 0), space=space, probabilities=shares)], Protocol())
    assert table.criteria["safe"].units.positive.tolist() == pytest.approx([0.7])
    assert table.criteria["better"].confidence.tolist() == pytest.approx([0.8])
    rows = [
        answer(
            f"{k}",
            (gold, 0),
            ("yes", 0),
            space=space,
            probabilities={"safe: yes; better: A": p, "safe: no; better: A": 1 - p},
        )
        for k, (gold, p) in enumerate([("yes", 0.9), ("no", 0.6), ("yes", 0.8), ("no", 0.7), ("yes", 0.65)])
    ]
    (estimate,) = score(rows, {"roc_auc[safe]": RocAuc()}).estimates
    assert estimate.value == pytest.approx(5 / 6)
    assert estimate.basis == "probabilities"


def test_a_criterion_may_have_probabilities_of_its_own_and_the_whole_then_has_none() -> None:
    space = Rubric((("safe", Choice(("yes", "no"))), ("better", Preference(2))))
    rows = [
        answer(f"{k}", (gold, 0), ("yes", 0), space=space, probabilities={"safe: yes": p, "safe: no": 1 - p})
        for k, (gold, p) in enumerate([("yes", 0.9), ("no", 0.6), ("yes", 0.8), ("no", 0.7), ("yes", 0.65)])
    ]
    table = build_cell(rows, Protocol())
    assert table.criteria["safe"].confidence.tolist() == pytest.approx([0.9, 0.6, 0.8, 0.7, 0.65])
    assert np.isnan(table.criteria["better"].confidence).all()
    assert np.isnan(table.confidence).all()
    assert (table.requests.with_probabilities, table.criteria["safe"].requests.with_probabilities) == (0, 5)
    (estimate,) = score(rows, {"roc_auc[safe]": RocAuc()}).estimates
    assert estimate.value == pytest.approx(5 / 6)
    assert estimate.basis == "probabilities"


def test_a_criterion_is_calibrated_as_if_it_had_been_asked_alone() -> None:
    dice = np.random.default_rng(5)
    space = Rubric((("safe", Choice(("yes", "no"))), ("better", Preference(2))))
    chances = dice.uniform(0.5, 1, 400).tolist()
    # Sure to 75 % in the mean, and right in 60 %.
    golds = ["yes" if right else "no" for right in dice.uniform(size=400) < 0.6]
    rows = [
        answer(f"{k}", (gold, 0), ("yes", 0), space=space, probabilities={"safe: yes": p, "safe: no": 1 - p})
        for k, (gold, p) in enumerate(zip(golds, chances, strict=True))
    ]
    alone = [row.of_criterion("safe") for row in rows]
    found = score(rows, {"accuracy": Accuracy()})
    assert found.calibration is None
    assert found.criteria_calibration == {"safe": score(alone, {"accuracy": Accuracy()}).calibration}
    assert found.criteria_calibration["safe"].ece_low > 0.05
    assert CellScores.from_json(json.loads(json.dumps(found.to_json()))).criteria_calibration.keys() == {"safe"}
    before = {name: value for name, value in found.to_json().items() if name != "criteria_calibration"}
    assert CellScores.from_json(before).criteria_calibration == {}


def test_a_criterion_that_never_moves_is_named() -> None:
    rows = [
        row._replace(verdict=(3.0, *row.verdict[1:])) for row in simulate(SPACE, 60) if isinstance(row.verdict, tuple)
    ]
    assert [flag for flag in score(rows, {"accuracy": Accuracy()}).flags if "collapsed" in flag] == ["collapsed[sharp]"]
    # Said once where all criteria stand still, and not where the right answer does not move either.
    still = [row._replace(verdict=(3.0, 0, "no")) for row in rows]
    assert [flag for flag in score(still, {"accuracy": Accuracy()}).flags if "collapsed" in flag] == ["collapsed"]
    right = [row._replace(gold=(3.0, *row.gold[1:])) for row in rows if isinstance(row.gold, tuple)]
    assert not [flag for flag in score(right, {"accuracy": Accuracy()}).flags if "collapsed" in flag]


def test_rules_for_ties_are_those_of_a_preference_alone() -> None:
    with pytest.raises(UserError, match="ties: skip, which has no meaning for a rubric"):
        score(simulate(SPACE, 3), {"accuracy[better]": Accuracy()}, ties="skip")


def test_two_judges_are_compared_by_a_criterion() -> None:
    tables = {name: build_cell(simulate(SPACE, 50, seed=seed), Protocol()) for name, seed in (("a", 1), ("b", 1))}
    contest = Contest([Round(tables, Kappa(), name="kappa[safe]")])
    assert contest.meet("a", "b").gap is not None
    own = contest.own("a")
    assert own is not None
    assert own.value == score(simulate(SPACE, 50, seed=1), {"kappa[safe]": Kappa()}).estimates[0].value


def test_the_first_place_counts_over_all_preferences() -> None:
    rows = [answer(f"{k}", (0, 1, 0, 1), (0, 0, 1, 1), space=FOUR, order=order) for k in range(10) for order in BOTH]
    table = build_cell(rows, Protocol(order="both"))
    assert (table.first.hits.sum(), table.first.trials.sum()) == (40, 80)


@pytest.mark.parametrize("metric", [TradeoffSensitivity, ConflictMatching, CriteriaAccuracy])
def test_intervals_hold_what_they_promise(metric: Callable[[], Metric]) -> None:
    """200 samples of 60 items of a judge that is right with 0.7 by each criterion: the truth is in most intervals."""
    truth = {TradeoffSensitivity: None, ConflictMatching: 0.49, CriteriaAccuracy: 0.7}[metric]  # type: ignore[index]
    dice = random.Random(11)

    def sample(count: int) -> list[RecordedAnswer]:
        found = []
        for k in range(count):
            gold = tuple(dice.randint(0, 1) for _ in range(4))
            said = tuple(place if dice.random() < 0.7 else 1 - place for place in gold)
            found.append(answer(f"i{k}", gold, said, space=FOUR))
        return found

    if truth is None:  # its truth depends on the golds, and a large sample tells it
        truth = score(sample(20_000), {"m": metric()}).estimates[0].value
    assert truth is not None
    estimates = [score(sample(60), {"m": metric()}).estimates[0] for _ in range(200)]
    held = np.mean([e.ci_low <= truth <= e.ci_high for e in estimates])  # type: ignore[operator]
    assert 0.90 <= held <= 1
