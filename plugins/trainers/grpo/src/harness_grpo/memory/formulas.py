"""Bytes of what a training holds. Counts of activations were read off what autograd keeps; tests hold them to it.

Per token and block, with h the width, q the width of all queries, k that of all keys, i the inner width, and b the
bytes of a number (4 in float32, 2 in half precision):

    norms        16 h       their input and what they made of it, both in float32, twice
    projections  b (2 h + q)        inputs of linear layers; under autocast each has its own copy: 2 (5 h + q)
    attention    3 b q      queries, and keys and values repeated for them (no matrix of tokens by tokens)
    head norms   8 (q + k)  of Qwen3; 6 (q + k) under autocast
    feed-forward 4 b i      gate, up, activation, product; r experts: b r (4 i + 2 h)

A block of most vision towers has no gate and other norms: b (8 h + 3 i), and 24 h + 6 i under autocast. That of
Qwen2.5-VL has a gate, and counts as a block of a language model: a tenth too little in float32, as it attends within
windows and puts these together. That of Qwen3-VL keeps a quarter less than planned under autocast. Experts of a mixture
stay in float32 under autocast. An adapter over half precision keeps float32 copies of what it reads: 4 (5 h + q + i).
"""

from __future__ import annotations

from dataclasses import dataclass

from harness_grpo.memory.shape import Tower


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """Bytes of numbers."""

    weights: int
    """Of a weight."""
    compute: int
    """Of what is computed."""
    adapter: bool = False
    """Whether an adapter is trained."""
    eight_bits: bool = False
    """Whether the optimizer keeps its moments in eight bits."""
    offloads: bool = False
    """Whether the optimizer keeps them on the host."""

    @property
    def casts(self) -> bool:
        """Whether weights are rounded to compute with them (autocast)."""
        return self.compute < self.weights


def optimizer_bytes(trained: int, each: int, precision: Precision) -> int:
    """Both moments of AdamW for so many numbers, `each` bytes a moment; in eight bits with a scale for 256 of them."""
    return 2 * trained + 2 * 4 * -(-trained // 256) if precision.eight_bits else 2 * trained * each


def block_bytes(tower: Tower, precision: Precision) -> int:
    """What a block keeps of a token for the backward pass."""
    h, q, k, i, b = tower.width, tower.heads, tower.keys, tower.inner, precision.compute
    if not tower.gated:
        return 24 * h + 6 * i if precision.casts else b * (8 * h + 3 * i)
    total = 16 * h + 3 * b * q + (2 * (5 * h + q) if precision.casts else b * (2 * h + q))
    if tower.norms_heads:
        total += (6 if precision.casts else 8) * (q + k)
    if tower.routed:
        total += (4 if precision.casts else b) * tower.routed * (4 * i + 2 * h)
    else:
        total += 4 * b * i
    if precision.adapter and b < 4:
        total += 4 * (5 * h + q + i * max(1, tower.routed))
    return total


def tower_bytes(tower: Tower, precision: Precision, tokens: int, *, recomputes: bool) -> int:
    """What all blocks keep of so many tokens. With gradient checkpointing: the input of each, and one block in full."""
    each = tokens * block_bytes(tower, precision)
    if not recomputes:
        return tower.layers * each
    # The residual stream is float32 under autocast.
    return tower.layers * tokens * tower.width * (4 if precision.casts else precision.compute) + each


def mask_bytes(rows: int, tokens: int, precision: Precision) -> int:
    """An attention mask of tokens by tokens, with the truth values that it is made from."""
    return rows * tokens * tokens * (precision.compute + 3)


def logits_bytes(places: int, vocabulary: int, precision: Precision, *, at_once: int, large: int) -> int:
    """Logits at so many places, with their gradient and what makes log-probabilities of them."""
    numbers = places * vocabulary
    kept = 2 * precision.compute * numbers
    # Small ones have a softmax in float32 and its gradient; large ones are taken in parts.
    return kept + (8 * numbers if numbers <= large else 3 * 4 * at_once)


def cache_bytes(tower: Tower, precision: Precision, tokens: int) -> int:
    """Keys and values of so many tokens. Under autocast keys are float32 after their rotation, and values are not."""
    each = 4 + 2 if precision.casts else 2 * precision.compute
    return tower.layers * tower.keys * each * tokens
