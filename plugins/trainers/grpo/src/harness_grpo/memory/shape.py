"""The shape of a model: what of it decides how much memory it takes. Made on the meta device, without weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.api import UserError
from harness_grpo.adapters import add_adapter, describe
from harness_grpo.options import CommonOptions, LoraOptions
from harness_grpo.policy import choose_parameters
from harness_grpo.sharding import names_apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Tower:
    """The blocks of a transformer, of the language or of the vision."""

    layers: int
    width: int
    """Of the hidden states."""
    heads: int
    """Width of all queries of a token together."""
    keys: int
    """Width of all keys of a token together, and of all values."""
    inner: int
    """Width within the feed-forward part; of an expert, where there are some."""
    routed: int = 0
    """Experts that a token goes through; 0 where there are none."""
    gated: bool = True
    """Whether the feed-forward part has a gate: in all language models here, and in the vision tower of Qwen2.5-VL."""
    norms_heads: bool = False
    """Whether queries and keys are normalised, as in Qwen3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A model, with what is trained of it."""

    text: Tower
    vision: Tower | None
    """`None` for a text model."""
    vocabulary: int
    weights: int
    """Numbers, without an adapter."""
    adapter: int
    """Numbers of an adapter."""
    trained: int
    """Numbers that are trained, of the weights or of the adapter."""
    apart: int
    """Numbers outside of the language model: of the vision tower, which `grpo` and `sft` do not shard."""
    apart_trained: int
    """Those of them that are trained, of the weights or of an adapter."""
    largest: int
    """Numbers of the largest block or embedding: what sharding gathers at once."""
    stack: int
    """Numbers of the experts of a layer that get an adapter. They are added to its product in each pass."""
    sees: bool
    """Whether the vision tower is trained, so that activations of it are kept."""
    saved_bytes: int
    """Of a weight as it was saved."""
    said: str
    """What is trained, in words."""
    rounded: int = 0
    """Numbers of the weights that are kept in four bits."""
    unpacked: int = 0
    """Of these the numbers of the largest layer: it is unpacked to be computed with."""


def shape_of(config: Any, options: CommonOptions, *, name: str, trust_remote_code: bool = False) -> Shape:
    """The shape of the model of a configuration.

    Args:
        config: Of transformers.
        options: Of the trainer: what is trained.
        name: Of the recipe, for messages.
        trust_remote_code: Whether the configuration's own code may be run.

    Raises:
        UserError: The configuration is of a kind that is not known, or the options do not fit the model.
    """
    import torch

    model = _without_weights(config, name, trust_remote_code)
    weights = sum(parameter.numel() for parameter in model.parameters())
    largest = _largest(model)
    linear = _linear_layers(model) if options.lora is not None and options.lora.load_in_4bit else [0]
    model.requires_grad_(False)
    if options.lora is not None:
        with torch.device("meta"):
            add_adapter(model, options.lora, name=name, seed=0)
    trained = choose_parameters(model, options, name=name)
    sizes = {part: parameter.numel() for part, parameter in model.named_parameters()}
    vision = getattr(config, "vision_config", None)
    apart = names_apart(model)
    try:
        text = _language(config.get_text_config())
        tower = None if vision is None else _vision(vision, gated=any("gate_proj" in part for part in apart))
    except AttributeError as error:
        raise UserError(
            f"recipe {name}: memory of a {config.model_type} cannot be planned: its configuration has another form "
            f"({error})"
        ) from error
    return Shape(
        text=text,
        vision=tower,
        vocabulary=config.get_text_config().vocab_size,
        weights=weights,
        adapter=sum(size for part, size in sizes.items() if "lora_" in part),
        trained=sum(sizes[part] for part in trained),
        apart=sum(sizes[part] for part in apart if "lora_" not in part),
        apart_trained=sum(sizes[part] for part in apart if part in trained),
        largest=largest,
        stack=_stack(model, options.lora),
        sees=any(".visual." in part or "vision" in part for part in trained),
        saved_bytes=(getattr(config, "dtype", None) or torch.float32).itemsize,
        said=describe(model),
        rounded=sum(linear),
        unpacked=max(linear),
    )


def _without_weights(config: Any, name: str, trust_remote_code: bool) -> Any:
    import torch
    import transformers
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES as SEE

    auto = transformers.AutoModelForImageTextToText if config.model_type in SEE else transformers.AutoModelForCausalLM
    try:
        with torch.device("meta"):
            return auto.from_config(config, trust_remote_code=trust_remote_code)
    except (ValueError, ImportError) as error:
        raise UserError(f"recipe {name}: memory cannot be planned: {error}") from error


def _largest(model: Any) -> int:
    """Numbers of the largest block: an entry of a list of modules, or a parameter outside all lists."""
    from torch.nn import ModuleList

    lists = {part: module for part, module in model.named_modules() if isinstance(module, ModuleList)}
    blocks: list[int] = [sum(p.numel() for p in entry.parameters()) for module in lists.values() for entry in module]
    outside: list[int] = [
        p.numel() for part, p in model.named_parameters() if not part.startswith(tuple(f"{x}." for x in lists))
    ]
    return max([*blocks, *outside])


def _linear_layers(model: Any) -> list[int]:
    """Numbers of each layer that is kept in four bits where the base is."""
    from torch.nn import Linear

    head = model.get_output_embeddings()
    return [module.weight.numel() for module in model.modules() if isinstance(module, Linear) and module is not head]


def _stack(model: Any, lora: LoraOptions | None) -> int:
    if lora is None or not lora.parameters:
        return 0
    wanted = tuple(f".{name}" for name in lora.parameters)
    sizes: dict[str, int] = {}
    for part, parameter in model.named_parameters():
        own = part.replace(".base_layer", "")
        if own.endswith(wanted):
            layer = own.partition("layers.")[2].partition(".")[0]
            sizes[layer] = sizes.get(layer, 0) + parameter.numel()
    return max(sizes.values(), default=0)


def _language(config: Any) -> Tower:
    heads = config.num_attention_heads
    each = getattr(config, "head_dim", None) or config.hidden_size // heads
    routed = getattr(config, "num_experts_per_tok", None) or 0
    inner = getattr(config, "moe_intermediate_size", None) if routed else None
    return Tower(
        layers=config.num_hidden_layers,
        width=config.hidden_size,
        heads=heads * each,
        keys=(getattr(config, "num_key_value_heads", None) or heads) * each,
        inner=inner or config.intermediate_size,
        routed=routed,
        norms_heads="qwen3" in config.model_type,
    )


def _vision(config: Any, *, gated: bool) -> Tower:
    layers = getattr(config, "depth", None) or config.num_hidden_layers
    width = config.hidden_size
    return Tower(layers=layers, width=width, heads=width, keys=width, inner=config.intermediate_size, gated=gated)
