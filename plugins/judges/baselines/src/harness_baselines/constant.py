"""The judge that always says the same: what a collapsed model scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.api import Context, Judgement, Request, Status
from harness_baselines.options import ConstantOptions
from harness_baselines.verdicts import describe_space, digest_of, first, list_verdicts, shares


class Constant:
    """Gives the same verdict, in shown places, to every question."""

    def __init__(self, answer: str | None) -> None:
        self._answer = answer

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        """Answer each request at once."""
        for request in requests:
            yield request, self._judge(request)

    def fingerprint(self) -> str:
        """The answer is all there is."""
        return digest_of("constant", self._answer)

    def _judge(self, request: Request) -> Judgement:
        # The first verdict is the first place of a pair: the judge with complete position bias.
        space = request.space
        verdict = first(space) if self._answer is None else space.read(self._answer)
        if verdict is None:
            # Guessing a verdict instead would make the score look like that of the constant that was asked for.
            reason = f"the constant answer {self._answer!r} is no answer to {describe_space(space)}"
            return Judgement.failure(Status.REFUSED, reason)
        # All mass on one verdict: metrics that read probabilities see how sure it is.
        table = shares(space, {verdict: 1.0}) if list_verdicts(space) else None
        return Judgement.of(verdict, probabilities=table)


def make(options: ConstantOptions, context: Context) -> Constant:
    """The judge `constant`."""
    return Constant(options.answer)
