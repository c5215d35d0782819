"""Tiny Qwen-VL models from configuration: 3-D positions, deepstack features, experts. Needs torchvision.

Qwen's processors always have a video processor, and that one needs torchvision. Transformers says so when one is made.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from harness_transformers.testing.tiny import make_tokenizer

Family = Literal["qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe"]
FAMILIES: tuple[Family, ...] = ("qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe")

_SPECIAL = ("<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")

CHAT_TEMPLATE = """\
{%- for message in messages -%}
<|im_start|>{{ message['role'] }}
{% if message['content'] is string %}{{ message['content'] }}
{%- else -%}
{%- for part in message['content'] -%}
{%- if part['type'] == 'image' -%}<|vision_start|><|image_pad|><|vision_end|>{%- else -%}{{ part['text'] }}{%- endif -%}
{%- endfor -%}
{%- endif -%}
<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}<|im_start|>assistant
{% endif -%}"""


def make_tiny_qwen(folder: str | Path, family: Family, *, seed: int = 0) -> Path:
    """Write a model folder that `AutoProcessor` and `AutoModelForImageTextToText` open.

    Args:
        folder: Made if it is not there.
        family: Qwen2.5-VL has windows in its vision tower, Qwen3-VL features at several depths. The larger ones of
            Qwen3-VL are mixtures of experts.
        seed: Of the random weights.

    Returns:
        The folder.

    Raises:
        ImportError: There is no torchvision.
    """
    import torch
    import transformers

    tokenizer = make_tokenizer(640, special=("<pad>", "<|endoftext|>", *_SPECIAL))
    tokenizer.eos_token, tokenizer.pad_token = "<|im_end|>", "<pad>"
    image_processor = transformers.Qwen2VLImageProcessor(min_pixels=32 * 32, max_pixels=96 * 96, **_patches(family))
    parts: dict[str, Any] = {"image_processor": image_processor, "tokenizer": tokenizer, "chat_template": CHAT_TEMPLATE}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if family == "qwen2_5_vl":
            processor = transformers.Qwen2_5_VLProcessor(video_processor=transformers.Qwen2VLVideoProcessor(), **parts)
            model = _qwen2_5(tokenizer)
        else:
            processor = transformers.Qwen3VLProcessor(video_processor=transformers.Qwen3VLVideoProcessor(), **parts)
            model = _qwen3(tokenizer) if family == "qwen3_vl" else _qwen3_moe(tokenizer)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    folder = Path(folder)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _patches(family: str) -> dict[str, int]:
    return {"patch_size": 14 if family == "qwen2_5_vl" else 16, "merge_size": 2, "temporal_patch_size": 2}


def _tokens(tokenizer: Any) -> dict[str, int]:
    names = ("image_pad", "video_pad", "vision_start", "vision_end")
    keys = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")
    return {key: tokenizer.convert_tokens_to_ids(f"<|{name}|>") for key, name in zip(keys, names, strict=True)}


def _text(tokenizer: Any) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 2048,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [2, 3, 3]},
    }


_VISION: dict[str, Any] = {
    "depth": 3,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_heads": 2,
    "out_hidden_size": 64,
}
_DEEP: dict[str, Any] = {**_VISION, "num_position_embeddings": 64, "deepstack_visual_indexes": [0, 1]}


def _qwen3(tokenizer: Any) -> Any:
    import transformers

    text = {**_text(tokenizer), "head_dim": 16}
    config = transformers.Qwen3VLConfig(text_config=text, vision_config=_DEEP, **_tokens(tokenizer))
    return transformers.Qwen3VLForConditionalGeneration(config)


def _qwen3_moe(tokenizer: Any) -> Any:
    import transformers

    experts = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
    text = {**_text(tokenizer), "head_dim": 16, **experts}
    config = transformers.Qwen3VLMoeConfig(text_config=text, vision_config=_DEEP, **_tokens(tokenizer))
    return transformers.Qwen3VLMoeForConditionalGeneration(config)


def _qwen2_5(tokenizer: Any) -> Any:
    import transformers

    vision = {**_VISION, "fullatt_block_indexes": [1]}
    config = transformers.Qwen2_5_VLConfig(text_config=_text(tokenizer), vision_config=vision, **_tokens(tokenizer))
    return transformers.Qwen2_5_VLForConditionalGeneration(config)
