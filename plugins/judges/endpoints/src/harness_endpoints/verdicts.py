"""From what a server answered to a judgement: status, votes, probabilities. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from harness.api import (
    MAX_ANSWERS,
    AnswerSpace,
    DataError,
    Judgement,
    Request,
    Rubric,
    Spellings,
    Status,
    Verdict,
    majority_vote,
    spell_answers,
)
from harness.api.reading import find_restart
from harness_endpoints.asking import Outcome
from harness_endpoints.reply import Completion
from harness_endpoints.tokens import probabilities_of


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


def judgement_of(outcome: Outcome, *, cost: float | None, speller: Speller) -> Judgement:
    """The judgement of one request.

    Args:
        outcome: Of the request.
        cost: US dollars.
        speller: For probabilities from log-probabilities.
    """
    facts: dict[str, Any] = {
        "prompt_tokens": outcome.spent.prompt,
        "completion_tokens": outcome.spent.completion,
        "cost_usd": cost,
    }
    if outcome.refused:
        return Judgement.failure(Status.REFUSED, f"stopped by the provider's filter: {outcome.refused}", **facts)
    if not outcome.completions:
        return Judgement.failure(Status.ERROR, outcome.error, **facts)
    # After the early returns: a failure has no model or latency of its own.
    facts.update(latency_s=outcome.latency, model=outcome.model)
    request = outcome.request
    if len(outcome.completions) == 1:
        return _read(outcome.completions[0], request, speller, facts)
    return replace(
        majority_vote([_read(completion, request, None, {}) for completion in outcome.completions], request), **facts
    )


def _read(completion: Completion, request: Request, speller: Speller | None, facts: dict[str, Any]) -> Judgement:
    # Servers send what follows a given beginning. It is part of the answer: the verdict may rest on its reasoning.
    content = completion.content or ""
    # A server that sends the beginning as well is refused too: a model that begins again may write the same words.
    if request.beginning and (restart := find_restart(request, content)):
        return Judgement.failure(
            Status.REFUSED,
            f"the server began the answer again in place of going on from its beginning: {restart}",
            raw=request.beginning + content,
            rationale=completion.reasoning,
            **facts,
        )
    raw = request.beginning + content
    if completion.refusal:
        return Judgement.failure(
            Status.REFUSED,
            f"the model declined: {completion.refusal[:300]}",
            raw=raw,
            rationale=completion.reasoning,
            **facts,
        )
    if completion.finish == "content_filter":
        return Judgement.failure(
            Status.REFUSED, "stopped by the provider's content filter", raw=raw, rationale=completion.reasoning, **facts
        )
    cut = "max_tokens" if completion.finish == "length" else ""
    judgement = request.read(raw, reasoning=completion.reasoning, cut=cut, **facts)
    # Probabilities are of the verdict that was read; without a verdict there is no place to read them at.
    if judgement.status is Status.OK and completion.logprobs is not None and speller is not None:
        judgement = replace(judgement, probabilities=_probabilities(completion, judgement, request, speller))
    return judgement


def _probabilities(
    completion: Completion, judgement: Judgement, request: Request, speller: Speller
) -> dict[str, float] | None:
    if isinstance(request.space, Rubric):
        found: dict[str, float] = {}
        for place, (name, space) in enumerate(request.space.criteria):
            spelt = spell_criterion(request, judgement.verdict, place)
            shares = None if spelt is None else _shares(completion, judgement, request, spelt)
            for word, share in zip(space.verdicts(), shares, strict=True) if shares else ():
                found[f"{name}: {space.name(word)}"] = share
        return found or None
    spelt = speller.spell(request)
    shares = None if spelt is None else _shares(completion, judgement, request, spelt)
    if spelt is None or shares is None:
        return None
    return {request.space.name(verdict): share for verdict, share in zip(spelt.verdicts, shares, strict=True)}


def spell_criterion(request: Request, verdict: Verdict | None, place: int) -> Spellings | None:
    """The answers that differ from `verdict` in one criterion, written out; that of each of its verdicts, in order.

    Args:
        request: What was asked: a rubric.
        verdict: What was answered.
        place: Of the criterion.

    Returns:
        `None` where the criterion has no list of verdicts, or a long one.
    """
    assert isinstance(request.space, Rubric)
    assert isinstance(verdict, tuple)
    try:
        words = request.space.spaces[place].verdicts()
    except DataError:
        return None
    if len(words) > MAX_ANSWERS:
        return None
    verdicts = tuple(cast("Verdict", (*verdict[:place], word, *verdict[place + 1 :])) for word in words)
    texts = tuple(request.format.write(answer, request.space) for answer in verdicts)
    first, last = min(texts), max(texts)  # they share the least
    same = next((k for k, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return Spellings(verdicts, texts, first[:same])


def _shares(completion: Completion, judgement: Judgement, request: Request, spelt: Spellings) -> list[float] | None:
    """Probability of each of `spelt.verdicts`, given all that the judge wrote before it."""
    if judgement.verdict not in spelt.verdicts:
        return None
    place = spelt.verdicts.index(judgement.verdict)
    reasoning = judgement.rationale if judgement.thinking == "apart" else ""

    def reads(raw: str) -> Verdict | None:
        return request.read(raw, reasoning=reasoning, opened=judgement.thinking == "opened", cut=judgement.cut).verdict

    return probabilities_of(completion.logprobs, judgement.raw, place, spelt, reads)
