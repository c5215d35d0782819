"""Writing answers token by token: several to a prompt side by side in its row, or each in a row of its own.

Side by side, keys and values of a prompt are held once and read once for all answers to it. A mask lets each answer see
the prompt and itself. An answer is the same either way: it depends on its prompt and on its own random numbers.

Not for reading prompts. See `language`.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness_transformers.language import Language, Prefix
from harness_transformers.numerics import differ, out_of_memory
from harness_transformers.sampling import Sampling, draw

if TYPE_CHECKING:
    from torch import Tensor

    from harness_transformers.grouped_heads import GroupedHeads

log = logging.getLogger(__name__)

_FETCH = 4
"""What it costs to fetch a key with its value from memory, in comparisons of a query with a key. Taken from the numbers
of tokens at which attention took as long either way (sdpa on a CPU, 4 prompts with 8 answers to each, 1, 2 and 8 heads
to a key, 307 and 1000 tokens of prompt): 3 to 13, the least where all keys fit into the processor's cache."""

_CHECKED_TOKENS, _CHECKED_ROWS, _CHECKED_ANSWERS = 2, 2, 8
"""What is compared with rows of their own at first use. The second token of an answer sees the first."""

_PROMPT, _NOBODY = -1, -2


@dataclass(frozen=True, slots=True)
class Written:
    """One answer."""

    ids: tuple[int, ...]
    """Its tokens, without the one that ends it."""
    end: int | None
    """The token that ended it, of several that may. `None` where it ran into the limit."""
    moment: float = field(compare=False)
    """When its last token was known, by `time.monotonic`: answers that end early do not wait for the others."""


class Writer:
    """Writes answers with one model.

    Answers to one prompt are written side by side where that is expected to be quicker. Where a model does not compute
    the same that way (which its first use shows), each answer gets a row of its own.

    Args:
        language: The model.
    """

    def __init__(self, language: Language) -> None:
        self._language = language
        from harness_transformers.grouped_heads import GroupedHeads

        self.beside = language.takes_masks
        self._checked = False
        self._heads = GroupedHeads(language.model)

    def write(
        self,
        prefix: Prefix,
        places: Sequence[int] | None = None,
        *,
        most: int,
        sampling: Sampling,
        draws: Tensor | None,
    ) -> list[Written]:
        """Write A answers in one loop. Those that have ended leave it.

        Args:
            prefix: R rows. Stays as it is.
            places: For each answer, the row of the prefix that it goes on from. One answer to each row unless given.
            most: Longest answer in tokens.
            sampling: How tokens are drawn.
            draws: Shape (A, most): uniform numbers in [0, 1), one for each token of each answer, so that an answer
                depends on its own seed and not on what shares its batch; `None` at temperature 0.
        """
        places = range(len(prefix.mask)) if places is None else places
        # Answers to one prompt next to one another, whichever order they were asked for in.
        order = sorted(range(len(places)), key=places.__getitem__)
        lines = self._begin(prefix, [places[number] for number in order], room=most)
        answers: list[list[int]] = [[] for _ in places]
        ends: list[int | None] = [None] * len(answers)
        moments = [0.0] * len(answers)
        active = order
        for step in range(most):
            numbers = None if draws is None else draws[active, step].to(lines.logits.device)
            tokens = self._next(lines.logits, sampling, numbers)
            ended = self._language.ends(tokens).tolist()  # waits for the device
            now = time.monotonic()
            going: list[int] = []
            for place, (number, token) in enumerate(zip(active, tokens.tolist(), strict=True)):
                moments[number] = now
                if ended[place]:
                    ends[number] = token
                else:
                    answers[number].append(token)
                    going.append(place)
            # The last token allowed is written and not read.
            if not going or step == most - 1:
                break
            if len(going) < len(active):
                lines.keep(going)
                active = [active[place] for place in going]
            lines = lines.quickest()
            lines.read([answers[number][-1] for number in active])
        return [Written(tuple(ids), end, moment) for ids, end, moment in zip(answers, ends, moments, strict=True)]

    def _next(self, logits: Tensor, sampling: Sampling, numbers: Tensor | None) -> Tensor:
        """The next token of each answer, shape (A,)."""
        logits = self._language.restrict(logits)
        return logits.argmax(-1) if numbers is None else draw(logits, sampling, numbers)

    def _begin(self, prefix: Prefix, rows: Sequence[int], *, room: int) -> _Apart | _Beside:
        """Answers that go on from these rows of a prefix, the way that is expected to be quickest."""
        counts = Counter(rows)
        length = prefix.mask.shape[1]
        if self.beside and _pays(
            len(counts), length, max(counts.values()), answers=len(rows), own=length, heads=self._heads.size
        ):
            if not self._checked:
                self.beside, self._checked = self._agrees(prefix, counts), True
            if self.beside:
                return _Beside(self._language, self._heads, prefix, rows)
        return _Apart(self._language, prefix.rows(rows, room=room))

    def _agrees(self, prefix: Prefix, counts: Counter[int]) -> bool:
        """Whether answers side by side get the logits that they get in rows of their own."""
        fullest = sorted(row for row, _ in counts.most_common(_CHECKED_ROWS))
        rows = [row for row in fullest for _ in range(min(counts[row], _CHECKED_ANSWERS))]
        # Each answer gets tokens of its own: one that sees those of another then shows.
        likeliest = self._language.restrict(prefix.logits[rows]).topk(len(rows) + _CHECKED_TOKENS).indices.tolist()

        def read(lines: _Apart | _Beside) -> Tensor:
            for step in range(_CHECKED_TOKENS):
                lines.read([likely[number + step] for number, likely in enumerate(likeliest)])
            return lines.logits

        try:
            beside = read(_Beside(self._language, self._heads, prefix, rows))
            apart = read(_Apart(self._language, prefix.rows(rows)))
            if differ(apart, beside, str(self._language.model.dtype)):
                raise ValueError("side by side they get other logits")
        except Exception as error:  # a model that takes no such mask
            if out_of_memory(error):
                raise
            log.warning("answers are written in rows of their own: %s", error)
            return False
        return True


def _pays(rows: int, length: int, slots: int, *, answers: int, own: int, heads: int = 1) -> bool:
    """Whether attention is quicker side by side than in rows of their own.

    Args:
        rows: Prompts.
        length: Places of a row with all answers in it.
        slots: Answers that a row has room for.
        answers: Those that are written.
        own: Places of a row that has one answer in it.
        heads: How many share keys and values.
    """
    # Side by side each key is fetched once and compared with all queries of its row, those of other answers included.
    return rows * length * (_FETCH + heads * slots) < answers * own * (_FETCH + heads)


class _Apart:
    """Answers in rows of their own.

    Args:
        language: The model.
        prefix: A row for each answer. Used up.
    """

    def __init__(self, language: Language, prefix: Prefix) -> None:
        self._language = language
        self._prefix = prefix

    @property
    def logits(self) -> Tensor:
        """Shape (A, V): of the next token of each answer."""
        return self._prefix.logits

    def keep(self, going: Sequence[int]) -> None:
        """Go on with these answers alone."""
        self._prefix = self._prefix.rows(going)

    def read(self, tokens: Sequence[int]) -> None:
        """Read the next token of each answer."""
        self._language.append(self._prefix, [[token] for token in tokens])

    def quickest(self) -> _Apart:
        """The way to go on."""
        return self


class _Beside:
    """Answers side by side: each token of each of them is a column of the row of its prompt.

    Args:
        language: The model.
        heads: Its heads.
        prefix: Stays as it is.
        rows: For each of A answers, the row of the prefix that it goes on from, in rising order.
    """

    def __init__(self, language: Language, heads: GroupedHeads, prefix: Prefix, rows: Sequence[int]) -> None:
        import torch

        self._language, self._heads = language, heads
        used = sorted(set(rows))
        mine = prefix.rows(used, room=len(rows))
        self._cache, self._position, self._prompt = mine.cache, mine.position, mine.mask
        self.logits = prefix.logits[list(rows)]
        """Shape (A, V): of the next token of each answer."""
        self._rows = [used.index(row) for row in rows]
        self._names = list(range(len(rows)))
        # Shape (R, W): whose each column is.
        self._owner = torch.where(mine.mask.bool(), _PROMPT, _NOBODY)
        self._tokens = 0
        self._lay_out()

    def _lay_out(self) -> None:
        """Give each answer a slot of its row, and each slot its mask."""
        import torch

        device = self._owner.device
        counts = Counter(self._rows)
        slots = [slot for row in sorted(counts) for slot in range(counts[row])]
        self._slots = torch.tensor(self._rows, device=device), torch.tensor(slots, device=device)
        # Shape (R, Q): whose each slot is.
        self._holder = torch.full((len(counts), max(slots) + 1), _NOBODY, device=device)
        self._holder[self._slots] = torch.tensor(self._names, device=device)
        holder, owner = self._holder[:, :, None], self._owner[:, None, :]
        self._mask = self._language.additive((owner == _PROMPT) | (owner == holder))
        # An empty slot sees its like: a row of the mask that sees nothing would give NaN.
        self._among = self._language.additive(holder == self._holder[:, None, :])

    def keep(self, going: Sequence[int]) -> None:
        """Go on with these answers alone. Rows without an answer leave."""
        import torch

        from harness_transformers.growing_cache import select_rows

        rows = [self._rows[place] for place in going]
        left = sorted(set(rows))
        if len(left) < len(self._owner):
            index = torch.tensor(left, device=self._owner.device)
            self._cache = select_rows(self._cache, index, room=0)
            self._owner, self._prompt = self._owner[index], self._prompt[index]
            self._position = self._position[..., index, :]
        self._rows = [left.index(row) for row in rows]
        self._names = [self._names[place] for place in going]
        self._lay_out()

    def read(self, tokens: Sequence[int]) -> None:
        """Read the next token of each answer."""
        import torch

        ids = torch.full_like(self._holder, self._language.pad)
        ids[self._slots] = torch.tensor(tokens, device=ids.device)
        self._owner = torch.cat([self._owner, self._holder], dim=1)
        self._mask = torch.cat([self._mask, self._among], dim=-1)
        self._position = self._position + 1
        self._tokens += 1
        with self._heads.sharing():
            output = self._language.model(
                input_ids=ids,
                attention_mask=self._mask,
                position_ids=self._position.expand(*self._position.shape[:-1], ids.shape[1]),
                past_key_values=self._cache,
                use_cache=True,
            )
        self._cache = output.past_key_values
        self.logits = output.logits[self._slots].float()

    def quickest(self) -> _Apart | _Beside:
        """The way to go on: in rows of their own, once so much is written that this is quicker."""
        (rows, length), own = self._owner.shape, self._prompt.shape[1] + self._tokens
        slots, heads = self._holder.shape[1], self._heads.size
        if _pays(rows, length, slots, answers=len(self._rows), own=own, heads=heads):
            return self
        return self._apart()

    def _apart(self) -> _Apart:
        import torch

        from harness_transformers.growing_cache import select_places

        rows, _ = self._slots
        names = torch.tensor(self._names, device=rows.device)
        # All answers have as many tokens: those that still run began together.
        columns = (self._owner[rows] == names[:, None]).nonzero()[:, 1].reshape(len(names), self._tokens)
        prompt = torch.arange(self._prompt.shape[1], device=rows.device).expand(len(names), -1)
        cache = select_places(self._cache, rows, torch.cat([prompt, columns], dim=1))
        mask = torch.cat([self._prompt[rows], torch.ones_like(columns)], dim=1)
        return _Apart(self._language, Prefix(cache, mask, self._position[..., rows, :], self.logits))
