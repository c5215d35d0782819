"""The memory plan: bytes on each device, by part, in each phase of a training.

    always      weights, the optimizer's moments, the reference of a divergence
    writing     keys and values of all answers that are written at once, logits of a token, pictures
    learning    gradients, activations of one pass, its attention mask, its logits, pictures
    validating  what the first device holds besides, while it scores what was saved (over TRL)

The peak is what is there always with the largest of the other phases. What a GPU's own libraries and the fragments
between tensors take is not in it: leave a tenth of the device free, and some GB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from harness_grpo.likelihoods import AT_ONCE
from harness_grpo.memory.formulas import (
    Precision,
    block_bytes,
    cache_bytes,
    logits_bytes,
    mask_bytes,
    optimizer_bytes,
    tower_bytes,
)
from harness_grpo.memory.shape import Shape
from harness_grpo.prefix import LARGE

Phases = dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a device computes at once."""

    prompt: int
    """Tokens of the longest prompt, its pictures among them."""
    patches: int = 0
    """Patches of the pictures of a prompt."""
    picture_bytes: int = 0
    """Of the prepared pictures of a prompt, in float32."""
    answer: int
    """Tokens of the longest answer that is learnt."""
    longest: int
    """Tokens of the longest answer that is written."""
    prompts: int
    """Prompts in a pass that learns."""
    answers: int
    """Answers in such a pass."""
    shared: bool
    """Whether a prompt is computed once for its answers."""
    written: int
    """Answers that are written at once; 0 where none is (SFT)."""
    validated: int
    """Answers that are written at once in a validation."""
    step: int
    """Prompts in a step."""
    reference: bool = False
    """Whether the model at the start is kept beside the one that is trained."""
    recomputes: bool = False
    """Gradient checkpointing."""


def plan(
    shape: Shape, precision: Precision, work: Work, *, devices: int = 1, reopens: int = 0, keeps_vision: bool = False
) -> Phases:
    """The memory of each device.

    Args:
        shape: Of the model.
        precision: Of its numbers.
        work: What a device computes at once.
        devices: Over so many, weights, gradients and moments are spread evenly (FSDP, ZeRO-3).
        reopens: Bytes of a weight of what the first device opens a second time, to score what was saved; 0 where it
            opens nothing.
        keeps_vision: Whether each device has the vision tower whole, and the language model alone is spread.
    """
    apart = (shape.apart, shape.apart_trained) if keeps_vision else (0, 0)
    phases: Phases = {"always": _always(shape, precision, work, devices, apart)}
    gathered = {"weights that are gathered": 2 * shape.largest * precision.compute} if devices > 1 else {}
    # Copies of all weights are remembered for as long as a pass or a batch of answers lasts.
    rounded = {"rounded weights": shape.weights * precision.compute} if precision.casts and devices == 1 else {}
    if work.written:
        phases["writing"] = {**rounded, **gathered, **_writing(shape, precision, work, work.written)}
    phases["learning"] = {**rounded, **gathered, **_learning(shape, precision, work, devices, apart[1])}
    if reopens:
        saved = Precision(weights=reopens, compute=reopens)
        again = {"saved weights, opened again": _weights(shape, reopens) + shape.adapter * 4}
        once = replace(work, prompts=work.validated)  # each with one answer
        phases["validating"] = {**again, **_writing(shape, saved, once, once.validated)}
    moments = optimizer_bytes(shape.trained, 4, precision) if precision.offloads else 0
    phases["host"] = {"pictures of a step": work.step * work.picture_bytes, "optimizer": moments}
    return {
        phase: {part: size for part, size in parts.items() if size}
        for phase, parts in phases.items()
        if any(parts.values())
    }


def peak(phases: Mapping[str, Mapping[str, int]]) -> int:
    """Bytes on the device that needs most."""
    others = [sum(parts.values()) for phase, parts in phases.items() if phase not in ("always", "host")]
    return sum(phases["always"].values()) + max(others, default=0)


def _weights(shape: Shape, each: int) -> int:
    """Bytes of the weights, `each` for one that is not in four bits."""
    # With its scales, rounded as well, a number in four bits takes 4.127 (arXiv 2305.14314, section 3).
    return (shape.weights - shape.rounded) * each + -(-shape.rounded * 4127 // 8000)


def _always(shape: Shape, precision: Precision, work: Work, devices: int, apart: tuple[int, int]) -> dict[str, int]:
    # An adapter is float32 also where the weights are not.
    trained = 4 if shape.adapter else precision.weights
    whole, learnt = apart
    moments = _spread(shape.trained, learnt, devices)
    reference = work.reference and not shape.adapter
    return {
        "weights": _spread(_weights(shape, precision.weights), whole * precision.weights, devices),
        "adapter": _spread(shape.adapter, learnt if shape.adapter else 0, devices) * 4,
        "optimizer": 0 if precision.offloads else optimizer_bytes(moments, trained, precision),
        "reference model": _spread(shape.weights, whole, devices) * precision.weights if reference else 0,
    }


def _spread(numbers: int, whole: int, devices: int) -> int:
    """Numbers on each device, where so many of them are on all devices and the others are spread."""
    return whole + -(-(numbers - whole) // devices)


def _writing(shape: Shape, precision: Precision, work: Work, rows: int) -> dict[str, int]:
    # Each answer has keys and values of its prompt, and the prompts' own are kept beside them.
    tokens = rows * (work.prompt + work.longest) + work.prompts * work.prompt
    return {
        "keys and values": cache_bytes(shape.text, precision, tokens),
        "logits": rows * shape.vocabulary * (precision.compute + 8),
        "a layer, out of its four bits": shape.unpacked * precision.compute,
        "experts with their adapter": shape.stack * precision.compute,
        "pictures": work.prompts * work.picture_bytes * precision.weights // 4,
    }


def _learning(shape: Shape, precision: Precision, work: Work, devices: int, whole: int) -> dict[str, int]:
    if work.shared:
        rows, each = work.prompts, work.prompt + work.answers // work.prompts * work.answer
        mask = mask_bytes(rows, each, precision)
        shown = work.prompts
    else:
        rows, each, mask, shown = work.answers, work.prompt + work.answer, 0, work.answers
    activations = tower_bytes(shape.text, precision, rows * each, recomputes=work.recomputes)
    if shape.vision is not None:
        patches = shown * work.patches
        seen = tower_bytes(shape.vision, precision, patches, recomputes=work.recomputes)
        # Of a tower that is not trained only one block is there at a time.
        activations += seen if shape.sees else patches * block_bytes(shape.vision, precision)
    trained = 4 if shape.adapter else precision.weights
    experts = shape.stack * precision.compute * (1 if work.recomputes else shape.text.layers)
    return {
        "gradients": _spread(shape.trained, whole, devices) * trained,
        "activations": activations,
        "attention mask": mask,
        "logits": logits_bytes(work.answers * work.answer, shape.vocabulary, precision, at_once=AT_ONCE, large=LARGE),
        "experts with their adapter": experts,
        "a layer, out of its four bits": shape.unpacked * precision.compute,
        "pictures": shown * work.picture_bytes * precision.weights // 4,
    }
