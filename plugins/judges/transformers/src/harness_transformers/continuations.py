"""Several continuations of a row side by side in one pass, none of which sees another.

Not for what is computed from them. See `weighing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Continuations:
    """Several continuations of each of R rows, side by side: each sees what is ahead of it in its row, and itself."""

    ids: Tensor
    """Shape (R, S): the tokens of all continuations of a row, one after the other, then padding."""
    offset: Tensor
    """Shape (R, S): place of a token in its own continuation, from 0."""
    own: Tensor
    """Shape (R, S, S): true where a token sees another. Padding sees and is seen by padding alone."""

    @classmethod
    def of(cls, rows: Sequence[Sequence[Sequence[int]]], *, device: Any) -> Continuations:
        """Lay out the continuations of each row."""
        import torch

        ids = [[token for tokens in row for token in tokens] for row in rows]
        owner = [[number for number, tokens in enumerate(row) for _ in tokens] for row in rows]
        offset = [[step for tokens in row for step in range(len(tokens))] for row in rows]
        most = max(map(len, ids))
        ids_, owner_, offset_ = (
            torch.tensor([[*values, *[fill] * (most - len(values))] for values in table], device=device)
            for table, fill in ((ids, 0), (owner, -1), (offset, 0))
        )
        # Padding has the owner -1 and sees padding alone: a row of the mask that sees nothing would give NaN.
        steps = torch.arange(most, device=device)
        return cls(ids_, offset_, (owner_[:, :, None] == owner_[:, None, :]) & (steps[None, :] <= steps[:, None]))

    def attention_mask(self, ahead: Tensor, begin: int) -> Tensor:
        """A prompt's tokens see what is ahead of them. A continuation's see the prompt and their own continuation.

        Args:
            ahead: Shape (R, P): where a place is a token of the prompt.
            begin: The first place that asks. Those ahead of it have been read.

        Returns:
            Shape (R, P - begin + S, P + S), or of one row where all rows are laid out alike.
        """
        import torch

        own = self.own
        # One mask broadcasts over all rows: Q x K numbers in place of R x Q x K.
        if bool((ahead == ahead[:1]).all()) and bool((own == own[:1]).all()):
            ahead, own = ahead[:1], own[:1]
        (rows, end), most = ahead.shape, own.shape[1]
        steps = torch.arange(end, device=ahead.device)
        prompt = (steps[None, :] <= steps[begin:, None]) & ahead[:, None, :]
        # The prompt never sees its continuations, so its keys and values are those of the prompt alone.
        blind = prompt.new_zeros(rows, end - begin, most)
        below = torch.cat([ahead[:, None, :].expand(-1, most, -1), own], dim=-1)
        return torch.cat([torch.cat([prompt, blind], dim=-1), below], dim=1)
