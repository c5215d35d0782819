"""From answers to units: the rules of a `Protocol`, applied to a stream, item by item.

Not for metrics: a unit's verdict and its credit are settled here, and nothing after this module asks how.
Memory: an answer is let go as soon as its item is done; what stays are a few dozen bytes for each unit.
Time: spaces are told apart by `type(...) is`, since `isinstance` on an abstract class is ten times as slow.
"""

from __future__ import annotations

import hashlib
import itertools
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import cast

import numpy as np

from harness.api import TIE, AnswerSpace, DataError, Preference, Protocol, Score, Status, UserError, Verdict
from harness.api import Choice as ChoiceSpace
from harness.score.histograms import bin_of, histogram, size
from harness.score.records import Answer
from harness.score.table import ANSWERED, ERROR, MISSING, NOTHING, CellTable, Ints, Names, Tallies, Trials, View

_NAN = float("nan")


@dataclass(frozen=True, slots=True)
class _Ballot:
    """One vote on one item, canonical: a single sample, or several samples of one order made one."""

    verdict: Verdict | None
    state: int
    positive: float
    order: tuple[int, ...]
    sample: int


def build_cell(answers: Iterable[Answer], protocol: Protocol) -> CellTable:
    """Turn one cell's answers into units.

    How the fields of the protocol are read, beyond what `harness.api.Protocol` says:

    - `vote: majority` counts the samples that have a verdict; `mean` is the plain mean, not snapped to a step.
    - A vote is an `error` only where no sample has a verdict and at least one failed; the same holds for two orders.
    - `pooling: sum`: a candidate wins with more votes than all others together. Without a winner the unit is answered
      and wrong, unless every verdict is a tie, which it then is.
    - `pooling: agree`: two different verdicts are an answered, wrong unit; where one is missing, so is the unit.
    - A bare `TIE` is read as the gold's own tie class, and as the space's first where the gold is no tie.
    - `ties: skip` leaves tied golds out of every value, the worst case too.
    - `pooling: each` makes the classes of a preference *shown* places, as each order is judged by itself; a pooled
      verdict's classes are the candidates. Accuracy is the same either way, macro-F1 and the like are not.

    Args:
        answers: Streamed, ordered by item, order, sample.
        protocol: The task's protocol.

    Raises:
        DataError: There are no answers, or an item comes twice, or the answer spaces are of different kinds.
        UserError: The protocol does not fit the answer space.
    """
    builder = _Builder(protocol)
    for _, same in itertools.groupby(answers, key=attrgetter("item")):
        builder.add(list(same))
    return builder.finish()


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


class _Counts:
    """Hits among trials by item, in a growing column each."""

    def __init__(self) -> None:
        self.cluster, self.hits, self.trials = array("Q"), array("q"), array("q")

    def add(self, cluster: int, hits: int, trials: int) -> None:
        if trials:
            self.cluster.append(cluster)
            self.hits.append(hits)
            self.trials.append(trials)

    def finish(self) -> Trials:
        codes = np.unique(np.frombuffer(self.cluster, dtype=np.uint64), return_inverse=True)[1]
        return Trials(
            cluster=codes.astype(np.int64),
            hits=np.array(self.hits, dtype=np.int64),
            trials=np.array(self.trials, dtype=np.int64),
        )


class _Builder:
    """Grows the columns of a table."""

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol
        self.space: AnswerSpace | None = None
        self.codes: dict[Verdict, int] = {}
        self.categories: dict[str, int] = {}
        self.text, self.ends = bytearray(), array("Q")
        self.key, self.cluster = array("Q"), array("Q")
        self.item, self.category = array("i"), array("i")
        # A score stands for itself and any other verdict for its code, so that a continuous scale needs no dictionary.
        self.gold, self.predicted, self.worst = array("d"), array("d"), array("d")
        self.credit, self.positive = array("d"), array("d")
        self.state = array("B")
        self.seen, self.groups = array("Q"), array("Q")
        self.statuses: Counter[str] = Counter({status.value: 0 for status in Status})
        self.canonical: Counter[Verdict] = Counter()
        self.shown: Counter[Verdict] = Counter()
        self.golds: Counter[Verdict] = Counter()
        self.shown_golds: Counter[Verdict] = Counter()
        self.orders = 0
        self.swap, self.first, self.repeat = _Counts(), _Counts(), _Counts()

    def add(self, answers: list[Answer]) -> None:
        """Take in all answers to one item."""
        head = answers[0]
        self._widen(head)
        name = _hash(head.item)
        cluster = name if head.group == head.item else _hash(head.group)
        self.seen.append(name)
        self.groups.append(cluster)
        self.text += head.item.encode()
        self.ends.append(len(self.text))
        ballots = list(_ballots(answers, self.protocol))
        self._tally(answers, cluster)
        self._swap(answers, ballots, cluster)
        if self.protocol.ties == "skip" and _is_tie(head.space, head.gold):
            return
        for ballot in _pooled(ballots, self.protocol, head):
            self._unit(head, ballot, cluster)

    def _widen(self, head: Answer) -> None:
        if self.space is None:
            self.space = head.space
        elif head.space != self.space:
            if head.space.kind != self.space.kind:
                raise DataError(
                    f"item {head.item!r}: its answer space is a {head.space.kind}, that of the items before is a "
                    f"{self.space.kind}; make them two tasks"
                )
            self.space = max(self.space, head.space, key=size)

    def _unit(self, head: Answer, ballot: _Ballot, cluster: int) -> None:
        space, gold, verdict = head.space, head.gold, ballot.verdict
        if type(space) is Preference and verdict == TIE:
            verdict = gold if isinstance(gold, str) else space.ties[0]
        tied_gold = _is_tie(space, gold)
        if ballot.state == ANSWERED:
            right = verdict is not None and space.agrees(verdict, gold)
            credit = 0.5 if tied_gold and self.protocol.ties == "half" else float(right)
            if self.protocol.ties == "skip" and verdict is not None and _is_tie(space, verdict):
                verdict = None
        else:
            credit = self._missing_credit(space)
        self.key.append(_hash(f"{head.item}\0{ballot.order}\0{ballot.sample}"))
        self.item.append(len(self.ends) - 1)
        self.cluster.append(cluster)
        self.category.append(self.categories.setdefault(head.category, len(self.categories)))
        if type(space) is Preference and self.protocol.pooling == "each" and ballot.order:
            # One order by itself is a question about places: its classes are "first" and "second", so that a gold which
            # is always one candidate has both classes once it is shuffled (MJ-Bench in the paper's macro-F1).
            gold = space.shown(gold, ballot.order)
            verdict = None if verdict is None else space.shown(verdict, ballot.order)
        self.gold.append(self._code(gold))
        self.predicted.append(_NAN if verdict is None else self._code(verdict))
        self.worst.append(self._code(space.worst(gold)))
        self.credit.append(credit)
        self.positive.append(ballot.positive)
        self.state.append(ballot.state)

    def _missing_credit(self, space: AnswerSpace) -> float:
        if self.protocol.unparsed == "half":
            return 0.5
        return 1 / len(space.verdicts()) if self.protocol.unparsed == "chance" else 0.0

    def _code(self, verdict: Verdict) -> float:
        if type(self.space) is Score:
            return float(cast("float", verdict))
        return self.codes.setdefault(verdict, len(self.codes))

    def _tally(self, answers: list[Answer], cluster: int) -> None:
        decided = first = 0
        samples: dict[tuple[int, ...], list[Verdict]] = {}
        head = answers[0]
        self.golds[bin_of(head.space, head.gold)] += 1
        for answer in answers:
            self.statuses[answer.status.value] += 1
            if answer.verdict is None:
                samples.setdefault(answer.order, [])
                continue
            verdict = _canonical(answer)
            samples.setdefault(answer.order, []).append(verdict)
            self.canonical[bin_of(answer.space, verdict)] += 1
            self.shown[bin_of(answer.space, answer.verdict)] += 1
            gold = answer.space.shown(answer.gold, answer.order) if answer.order else answer.gold
            self.shown_golds[bin_of(answer.space, gold)] += 1
            if type(answer.space) is Preference and not isinstance(answer.verdict, str):
                decided += 1
                first += answer.verdict == 0
        self.orders = max(self.orders, len(samples))
        self.first.add(cluster, first, decided)
        if len(answers) > len(samples):
            pairs = [a == b for given in samples.values() for a, b in itertools.combinations(given, 2)]
            self.repeat.add(cluster, sum(pairs), len(pairs))

    def _swap(self, answers: list[Answer], ballots: list[_Ballot], cluster: int) -> None:
        if len(ballots) < 2 or ballots[0].order == ballots[-1].order:
            return
        if self.protocol.vote == "each":  # one verdict for each order is needed here all the same
            majority = replace(self.protocol, vote="majority")
            ballots = [_merged(same, majority) for same in _by_order(answers)]
        verdicts = [ballot.verdict for ballot in ballots if ballot.verdict is not None]
        if len(verdicts) == len(ballots):
            self.swap.add(cluster, int(all(verdict == verdicts[0] for verdict in verdicts)), 1)

    def finish(self) -> CellTable:
        """The table of all that was added."""
        if self.space is None:
            raise DataError("no answers to score: run the judge on this task first")
        gold, predicted, worst, verdicts = self._decoded()
        cluster = np.unique(np.frombuffer(self.cluster, dtype=np.uint64), return_inverse=True)[1].astype(np.int64)
        units = View(
            space=self.space,
            verdicts=verdicts,
            key=np.frombuffer(self.key, dtype=np.uint64),
            item=np.array(self.item, dtype=np.int64),
            cluster=cluster,
            category=np.array(self.category, dtype=np.int64),
            gold=gold,
            predicted=predicted,
            credit=np.frombuffer(self.credit, dtype=np.float64),
            positive=np.frombuffer(self.positive, dtype=np.float64),
        )
        return CellTable(
            protocol=self.protocol,
            units=units,
            state=np.frombuffer(self.state, dtype=np.uint8),
            worst=worst,
            items=self._names(),
            groups=len(np.unique(np.frombuffer(self.groups, dtype=np.uint64))),
            categories=tuple(self.categories),
            tallies=self._tallies(self.space),
            swap=self.swap.finish(),
            first=self.first.finish(),
            repeat=self.repeat.finish(),
        )

    def _names(self) -> Names:
        names = Names(text=bytes(self.text), ends=np.frombuffer(self.ends, dtype=np.uint64))
        seen = np.frombuffer(self.seen, dtype=np.uint64)
        _, first = np.unique(seen, return_index=True)
        if len(first) < len(seen):
            again = names[int(np.setdiff1d(np.arange(len(seen)), first)[0])]
            raise DataError(f"item {again!r}: its answers come apart; they must be ordered by item, order, sample")
        return names

    def _decoded(self) -> tuple[Ints, Ints, Ints, tuple[Verdict, ...]]:
        """Codes of gold, answer and worst answer, and what they stand for."""
        columns = [np.frombuffer(column) for column in (self.gold, self.predicted, self.worst)]
        if type(self.space) is not Score:
            gold, predicted, worst = (np.where(np.isnan(c), NOTHING, c).astype(np.int64) for c in columns)
            return gold, predicted, worst, tuple(self.codes)
        together = np.concatenate(columns)
        known = ~np.isnan(together)
        values, codes = np.unique(together[known], return_inverse=True)
        coded = np.full(together.shape, NOTHING, dtype=np.int64)
        coded[known] = codes
        gold, predicted, worst = np.split(coded, 3)
        return gold, predicted, worst, tuple(values.tolist())

    def _tallies(self, space: AnswerSpace) -> Tallies:
        return Tallies(
            asked=self.statuses.total(),
            statuses=dict(self.statuses),
            histogram=histogram(space, self.canonical),
            shown_histogram=histogram(space, self.shown),
            gold_histogram=histogram(space, self.golds),
            shown_gold_histogram=histogram(space, self.shown_golds),
            orders=self.orders,
        )


def _by_order(answers: list[Answer]) -> Iterator[list[Answer]]:
    for _, same in itertools.groupby(answers, key=attrgetter("order")):
        yield list(same)


def _ballots(answers: list[Answer], protocol: Protocol) -> Iterator[_Ballot]:
    if len(answers) == 1:
        yield _Ballot(*_reading(answers[0], protocol), answers[0].order, answers[0].sample)
        return
    for same in _by_order(answers):
        if len(same) > 1 and protocol.vote != "each":
            yield _merged(same, protocol)
        else:
            yield from (_Ballot(*_reading(answer, protocol), answer.order, answer.sample) for answer in same)


def _reading(answer: Answer, protocol: Protocol) -> tuple[Verdict | None, int, float]:
    if answer.verdict is None:
        return None, ERROR if answer.status is Status.ERROR else MISSING, _NAN
    return _canonical(answer), ANSWERED, _positive(answer, protocol)


def _canonical(answer: Answer) -> Verdict:
    verdict = cast("Verdict", answer.verdict)
    return answer.space.canonical(verdict, answer.order) if answer.order else verdict


def _positive(answer: Answer, protocol: Protocol) -> float:
    """Probability of the first label, of the first place shown, or (pooled) of the first candidate wherever shown."""
    if answer.probabilities is None:
        return _NAN
    if type(answer.space) is ChoiceSpace:
        return float(answer.probabilities.get(answer.space.labels[0], 0.0))
    if type(answer.space) is Preference:
        place = answer.space.shown(0, answer.order) if answer.order and protocol.pooling != "each" else 0
        return float(answer.probabilities.get(answer.space.name(place), 0.0))
    return _NAN


def _merged(same: list[Answer], protocol: Protocol) -> _Ballot:
    """The samples of one order as one ballot."""
    readings = [_reading(answer, protocol) for answer in same]
    given = [verdict for verdict, _, _ in readings if verdict is not None]
    if not given:
        failed = any(state == ERROR for _, state, _ in readings)
        return _Ballot(None, ERROR if failed else MISSING, _NAN, same[0].order, 0)
    positive = _mean([probability for _, _, probability in readings])
    if protocol.vote == "mean":
        if not isinstance(same[0].space, Score):
            raise UserError(
                f"item {same[0].item!r}: protocol says vote: mean, and a {same[0].space.kind} has no mean; "
                "use vote: majority or vote: each"
            )
        return _Ballot(_mean([cast("float", one) for one in given]), ANSWERED, positive, same[0].order, 0)
    (top, most), *others = Counter(given).most_common(2)
    if others and others[0][1] == most:
        return _Ballot(None, MISSING, positive, same[0].order, 0)
    return _Ballot(top, ANSWERED, positive, same[0].order, 0)


def _pooled(ballots: list[_Ballot], protocol: Protocol, head: Answer) -> list[_Ballot]:
    """The ballots of all orders by the protocol's `pooling`."""
    if protocol.pooling == "each" or not head.order:
        return ballots
    given = [ballot.verdict for ballot in ballots if ballot.verdict is not None]
    failed = any(ballot.state == ERROR for ballot in ballots)
    positive = _mean([ballot.positive for ballot in ballots])
    if protocol.pooling == "agree":
        alone = len({ballot.order for ballot in ballots}) < 2  # the other order was not asked yet
        if failed or alone or len(given) < len(ballots):
            return [_Ballot(None, ERROR if failed or alone else MISSING, _NAN, (), 0)]
        same = all(verdict == given[0] for verdict in given)
        return [_Ballot(given[0] if same else None, ANSWERED, positive, (), 0)]
    if type(head.space) is not Preference:
        raise UserError(
            f"item {head.item!r}: protocol says pooling: sum, which needs votes for candidates and not a "
            f"{head.space.kind}; use pooling: each or pooling: agree"
        )
    if not given:
        return [_Ballot(None, ERROR if failed else MISSING, _NAN, (), 0)]
    return [_Ballot(_winner(given), ANSWERED, positive, (), 0)]


def _winner(given: list[Verdict]) -> Verdict | None:
    """Who has more votes than all other candidates together; a tie where every verdict is one."""
    votes = Counter(verdict for verdict in given if not isinstance(verdict, str))
    if votes:
        top, most = votes.most_common(1)[0]
        return top if 2 * most > votes.total() else None
    return given[0] if all(verdict == given[0] for verdict in given) else TIE


def _mean(values: list[float]) -> float:
    known = [value for value in values if value == value]
    return sum(known) / len(known) if known else _NAN


def _is_tie(space: AnswerSpace, verdict: Verdict) -> bool:
    return type(space) is Preference and isinstance(verdict, str)
