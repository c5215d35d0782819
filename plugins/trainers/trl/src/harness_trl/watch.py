"""A callback while TRL trains: curves, progress, a look at the weights now and then, and an end where it diverges."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from accelerate.utils import broadcast_object_list
from transformers import TrainerCallback

from harness.api import Training, UserError
from harness_grpo.progress import TrainingBar
from harness_trl.arguments import devices, state_folder
from harness_trl.keeping import Keeper
from harness_trl.options import TrlOptions

_AT_THE_END = "train_runtime"
"""A name in what `transformers.Trainer` logs once, when it is done."""


class Watch(TrainerCallback):  # type: ignore[misc]  # its base is untyped
    """A callback of `transformers.Trainer`. A step is a batch of answers: `updates` optimizer steps.

    Args:
        training: The recipe.
        options: Of its trainer.
        keeper: Of the first process; `None` in the others.
        bar: Of the first process; `None` in the others.
        updates: Optimizer steps in a step.

    Attributes:
        trainer: The one of TRL. Set once it is made.
    """

    def __init__(
        self, training: Training, options: TrlOptions, *, keeper: Keeper | None, bar: TrainingBar | None, updates: int
    ) -> None:
        self._training = training
        self._options = options
        self._keeper = keeper
        self._bar = bar
        self._updates = updates
        self.trainer: Any = None

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_: Any) -> None:
        """Record what TRL measured.

        Raises:
            UserError: Loss or gradients are not finite.
        """
        if not logs or _AT_THE_END in logs:
            return
        step = math.ceil(state.global_step / self._updates)
        metrics = curves(logs)
        if self._keeper is not None:
            self._training.log(step, metrics)
        if self._bar is not None:
            self._bar.advance(step, metrics)
        for name in ("loss", "grad_norm"):
            if not math.isfinite(metrics.get(name, 0.0)):
                raise UserError(
                    f"recipe {self._training.name}: the {name} of step {step} is {metrics[name]}; the best weights and "
                    f"the state of an earlier step are kept in {self._training.folder}. Lower lr "
                    f"({self._options.lr:g}) or max_grad_norm, or use a wider dtype"
                )

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Look at the weights where it is time, in all processes together."""
        step, rest = divmod(state.global_step, self._updates)
        if rest or (step % self._options.validation.every and step != self._options.steps):
            return
        saved = state_folder(self._training) / "candidate"
        # In all processes: gathering sharded weights is a collective operation.
        self.trainer.save_model(str(saved), _internal_call=True)
        if self._keeper is not None:
            # A forward pass of a spread model needs all processes, and only the first one is here.
            live = self.trainer.accelerator.unwrap_model(self.trainer.model) if devices() == 1 else None
            self._keeper.look(saved, step=step, live=live)
        # All must stop at the same step, or the others would wait for the first one for ever.
        stopped = broadcast_object_list([self._keeper is not None and self._keeper.best.stopped])
        control.should_training_stop = control.should_training_stop or stopped[0]


def curves(logs: Mapping[str, Any]) -> dict[str, float]:
    """The scalars that TRL logged, under our names: `rewards/TASK/mean` is `TASK/reward`."""
    found: dict[str, float] = {}
    for name, value in logs.items():
        if isinstance(value, int | float):
            head, _, task = name.partition("/")
            if head == "rewards":
                task, _, kind = task.rpartition("/")
                name = f"{task}/reward" if kind == "mean" else f"{task}/reward_{kind}"
            found[name] = float(value)
    return found
