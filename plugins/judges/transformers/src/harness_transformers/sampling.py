"""Drawing the next token from its probabilities, with a random number from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Settings for drawing the next token."""

    temperature: float = 0.0
    """0 takes the likeliest."""
    top_p: float = 1.0
    """Mass of the likeliest tokens to draw from."""
    top_k: int = 0
    """Number of the likeliest tokens to draw from, or 0 for all."""


def draw(logits: Tensor, sampling: Sampling, numbers: Tensor) -> Tensor:
    """One token for each row by inverting the cumulative distribution at a given number.

    A row's token depends on its own logits and number and on nothing else in the batch.

    Args:
        logits: Shape (R, V).
        sampling: Temperature above 0. Top-k first, then top-p, as in transformers.
        numbers: Shape (R,): uniform in [0, 1).

    Returns:
        Shape (R,).
    """
    import torch

    # float64: a cumulative sum over 100,000 tokens in float32 loses the unlikely ones.
    probabilities = torch.softmax(logits.double() / sampling.temperature, dim=-1)
    if not sampling.top_k and sampling.top_p == 1:
        return _invert(probabilities, numbers)
    probabilities, order = probabilities.sort(-1, descending=True)
    if sampling.top_k:
        probabilities[:, sampling.top_k :] = 0
        probabilities /= probabilities.sum(-1, keepdim=True)
    if sampling.top_p < 1:
        ahead = probabilities.cumsum(-1) - probabilities
        probabilities[ahead >= sampling.top_p] = 0  # up to and with the token that reaches the mass
    return order.gather(-1, _invert(probabilities, numbers)[:, None]).squeeze(-1)


def _invert(weights: Tensor, numbers: Tensor) -> Tensor:
    """The first place of each row whose cumulative weight is above its number's share of the whole."""
    import torch

    # Scaled by the sum instead of normalised: after top-k and top-p the weights do not sum to 1.
    cumulative = weights.cumsum(-1)
    target = numbers.to(cumulative)[:, None] * cumulative[:, -1:]
    # right=True: a number of exactly 0 never takes a token of probability 0. The clamp is for rounding at the end.
    return torch.searchsorted(cumulative, target, right=True).squeeze(-1).clamp(max=weights.shape[-1] - 1)
