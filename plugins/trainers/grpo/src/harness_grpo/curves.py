"""Scalars of a step, for each task, for the curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from harness.api import Status
from harness_grpo.rollout import Group, is_right

if TYPE_CHECKING:
    from torch import Tensor


def curves(
    groups: Sequence[Group], advantage: Tensor, written: Mapping[str, int], *, first: Sequence[Group] | None = None
) -> dict[str, float]:
    """Scalars of a step, `TASK/NAME`; `reward` is the mean over all answers.

    Where groups were replaced, those that are left are of items on which the policy is sometimes right and sometimes
    wrong: their means say nothing about the policy. So the means are over the first draw, which nothing has chosen;
    those of the groups that are learnt from are `kept/TASK/NAME`.

    `flat` is the share of answers in groups that all earned the same, and `waste` that of all answers written, replaced
    ones included, from which nothing was learnt. `no_verdict` is the share of answers without a verdict of the space:
    to be told apart from those with a wrong one.

    Args:
        groups: That are learnt from, G answers each.
        advantage: Shape (rows,), group by group.
        written: Answers that were written for each task.
        first: All groups of the first draw, where some may have been replaced.
    """
    found: dict[str, float] = {}
    # An advantage of exactly 0 in all rows is a group without a gradient; see `advantages`.
    useful = (advantage != 0).reshape(len(groups), -1).any(-1).tolist()
    for task, count in written.items():
        mine = [place for place, group in enumerate(groups) if group.asked.task == task]
        if not mine:  # the task had no place in this batch
            continue
        kept = _of_task([groups[place] for place in mine])
        values = kept
        if first is not None:
            found.update({f"kept/{task}/{name}": value for name, value in kept.items()})
            values = _of_task([group for group in first if group.asked.task == task])
        answers = sum(len(groups[place].given) for place in mine)
        learnt = sum(len(groups[place].given) for place in mine if useful[place])
        values |= {"flat": 1 - learnt / answers, "waste": 1 - learnt / count}
        found.update({f"{task}/{name}": value for name, value in values.items()})
    shown = groups if first is None else first
    totals = [earning.total for group in shown for earning in group.earned if earning.total is not None]
    if totals:
        found["reward"] = sum(totals) / len(totals)
    return found


def _of_task(groups: Sequence[Group]) -> dict[str, float]:
    """Means over the answers of one task."""
    pairs = [(group, answer) for group in groups for answer in group.given]
    found = {
        "accuracy": sum(is_right(group.asked.example, answer) for group, answer in pairs) / len(pairs),
        "no_verdict": sum(answer.judgement.status is not Status.OK for _, answer in pairs) / len(pairs),
        "truncated": sum(answer.truncated for _, answer in pairs) / len(pairs),
        "length": sum(len(answer.tokens) for _, answer in pairs) / len(pairs),
    }
    earned = [earning for group in groups for earning in group.earned]
    columns = {"reward": [earning.total for earning in earned]}
    for name in earned[0].parts:
        columns[f"reward/{name}"] = [earning.parts[name] for earning in earned]
    for name, values in columns.items():
        # Rewards that do not apply to an answer are left out of the mean, not counted as 0.
        known = [value for value in values if value is not None]
        if known:
            found[name] = sum(known) / len(known)
    return found
