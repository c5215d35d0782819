"""Krippendorff's alpha: how far people agree beyond chance. Not for a judge, and not for who is right.

Every difference function in use is a squared distance between vectors: labels are unit vectors, scores are numbers, and
rankings are the signs of their pairs. So the disagreement within a unit, and that expected by chance, are sums of
squares, which add up over clusters. Leaving one cluster out is then a subtraction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias, cast

import numpy as np

from harness.api import AnswerSpace, Measurement, Ranking, Score
from harness.score.annotations import People, Ratings
from harness.score.arrays import Floats, Ints
from harness.score.spread import Interval, interval_from_moves

Distance: TypeAlias = Literal["nominal", "interval", "inversions"]
"""Difference of two verdicts: 0 or 1, the square of their difference, or the share of pairs in another order."""

_CHANCE = 0.5  # of two rankings without any relation, half of all pairs are in another order


class _Sums(NamedTuple):
    """The sums that alpha is made of, with a row for each cluster or data set."""

    disagreement: Floats
    """Shape (G,): disagreement within units, times the number of verdicts."""
    verdicts: Floats
    """Shape (G,): how many verdicts there are."""
    squares: Floats
    """Shape (G,): sum of squared lengths of the vectors."""
    total: Floats
    """Shape (G, D): sum of the vectors."""

    def sum(self) -> _Sums:
        return _Sums(*(column.sum(axis=0, keepdims=True) for column in self))

    def without(self, part: _Sums) -> _Sums:
        return _Sums(*(mine - theirs for mine, theirs in zip(self, part, strict=True)))


def distance_of(space: AnswerSpace) -> Distance:
    """The difference function of an answer space."""
    if isinstance(space, Score):
        return "interval"
    return "inversions" if isinstance(space, Ranking) else "nominal"


def krippendorff(people: People, space: AnswerSpace, *, confidence: float = 0.95) -> Measurement:
    """Krippendorff's alpha = 1 - D_o / D_e, with missing verdicts (Krippendorff 2011, Computing alpha-reliability).

    D_o = sum over items u of sum over ordered pairs in u of d^2 / (m_u - 1), over n. D_e = sum over all ordered pairs
    of d^2 over n (n - 1). An item with one verdict drops out. d^2 is 1 for different labels, the squared difference of
    scores, and the share of pairs of candidates in another order of rankings.

    The candidates of a preference may stand in any order, and which is called the first says nothing. So each item
    counts in each rotation of its candidates; with two, in both orders. Without that, data in which the better one
    always stands first would have an expected disagreement, and so an alpha, near zero. Of rankings the expected
    disagreement over all orders of the candidates is one half.

    The interval is that of a number from -1 to 1 (`harness.score.intervals`), by the delete-one-cluster jackknife with
    one more cluster, half of which agrees and half of which differs.

    Args:
        people: What was said.
        space: The answer space.
        confidence: Of the interval.

    Returns:
        1 is perfect agreement, 0 is chance. No value if there is nothing to compare, or if all say the same of
        every item.
    """
    # An item with one verdict has no pair and says nothing about agreement. Krippendorff drops it as well.
    ratings, distance = pairable_ratings(people.ratings), distance_of(space)
    if not len(ratings.item) or (distance == "interval" and len(np.unique(ratings.verdict)) < 2):
        return Measurement(None)
    sums, sizes = _sums_by_cluster(ratings, people, distance)
    whole = sums.sum()
    expected = float(_chance_disagreement(whole, distance)[0])
    if not expected > 0:
        return Measurement(None)
    value = 1 - float(whole.disagreement[0] / whole.verdicts[0]) / expected
    return Measurement(value, *(_interval(value, sums, sizes, distance, confidence=confidence) or (None, None)))


def pairable_ratings(ratings: Ratings) -> Ratings:
    """The ratings of items with two or more verdicts."""
    _, item, counts = np.unique(ratings.item, return_inverse=True, return_counts=True)
    kept = counts[item] > 1
    # Every column is cut alike, so that none can be forgotten when one is added.
    return Ratings(**{name: getattr(ratings, name)[kept] for name in Ratings.__slots__})


def _sums_by_cluster(ratings: Ratings, people: People, distance: Distance) -> tuple[_Sums, Ints]:
    """The sums of each cluster, and how many items it has."""
    _, item = np.unique(ratings.item, return_inverse=True)
    _, cluster = np.unique(ratings.cluster, return_inverse=True)
    of_item = np.zeros(item.max() + 1, dtype=np.int64)
    of_item[item] = cluster
    sizes = np.bincount(of_item, minlength=cluster.max() + 1)
    parts = []
    # One turn for answers without candidates. Items of fewer candidates have fewer turns and drop out of the later
    # ones.
    for turn in range(int(ratings.places.max())):
        rows = ratings.places > turn
        vectors = _verdict_vectors(ratings, people, distance, turn=turn)
        parts.append(_sums_of_units(item[rows], of_item, vectors[rows]))
    return _Sums(*(np.sum(columns, axis=0) for columns in zip(*parts, strict=True))), sizes


def _sums_of_units(item: Ints, of_item: Ints, vectors: Floats) -> _Sums:
    """The sums of each cluster from the vectors of verdicts, shape (R, D)."""
    units, clusters = len(of_item), int(of_item.max()) + 1
    count = np.bincount(item, minlength=units).astype(np.float64)
    squares = np.bincount(item, weights=(vectors**2).sum(axis=1), minlength=units).astype(np.float64)
    total = np.stack([np.bincount(item, weights=column, minlength=units) for column in vectors.T], axis=1)
    # Sum over ordered pairs of |x - y|^2 = 2 (m sum |x|^2 - |sum x|^2): no loop over pairs.
    disagreement: Floats = 2 * (count * squares - (total**2).sum(axis=1)) / np.maximum(count - 1, 1)

    def add(column: Floats) -> Floats:
        return np.bincount(of_item, weights=column, minlength=clusters).astype(np.float64)

    return _Sums(add(disagreement), add(count), add(squares), np.stack([add(column) for column in total.T], axis=1))


def _chance_disagreement(sums: _Sums, distance: Distance) -> Floats:
    """D_e of each row."""
    if distance == "inversions":
        # Over all orders of the candidates, for any rankings, half of the pairs are inverted.
        return np.full(len(sums.verdicts), _CHANCE)
    pairs = np.maximum(sums.verdicts * (sums.verdicts - 1), 1)
    expected: Floats = 2 * (sums.verdicts * sums.squares - (sums.total**2).sum(axis=1)) / pairs
    return expected


def _alpha(sums: _Sums, distance: Distance) -> Floats:
    expected = _chance_disagreement(sums, distance)
    # Leaving out a cluster may leave a single verdict, or verdicts that are all the same.
    defined = (expected > 0) & (sums.verdicts > 1)
    observed = sums.disagreement / np.maximum(sums.verdicts, 1)
    return np.where(defined, 1 - observed / np.where(defined, expected, 1), np.nan)


def _interval(value: float, sums: _Sums, sizes: Ints, distance: Distance, *, confidence: float) -> Interval | None:
    """The interval by the jackknife. Alpha below -1 does not occur but in tiny data."""
    whole = sums.sum()
    size = float(whole.verdicts[0] / len(sizes))
    share = size / 2 / whole.verdicts
    # Two half clusters like the mean of all. In one of them all agree, in the other two people always differ.
    agree = _Sums(np.zeros(1), whole.verdicts * share, whole.squares * share, whole.total * share[:, None])
    differ = agree._replace(disagreement=2 * agree.verdicts * _chance_disagreement(whole, distance))
    smoothed = _Sums(*(np.sum(columns, axis=0) for columns in zip(whole, agree, differ, strict=True)))
    centre = _alpha(smoothed, distance)[0]
    return interval_from_moves(
        value,
        centre=centre,
        moves=np.nan_to_num(_alpha(_repeat_rows(smoothed, len(sizes)).without(sums), distance) - centre),
        pseudo=np.array([_alpha(smoothed.without(part), distance)[0] for part in (agree, differ)]) - centre,
        sizes=sizes.astype(np.float64),
        bounds=(-1, 1),
        confidence=confidence,
    )


def _repeat_rows(sums: _Sums, times: int) -> _Sums:
    return _Sums(*(np.repeat(column, times, axis=0) for column in sums))


def _verdict_vectors(ratings: Ratings, people: People, distance: Distance, *, turn: int) -> Floats:
    """A vector for each verdict, shape (R, D), whose squared distances are the difference function.

    Args:
        ratings: The verdicts.
        people: What their codes mean.
        distance: The difference function.
        turn: The candidates of a preference move on by so many places. Ties stay ties.
    """
    if distance == "interval":
        scores = np.array(people.verdicts, dtype=np.float64)[ratings.verdict]
        centred: Floats = (scores - scores.mean())[:, None]  # so that squares do not cancel
        return centred
    if distance == "inversions":
        rankings = [cast("tuple[int, ...]", verdict) for verdict in people.verdicts]
        signs: Floats = _pair_signs(rankings)[ratings.verdict]
        return signs
    places = np.array([verdict if isinstance(verdict, int) else -1 for verdict in people.verdicts], dtype=np.int64)
    most = int(ratings.places.max())
    said = places[ratings.verdict]
    # Ties come after all places, so that turning the candidates cannot make a tie of a place.
    category = np.where(said < 0, most + ratings.verdict, (said + turn) % ratings.places)
    # Unit vectors of different labels are sqrt(2) apart. Divided by it, their squared distance is 1.
    labels: Floats = np.eye(most + len(people.verdicts))[category] / np.sqrt(2)
    return labels


def _pair_signs(rankings: Sequence[tuple[int, ...]]) -> Floats:
    """For each pair of candidates which is better, scaled so that squared distances are shares of pairs."""
    most = max(len(ranking) for ranking in rankings)
    signs = np.zeros((len(rankings), most * (most - 1) // 2))
    for row, ranking in enumerate(rankings):
        place = np.argsort(ranking)
        first, second = np.triu_indices(len(ranking), k=1)
        signs[row, : len(first)] = np.sign(place[second] - place[first]) / (2 * np.sqrt(len(first)))
    return signs
