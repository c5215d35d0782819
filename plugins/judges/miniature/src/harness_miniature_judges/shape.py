"""The model of the miniature judges: LLaVA of transformers, built from configuration, with random weights.

Not for teaching it anything. See `eyes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness_miniature_judges.words import CHAT_TEMPLATE, IMAGE, make_tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The size of the model. Two cores train one of the default size in minutes."""

    image_size: int = 64
    """Side of a picture in pixels: the size at which the suite paints, so that nothing is resampled."""
    patch: int = 16
    """Side of a patch in pixels. An image is `(image_size / patch)²` tokens."""
    vision_hidden: int = 96
    """Width of the vision tower."""
    vision_layers: int = 5
    vision_heads: int = 4
    hidden: int = 96
    """Width of the language model."""
    layers: int = 4
    heads: int = 4
    context: int = 1024
    """Most positions."""
    sentences: bool = True
    """Whether a sentence that all prompts of a task share is one token."""


def new_model(shape: Shape, *, seed: int) -> tuple[Any, Any]:
    """A `LlavaForConditionalGeneration` with random weights, float32, and its `LlavaProcessor`.

    Args:
        shape: How large the model is.
        seed: Of the random weights.
    """
    import torch
    from transformers import LlavaForConditionalGeneration, LlavaProcessor
    from transformers.models.clip import CLIPImageProcessorPil

    tokenizer = make_tokenizer(sentences=shape.sentences)
    processor = LlavaProcessor(
        # The Pillow variant: the default one needs torchvision.
        image_processor=CLIPImageProcessorPil(
            size={"shortest_edge": shape.image_size},
            crop_size={"height": shape.image_size, "width": shape.image_size},
        ),
        tokenizer=tokenizer,
        patch_size=shape.patch,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,  # CLIP's class token, which the strategy `default` leaves out
        chat_template=CHAT_TEMPLATE,
        image_token=IMAGE,
    )
    # Seeded here, and the caller's random generator stays where it is.
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = LlavaForConditionalGeneration(_config(shape, tokenizer))
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model, processor


def write_model(folder: str | Path, model: Any, processor: Any) -> Path:
    """Write a model folder that `AutoProcessor` and `AutoModelForImageTextToText` open.

    Args:
        folder: Made if it is not there.
        model: As `new_model` makes it.
        processor: As `new_model` makes it.

    Returns:
        The folder.
    """
    folder = Path(folder)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _config(shape: Shape, tokenizer: Any) -> Any:
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig

    return LlavaConfig(
        vision_config=CLIPVisionConfig(
            hidden_size=shape.vision_hidden,
            intermediate_size=4 * shape.vision_hidden,
            num_hidden_layers=shape.vision_layers,
            num_attention_heads=shape.vision_heads,
            image_size=shape.image_size,
            patch_size=shape.patch,
            projection_dim=shape.vision_hidden,
        ),
        text_config=LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=shape.hidden,
            intermediate_size=4 * shape.hidden,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.heads,
            max_position_embeddings=shape.context,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        ),
        image_token_index=tokenizer.convert_tokens_to_ids(IMAGE),
        image_seq_length=(shape.image_size // shape.patch) ** 2,
        vision_feature_layer=-1,  # LLaVA takes the last but one of CLIP's 24 layers; here all five are trained for it
        vision_feature_select_strategy="default",
    )
