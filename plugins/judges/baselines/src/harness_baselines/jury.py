"""Several judges as one: a weighted vote with a quorum. Asks judges of the same plan. Judges nothing itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import cast

from harness.api import AnswerSpace, Context, Judgement, Request, Score, Status, UserError, Verdict
from harness_baselines.options import JuryOptions
from harness_baselines.verdicts import digest_of, on_step, shares

_CHUNK = 64  # enough for full batches of members that batch


@dataclass(frozen=True, slots=True)
class MemberAnswer:
    """The answer of one member."""

    judge: str
    weight: float
    judgement: Judgement


class Jury:
    """Asks every member about 64 requests at a time and counts.

    Raises:
        UserError: The jury would sit on itself.
    """

    answers_by_item = True
    """A member may do so. The other members are asked each content once."""

    def __init__(self, options: JuryOptions, context: Context) -> None:
        # A longer circle of juries is found when it is asked; this one can be named at once.
        if context.name in options.judges:
            raise UserError(f"judge {context.name}: a jury cannot sit on itself; take it out of `judges:`")
        self._options = options
        self._context = context
        self._weights = options.weights or [1.0] * len(options.judges)
        # More than half: with fewer, a minority would speak for the panel.
        self._quorum = options.quorum or len(options.judges) // 2 + 1

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        """Answer requests in chunks.

        Raises:
            UserError: A member is not in the plan, or juries ask each other in a circle.
        """
        stream = iter(requests)
        while chunk := list(islice(stream, _CHUNK)):
            answers = [self._ask(member, chunk) for member in self._options.judges]
            for request in chunk:
                ballots = [
                    MemberAnswer(member, weight, answer[request.key])
                    for member, weight, answer in zip(self._options.judges, self._weights, answers, strict=True)
                ]
                yield request, count(request.space, ballots, quorum=self._quorum, vote=self._options.vote)

    def fingerprint(self) -> str:
        """Covers the options and the members."""
        members = [self._context.fingerprint(member) for member in self._options.judges]
        return digest_of("jury", self._options.model_dump(), members)

    def _ask(self, member: str, chunk: list[Request]) -> dict[str, Judgement]:
        answers = {
            request.key: judgement.check(request.space) for request, judgement in self._context.ask(member, chunk)
        }
        # A member may break the contract and skip a request; the jury still has to answer it.
        for request in chunk:
            if request.key not in answers:
                answers[request.key] = Judgement.failure(Status.ERROR, f"{member} gave no answer")
        return answers


def count(space: AnswerSpace, ballots: list[MemberAnswer], *, quorum: int, vote: str) -> Judgement:
    """Count the votes.

    Too few valid votes give no verdict: `error` when failures of the machinery (which are asked again) are what is
    missing to the quorum, else `unparsed`. So does a draw.

    Args:
        space: What could be answered.
        ballots: One for each member.
        quorum: Fewest valid votes.
        vote: `majority` of weight, or weighted `mean` of scores, put on the nearest step of the scale (half-way up).
    """
    # Refused here and not in the options: which spaces a task has is known only when it is asked.
    if vote == "mean" and not isinstance(space, Score):
        return Judgement.failure(Status.REFUSED, f"vote: mean is for scores, and this is a {space.kind}; use majority")
    said = "; ".join(_line(space, ballot) for ballot in ballots)
    valid = [ballot for ballot in ballots if ballot.judgement.verdict is not None]
    if len(valid) < quorum:
        # Errors are asked again on the next run and may still fill the quorum; unparsed answers are final.
        broken = sum(ballot.judgement.status is Status.ERROR for ballot in ballots)
        status = Status.ERROR if len(valid) + broken >= quorum else Status.UNPARSED
        problem = f"{len(valid)} of {len(ballots)} members gave a verdict, the quorum is {quorum}: {said}"
        return Judgement.failure(status, problem, rationale=said)
    weights = _weights(valid)
    table = shares(space, weights)
    if vote == "mean":
        return Judgement.of(_mean(cast("Score", space), valid), rationale=said, probabilities=table)
    most = max(weights.values())
    # isclose: weights such as 0.1 + 0.2 against 0.3 are a draw, though their floats differ.
    winners = [verdict for verdict, weight in weights.items() if math.isclose(weight, most, rel_tol=1e-9)]
    if len(winners) > 1:
        names = ", ".join(sorted(space.name(verdict) for verdict in winners))
        return Judgement.failure(Status.UNPARSED, f"a draw between {names}, {most:g} each: {said}", rationale=said)
    return Judgement.of(winners[0], rationale=said, probabilities=table)


def _weights(ballots: list[MemberAnswer]) -> Mapping[Verdict, float]:
    weights: dict[Verdict, list[float]] = {}
    for ballot in ballots:
        assert ballot.judgement.verdict is not None
        weights.setdefault(ballot.judgement.verdict, []).append(ballot.weight)
    # fsum: the order of the members must not decide a draw.
    return {verdict: math.fsum(parts) for verdict, parts in weights.items()}


def _mean(space: Score, ballots: list[MemberAnswer]) -> float:
    total = math.fsum(ballot.weight for ballot in ballots)
    values = math.fsum(ballot.weight * float(cast("float", ballot.judgement.verdict)) for ballot in ballots)
    return on_step(space, values / total)


def _line(space: AnswerSpace, ballot: MemberAnswer) -> str:
    verdict = ballot.judgement.verdict
    word = str(ballot.judgement.status) if verdict is None else space.name(verdict)
    return f"{ballot.judge}: {word}" + ("" if ballot.weight == 1 else f" (weight {ballot.weight:g})")


def make(options: JuryOptions, context: Context) -> Jury:
    """The judge `jury`."""
    return Jury(options, context)
