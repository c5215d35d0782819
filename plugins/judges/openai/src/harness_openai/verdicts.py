"""From what a server answered to a judgement: status, votes, probabilities. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness.api import (
    AnswerSpace,
    DataError,
    Judgement,
    Request,
    Spellings,
    Status,
    Verdict,
    majority_vote,
    spell_answers,
)
from harness_openai.asking import Asked
from harness_openai.reply import Completion
from harness_openai.tokens import probabilities_of


class Speller:
    """Every answer of a space as a format writes it, worked out once for each."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, AnswerSpace], Spellings | None] = {}

    def spell(self, request: Request) -> Spellings | None:
        """The spellings, or `None` where the space cannot be listed."""
        known = (request.format.name, request.space)
        if known not in self._known:
            try:
                self._known[known] = spell_answers(request.format, request.space)
            except DataError:
                self._known[known] = None
        return self._known[known]


def judgement_of(asked: Asked, *, cost: float | None, speller: Speller) -> Judgement:
    """The judgement of one request.

    Args:
        asked: What became of it.
        cost: US dollars.
        speller: For probabilities from log-probabilities.
    """
    facts: dict[str, Any] = {
        "prompt_tokens": asked.spent.prompt,
        "completion_tokens": asked.spent.completion,
        "cost_usd": cost,
    }
    if asked.refused:
        return Judgement.failure(Status.REFUSED, f"stopped by the provider's filter: {asked.refused}", **facts)
    if not asked.completions:
        return Judgement.failure(Status.ERROR, asked.error, **facts)
    facts.update(latency_s=asked.latency, model=asked.model)
    request = asked.request
    if len(asked.completions) == 1:
        return _read(asked.completions[0], request, speller, facts)
    return replace(majority_vote([_read(one, request, None, {}) for one in asked.completions], request), **facts)


def _read(one: Completion, request: Request, speller: Speller | None, facts: dict[str, Any]) -> Judgement:
    raw = one.content or ""
    if one.refusal:
        return Judgement.failure(
            Status.REFUSED, f"the model declined: {one.refusal[:300]}", raw=raw, rationale=one.reasoning, **facts
        )
    if one.finish == "content_filter":
        return Judgement.failure(
            Status.REFUSED, "stopped by the provider's content filter", raw=raw, rationale=one.reasoning, **facts
        )
    cut = "max_tokens" if one.finish == "length" else ""
    judgement = request.read(raw, reasoning=one.reasoning, cut=cut, **facts)
    if judgement.status is Status.OK and one.logprobs is not None and speller is not None:
        judgement = replace(judgement, probabilities=_probabilities(one, judgement, request, speller))
    return judgement


def _probabilities(
    one: Completion, judgement: Judgement, request: Request, speller: Speller
) -> dict[str, float] | None:
    spelt = speller.spell(request)
    if spelt is None or judgement.verdict not in spelt.verdicts:
        return None
    place = spelt.verdicts.index(judgement.verdict)
    reasoning = judgement.rationale if judgement.thinking == "apart" else ""

    def reads(raw: str) -> Verdict | None:
        return request.read(raw, reasoning=reasoning, opened=judgement.thinking == "opened", cut=judgement.cut).verdict

    shares = probabilities_of(one.logprobs, judgement.raw, place, spelt, reads)
    if shares is None:
        return None
    return {request.space.name(verdict): share for verdict, share in zip(spelt.verdicts, shares, strict=True)}
