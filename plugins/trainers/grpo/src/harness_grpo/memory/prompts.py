"""How long the prompts of a recipe are, and what their pictures take: the first examples of each task, prepared."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any

from harness.api import DataError, Training, UserError
from harness_grpo.data import target_of
from harness_transformers.loading import WeightsSource, explain_errors, open_processor
from harness_transformers.options import GenerativeOptions
from harness_transformers.pixels import PixelCache
from harness_transformers.prompts import Prompt, Prompter

_EXAMPLES = 16
"""Of each task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """The largest values of the examples that were looked at."""

    prompt: int
    """Tokens of a prompt."""
    target: int
    """Tokens of the gold verdict as the format writes it, with its reasoning where there is one."""
    patches: int
    """Patches of the pictures of a prompt."""
    picture_bytes: int
    """Bytes of the prepared pictures of a prompt."""
    looked_at: int
    """Examples."""


def open_config(source: WeightsSource, wanted: GenerativeOptions, name: str) -> Any:
    """The configuration of a model. Nothing else of it is read.

    Raises:
        UserError: It cannot be opened.
    """
    import transformers

    with explain_errors(f"recipe {name}: configuration of {source}"):
        return transformers.AutoConfig.from_pretrained(
            source.location, trust_remote_code=wanted.trust_remote_code, **source.keywords
        )


def measure_prompts(
    training: Training, source: WeightsSource, wanted: GenerativeOptions, config: Any, *, rationale: str | None = None
) -> Lengths:
    """Prepare the first examples of each task as the model will be shown them. Opens no weights.

    Raises:
        UserError: The processor cannot be opened, or no example can be shown.
    """
    import transformers

    sees = getattr(config, "vision_config", None) is not None
    auto = transformers.AutoProcessor if sees else transformers.AutoTokenizer
    processor = open_processor(auto, source, wanted, f"recipe {training.name}")
    prompter = Prompter(
        processor,
        pixels=PixelCache(processor) if sees else None,
        system=wanted.system,
        template=wanted.chat_template_kwargs,
        who=f"recipe {training.name}",
    )
    patch = int(getattr(getattr(config, "vision_config", None), "patch_size", 1))
    seen: list[tuple[int, int, int, int]] = []
    for task in training.tasks:
        for example in islice(task.examples(task.train), _EXAMPLES):
            try:
                prompt = prompter.prompt(example.request)
                target = len(prompter.answer_ids(target_of(example, rationale))) + 1
            except DataError:  # left out of the training too
                continue
            finally:
                for image in example.request.images:
                    image.forget()
            seen.append((len(prompt.ids), target, *_pictures(prompt, patch)))
    if not seen:
        raise UserError(f"recipe {training.name}: not one of the first examples can be shown; check the data")
    prompt, target, patches, size = (max(values) for values in zip(*seen, strict=True))
    return Lengths(prompt=prompt, target=target, patches=patches, picture_bytes=size, looked_at=len(seen))


def _pictures(prompt: Prompt, patch: int) -> tuple[int, int]:
    """Patches and bytes of the pictures of a prompt."""
    patches = size = 0
    for made in [prompt.pixels] if prompt.pixels else prompt.prepared:
        pixels = made["pixel_values"]
        size += sum(int(value.nbytes) for value in made.values())
        # Of Qwen-VL a row is a patch; others give whole pictures or tiles.
        patches += len(pixels) if pixels.ndim == 2 else pixels[..., 0, :, :].numel() // patch**2
    return patches, size
