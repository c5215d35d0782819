"""Multi-task GRPO: draw items of every task, let the policy answer, reward, and learn from what answers are worth.

    draw units -> G answers to each prompt -> rewards -> advantages in groups -> loss on shared prefixes -> step

Groups whose answers all earned the same teach nothing. They can be replaced by others of the same task (`refill`), so
that each task keeps its share of the gradient. What is left of them counts in the denominators, as in TRL.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import torch
from torch import Tensor

from harness.api import Context, Training, TrainingResult
from harness_grpo.advantage import advantages, informative_rows
from harness_grpo.completions import Completions, records
from harness_grpo.curves import curves
from harness_grpo.data import Unit, check_orders
from harness_grpo.fingerprint import fingerprint_of
from harness_grpo.loop import fit
from harness_grpo.memory.native import plan_memory
from harness_grpo.objective import (
    aggregate,
    combine_diagnostics,
    diagnostics,
    kl,
    mask_truncated,
    row_weights,
    token_loss,
)
from harness_grpo.options import GrpoOptions
from harness_grpo.packing import groups_at_once
from harness_grpo.prefix import PrefixScorer, Rollouts, Scored
from harness_grpo.rollout import Group, PromptedExample, check_served, make_groups, parts_of, write
from harness_grpo.training_setup import TrainingSetup
from harness_transformers.sampling import Sampling

_Part = list[tuple[int, int, int]]
"""What is computed together: the place of each group, and the first of its answers and the one after the last."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """The data of a step: N rows, G for each group in order."""

    groups: list[Group]
    advantage: Tensor
    """Shape (N,)."""
    mask: Tensor
    """Shape (N, T): tokens that count."""
    weights: Tensor
    """Shape (N,): what a token of each row weighs."""
    parts: list[_Part]
    """The micro-batches. Groups without gradient are in none."""


class Grpo:
    """A step of GRPO.

    Args:
        setup: What it works with.
        options: Of the recipe.

    Raises:
        UserError: A reward has nothing to look at.
    """

    def __init__(self, setup: TrainingSetup, options: GrpoOptions) -> None:
        self._setup = setup
        self._options = options
        self._tasks = {task.name: number for number, task in enumerate(setup.training.tasks)}
        self._weigh = any("probabilities" in reward.capabilities for reward in setup.training.rewards)
        self._completions = Completions(setup.training.folder)
        # Before the start is validated, which may take long.
        check_served(setup.units, setup.training.rewards)
        check_orders(setup.training, list(setup.units.values()))
        self._reference: PrefixScorer | None = None
        if options.kl_weight:  # a copy of the weights is only paid for where the KL term needs it
            setup.policy.keep_reference()

    def step(self, number: int) -> dict[str, float]:
        """Answer a batch and learn from it."""
        began = time.perf_counter()
        groups, first, written = self._collect(number)
        between = time.perf_counter()
        batch = self._batch(groups)
        metrics = self._learn(batch, number)
        # Of the first draw: what is left after refilling is of middling difficulty in every task.
        self._setup.sampler.learn(_means(first))
        shown = records(batch.groups, batch.advantage, step=number + 1, count=self._options.log_completions)
        self._setup.processes.once(lambda: self._completions.add(shown))
        epochs = {f"{task}/epochs": self._setup.sampler.epochs(task) for task in written}
        return {
            **metrics,
            **curves(batch.groups, batch.advantage, written, first=first if self._options.refill else None),
            **epochs,
            "rollout_s": between - began,
            "learn_s": time.perf_counter() - between,
        }

    # -- answers ---------------------------------------------------------------------------------------------------

    def _collect(self, number: int) -> tuple[list[Group], list[Group], dict[str, int]]:
        """The groups of a step, those of its first draw, and how many answers were written for each task."""
        setup = self._setup
        counts = setup.sampler.counts(self._options.batch)
        wanted = [task for task, count in counts.items() for _ in range(count)]
        kept: list[tuple[Unit, list[Group]]] = []
        first: list[Group] = []
        written = dict.fromkeys(counts, 0)
        for attempt in range(self._options.refill + 1):
            drawn = [setup.draw(task) for task in wanted]
            answered = self._answer(drawn, number, attempt)
            if attempt == 0:
                first = [group for _, mine in answered for group in mine]
            for unit, mine in answered:
                written[unit.task] += sum(len(group.given) for group in mine)
            # On the last attempt groups that teach nothing are kept: the batch must be full.
            last = attempt == self._options.refill
            kept += [(unit, mine) for unit, mine in answered if last or self._teaches(mine)]
            wanted = [] if last else [unit.task for unit, mine in answered if not self._teaches(mine)]
            if not wanted:
                break
        return [group for _, mine in kept for group in mine], first, written

    def _answer(
        self, drawn: Sequence[tuple[Unit, list[PromptedExample]]], number: int, attempt: int
    ) -> list[tuple[Unit, list[Group]]]:
        setup, options = self._setup, self._options
        # `attempt` is among the seeds: a unit that is drawn again in the same step gets other answers.
        given = write(
            setup.policy,
            [prompt for _, asked in drawn for prompt in asked],
            samples=options.group,
            sampling=Sampling(temperature=options.temperature),
            most=options.max_new_tokens,
            rows=options.rows,
            seeds=(setup.training.seed, number, attempt),
            weigh=self._weigh,
        )
        groups = iter(
            make_groups(
                [unit for unit, _ in drawn],
                [asked for _, asked in drawn],
                given,
                setup.training.rewards,
                setup.processes,
            )
        )
        return [(unit, [next(groups) for _ in asked]) for unit, asked in drawn]

    def _teaches(self, groups: Sequence[Group]) -> bool:
        """Whether answers of any of a unit's groups earned differently."""
        for group in groups:
            parts, _ = self._components([group])
            rewards = parts if parts is not None else _totals([group])
            if bool(informative_rows(rewards, torch.zeros(len(group.given), dtype=torch.long)).any()):
                return True
        return False

    # -- learning --------------------------------------------------------------------------------------------------

    def _batch(self, groups: list[Group]) -> _Batch:
        options = self._options
        size = options.group
        rewards = _totals(groups)
        owners = torch.arange(len(groups)).repeat_interleave(size)
        tasks = torch.tensor([self._tasks[group.asked.task] for group in groups]).repeat_interleave(size)
        components, shares = self._components(groups)
        advantage = advantages(
            rewards,
            owners,
            scale=options.advantage,
            tasks=tasks,
            components=components,
            weights=shares,
            floor=options.std_floor,
        )
        lengths = torch.tensor([len(answer.tokens) for group in groups for answer in group.given])
        mask = torch.arange(int(lengths.max()))[None, :] < lengths[:, None]
        if options.mask_truncated:
            mask = mask_truncated(mask, torch.tensor([answer.truncated for group in groups for answer in group.given]))
        # Groups without a gradient are not computed at all, unless the KL term gives them one.
        per_row = advantage.reshape(len(groups), size)
        useful = (per_row != 0) & mask.any(-1).reshape(len(groups), size)
        places = [place for place in range(len(groups)) if options.kl_weight or bool(useful[place].any())]
        parts = self._parts(groups, places)
        # Only `bnpo` depends on how rows are put into micro-batches.
        micro = torch.zeros(len(groups), size, dtype=torch.long)
        for number, part in enumerate(parts):
            for place, begin, end in part:
                micro[place, begin:end] = number
        counted = mask
        if options.objective == "bnpo":  # the mean over what is computed: rows that are not must not thin it out
            counted = mask & torch.isin(owners, torch.tensor(places, dtype=torch.long))[:, None]
        weights = row_weights(
            counted,
            kind=options.objective,
            longest=options.max_new_tokens,
            tasks=tasks if options.per_task else None,
            task_weights=torch.bincount(tasks, minlength=len(self._tasks)).double() / len(tasks)
            if options.per_task
            else None,
            micro=micro.flatten(),
        )
        return _Batch(groups, advantage, mask, weights, parts)

    def _parts(self, groups: Sequence[Group], places: Sequence[int]) -> list[_Part]:
        """Micro-batches of the groups at some places: whole groups, or parts of one that is too large for a pass."""
        if not places:
            return []
        size, most = self._options.group, self._options.answers_per_pass
        if most is not None and most < size:
            return [[(place, begin, min(begin + most, size))] for place in places for begin in range(0, size, most)]
        rollouts = [_rollouts_of(groups[place]) for place in places]
        together = self._options.groups or groups_at_once(rollouts, shared=self._setup.scorer.shares)
        together = min(together, ceil(len(places) / self._setup.processes.size))  # each process gets some
        if most is not None:
            together = min(together, most // size)
        parts = parts_of([group.prompt for group in rollouts], together)
        return [[(places[index], 0, size) for index in part] for part in parts]

    def _components(self, groups: Sequence[Group]) -> tuple[Tensor | None, Tensor | None]:
        """The parts of each reward, shape (N, K), and their weights, for the advantage that takes them one by one."""
        if self._options.advantage != "gdpo":
            return None, None
        rewards = self._setup.training.rewards
        parts = [[_number(earning.parts.get(r.name)) for r in rewards] for group in groups for earning in group.earned]
        weights = [reward.weight for reward in rewards]
        return torch.tensor(parts, dtype=torch.float64), torch.tensor(weights, dtype=torch.float64)

    def _learn(self, batch: _Batch, number: int) -> dict[str, float]:
        """All optimizer steps on a batch."""
        options, policy = self._options, self._setup.policy
        mine = self._setup.mine([_tokens_of(batch, part) for part in batch.parts])
        if batch.parts:
            self._setup.settle(_rollouts(batch, batch.parts[0][:1]))
        old: dict[int, Tensor] = {}
        # With one update the policy that wrote the answers is the one that learns, and the ratio is 1.
        if options.updates > 1:
            with torch.no_grad():
                old = {place: self._score(batch, batch.parts[place]).logps for place, _ in mine}
        references = self._references(batch, [place for place, _ in mine])
        metrics: dict[str, float] = {}
        for _ in range(options.updates):
            found: list[tuple[int, float, dict[str, float]]] = []
            # Gradients of the micro-batches add up; row weights are those of the whole step.
            with policy.learning():
                for place, counts in mine:
                    given = old.get(place), references.get(place)
                    value, seen = self._pass(batch, batch.parts[place], *given, counts=counts)
                    if counts:
                        found.append((place, value, seen))
            parts = self._setup.in_order(found)
            loss = sum((value for _, value, _ in parts), 0.0)
            norm = self._setup.apply(loss, number) if parts else 0.0
            diagnosed = combine_diagnostics([seen for _, _, seen in parts]) if parts else {}
            metrics = {"loss": loss, "grad_norm": norm, **diagnosed}
        return metrics

    def _pass(
        self, batch: _Batch, part: _Part, old: Tensor | None, reference: Tensor | None, *, counts: bool
    ) -> tuple[float, dict[str, float]]:
        """Gradients of some groups. Returns their share of the loss, and what can be seen in it."""
        options = self._options
        scored = self._score(batch, part, entropy=options.entropy)
        rows = self._rows(part)
        longest = scored.logps.shape[1]
        mask = batch.mask[rows, :longest].to(scored.logps.device)
        advantage = batch.advantage[rows].to(scored.logps.device)
        term = token_loss(
            scored.logps,
            scored.logps.detach() if old is None else old,
            advantage,
            mask,
            kind=options.objective,
            clip_low=options.clip_low,
            clip_high=options.clip_high,
            dual_clip=options.dual_clip,
        )
        loss, divergence = term.loss, None
        if reference is not None:
            # Without the ratio, k1 would have no gradient on average.
            ratio = term.ratio if options.kl == "k1" else None
            divergence = kl(scored.logps, reference, mask, kind=options.kl, ratio=ratio)
            loss = loss + options.kl_weight * divergence
        # One backward pass for each micro-batch frees its activations.
        total = aggregate(loss, mask, batch.weights[rows].to(loss.device))
        torch.autograd.backward(total if counts else total * 0)
        return float(total.detach()), diagnostics(term, mask, kl=divergence, entropy=scored.entropy)

    def _references(self, batch: _Batch, mine: Sequence[int]) -> dict[int, Tensor]:
        """Log-probabilities at the start of training, of each part of this process. Empty without a KL term."""
        if not self._options.kl_weight:
            return {}
        with torch.no_grad(), self._setup.policy.as_reference() as model:
            scorer = self._setup.scorer
            # A scorer checks its model once; the reference is another model, and gets its own.
            if model is not self._setup.policy.model:
                if self._reference is None:
                    self._reference = PrefixScorer(
                        model,
                        mode=self._options.prefix,
                        pad=self._setup.policy.opened.language.pad,
                        compute=self._setup.policy.compute,
                    )
                scorer = self._reference
            temperature = self._options.temperature
            return {
                place: scorer.logps(_rollouts(batch, batch.parts[place]), temperature=temperature).logps
                for place in mine
            }

    def _score(self, batch: _Batch, part: _Part, *, entropy: bool = False) -> Scored:
        return self._setup.scorer.logps(_rollouts(batch, part), temperature=self._options.temperature, entropy=entropy)

    def _rows(self, part: _Part) -> Tensor:
        size = self._options.group
        return torch.cat([torch.arange(place * size + begin, place * size + end) for place, begin, end in part])


def _means(groups: Sequence[Group]) -> dict[str, float]:
    """Mean reward of each task."""
    totals: dict[str, list[float]] = {}
    for group in groups:
        totals.setdefault(group.asked.task, []).extend(
            earning.total for earning in group.earned if earning.total is not None
        )
    return {task: sum(values) / len(values) for task, values in totals.items() if values}


def _totals(groups: Sequence[Group]) -> Tensor:
    """Rewards, shape (rows,). NaN where none applies."""
    return torch.tensor([_number(earning.total) for group in groups for earning in group.earned], dtype=torch.float64)


def _number(value: float | None) -> float:
    return float("nan") if value is None else value  # NaN is how `advantages` writes a reward that does not apply


def _rollouts(batch: _Batch, part: _Part) -> list[Rollouts]:
    return [_rollouts_of(batch.groups[place], begin, end) for place, begin, end in part]


def _tokens_of(batch: _Batch, part: _Part) -> int:
    """What a part costs, about: tokens of its prompts and answers."""
    rollouts = _rollouts(batch, part)
    return sum(len(group.prompt.ids) + sum(map(len, group.completions)) for group in rollouts)


def _rollouts_of(group: Group, begin: int = 0, end: int | None = None) -> Rollouts:
    return Rollouts(group.asked.prompt, tuple(answer.tokens for answer in group.given[begin:end]))


class GrpoTrainer:
    """The trainer `grpo`.

    Args:
        options: Of the recipe.
        context: Of the harness.
    """

    def __init__(self, options: GrpoOptions, context: Context) -> None:
        self._options = options
        self._context = context

    def fingerprint(self, training: Training) -> str:
        """Covers the weights it starts from and the generation of this code."""
        return fingerprint_of(training, self._context)

    def plan_memory(self, training: Training, *, devices: int) -> Mapping[str, Mapping[str, int]]:
        """Bytes of each part, by phase. See `harness.api.optional.PlansMemory`."""
        return plan_memory(training, self._options, devices=devices)

    def train(self, training: Training) -> TrainingResult:
        """Train. See `harness.api.Trainer`."""
        return fit(training, self._options, lambda setup: Grpo(setup, self._options))
