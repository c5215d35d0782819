"""Weighing answers: the exact probability of every answer of a space, as the format writes it.

The probability of an answer is that of its text and of ending there, over all tokens of it. The probabilities of a
space are these, normalised. An answer that begins another (`A`, `AB`) is told apart by its end.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.api import Judgement, Request, Spellings, spell_answers
from harness_transformers.continuations import Continuations
from harness_transformers.language import Language, Prefix
from harness_transformers.numerics import differ
from harness_transformers.prompts import Prompt, Prompter

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger(__name__)

_MOST_PACKED = 256
"""Tokens of answers, over all rows, that are weighed in one pass: each needs logits over the whole vocabulary."""

_LONGEST_JOINED = 2048
"""Tokens of a prompt that is read together with its answers: the mask that this needs grows with their square, and
attention without a mask of its own has faster kernels."""

Tokens = Sequence[int]


@dataclass(frozen=True, slots=True)
class AnswerSet:
    """The answers to one request, ready to be weighed."""

    request: Request
    """What is asked."""
    answers: Spellings
    """Every answer, written out."""
    rationale: str
    """The reasoning that all of them share."""
    opening: tuple[int, ...]
    """Tokens that all of them begin with."""
    endings: tuple[tuple[int, ...], ...]
    """Tokens of each after the opening."""


def answer_set_of(request: Request, prompter: Prompter, rationale: str = "", *, opened: bool = False) -> AnswerSet:
    """Write out and tokenise the answers of a request.

    Args:
        request: What is asked.
        prompter: Of the model.
        rationale: The reasoning that all of them share.
        opened: Whether the prompt ends with the mark that opens the reasoning, which is then not weighed again.

    Raises:
        DataError: There are too many of them to weigh.
    """
    answers = spell_answers(request.format, request.space, rationale)
    known = prompter.opening_mark(answers.opening) if opened else ""
    tokens = [prompter.answer_ids(text.removeprefix(known)) for text in answers.texts]
    # By tokens, not by characters: a tokenizer may join the end of the opening with an answer.
    shared = _common_start(tokens)
    return AnswerSet(request, answers, rationale, tokens[0][:shared], tuple(ids[shared:] for ids in tokens))


class Scales:
    """Weighs texts that follow a prefix, for one model.

    All endings of a row are read side by side, each seeing the prefix and itself: in the pass that reads the prompt,
    or in one pass after it. Where a model does not compute the same that way (which its first use shows), each ending
    gets a row of its own.

    Args:
        language: The model.
    """

    def __init__(self, language: Language) -> None:
        self._language = language
        self.packs = language.takes_masks
        self._checked = False
        self.joins = self.packs
        self._joined_checked = False

    def read(self, prompts: Sequence[Prompt], answer_sets: Sequence[AnswerSet], *, at_once: int) -> list[Judgement]:
        """Read prompts and choose the likeliest answer of each, with the probabilities of all.

        Args:
            prompts: Their pixels, if any, must be of one shape.
            answer_sets: What is weighed after each prompt.
            at_once: Rows to compute at once, where each ending needs one.
        """
        tokens = sum(len(ids) for answer_set in answer_sets for ids in answer_set.endings)
        short = all(len(prompt.ids) <= _LONGEST_JOINED for prompt in prompts)
        if not (self.joins and short and 0 < tokens <= _MOST_PACKED):
            return _likeliest(answer_sets, self._read_first(prompts, answer_sets, at_once=at_once))
        scores = self._read_together(prompts, answer_sets)
        if not self._joined_checked:
            apart = self._read_first(prompts, answer_sets, at_once=at_once)
            self._joined_checked = True
            if differ(apart, scores, str(self._language.model.dtype)):
                log.warning("answers are weighed in a pass of their own: read with the prompt they get other weights")
                self.joins = False
                scores = apart
        return _likeliest(answer_sets, scores)

    def _read_first(self, prompts: Sequence[Prompt], answer_sets: Sequence[AnswerSet], *, at_once: int) -> Tensor:
        """All endings after the prompts, once these are read. Shape (all endings,)."""
        prefix = self._language.prefill(prompts, tails=[answer_set.opening for answer_set in answer_sets])
        return self._weigh_all(prefix, [answer_set.endings for answer_set in answer_sets], at_once=at_once)

    def _read_together(self, prompts: Sequence[Prompt], answer_sets: Sequence[AnswerSet]) -> Tensor:
        """All endings in the pass that reads the prompts. Shape (all endings,)."""
        flat = [(row, ids) for row, answer_set in enumerate(answer_sets) for ids in answer_set.endings]
        rows = [
            [place for place, (owner, ids) in enumerate(flat) if owner == row and ids]
            for row in range(len(answer_sets))
        ]
        continuations = Continuations.of(
            [[flat[place][1] for place in row] for row in rows], device=self._language.model.device
        )
        logits = self._language.prefill_with_continuations(
            prompts, continuations, tails=[answer_set.opening for answer_set in answer_sets]
        )
        return self._first(logits[:, 0], flat) + self._rest(logits[:, 1:], _cells(rows, flat), len(flat))

    def judgements(self, prefix: Prefix, answer_sets: Sequence[AnswerSet], *, at_once: int) -> list[Judgement]:
        """The likeliest answer of each request, with the probabilities of all.

        Args:
            prefix: One row for each of `answer_sets`, openings read. Stays as it is.
            answer_sets: What is weighed.
            at_once: Rows to compute at once.
        """
        return _likeliest(
            answer_sets, self._weigh_all(prefix, [answer_set.endings for answer_set in answer_sets], at_once=at_once)
        )

    def weigh(self, prefix: Prefix, endings: Sequence[Sequence[Tokens]], *, at_once: int) -> list[Tensor]:
        """Log-probability of each ending after each row, to the token that ends the answer.

        Args:
            prefix: R rows. Stays as it is.
            endings: For each row, the tokens of its endings. An ending may be empty.
            at_once: Rows to compute at once.

        Returns:
            For each row, shape (number of its endings,): log P(ending and then the end | row), in float64.
        """
        import torch

        flat = self._weigh_all(prefix, endings, at_once=at_once)
        return list(torch.split(flat, [len(mine) for mine in endings]))

    def _weigh_all(self, prefix: Prefix, endings: Sequence[Sequence[Tokens]], *, at_once: int) -> Tensor:
        """The result of `weigh`, in one piece."""
        if self.packs and not self._checked:
            packed, apart = self._weigh_packed(prefix, endings), self._weigh_apart(prefix, endings, at_once=at_once)
            self._checked = True
            if differ(apart, packed, str(self._language.model.dtype)):
                log.warning("answers are weighed in rows of their own: side by side they get other probabilities")
                self.packs = False
            return packed if self.packs else apart
        return (
            self._weigh_packed(prefix, endings) if self.packs else self._weigh_apart(prefix, endings, at_once=at_once)
        )

    def _weigh_apart(self, prefix: Prefix, endings: Sequence[Sequence[Tokens]], *, at_once: int) -> Tensor:
        """Each ending in a row of its own. Shape (all endings,)."""
        flat = [(row, ids) for row, mine in enumerate(endings) for ids in mine]
        scores = self._first(prefix.logits, flat)
        longer = [place for place, (_, ids) in enumerate(flat) if ids]
        for start in range(0, len(longer), at_once):
            places = longer[start : start + at_once]
            tails = [flat[place][1] for place in places]
            logits = self._language.append(prefix.rows([flat[place][0] for place in places]), tails)
            cells = [(place, number, 0, tails[number]) for number, place in enumerate(places)]
            scores += self._rest(logits, cells, len(flat))
        return scores

    def _weigh_packed(self, prefix: Prefix, endings: Sequence[Sequence[Tokens]]) -> Tensor:
        """All endings of a row side by side in it, some at a time. Shape (all endings,)."""
        flat = [(row, ids) for row, mine in enumerate(endings) for ids in mine]
        scores = self._first(prefix.logits, flat)
        waiting = [
            [place for place, (row, ids) in enumerate(flat) if row == mine and ids] for mine in range(len(endings))
        ]
        while any(waiting):
            now, waiting = _portion(waiting, [len(ids) for _, ids in flat])
            rows = [[flat[place][1] for place in places] for places in now]
            scores += self._rest(self._side_by_side(prefix, rows), _cells(now, flat), len(flat))
        return scores

    def _first(self, logits: Tensor, flat: Sequence[tuple[int, Tokens]]) -> Tensor:
        """Log-probability of the first token of each ending, or of the end where it is empty.

        Args:
            logits: Shape (R, V): ahead of the endings of each row.
            flat: Row and tokens of each ending.
        """
        import torch

        logs = torch.log_softmax(logits.double(), dim=-1)
        # Any of the tokens that end an answer ends it, so their probabilities add up.
        stops = torch.logsumexp(logs[:, self._language.stops], dim=-1)
        return torch.stack([logs[row, ids[0]] if ids else stops[row] for row, ids in flat])

    def _rest(self, logits: Tensor, cells: Sequence[tuple[int, int, int, Tokens]], count: int) -> Tensor:
        """Log-probability of what follows the first token of each ending, to the end of the answer.

        Args:
            logits: Shape (R, S, V): after each token.
            cells: Number of the ending, its row, its first place, its tokens.
            count: Number of all endings.

        Returns:
            Shape (count,): zero for endings that are not among the cells.
        """
        import torch

        # float32 here: in float64 the (R, S, V) logits would take twice the memory. Sums are in float64.
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
        """Logits after each token of several continuations of each row, none of which sees the others.

        Returns:
            Shape (R, S, V).
        """
        import torch

        continuations = Continuations.of(rows, device=prefix.mask.device)
        ahead = prefix.mask.bool()[:, None, :].expand(-1, continuations.ids.shape[1], -1)
        cache = copy.copy(prefix.cache)
        cache.layers = [copy.copy(layer) for layer in prefix.cache.layers]  # growing makes new tensors
        output = self._language.model(
            input_ids=continuations.ids,
            attention_mask=self._language.additive(torch.cat([ahead, continuations.own], dim=-1)),
            position_ids=prefix.position + 1 + continuations.offset,
            past_key_values=cache,
            use_cache=True,
        )
        logits: Tensor = output.logits.float()
        return logits


def _cells(rows: Sequence[Sequence[int]], flat: Sequence[tuple[int, Tokens]]) -> list[tuple[int, int, int, Tokens]]:
    """The place of each ending: its number, its row, its first place there, its tokens."""
    cells = []
    for row, places in enumerate(rows):
        begin = 0
        for place in places:
            cells.append((place, row, begin, flat[place][1]))
            begin += len(flat[place][1])
    return cells


def _likeliest(answer_sets: Sequence[AnswerSet], scores: Tensor) -> list[Judgement]:
    """The likeliest answer of each request, from the log-probabilities of all endings, one request after another."""
    import torch

    judgements = []
    for answer_set, logs in zip(
        answer_sets, torch.split(scores, [len(answer_set.endings) for answer_set in answer_sets]), strict=True
    ):
        # Given that the answer is one of the space: what the model would write otherwise is left out.
        shares = logs.softmax(-1).tolist()
        best = max(range(len(shares)), key=shares.__getitem__)
        names = [answer_set.request.space.name(verdict) for verdict in answer_set.answers.verdicts]
        probabilities = dict(zip(names, shares, strict=True))
        verdict, raw = answer_set.answers.verdicts[best], answer_set.answers.texts[best]
        judgements.append(Judgement.of(verdict, raw=raw, rationale=answer_set.rationale, probabilities=probabilities))
    return judgements


def _portion(waiting: Sequence[Sequence[int]], lengths: Sequence[int]) -> tuple[list[list[int]], list[list[int]]]:
    """The endings of each row that fit into one pass, at least one each, and those that are left."""
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
    """The number of tokens that all rows begin with alike."""
    shared = 0
    for column in zip(*rows, strict=False):
        if len(set(column)) > 1:
            break
        shared += 1
    return shared
