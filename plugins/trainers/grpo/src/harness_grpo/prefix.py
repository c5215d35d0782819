"""Log-probabilities of completions, with the prompt of a group computed once.

A group is one prompt and G completions. In a judge the prompt is long (images, a rubric) and a completion short, so
that repeated rows spend nearly all work on G copies of the same prompt. Gradients flow through the shared prompt to
every parameter, as if it had been repeated: for causal models each copy computes the same, and the gradients of G equal
terms add up in the one (Prefix Grouper, arXiv 2506.05433).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from harness.api import UserError
from harness_grpo.conditions import Shared, passing_obstacle, standing_obstacle, worthwhile
from harness_grpo.likelihoods import entropies, token_logps
from harness_grpo.packing import (
    Piece,
    Rollouts,
    Rows,
    completions_of,
    interleave_first_tokens,
    side_by_side,
    sources,
    tail,
    tails_in_rows,
    tails_together,
)
from harness_grpo.precision import autocast
from harness_transformers.sight import joint

__all__ = ["PrefixScorer", "Rollouts", "Scored"]

log = logging.getLogger(__name__)

Mode = Literal["auto", "packed", "cache", "repeat"]

_SHARED: tuple[Shared, ...] = ("packed", "cache")
_TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-3}
_UNITS = 4
"""The same in half precision, in machine epsilons and for the mean. Rounding in another order moves log-probabilities
of SmolLM2-135M by 1.0 (packed) and 1.7 (cache) epsilons of their spread in bfloat16, by 1.4 and 2.0 in float16.
Positions that are wrong by one move them by 4.5 and 32, a mask that is ignored by more than 60."""
_ENTROPY_ROWS = 256
"""Places whose distribution over the vocabulary is held at once for entropies."""
LARGE = 2**26
"""Logits from which on their softmax is made in parts: 256 MiB in float32."""


@dataclass(frozen=True, slots=True)
class Scored:
    """R completions, in the order of the groups and of the completions in them, C tokens at most."""

    logps: Tensor
    """Shape (R, C): log-probability of each token in nats, differentiable. 0 after the end. Float32, or float64 for a
    model in float64."""
    mask: Tensor
    """Shape (R, C): true where a completion has a token."""
    entropy: Tensor | None
    """Shape (R, C): entropy in nats of the distribution that each token was drawn from, without gradient. 0 after the
    end. `None` unless it was asked for."""


@dataclass(frozen=True, slots=True)
class _Flat:
    """Values of all tokens of all completions, one after the other."""

    logps: Tensor
    entropy: Tensor | None


@dataclass(frozen=True, slots=True)
class _Drawn:
    """The temperature of the draws, and whether entropies are wanted."""

    temperature: float
    entropy: bool


class PrefixScorer:
    """Log-probabilities of completions, after prompts that are computed once for each group.

    Three ways, of which the last is the measure of the others:

    - `packed`: all completions of a group stand after its prompt in one row. A mask lets each see the prompt and
      itself, and its positions go on from the prompt. For attention by sdpa or eager. Attention costs the square of the
      whole row.
    - `cache`: the prompt is read once, its keys and values are repeated for each completion, or for several short ones
      that stand in one row. Attention costs least, and memory holds keys and values up to G times. Not under gradient
      checkpointing, which keeps none.
    - `repeat`: prompt and completion in a row for each, images encoded for each.
    - `auto`: what fits the model and the batch, the way that is expected to be quickest (`conditions`).

    Sharing is exact where the model is causal and each row is computed by itself. It is refused (an error in a mode
    that was asked for; in `auto` the next way is taken, and the log says so):

    - under dropout above 0 or batch statistics in a module that is in training, adapters included: copies of a prompt
      would draw different masks;
    - for recurrent and linear-attention layers (Mamba, Qwen3-Next): their state leaks from completion to completion;
    - for a sliding window or attention chunk that is shorter than a prompt with its completion: the mask has none;
    - for a load-balancing loss of experts (`output_router_logits`): it would count the prompt once;
    - `packed` for attention other than sdpa and eager, `cache` under gradient checkpointing, as said.

    What else a model may do differently (attention that ignores a mask, images that attend to one another both ways)
    shows in the first batch of each way, which is computed by `repeat` as well, without gradients. Every further batch
    costs one pass.

    Args:
        model: A generative model of transformers on its device, with or without adapters of peft. Nothing about it is
            changed.
        mode: The way.
        pad: Token for padding.
        tolerance: How far log-probabilities may be from those of `repeat`, as a share of their spread or of one nat,
            whichever is more: the greatest difference in float32 (1e-3 unless given) and float64 (1e-6); in half
            precision, where single tokens are rounded far, the mean difference (four machine epsilons: 0.031 in
            bfloat16, 0.0039 in float16).
        compute: The dtype to compute in, where that is not the one of the weights.

    Raises:
        UserError: A mode was asked for that never fits the model.
    """

    def __init__(
        self,
        model: Any,
        *,
        mode: Mode = "auto",
        pad: int,
        tolerance: float | None = None,
        compute: torch.dtype | None = None,
    ) -> None:
        self.model = model
        self.mode = mode
        self._pad = pad
        computed = compute or model.dtype
        rough = _UNITS * torch.finfo(computed).eps
        self._tolerance = tolerance if tolerance is not None else _TOLERANCE.get(computed, rough)
        self._compute = compute
        self._obstacles = {way: standing_obstacle(model, way) for way in _SHARED}
        self._trusted: set[Shared] = set()
        self._warned: set[str] = set()
        if mode != "auto" and mode != "repeat":
            self._insist(mode, self._obstacles[mode])

    @property
    def shares(self) -> bool:
        """Whether prompts may be computed once for their completions, as far as is known."""
        return self.mode != "repeat" and None in self._obstacles.values()

    def settle(self, groups: Sequence[Rollouts]) -> None:
        """Find out now whether prompts may be packed, so that every later batch is one pass: for sharded weights.

        Args:
            groups: Some, the same in all processes.
        """
        self._obstacles["cache"] = "weights are sharded, and each process must make as many passes"
        if self.mode == "repeat" or self._obstacles["packed"] or "packed" in self._trusted:
            return
        found = passing_obstacle(self.model, "packed", max(group.longest for group in groups))
        if found is None:
            drawn = _Drawn(1.0, False)
            with torch.no_grad():
                self._holds("packed", self._score_packed(groups, drawn), groups, drawn)
        elif self.mode == "packed":
            self._insist("packed", found)
        else:
            self._obstacles["packed"] = found

    def logps(self, groups: Sequence[Rollouts], *, temperature: float = 1.0, entropy: bool = False) -> Scored:
        """Log-probability of each token of each completion.

        Gradients reach every parameter that prompts, images and completions pass through and that asks for one. Several
        groups are computed at once: prompts of like length waste least.

        Args:
            groups: B groups.
            temperature: Of the softmax: that at which tokens were drawn.
            entropy: Also give the entropy at each token.

        Raises:
            ValueError: There are no groups.
            UserError: The mode that was asked for does not fit the model, its state or the batch, or gives other
                log-probabilities than repeated rows.
        """
        if not groups:
            raise ValueError("no groups to score")
        drawn = _Drawn(temperature, entropy)
        for mode in self._ways(groups):
            flat = self._score_packed(groups, drawn) if mode == "packed" else self._score_with_cache(groups, drawn)
            if mode in self._trusted or self._holds(mode, flat, groups, drawn):
                return _lay_out(flat, groups)
        return _lay_out(self._score_repeated(groups, drawn), groups)

    # -- choosing --------------------------------------------------------------------------------------------------

    def _ways(self, groups: Sequence[Rollouts]) -> list[Shared]:
        """The ways to share that are to be tried, in order."""
        if self.mode == "repeat":
            return []
        longest = max(group.longest for group in groups)
        asked = _SHARED if self.mode == "auto" else (self.mode,)
        found = {way: self._obstacles[way] or passing_obstacle(self.model, way, longest) for way in asked}
        if self.mode != "auto":
            self._insist(self.mode, found[self.mode])
            return [self.mode]
        free = [way for way, obstacle in found.items() if obstacle is None]
        if not free:
            self._tell("; ".join(f"{way}: {obstacle}" for way, obstacle in found.items()))
        width = self.model.config.get_text_config().hidden_size
        return worthwhile(free, groups, width)

    def _insist(self, mode: Shared, obstacle: str | None) -> None:
        if obstacle is not None:
            name = self.model.config.model_type
            raise UserError(f"prefix mode {mode} does not fit the model ({name}): {obstacle}; or use mode auto")

    def _tell(self, why: str) -> None:
        """Warn, once for each reason."""
        if why not in self._warned:
            self._warned.add(why)
            log.warning("prompts are computed again for each completion, which takes several times as long: %s", why)

    def _holds(self, mode: Shared, flat: _Flat, groups: Sequence[Rollouts], drawn: _Drawn) -> bool:
        """Whether a way gives what repeated rows give, on its first batch."""
        with torch.no_grad():
            parts = [self._score_repeated([group], drawn).logps for group in groups]
        expected, given = torch.cat(parts), flat.logps.detach()
        # Half precision rounds single tokens far, so there the mean is compared.
        apart = (given - expected).abs()
        difference = float(apart.mean() if (self._compute or self.model.dtype).itemsize < 4 else apart.max())
        spread = float(expected.std(correction=0))
        if difference <= self._tolerance * max(1.0, spread):
            self._trusted.add(mode)
            return True
        found = f"log-probabilities by {mode} are {difference:.2g} nats from those of repeated rows"
        if self.mode != "auto":
            self._insist(mode, found)
        log.warning("prompts are not shared by %s from now on: %s", mode, found)
        self._obstacles[mode] = found
        return False

    # -- the three ways --------------------------------------------------------------------------------------------

    def _score_repeated(self, groups: Sequence[Rollouts], drawn: _Drawn) -> _Flat:
        pieces = [
            (number, [Piece(group.prompt.ids), tail(group, tokens)])
            for number, group in enumerate(groups)
            for tokens in group.completions
        ]
        rows = self._rows(groups, pieces)
        pixels = joint([groups[number].prompt for number, _ in pieces], self.model)
        # Nothing sees what pads a row after its end, and without a mask attention takes its fast kernel.
        logits, _ = self._read(rows, torch.ones_like(rows.mask), self._positions(rows, pixels), **pixels)
        return _likelihoods(logits, self._tokens(completions_of(groups)), drawn)

    def _score_packed(self, groups: Sequence[Rollouts], drawn: _Drawn) -> _Flat:
        rows = self._rows(groups, [(number, side_by_side(group)) for number, group in enumerate(groups)])
        pixels = joint([group.prompt for group in groups], self.model)
        positions = self._alone(groups, pixels)[..., rows.group[:, None], rows.place]
        logits, _ = self._read(rows, self._additive(rows.attention_mask()), positions, **pixels)
        return _likelihoods(logits, self._tokens(completions_of(groups)), drawn, self._tensor(sources(groups)))

    def _score_with_cache(self, groups: Sequence[Rollouts], drawn: _Drawn) -> _Flat:
        prompts = self._rows(groups, [(number, [Piece(group.prompt.ids)]) for number, group in enumerate(groups)])
        pixels = joint([group.prompt for group in groups], self.model)
        positions = self._alone(groups, pixels)
        begin = positions[..., : prompts.ids.shape[1]]
        logits, cache = self._read(prompts, torch.ones_like(prompts.mask), begin, use_cache=True, **pixels)
        of = self._tensor([number for number, group in enumerate(groups) for _ in group.completions])
        completions = completions_of(groups)
        first = _likelihoods(logits, self._tensor([tokens[0] for tokens in completions]), drawn, of)
        # One token each: its log-probability comes from the prompt, and there is nothing more to read.
        if max(map(len, completions)) == 1:
            return first
        # Several in a row where their masks are taken: fewer copies of keys and values.
        together = 1 if self._obstacles["packed"] else tails_together(groups)
        pieces = [(number, row) for number, group in enumerate(groups) for row in tails_in_rows(group, together)]
        tails = self._rows(groups, pieces)
        counts = Counter(number for number, _ in pieces)
        if (
            len(set(counts.values())) == 1
        ):  # the gradient of repeating is a sum, that of selecting several times as slow
            cache.batch_repeat_interleave(counts[0])
        else:
            cache.batch_select_indices(tails.group)
        ahead = prompts.mask[tails.group]
        mask = torch.cat([ahead, tails.mask], dim=1)
        if together > 1:
            own = tails.attention_mask()
            mask = self._additive(torch.cat([ahead.bool()[:, None].expand(-1, own.shape[1], -1), own], dim=-1))
        logits, _ = self._read(
            tails, mask, positions[..., tails.group[:, None], tails.place], past_key_values=cache, use_cache=True
        )
        rest = _likelihoods(logits, self._tokens([tokens[1:] for tokens in completions]), drawn)
        return _join(first, rest, self._tensor(interleave_first_tokens([len(tokens) for tokens in completions])))

    # -- the model -------------------------------------------------------------------------------------------------

    def _read(self, rows: Rows, mask: Tensor, positions: Tensor, **inputs: Any) -> tuple[Tensor, Any]:
        """Logits at the places that predict tokens, shape (N, V), row after row, and the cache."""
        with autocast(self.model.device.type, self._compute):
            output = self.model(
                input_ids=rows.ids,
                attention_mask=mask,
                position_ids=positions,
                logits_to_keep=rows.keep,
                **{"use_cache": False, **rows.kinds, **inputs},
            )
        logits: Tensor = output.logits
        # Most models take `keep` as an index and give two dimensions; those that ignore it give all places.
        return (logits if logits.ndim == 2 else logits[rows.keep]), output.past_key_values

    def _additive(self, visible: Tensor) -> Tensor:
        """A mask to add to attention scores, shape (R, 1, Q, K), from what each token sees, shape (R, Q, K)."""
        # Autocast rounds the mask as well: the least number of float32 would be -inf in bfloat16.
        dtype = self._compute or self.model.dtype
        numbers: dict[str, Any] = {"dtype": dtype, "device": visible.device}
        # The least finite number: -inf in a whole row gives NaN.
        least = torch.full((), torch.finfo(dtype).min, **numbers)
        return torch.where(visible[:, None], torch.zeros((), **numbers), least)

    def _alone(self, groups: Sequence[Rollouts], pixels: Mapping[str, Tensor]) -> Tensor:
        """Positions of each prompt with its longest completion in a row of its own, shape (..., B, L).

        Those of a shorter completion are the same as far as it goes.
        """
        pieces = [
            (number, [Piece(group.prompt.ids), tail(group, max(group.completions, key=len))])
            for number, group in enumerate(groups)
        ]
        return self._positions(self._rows(groups, pieces), pixels)

    def _positions(self, rows: Rows, pixels: Mapping[str, Tensor]) -> Tensor:
        """Positions as the model counts them, in three dimensions where it does so. Shape (..., R, L)."""
        # Qwen-VL counts positions by the rows and columns of an image.
        grids = {name: value for name, value in pixels.items() if name.endswith("_grid_thw")}
        inputs = {"attention_mask": rows.mask, **rows.kinds, **grids}
        positions: Tensor = self.model._prepare_position_ids_for_generation(rows.ids, inputs)
        return positions.expand(*positions.shape[:-2], len(rows.ids), -1)

    def _rows(self, groups: Sequence[Rollouts], rows: Sequence[tuple[int, Sequence[Piece]]]) -> Rows:
        return Rows.of(groups, rows, pad=self._pad).to(self.model.device)

    def _tokens(self, rows: Sequence[Sequence[int]]) -> Tensor:
        return self._tensor([token for row in rows for token in row])

    def _tensor(self, values: Sequence[int]) -> Tensor:
        return torch.tensor(values, device=self.model.device)


def _likelihoods(logits: Tensor, tokens: Tensor, drawn: _Drawn, source: Tensor | None = None) -> _Flat:
    """Log-probability of N tokens.

    Args:
        logits: Shape (M, V).
        tokens: Shape (N,).
        drawn: What is wanted.
        source: Shape (N,): which of the M places predicts each token. The same one unless given.
    """
    if source is None:
        source = torch.arange(len(tokens), device=tokens.device)
    if logits.numel() > LARGE:
        large = entropies(logits, drawn.temperature)[source] if drawn.entropy else None
        return _Flat(token_logps(logits, tokens, source, drawn.temperature), large)
    # At least float32: log-probabilities of bfloat16 have two digits, and the ratio is their difference.
    dtype = torch.promote_types(logits.dtype, torch.float32)
    if drawn.temperature != 1.0:
        logits = logits.to(dtype) / drawn.temperature
    logs = logits.log_softmax(-1, dtype=dtype)
    return _Flat(logs[source, tokens], _entropies(logs.detach())[source] if drawn.entropy else None)


def _entropies(logs: Tensor) -> Tensor:
    """Shape (M,): entropy in nats of each of M distributions, given as log-probabilities."""
    # In portions: exp of all places at once would double the largest tensor of the pass.
    return -torch.cat([part.exp().mul_(part).sum(-1) for part in torch.split(logs, _ENTROPY_ROWS)])


def _join(first: _Flat, second: _Flat, order: Tensor) -> _Flat:
    """Two parts as one, in another order."""
    entropy = None
    if first.entropy is not None and second.entropy is not None:
        entropy = torch.cat([first.entropy, second.entropy])[order]
    return _Flat(torch.cat([first.logps, second.logps])[order], entropy)


def _lay_out(flat: _Flat, groups: Sequence[Rollouts]) -> Scored:
    lengths = torch.tensor([len(tokens) for tokens in completions_of(groups)], device=flat.logps.device)
    mask = torch.arange(int(lengths.max()), device=lengths.device) < lengths[:, None]

    def laid_out(values: Tensor) -> Tensor:
        return values.new_zeros(mask.shape).masked_scatter(mask, values)

    return Scored(laid_out(flat.logps), mask, None if flat.entropy is None else laid_out(flat.entropy))
