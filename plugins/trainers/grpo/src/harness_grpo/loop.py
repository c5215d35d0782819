"""The loop that SFT and GRPO share: steps, curves, states to go on from, progress.

    draw -> learn -> log -> validate, keep the best -> keep a state

An attempt that was killed anywhere goes on from its newest state and ends with the same weights as one that was not.
Of several processes the first one writes all files; see `processes`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from harness.api import Training, TrainingResult, UserError
from harness_grpo import state
from harness_grpo.completions import Completions
from harness_grpo.data import units_of
from harness_grpo.options import TrainerOptions
from harness_grpo.precision import matmul_precision
from harness_grpo.processes import Processes, join_launch, place_options
from harness_grpo.progress import TrainingBar
from harness_grpo.selection import Best, keep_unscored, put_in_place, score_written, validate, validate_start
from harness_grpo.training_setup import TrainingSetup, make_setup, open_policy

log = logging.getLogger(__name__)


class Method(Protocol):
    """A way to learn from batches."""

    def step(self, number: int) -> dict[str, float]:
        """Draw a batch and learn from it. Returns scalars for the curves."""


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
    policy = open_policy(training, options, processes)
    setup = make_setup(training, options, policy)
    method = make(setup)
    validation = {
        task.name: units_of(task, task.validation, limit=options.validation.limit)
        for task in training.tasks
        if task.validation is not None
    }
    # The first process looks: what another machine sees of the folder may be older.
    kept = processes.once(lambda: state.newest_name(training.folder))
    begin, best = 0, Best()
    if kept:
        facts = state.restore(training.folder / kept, policy, setup.optimizer)
        setup.sampler.restore(facts["sampler"])
        setup.prompts.skipped.update(facts["skipped"])
        begin, best = facts["step"], Best.of(facts["best"])
        log.info("going on from step %d", begin)
    elif validation:
        validate_start(setup, validation, best)
    # Lines of steps that are done again would stand there twice.
    processes.once(lambda: Completions(training.folder).trim(begin))
    with TrainingBar(training.name, options.steps, begin) as bar, matmul_precision(options, policy.model.device.type):
        for number in range(begin, options.steps):
            if best.stopped:
                break
            # `number` is all that random draws depend on besides the seed: no generator has a state to keep.
            metrics = method.step(number)
            training.log(number + 1, metrics)
            done = number + 1 == options.steps
            looks = (number + 1) % options.validation.every == 0 or done
            if validation and looks:
                validate(setup, validation, best, step=number + 1)
            elif options.save_total_limit and looks:
                keep_unscored(setup, step=number + 1)
            if (number + 1) % options.save_every == 0 or done or best.stopped:
                facts = {"sampler": setup.sampler.state(), "skipped": setup.prompts.skipped, "best": best.facts()}
                state.save(training.folder, policy, setup.optimizer, step=number + 1, facts=facts)
            bar.advance(number + 1, metrics)
            begin = number + 1
    return _finish(setup, best, steps=begin)


def _finish(setup: TrainingSetup, best: Best, *, steps: int) -> TrainingResult:
    training, notes = setup.training, list(setup.notes)
    chosen = training.folder / "best"
    if not best.step:  # no task has a validation split
        setup.policy.deliver(chosen)
        score_written(setup, chosen, setup.units, step=steps, only_compare=True)
        best.step = steps
        notes.append("no task has a validation split: the last weights were kept, and nothing says how good they are")
    setup.processes.once(lambda: put_in_place(training, chosen))
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
