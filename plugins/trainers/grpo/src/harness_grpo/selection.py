"""Which weights are kept: they are written and opened again as a judge does, scored, and the best stay.

A score on validation splits decides. Where no task has one the last weights are kept.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from harness.api import Training
from harness_grpo import state
from harness_grpo.data import Unit
from harness_grpo.delivered import forget_start
from harness_grpo.folders import keep_last, put_folder
from harness_grpo.options import GrpoOptions
from harness_grpo.progress import Phase, announce
from harness_grpo.reopened import compare, first_prompts, reopen
from harness_grpo.rollout import Prompts
from harness_grpo.training_setup import TrainingSetup
from harness_grpo.validate import scores


@dataclass(slots=True)
class Best:
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
        """As JSON data, to go on from."""
        return {
            "score": self.score if math.isfinite(self.score) else None,
            "step": self.step,
            "scores": self.scores,
            "start": self.start,
            "since": self.since,
            "stopped": self.stopped,
        }

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Best:
        """What `facts` gave."""
        score = facts["score"]
        return cls(**{**facts, "score": -math.inf if score is None else score})


def validate(
    setup: TrainingSetup,
    units: Mapping[str, Sequence[Unit]],
    best: Best,
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
        found = score_written(setup, candidate, units, step=step)
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


def validate_start(setup: TrainingSetup, units: Mapping[str, Sequence[Unit]], best: Best) -> None:
    """Score the model that training starts from, once, however often it is stopped before its first step."""
    folder, skipped = setup.training.folder, setup.prompts.skipped
    known = setup.processes.once(lambda: state.read_start(folder))
    if known is not None:
        best.start = known["start"]
        skipped.update(known["skipped"])
        return
    phase = Phase(setup.training.name, "validating the start", "answers")
    validate(setup, units, best, step=0, phase=phase)
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


def keep_unscored(setup: TrainingSetup, *, step: int) -> None:
    """Keep the weights as they are, where no task has a split to score them on."""
    folder, most = setup.training.folder, setup.options.save_total_limit
    candidate = folder / "candidate"
    setup.policy.deliver(candidate)
    score_written(setup, candidate, setup.units, step=step, only_compare=True)
    setup.processes.once(lambda: keep_last(candidate, folder / "steps", step=step, most=most))
    setup.processes.once(lambda: shutil.rmtree(candidate))


def score_written(
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


def put_in_place(training: Training, chosen: Path) -> None:
    """Move the weights that were chosen to where the checkpoint belongs, and remove what is of no more use."""
    if chosen.is_dir():  # an attempt that was killed right here has moved it already
        put_folder(chosen, training.checkpoint)
    shutil.rmtree(training.folder / "candidate", ignore_errors=True)
    forget_start(training.folder, training.checkpoint)
    state.forget_start(training.folder)
    # Last: until the checkpoint is in place, an attempt that is killed goes on from these.
    for folder in training.folder.glob("state-*"):
        shutil.rmtree(folder, ignore_errors=True)
