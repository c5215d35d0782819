"""From the answers to one item to its ballots: samples voted into one, orders pooled. Not for what a ballot counts as.

Places shown become canonical here. Time: spaces are told apart by `type(...) is`, see `harness.score.units`.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import cast

from harness.api import TIE, Choice, Preference, Protocol, RecordedAnswer, Score, Status, UserError, Verdict
from harness.score.table import ANSWERED, DRAWN, ERROR, MISSING, OUTSIDE

_NAN = float("nan")
STATES = {Status.ERROR: ERROR, Status.OUTSIDE: OUTSIDE, Status.DRAW: DRAWN}
"""The state of an answer without a verdict, by its status. `MISSING` for every other."""


@dataclass(frozen=True, slots=True)
class Ballot:
    """One vote on one item, canonical: a single sample, or several samples made one."""

    verdict: Verdict | None
    """`None` if there is none, or if an answered unit is wrong under every gold."""
    state: int
    """One of those of `harness.score.table`."""
    positive: float
    """Probability of the positive class, NaN if not known."""
    order: tuple[int, ...]
    """As shown; `()` without candidates or where several orders became one vote."""
    sample: int
    """Number of the repeat. 0 if several became one vote."""
    drawn: tuple[Verdict, ...] = ()
    """Those whose scores are equal and the best, where the state is `DRAWN` and the judge said which."""
    confidence: float = _NAN
    """Mean probability that the answers with a verdict gave to this verdict. NaN if one of them has none."""


def make_ballots(answers: list[RecordedAnswer], protocol: Protocol) -> list[Ballot]:
    """The votes on one item by the protocol's `vote`, before orders are pooled.

    Args:
        answers: To one item, ordered by order and sample.
        protocol: The task's protocol.

    Raises:
        UserError: The verdicts have no mean, and the protocol asks for it.
    """
    if _is_one_vote(protocol):
        # The samples were shown in different orders, so their vote has none.
        return [replace(_make_ballot(answers, protocol), order=(), sample=0)]
    if len(answers) == 1:
        return [_make_ballot(answers, protocol)]
    if protocol.vote == "each":
        # `each` comes after the case of one answer: most tasks ask once, and their answers need no grouping.
        return [_make_ballot([answer], protocol) for answer in answers]
    return [_make_ballot(same, protocol) for same in split_orders(answers)]


def ballots_of_each_order(answers: list[RecordedAnswer], protocol: Protocol) -> list[Ballot]:
    """One vote for each order in which an item was shown, also where the protocol does not count so."""
    return [_make_ballot(same, protocol) for same in split_orders(sorted(answers, key=attrgetter("order")))]


def _is_one_vote(protocol: Protocol) -> bool:
    """Whether all samples of an item make one vote, in any orders that they were shown in."""
    return protocol.order == "reshuffled" and protocol.samples > 1 and protocol.vote != "each"


def split_orders(answers: list[RecordedAnswer]) -> Iterator[list[RecordedAnswer]]:
    """The answers to an item that were asked in one order, one after the other."""
    for _, same in itertools.groupby(answers, key=attrgetter("order")):
        yield list(same)


def _read_answer(answer: RecordedAnswer, protocol: Protocol) -> tuple[Verdict | None, int, float]:
    if answer.verdict is None:
        state = STATES.get(answer.status, MISSING)
        return None, state, _positive_probability(answer, protocol) if state == DRAWN else _NAN
    return canonical(answer), ANSWERED, _positive_probability(answer, protocol)


def canonical(answer: RecordedAnswer) -> Verdict:
    """The verdict of an answer that has one, in canonical places."""
    verdict = cast("Verdict", answer.verdict)
    return answer.space.to_canonical(verdict, answer.order) if answer.order else verdict


def _best_verdicts(answer: RecordedAnswer) -> tuple[Verdict, ...]:
    """The verdicts with the highest probability, in canonical places."""
    if not answer.probabilities:
        return ()
    most = max(answer.probabilities.values())
    # Servers round logarithms of probabilities, so that equal candidates may differ in the last digits.
    best = [name for name, share in answer.probabilities.items() if math.isclose(share, most, rel_tol=1e-9)]
    shown = [verdict for name in best if (verdict := answer.space.read(name)) is not None]
    return tuple(answer.space.to_canonical(verdict, answer.order) if answer.order else verdict for verdict in shown)


def _positive_probability(answer: RecordedAnswer, protocol: Protocol) -> float:
    """Probability of the first label, of the first place shown, or (pooled) of the first candidate wherever shown."""
    if answer.probabilities is None:
        return _NAN
    if type(answer.space) is Choice:
        return float(answer.probabilities.get(answer.space.labels[0], 0.0))
    if type(answer.space) is Preference:
        by_candidate = protocol.pooling != "each" or _is_one_vote(protocol)
        # Judged order by order, the classes are places, and the positive class is the first place shown.
        place = answer.space.to_shown(0, answer.order) if answer.order and by_candidate else 0
        return float(answer.probabilities.get(answer.space.name(place), 0.0))
    return _NAN


def _mean_confidence(answers: list[RecordedAnswer], verdict: Verdict | None) -> float:
    """Mean probability of a canonical verdict, over the answers that have one. NaN if one does not say."""
    if verdict is None:
        return _NAN
    given = [answer for answer in answers if answer.verdict is not None]
    # A mean over those that have probabilities would be the confidence of another, smaller vote.
    if any(answer.probabilities is None for answer in given):
        return _NAN
    return _mean([_probability_of(answer, verdict) for answer in given])


def _probability_of(answer: RecordedAnswer, verdict: Verdict) -> float:
    space, shares = answer.space, answer.probabilities or {}
    shown = space.to_shown(verdict, answer.order) if answer.order else verdict
    known = shares.get(space.name(shown))
    if known is not None:
        return float(known)
    # The same verdict spelt otherwise, or the tie classes that a bare tie stands for. What is not named has none.
    named = [(space.read(name), share) for name, share in shares.items()]
    return float(sum(share for other, share in named if other is not None and space.agrees(shown, other)))


def _make_ballot(same: list[RecordedAnswer], protocol: Protocol) -> Ballot:
    """Samples as one ballot, in the order of the first. The majority where each would stand for itself."""
    # Samples that all draw agree with one another: they are one drawn answer and not a failed vote.
    if len(same) == 1 or all(answer.status is Status.DRAW for answer in same):
        verdict, state, positive = _read_answer(same[0], protocol)
        drawn = _best_verdicts(same[0]) if state == DRAWN else ()
        sample, sure = same[0].sample if len(same) == 1 else 0, _mean_confidence(same, verdict)
        return Ballot(verdict, state, positive, same[0].order, sample, drawn, sure)
    readings = [_read_answer(answer, protocol) for answer in same]
    given = [verdict for verdict, _, _ in readings if verdict is not None]
    if not given:
        return Ballot(None, _common_state(state for _, state, _ in readings), _NAN, same[0].order, 0)
    positive = _mean([probability for verdict, _, probability in readings if verdict is not None])
    if protocol.vote == "mean":
        if not isinstance(same[0].space, Score):
            raise UserError(
                f"item {same[0].item!r}: protocol says vote: mean, and a {same[0].space.kind} has no mean; "
                "use vote: majority or vote: each"
            )
        return Ballot(_mean([cast("float", score) for score in given]), ANSWERED, positive, same[0].order, 0)
    (top, most), *others = Counter(given).most_common(2)
    if protocol.vote == "absolute":
        # A request that failed is no vote against anyone. One that could not be read is.
        answered = sum(state != ERROR for _, state, _ in readings)
        won = 2 * most > answered
    else:
        # Two classes with as many votes: the vote is drawn, and no rule of ours picks one of them.
        won = not (others and others[0][1] == most)
    if not won:
        return Ballot(None, MISSING, _NAN, same[0].order, 0)
    return Ballot(top, ANSWERED, positive, same[0].order, 0, confidence=_mean_confidence(same, top))


def _common_state(states: Iterable[int]) -> int:
    """The state of votes that have no verdict together: an error where one failed, their own where all are of one."""
    kinds = set(states) - {ANSWERED}
    # A failure wins, because what the judge would have said there is not known.
    return ERROR if ERROR in kinds else kinds.pop() if len(kinds) == 1 else MISSING


def pool_orders(votes: list[Ballot], protocol: Protocol, answers: list[RecordedAnswer]) -> list[Ballot]:
    """The votes of all orders by the protocol's `pooling`.

    Args:
        votes: From `make_ballots`.
        protocol: The task's protocol.
        answers: All answers to the item.

    Raises:
        UserError: The protocol asks for a sum, and the verdicts are no preferences.
    """
    head = answers[0]
    if protocol.pooling == "each" or not head.order:
        return votes
    given = [vote.verdict for vote in votes if vote.verdict is not None]
    lost = _common_state(vote.state for vote in votes)
    drawn = next((vote.drawn for vote in votes if vote.drawn), ()) if lost == DRAWN else ()
    positive = _mean([vote.positive for vote in votes if vote.verdict is not None])
    if protocol.pooling == "agree":
        # One order has nothing to agree with. It counts as a failure until the second is asked.
        alone = len({vote.order for vote in votes}) < 2  # the other order was not asked yet
        if alone or len(given) < len(votes):
            return [Ballot(None, ERROR if alone else lost, _NAN, (), 0, drawn)]
        agreed = given[0] if all(verdict == given[0] for verdict in given) else None
        return [Ballot(agreed, ANSWERED, positive, (), 0, confidence=_mean_confidence(answers, agreed))]
    if type(head.space) is not Preference:
        raise UserError(
            f"item {head.item!r}: protocol says pooling: sum, which needs votes for candidates and not a "
            f"{head.space.kind}; use pooling: each or pooling: agree"
        )
    if not given:
        return [Ballot(None, lost, _NAN, (), 0, drawn)]
    winner = _find_winner(given)
    return [Ballot(winner, ANSWERED, positive, (), 0, confidence=_mean_confidence(answers, winner))]


def _find_winner(given: list[Verdict]) -> Verdict | None:
    """Who has more votes than all other candidates together. A tie where every verdict is one."""
    votes = Counter(verdict for verdict in given if not isinstance(verdict, str))
    if votes:
        top, most = votes.most_common(1)[0]
        # More than all others together, and not just the most: with three orders 1-1-1 has no winner.
        return top if 2 * most > votes.total() else None
    return given[0] if all(verdict == given[0] for verdict in given) else TIE


def _mean(values: list[float]) -> float:
    """The plain mean. NaN if one is not known, since a mean over the others would be of another kind."""
    return sum(values) / len(values) if values else _NAN
