"""Low-rank adapters (LoRA, arXiv 2106.09685): put on a model, switched off, added up, and counted in words.

Experts of a mixture are one parameter of three dimensions in transformers 5 and no linear modules. `targets:
all-linear` finds them in the architectures that peft has a rule for, and in the others, Qwen3-VL among them, it does
not. `parameters` names them, by peft's `target_parameters`.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Mapping
from typing import Any

from harness.api import UserError
from harness_grpo.options import LoraOptions
from harness_transformers.four_bits import count_numbers

_VISION = re.compile(r"(^|\.)(vision\w*|visual\w*|image_\w*)(\.|$)")
"""Names of modules that are of the vision tower."""
_LAYER = re.compile(r"^.*\.\d+\.")
"""The path up to the number of a layer."""


def adapter_config(options: LoraOptions, *, name: str, extra: str) -> Any:
    """The configuration of peft.

    Args:
        options: Of the recipe.
        name: Of the recipe, for messages.
        extra: The distribution with its extra that installs peft.

    Raises:
        UserError: peft is not installed.
    """
    try:
        import peft
    except ImportError as error:
        raise UserError(f"recipe {name}: lora needs peft; pip install '{extra}'") from error
    return peft.LoraConfig(
        r=options.rank,
        lora_alpha=options.alpha,
        lora_dropout=0.0,
        target_modules=options.targets,
        target_parameters=options.parameters or None,
        bias="none",
    )


def add_adapter(model: Any, options: LoraOptions, *, name: str, seed: int) -> None:
    """Put an adapter on a model, in float32.

    Args:
        model: Of transformers.
        options: Of the recipe.
        name: Of the recipe, for messages.
        seed: Of the first weights.

    Raises:
        UserError: peft is not installed, or a target or parameter is not one of the model.
    """
    config = adapter_config(options, name=name, extra="judge-harness-grpo[peft]")
    check_parameters(model, options, name=name)
    import peft
    import torch

    try:
        # peft draws A at random from torch's global generator.
        with torch.random.fork_rng(), warnings.catch_warnings():
            torch.manual_seed(seed)
            # Of targets without a module peft only warns where a parameter was found.
            warnings.filterwarnings("error", message="target_modules=", category=RuntimeWarning)
            peft.inject_adapter_in_model(config, model)
    except (ValueError, RuntimeWarning) as error:
        raise UserError(
            f"recipe {name}: lora.{'parameters' if 'nn.Parameter' in str(error) else 'targets'}: {error}"
        ) from error
    for part, parameter in model.named_parameters():
        if "lora_" in part and parameter.dtype.itemsize < 4:
            parameter.data = parameter.data.float()  # half precision would round most updates of it away


def check_parameters(model: Any, options: LoraOptions, *, name: str) -> None:
    """See that each of `parameters` is one of the model's, and a matrix or a stack of matrices.

    Raises:
        UserError: One is not. Says which there are.
    """
    shapes = {
        part.replace(".base_layer", ""): parameter.ndim
        for part, parameter in model.named_parameters()
        if "lora_" not in part
    }
    stacks = shorten(expert_stacks(model))
    for wanted in options.parameters:
        found = [part for part in shapes if part == wanted or part.endswith(f".{wanted}")]
        if not found:
            known = f"those of its experts are {', '.join(stacks)}" if stacks else "it has no fused experts; remove it"
            raise UserError(f"recipe {name}: lora.parameters: the model has no parameter {wanted!r}; {known}")
        flat = next((part for part in found if shapes[part] not in (2, 3)), None)
        if flat is not None:
            raise UserError(
                f"recipe {name}: lora.parameters: {flat} has {shapes[flat]} dimension(s); an adapter is for a matrix, "
                "or for a stack of matrices"
            )


def expert_stacks(model: Any) -> dict[str, int]:
    """Parameters that hold the matrices of several experts, and how many numbers each of them has."""
    from torch.nn.modules.conv import _ConvNd

    return {
        f"{name}.{own}": parameter.numel()
        for name, module in model.named_modules()
        if not isinstance(module, _ConvNd)
        for own, parameter in module.named_parameters(recurse=False)
        if parameter.ndim == 3 and len(parameter) > 1 and "lora_" not in name
    }


def shorten(names: Collection[str]) -> list[str]:
    """Names of parameters without their layers, as `parameters` takes them."""
    return sorted({_LAYER.sub("", name).replace(".base_layer", "") for name in names})


def adapter_layers(model: Any) -> dict[str, Any]:
    """The layers of an adapter by the name of the parameter that each adapts. Empty without an adapter."""
    try:
        from peft.tuners.lora import LoraLayer
    except ImportError:
        return {}
    return {
        # A stack of experts is wrapped once for each parameter, so that one layer may be the base of another.
        f"{name.replace('.base_layer', '')}.{getattr(module, 'parameter_name', 'weight')}": module
        for name, module in model.named_modules()
        if isinstance(module, LoraLayer)
    }


def describe(model: Any) -> str:
    """What is trained, in a line for people.

    Args:
        model: With its adapter, if there is one. What asks for gradients is trained.
    """
    sizes = {name: count_numbers(parameter) for name, parameter in model.named_parameters()}
    trained = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    whole = sum(size for name, size in sizes.items() if "lora_" not in name)
    count = sum(sizes[name] for name in trained)
    share = f"{100 * count / whole:.3g} % of the weights ({count:,} of {whole:,})"
    layers = {own: layer for own, layer in adapter_layers(model).items() if _is_trained(layer)}
    if not layers:
        return f"trains {share}"
    said = [f"adapters: {len(layers)} modules, {share}"]
    if any(_VISION.search(name) for name in sizes):
        said.append(f"vision tower: {sum(bool(_VISION.search(own)) for own in layers) or 'none'}")
    stacks = {name.replace(".base_layer", ""): size for name, size in expert_stacks(model).items()}
    if stacks:
        said.append(_describe_experts(stacks, layers, whole))
    return "; ".join(said)


def _is_trained(layer: Any) -> bool:
    return any(parameter.requires_grad for parameter in layer.lora_A.parameters())


def _describe_experts(stacks: Mapping[str, int], adapted: Collection[str], whole: int) -> str:
    missing = [name for name in stacks if name not in adapted]
    found = len(stacks) - len(missing)
    said = f"experts ({100 * sum(stacks.values()) / whole:.3g} % of the weights): {found or 'none'}"
    return (
        f"{said} of {len(stacks)}; to adapt the others add `parameters: [{', '.join(shorten(missing))}]`"
        if missing
        else f"{said}, all"
    )
