"""Judges that score candidates one by one: from a number for each to a verdict, and the work that they share.

Such a judge never sees two candidates at once, so it cannot prefer a place. Its verdict is computed and not read from
text; `Judgement.raw` holds the numbers as JSON, in shown places. Not for how a number comes about. See `reward_model`
and `clip_score`.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from typing import Any, NamedTuple, TypeVar

from harness.api import (
    MAX_ANSWERS,
    TIE,
    Choice,
    Context,
    Judgement,
    Part,
    Preference,
    Ranking,
    Request,
    Status,
)
from harness_transformers.batches import Answered, Room, free_memory, windows
from harness_transformers.loading import content_of, pin, source_of
from harness_transformers.numerics import out_of_memory
from harness_transformers.options import ModelOptions
from harness_transformers.pixels import Bounded

T = TypeVar("T")

_SORTED_BATCHES = 8  # batches' worth of requests that are sorted by length together
_NO_ROOM = "out of memory with one row; use a smaller dtype or a larger device"

# -- verdicts ----------------------------------------------------------------------------------------------------------


def refusal(request: Request, threshold: float | None) -> str:
    """Why candidates that are scored one by one give no answer to a request. Empty where they do."""
    space = request.space
    if isinstance(space, Preference | Ranking):
        if len(request.candidates) == space.n:
            return ""
        return f"the question compares {space.n} candidates, and the task gives {len(request.candidates)} apart"
    if isinstance(space, Choice) and len(space.labels) == 2 and len(request.candidates) < 2:
        return "a question with two answers needs the option `threshold`" if threshold is None else ""
    return f"this judge scores candidates one by one, and cannot give an answer of {space}"


def compare(
    request: Request, scores: Sequence[float], *, logits: Sequence[float], tie_margin: float, raw: Mapping[str, Any]
) -> Judgement:
    """The verdict on two candidates or more.

    Probabilities are those of Bradley and Terry (1952, Biometrika 39:324) for two candidates. For more, those of Luce
    (1959) that each is the best, and those of Plackett (1975, Applied Statistics 24:193) for whole rankings. The model
    knows no ties: they get 0.

    Args:
        request: What was asked. A preference or a ranking.
        scores: One for each candidate, in shown places. The highest is best.
        logits: The same as log-strengths.
        tie_margin: Where the space knows ties, best scores at most so far apart are one.
        raw: What is kept of the scores.

    Returns:
        A draw where the best are equal and the space knows no tie, or two of a ranking are. An error where a score is
        no number.
    """
    kept = json.dumps(raw)
    if not all(map(math.isfinite, scores)):
        return Judgement.failure(Status.ERROR, f"the model gave a score that is no number: {list(scores)}", raw=kept)
    if isinstance(request.space, Ranking):
        return _rank(request.space, scores, logits, kept)
    assert isinstance(request.space, Preference)
    return _prefer(request.space, scores, logits, tie_margin=tie_margin, raw=kept)


def _prefer(
    space: Preference, scores: Sequence[float], logits: Sequence[float], *, tie_margin: float, raw: str
) -> Judgement:
    best, second = sorted(scores, reverse=True)[:2]
    total = _log_sum(logits)
    probabilities = {space.name(place): math.exp(logit - total) for place, logit in enumerate(logits)}
    probabilities |= dict.fromkeys(space.ties, 0.0)
    # Before the test for equality: with a margin of 0, equal scores are a tie where the question knows ties.
    if space.ties and best - second <= tie_margin:
        tie = space.ties[0] if len(space.ties) == 1 else TIE
        return Judgement.of(tie, raw=raw, probabilities=probabilities)
    if best == second:
        names = _names(space, [place for place, score in enumerate(scores) if score == best])
        problem = f"{names} score equally, and the question knows no tie"
        return Judgement.failure(Status.DRAW, problem, raw=raw, probabilities=probabilities)
    return Judgement.of(scores.index(best), raw=raw, probabilities=probabilities)


def _rank(space: Ranking, scores: Sequence[float], logits: Sequence[float], raw: str) -> Judgement:
    order = sorted(range(space.n), key=lambda place: -scores[place])
    probabilities = None
    # There are n! rankings, so only short ones are listed.
    if math.factorial(space.n) <= MAX_ANSWERS:
        probabilities = {space.name(verdict): _plackett_luce(logits, verdict) for verdict in space.verdicts()}
    for first, second in pairwise(order):
        if scores[first] == scores[second]:
            names = _names(Preference(space.n), [first, second])
            problem = f"{names} score equally, and a ranking knows no tie"
            return Judgement.failure(Status.DRAW, problem, raw=raw, probabilities=probabilities)
    return Judgement.of(tuple(order), raw=raw, probabilities=probabilities)


def judgement_from_threshold(
    request: Request, score: float, *, threshold: float, logits_per_point: float, raw: Mapping[str, Any]
) -> Judgement:
    """The verdict on a question with two answers: the first where the score is above the threshold.

    Args:
        request: What was asked.
        score: Of its only candidate, or of the question itself.
        threshold: On the scale of the scores.
        logits_per_point: What a point of score is worth: the probability of the first answer is the logistic function
            of `logits_per_point * (score - threshold)`.
        raw: What is kept of the score.
    """
    kept = json.dumps(raw)
    if not math.isfinite(score):
        return Judgement.failure(Status.ERROR, f"the model gave a score that is no number: {score}", raw=kept)
    assert isinstance(request.space, Choice)
    first, second = request.space.labels
    logit = logits_per_point * (score - threshold)
    # Both over one log-sum: neither probability overflows, however far the score is from the threshold.
    total = _log_sum([logit, 0.0])
    probabilities = {first: math.exp(logit - total), second: math.exp(-total)}
    return Judgement.of(first if score > threshold else second, raw=kept, probabilities=probabilities)


def _names(space: Preference, places: Iterable[int]) -> str:
    return " and ".join(space.name(place) for place in sorted(places))


def _log_sum(logits: Sequence[float]) -> float:
    """Logarithm of a sum of exponentials. Exactly rounded, so the order of the candidates does not matter."""
    most = max(logits)
    return most + math.log(math.fsum(math.exp(logit - most) for logit in logits))


def _plackett_luce(logits: Sequence[float], order: Any) -> float:
    """Probability of a ranking: each in turn is the best of those that are left."""
    left = [logits[place] for place in order]
    return math.exp(math.fsum(left[k] - _log_sum(left[k:]) for k in range(len(left))))


# -- the shared work ---------------------------------------------------------------------------------------------------


class Outcome(NamedTuple):
    """The result of one input: a conversation, a text or an image."""

    value: Any = None
    """A reward or an embedding: a number of NumPy or a tensor, so that its bytes can be counted."""
    tokens: int = 0
    """Tokens read."""
    span: tuple[float, float] | None = None
    """When its batch began and ended, by `time.monotonic`; `None` for what was known before."""
    problem: str = ""
    """Why there is no value."""
    cut: bool = False
    """Whether the input was longer than the model reads."""


@dataclass(frozen=True, slots=True)
class CandidateRequest:
    """A request, and what must be computed before it can be answered."""

    request: Request
    """What was asked."""
    inputs: Sequence[tuple[str, Any]]
    """Inputs of the model by name. Equal inputs have equal names and are computed once."""
    conclude: Callable[[Sequence[Outcome]], Judgement]
    """Makes the judgement of the outcomes of `inputs`."""

    def answer(self, found: Mapping[str, Outcome]) -> Judgement:
        """The judgement, with what it cost."""
        outcomes = [found[name] for name, _ in self.inputs]
        problem = next((outcome.problem for outcome in outcomes if outcome.problem), "")
        judgement = Judgement.failure(Status.ERROR, problem) if problem else self.conclude(outcomes)
        # From the start of the first batch to the end of the last. What was cached took no time.
        spans = [outcome.span for outcome in outcomes if outcome.span is not None]
        seconds = max(end for _, end in spans) - min(begin for begin, _ in spans) if spans else 0.0
        return replace(
            judgement,
            prompt_tokens=sum(outcome.tokens for outcome in outcomes),
            completion_tokens=0,
            latency_s=round(seconds, 4),
        )


class OneByOne(ABC):
    """A judge that computes each distinct input once and answers from the results.

    Args:
        options: What the manifest says.
        context: Name and workspace.
        generation: Raised whenever answers may change.
        remembered: Bytes of outcomes that are kept for requests to come, such as the other order of a pair.

    Raises:
        UserError: There is no such model.
    """

    def __init__(self, options: ModelOptions, context: Context, *, generation: int, remembered: int) -> None:
        self.name = context.name
        self.room = Room(options.batch_size, lambda: None)
        who = f"judge {context.name}"
        # Pinned here: the fingerprint must name a commit, and a branch moves.
        self.source = pin(source_of("model", options.model, who), who)
        self._generation = [type(self).__name__, generation]
        self._weights = content_of(self.source, context.workspace)
        self._window = _SORTED_BATCHES * options.batch_size
        self._known = Bounded(remembered)
        self.opened: Any = None

    @abstractmethod
    def open(self) -> None:
        """Open the weights unless they are open."""

    @abstractmethod
    def plan(self, request: Request) -> CandidateRequest | Judgement:
        """The inputs that a request needs, or a judgement without a verdict where it cannot be answered."""

    @abstractmethod
    def compute(self, inputs: Mapping[str, Any]) -> Iterator[Mapping[str, Outcome]]:
        """The outcomes of inputs by name, batch by batch."""

    def fingerprint(self) -> str:
        """Covers the weights (to the byte or the commit) and the generation of this code."""
        return hashlib.sha256(json.dumps([self._generation, self._weights]).encode()).hexdigest()[:32]

    def close(self) -> None:
        """Let go of the weights and of all that was computed."""
        self._known.clear()
        if self.opened is not None:
            self.opened = None
            free_memory()

    def judge(self, requests: Iterable[Request]) -> Iterator[Answered]:
        """Answer requests as soon as all of their inputs are computed.

        Raises:
            UserError: The model cannot be opened, or is not of the kind that this judge is for.
        """
        for window in windows(requests, self._window):
            self.open()
            asked = []
            for request in window:
                planned = self.plan(request)
                if isinstance(planned, CandidateRequest):
                    asked.append(planned)
                else:
                    yield request, replace(planned, model=self._weights)
            for request, judgement in self._answer_all(asked):
                yield request, replace(judgement, model=self._weights)

    def _answer_all(self, waiting: list[CandidateRequest]) -> Iterator[Answered]:
        inputs = {name: value for planned in waiting for name, value in planned.inputs}
        found: dict[str, Outcome] = {}
        for name in inputs:
            known = self._known.get(name)
            if known is not None:
                found[name] = known._replace(span=None)
        fresh = {name: value for name, value in inputs.items() if name not in found}
        # The empty batch first: requests whose inputs are all cached are answered at once.
        for made in chain([{}], self.compute(fresh)):
            for name, outcome in made.items():
                found[name] = outcome
                # Problems are not cached: there may be memory enough the next time.
                if not outcome.problem:
                    self._known.put(name, outcome)
            still = []
            for planned in waiting:
                if all(name in found for name, _ in planned.inputs):
                    yield planned.request, planned.answer(found)
                else:
                    still.append(planned)
            waiting = still

    def in_batches(
        self,
        waiting: Sequence[T],
        take: Callable[[Sequence[T], int], Sequence[T]],
        compute: Callable[[Sequence[T]], list[Outcome]],
    ) -> Iterator[list[tuple[T, Outcome]]]:
        """Compute what is waiting, some rows at once, fewer when memory runs out.

        Args:
            waiting: In the order in which it is computed.
            take: The first few of these, at most so many, that can share a batch.
            compute: An outcome for each.
        """
        import torch

        def attempt(rows: int) -> tuple[Sequence[T], list[Outcome]]:
            batch = take(waiting, rows)
            return batch, compute(batch)

        rows = self.room.rows
        while waiting:
            began = time.monotonic()
            try:
                with torch.inference_mode():
                    batch, outcomes = self.room.attempt(attempt)
            except Exception as error:
                if not out_of_memory(error):
                    raise
                batch, outcomes = waiting[:1], [Outcome(problem=_NO_ROOM)]
                self.room.rows = rows  # one row that is too much says nothing about the others
            span = began, time.monotonic()
            waiting = waiting[len(batch) :]
            yield [(item, made._replace(span=span)) for item, made in zip(batch, outcomes, strict=True)]


# -- what both need ----------------------------------------------------------------------------------------------------


def words_of(parts: Sequence[Part]) -> str:
    """The text of a question or a candidate, part by part on lines of its own."""
    return "\n".join(part for part in parts if isinstance(part, str))


def round_digits(value: float) -> float:
    """To seven digits, about what single precision holds: the rest differs from batch to batch."""
    return float(f"{value:.7g}")
