"""The judge that throws a die: what blind guessing scores."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

from harness.api import Context, Judgement, Request
from harness_baselines.options import RandomOptions
from harness_baselines.verdicts import digest_of, draw_verdict, list_verdicts, shares


class Chance:
    """Draws uniformly from each request's answer space.

    The draw depends on the request's content and on the seed only.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        """Answer each request at once."""
        for request in requests:
            yield request, guess(request, seed=self._seed)

    def fingerprint(self) -> str:
        """The seed is all there is."""
        return digest_of("random", self._seed)


def guess(request: Request, *, seed: int) -> Judgement:
    """A blind guess, the same on every run."""
    # `request.seed` covers content and sample, so the order of requests and the batch size cannot change a draw.
    verdict = draw_verdict(request.space, random.Random(f"{seed}:{request.seed}"))
    verdicts = list_verdicts(request.space)
    # The uniform table is the baseline of a metric that reads probabilities, such as the Brier score.
    table = shares(request.space, dict.fromkeys(verdicts, 1.0)) if verdicts else None
    return Judgement.of(verdict, probabilities=table)


def make(options: RandomOptions, context: Context) -> Chance:
    """The judge `random`."""
    return Chance(context.seed if options.seed is None else options.seed)
