"""Verdicts of several people, as columns: for agreement, the human ceiling and the alternative-annotator test.

Filled item by item by `harness.score.units`, and read by `harness.score.alpha`, `ceiling` and `alt_test`. Nothing
here computes a number of a judge: a person's verdict goes through the very rules that a judge's verdict goes through.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias, cast

import numpy as np

from harness.api import AnswerSpace, Preference, Ranking, RecordedAnswer, Score, Verdict
from harness.score.annotations import Duels, Lines, People, Ratings
from harness.score.ballots import Ballot
from harness.score.ranking import inversions
from harness.score.table import ANSWERED, ERROR, NOTHING

_NAN = float("nan")


class ScoredVerdict(NamedTuple):
    """A verdict as it counts against a gold: what `harness.score.units` makes of one ballot."""

    gold: Verdict
    """The right answer, in the frame in which the unit is counted."""
    verdict: Verdict | None
    """The answer in the same frame. `None` if it is missing, or is never right."""
    credit: float
    """Points from 0 to 1."""
    guess: Verdict | None
    """The answer, or the blind guess that stands for a missing one."""
    guess_credit: float
    """Points of that."""


CountBallot: TypeAlias = Callable[[RecordedAnswer, Ballot], ScoredVerdict]
"""Counts a ballot against the gold of an answer, by the protocol."""


class PeopleBuilder:
    """Grows the columns of `People`.

    Args:
        kept: By state of `harness.score.table`, whether a unit in it counts by the protocol.
        skips_ties: Whether the protocol leaves out what is right where it is a tie.
    """

    def __init__(self, kept: Mapping[int, bool], *, skips_ties: bool) -> None:
        self._kept, self._skips_ties = kept, skips_ties
        self._annotators: dict[str, int] = {}
        self._verdicts: dict[Verdict, int] = {}
        # Rows of several columns, one after the other, in one array each: two million ratings are 64 MB, and no
        # Python object stays. `finish` cuts them into columns.
        self._clusters = array("Q")
        self._ratings = array("q")
        self._lines = array("q")
        self._credits = array("d")
        self._duels = array("q")

    def rate(self, head: RecordedAnswer, *, item: int, cluster: int) -> None:
        """Take in what was said of an item.

        Args:
            head: Any answer to it.
            item: Its code.
            cluster: Name of its cluster.
        """
        # Alpha turns the candidates of a preference through all places. Other answers stay as they are.
        places = head.space.n if type(head.space) is Preference else 1
        for annotator, verdict in head.annotations.items():
            code = self._annotators.setdefault(annotator, len(self._annotators))
            self._clusters.append(cluster)
            self._ratings.extend((item, code, self._encode(verdict), places))

    def add_unit(self, unit: int, head: RecordedAnswer, ballot: Ballot, count: CountBallot) -> None:
        """Take in one unit: each of its annotators against the others, and the judge beside them.

        Args:
            unit: Its row.
            head: Any answer to its item, of which two or more people said something.
            ballot: What the judge said.
            count: Counts a ballot against a gold.
        """
        said = head.annotations
        for annotator, verdict in said.items():
            # An annotator must not be compared with a consensus that he or she is part of: that would favour people.
            others = [other for name, other in said.items() if name != annotator]
            code = self._annotators[annotator]
            golds = consensus(head.space, others)
            if self._skips_ties and type(head.space) is Preference:
                # The protocol drops tied golds, so it drops a consensus that is a tie as well.
                golds = [gold for gold in golds if not isinstance(gold, str)]
            # The person's verdict passes through the same protocol as the judge's, in the same order of candidates.
            own = Ballot(verdict, ANSWERED, _NAN, ballot.order, ballot.sample)
            for gold in golds:
                against = head._replace(gold=gold)
                judge, person = count(against, ballot), count(against, own)
                codes = (self._encode(judge.gold), *map(self._encode, (person.verdict, judge.verdict, judge.guess)))
                kept = self._kept[ballot.state]
                self._lines.extend((unit, code, len(said) * len(golds), *codes, int(kept)))
                self._credits.extend((person.credit, judge.credit, judge.guess_credit))
            # A request that failed is not won and not lost: no one knows what the judge would have said.
            if ballot.state != ERROR:
                theirs = agreement(head.space, verdict, others)
                # Less than every agreement, so that a judge cannot gain by not answering.
                ours = -np.inf if ballot.state != ANSWERED else agreement(head.space, ballot.verdict, others)
                self._duels.extend((unit, code, int(ours >= theirs), int(theirs >= ours)))

    def _encode(self, verdict: Verdict | None) -> int:
        return NOTHING if verdict is None else self._verdicts.setdefault(verdict, len(self._verdicts))

    def finish(self) -> People | None:
        """All that was added. `None` if no one said anything."""
        if not self._annotators:
            return None
        rated, lines, duels = (
            np.array(column, dtype=np.int64).reshape(-1, width).T
            for column, width in ((self._ratings, 4), (self._lines, 8), (self._duels, 4))
        )
        points = np.array(self._credits, dtype=np.float64).reshape(-1, 3).T
        return People(
            annotators=tuple(self._annotators),
            verdicts=tuple(self._verdicts),
            ratings=Ratings(
                item=rated[0],
                cluster=np.array(self._clusters, dtype=np.uint64),
                annotator=rated[1],
                verdict=rated[2],
                places=rated[3],
            ),
            lines=Lines(
                unit=lines[0],
                annotator=lines[1],
                parts=lines[2],
                gold=lines[3],
                person=lines[4],
                person_credit=points[0],
                judge=lines[5],
                judge_credit=points[1],
                guess=lines[6],
                guess_credit=points[2],
                kept=lines[7].astype(np.bool_),
            ),
            duels=Duels(
                unit=duels[0],
                annotator=duels[1],
                judge=duels[2].astype(np.bool_),
                person=duels[3].astype(np.bool_),
            ),
        )


def consensus(space: AnswerSpace, said: Sequence[Verdict]) -> list[Verdict]:
    """The common verdict of people, or several of equal standing, which then count in equal parts.

    - Labels and preferences: the most frequent. In a drawn vote each of those that draw. In expectation that is the
      same as drawing lots, and it is the same in every run.
    - Scores: the mean, which need not be on a step of the scale.
    - Rankings: by mean place (Borda 1781). Candidates with equal means are put in the order of the data and in its
      reverse, which makes each pair of them right once and wrong once.

    Args:
        space: The answer space.
        said: At least one verdict, canonical.

    Example:
        >>> from harness.api import Choice
        >>> yes_no = Choice(("yes", "no"))
        >>> consensus(yes_no, ["yes", "no", "yes"])
        ['yes']
        >>> consensus(yes_no, ["yes", "no"])
        ['yes', 'no']
        >>> consensus(Score(1, 5), [2.0, 5.0])
        [3.5]
    """
    if type(space) is Score:
        return [float(np.mean([cast("float", verdict) for verdict in said]))]
    if type(space) is Ranking:
        places = [sum(cast("tuple[int, ...]", ranking).index(k) for ranking in said) for k in range(space.n)]
        forward = tuple(sorted(range(space.n), key=lambda k: (places[k], k)))
        backward = tuple(sorted(range(space.n), key=lambda k: (places[k], -k)))
        return list(dict.fromkeys((forward, backward)))
    votes = Counter(said)
    most = max(votes.values())
    return [verdict for verdict, count in votes.items() if count == most]


def agreement(space: AnswerSpace, verdict: Verdict | None, others: Sequence[Verdict]) -> float:
    """Agreement of a verdict with those of several people (Calderon, Reichart and Dror 2025, section 3).

    The share of them that it agrees with. Of scores the negative root mean square difference. Of rankings the mean
    share of pairs of candidates in the same order.

    Args:
        space: The answer space.
        verdict: Canonical. `None` (two orders that disagree) agrees with no one.
        others: At least one, canonical.

    Example:
        >>> from harness.api import Choice
        >>> agreement(Choice(("yes", "no")), "yes", ["yes", "no", "yes", "yes"])
        0.75
    """
    if verdict is None:
        return -np.inf if type(space) in (Score, Ranking) else 0.0
    if type(space) is Score:
        differences = [cast("float", verdict) - cast("float", other) for other in others]
        return -float(np.sqrt(np.mean(np.square(differences))))
    if type(space) is Ranking:
        ranking, pairs = cast("tuple[int, ...]", verdict), space.n * (space.n - 1) / 2
        return -sum(inversions(cast("tuple[int, ...]", other), ranking) for other in others) / (pairs * len(others))
    return sum(space.agrees(verdict, other) for other in others) / len(others)
