"""Advantages: how much better an answer is than the others to its prompt.

Rows are answers. Rewards are few and come from Python, so all of this is computed on the CPU, in float64, where sums do
not depend on the run.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Scale = Literal["group", "none", "batch", "task", "gdpo"]
"""What a reward is divided by, once the mean of its group is taken off.

- `group`: the standard deviation of the group (GRPO, arXiv:2402.03300). It weighs prompts by how rare success is: of
  eight answers, one right gets +2.47 and each wrong -0.35.
- `none`: nothing (Dr. GRPO, arXiv:2503.20783): +0.875 and -0.125 there.
- `batch`: the standard deviation of all rows, of all tasks (arXiv:2508.08221).
- `task`: the standard deviation of all rows of the task, so that one task's rewards do not scale another's.
- `gdpo`: each component is normalised in its group, and their weighted sum over all rows (GDPO, arXiv:2601.05242;
  `multi_objective_aggregation="normalize_then_sum"` in TRL). The second norm is ours where `tasks` are given: over the
  rows of the task, for the same reason as above.
"""

_ALIKE = 1e-8
"""Rewards of a group that lie within this are equal (TRL's tolerance, there on the standard deviation)."""


def advantages(
    rewards: Tensor,
    groups: Tensor,
    *,
    scale: Scale,
    tasks: Tensor | None = None,
    weights: Tensor | None = None,
    components: Tensor | None = None,
    floor: float | Tensor = 0.0,
    epsilon: float = 1e-4,
) -> Tensor:
    """The reward less the mean of its group, on one of five scales.

    Standard deviations are unbiased (n - 1) and gain `epsilon`, as in TRL 1.16. A row without a reward counts in no
    mean and no deviation and gets 0. So does every row of a group whose rewards are all equal, exactly.

    Args:
        rewards: Shape (N,). NaN where no reward applies. `gdpo` asks it for nothing else.
        groups: Shape (N,), integers: rows to one prompt have one number.
        scale: What is divided by. See `Scale`.
        tasks: Shape (N,), integers. Needed for `task` and for a floor by task.
        weights: Shape (K,), of the components. Default: all 1. Used by `gdpo`. Weight 0 is for curves alone.
        components: Shape (N, K). NaN where one does not apply, which counts as 0 in the sum. Needed for `gdpo`.
        floor: The least standard deviation of rewards, in units of reward; or one for each task, looked up by its
            number. A spread which means nothing is then not blown up to 1. For `gdpo` it holds for each component.
        epsilon: Added to every standard deviation.

    Returns:
        Shape (N,), float64, on the device of `rewards`.

    Raises:
        ValueError: Shapes do not match, something that the scale needs is missing, a reward is infinite, or a group
            holds rows of two tasks.
    """
    device = rewards.device
    rewards, groups = _on_cpu(rewards), groups.cpu()
    tasks = None if tasks is None else tasks.cpu()
    _check(rewards, groups, tasks)
    least = _floor(floor, tasks, rows=len(rewards))
    if scale == "gdpo":
        parts, shares = _components(components, weights, rewards)
        over = torch.zeros_like(groups) if tasks is None else tasks
        result = _gdpo(parts, groups, over, weights=shares, floor=least, epsilon=epsilon)
        return torch.where(informative_rows(parts[:, shares != 0], groups), result, 0.0).to(device)
    result = rewards - _mean_and_std(rewards, groups)[0]
    if scale != "none":
        # The floor before epsilon: with a floor of 0 this is TRL's formula.
        std = _mean_and_std(rewards, _sets(scale, groups, tasks))[1]
        result = result / (torch.maximum(std, least) + epsilon)
    return torch.where(informative_rows(rewards, groups), result, 0.0).to(device)


def _sets(scale: Scale, groups: Tensor, tasks: Tensor | None) -> Tensor:
    """Numbers of the sets of rows that share a standard deviation. Shape (N,)."""
    if scale == "batch":
        return torch.zeros_like(groups)
    if scale == "group":
        return groups
    if tasks is None:
        raise ValueError("advantages: scale `task` needs `tasks`, the task of each row")
    return tasks


def _components(components: Tensor | None, weights: Tensor | None, rewards: Tensor) -> tuple[Tensor, Tensor]:
    """The components of each row and their weights, checked. NaN in rows without a reward."""
    if components is None:
        raise ValueError("advantages: scale `gdpo` needs `components`, shape (rows, components)")
    parts = _on_cpu(components)
    shares = torch.ones(parts.shape[-1], dtype=torch.float64) if weights is None else _on_cpu(weights)
    if parts.shape != (len(rewards), len(shares)):
        raise ValueError(f"advantages: {len(rewards)} rows, {len(shares)} weights: components {tuple(parts.shape)}")
    _finite(parts)
    return parts.masked_fill(rewards.isnan()[:, None], torch.nan), shares


def informative_rows(rewards: Tensor, groups: Tensor) -> Tensor:
    """Mark the rows that have something to teach: they have a reward, and it differs within their group.

    It asks for the spread and not for the mean, so a group that is all wrong in ways of different worth stays. The
    other rows get an advantage of exactly 0: rounding in the mean would leave them a tiny gradient.

    Args:
        rewards: Shape (N,), or (N, K) where any of K components may differ. NaN where none applies.
        groups: Shape (N,), integers.

    Returns:
        Shape (N,), bool, on the device of `rewards`.
    """
    table = rewards if rewards.ndim == 2 else rewards[:, None]
    _, number = torch.unique(groups.to(table.device), return_inverse=True)
    index = number[:, None].expand_as(table)
    # NaN as -inf in both directions: a row without a reward is never the highest or the lowest.
    absent = table.isnan()
    ends = torch.full_like(table, -torch.inf)  # at least as many rows as groups
    highest = ends.scatter_reduce(0, index, table.masked_fill(absent, -torch.inf), "amax")[number]
    lowest = -ends.scatter_reduce(0, index, (-table).masked_fill(absent, -torch.inf), "amax")[number]
    return ((highest - lowest > _ALIKE) & ~absent).any(-1)


def _gdpo(
    components: Tensor, groups: Tensor, over: Tensor, *, weights: Tensor, floor: Tensor, epsilon: float
) -> Tensor:
    """Normalised in the group, summed, normalised `over` sets of rows. NaN for rows without any component."""
    mean, std = _mean_and_std(components, groups)
    absent = components.isnan().all(-1)

    def total(deviation: Tensor) -> Tensor:
        normalised = (components - mean) / (deviation + epsilon)
        return (normalised * weights).nansum(-1).masked_fill(absent, torch.nan)

    # The mean over whole groups need not be taken off again: it is 0. The second norm is that of the sum without a
    # floor, or it would undo the floor: groups wider than it get the same with it and without.
    return total(torch.maximum(std, floor[:, None])) / (_mean_and_std(total(std), over)[1] + epsilon)


def _mean_and_std(values: Tensor, sets: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (n - 1; 0 for a single row) of the set that each row is in, NaN left out.

    Args:
        values: Shape (N,) or (N, K).
        sets: Shape (N,), integers.

    Returns:
        Both in the shape of `values`. The mean is NaN where a set has no value.
    """
    _, number = torch.unique(sets, return_inverse=True)
    present = ~values.isnan()

    def total(terms: Tensor) -> Tensor:
        return torch.zeros_like(values).index_add(0, number, torch.where(present, terms, 0.0))[number]

    count = total(torch.ones_like(values))
    mean = total(values) / count
    # Two passes, not a mean of squares: rewards near 1 that differ in the ninth digit would cancel.
    return mean, (total((values - mean) ** 2) / (count - 1).clamp(min=1)).sqrt()


def _floor(floor: float | Tensor, tasks: Tensor | None, *, rows: int) -> Tensor:
    """The floor of each row. Shape (rows,)."""
    if not isinstance(floor, Tensor) or not floor.ndim:
        return torch.full((rows,), float(floor), dtype=torch.float64)
    if tasks is None:
        raise ValueError("advantages: a floor for each task needs `tasks`, the task of each row")
    return _on_cpu(floor)[tasks]


def _check(rewards: Tensor, groups: Tensor, tasks: Tensor | None) -> None:
    for name, other in (("groups", groups), ("tasks", tasks)):
        if other is not None and (rewards.ndim != 1 or other.shape != rewards.shape):
            shapes = f"{tuple(rewards.shape)} and {tuple(other.shape)}"
            raise ValueError(f"advantages: rewards and {name} must both have shape (rows,), got {shapes}")
    _finite(rewards)
    if tasks is not None:
        # Groups numbered from 0 in each task would silently share their means.
        pairs = torch.unique(torch.stack([groups, tasks]), dim=1)[0]
        if len(torch.unique(pairs)) < len(pairs):
            raise ValueError("advantages: a group holds rows of two tasks; number groups over all tasks together")


def _finite(rewards: Tensor) -> None:
    infinite = rewards.isinf().nonzero().tolist()
    if infinite:
        raise ValueError(f"advantages: rewards are infinite at {infinite} ([row], or [row, component])")


def _on_cpu(values: Tensor) -> Tensor:
    return values.detach().to("cpu", torch.float64)
