"""The memory plan of `grpo` and `sft`."""

from __future__ import annotations

from math import ceil

from harness.api import Training, UserError
from harness_grpo.delivered import opening_options
from harness_grpo.memory.formulas import Precision
from harness_grpo.memory.plan import Phases, Work, plan
from harness_grpo.memory.prompts import Lengths, measure_prompts, open_config
from harness_grpo.memory.shape import Shape, shape_of
from harness_grpo.options import GrpoOptions, SftOptions, TrainerOptions
from harness_grpo.packing import count_at_once
from harness_grpo.precision import compute_dtype, opening_dtype
from harness_grpo.rollout import AT_ONCE_APART
from harness_transformers.loading import pin, source_of


def plan_memory(training: Training, options: TrainerOptions, *, devices: int) -> Phases:
    """Bytes of each part, by phase.

    Raises:
        UserError: The model's configuration cannot be opened.
    """
    if training.model is None:
        raise UserError(f"recipe {training.name}: names no model, so that its memory cannot be planned")
    who = f"recipe {training.name}"
    source = pin(source_of("model", training.model, who), who)
    wanted = opening_options(training.model, options, device=options.device, dtype=opening_dtype(options))
    config = open_config(source, wanted, training.name)
    shape = shape_of(config, options, name=training.name, trust_remote_code=options.trust_remote_code)
    rationale = getattr(options, "rationale", None)
    lengths = measure_prompts(training, source, wanted, config, rationale=rationale)
    validated = sum(task.validation is not None for task in training.tasks) * options.validation.limit
    return plan_for(shape, options, lengths, devices=devices, validated=validated)


def plan_for(shape: Shape, options: TrainerOptions, lengths: Lengths, *, devices: int, validated: int) -> Phases:
    """The plan for a shape and lengths that are known, and so many answers in a validation."""
    precision = precision_of(options, shape)
    # What was saved is opened again in the type of the weights, beside the policy unless the options say elsewhere.
    sharded = options.shard and devices > 1
    reopens = precision.compute if sharded else precision.weights
    if options.validation.device not in (None, options.device):
        reopens = 0
    return plan(
        shape,
        precision,
        work_of(options, lengths, devices, validated),
        devices=devices if sharded else 1,
        reopens=reopens,
        keeps_vision=sharded,
    )


def precision_of(options: TrainerOptions, shape: Shape) -> Precision:
    """Bytes of the numbers of a training."""
    sizes = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}
    weights = sizes.get(options.dtype, shape.saved_bytes)
    if options.lora is None:
        weights = max(4, sizes.get(options.dtype, 4))
    compute = compute_dtype(options)
    return Precision(
        weights=weights,
        compute=weights if compute is None else compute.itemsize,
        adapter=options.lora is not None,
        eight_bits=options.optimizer == "adamw_8bit",
        offloads=options.offload_optimizer,
    )


def work_of(options: TrainerOptions, lengths: Lengths, devices: int, validated: int) -> Work:
    """What a device computes at once. Prompts are dealt out; each process prepares the pictures of all of them."""
    share = ceil(options.batch / devices) if isinstance(options, SftOptions | GrpoOptions) else 1
    recomputes, rows = options.gradient_checkpointing, options.rows or AT_ONCE_APART
    if isinstance(options, SftOptions):
        batch = options.batch
        sampled = options.rejection_sampling
        target = lengths.target if sampled is None else options.max_new_tokens
        together = min(options.groups or count_at_once(batch, lengths.prompt + target), share)
        return Work(
            prompt=lengths.prompt,
            patches=lengths.patches,
            picture_bytes=lengths.picture_bytes,
            answer=target,
            prompts=together,
            answers=together,
            shared=False,
            written=0 if sampled is None else min(rows, batch * sampled.samples),
            validated=min(rows, validated),
            longest=options.max_new_tokens,
            step=batch,
            recomputes=recomputes,
        )
    assert isinstance(options, GrpoOptions)
    shared = options.prefix != "repeat"
    tokens = lengths.prompt * (1 if shared else options.group) + options.group * options.max_new_tokens
    together = min(options.groups or count_at_once(options.batch, tokens), share) * options.group
    answers = min(together, options.answers_per_pass or together)
    return Work(
        prompt=lengths.prompt,
        patches=lengths.patches,
        picture_bytes=lengths.picture_bytes,
        answer=options.max_new_tokens,
        prompts=max(1, answers // options.group),
        answers=answers,
        shared=shared,
        written=min(rows, share * options.group),
        validated=min(rows, validated),
        longest=options.max_new_tokens,
        step=options.batch,
        reference=bool(options.kl_weight),
        recomputes=recomputes,
    )
