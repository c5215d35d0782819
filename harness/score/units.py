"""From answers to units: the rules of a `Protocol`, applied to a stream, item by item.

Not for metrics: a unit's verdict and its credit are settled here, and nothing after this module asks how.
Memory: an answer is let go as soon as its item is done. What stays are a few dozen bytes for each unit.
Time: spaces are told apart by `type(...) is`, since `isinstance` on an abstract class is ten times as slow.
"""

from __future__ import annotations

import itertools
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from operator import attrgetter
from typing import cast

import numpy as np

from harness.api import AnswerSpace, DataError, Preference, Protocol, RecordedAnswer, Rubric, Score, Status, Verdict
from harness.score.arrays import Ints
from harness.score.ballots import (
    STATES,
    Ballot,
    ballots_of_each_order,
    canonical,
    make_ballots,
    pool_orders,
    split_orders,
)
from harness.score.columns import RepeatColumns, SuccessColumns, cluster_marks, hash_id
from harness.score.credit import blind_guesses, class_and_credit, is_tie
from harness.score.criteria import list_places, merge_rubrics
from harness.score.histograms import bin_of, histogram, size
from harness.score.people import PeopleBuilder, ScoredVerdict
from harness.score.table import (
    ANSWERED,
    ERROR,
    MISSING,
    NOTHING,
    POLICIES,
    CellTable,
    PackedIds,
    RequestCounts,
    UnitTable,
)

_NAN = float("nan")


def build_cell(answers: Iterable[RecordedAnswer], protocol: Protocol) -> CellTable:
    """Turn one cell's answers into units.

    How the fields of the protocol are read, beyond what `harness.api.Protocol` says:

    - `vote: majority` counts the samples that have a verdict. `mean` is the plain mean, not snapped to a step.
    - `order: reshuffled` with several samples: unless each stands for itself, all samples of an item make one vote,
      for candidates and not for places.
    - A vote is an `error` only if no sample has a verdict and at least one failed. The same holds for two orders.
      It is a draw, or outside the space, where all that have no verdict are. Else it follows `unparsed`. So does a
      drawn vote.
    - A unit of several answers has a probability where each of them that has a verdict has one. So has its confidence:
      the mean probability that they gave to the unit's verdict, also by those that said another.
    - `pooling: sum`: a candidate wins with more votes than all others together. Without a winner the unit is answered
      and wrong, unless every verdict is a tie, which it then is.
    - `pooling: agree`: two different verdicts are an answered, wrong unit. If one is missing, so is the unit.
    - A bare `TIE` is read as the gold's own tie class, and as the space's first where the gold is no tie.
    - `ties: skip` leaves tied golds out of every value, the worst case too. `ties: right` is about answers: a missing
      one follows `unparsed`, and is wrong in the worst case, for every gold.
    - `chance`: the blind guess is the verdict at place (key of the unit) modulo (number of verdicts), the same for
      every judge, and counts as any answer does. Its probability is one in the number of verdicts.
    - `draws: share`: the same among those that draw, or among all verdicts where the judge did not say which they are.
    - `pooling: each` makes the classes of a preference *shown* places, as each order is judged by itself. The classes
      of a verdict pooled from several orders are the candidates. Accuracy is the same either way, macro-F1 and the like
      are not.
    - The criteria of a rubric are cells of their own as well (`CellTable.criteria`), each by the same protocol. The
      whole answer votes as one: samples that differ in a criterion differ.

    Args:
        answers: Streamed, ordered by item, order, sample. Those to one item as they were asked.
        protocol: The task's protocol.

    Raises:
        DataError: There are no answers, or an item comes twice, or the answer spaces are of different kinds, or the
            chance of a blind guess is asked for where the answers are too many to list.
        UserError: The protocol does not fit the answer space.

    Example:
        >>> from harness.api import Choice, RecordedAnswer, Status
        >>> def answer(item, verdict):
        ...     return RecordedAnswer(
        ...         item=item, group=item, category="", space=Choice(("yes", "no")), gold="yes", order=(),
        ...         sample=0, status=Status.OK if verdict else Status.UNPARSED, verdict=verdict,
        ...     )
        >>> table = build_cell([answer("a", "yes"), answer("b", "no"), answer("c", None)], Protocol())
        >>> table.requests.asked, table.units.credit.tolist(), table.without_answer.tolist()
        (3, [1.0, 0.0, 0.0], [False, False, True])
        >>> len(table.view())  # a missing answer is left out, unless the protocol says otherwise
        2
    """
    builder = _Builder(protocol)
    for _, same in itertools.groupby(answers, key=attrgetter("item")):
        builder.add(list(same))
    return builder.finish()


class _Builder:
    """Grows the columns of a table."""

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol
        policies = protocol.policies
        # A failure of the machinery says nothing about the judge, so no protocol counts it.
        self.policies = {state: policies[name] for state, name in POLICIES.items()} | {ERROR: "exclude"}
        kept = {state: policy != "exclude" for state, policy in self.policies.items()}
        self.people = PeopleBuilder({**kept, ANSWERED: True}, skips_ties=protocol.ties == "skip")
        self.guesses = bool({"chance", "share"} & set(policies.values()))
        self.space: AnswerSpace | None = None
        self.codes: dict[Verdict, int] = {}
        self.categories: dict[str, int] = {}
        self.ids = PackedIds()
        self.key, self.cluster = array("Q"), array("Q")
        self.item, self.category = array("i"), array("i")
        # A score stands for itself and any other verdict for its code, so that a continuous scale needs no dictionary.
        self.gold, self.predicted, self.worst = array("d"), array("d"), array("d")
        self.credit, self.positive, self.confidence = array("d"), array("d"), array("d")
        self.guess, self.guess_credit, self.guess_positive = array("d"), array("d"), array("d")  # where it guesses
        self.state = array("B")
        self.seen, self.groups = array("Q"), array("Q")
        self.with_probabilities = 0
        self.statuses: Counter[str] = Counter({status.value: 0 for status in Status})
        self.canonical: Counter[Verdict] = Counter()
        self.shown: Counter[Verdict] = Counter()
        self.golds: Counter[Verdict] = Counter()
        self.shown_golds: Counter[Verdict] = Counter()
        self.orders = 0
        self.swap, self.first, self.repeat = SuccessColumns(), SuccessColumns(), SuccessColumns()
        self.repeats = RepeatColumns()
        self.criteria: dict[str, _Builder] = {}

    def add(self, answers: list[RecordedAnswer]) -> None:
        """Take in all answers to one item."""
        parts, answers = answers, [answer.of_whole() for answer in answers]
        head = answers[0]
        self._widen_space(head)
        name = hash_id(head.item)
        cluster = name if head.group == head.item else hash_id(head.group)
        self.seen.append(name)
        self.groups.append(cluster)
        self.ids.append(head.item)
        if head.annotations:
            self.people.rate(head, item=len(self.ids) - 1, cluster=cluster)
        votes = make_ballots(answers, self.protocol)
        # These are about what was said and not about who is right: a tied gold, which may leave out its unit, counts
        # here.
        self._count_requests(answers, cluster)
        self._compare_orders(answers, votes, cluster)
        if self.protocol.ties == "skip" and is_tie(head.space, head.gold):
            return
        if len(answers) > 1:
            self._collect_repeats(answers, votes, cluster)
        for ballot in pool_orders(votes, self.protocol, answers):
            self._add_unit(head, ballot, cluster)
        if type(head.space) is Rubric:
            for criterion in head.space.names:
                if criterion not in self.criteria:
                    self.criteria[criterion] = _Builder(self.protocol)
                self.criteria[criterion].add([answer.of_criterion(criterion) for answer in parts])

    def _widen_space(self, head: RecordedAnswer) -> None:
        if self.space is None:
            self.space = head.space
        elif head.space != self.space:
            if head.space.kind != self.space.kind:
                raise DataError(
                    f"item {head.item!r}: its answer space is a {head.space.kind}, that of the items before is a "
                    f"{self.space.kind}; make them two tasks"
                )
            # Items may have different numbers of labels or candidates. A cell has one space, and the largest holds
            # all verdicts. That of rubrics has the criteria of all.
            both = self.space, head.space
            self.space = merge_rubrics(*both, item=head.item) if type(head.space) is Rubric else max(both, key=size)

    def _add_unit(self, head: RecordedAnswer, ballot: Ballot, cluster: int) -> None:
        space = head.space
        # Units of two judges are matched by this name, so it must not depend on how many answers came before.
        key = hash_id(f"{head.item}\0{ballot.order}\0{ballot.sample}")
        policy = "" if ballot.state == ANSWERED else self.policies[ballot.state]
        gold, verdict, credit, guess, guess_credit = self._count_against(head, ballot, key)
        positive = ballot.positive
        if policy in ("chance", "share") and not (policy == "share" and ballot.drawn):
            # A judge that guesses blindly names the positive class as often as it is right.
            positive = credit
        self.key.append(key)
        self.item.append(len(self.ids) - 1)
        self.cluster.append(cluster)
        self.category.append(self.categories.setdefault(head.category, len(self.categories)))
        self.gold.append(self._encode(gold))
        self.predicted.append(_NAN if verdict is None else self._encode(verdict))
        self.worst.append(self._encode(space.worst(gold)))
        self.credit.append(credit)
        self.positive.append(ballot.positive if ballot.state == ANSWERED else _NAN)
        self.confidence.append(ballot.confidence if ballot.state == ANSWERED else _NAN)
        self.state.append(ballot.state)
        if self.guesses:
            self.guess.append(_NAN if guess is None else self._encode(guess))
            self.guess_credit.append(guess_credit)
            self.guess_positive.append(positive if policy in ("", "chance", "share") else _NAN)
        if len(head.annotations) > 1:
            self.people.add_unit(
                len(self.key) - 1, head, ballot, lambda other, given: self._count_against(other, given, key)
            )

    def _count_against(self, head: RecordedAnswer, ballot: Ballot, key: int) -> ScoredVerdict:
        """The outcome of a ballot against the gold of `head`, in the frame in which its unit is counted."""
        space, gold = head.space, head.gold
        verdict, credit = None, 0.0
        if ballot.state == ANSWERED:
            verdict, credit = class_and_credit(ballot.verdict, head, self.protocol)
        guess, guess_credit = verdict, credit
        policy = "" if ballot.state == ANSWERED else self.policies[ballot.state]
        if policy == "half":
            credit = guess_credit = 0.5
        elif policy in ("chance", "share"):
            drawn = ballot.drawn if policy == "share" else ()
            # The key is a hash: guesses are spread evenly, and are the same for every judge and in every run.
            blind = drawn or blind_guesses(head, field=f"{POLICIES[ballot.state]}: {policy}")
            guess, guess_credit = class_and_credit(blind[key % len(blind)], head, self.protocol)
            # The chance of the guess and not its luck: a mean of credits then has no noise that the judge did not
            # make.
            credit = 1 / len(blind)
            if drawn:
                credit = sum(class_and_credit(best, head, self.protocol)[1] for best in drawn) / len(drawn)
        if type(space) is Preference and self.protocol.pooling == "each" and ballot.order:
            # One order by itself is a question about places: its classes are "first" and "second", so that a gold which
            # is always one candidate has both classes once it is shuffled (MJ-Bench in the paper's macro-F1).
            gold = space.to_shown(gold, ballot.order)
            verdict = None if verdict is None else space.to_shown(verdict, ballot.order)
            guess = None if guess is None else space.to_shown(guess, ballot.order)
        return ScoredVerdict(gold, verdict, credit, guess, guess_credit)

    def _encode(self, verdict: Verdict) -> float:
        if type(self.space) is Score:
            return float(cast("float", verdict))
        return self.codes.setdefault(verdict, len(self.codes))

    def _count_requests(self, answers: list[RecordedAnswer], cluster: int) -> None:
        decided = first = 0
        samples: dict[tuple[int, ...], list[Verdict]] = {}
        head = answers[0]
        self.golds[bin_of(head.space, head.gold)] += 1
        for answer in answers:
            self.statuses[answer.status.value] += 1
            if answer.verdict is None:
                samples.setdefault(answer.order, [])
                continue
            self.with_probabilities += answer.probabilities is not None
            verdict = canonical(answer)
            samples.setdefault(answer.order, []).append(verdict)
            self.canonical[bin_of(answer.space, verdict)] += 1
            self.shown[bin_of(answer.space, answer.verdict)] += 1
            gold = answer.space.to_shown(answer.gold, answer.order) if answer.order else answer.gold
            self.shown_golds[bin_of(answer.space, gold)] += 1
            # A tie names no place, so it is no evidence of position bias.
            for place in list_places(answer.space, answer.verdict):
                decided += 1
                first += place == 0
        self.orders = max(self.orders, len(samples))
        self.first.add(cluster, first, decided)
        repeats = list(samples.values())
        if self.protocol.order == "reshuffled":  # each sample is one more call, in any order
            repeats = [[verdict for given in repeats for verdict in given]]
        if len(answers) > len(repeats):
            pairs = [a == b for given in repeats for a, b in itertools.combinations(given, 2)]
            # Pairs, and not a share of the largest class: their agreement has the same mean for any number of
            # samples.
            self.repeat.add(cluster, sum(pairs), len(pairs))

    def _compare_orders(self, answers: list[RecordedAnswer], votes: list[Ballot], cluster: int) -> None:
        if self.protocol.order == "reshuffled" or self.protocol.vote == "each":
            # The protocol made one vote of all orders, or many of one. Swap consistency needs one vote for each
            # order.
            votes = ballots_of_each_order(answers, self.protocol)
        if len(votes) < 2:
            return
        verdicts = [vote.verdict for vote in votes if vote.verdict is not None]
        if len(verdicts) == len(votes):
            self.swap.add(cluster, int(all(verdict == verdicts[0] for verdict in verdicts)), 1)

    def _collect_repeats(self, answers: list[RecordedAnswer], votes: list[Ballot], cluster: int) -> None:
        """The questions among the answers to an item that were put more than once."""
        rules = self.protocol
        questions = [answers] if rules.order == "reshuffled" else list(split_orders(answers))
        # Only if each question has one vote do `votes` and `questions` have the same length and order.
        one_each = rules.vote != "each" and (rules.pooling == "each" or not answers[0].order)
        for place, same in enumerate(questions):
            if len(same) > 1:
                worths = [worth for answer in same if (worth := self._worth_of(answer)) is not None]
                self.repeats.add(cluster, worths, self._credit_of(votes[place], same[0]) if one_each else _NAN)

    def _worth_of(self, answer: RecordedAnswer) -> float | None:
        """Worth of one answer by itself. `None` if it does not count."""
        if answer.verdict is None:
            policy = self.policies[STATES.get(answer.status, MISSING)]
            return {"wrong": 0.0, "half": 0.5}.get(policy) if type(answer.space) is not Score else None
        if type(answer.space) is Score:
            return abs(cast("float", answer.verdict) - cast("float", answer.gold))
        return class_and_credit(canonical(answer), answer, self.protocol)[1]

    def _credit_of(self, vote: Ballot, head: RecordedAnswer) -> float:
        """Credit of a vote. NaN if it does not count, or if a score has no credit."""
        if type(head.space) is Score:
            return _NAN
        if vote.state != ANSWERED:
            return 0.0 if self.policies[vote.state] == "wrong" else _NAN
        return class_and_credit(vote.verdict, head, self.protocol)[1]

    def finish(self) -> CellTable:
        """The table of all that was added."""
        if self.space is None:
            raise DataError("no answers to score: run the judge on this task first")
        self._check_order()
        gold, predicted, worst, guess, verdicts = self._decode_verdicts()
        units = UnitTable(
            space=self.space,
            verdicts=verdicts,
            key=np.frombuffer(self.key, dtype=np.uint64),
            item=np.array(self.item, dtype=np.int64),
            cluster=cluster_marks(self.cluster),
            category=np.array(self.category, dtype=np.int64),
            gold=gold,
            predicted=predicted,
            credit=np.frombuffer(self.credit, dtype=np.float64),
            positive=np.frombuffer(self.positive, dtype=np.float64),
            categories=tuple(self.categories),
        )
        with_random_guess = units
        if self.guesses:
            with_random_guess = replace(
                units,
                predicted=guess,
                credit=np.frombuffer(self.guess_credit, dtype=np.float64),
                positive=np.frombuffer(self.guess_positive, dtype=np.float64),
            )
        return CellTable(
            protocol=self.protocol,
            units=units,
            with_random_guess=with_random_guess,
            state=np.frombuffer(self.state, dtype=np.uint8),
            worst=worst,
            confidence=np.frombuffer(self.confidence, dtype=np.float64),
            items=self.ids,
            groups=len(np.unique(np.frombuffer(self.groups, dtype=np.uint64))),
            requests=self._request_counts(self.space),
            swap=self.swap.finish(),
            first=self.first.finish(),
            repeat=self.repeat.finish(),
            repeats=self.repeats.finish("mae" if type(self.space) is Score else "accuracy"),
            people=self.people.finish(),
            criteria={name: part.finish() for name, part in self.criteria.items()},
        )

    def _check_order(self) -> None:
        """Refuse an item that comes twice. Hashes are compared, so that no set of ids is kept."""
        seen = np.frombuffer(self.seen, dtype=np.uint64)
        _, first = np.unique(seen, return_index=True)
        if len(first) < len(seen):
            again = self.ids[int(np.setdiff1d(np.arange(len(seen)), first)[0])]
            raise DataError(f"item {again!r}: its answers come apart; they must be ordered by item, order, sample")

    def _decode_verdicts(self) -> tuple[Ints, Ints, Ints, Ints, tuple[Verdict, ...]]:
        """Codes of gold, answer, worst answer and answer or else blind guess, and what they stand for."""
        guess = self.guess if self.guesses else self.predicted
        # Views of the arrays, not copies: a million units are 8 MB a column.
        columns = [np.frombuffer(column) for column in (self.gold, self.predicted, self.worst, guess)]
        if type(self.space) is not Score:
            gold, predicted, worst, guesses = (np.where(np.isnan(c), NOTHING, c).astype(np.int64) for c in columns)
            return gold, predicted, worst, guesses, tuple(self.codes)
        together = np.concatenate(columns)
        known = ~np.isnan(together)
        # Codes of all columns together, in the order of the scale, so that equal scores have one code.
        values, codes = np.unique(together[known], return_inverse=True)
        coded = np.full(together.shape, NOTHING, dtype=np.int64)
        coded[known] = codes
        gold, predicted, worst, guesses = np.split(coded, 4)
        return gold, predicted, worst, guesses, tuple(values.tolist())

    def _request_counts(self, space: AnswerSpace) -> RequestCounts:
        return RequestCounts(
            asked=self.statuses.total(),
            with_probabilities=self.with_probabilities,
            statuses=dict(self.statuses),
            histogram=histogram(space, self.canonical),
            shown_histogram=histogram(space, self.shown),
            gold_histogram=histogram(space, self.golds),
            shown_gold_histogram=histogram(space, self.shown_golds),
            orders=self.orders,
        )
