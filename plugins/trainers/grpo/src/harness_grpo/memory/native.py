"""The memory plan of `grpo` and `sft`."""

from __future__ import annotations

from harness.api import Training, UserError
from harness_grpo.memory.formulas import Precision
from harness_grpo.memory.plan import Phases, Work, plan
from harness_grpo.memory.prompts import Lengths, measure_prompts, open_config
from harness_grpo.memory.shape import Shape, shape_of
from harness_grpo.options import GrpoOptions, TrainerOptions
from harness_grpo.policy import judge_options
from harness_grpo.precision import compute_dtype
from harness_transformers.loading import pin, source_of


def plan_memory(training: Training, options: TrainerOptions, *, devices: int) -> Phases:
    """Bytes of each part, by phase.

    Raises:
        UserError: There are several devices, or the model's configuration cannot be opened.
    """
    if devices != 1:
        raise UserError(
            f"recipe {training.name}: its trainer uses one device, and not {devices}; take trl-grpo or trl-sft for more"
        )
    if training.model is None:
        raise UserError(f"recipe {training.name}: names no model, so that its memory cannot be planned")
    who = f"recipe {training.name}"
    source = pin(source_of("model", training.model, who), who)
    wanted = judge_options(training.model, options)
    config = open_config(source, wanted, training.name)
    shape = shape_of(config, options, name=training.name, trust_remote_code=options.trust_remote_code)
    rationale = getattr(options, "rationale", None)
    lengths = measure_prompts(training, source, wanted, config, rationale=rationale)
    return plan(shape, precision_of(options, shape), work_of(training, options, lengths))


def precision_of(options: TrainerOptions, shape: Shape) -> Precision:
    """Bytes of the numbers of a training."""
    sizes = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}
    weights = sizes.get(options.dtype, shape.saved_bytes)
    if options.lora is None:
        weights = max(4, sizes.get(options.dtype, 4))
    compute = compute_dtype(options)
    return Precision(
        weights=weights, compute=weights if compute is None else compute.itemsize, adapter=options.lora is not None
    )


def work_of(training: Training, options: TrainerOptions, lengths: Lengths) -> Work:
    """What the device computes at once."""
    recomputes, rows = options.gradient_checkpointing, options.rows
    validated = sum(task.validation is not None for task in training.tasks) * options.validation.limit
    if not isinstance(options, GrpoOptions):
        batch = getattr(options, "batch", options.groups)
        together = min(options.groups, batch)
        return Work(
            prompt=lengths.prompt,
            patches=lengths.patches,
            picture_bytes=lengths.picture_bytes,
            answer=lengths.target,
            prompts=together,
            answers=together,
            shared=False,
            written=0,
            validated=min(rows, validated),
            longest=options.max_new_tokens,
            step=batch,
            recomputes=recomputes,
        )
    together = min(options.groups, options.batch) * options.group
    answers = min(together, options.answers_per_pass or together)
    return Work(
        prompt=lengths.prompt,
        patches=lengths.patches,
        picture_bytes=lengths.picture_bytes,
        answer=options.max_new_tokens,
        prompts=max(1, answers // options.group),
        answers=answers,
        shared=options.prefix != "repeat",
        written=min(rows, options.batch * options.group),
        validated=min(rows, validated),
        longest=options.max_new_tokens,
        step=options.batch,
        reference=bool(options.kl_weight),
        recomputes=recomputes,
    )
