"""Tiny reward models from configuration: real classes, own tokenizer, random weights, opened by the Auto classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness_transformers.testing.tiny import CHAT_TEMPLATE, make_tokenizer

_BEGIN, _END, _PATCH = "<start_of_image>", "<end_of_image>", "<image_soft_token>"
_SPECIAL = ("<pad>", "<s>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>", _BEGIN, _END, _PATCH)
_SIZE = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
_PATCHES = 4  # tokens of an image


def make_tiny_reward(folder: str | Path, seed: int = 0, *, outputs: int = 1, pad: bool = True) -> Path:
    """Write a model folder that `AutoTokenizer` and `AutoModelForSequenceClassification` open. Its rewards are noise.

    Args:
        folder: Made if it is not there.
        seed: Of the random weights.
        outputs: Numbers that it gives to a conversation. A reward model gives one.
        pad: Whether its configuration names a token for padding.

    Returns:
        The folder.
    """
    from transformers import LlamaConfig, LlamaForSequenceClassification

    tokenizer = make_tokenizer(640)  # pads on the left, as chat models do
    tokenizer.chat_template = CHAT_TEMPLATE
    config = LlamaConfig(
        **_SIZE,
        vocab_size=len(tokenizer),
        num_key_value_heads=2,
        max_position_embeddings=512,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id if pad else None,
        num_labels=outputs,
        initializer_range=0.2,  # wide enough that rewards differ by more than rounding
    )
    return _write(folder, LlamaForSequenceClassification, config, tokenizer, seed=seed)


def make_tiny_vision_reward(folder: str | Path, seed: int = 0) -> Path:
    """Write a Gemma 3 classifier, which also sees, for `AutoProcessor` and `AutoModelForSequenceClassification`.

    Args:
        folder: Made if it is not there.
        seed: Of the random weights.

    Returns:
        The folder.
    """
    from transformers import Gemma3Config, Gemma3ForSequenceClassification, Gemma3Processor
    from transformers.models.gemma3 import Gemma3ImageProcessorPil

    tokenizer = make_tokenizer(640, special=_SPECIAL)
    tokenizer.bos_token, tokenizer.eos_token = "<s>", "<|end|>"
    tokenizer._set_model_specific_special_tokens({"boi_token": _BEGIN, "eoi_token": _END, "image_token": _PATCH})
    processor = Gemma3Processor(
        image_processor=Gemma3ImageProcessorPil(size={"height": 32, "width": 32}),
        tokenizer=tokenizer,
        chat_template=CHAT_TEMPLATE.replace("<image>", _BEGIN),
        image_seq_length=_PATCHES,
    )
    text: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "num_key_value_heads": 1,
        "head_dim": 16,
        "max_position_embeddings": 512,
    }
    text |= {"sliding_window": 16, "pad_token_id": tokenizer.pad_token_id, "initializer_range": 0.2}
    config = Gemma3Config(
        text_config={**_SIZE, **text, "layer_types": ["sliding_attention", "full_attention"]},
        vision_config={**_SIZE, "image_size": 32, "patch_size": 8},
        mm_tokens_per_image=_PATCHES,
        image_token_id=tokenizer.convert_tokens_to_ids(_PATCH),
        boi_token_index=tokenizer.convert_tokens_to_ids(_BEGIN),
        eoi_token_index=tokenizer.convert_tokens_to_ids(_END),
        initializer_range=0.2,
        num_labels=1,
    )
    return _write(folder, Gemma3ForSequenceClassification, config, processor, seed=seed)


def _write(folder: str | Path, kind: Any, config: Any, processor: Any, *, seed: int) -> Path:
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = kind(config)
        for name, weights in model.named_parameters():
            if "mm_input_projection" in name:  # zeros as it comes: the model would see nothing
                torch.nn.init.normal_(weights)
    folder = Path(folder)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
