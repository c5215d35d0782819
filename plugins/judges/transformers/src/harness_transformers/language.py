"""The model as a judge uses it: read prompts once, and go on from there in many ways.

    prefill(prompts) -> Prefix        one pass over prompts and images; what they all begin with is read once and kept
    prefill_with_continuations(...)   the same pass reads several continuations of each; only their logits stay
    Prefix.rows([0, 0, 1])            the same prefix for several continuations, without reading it again
    append(prefix, tokens)            more tokens after it, and the logits of what follows

Positions are kept per row, so that prompts of different lengths share a batch and every row computes what it would
compute alone. Not for prompts (`prompts`). Not for writing answers (`writing`) or for how likely they are (`weighing`),
and not for what they mean (`judge`).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from harness_transformers.continuations import Continuations
from harness_transformers.numerics import differ
from harness_transformers.prompts import Prompt
from harness_transformers.sight import NOTHING, Pictures, Sight

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger(__name__)

_WORTHWHILE = 512
"""Fewer tokens saved, over all rows of a batch, are not worth a pass of their own."""

_LASTING = 32
"""A start that the batch before had as well is worth one from so many tokens on: it is kept for the batches to come."""


@dataclass(slots=True)
class Prefix:
    """R rows that the model has read, as a KV cache, and the logits of what follows."""

    cache: Any
    """Keys and values of transformers, of R rows and L places."""
    mask: Tensor
    """Shape (R, L): 1 where a place is a token of the row, 0 where it is padding."""
    position: Tensor
    """Shape (..., R, 1): position of the last token of each row. Models with 3-D positions have leading axes."""
    logits: Tensor
    """Shape (R, V): of the token after the last one."""

    def rows(self, indices: Sequence[int], *, room: int = 0) -> Prefix:
        """A prefix whose row i is row `indices[i]` of this one, which stays as it is.

        Args:
            indices: Rows of this prefix, in any order, as often as wanted.
            room: How many tokens will be appended, one at a time.
        """
        import torch

        from harness_transformers.growing_cache import select_rows

        index = torch.tensor(list(indices), device=self.mask.device)
        cache = select_rows(self.cache, index, room=room)
        return Prefix(cache, self.mask[index], self.position[..., index, :], self.logits[index])


class Language:
    """A generative model, vision-language or text only.

    Args:
        model: Opened, on its device.
        sight: Gives it images; `None` for a text model.
        stops: Tokens that end an answer.
        pad: Token for padding.
        never: Tokens that are never written: placeholders of images.
    """

    def __init__(
        self, model: Any, *, sight: Sight | None, stops: Sequence[int], pad: int, never: Sequence[int] = ()
    ) -> None:
        import torch

        from harness_transformers.growing_cache import grows_plainly

        self.model = model
        self._sight = sight
        self.pad = pad
        self.stops = torch.tensor(sorted(set(stops)), device=model.device)
        self.never = torch.tensor(sorted(set(never)), device=model.device, dtype=torch.long)
        self._placeholders = frozenset(never)
        # Padding stands between the shared start and the rest of a row; a sliding window would count it as tokens.
        self.shares_start = grows_plainly(model.config)
        # FlashAttention takes no mask of one's own.
        self.takes_masks = self.shares_start and getattr(model.config, "_attn_implementation", "") in ("sdpa", "eager")
        """Whether a mask may say which places of its row each token sees."""
        self._start_checked = False
        self._start: tuple[list[int], Prefix] | None = None
        self._row_before: list[int] = []

    def clear(self) -> None:
        """Forget images and the start of prompts: to free memory, or because weights have changed."""
        self._start, self._row_before = None, []
        if self._sight is not None:
            self._sight.clear()

    # -- reading ---------------------------------------------------------------------------------------------------

    def prefill(self, prompts: Sequence[Prompt], *, tails: Sequence[Sequence[int]] | None = None) -> Prefix:
        """Read prompts in one pass, or in two: what all of them begin with once, then the rest of each.

        Args:
            prompts: R prompts. Their pixels, if any, must be of one shape.
            tails: Tokens of the answer that follow each prompt, read along with it.
        """
        text = self._text(prompts, tails if tails is not None else [()] * len(prompts))
        pictures = self._pictures_of(prompts, text)
        if text.shared and not self._start_checked:
            together, apart = self._read(text, pictures), self._read_shared(text, pictures)
            self._start_checked = True
            if differ(together.logits, apart.logits, str(self.model.dtype)):
                log.warning("what prompts begin with is read again for each: read once, it gives other logits")
                self.shares_start = False
                return together
            return apart
        return self._read_shared(text, pictures) if text.shared else self._read(text, pictures)

    def prefill_with_continuations(
        self, prompts: Sequence[Prompt], continuations: Continuations, *, tails: Sequence[Sequence[int]] | None = None
    ) -> Tensor:
        """Read prompts, and after each of them several continuations that do not see one another, in one pass.

        Args:
            prompts: R prompts. Their pixels, if any, must be of one shape.
            continuations: After each prompt, S tokens a row.
            tails: Tokens of the answer that follow each prompt and that all its continuations begin with.

        Returns:
            Shape (R, 1 + S, V): logits after the last token of the prompt, then after each token of the continuations.
        """
        import torch

        text = self._text(prompts, tails if tails is not None else [()] * len(prompts))
        pictures = self._pictures_of(prompts, text)
        # Without a shared start no cache is kept: the prompt and its continuations are read in this one pass.
        begin, cache = (text.shared, self._start_of(text)) if text.shared else (0, None)
        most = continuations.ids.shape[1]
        output = self.model(
            input_ids=torch.cat([text.ids[:, begin:], continuations.ids], dim=1),
            attention_mask=self.additive(continuations.attention_mask(text.mask.bool(), begin)),
            position_ids=torch.cat(
                [text.positions[..., begin:], text.positions[..., -1:] + 1 + continuations.offset], dim=-1
            ),
            past_key_values=cache,
            use_cache=cache is not None,
            logits_to_keep=1 + most,
            **{
                name: torch.cat([kinds[:, begin:], torch.zeros_like(continuations.ids)], dim=1)
                for name, kinds in text.kinds.items()
            },
            **pictures.inputs,
        )
        logits: Tensor = output.logits.float()
        return logits

    def additive(self, visible: Tensor) -> Tensor:
        """A mask to add to attention scores, shape (R, 1, Q, K), from what each token may see, shape (R, Q, K)."""
        import torch

        # The least finite number, not -inf: the softmax of a row of padding, which sees nothing, would be NaN.
        least = torch.finfo(self.model.dtype).min
        mask: Tensor = (~visible[:, None]).to(self.model.dtype) * least
        return mask

    def _read(self, text: _Text, pictures: Pictures) -> Prefix:
        return self._forward(text, pictures, begin=0, end=text.ids.shape[1], rows=len(text.ids), cache=None)

    def _read_shared(self, text: _Text, pictures: Pictures) -> Prefix:
        rows, end = text.ids.shape
        return self._forward(text, pictures, begin=text.shared, end=end, rows=rows, cache=self._start_of(text))

    def _start_of(self, text: _Text) -> Any:
        """Keys and values of what all prompts begin with, for each row. Read once and kept."""
        ids = text.ids[0, : text.shared].tolist()
        if self._start is None or self._start[0] != ids:
            self._start = ids, self._forward(text, NOTHING, begin=0, end=text.shared, rows=1, cache=None)
        return self._start[1].rows([0] * len(text.ids)).cache

    def _forward(self, text: _Text, pictures: Pictures, *, begin: int, end: int, rows: int, cache: Any) -> Prefix:
        output = self.model(
            input_ids=text.ids[:rows, begin:end],
            attention_mask=text.mask[:rows, :end],
            position_ids=text.positions[..., :rows, begin:end],
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,  # those of a whole prompt would be rows x length x vocabulary numbers
            **{name: kinds[:rows, begin:end] for name, kinds in text.kinds.items()},
            **pictures.inputs,
        )
        return Prefix(
            output.past_key_values,
            text.mask[:rows, :end],
            text.positions[..., :rows, end - 1 : end],
            output.logits[:, -1].float(),
        )

    def _text(self, prompts: Sequence[Prompt], tails: Sequence[Sequence[int]]) -> _Text:
        """The tokens of a batch: first what all rows share, then padding, then the rest of each row."""
        import torch

        rows = [[*prompt.ids, *tail] for prompt, tail in zip(prompts, tails, strict=True)]
        shared = self._count_common_start(rows)
        most = max(map(len, rows))
        device = self.model.device

        def laid_out(values: Sequence[Sequence[int]], fill: int) -> Tensor:
            return torch.tensor(
                [[*row[:shared], *[fill] * (most - len(row)), *row[shared:]] for row in values], device=device
            )

        kinds = {
            name: laid_out([[*p.per_token[name], *[0] * len(t)] for p, t in zip(prompts, tails, strict=True)], 0)
            for name in prompts[0].per_token
        }
        ids, mask = laid_out(rows, self.pad), laid_out([[1] * len(row) for row in rows], 0)
        grid = self._sight.grid(prompts) if self._sight is not None else {}
        # Private, and the only place where transformers has the positions of every model (3-D for Qwen-VL).
        positions = self.model._prepare_position_ids_for_generation(ids, {"attention_mask": mask, **kinds, **grid})
        if positions.shape[-2] != len(rows):  # one row of positions for all
            positions = positions.expand(*positions.shape[:-2], len(rows), -1)
        return _Text(ids, mask, positions, kinds, shared)

    def _count_common_start(self, rows: Sequence[list[int]]) -> int:
        """Tokens that all rows begin with alike, ahead of the first image. 0 where that is not worth a pass."""
        if not self.shares_start:
            return 0
        before, self._row_before = self._row_before, rows[0]
        # Every row keeps a token to read: its logits are what the pass is for.
        here = self._alike([row[:-1] for row in rows])
        known = 0 if self._start is None else len(self._start[0])
        if known > here or (self._start is not None and rows[0][:known] != self._start[0]):
            known = 0
        if (here - known) * (len(rows) - 1) >= _WORTHWHILE:
            return here
        if known:
            return known
        lasting = self._alike([rows[0][:here], before])
        return lasting if lasting >= _LASTING else 0

    def _alike(self, rows: Sequence[Sequence[int]]) -> int:
        """Tokens that all rows begin with, ahead of the first image."""
        # An image is never shared: its placeholders look alike, and its content does not.
        columns = zip(*rows, strict=False)
        same = takewhile(lambda column: len(set(column)) == 1 and column[0] not in self._placeholders, columns)
        return sum(1 for _ in same)

    def _pictures_of(self, prompts: Sequence[Prompt], text: _Text) -> Pictures:
        if self._sight is None:
            return NOTHING
        return self._sight.pictures(prompts, lambda pictures: self._read(text, pictures).logits)

    def append(self, prefix: Prefix, rows: Sequence[Sequence[int]]) -> Tensor:
        """Read more tokens after a prefix, in place.

        Args:
            prefix: R rows. Moved to the end of the new tokens, logits included. A row without new tokens stays.
            rows: The new tokens of each row, N at most.

        Returns:
            Shape (R, N, V): logits after each new token. Meaningless after padding.
        """
        import torch

        device = prefix.mask.device
        most = max(map(len, rows))
        ids = torch.tensor([[*row, *[self.pad] * (most - len(row))] for row in rows], device=device)
        lengths = torch.tensor([[len(row)] for row in rows], device=device)
        # Short rows are padded on the right: the padding stays in the KV cache, masked, and takes no position.
        steps = torch.arange(most, device=device)
        prefix.mask = torch.cat([prefix.mask, (steps < lengths).to(prefix.mask.dtype)], dim=1)
        output = self.model(
            input_ids=ids,
            attention_mask=prefix.mask,
            position_ids=prefix.position + 1 + steps,
            past_key_values=prefix.cache,
            use_cache=True,
        )
        logits: Tensor = output.logits.float()
        prefix.cache = output.past_key_values
        prefix.position = prefix.position + lengths
        if most == 1 and all(map(len, rows)):
            prefix.logits = logits[:, 0]
        else:
            last = logits[torch.arange(len(rows), device=device), (lengths[:, 0] - 1).clamp(min=0)]
            prefix.logits = torch.where(lengths > 0, last, prefix.logits)  # a row without new tokens keeps its own
        return logits

    # -- tokens ----------------------------------------------------------------------------------------------------

    def restrict(self, logits: Tensor) -> Tensor:
        """Logits, shape (R, V), without the tokens that are never written."""
        return logits.index_fill(1, self.never, float("-inf")) if len(self.never) else logits

    def ends(self, tokens: Tensor) -> Tensor:
        """Which tokens end an answer."""
        import torch

        return torch.isin(tokens, self.stops)


@dataclass(frozen=True, slots=True)
class _Text:
    """The tokens of a batch of R rows, P long."""

    ids: Tensor
    """Shape (R, P)."""
    mask: Tensor
    """Shape (R, P)."""
    positions: Tensor
    """Shape (..., R, P)."""
    kinds: dict[str, Tensor]
    """Shape (R, P) each: `mm_token_type_ids` and its like."""
    shared: int
    """How many places all rows begin with alike."""
