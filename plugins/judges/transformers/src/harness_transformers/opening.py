"""A generative model with all that belongs to it, opened together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.api import Request, UserError
from harness_transformers.adapters import add_adapter, has_base_in_four_bits
from harness_transformers.gguf_files import at_hand, ends_of_turns
from harness_transformers.language import Language
from harness_transformers.loading import (
    WeightsSource,
    check_code,
    explain_errors,
    open_model,
    open_processor,
    set_threads,
)
from harness_transformers.options import GenerativeOptions
from harness_transformers.pixels import PixelCache
from harness_transformers.prompts import Prompter
from harness_transformers.sight import Sight
from harness_transformers.weighing import Scales
from harness_transformers.writing import Writer


@dataclass(frozen=True, slots=True)
class Opened:
    """A model ready to judge."""

    language: Language
    """The model."""
    prompter: Prompter
    """Writes its prompts."""
    scales: Scales
    """Weighs answers."""
    writer: Writer
    """Writes answers."""
    sees: bool
    """Whether it reads images."""
    context: int | None
    """Most tokens of prompt and answer together; `None` where the configuration does not say."""
    longest_answer: int
    """`max_new_tokens`, or what `verdict` needs."""

    def too_long(self, tokens: int) -> str:
        """Why a prompt of so many tokens cannot be answered. Empty where it can."""
        if self.context is None or tokens + self.longest_answer <= self.context:
            return ""
        return (
            f"the prompt has {tokens} tokens; with {self.longest_answer} for the answer that is more than the model's "
            f"context of {self.context}: lower max_new_tokens, or show smaller images"
        )

    def decode_after(self, begun: Sequence[int], ids: Sequence[int]) -> str:
        """Tokens as the text that follows others: some tokenizers drop a space at the very beginning of a text."""
        whole, first = self.decode_exactly([*begun, *ids]), self.decode_exactly(begun)
        return whole[len(first) :] if whole.startswith(first) else self.decode_exactly(ids)

    def decode_exactly(self, ids: Sequence[int]) -> str:
        """Tokens as text, to the letter: control tokens that the model wrote stay visible."""
        text: str = self.prompter.tokenizer.decode(
            list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        return text


def refusal(request: Request, *, sees: bool, continues: bool = False, kind: str = "this is a text model") -> str:
    """Why a model cannot answer a request. Empty where it can.

    Args:
        request: What is asked.
        sees: Whether the model reads images.
        continues: Whether it goes on from a given beginning.
        kind: What a model that does not is called.
    """
    last = request.messages[-1] if request.messages else None
    if last is not None and last.role == "assistant":
        if not continues:
            return (
                "the request ends with an assistant message, which this judge does not go on with; end with the "
                "user's, or use mode: generate"
            )
        if not request.beginning or not all(isinstance(part, str) for part in last.parts):
            return "an answer cannot begin with no text, or with an image"
    if request.images and not sees:
        return f"{kind}, and the question shows images"
    return ""


def open_language(
    options: GenerativeOptions,
    source: WeightsSource,
    adapter: WeightsSource | None,
    who: str,
    *,
    four_bits: bool = False,
) -> Opened:
    """Open model, processor and adapter.

    Args:
        options: Of the manifest.
        source: Of the model, pinned.
        adapter: What is put on it.
        who: For messages.
        four_bits: Open the model in four bits. Options and the adapter's folder can ask for that too.

    Raises:
        UserError: Something is missing, or is not what the options say.
    """
    set_threads(options.threads)
    with at_hand(source, who) as here:
        few = four_bits or options.load_in_4bit or (adapter is not None and has_base_in_four_bits(adapter, who))
        return _open(options, here, adapter, who, four_bits=few)


def _open(
    options: GenerativeOptions, source: WeightsSource, adapter: WeightsSource | None, who: str, *, four_bits: bool
) -> Opened:
    import transformers

    gguf = source.file is not None
    config = _configuration(source, options, who)
    sees = not gguf and (options.kind == "vision" or (options.kind == "auto" and _is_vision(config)))
    auto = transformers.AutoModelForImageTextToText if sees else transformers.AutoModelForCausalLM
    processor = open_processor(transformers.AutoProcessor if sees else transformers.AutoTokenizer, source, options, who)
    if sees and not hasattr(processor, "image_processor"):
        raise UserError(f"{who}: model {source} has no image processor; set kind: text")
    model = open_model(auto, source, options, who, config=config, four_bits=four_bits)
    if adapter is not None:
        add_adapter(model, adapter, who)
    pixels = PixelCache(processor) if sees else None
    prompter = Prompter(processor, pixels=pixels, system=options.system, template=options.chat_template_kwargs, who=who)
    tokenizer = prompter.tokenizer
    ends = ends_of_turns(tokenizer) if gguf else []
    stops = sorted(set(_stops(model.generation_config.eos_token_id, tokenizer.eos_token_id, ends)))
    if not stops:
        raise UserError(f"{who}: model {source} names no token that ends an answer (eos_token_id)")
    # Any token will do where there is none: padding is masked.
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else stops[0]
    # A placeholder in an answer would ask for an image that is not there once the answer is read on.
    never = _placeholders(config, processor)
    language = Language(model, sight=Sight(model) if sees else None, stops=stops, pad=pad, never=never)
    text = config.get_text_config()
    return Opened(
        language,
        prompter,
        Scales(language),
        Writer(language),
        sees,
        getattr(text, "max_position_embeddings", None),
        0 if options.mode == "verdict" else options.max_new_tokens,
    )


def _configuration(source: WeightsSource, options: GenerativeOptions, who: str) -> Any:
    import transformers

    if options.trust_remote_code:  # the configuration is the first that may bring code
        check_code(source, who)
    with explain_errors(f"{who}: configuration of {source}"):
        return transformers.AutoConfig.from_pretrained(
            source.location, trust_remote_code=options.trust_remote_code, **source.keywords
        )


def _is_vision(config: Any) -> bool:
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES as KNOWN

    # Models that bring their own code say in `auto_map` what they are.
    return config.model_type in KNOWN or "AutoModelForImageTextToText" in (getattr(config, "auto_map", None) or {})


def _stops(*given: Any) -> Iterator[int]:
    # A configuration may name one end or several: <|im_end|> of a turn, <|endoftext|> of a text.
    for value in given:
        yield from value if isinstance(value, list | tuple) else [] if value is None else [value]


def _placeholders(config: Any, processor: Any) -> list[int]:
    """Tokens that stand for images and are no words."""
    own = [getattr(config, name, None) for name in ("image_token_id", "image_token_index", "video_token_id")]
    own += [getattr(processor, "image_token_id", None)]
    return sorted({token for token in own if isinstance(token, int)})
