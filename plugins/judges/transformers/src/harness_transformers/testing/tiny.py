"""A tiny LLaVA from configuration: real classes, own tokenizer, random weights, opened by the Auto classes.

    python -m harness_transformers.testing FOLDER

It sees and writes, and knows nothing: what it answers is noise. It is for tests, for measurements, and for trying a
manifest out where no model hub can be reached. Nothing in the judge is special for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PAD, BOS, EOS, IMAGE = "<pad>", "<s>", "<|end|>", "<image>"
SPECIAL = (PAD, BOS, EOS, IMAGE, "<|system|>", "<|user|>", "<|assistant|>")

CHAT_TEMPLATE = """\
{{- bos_token -}}
{%- for message in messages -%}
<|{{ message['role'] }}|>
{%- if message['content'] is string -%}{{ message['content'] }}
{%- else -%}
{%- for part in message['content'] -%}
{%- if part['type'] == 'image' -%}<image>{%- else -%}{{ part['text'] }}{%- endif -%}
{%- endfor -%}
{%- endif -%}
<|end|>
{%- endfor -%}
{%- if add_generation_prompt -%}<|assistant|>{%- endif -%}"""
"""The chat template: roles and parts, and nothing clever."""

_WORDS = """
You are a careful judge of pictures. Judge only by what the question asks and by what can be seen.
First reason between <think> and </think>, then give your verdict between <answer> and </answer>:
<think>...</think><answer>...</answer> The verdict is yes or no. The verdict is A, B or tie. The verdict is A or B.
The verdict is a whole number from 1 to 5. The verdict is the letters A, B, C, all of them, from best to worst with >
between them. First explain your judgement. Then end with your verdict in double square brackets, [[...]], on a line of
its own. Answer with one JSON object and nothing else: {"reasoning": "...", "verdict": "..."}. Reason first;
End with your verdict alone on the last line, without any other word: good, bad. safe unsafe
Image A: Image B: Image C: Which picture is better? Does the picture fit its description? Is it sharp and natural?
0 1 2 3 4 5 6 7 8 9 red green blue yellow digit digits blurred noisy hazard sign sky photo left right above below
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TinyShape:
    """The size of the model."""

    hidden: int = 64
    """Width of the language model. The vision tower is as wide."""
    layers: int = 2
    """Layers of the language model."""
    heads: int = 4
    """Attention heads of both."""
    vision_layers: int = 2
    """Layers of the vision tower."""
    image_size: int = 32
    """Side of a picture in pixels."""
    patch: int = 8
    """Side of a patch in pixels. An image is `(image_size / patch)²` tokens."""
    vocabulary: int = 640
    """Tokens, at most."""
    context: int = 2048
    """Most positions."""
    experts: int = 0
    """Experts in each layer of the language model, two of them for a token; 0 for none."""


def make_tiny_llava(folder: str | Path, *, shape: TinyShape | None = None, seed: int = 0) -> Path:
    """Write a model folder that `AutoProcessor` and `AutoModelForImageTextToText` open.

    Args:
        folder: Made if it is not there.
        shape: How large it is.
        seed: Of the random weights.

    Returns:
        The folder.
    """
    import torch
    from transformers import LlavaForConditionalGeneration, LlavaProcessor
    from transformers.models.clip import CLIPImageProcessorPil

    shape = shape or TinyShape()
    tokenizer = make_tokenizer(shape.vocabulary)
    processor = LlavaProcessor(
        image_processor=CLIPImageProcessorPil(
            size={"shortest_edge": shape.image_size},
            crop_size={"height": shape.image_size, "width": shape.image_size},
        ),
        tokenizer=tokenizer,
        patch_size=shape.patch,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=CHAT_TEMPLATE,
        image_token=IMAGE,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = LlavaForConditionalGeneration(_config(shape, tokenizer))
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    folder = Path(folder)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def make_tokenizer(vocabulary: int, *, special: Sequence[str] = SPECIAL) -> PreTrainedTokenizerFast:
    """A byte-level BPE over the words that judges read and write. Every text can be said in it.

    Args:
        vocabulary: Tokens, at most.
        special: Control tokens. They come first.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(special),
        # All bytes, so that any text can be written.
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_sentences(), trainer)
    named: dict[str, Any] = {}
    if special is SPECIAL:
        named = {"bos_token": BOS, "eos_token": EOS, "extra_special_tokens": {"image_token": IMAGE}}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=PAD, padding_side="left", **named)


def _sentences() -> Iterator[str]:
    for line in _WORDS.strip().splitlines():
        yield from [line] * 20


def _config(shape: TinyShape, tokenizer: Any) -> Any:
    from transformers import CLIPVisionConfig, LlavaConfig

    return LlavaConfig(
        vision_config=CLIPVisionConfig(
            hidden_size=shape.hidden,
            intermediate_size=2 * shape.hidden,
            num_hidden_layers=shape.vision_layers,
            num_attention_heads=shape.heads,
            image_size=shape.image_size,
            patch_size=shape.patch,
            projection_dim=shape.hidden,
        ),
        text_config=_text(shape, tokenizer),
        image_token_index=tokenizer.convert_tokens_to_ids(IMAGE),
        image_seq_length=(shape.image_size // shape.patch) ** 2,
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
    )


def _text(shape: TinyShape, tokenizer: Any) -> Any:
    from transformers import LlamaConfig, Qwen3MoeConfig

    common: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.heads,
        "max_position_embeddings": shape.context,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    if not shape.experts:
        return LlamaConfig(**common, intermediate_size=2 * shape.hidden)
    mixture = {"num_experts": shape.experts, "num_experts_per_tok": 2, "moe_intermediate_size": shape.hidden}
    return Qwen3MoeConfig(**common, **mixture, head_dim=shape.hidden // shape.heads)
