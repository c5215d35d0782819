"""Tiny dual encoders from configuration: real classes, own tokenizer, random weights, opened by the Auto classes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness_transformers.testing.tiny import make_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_PAD, _BEGIN, _END = "<pad>", "<|startoftext|>", "<|endoftext|>"
_TOWER: Mapping[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "projection_dim": 16,
    "initializer_factor": 8.0,  # with the usual one all texts come out all but equal
}
_SIGHT: Mapping[str, Any] = {**_TOWER, "image_size": 32, "patch_size": 8}


def make_tiny_clip(folder: str | Path, seed: int = 0) -> Path:
    """Write a model folder that `AutoProcessor` and `AutoModel` open as CLIP. Its scores are noise.

    Args:
        folder: Made if it is not there.
        seed: Of the random weights.

    Returns:
        The folder.
    """
    from transformers import CLIPConfig, CLIPModel, CLIPProcessor
    from transformers.models.clip import CLIPImageProcessorPil

    tokenizer = _tokenizer(f"{_BEGIN} $A {_END}", length=77)
    side = {"height": 32, "width": 32}
    processor = CLIPProcessor(
        image_processor=CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=side), tokenizer=tokenizer
    )
    config = CLIPConfig(
        text_config={**_TOWER, **_language(tokenizer)},
        vision_config=dict(_SIGHT),
        projection_dim=16,
    )
    return _write(folder, CLIPModel, config, processor, seed=seed)


def make_tiny_siglip(folder: str | Path, seed: int = 0) -> Path:
    """Write a model folder that `AutoProcessor` and `AutoModel` open as SigLIP, which reads texts of one length.

    Args:
        folder: Made if it is not there.
        seed: Of the random weights.

    Returns:
        The folder.
    """
    from transformers import SiglipConfig, SiglipModel, SiglipProcessor
    from transformers.models.siglip import SiglipImageProcessorPil

    tokenizer = _tokenizer(f"$A {_END}", length=32)
    tokenizer.model_input_names = ["input_ids"]  # no mask: it attends to the padding
    processor = SiglipProcessor(
        image_processor=SiglipImageProcessorPil(size={"height": 32, "width": 32}), tokenizer=tokenizer
    )
    config = SiglipConfig(text_config={**_TOWER, **_language(tokenizer)}, vision_config=dict(_SIGHT))
    return _write(folder, SiglipModel, config, processor, seed=seed)


def _tokenizer(form: str, *, length: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE that adds control tokens to a text.

    Args:
        form: What is added around `$A`.
        length: Most tokens.
    """
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    # The end must not be number 2, which CLIP takes for the mark of an old configuration that looks elsewhere for it.
    backend = make_tokenizer(512, special=(_PAD, _END, _BEGIN)).backend_tokenizer
    backend.post_processor = TemplateProcessing(
        single=form, special_tokens=[(token, backend.token_to_id(token)) for token in (_BEGIN, _END)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token=_PAD,
        bos_token=_BEGIN,
        eos_token=_END,
        padding_side="right",
        model_max_length=length,
        model_input_names=["input_ids", "attention_mask"],
    )


def _language(tokenizer: Any) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer),
        "max_position_embeddings": tokenizer.model_max_length,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }


def _write(folder: str | Path, kind: Any, config: Any, processor: Any, *, seed: int) -> Path:
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = kind(config)
    folder = Path(folder)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
