"""Attention of heads that share keys and values (GQA, arXiv 2305.13245), without a copy of these for each head.

For several queries under a mask, transformers copies keys and values for each head. For one query it does not: it turns
the heads of a group into queries of one head. This does the same for several. Imported only once a model is open.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

_NAME = "harness_grouped_sdpa"
_UNGROUPED = SimpleNamespace(is_causal=False)


def attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **inputs: Any,
) -> tuple[torch.Tensor, None]:
    """An attention function of transformers. Without a mask for all heads, it is that of sdpa.

    Args:
        module: The layer.
        query: Shape (R, H, Q, D).
        key: Shape (R, H / n, K, D).
        value: Shape (R, H / n, K, D).
        attention_mask: Shape (R, 1, Q, K).
        inputs: Of sdpa in transformers.

    Returns:
        Shape (R, Q, H, D), and no weights.
    """
    if attention_mask is None or attention_mask.shape[1] != 1:  # a layer that makes a mask of its own
        plain: tuple[torch.Tensor, None] = sdpa_attention_forward(module, query, key, value, attention_mask, **inputs)
        return plain
    rows, heads, queries, width = query.shape
    size = module.num_key_value_groups
    query = query.reshape(rows, heads // size, size * queries, width)
    mixed, _ = sdpa_attention_forward(_UNGROUPED, query, key, value, attention_mask.repeat(1, 1, size, 1), **inputs)
    return mixed.transpose(1, 2).reshape(rows, heads, queries, -1).transpose(1, 2).contiguous(), None


AttentionInterface.register(_NAME, attend)
AttentionMaskInterface.register(_NAME, sdpa_mask)


class GroupedHeads:
    """Heads of a model that share keys and values.

    Args:
        model: Of transformers.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        layers: list[Any] = [layer for layer in model.modules() if getattr(layer, "num_key_value_groups", 1) > 1]
        configs = {id(config): config for layer in layers if (config := getattr(layer, "config", None)) is not None}
        self._configs = [config for config in configs.values() if config._attn_implementation == "sdpa"]
        self.size: int = max((layer.num_key_value_groups for layer in layers), default=1) if self._configs else 1
        """How many heads share keys and values where attention makes use of it; 1 otherwise."""

    @contextmanager
    def sharing(self) -> Iterator[None]:
        """For passes of several queries under a mask of shape (R, 1, Q, K)."""
        for config in self._configs:
            config._attn_implementation = _NAME
        try:
            yield
        finally:
            for config in self._configs:
                config._attn_implementation = "sdpa"
