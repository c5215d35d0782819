"""From a sample of prompts and what answers have taken to the tokens of all that is left to ask, with an interval.

Three ways to the tokens of a prompt, the first that serves:

    counted     the judge's tokenizer, and the rule for its images
    learnt      least squares on answers of this judge: tokens = a + b ASCII + c other characters + d images
    assumed     4 ASCII characters or 1.5 others are a token, and 800 tokens an image unless there is a rule

The error of a learnt total of N requests has three parts: of the sample's mean, of the coefficients at that mean, and
of the single requests, whose own deviations add up to s sqrt(N). An assumed total has a range that is stated and not
computed. Tokens written are the mean of this judge's answers, else at most what it may write.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.api import TokenEstimate
from harness.price.known import KnownAnswer, ShownPrompt
from harness.score.arrays import Floats
from harness.score.intervals import t_quantile

FEWEST = 10
"""Answers of a judge from which its tokens are learnt."""

_CHARACTERS, _OTHERS = 4.0, 1.5
_RANGE = (0.6, 1.7)  # of tokens in characters, from languages and tokenizers that are usual for them
_IMAGE, _IMAGE_RANGE = 800.0, (0.1, 4.0)  # 85 tokens of a small one, 3,000 of a page at full size
_ELSEWHERE = 0.2  # relative error of what is learnt on other tasks: other texts, other rates


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """A number of tokens or dollars for many requests."""

    value: float
    """The estimate; where `at_most`, the bound."""
    low: float
    """Lower end of its 95 % interval, or of the stated range."""
    high: float
    """Upper end."""
    basis: str
    """What it rests on, for people."""
    at_most: bool = False
    """Whether it is only a bound."""
    independent: bool = False
    """Whether its error has nothing to do with that of another task."""

    def times(self, factor: float) -> Total:
        """The same in another unit."""
        return Total(
            value=self.value * factor,
            low=self.low * factor,
            high=self.high * factor,
            basis=self.basis,
            at_most=self.at_most,
            independent=self.independent,
        )


def add_totals(parts: Sequence[Total]) -> Total:
    """The sum. Independent errors partly cancel, others do not."""
    value = math.fsum(part.value for part in parts)
    free, bound = ([part for part in parts if part.independent is flag] for flag in (True, False))
    low = value - math.hypot(*(part.value - part.low for part in free))
    high = value + math.hypot(*(part.high - part.value for part in free))
    low -= math.fsum(part.value - part.low for part in bound)
    high += math.fsum(part.high - part.value for part in bound)
    return Total(
        value=value,
        low=max(0.0, low),
        high=high,
        basis="; ".join(dict.fromkeys(part.basis for part in parts)),
        at_most=any(part.at_most for part in parts),
        independent=all(part.independent for part in parts),
    )


def estimate_prompts(
    sample: Sequence[tuple[ShownPrompt, TokenEstimate]], known: Sequence[KnownAnswer], *, count: int, task: str
) -> Total:
    """Tokens read by so many requests of a task.

    Args:
        sample: Rendered requests, and what the judge says of each.
        known: What answers of the judge took, to any task.
        count: Requests to ask.
        task: Name of the task.
    """
    counted = [estimate.text_tokens for _, estimate in sample]
    images = [estimate.image_tokens for _, estimate in sample]
    if sample and None not in counted and None not in images:
        read = [((e.text_tokens or 0) + (e.image_tokens or 0)) * e.times for _, e in sample]
        exact = np.array(read, dtype=float)
        return _of_mean(exact, count, error=0.0, basis="counted by the judge's tokenizer", independent=True)
    own = [answer for answer in known if answer.prompt is not None]
    here = [answer for answer in own if answer.shown.task == task]
    pairs = here if len(here) >= FEWEST else own
    if len(pairs) >= FEWEST and (learnt := _learn([shown for shown, _ in sample], pairs, count)) is not None:
        if pairs is here:
            return learnt
        spread = _ELSEWHERE * learnt.value
        return Total(
            value=learnt.value,
            low=max(0.0, learnt.low - spread),
            high=learnt.high + spread,
            basis=f"{learnt.basis} to other tasks",
        )
    return _assume(sample, count)


def _learn(sample: Sequence[ShownPrompt], pairs: Sequence[KnownAnswer], count: int) -> Total | None:
    """By least squares; `None` where the sample has something that no known question had."""
    new, old = _features(sample), _features([answer.shown for answer in pairs])
    taken = np.array([answer.prompt for answer in pairs], dtype=float)
    # Columns that are 0 in what is known have no coefficient.
    if ((old == 0).all(axis=0) & (new != 0).any(axis=0)).any():
        return None
    scale = np.maximum(old.max(axis=0), 1e-12)
    old, new = old / scale, new / scale
    inverse = np.linalg.pinv(old.T @ old, hermitian=True)
    weights = inverse @ old.T @ taken
    rank = int(np.linalg.matrix_rank(old))
    freedom = len(pairs) - rank
    if freedom < 1:
        return None
    left = taken - old @ weights
    variance = float(left @ left) / freedom
    middle = new.mean(axis=0)
    # A sample far from what is known is told apart: there the fit is not to be trusted.
    error = math.sqrt(max(0.0, variance * float(middle @ inverse @ middle)) + variance / max(1, count))
    return _of_mean(
        new @ weights,
        count,
        error=error,
        basis=f"learnt from {len(pairs):,} answers of this judge",
        independent=True,
        freedom=freedom,
    )


def _of_mean(
    values: Floats, count: int, *, error: float, basis: str, independent: bool, freedom: float = math.inf
) -> Total:
    """So many times the mean of a sample, with the sample's error and a further one of the mean."""
    mean, size = float(values.mean()), len(values)
    # A sample that is all there is has no error.
    spread = 0.0 if size >= count else float(values.var(ddof=1)) / size if size > 1 else mean**2
    shift = 0.0 if size >= count else _shift(values)
    half = t_quantile(0.95, min(freedom, max(1, size - 1))) * math.hypot(math.sqrt(spread), error)
    return Total(
        value=mean * count,
        low=max(0.0, mean + min(0.0, shift - half)) * count,
        high=(mean + max(0.0, shift + half)) * count,
        basis=basis,
        independent=independent,
    )


def _shift(values: Floats) -> float:
    """How far the middle of an interval lies beside the mean where lengths are skew: m3 / (6 s^2 n) (Johnson 1978)."""
    around = values - values.mean()
    variance = float(around @ around) / max(1, len(values) - 1)
    return float((around**3).mean()) / (6 * variance * len(values)) if variance > 0 else 0.0


def _features(shown: Sequence[ShownPrompt]) -> Floats:
    """One, ASCII characters, other characters, images: shape (N, 4)."""
    return np.array([[1.0, each.ascii, each.others, each.images] for each in shown])


def _assume(sample: Sequence[tuple[ShownPrompt, TokenEstimate]], count: int) -> Total:
    """By what is usual."""
    texts = np.array([(shown.ascii / _CHARACTERS + shown.others / _OTHERS) * e.times for shown, e in sample])
    text = _of_mean(texts, count, error=0.0, basis="", independent=False)
    known = [None if e.image_tokens is None else e.image_tokens * e.times for _, e in sample]
    if not any(shown.images for shown, _ in sample):
        pictures, ends, said = Total(value=0, low=0, high=0, basis=""), (1.0, 1.0), ""
    elif None not in known:
        pictures = _of_mean(np.array(known, dtype=float), count, error=0.0, basis="", independent=False)
        ends, said = (0.95, 1.05), ", images by the provider's rule"
    else:
        shares = np.array([shown.images * _IMAGE * e.times for shown, e in sample])
        pictures, ends = _of_mean(shares, count, error=0.0, basis="", independent=False), _IMAGE_RANGE
        said = f", {_IMAGE:g} tokens an image"
    return Total(
        value=text.value + pictures.value,
        low=_RANGE[0] * text.low + ends[0] * pictures.low,
        high=_RANGE[1] * text.high + ends[1] * pictures.high,
        basis=f"assumed: {_CHARACTERS:g} characters a token{said}, as no answer of this judge says",
    )


def estimate_completions(
    known: Sequence[KnownAnswer], most: Sequence[int | None], *, count: int, task: str
) -> Total | None:
    """Tokens written by so many answers; `None` where nothing is known and there is no limit.

    Args:
        known: What answers of the judge took.
        most: The longest answer to each request of the sample.
        count: Requests to ask.
        task: Name of the task.
    """
    found = _of_answers([(a.shown.task, a.completion) for a in known], count=count, task=task)
    if found is not None:
        return found
    limits = [limit for limit in most if limit is not None]
    if not limits or len(limits) < len(most):
        return None
    bound = count * max(limits)
    return Total(value=bound, low=0.0, high=bound, basis="at most its limit, as no answer of it is there", at_most=True)


def estimate_money(known: Sequence[KnownAnswer], *, count: int, task: str) -> Total | None:
    """US dollars by what answers cost, for a judge whose server says so; `None` where none is known."""
    return _of_answers([(answer.shown.task, answer.usd) for answer in known], count=count, task=task)


def _of_answers(taken: Sequence[tuple[str, float | None]], *, count: int, task: str) -> Total | None:
    """So many times the mean of what answers took."""
    own = [value for _, value in taken if value is not None]
    here = [value for name, value in taken if value is not None and name == task]
    values = np.array(here if len(here) >= FEWEST else own)
    if len(values) < FEWEST:
        return None
    mean, deviation = float(values.mean()), float(values.std(ddof=1))
    below, above = _skew_limits(values)
    # Their own scatter counts too, for they are not seen yet.
    scatter = t_quantile(0.95, len(values) - 1) * deviation / math.sqrt(max(1, count))
    elsewhere = len(here) < FEWEST
    further = _ELSEWHERE * mean if elsewhere else 0.0
    return Total(
        value=mean * count,
        low=max(0.0, mean - math.hypot(below, scatter) - further) * count,
        high=(mean + math.hypot(above, scatter) + further) * count,
        basis=f"mean of {len(values):,} answers of this judge{' to other tasks' if elsewhere else ''}",
        independent=not elsewhere,
    )


def _skew_limits(values: Floats) -> tuple[float, float]:
    """How far the mean may lie below and above that of a sample, at 95 %: Hall's cubic transform (1992).

    Answers are short mostly and long at times. Student's interval of ten of them is too low: the long ones are missing.
    """
    size, deviation = len(values), float(values.std(ddof=1))
    if deviation == 0:
        return 0.0, 0.0
    skewness = float(((values - values.mean()) ** 3).mean()) / float(values.std()) ** 3
    bend, tail = skewness / math.sqrt(size), t_quantile(0.95, size - 1)
    step = deviation / math.sqrt(size)

    def undo(quantile: float) -> float:
        if abs(bend) < 1e-9:  # its limit, which a computer cannot divide out
            return quantile
        return 3 * (math.cbrt(1 + bend * (quantile - bend / 6)) - 1) / bend

    return step * undo(tail), -step * undo(-tail)
