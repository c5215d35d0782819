"""When a model computes the same after a shared prompt as in a row for each completion, and when that pays.

Only what can be read off a model. The rest shows when `prefix` holds its first batch against repeated rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from harness_grpo.packing import Rollouts

Shared = Literal["packed", "cache"]

_TOKEN = 3
"""What a token costs in the linear layers of a block, in pairs of attention and for each unit of width. The count of
multiplications says 6 (12 H² a token, 2 H a pair). A pair took about twice as long as its count says (CPU, widths of 32
to 128)."""

_SECOND_PASS = 4 / 3
"""What the second pass and the copies of keys and values add to `cache`: with it, the way that is expected to be
quicker was so at 8, 16, 32 and 64 tokens after 312 (8 completions, CPU, widths of 32 to 128)."""


def standing_obstacle(model: Any, mode: Shared) -> str | None:
    """Why a model can never share prompts, with what to do; `None` where nothing stands against it.

    Args:
        model: Of transformers, with or without adapters of peft.
        mode: The way to share.
    """
    config = model.config.get_text_config()
    if _remembers(model, config):
        return "it has recurrent or linear-attention layers, whose state would pass from one completion to the next"
    # That loss is a mean over tokens: G copies of a prompt count G times, a shared one once.
    if getattr(config, "output_router_logits", False) and getattr(config, "router_aux_loss_coef", 0.0):
        return (
            "the load-balancing loss of its experts is on and would count the prompt once; "
            "set output_router_logits to false in its config"
        )
    attention = config._attn_implementation
    if mode == "packed" and attention not in ("sdpa", "eager"):
        return f"its attention ({attention}) takes no mask of any shape; open it with attn_implementation sdpa or eager"
    return None


def passing_obstacle(model: Any, mode: Shared, longest: int) -> str | None:
    """The same for the state that the model is in, and for rows as long as these.

    Args:
        model: Of transformers, with or without adapters of peft.
        mode: The way to share.
        longest: Tokens of the longest prompt with its completion.
    """
    drawn = next(_by_chance(model), None)
    if drawn is not None:
        return f"{drawn}, so that copies of a prompt would differ; set it to 0 in the config, or call eval() on it"
    if mode == "cache" and model.training and model.is_activation_checkpointing:
        return "gradient checkpointing keeps no keys and values; use packed, or turn checkpointing off"
    window = min(_windows(model.config.get_text_config()), default=longest)
    if longest > window:
        return f"a prompt with its completion is longer than its sliding window of {window} tokens"
    return None


def worthwhile(ways: Sequence[Shared], groups: Sequence[Rollouts], width: int) -> list[Shared]:
    """The ways that are expected to be quicker than repeated rows, the quickest first.

    Work is counted in pairs of a token and one that it may be compared with, padding included. `packed` compares all of
    a row with all of it, completions of one another too, and so it loses to `cache` where completions are long.

    Args:
        ways: Those that are possible.
        groups: The batch.
        width: Of the hidden states.
    """
    prompt = max(len(group.prompt.ids) for group in groups)
    longest = max(len(tokens) for group in groups for tokens in group.completions)
    packed = max(len(group.prompt.ids) + sum(map(len, group.completions)) for group in groups)
    rows, whole = sum(len(group.completions) for group in groups), prompt + longest

    def work(rows: int, tokens: int, seen: int) -> int:
        return rows * tokens * (_TOKEN * width + seen)

    # The yardstick: a way that is not cheaper than repeated rows is not taken, however exact.
    repeat = work(rows, whole, whole)
    costs: dict[Shared, float] = {
        "packed": work(len(groups), packed, packed),
        "cache": _SECOND_PASS * (work(len(groups), prompt, prompt) + work(rows, longest, whole)),
    }
    return sorted((way for way in ways if costs[way] < repeat), key=costs.__getitem__)


def _remembers(model: Any, config: Any) -> bool:
    """Whether a layer holds more than keys and values."""
    from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

    # The class of a layer of the KV cache tells what the layer remembers; recurrent ones have others.
    plain = (DynamicLayer, DynamicSlidingWindowLayer)
    return bool(getattr(model, "_is_stateful", False)) or any(type(layer) not in plain for layer in _layers(config))


def _windows(config: Any) -> Iterator[int]:
    """Tokens that each layer sees, where not all."""
    return (layer.sliding_window for layer in _layers(config) if layer.is_sliding)


def _layers(config: Any) -> Any:
    from transformers import DynamicCache

    return DynamicCache(config=config).layers


def _by_chance(model: nn.Module) -> Iterator[str]:
    """Descriptions of modules in training that draw numbers, or that depend on the other rows of a batch."""
    for name, module in model.named_modules():
        if not module.training:
            continue
        if isinstance(module, _DropoutNd) and module.p > 0:
            yield f"{name} drops {module.p:g} of its inputs"
        elif isinstance(module, _BatchNorm):
            yield f"{name} takes statistics of its batch"
        # Attention applies its dropout by a number in the module, where no Dropout module is found.
        for key in ("attention_dropout", "dropout"):
            share = getattr(module, key, None)
            if isinstance(share, float) and share > 0:
                yield f"{name} has {key} {share:g}"
