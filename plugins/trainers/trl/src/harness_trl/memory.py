"""The memory plan of `trl-grpo` and `trl-sft`: the parts of the native trainers, spread over devices."""

from __future__ import annotations

from harness.api import Training, UserError
from harness_grpo.delivered import opening_options
from harness_grpo.memory.formulas import Precision
from harness_grpo.memory.plan import Phases, Work, plan
from harness_grpo.memory.prompts import Lengths, measure_prompts, open_config
from harness_grpo.memory.shape import Shape, shape_of
from harness_transformers.loading import pin, source_of
from harness_trl.options import TrlGrpoOptions, TrlOptions

_SIZES = {"float32": 4, "bfloat16": 2, "float16": 2}


def plan_memory(training: Training, options: TrlOptions, *, devices: int) -> Phases:
    """Bytes of each part, by phase, where weights are spread evenly over the devices and computed with in bfloat16.

    Raises:
        UserError: The model's configuration cannot be opened.
    """
    if training.model is None:
        raise UserError(f"recipe {training.name}: names no model, so that its memory cannot be planned")
    who = f"recipe {training.name}"
    source = pin(source_of("model", training.model, who), who)
    wanted = opening_options(source.location, options, device="cpu", dtype=options.dtype)
    config = open_config(source, wanted, training.name)
    shape = shape_of(config, options, name=training.name, trust_remote_code=options.trust_remote_code)
    lengths = measure_prompts(training, source, wanted, config, rationale=getattr(options, "rationale", None))
    validates = any(task.validation is not None for task in training.tasks)
    return plan_for(shape, options, lengths, devices=devices, validates=validates)


def plan_for(shape: Shape, options: TrlOptions, lengths: Lengths, *, devices: int, validates: bool) -> Phases:
    """The plan for a shape and lengths that are known."""
    weights = _SIZES.get(options.dtype, shape.saved_bytes)
    # `mixed_precision: bf16` of accelerate; on the CPU that the options ask for, nothing is rounded.
    compute = weights if options.device == "cpu" else 2
    eight_bits = options.optimizer == "adamw_8bit"
    precision = Precision(weights=weights, compute=compute, adapter=options.lora is not None, eight_bits=eight_bits)
    work = _work(options, lengths, devices, validates)
    # A base in four bits is whole on each device.
    spread = 1 if shape.rounded else devices
    return plan(shape, precision, work, devices=spread, reopens=compute if validates else 0)


def _work(options: TrlOptions, lengths: Lengths, devices: int, validates: bool) -> Work:
    writes = isinstance(options, TrlGrpoOptions)
    group = options.group if isinstance(options, TrlGrpoOptions) else 1
    rows = -(-options.batch * group // devices)
    passed = min(options.per_device, rows)
    # vLLM keeps its own keys and values, in the share of the device that it was given.
    by_vllm = isinstance(options, TrlGrpoOptions) and options.vllm is not None
    return Work(
        prompt=lengths.prompt,
        patches=lengths.patches,
        picture_bytes=lengths.picture_bytes,
        answer=options.max_new_tokens if writes else lengths.target,
        longest=options.max_new_tokens,
        prompts=passed,
        answers=passed,
        shared=False,  # TRL computes the prompt again for every answer
        written=rows if writes and not by_vllm else 0,
        validated=64 if validates else 0,
        step=-(-options.batch // devices),
        reference=isinstance(options, TrlGrpoOptions) and bool(options.kl_weight),
        recomputes=options.gradient_checkpointing,
    )
