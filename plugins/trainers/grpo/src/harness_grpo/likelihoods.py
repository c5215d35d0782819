"""Log-probabilities of chosen tokens under a softmax over a large vocabulary, without a float32 copy of it all.

    log p(t) = z_t / T - logsumexp(z / T)
    d log p(t) / d z = (onehot(t) - softmax(z / T)) / T

Autograd would keep `log_softmax` of all places for the backward pass, in float32: 12 GB for 20 answers of 1,024 tokens
and 151,936 words. Here only the logits are kept, as the model gave them, and the softmax is made again, some places at
once.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

AT_ONCE = 2**24
"""Numbers of float32 that are made at once: 64 MiB."""


def token_logps(
    logits: Tensor, tokens: Tensor, source: Tensor, temperature: float, *, at_once: int = AT_ONCE
) -> Tensor:
    """Log-probability of N tokens in nats, shape (N,), at least float32. Differentiable once.

    Args:
        logits: Shape (M, V).
        tokens: Shape (N,).
        source: Shape (N,): which of the M places predicts each token.
        temperature: Of the softmax.
        at_once: Numbers that are made at once.
    """
    found: Tensor = _TokenLogps.apply(logits, tokens, source, temperature, at_once)  # type: ignore[no-untyped-call]
    return found


def entropies(logits: Tensor, temperature: float, *, at_once: int = AT_ONCE) -> Tensor:
    """Entropy in nats at M places, shape (M,), without gradient.

    Args:
        logits: Shape (M, V).
        temperature: Of the softmax.
        at_once: Numbers that are made at once.
    """
    found = []
    for part in _parts(logits.detach(), at_once):
        logs = _heat(part, temperature).log_softmax(-1)
        found.append(-logs.exp().mul_(logs).sum(-1))
    return torch.cat(found)


class _TokenLogps(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, tokens: Tensor, source: Tensor, temperature: float, at_once: int) -> Tensor:
        total = torch.cat([_heat(part, temperature).logsumexp(-1) for part in _parts(logits, at_once)])
        ctx.save_for_backward(logits, tokens, source, total)
        ctx.temperature, ctx.at_once = temperature, at_once
        return _heat(logits[source, tokens], temperature) - total[source]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        logits, tokens, source, total = ctx.saved_tensors
        (given,) = gradients
        # Several tokens may be predicted at one place: the first ones of all answers to a prompt.
        weights = torch.zeros_like(total).index_add_(0, source, given)
        result = torch.empty_like(logits)
        begin = 0
        for part, into in zip(_parts(logits, ctx.at_once), _parts(result, ctx.at_once), strict=True):
            end = begin + len(part)
            made = (_heat(part, ctx.temperature) - total[begin:end, None]).exp_().mul_(-weights[begin:end, None])
            here = ((source >= begin) & (source < end)).nonzero().flatten()
            # Added in float32, before the rounding to the type of the logits.
            made.index_put_((source[here] - begin, tokens[here]), given[here], accumulate=True)
            into.copy_(made.div_(ctx.temperature))
            begin = end
        return result, None, None, None, None


def _parts(rows: Tensor, at_once: int) -> tuple[Tensor, ...]:
    return torch.split(rows, max(1, at_once // rows.shape[-1]))


def _heat(logits: Tensor, temperature: float) -> Tensor:
    # At least float32: log-probabilities of bfloat16 have two digits.
    return logits.to(torch.promote_types(logits.dtype, torch.float32)) / temperature
