"""Given texts as answers: how likely a model finds each piece of one, and which characters a piece is.

Not for the answers of a space, which `weighing` tells apart and normalises.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.api import Request, TextWeights
from harness_transformers.batches import shape_of
from harness_transformers.opening import Opened

if TYPE_CHECKING:
    from harness_transformers.prompts import Prompt

Pieces = list[tuple[int, int]]
"""For each piece of a text, the number of its first token and the character after it."""


def weigh_texts(opened: Opened, requests: Sequence[Request], texts: Sequence[str], *, rows: int) -> list[TextWeights]:
    """Log-probabilities of a text as the answer to each request, in batches of `rows`.

    Args:
        opened: The model.
        requests: As they would be asked.
        texts: As many.
        rows: Requests to compute at once.

    Raises:
        DataError: An image cannot be read.
    """
    opened.prompter.expect(requests)
    prompts = [opened.prompter.prompt(request) for request in requests]
    # Pixels of one shape share a batch. A stable order, so that windows of one picture stay together.
    order = sorted(range(len(prompts)), key=lambda number: shape_of(prompts[number]))
    found: dict[int, TextWeights] = {}
    while order:
        first = shape_of(prompts[order[0]])
        batch = [number for number in order[:rows] if shape_of(prompts[number]) == first]
        order = order[len(batch) :]
        weights = _weigh(opened, [prompts[number] for number in batch], [texts[number] for number in batch])
        found.update(zip(batch, weights, strict=True))
    return [found[number] for number in range(len(requests))]


def _weigh(opened: Opened, prompts: Sequence[Prompt], texts: Sequence[str]) -> list[TextWeights]:
    """One batch: the prompts are read, then all texts in one more pass."""
    import torch

    # A template that opens the reasoning has written the mark already. It is then part of the first piece.
    marks = [opened.prompter.opening_mark(text) if p.opened else "" for p, text in zip(prompts, texts, strict=True)]
    bare = [text.removeprefix(mark) for text, mark in zip(texts, marks, strict=True)]
    tokens = [opened.prompter.answer_ids(text) for text in bare]
    prefix = opened.language.prefill(prompts)
    logits = prefix.logits[:, None]
    if any(len(ids) > 1 for ids in tokens):
        # The last token is weighed and need not be read.
        logits = torch.cat([logits, opened.language.append(prefix, [ids[:-1] for ids in tokens])], dim=1)
    logs = torch.log_softmax(logits.double(), dim=-1)
    weights = []
    for row, (text, mark, ids) in enumerate(zip(bare, marks, tokens, strict=True)):
        each = [float(logs[row, step, token]) for step, token in enumerate(ids)]
        pieces = cut_pieces(opened, text, ids)
        begins = [begin for begin, _ in pieces]
        sums = [sum(each[begin:end]) for begin, end in zip(begins, [*begins[1:], len(ids)], strict=True)]
        weights.append(TextWeights(tuple(end + len(mark) for _, end in pieces), tuple(sums)))
    return weights


def cut_pieces(opened: Opened, text: str, ids: Sequence[int]) -> Pieces:
    """The characters of each token. Tokens that are parts of one character are one piece.

    Args:
        opened: The model, for its tokenizer.
        text: What the tokens spell.
        ids: The tokens.
    """
    pieces: Pieces = []
    begin, end = 0, 0
    for count in range(1, len(ids) + 1):
        # What the first tokens spell: half a character decodes to something that the text does not begin with.
        spelt = opened.decode_exactly(ids[:count])
        if len(spelt) > end and text.startswith(spelt):
            pieces.append((begin, len(spelt)))
            begin, end = count, len(spelt)
    # Tokens at the end that spell nothing, or a tokenizer that does not give back what it was given.
    if pieces and end < len(text):
        pieces[-1] = (pieces[-1][0], len(text))
    return pieces or [(0, len(text))]
