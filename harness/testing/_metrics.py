"""The contract of metrics as checks."""

from __future__ import annotations

from collections.abc import Iterator

from harness.api import AnswerSpace, Card, Choice, Metric, MetricCard, Preference, Ranking, Score, Units
from harness.testing._members import check_members
from harness.testing._subject import Check, Subject, subject

_SPACES: dict[str, AnswerSpace] = {
    "choice": Choice(("yes", "no")),
    "preference": Preference(2),
    "score": Score(1, 5, 1),
    "ranking": Ranking(3),
}


def metric_checks(what: Card | str, **fields: object) -> Iterator[Check]:
    """The checks of a metric: a card, or its id."""
    yield from checks(subject(what, **fields))


def checks(one: Subject) -> Iterator[Check]:
    """The contract, each clause as a check."""
    yield "metric_protocol", lambda: _check_protocol(one)
    yield "metric_shape", lambda: _check_shape(one)
    yield "metric_rows_are_independent", lambda: _check_rows(one)
    yield "metric_depends_on_relative_weights", lambda: _check_scale(one)
    yield "metric_of_nothing_is_nan", lambda: _check_nothing(one)
    yield "metric_says_its_unit", lambda: _check_unit(one)
    yield "metric_keeps_its_range", lambda: _check_range(one)
    yield "metric_members", lambda: check_members("metric", one.made)


def units_of(space: AnswerSpace) -> Units:
    """Every pair of gold and verdict of a space, and the gold with a missing answer."""
    import numpy as np

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


def _metric(one: Subject) -> Metric:
    made = one.made
    assert isinstance(made, Metric), f"metric {one.offer.id}: the factory returned {made!r}, which cannot be called"
    return made


def _spaces(one: Subject) -> list[AnswerSpace]:
    card = one.offer.card
    assert isinstance(card, MetricCard), f"{one.offer.id} is no metric"
    unknown = card.answers - set(_SPACES)
    assert not unknown, f"metric {one.offer.id}: `answers` names {sorted(unknown)}; there are {sorted(_SPACES)}"
    return [_SPACES[kind] for kind in sorted(card.answers)]


def _check_protocol(one: Subject) -> None:
    _metric(one)
    _spaces(one)


def _check_shape(one: Subject) -> None:
    import numpy as np

    for space in _spaces(one):
        units = units_of(space)
        values = _metric(one)(units, np.ones((4, len(units.gold))))
        assert getattr(values, "shape", None) == (4,), f"metric {one.offer.id}, {space}: 4 rows gave {values!r}"
        assert np.allclose(values, values[0], equal_nan=True), f"metric {one.offer.id}, {space}: equal rows, {values}"


def _check_rows(one: Subject) -> None:
    import numpy as np

    for space in _spaces(one):
        units = units_of(space)
        weights = np.random.default_rng(0).integers(0, 5, (6, len(units.gold))).astype(float)
        together = _metric(one)(units, weights)
        alone = np.concatenate([_metric(one)(units, row[None]) for row in weights])
        assert np.allclose(together, alone, equal_nan=True), (
            f"metric {one.offer.id}, {space}: rows together give {together}, one by one {alone}"
        )


def _check_scale(one: Subject) -> None:
    import numpy as np

    if getattr(_metric(one), "of_groups", False):
        return  # its weights are counts: a group of twice as many answers is another group
    for space in _spaces(one):
        units = units_of(space)
        weights = np.random.default_rng(1).integers(1, 5, (3, len(units.gold))).astype(float)
        once, twice = _metric(one)(units, weights), _metric(one)(units, 2 * weights)
        assert np.allclose(once, twice, equal_nan=True), (
            f"metric {one.offer.id}, {space}: every answer twice changes {once} to {twice}"
        )


def _check_nothing(one: Subject) -> None:
    import numpy as np

    for space in _spaces(one):
        units = units_of(space)
        values = _metric(one)(units, np.zeros((1, len(units.gold))))
        assert np.isnan(values).all(), f"metric {one.offer.id}, {space}: no answer at all gives {values}, not NaN"


def _check_unit(one: Subject) -> None:
    from harness.score.metrics import card_conflict, unit_of

    card, metric = one.offer.card, _metric(one)
    assert isinstance(card, MetricCard), f"{one.offer.id} is no metric"
    problem = card_conflict(card, metric)
    assert not problem, f"metric {one.offer.id}: {problem}"
    unit = unit_of(metric, name=one.offer.id)  # raises where it is none
    assert unit != "distance" or not card.greater_is_better, (
        f"metric {one.offer.id}: a distance is best at 0; say greater_is_better=False on card and metric"
    )


def _check_range(one: Subject) -> None:
    """No value beyond what the unit, or `bounds`, promises: intervals end there, and a share is printed as such."""
    import numpy as np

    from harness.score.metrics import bounds_of, unit_of

    metric = _metric(one)
    for space in _spaces(one):
        units = units_of(space)
        low, high = bounds_of(metric, space)
        few = np.random.default_rng(2).multinomial(4, np.full(len(units.gold), 1 / len(units.gold)), size=200)
        values = metric(units, np.concatenate([np.eye(len(units.gold)), few]).astype(float))
        beyond = values[(values < low - 1e-9) | (values > high + 1e-9)]
        assert not len(beyond), (
            f"metric {one.offer.id}, {space}: it gives {beyond[0]:g}, and as a {unit_of(metric)} it is from {low:g} to "
            f"{high:g}; name another `unit`, or say its range with `bounds`"
        )
