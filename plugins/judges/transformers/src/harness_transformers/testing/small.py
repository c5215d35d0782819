"""Tiny models that score: a reward model and a CLIP, of real transformers classes with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness_transformers.testing.tiny import BOS, CHAT_TEMPLATE, EOS, PAD, make_tokenizer


def make_tiny_reward(folder: str | Path, *, outputs: int = 1, seed: int = 0) -> Path:
    """Write a folder that `AutoTokenizer` and `AutoModelForSequenceClassification` open.

    Args:
        folder: Made if it is not there.
        outputs: Numbers that it gives to a text; a reward model gives one.
        seed: Of the random weights.

    Returns:
        The folder.
    """
    import torch
    from transformers import LlamaConfig, LlamaForSequenceClassification

    tokenizer = make_tokenizer(640)
    tokenizer.chat_template = CHAT_TEMPLATE
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=512,
        pad_token_id=tokenizer.pad_token_id,
        num_labels=outputs,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = LlamaForSequenceClassification(config)
        torch.nn.init.normal_(model.score.weight)  # as they come, rewards are all but equal
    folder = Path(folder)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_tiny_clip(folder: str | Path, *, seed: int = 0) -> Path:
    """Write a folder that `AutoProcessor` and `AutoModel` open.

    Args:
        folder: Made if it is not there.
        seed: Of the random weights.

    Returns:
        The folder.
    """
    import torch
    from tokenizers.processors import TemplateProcessing
    from transformers import CLIPConfig, CLIPModel, CLIPProcessor
    from transformers.models.clip import CLIPImageProcessorPil

    # Not as number 2: transformers takes that for the mark of old checkpoints, and looks for the end elsewhere.
    tokenizer = make_tokenizer(640, special=(PAD, BOS, "<unused>", EOS))
    tokenizer.bos_token, tokenizer.eos_token, tokenizer.padding_side = BOS, EOS, "right"
    ends = [(token, tokenizer.convert_tokens_to_ids(token)) for token in (BOS, EOS)]
    # CLIP reads a text off at the token that ends it.
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single=f"{BOS} $A {EOS}", special_tokens=ends)
    size: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "initializer_factor": 8.0,  # with the usual one all texts come out all but equal
    }
    text = {**size, "vocab_size": len(tokenizer), "max_position_embeddings": 77}
    text |= {"eos_token_id": tokenizer.eos_token_id, "bos_token_id": tokenizer.bos_token_id}
    config = CLIPConfig(
        text_config={**text, "pad_token_id": tokenizer.pad_token_id},
        vision_config={**size, "image_size": 32, "patch_size": 8},
        projection_dim=16,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = CLIPModel(config)
    images = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    folder = Path(folder)
    model.save_pretrained(folder)
    CLIPProcessor(image_processor=images, tokenizer=tokenizer).save_pretrained(folder)
    return folder
