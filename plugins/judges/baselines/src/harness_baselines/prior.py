"""The judge that knows how often each answer is right and nothing else: what a skewed test set gives away."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TypeAlias, cast

from harness.api import AnswerSpace, Context, Example, Judgement, Request, Rubric, Score, Status, Verdict
from harness_baselines.learning import Lessons, NoTrainSplit
from harness_baselines.options import PriorOptions
from harness_baselines.verdicts import describe_space, digest_of, list_verdicts, shares

Counts: TypeAlias = dict[AnswerSpace, Counter[Verdict]]


class Prior:
    """Gives the most frequent gold answer of the train split, in shown places, for each answer space.

    Of a rubric it gives the most frequent answer to each criterion, since a whole answer may never occur twice.
    Of equally frequent answers it gives the first of the space. On a continuous scale, where no value occurs twice,
    it gives the median.
    """

    def __init__(self, options: PriorOptions, context: Context) -> None:
        self._options = options
        self._lessons: Lessons[Counts] = Lessons(context, train=options.train, limit=None, fit=_count)

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        """Answer each request. The train split is read at the first one."""
        for request in requests:
            yield request, self._judge(request)

    def fingerprint(self) -> str:
        """Covers the options and the tasks learnt from."""
        return digest_of("prior", self._options.model_dump(), self._lessons.fingerprints())

    def _judge(self, request: Request) -> Judgement:
        counts = self._lessons.model(request.task)
        if isinstance(counts, NoTrainSplit):
            return Judgement.failure(Status.REFUSED, f"task {request.task}: {counts.reason}")
        # Keyed by the whole space: pairs with and without a tie are different questions.
        seen = counts.get(request.space)
        if seen is None:
            learned = "; ".join(describe_space(space) for space in counts) or "nothing"
            reason = f"learned the answers to {learned}; this asks for {describe_space(request.space)}"
            return Judgement.failure(Status.REFUSED, reason)
        return Judgement.of(_majority(request.space, seen), probabilities=_table(request.space, seen))


def _count(examples: Iterator[Example]) -> Counts:
    counts: Counts = {}
    for example in examples:
        counts.setdefault(example.request.space, Counter())[example.gold] += 1
    return counts


def _majority(space: AnswerSpace, seen: Counter[Verdict]) -> Verdict:
    if isinstance(space, Rubric):
        parts = (_majority(own, _count_part(seen, place)) for place, own in enumerate(space.spaces))
        return cast("Verdict", tuple(parts))
    # median_low is a value that occurred; the mean of two may lie where no answer does.
    if isinstance(space, Score) and not space.step:
        return statistics.median_low(cast("Iterable[float]", seen.elements()))
    names = shares(space, seen)  # by name: 0.3 of the data and 0.1 + 0.2 of the scale are one step
    most = max(names.values())
    return next(verdict for name, verdict in _in_space_order(space, seen) if names[name] == most)


def _count_part(seen: Counter[Verdict], place: int) -> Counter[Verdict]:
    """How often each answer to one criterion was right."""
    found: Counter[Verdict] = Counter()
    for verdict, count in seen.items():
        found[cast("tuple[Verdict, ...]", verdict)[place]] += count
    return found


def _in_space_order(space: AnswerSpace, seen: Counter[Verdict]) -> Iterator[tuple[str, Verdict]]:
    """The verdicts in the order of the space, then those seen that it does not list, by name."""
    # The space's own order decides between equally frequent answers, not the order of the data.
    yield from ((space.name(verdict), verdict) for verdict in list_verdicts(space) or ())
    yield from sorted((space.name(verdict), verdict) for verdict in seen)


def _table(space: AnswerSpace, seen: Counter[Verdict]) -> dict[str, float] | None:
    # The most frequent answers to the criteria need not be the most frequent whole answer.
    return None if isinstance(space, Rubric) or not list_verdicts(space) else shares(space, seen)


def make(options: PriorOptions, context: Context) -> Prior:
    """The judge `prior`."""
    return Prior(options, context)
