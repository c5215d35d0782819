"""The judge that always says the same: what a collapsed model scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.api import Context, Judgement, Request, Status
from harness_baselines.options import ConstantOptions
from harness_baselines.verdicts import described, digest_of, first, listed, shares


class Constant:
    """Gives one verdict in shown places, whatever is asked."""

    def __init__(self, answer: str | None) -> None:
        self._answer = answer

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        """Answer each request at once."""
        for request in requests:
            yield request, self._answered(request)

    def fingerprint(self) -> str:
        """The answer is all there is."""
        return digest_of("constant", self._answer)

    def _answered(self, request: Request) -> Judgement:
        space = request.space
        verdict = first(space) if self._answer is None else space.read(self._answer)
        if verdict is None:
            reason = f"the constant answer {self._answer!r} is no answer to {described(space)}"
            return Judgement.failure(Status.REFUSED, reason)
        table = shares(space, {verdict: 1.0}) if listed(space) else None
        return Judgement.of(verdict, probabilities=table)


def make(options: ConstantOptions, context: Context) -> Constant:
    """The judge `constant`."""
    return Constant(options.answer)
