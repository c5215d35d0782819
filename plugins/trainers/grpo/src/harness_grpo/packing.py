"""Prompts and completions as rows of tokens: side by side in one row, after a KV cache, or a row for each.

The last token of a completion is left out everywhere: nothing is predicted after it. Padding stands at the end of a
row, where no token sees it. Not for running a model. See `prefix`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import chain
from math import ceil

import torch
from torch import Tensor

from harness_transformers.prompts import Prompt

_AT_ONCE = 8192
"""Tokens of a pass, unless the recipe says how many prompts are in it: activations grow with them."""


@dataclass(frozen=True, slots=True)
class Rollouts:
    """One prompt and the completions that were written to it.

    Raises:
        ValueError: There is no completion, or one without a token.
    """

    prompt: Prompt
    completions: tuple[tuple[int, ...], ...]
    """Tokens of each, the one that ends it included where it was written."""

    def __post_init__(self) -> None:
        if not self.completions or not all(self.completions):
            raise ValueError("a group needs at least one completion, and each of them a token: drop what is empty")

    @property
    def longest(self) -> int:
        """Tokens of the prompt with its longest completion."""
        return len(self.prompt.ids) + max(map(len, self.completions))


def groups_at_once(groups: Sequence[Rollouts], *, shared: bool) -> int:
    """How many groups to compute in one pass: as many as have 8192 tokens, and in all passes about as many.

    Args:
        groups: One at least.
        shared: Whether a prompt is computed once for its completions.
    """
    tokens = max(
        len(group.prompt.ids) * (1 if shared else len(group.completions)) + sum(map(len, group.completions))
        for group in groups
    )
    return count_at_once(len(groups), tokens)


def count_at_once(count: int, tokens: int) -> int:
    """Of `count` groups with so many tokens each, how many are computed in one pass."""
    passes = ceil(count / max(1, _AT_ONCE // tokens))
    return ceil(count / passes)


@dataclass(frozen=True, slots=True)
class Piece:
    """Tokens that stand together in a row."""

    tokens: Sequence[int]
    begin: int = 0
    """Place of the first of them in a row of its own, prompt and completion alone."""
    owner: int = 0
    """The number of the completion in the row, from 1, or 0 for the prompt."""


def tail(group: Rollouts, tokens: Sequence[int], owner: int = 1) -> Piece:
    """A completion of a group, without its last token."""
    return Piece(tokens[:-1], len(group.prompt.ids), owner)


def side_by_side(group: Rollouts) -> list[Piece]:
    """The prompt, and after it all completions."""
    tails = (tail(group, tokens, number) for number, tokens in enumerate(group.completions, start=1))
    return [Piece(group.prompt.ids), *tails]


def tails_together(groups: Sequence[Rollouts]) -> int:
    """How many completions to put into one row after a cache: those that have half of the tokens of the prompt.

    More in a row are fewer copies of keys and values, and more comparisons with completions of one another. After 307
    tokens, 8 in a row were quickest at 8 tokens each, 2 or 4 at 32, and 2 at 64 (width 64, both passes, on a CPU).
    """
    prompt = min(len(group.prompt.ids) for group in groups)
    return max(1, prompt // (2 * max(len(tokens) for tokens in completions_of(groups))))


def tails_in_rows(group: Rollouts, together: int) -> list[list[Piece]]:
    """All completions of a group without its prompt, so many in a row."""
    tails = side_by_side(group)[1:]
    return [tails[start : start + together] for start in range(0, len(tails), together)]


def completions_of(groups: Sequence[Rollouts]) -> list[tuple[int, ...]]:
    """All completions, group by group."""
    return [tokens for group in groups for tokens in group.completions]


@dataclass(frozen=True, slots=True)
class Rows:
    """R rows of L places."""

    ids: Tensor
    """Shape (R, L)."""
    mask: Tensor
    """Shape (R, L): 1 where a place is a token, 0 where it is padding."""
    place: Tensor
    """Shape (R, L): where the token would stand in a row of its own, prompt and completion alone."""
    owner: Tensor
    """Shape (R, L): 0 for the prompt, from 1 for a completion, -1 for padding."""
    group: Tensor
    """Shape (R,): the group that the row is of."""
    keep: Tensor
    """Shape (R, L): true where a token of a completion is predicted: from the last token of the prompt on."""
    kinds: dict[str, Tensor]
    """Shape (R, L) each: `mm_token_type_ids` and its like, 0 outside the prompt."""

    @classmethod
    def of(cls, groups: Sequence[Rollouts], rows: Sequence[tuple[int, Sequence[Piece]]], *, pad: int) -> Rows:
        """Lay out rows.

        Args:
            groups: The groups.
            rows: For each row, the number of its group and its pieces. If the prompt is among them, it is the first.
            pad: Token for padding.
        """
        lengths = [sum(len(piece.tokens) for piece in pieces) for _, pieces in rows]
        most = max(lengths)

        def table(values: Sequence[Sequence[int]], fill: int) -> Tensor:
            return torch.tensor([[*row, *[fill] * (most - len(row))] for row in values])

        def flat(values: Sequence[Sequence[Sequence[int]]], fill: int) -> Tensor:
            return table([list(chain.from_iterable(pieces)) for pieces in values], fill)

        ids = flat([[piece.tokens for piece in pieces] for _, pieces in rows], pad)
        place = flat([[range(p.begin, p.begin + len(p.tokens)) for p in pieces] for _, pieces in rows], 0)
        owner = flat([[[piece.owner] * len(piece.tokens) for piece in pieces] for _, pieces in rows], -1)
        group = torch.tensor([number for number, _ in rows])
        # Only these places need logits, which are the largest tensor of all: rows x places x vocabulary.
        last = torch.tensor([len(groups[number].prompt.ids) - 1 for number, _ in rows])
        prompts = [groups[n].prompt if pieces and pieces[0].owner == 0 else None for n, pieces in rows]
        names = sorted({name for rollouts in groups for name in rollouts.prompt.per_token})
        kinds = {
            name: table([() if prompt is None else prompt.per_token.get(name, ()) for prompt in prompts], 0)
            for name in names
        }
        # A completion is kept from its first token on; of the prompt only the last place predicts one.
        mask = owner >= 0
        return cls(ids, mask.long(), place, owner, group, mask & (place >= last[:, None]), kinds)

    def to(self, device: torch.device) -> Rows:
        """The same rows on a device."""
        tensors = {entry.name: getattr(self, entry.name).to(device) for entry in fields(self) if entry.name != "kinds"}
        return Rows(**tensors, kinds={name: tensor.to(device) for name, tensor in self.kinds.items()})

    def attention_mask(self) -> Tensor:
        """Shape (R, L, L): true where a token sees another: the prompt, and what is ahead of it in its own completion.

        Padding sees itself, so that no row of an attention is empty.
        """
        # Causal, and within (prompt) or (own completion): the mask that makes one row equal to G rows.
        steps = torch.arange(self.ids.shape[1], device=self.ids.device)
        of, other = self.owner[:, :, None], self.owner[:, None, :]
        return (steps[None, :] <= steps[:, None]) & ((other == 0) | (other == of))


def sources(groups: Sequence[Rollouts]) -> list[int]:
    """For each token of each completion, which of the kept places of rows of `side_by_side` predicts it.

    The first tokens of all completions of a group are predicted by one place, the last of the prompt.
    """
    found: list[int] = []
    first = 0
    for group in groups:
        following = first + 1
        for tokens in group.completions:
            found += [first, *range(following, following + len(tokens) - 1)]
            following += len(tokens) - 1
        first = following
    return found


def interleave_first_tokens(lengths: Sequence[int]) -> list[int]:
    """Index that turns first tokens followed by all other tokens into tokens completion by completion."""
    order: list[int] = []
    following = len(lengths)
    for number, length in enumerate(lengths):
        order += [number, *range(following, following + length - 1)]
        following += length - 1
    return order
