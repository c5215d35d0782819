"""The objective of GRPO and its kin, as pure functions of log-probabilities.

    loss = sum over rows i of  weight_i * sum over tokens t in the mask of (policy term + beta * kl)_it

Kinds differ in the policy term (`token_loss`) and in the weights of rows (`row_weights`). The weights come from the
mask of the whole optimizer step, so micro-batches that take their rows' share of them add up to the loss of the whole.

N is the number of rows (answers) and T of tokens (of the longest answer) throughout. Infinite or NaN log-probabilities
inside the mask end in a loss that is not finite: check it before the step. Outside the mask they change nothing, in the
loss or in its gradient.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Kind = Literal["grpo", "dr_grpo", "dapo", "bnpo", "gspo", "cispo"]
"""The policy term of each token, with A the advantage and r = pi / pi_old:

- `grpo`, `dr_grpo`, `dapo`, `bnpo`: -min(r A, clip(r, 1 - clip_low, 1 + clip_high) A) (PPO, arXiv:1707.06347; two
  bounds: DAPO, arXiv:2503.14476). They differ in `row_weights`.
- `gspo`: the same with the r of the row, exp of the mean of its tokens' log-ratios (arXiv:2507.18071). Its bounds are
  much narrower there: 3e-4 and 4e-4.
- `cispo`: -min(r, 1 + clip_high) A log pi with the weight taken as constant, so that every token keeps a gradient
  (MiniMax-M1, arXiv:2506.13585). `clip_low` is not used, as in the paper. TRL's `epsilon_high` is the cap itself: 5.0
  there is a `clip_high` of 4.0 here.
"""
Estimator = Literal["k1", "k2", "k3"]

_MOST = 20.0
"""Log-ratios are cut to plus or minus this before exp, as in verl. Beyond, the gradient is 0."""


@dataclass(frozen=True, slots=True)
class PolicyTerm:
    """The result of `token_loss`. Each of shape (N, T)."""

    loss: Tensor
    """To be aggregated. Differentiable."""
    ratio: Tensor
    """pi / pi_old, not clipped. Differentiable. For `gspo` that of the row, at each of its tokens."""
    low: Tensor
    """Bool: the ratio is too small, and the advantage negative. No gradient."""
    high: Tensor
    """Bool: the ratio is too large, and the advantage positive, or negative and stopped by `dual_clip`. No gradient.
    For `cispo`: the weight is cut, and there is a gradient."""


def kl(logp: Tensor, ref: Tensor, mask: Tensor, *, kind: Estimator, ratio: Tensor | None = None) -> Tensor:
    """Estimates of KL(pi || pi_ref) at each token (Schulman 2020, http://joschu.net/blog/kl-approx.html).

    With d = log pi_ref - log pi: k1 = -d, k2 = d^2 / 2, k3 = exp(d) - d - 1. As values, k1 and k3 are unbiased where
    the tokens were drawn from pi. As losses they are something else: on-policy, the expected gradient of k1 is 0, that
    of k2 is the gradient of KL(pi || pi_ref), and that of k3 is the gradient of KL(pi_ref || pi).

    Args:
        logp: Shape (N, T): log-probabilities under the policy.
        ref: Shape (N, T), under the reference. Taken as constant.
        mask: Shape (N, T), bool: the tokens that count.
        kind: The estimator.
        ratio: Shape (N, T). Where given, the estimate is multiplied by pi / pi_old, through which the gradient flows:
            k1 and k3 are then unbiased off-policy as well, with the gradient of KL(pi || pi_ref). TRL 1.16 does so by
            default (`use_bias_correction_kl`) and older papers do not, so their betas do not compare.

    Returns:
        Shape (N, T). 0 outside the mask.
    """
    difference = torch.where(mask, ref.detach() - logp, 0.0)
    if kind == "k1":
        estimate = -difference
    elif kind == "k2":
        estimate = difference**2 / 2
    else:
        difference = _clamp_log_ratio(difference)
        estimate = difference.exp() - difference - 1
    return estimate if ratio is None else estimate * ratio


def token_loss(
    logp: Tensor,
    old: Tensor,
    advantage: Tensor,
    mask: Tensor,
    *,
    kind: Kind,
    clip_low: float = 0.2,
    clip_high: float = 0.28,
    dual_clip: float | None = None,
) -> PolicyTerm:
    """The policy term of each token, with its formula by kind: see `Kind`.

    Args:
        logp: Shape (N, T): log-probabilities of the tokens written, float32 or float64.
        old: Shape (N, T): those under the policy that wrote them. Taken as constant. `logp` itself where no step has
            been taken since.
        advantage: Shape (N,).
        mask: Shape (N, T), bool: the tokens that count.
        kind: The objective.
        clip_low: How far below 1 the ratio may matter.
        clip_high: How far above 1.
        dual_clip: Where A < 0 the loss is at most dual_clip |A|, above 1 (arXiv:1912.09729; `delta` in TRL).

    Raises:
        ValueError: `dual_clip` is not above 1, or `cispo` is given one.
    """
    if dual_clip is not None and (kind == "cispo" or dual_clip <= 1):
        raise ValueError(f"token_loss: dual_clip {dual_clip}: must be above 1, and {kind} must not be cispo")
    # `where` and not a product: NaN times 0 is NaN, in the gradient too.
    log_ratio = torch.where(mask, logp - old.detach(), 0.0)
    if kind == "gspo":
        # The mean over the tokens that count: the row's likelihood ratio to the power of 1 / length.
        mean = log_ratio.sum(-1, keepdim=True) / mask.sum(-1, keepdim=True).clamp(min=1)
        log_ratio = mean.expand_as(log_ratio)
    ratio = _clamp_log_ratio(log_ratio).exp()
    gain = advantage.detach().to(logp)[:, None]
    low, high = (ratio < 1 - clip_low) & (gain < 0), (ratio > 1 + clip_high) & (gain > 0)
    if kind == "cispo":
        # REINFORCE with a capped importance weight: the gradient is that of log pi alone.
        weight = ratio.detach().clamp(max=1 + clip_high)
        loss = -weight * gain * logp
        low, high = torch.zeros_like(mask), (ratio > 1 + clip_high) & (gain != 0)
    else:
        # PPO's -min(a, b) as max(-a, -b): the pessimistic one of the two.
        loss = torch.maximum(-ratio * gain, -ratio.clamp(1 - clip_low, 1 + clip_high) * gain)
        if dual_clip is not None:
            loss = torch.where(gain < 0, torch.minimum(loss, -dual_clip * gain), loss)
            high = high | ((ratio > dual_clip) & (gain < 0))
    return PolicyTerm(loss, ratio, low & mask, high & mask)


def row_weights(
    mask: Tensor,
    *,
    kind: Kind,
    longest: int | None = None,
    tasks: Tensor | None = None,
    task_weights: Tensor | None = None,
    micro: Tensor | None = None,
) -> Tensor:
    """The weight of one token of each row in the loss of an optimizer step.

    - `grpo`, `gspo`: 1 / (N length): the mean over rows of means over tokens.
    - `dapo`, `cispo`: 1 / tokens of the step.
    - `dr_grpo`: 1 / (N longest).
    - `bnpo`: 1 / (micro-batches * tokens of the row's own): the mean over micro-batches of means over tokens. It is the
      one that depends on how the step is split.

    With tasks, each has denominators of its own, and the loss is the weighted sum of the tasks' losses. Without, a task
    weighs as much as it has tokens (`dapo`) or rows (`grpo`).

    Args:
        mask: Shape (N, T), bool: of the whole optimizer step, over all micro-batches.
        kind: The objective.
        longest: What an answer may have of tokens. Needed for `dr_grpo`.
        tasks: Shape (N,), integers.
        task_weights: Of all tasks, looked up by number and used as they are. Default: 1 / the number of tasks here.
        micro: Shape (N,), integers: the micro-batch of each row, for `bnpo`. Default: all in one.

    Returns:
        Shape (N,), float64, to be sliced like the rows.

    Raises:
        ValueError: `longest` is missing, or there are weights of tasks and no tasks.
    """
    if task_weights is not None and tasks is None:
        raise ValueError("row_weights: `task_weights` need `tasks`, the task of each row")
    lengths = mask.sum(-1).double()
    task = torch.zeros(len(mask), dtype=torch.long, device=mask.device) if tasks is None else tasks.to(mask.device)
    names, number = torch.unique(task, return_inverse=True)
    share = task_weights.to(lengths)[task] if task_weights is not None else torch.ones_like(lengths) / len(names)
    rows = _total(torch.ones_like(lengths), number)
    if kind in ("grpo", "gspo"):
        return share / (rows * lengths.clamp(min=1))
    if kind in ("dapo", "cispo"):
        return share / _total(lengths, number).clamp(min=1)
    if kind == "dr_grpo":
        if longest is None:
            raise ValueError("row_weights: dr_grpo divides by `longest`, the most tokens an answer may have")
        return share / (rows * longest)
    return share / _bnpo_denominators(lengths, task, micro)


def _bnpo_denominators(lengths: Tensor, task: Tensor, micro: Tensor | None) -> Tensor:
    """Micro-batches of the row's task, times the tokens of the task in the row's own micro-batch. Shape (N,)."""
    batch = torch.zeros_like(task) if micro is None else micro.to(task.device)
    # A cell is one task in one micro-batch.
    cells, cell = torch.unique(torch.stack([task, batch]), dim=1, return_inverse=True)
    batches: Tensor = (cells[0][:, None] == task).sum(0)
    return batches * _total(lengths, cell).clamp(min=1)


def aggregate(loss: Tensor, mask: Tensor, weights: Tensor) -> Tensor:
    """The loss of these rows: sum_i weights_i sum_t mask_it loss_it.

    Args:
        loss: Shape (N, T).
        mask: Shape (N, T), bool.
        weights: Shape (N,): the rows' part of `row_weights`.

    Returns:
        A scalar in float64. Add up micro-batches. Do not divide by their number.
    """
    return (torch.where(mask, loss, 0.0).double().sum(-1) * weights).sum()


def mask_truncated(mask: Tensor, truncated: Tensor) -> Tensor:
    """The mask without the rows that were cut off at the limit: how they would have ended is not known (DAPO).

    Args:
        mask: Shape (N, T), bool.
        truncated: Shape (N,), bool.
    """
    return mask & ~truncated[:, None]


def diagnostics(
    term: PolicyTerm, mask: Tensor, *, kl: Tensor | None = None, entropy: Tensor | None = None
) -> dict[str, float]:
    """Scalars to log of one micro-batch.

    Args:
        term: From `token_loss`.
        mask: Shape (N, T), bool.
        kl: Shape (N, T).
        entropy: Shape (N, T), in nats.

    Returns:
        `tokens`, their number; means over them: `clip_low`, `clip_high` (shares), and `kl` and `entropy` where given;
        `ratio_max`. All but the number are NaN where no token counts.
    """
    given = {"clip_low": term.low, "clip_high": term.high, "kl": kl, "entropy": entropy}
    means = {name: values[mask].double().mean().item() for name, values in given.items() if values is not None}
    chosen = term.ratio[mask]
    return {"tokens": float(len(chosen)), "ratio_max": chosen.max().item() if len(chosen) else math.nan, **means}


def combine_diagnostics(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The `diagnostics` of several micro-batches as those of all of them together.

    Args:
        parts: At least one, all with the same names.
    """
    # A micro-batch without a token that counts has NaN for its means, which must not spread.
    filled = [part for part in parts if part["tokens"]]
    if not filled:
        return dict(parts[0])
    columns = {name: torch.tensor([part[name] for part in filled], dtype=torch.float64) for name in filled[0]}
    tokens = columns["tokens"]
    result = {name: ((values * tokens).sum() / tokens.sum()).item() for name, values in columns.items()}
    return {**result, "tokens": tokens.sum().item(), "ratio_max": columns["ratio_max"].max().item()}


def _clamp_log_ratio(log_ratio: Tensor) -> Tensor:
    """Cut to what exp can take. An infinite one is no large number but a fault: it becomes NaN, which stays visible."""
    return torch.where(log_ratio.isinf(), torch.nan, log_ratio.clamp(-_MOST, _MOST))


def _total(values: Tensor, sets: Tensor) -> Tensor:
    """The sum over the set that each row is in. Shape (N,). Exact for whole numbers, in any order."""
    return torch.zeros_like(values).index_add(0, sets, values)[sets]
