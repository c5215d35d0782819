"""The loop that SFT and GRPO share: batches, validation, the best weights, states to go on from, curves, progress.

    draw -> learn -> log -> validate, keep the best -> keep a state

An attempt that was killed anywhere goes on from its newest state and ends with the same weights as one that was not.
Of several processes the first one writes all files; see `processes`.
"""

from __future__ import annotations

import logging
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import astuple, dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import torch

from harness.api import Training, TrainingResult, UserError
from harness_grpo import state
from harness_grpo.adapters import describe
from harness_grpo.completions import Completions
from harness_grpo.data import Unit, units_of
from harness_grpo.delivered import forget_start, start_of
from harness_grpo.folders import keep_last, put_folder
from harness_grpo.options import GrpoOptions, TrainerOptions
from harness_grpo.policy import Policy
from harness_grpo.precision import make_optimizer, matmul_precision
from harness_grpo.prefix import PrefixScorer, Rollouts
from harness_grpo.processes import Processes, join_launch, place_options
from harness_grpo.progress import Bar, Phase, announce
from harness_grpo.reopened import compare, first_prompts, reopen
from harness_grpo.rollout import PromptedExample, Prompts
from harness_grpo.sampler import Pool, Sampler
from harness_grpo.sharding import separate
from harness_grpo.validate import scores
from harness_transformers.loading import Source

log = logging.getLogger(__name__)

_Found = TypeVar("_Found", bound=Sequence[Any])


class Method(Protocol):
    """A way to learn from batches."""

    def step(self, number: int) -> dict[str, float]:
        """Draw a batch and learn from it. Returns scalars for the curves."""


@dataclass(kw_only=True)
class TrainingSetup:
    """All that a method works with: model, optimizer, sampler, prompts."""

    training: Training
    options: TrainerOptions
    policy: Policy
    prompts: Prompts
    sampler: Sampler
    units: dict[str, list[Unit]]
    """The train split of each task."""
    optimizer: torch.optim.Optimizer
    scorer: PrefixScorer
    notes: list[str] = field(default_factory=list)
    """What the model card has to say besides."""

    @property
    def processes(self) -> Processes:
        """That train together."""
        return self.policy.processes

    def draw(self, task: str) -> tuple[Unit, list[PromptedExample]]:
        """The next unit of a task that can be shown.

        Raises:
            UserError: None of a whole epoch can.
        """
        for _ in range(2 * len(self.units[task])):  # a whole epoch is among these, wherever it begins
            unit = self.units[task][self.sampler.take(task)]
            asked = self.prompts.of_unit(unit)
            if asked is not None:
                return unit, asked
        raise UserError(f"task {task}: not one item of split {self._split(task)} can be shown; the log says why")

    def _split(self, task: str) -> str:
        return next(entry.train for entry in self.training.tasks if entry.name == task)

    def mine(self, costs: Sequence[int]) -> list[tuple[int, bool]]:
        """Places of the micro-batches of a step that this process computes, in rising order, and whether each counts.

        Where weights are sharded all processes make as many passes, the last of them for nothing.

        Args:
            costs: Tokens of each.
        """
        shares = self.processes.deal(costs)
        mine = [(place, True) for place in shares[self.processes.rank]]
        if self.policy.sharded and costs:
            cheapest = min(range(len(costs)), key=costs.__getitem__)
            mine += [(cheapest, False)] * (max(map(len, shares)) - len(mine))
        return mine

    def settle(self, groups: Sequence[Rollouts]) -> None:
        """Where weights are sharded, find out in all processes together how prompts are shared."""
        if self.policy.sharded:
            self.scorer.settle(groups)

    def in_order(self, found: list[_Found]) -> list[_Found]:
        """What was found of all micro-batches, in the order in which one process computes them.

        Args:
            found: Of those of this process. Each begins with its place.
        """
        return sorted((entry for theirs in self.processes.gather(found) for entry in theirs), key=itemgetter(0))

    def apply(self, loss: float, number: int) -> float:
        """One step of the optimizer along the gradients that there are. Returns their norm.

        Raises:
            UserError: Loss or gradients are not finite. Nothing was changed.
        """
        norm = self.policy.sum_gradients(self.options.max_grad_norm)
        # Before the step: AdamW's moments would keep a NaN for good.
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise UserError(
                f"recipe {self.training.name}: the loss of step {number + 1} is {loss}, its gradient has norm {norm}; "
                f"nothing was changed by it, and the best weights so far are kept in {self.training.folder}. Lower lr "
                f"({self.options.lr:g}) or max_grad_norm, or use a wider dtype"
            )
        # Set by step number, so that a resumed training needs no scheduler's state.
        for group in self.optimizer.param_groups:
            group["lr"] = rate(self.options, number)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return norm


def rate(options: TrainerOptions, number: int) -> float:
    """The learning rate of step `number`, from 0: a linear rise over `warmup` steps, then the schedule."""
    if number < options.warmup:
        return options.lr * (number + 1) / options.warmup
    if options.schedule == "constant":
        return options.lr
    share = (number - options.warmup) / max(1, options.steps - options.warmup)
    return options.lr * (1 - share if options.schedule == "linear" else (1 + math.cos(math.pi * share)) / 2)


@dataclass(slots=True)
class _Best:
    """The best validation so far."""

    score: float = -math.inf
    step: int = 0
    scores: dict[str, float] = field(default_factory=dict)
    start: float | None = None
    """What the model scored before any step."""
    since: int = 0
    """Validations without a new best."""
    stopped: bool = False

    def facts(self) -> dict[str, Any]:
        return {
            "score": self.score if math.isfinite(self.score) else None,
            "step": self.step,
            "scores": self.scores,
            "start": self.start,
            "since": self.since,
            "stopped": self.stopped,
        }

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> _Best:
        score = facts["score"]
        return cls(**{**facts, "score": -math.inf if score is None else score})


def fit(training: Training, options: TrainerOptions, make: Callable[[TrainingSetup], Method]) -> TrainingResult:
    """Train as a recipe says, from the beginning or from the newest state in the training's folder.

    Args:
        training: The recipe.
        options: Its trainer's options.
        make: Makes the method from what it works with.

    Raises:
        UserError: The recipe cannot be trained.
    """
    if training.model is None:
        raise UserError(f"recipe {training.name}: names no model to start from; add model: or train:")
    processes = join_launch(options.timeout, device=options.device, name=training.name)
    if processes.size > 1 and getattr(options, "objective", "") == "bnpo":
        raise UserError(
            f"recipe {training.name}: objective: bnpo is a mean over micro-batches, which are others for each number "
            f"of processes (here {processes.size}); take another, such as dapo, or train in one process"
        )
    with processes.explaining(training.name):
        return _fit(processes.silence(training), place_options(options, processes), processes, make)


def _fit(
    training: Training, options: TrainerOptions, processes: Processes, make: Callable[[TrainingSetup], Method]
) -> TrainingResult:
    policy = _open_policy(training, options, processes)
    setup = _make_setup(training, options, policy)
    method = make(setup)
    validation = {
        task.name: units_of(task, task.validation, limit=options.validation.limit)
        for task in training.tasks
        if task.validation is not None
    }
    # The first process looks: what another machine sees of the folder may be older.
    kept = processes.once(lambda: state.newest_name(training.folder))
    begin, best = 0, _Best()
    if kept:
        facts = state.restore(training.folder / kept, policy, setup.optimizer)
        setup.sampler.restore(facts["sampler"])
        setup.prompts.skipped.update(facts["skipped"])
        begin, best = facts["step"], _Best.of(facts["best"])
        log.info("going on from step %d", begin)
    elif validation:
        _validate_start(setup, validation, best)
    # Lines of steps that are done again would stand there twice.
    processes.once(lambda: Completions(training.folder).trim(begin))
    with Bar(training.name, options.steps, begin) as bar, matmul_precision(options, policy.model.device.type):
        for number in range(begin, options.steps):
            if best.stopped:
                break
            # `number` is all that random draws depend on besides the seed: no generator has a state to keep.
            metrics = method.step(number)
            training.log(number + 1, metrics)
            done = number + 1 == options.steps
            looks = (number + 1) % options.validation.every == 0 or done
            if validation and looks:
                _validate(setup, validation, best, step=number + 1)
            elif options.save_total_limit and looks:
                _keep_unscored(setup, step=number + 1)
            if (number + 1) % options.save_every == 0 or done or best.stopped:
                facts = {"sampler": setup.sampler.state(), "skipped": setup.prompts.skipped, "best": best.facts()}
                state.save(training.folder, policy, setup.optimizer, step=number + 1, facts=facts)
            bar.advance(number + 1, metrics)
            begin = number + 1
    return _finish(setup, best, steps=begin)


def _open_policy(training: Training, options: TrainerOptions, processes: Processes) -> Policy:
    model, who = str(training.model), f"recipe {training.name}"
    Phase(training.name, "opening the model")
    # A start that is an adapter is added to its base once; the others find it done.
    source = Source(*processes.once(lambda: astuple(start_of(model, training.folder, options, who=who))))
    # Sharded weights are opened whole, on the CPU: one process of a machine after the other.
    with processes.in_turn() if options.shard else nullcontext():
        policy = Policy(source, options, name=training.name, seed=training.seed, processes=processes)
    announce(training.name, describe(policy.model))
    return policy


def make_sampler(training: Training, options: TrainerOptions, units: Mapping[str, Sequence[Unit]]) -> Sampler:
    """Draws from the units of each task."""
    pools = [Pool(name=task.name, size=len(units[task.name]), weight=task.weight) for task in training.tasks]
    return Sampler(pools, seed=training.seed, mixing=options.mixing, temperature=options.mixing_temperature)


def _make_setup(training: Training, options: TrainerOptions, policy: Policy) -> TrainingSetup:
    phase = Phase(training.name, f"reading the data of {len(training.tasks)} tasks", "items")
    units: dict[str, list[Unit]] = {}
    for task in training.tasks:
        units[task.name] = units_of(task, task.train, phase=phase, before=sum(map(len, units.values())))
    sampler = make_sampler(training, options, units)
    optimizer = make_optimizer(list(policy.trained.values()), options)
    if policy.sharded:
        separate(optimizer)
    return TrainingSetup(
        training=training,
        options=options,
        policy=policy,
        prompts=Prompts(policy, reasoning=getattr(options, "reasoning", True)),
        sampler=sampler,
        units=units,
        optimizer=optimizer,
        scorer=PrefixScorer(policy.model, mode=options.prefix, pad=policy.opened.language.pad, compute=policy.compute),
    )


def _validate(
    setup: TrainingSetup,
    units: Mapping[str, Sequence[Unit]],
    best: _Best,
    *,
    step: int,
    phase: Phase | None = None,
) -> None:
    """Score the weights as they are, and keep them where they are the best since training began.

    Weights that were trained are written and opened again first: what is scored is what a judge will open.
    """
    options, folder = setup.options, setup.training.folder
    candidate = folder / "candidate"
    if step:
        setup.policy.deliver(candidate)
        found = _score_written(setup, candidate, units, step=step)
        setup.processes.once(lambda: keep_last(candidate, folder / "steps", step=step, most=options.save_total_limit))
    else:
        found = scores(setup.policy, setup.prompts, units, most=options.max_new_tokens, rows=options.rows, phase=phase)
    setup.training.log(step, {f"validation/{name}": value for name, value in found.items()})
    score = found[options.validation.metric]
    if step == 0:  # for the model card; weights that were not trained are never selected
        best.start = score
        return
    # Strictly greater: of equal scores the earlier weights are kept, which moved less from the start.
    if score > best.score:
        setup.processes.once(lambda: put_folder(candidate, folder / "best"))
        best.score, best.step, best.scores, best.since = score, step, found, 0
        return
    setup.processes.once(lambda: shutil.rmtree(candidate))
    best.since += 1
    best.stopped = options.validation.patience is not None and best.since >= options.validation.patience


def _keep_unscored(setup: TrainingSetup, *, step: int) -> None:
    """Keep the weights as they are, where no task has a split to score them on."""
    folder, most = setup.training.folder, setup.options.save_total_limit
    candidate = folder / "candidate"
    setup.policy.deliver(candidate)
    _score_written(setup, candidate, setup.units, step=step, only_compare=True)
    setup.processes.once(lambda: keep_last(candidate, folder / "steps", step=step, most=most))
    setup.processes.once(lambda: shutil.rmtree(candidate))


def _validate_start(setup: TrainingSetup, units: Mapping[str, Sequence[Unit]], best: _Best) -> None:
    """Score the model that training starts from, once, however often it is stopped before its first step."""
    folder, skipped = setup.training.folder, setup.prompts.skipped
    known = setup.processes.once(lambda: state.read_start(folder))
    if known is not None:
        best.start = known["start"]
        skipped.update(known["skipped"])
        return
    phase = Phase(setup.training.name, "validating the start", "answers")
    _validate(setup, units, best, step=0, phase=phase)
    setup.processes.once(lambda: state.keep_start(folder, {"start": best.start, "skipped": skipped}))
    _say_estimate(setup, phase.seconds, sum(len(unit.examples) for mine in units.values() for unit in mine))


def _say_estimate(setup: TrainingSetup, seconds: float, answers: int) -> None:
    """Say how long writing answers will take, by the speed of the first validation."""
    options = setup.options
    if not isinstance(options, GrpoOptions):  # SFT writes none
        return
    step = seconds / answers * options.batch * options.group
    announce(
        setup.training.name,
        f"{answers:,} answers took {seconds:.0f} s; to write those of a step takes about {step:.0f} s, and of "
        f"{options.steps:,} steps {step * options.steps / 60:.0f} min; learning comes on top",
    )


def _score_written(
    setup: TrainingSetup,
    folder: Path,
    units: Mapping[str, Sequence[Unit]],
    *,
    step: int,
    only_compare: bool = False,
) -> dict[str, float]:
    """Open a written folder as a judge does, compare it with the policy, and score it. The first process does."""

    def score() -> dict[str, float]:
        options = setup.options
        # In bfloat16 where that is computed in, as a whole copy in float32 is what a device has no room for.
        half: Literal["auto", "bfloat16"] = "bfloat16" if setup.policy.sharded and setup.policy.compute else "auto"
        written = reopen(folder, options, device=options.device, name=setup.training.name, dtype=half)
        prompts = Prompts(written, reasoning=getattr(options, "reasoning", True))
        first, name = first_prompts(units, prompts), setup.training.name
        difference = compare(setup.policy.model, written, first, name=name, most=options.max_new_tokens)
        setup.training.log(step, {"delivered/difference": difference})
        if only_compare:
            return {}
        return scores(written, prompts, units, most=options.max_new_tokens, rows=options.rows)

    return setup.processes.once(score, during=setup.policy.in_step)


def _finish(setup: TrainingSetup, best: _Best, *, steps: int) -> TrainingResult:
    training, notes = setup.training, list(setup.notes)
    chosen = training.folder / "best"
    if not best.step:  # no task has a validation split
        setup.policy.deliver(chosen)
        _score_written(setup, chosen, setup.units, step=steps, only_compare=True)
        best.step = steps
        notes.append("no task has a validation split: the last weights were kept, and nothing says how good they are")
    setup.processes.once(lambda: _put_in_place(training, chosen))
    if best.stopped:
        notes.append(f"stopped early: {best.since} validations without a new best")
    if best.start is not None and best.start >= best.score:
        notes.append(
            f"the model it started from scored {best.start:.4f} on validation, no less than the weights kept "
            f"({best.score:.4f})"
        )
    for task, count in sorted(setup.prompts.skipped.items()):
        notes.append(f"task {task}: {count} draws could not be shown and were left out; the log says why")
    return TrainingResult(steps=steps, selected=best.step, scores=best.scores, notes=tuple(notes))


def _put_in_place(training: Training, chosen: Path) -> None:
    """Move the weights that were chosen to where the checkpoint belongs, and remove what is of no more use."""
    if chosen.is_dir():  # an attempt that was killed right here has moved it already
        put_folder(chosen, training.checkpoint)
    shutil.rmtree(training.folder / "candidate", ignore_errors=True)
    forget_start(training.folder, training.checkpoint)
    state.forget_start(training.folder)
    # Last: until the checkpoint is in place, an attempt that is killed goes on from these.
    for folder in training.folder.glob("state-*"):
        shutil.rmtree(folder, ignore_errors=True)
