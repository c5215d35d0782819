"""Weighing answers: the exact probability of every answer of a space, as the format writes it.

The probability of an answer is that of its text and of ending there, over all tokens of it; the probabilities of a
space are these, normalised. An answer that begins another (`A`, `AB`) is told apart by its end.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.api import Judgement, Request, Spellings, spellings
from harness_transformers.language import Language, Prefix, differ
from harness_transformers.prompts import Prompter

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger(__name__)

_MOST_PACKED = 256
"""Tokens of answers, over all rows, that are weighed in one pass: each needs logits over the whole vocabulary."""

Tokens = Sequence[int]


@dataclass(frozen=True, slots=True)
class Options:
    """The answers to one request, ready to be weighed."""

    request: Request
    """What is asked."""
    answers: Spellings
    """Every answer, written out."""
    opening: tuple[int, ...]
    """Tokens that all of them begin with."""
    endings: tuple[tuple[int, ...], ...]
    """Tokens of each behind the opening."""


def options_of(request: Request, prompter: Prompter, rationale: str = "") -> Options:
    """Write out and tokenise the answers of a request.

    Raises:
        DataError: There are too many of them to weigh.
    """
    answers = spellings(request.format, request.space, rationale)
    tokens = [prompter.answer_ids(text) for text in answers.texts]
    shared = _common_start(tokens)
    return Options(request, answers, tokens[0][:shared], tuple(ids[shared:] for ids in tokens))


class Scales:
    """Weighs texts behind a prefix, for one model.

    All endings of a row are read in one pass, side by side, each seeing the prefix and itself; where a model does not
    compute the same that way (which its first use shows), each ending gets a row of its own.

    Args:
        language: The model.
    """

    def __init__(self, language: Language) -> None:
        self._language = language
        attention = getattr(language.model.config, "_attn_implementation", "")
        self.packs = language.shares_start and attention in ("sdpa", "eager")
        self._checked = False

    def judgements(self, prefix: Prefix, options: Sequence[Options], *, at_once: int) -> list[Judgement]:
        """The likeliest answer of each request, with the probabilities of all.

        Args:
            prefix: One row for each of `options`, openings read; stays as it is.
            options: What is weighed.
            at_once: Rows to compute at once.
        """
        judgements = []
        scores = self.weigh(prefix, [one.endings for one in options], at_once=at_once)
        for one, logs in zip(options, scores, strict=True):
            shares = logs.softmax(-1).tolist()
            best = max(range(len(shares)), key=shares.__getitem__)
            names = [one.request.space.name(verdict) for verdict in one.answers.verdicts]
            probabilities = dict(zip(names, shares, strict=True))
            judgements.append(one.request.read(one.answers.texts[best], probabilities=probabilities))
        return judgements

    def weigh(self, prefix: Prefix, endings: Sequence[Sequence[Tokens]], *, at_once: int) -> list[Tensor]:
        """Log-probability of each ending behind each row, to the token that ends the answer.

        Args:
            prefix: R rows; stays as it is.
            endings: For each row, the tokens of its endings; an ending may be empty.
            at_once: Rows to compute at once.

        Returns:
            For each row, shape (number of its endings,): log P(ending and then the end | row), in float64.
        """
        import torch

        if self.packs and not self._checked:
            packed, apart = self._packed(prefix, endings), self._apart(prefix, endings, at_once=at_once)
            self._checked = True
            if differ(apart, packed, str(self._language.model.dtype)):
                log.warning("answers are weighed in rows of their own: side by side they get other probabilities")
                self.packs = False
            flat = packed if self.packs else apart
        else:
            flat = self._packed(prefix, endings) if self.packs else self._apart(prefix, endings, at_once=at_once)
        return list(torch.split(flat, [len(mine) for mine in endings]))

    def _apart(self, prefix: Prefix, endings: Sequence[Sequence[Tokens]], *, at_once: int) -> Tensor:
        """Each ending in a row of its own; shape (all endings,)."""
        flat = [(row, ids) for row, mine in enumerate(endings) for ids in mine]
        scores = self._first(prefix, flat)
        longer = [place for place, (_, ids) in enumerate(flat) if ids]
        for start in range(0, len(longer), at_once):
            places = longer[start : start + at_once]
            tails = [flat[place][1] for place in places]
            logits = self._language.append(prefix.rows([flat[place][0] for place in places]), tails)
            cells = [(place, number, 0, tails[number]) for number, place in enumerate(places)]
            scores += self._rest(logits, cells, len(flat))
        return scores

    def _packed(self, prefix: Prefix, endings: Sequence[Sequence[Tokens]]) -> Tensor:
        """All endings of a row side by side in it, some at a time; shape (all endings,)."""
        flat = [(row, ids) for row, mine in enumerate(endings) for ids in mine]
        scores = self._first(prefix, flat)
        waiting = [
            [place for place, (row, ids) in enumerate(flat) if row == mine and ids] for mine in range(len(endings))
        ]
        while any(waiting):
            now, waiting = _portion(waiting, [len(ids) for _, ids in flat])
            rows = [[flat[place][1] for place in places] for places in now]
            logits = self._side_by_side(prefix, rows)
            cells = []
            for row, places in enumerate(now):
                begin = 0
                for place in places:
                    cells.append((place, row, begin, flat[place][1]))
                    begin += len(flat[place][1])
            scores += self._rest(logits, cells, len(flat))
        return scores

    def _first(self, prefix: Prefix, flat: Sequence[tuple[int, Tokens]]) -> Tensor:
        """Log-probability of the first token of each ending, or of the end where it is empty."""
        import torch

        logs = torch.log_softmax(prefix.logits.double(), dim=-1)
        stops = torch.logsumexp(logs[:, self._language.stops], dim=-1)
        return torch.stack([logs[row, ids[0]] if ids else stops[row] for row, ids in flat])

    def _rest(self, logits: Tensor, cells: Sequence[tuple[int, int, int, Tokens]], count: int) -> Tensor:
        """Log-probability of what follows the first token of each ending, to the end of the answer.

        Args:
            logits: Shape (R, S, V): behind each token.
            cells: Number of the ending, its row, its first place, its tokens.
            count: Number of all endings.

        Returns:
            Shape (count,): zero for endings that are not among the cells.
        """
        import torch

        logs = torch.log_softmax(logits, dim=-1)
        stops = torch.logsumexp(logs[..., self._language.stops], dim=-1)
        inner = [
            (number, row, begin + step, token)
            for number, row, begin, tokens in cells
            for step, token in enumerate(tokens[1:])
        ]
        scores = torch.zeros(count, dtype=torch.float64, device=logits.device)
        if inner:
            number, row, place, token = torch.tensor(inner, device=logits.device).T
            scores.index_add_(0, number, logs[row, place, token].double())
        ends = [(number, row, begin + len(tokens) - 1) for number, row, begin, tokens in cells]
        number, row, place = torch.tensor(ends, device=logits.device).T
        return scores.index_add_(0, number, stops[row, place].double())

    def _side_by_side(self, prefix: Prefix, rows: Sequence[Sequence[Tokens]]) -> Tensor:
        """Logits behind each token of several continuations of each row, none of which sees the others.

        Returns:
            Shape (R, S, V).
        """
        import torch

        device, model = prefix.mask.device, self._language.model
        ids = [[token for tokens in row for token in tokens] for row in rows]
        owner = [[number for number, tokens in enumerate(row) for _ in tokens] for row in rows]
        offset = [[step for tokens in row for step in range(len(tokens))] for row in rows]
        most = max(map(len, ids))
        ids_, owner_, offset_ = (
            torch.tensor([[*one, *[fill] * (most - len(one))] for one in table], device=device)
            for table, fill in ((ids, 0), (owner, -1), (offset, 0))
        )
        steps = torch.arange(most, device=device)
        own = (owner_[:, :, None] == owner_[:, None, :]) & (steps[None, :] <= steps[:, None])
        seen = torch.cat([prefix.mask.bool()[:, None, :].expand(-1, most, -1), own], dim=-1)
        blocked = torch.zeros(seen.shape, dtype=model.dtype, device=device)
        blocked.masked_fill_(~seen, torch.finfo(model.dtype).min)
        cache = copy.copy(prefix.cache)
        cache.layers = [copy.copy(layer) for layer in prefix.cache.layers]  # growing makes new tensors
        output = model(
            input_ids=ids_,
            attention_mask=blocked[:, None],
            position_ids=prefix.position + 1 + offset_,
            past_key_values=cache,
            use_cache=True,
        )
        logits: Tensor = output.logits.float()
        return logits


def _portion(waiting: Sequence[Sequence[int]], lengths: Sequence[int]) -> tuple[list[list[int]], list[list[int]]]:
    """What of each row fits into one pass, at least one ending each, and what is left."""
    room = max(1, _MOST_PACKED // len(waiting))
    now: list[list[int]] = []
    left: list[list[int]] = []
    for places in waiting:
        taken, held = 0, 0
        while taken < len(places) and (taken == 0 or held + lengths[places[taken]] <= room):
            held += lengths[places[taken]]
            taken += 1
        now.append(list(places[:taken]))
        left.append(list(places[taken:]))
    return now, left


def _common_start(rows: Sequence[Tokens]) -> int:
    """How many tokens all rows begin with alike."""
    shared = 0
    for column in zip(*rows, strict=False):
        if len(set(column)) > 1:
            break
        shared += 1
    return shared
