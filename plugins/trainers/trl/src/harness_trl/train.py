"""The two trainers: a recipe in, TRL's trainer in the middle, a model folder out."""

from __future__ import annotations

import hashlib
import re
import shutil
import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api import Context, Training, TrainingResult, UserError, read_launch
from harness_grpo.adapters import adapter_config, check_parameters, describe
from harness_grpo.delivered import start_of
from harness_grpo.fingerprint import fingerprint_of
from harness_grpo.progress import Phase, announce
from harness_transformers.adapters import is_adapter
from harness_transformers.four_bits import compute_in_own_type
from harness_transformers.loading import WeightsSource, quietly, set_threads, source_of
from harness_trl.arguments import devices, explain_errors, grpo_arguments, sft_arguments, state_folder
from harness_trl.options import TrlGrpoOptions, TrlOptions, TrlSftOptions
from harness_trl.rewards import Reader, check_rewards, reward_functions
from harness_trl.rows import Rows, Shown, open_without_weights

if TYPE_CHECKING:
    from harness_trl.keeping import Keeper

_GENERATION = 3  # raise it whenever the same recipe gives other weights

Make = Callable[[Rows, Shown, WeightsSource], Any]
"""Makes TRL's trainer."""


class GrpoTrainer:
    """The trainer `trl-grpo`.

    Args:
        options: Of the recipe.
        context: Of the harness.
    """

    def __init__(self, options: TrlGrpoOptions, context: Context) -> None:
        self._options = options
        self._context = context

    def fingerprint(self, training: Training) -> str:
        """Covers the weights it starts from and the generation of this code."""
        return _fingerprint(training, self._context)

    def plan_memory(self, training: Training, *, devices: int) -> Mapping[str, Mapping[str, int]]:
        """Bytes of each part, by phase. See `harness.api.optional.PlansMemory`."""
        from harness_trl.memory import plan_memory

        return plan_memory(training, self._options, devices=devices)

    def train(self, training: Training) -> TrainingResult:
        """Train. See `harness.api.Trainer`."""
        check_rewards(training)

        def make_trainer(rows: Rows, shown: Shown, source: WeightsSource) -> Any:
            import trl

            options = self._options
            if len(rows.examples) < options.batch:
                raise UserError(
                    f"recipe {training.name}: batch {options.batch}: TRL drops what does not fill a batch, and there "
                    f"are {len(rows.examples)} prompts; lower batch"
                )
            reader = Reader(shown.prompter.tokenizer)
            trainer = trl.GRPOTrainer(
                model=source.location,
                args=trl.GRPOConfig(**grpo_arguments(training, options, source)),
                reward_funcs=reward_functions(training, rows.examples, reader, group=options.group, opened=rows.opened),
                train_dataset=rows.dataset(),
                processing_class=shown.processor,
                peft_config=_adapter(training.name, options),
            )
            # Known only now: TRL takes the ends of the generation configuration as well.
            reader.stops = frozenset(trainer.eos_token_ids)
            return trainer

        return _fit(training, self._options, make_trainer, updates=self._options.updates)


class SftTrainer:
    """The trainer `trl-sft`.

    Args:
        options: Of the recipe.
        context: Of the harness.
    """

    def __init__(self, options: TrlSftOptions, context: Context) -> None:
        self._options = options
        self._context = context

    def fingerprint(self, training: Training) -> str:
        """Covers the weights it starts from and the generation of this code."""
        return _fingerprint(training, self._context)

    def plan_memory(self, training: Training, *, devices: int) -> Mapping[str, Mapping[str, int]]:
        """Bytes of each part, by phase. See `harness.api.optional.PlansMemory`."""
        from harness_trl.memory import plan_memory

        return plan_memory(training, self._options, devices=devices)

    def train(self, training: Training) -> TrainingResult:
        """Train. See `harness.api.Trainer`."""

        def make_trainer(rows: Rows, shown: Shown, source: WeightsSource) -> Any:
            import trl

            return trl.SFTTrainer(
                model=source.location,
                args=trl.SFTConfig(**sft_arguments(training, self._options, source)),
                train_dataset=rows.dataset(),
                processing_class=shown.processor,
                peft_config=_adapter(training.name, self._options),
            )

        return _fit(training, self._options, make_trainer, updates=1)


def _fingerprint(training: Training, context: Context) -> str:
    start = fingerprint_of(training, context)
    return hashlib.sha256(f"trl {_GENERATION} {start}".encode()).hexdigest()[:32]


def _fit(training: Training, options: TrlOptions, make: Make, *, updates: int) -> TrainingResult:
    """Train by TRL, from the beginning or from the newest state in the training's folder."""
    if training.model is None:
        raise UserError(f"recipe {training.name}: names no model to start from; add model: or train:")
    if len({task.weight for task in training.tasks}) > 1:
        raise UserError(
            f"recipe {training.name}: tasks have different weights, and TRL draws from the plain union of the tasks; "
            "remove weight, or train with grpo or sft of judge-harness-grpo"
        )
    set_threads(options.threads)
    who = f"recipe {training.name}"
    if devices() > 1 and is_adapter(source_of("model", training.model, who)):
        raise UserError(
            f"{who}: starts from an adapter, which one process adds to its base; set lora: {{merge: true}} there"
        )
    source = start_of(training.model, training.folder, options, who=who)
    if read_launch().rank == 0:
        Phase(training.name, f"reading the data of {len(training.tasks)} tasks, and opening the model")
    shown = open_without_weights(source, options, training.name)
    rows = Rows(training, shown, options)
    with quietly(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning, module=r"(trl|transformers)\.")  # to one another
        with explain_errors(training.name):
            trainer = make(rows, shown, source)
        _prepare(trainer, training, options)
        keeper = None
        if trainer.accelerator.is_main_process:
            from harness_trl.keeping import Keeper

            announce(training.name, describe(trainer.model))
            keeper = Keeper(training, options, source, mixed_precision=trainer.accelerator.mixed_precision)
        return _run(trainer, training, options, keeper, rows, updates=updates)


def _run(
    trainer: Any, training: Training, options: TrlOptions, keeper: Keeper | None, rows: Rows, *, updates: int
) -> TrainingResult:
    """Let TRL train. What only the first process does is done by its `keeper`."""
    from accelerate.utils import broadcast_object_list

    from harness_grpo.progress import TrainingBar
    from harness_trl.watch import Watch

    # The first process looks, as it alone writes: what the others see of the folder may be older.
    (newest,) = broadcast_object_list([None if keeper is None else _newest(state_folder(training))])
    done = 0 if newest is None else int(newest.name.rpartition("-")[2])
    with ExitStack() as stack:
        if keeper is not None:
            keeper.start()
        bar = (
            None if keeper is None else stack.enter_context(TrainingBar(training.name, options.steps, done // updates))
        )
        watch = Watch(training, options, keeper=keeper, bar=bar, updates=updates)
        watch.trainer = trainer
        trainer.add_callback(watch)
        (stopped,) = broadcast_object_list([keeper is not None and keeper.best.stopped])
        if done < trainer.args.max_steps and not stopped:
            trainer.train(resume_from_checkpoint=None if newest is None else str(newest))
            done = trainer.state.global_step
    # The first process removes the state's folder below; the others may still be reading it.
    trainer.accelerator.wait_for_everyone()
    if keeper is None:
        return TrainingResult(steps=done // updates, selected=0, scores={})
    notes = [] if newest is None else ["went on after a stop: TRL does so exactly within the first epoch only"]
    skipped = {task: len(numbers) for task, numbers in rows.skipped.items()}
    trained = keeper.finish(steps=done // updates, notes=notes, skipped=skipped)
    shutil.rmtree(state_folder(training), ignore_errors=True)
    return trained


def _prepare(trainer: Any, training: Training, options: TrlOptions) -> None:
    """No dropout, nothing trained that is to stay as it is, and nothing printed where the harness prints."""
    from transformers import PrinterCallback

    from harness_grpo.policy import without_dropout

    trainer.remove_callback(PrinterCallback)
    # Under dropout the policy that learns would not be the one that wrote the answers.
    without_dropout(trainer.model)
    if options.lora is not None and options.lora.load_in_4bit:
        _keep_exact_adapter(trainer, training.name)
    if options.lora is not None:
        check_parameters(trainer.model, options.lora, name=training.name)
    for pattern in options.freeze:
        found = [
            parameter
            for name, parameter in trainer.model.named_parameters()
            if parameter.requires_grad and re.search(pattern, name)
        ]
        if not found:
            raise UserError(f"recipe {training.name}: freeze: {pattern!r} finds no parameter that would be trained")
        for parameter in found:
            parameter.requires_grad_(False)
    if not any(parameter.requires_grad for parameter in trainer.model.parameters()):
        raise UserError(f"recipe {training.name}: freeze: nothing is left to train")


def _keep_exact_adapter(trainer: Any, name: str) -> None:
    """Over a base in four bits TRL rounds the adapter to bfloat16, where most updates of it would be lost.

    Raises:
        UserError: The weights are spread over devices, which those in four bits cannot be here.
    """
    if trainer.is_fsdp_enabled or getattr(trainer.accelerator.state.deepspeed_plugin, "zero_stage", 0) == 3:
        raise UserError(
            f"recipe {name}: lora.load_in_4bit: a base in four bits is whole on each device; launch without FSDP and "
            "ZeRO-3 (accelerate launch --multi_gpu), or leave it out"
        )
    compute_in_own_type(trainer.model)
    for part, parameter in trainer.model.named_parameters():
        if "lora_" in part:
            parameter.data = parameter.data.float()


def _adapter(name: str, options: TrlOptions) -> Any:
    if options.lora is None:
        return None
    return adapter_config(options.lora, name=name, extra="judge-harness-trl[peft]")


def _newest(folder: Path) -> Path | None:
    """The newest complete state: its last file is there."""
    states = [path for path in folder.glob("checkpoint-*") if (path / "trainer_state.json").is_file()]
    return max(states, key=lambda path: int(path.name.rpartition("-")[2]), default=None)
