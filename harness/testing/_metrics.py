"""The contract of metrics as checks."""

from __future__ import annotations

from collections.abc import Iterator

from harness.api import AnswerSpace, Card, Choice, Metric, MetricCard, Preference, Ranking, Rubric, Score, Units
from harness.testing._members import check_members
from harness.testing._subject import Check, Subject, find_subject

_SPACES: dict[str, AnswerSpace] = {
    "choice": Choice(("yes", "no")),
    "preference": Preference(2),
    "score": Score(1, 5, 1),
    "ranking": Ranking(3),
    "rubric": Rubric((("clear", Preference(2)), ("right", Preference(2)), ("safe", Choice(("yes", "no"))))),
}


def metric_checks(what: Card | str, **fields: object) -> Iterator[Check]:
    """The checks of a metric: a card, or its id."""
    yield from checks(find_subject(what, **fields))


def checks(subject: Subject) -> Iterator[Check]:
    """The contract, each clause as a check."""
    yield "metric_protocol", lambda: _check_protocol(subject)
    yield "metric_shape", lambda: _check_shape(subject)
    yield "metric_rows_are_independent", lambda: _check_rows(subject)
    yield "metric_depends_on_relative_weights", lambda: _check_scale(subject)
    yield "metric_of_nothing_is_nan", lambda: _check_nothing(subject)
    yield "metric_says_its_unit", lambda: _check_unit(subject)
    yield "metric_keeps_its_range", lambda: _check_range(subject)
    yield "metric_members", lambda: check_members("metric", subject.instance)


def units_of(space: AnswerSpace) -> Units:
    """Every pair of gold and verdict of a space, and the gold with a missing answer."""
    import numpy as np

    # Every pair of gold and answer: a metric must take what it never saw in its own tests.
    verdicts = space.verdicts()[:6]
    pairs = [(gold, said) for gold in verdicts for said in (*verdicts, None)]
    right = [float(said is not None and space.agrees(said, gold)) for gold, said in pairs]
    return Units(
        space=space,
        gold=tuple(gold for gold, _ in pairs),
        predicted=tuple(said for _, said in pairs),
        credit=np.array(right),
        positive=np.full(len(pairs), np.nan),
    )


def _metric(subject: Subject) -> Metric:
    instance = subject.instance
    assert isinstance(instance, Metric), (
        f"metric {subject.id}: the factory returned {instance!r}, which cannot be called"
    )
    return instance


def _spaces(subject: Subject) -> list[AnswerSpace]:
    card = subject.offer.card
    assert isinstance(card, MetricCard), f"{subject.id} is no metric"
    unknown = card.answers - set(_SPACES)
    assert not unknown, f"metric {subject.id}: `answers` names {sorted(unknown)}; there are {sorted(_SPACES)}"
    return [_SPACES[kind] for kind in sorted(card.answers)]


def _check_protocol(subject: Subject) -> None:
    _metric(subject)
    _spaces(subject)


def _check_shape(subject: Subject) -> None:
    import numpy as np

    for space in _spaces(subject):
        units = units_of(space)
        values = _metric(subject)(units, np.ones((4, len(units.gold))))
        assert getattr(values, "shape", None) == (4,), f"metric {subject.id}, {space}: 4 rows gave {values!r}"
        assert np.allclose(values, values[0], equal_nan=True), f"metric {subject.id}, {space}: equal rows, {values}"
        if (prepare := getattr(_metric(subject), "prepare", None)) is not None:
            prepared = prepare(units)
            where = f"metric {subject.id}, {space}: `prepare`"
            assert callable(prepared), f"{where} gave {prepared!r}; give a function of the weights"
            # A run asks only this one, and all the other checks ask the metric itself.
            other = prepared(np.ones((4, len(units.gold))))
            assert np.allclose(other, values, equal_nan=True), f"{where} gives {other}, and the metric itself {values}"


def _check_rows(subject: Subject) -> None:
    import numpy as np

    for space in _spaces(subject):
        units = units_of(space)
        weights = np.random.default_rng(0).integers(0, 5, (6, len(units.gold))).astype(float)
        # Intervals ask for hundreds of rows at once; a metric that mixes them gives wrong ones without an error.
        together = _metric(subject)(units, weights)
        alone = np.concatenate([_metric(subject)(units, row[None]) for row in weights])
        assert np.allclose(together, alone, equal_nan=True), (
            f"metric {subject.id}, {space}: rows together give {together}, one by one {alone}"
        )


def _check_scale(subject: Subject) -> None:
    import numpy as np

    if getattr(_metric(subject), "of_groups", False):
        return  # its weights are counts: a group of twice as many answers is another group
    for space in _spaces(subject):
        units = units_of(space)
        weights = np.random.default_rng(1).integers(1, 5, (3, len(units.gold))).astype(float)
        once, twice = _metric(subject)(units, weights), _metric(subject)(units, 2 * weights)
        assert np.allclose(once, twice, equal_nan=True), (
            f"metric {subject.id}, {space}: every answer twice changes {once} to {twice}"
        )


def _check_nothing(subject: Subject) -> None:
    import numpy as np

    for space in _spaces(subject):
        units = units_of(space)
        # 0 would be a value, and the leaderboard would print it.
        values = _metric(subject)(units, np.zeros((1, len(units.gold))))
        assert np.isnan(values).all(), f"metric {subject.id}, {space}: no answer at all gives {values}, not NaN"


def _check_unit(subject: Subject) -> None:
    from harness.score.metrics import card_conflict, unit_of

    card, metric = subject.offer.card, _metric(subject)
    assert isinstance(card, MetricCard), f"{subject.id} is no metric"
    problem = card_conflict(card, metric)
    assert not problem, f"metric {subject.id}: {problem}"
    unit = unit_of(metric, name=subject.id)  # raises where it is none
    assert unit != "distance" or not card.greater_is_better, (
        f"metric {subject.id}: a distance is best at 0; say greater_is_better=False on card and metric"
    )


def _check_range(subject: Subject) -> None:
    """No value beyond what the unit, or `bounds`, promises: intervals end there, and a share is printed as such."""
    import numpy as np

    from harness.score.metrics import bounds_of, unit_of

    metric = _metric(subject)
    for space in _spaces(subject):
        units = units_of(space)
        low, high = bounds_of(metric, space)
        # Few answers at a time, as in a small category: there a value leaves its range first.
        few = np.random.default_rng(2).multinomial(4, np.full(len(units.gold), 1 / len(units.gold)), size=200)
        values = metric(units, np.concatenate([np.eye(len(units.gold)), few]).astype(float))
        beyond = values[(values < low - 1e-9) | (values > high + 1e-9)]
        assert not len(beyond), (
            f"metric {subject.id}, {space}: it gives {beyond[0]:g}, and as a {unit_of(metric)} it is from {low:g} to "
            f"{high:g}; name another `unit`, or say its range with `bounds`"
        )
