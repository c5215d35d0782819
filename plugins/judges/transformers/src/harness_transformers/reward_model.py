"""Scalar reward models as judges: each candidate is an answer to the question, and gets a number (arXiv:2403.13787).

The verdict is computed from the numbers, not read from text; `raw` holds them as JSON, in shown places.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Any, TypeAlias

from harness.api import Choice, Context, Image, Judgement, Part, Request, Status, UserError
from harness_transformers.batches import Answered, Room, free_memory, windows
from harness_transformers.candidates import NO_MEMORY, compared, decided, refusal
from harness_transformers.language import out_of_memory
from harness_transformers.loading import Source, content_of, open_model, open_processor, pinned, set_threads, source_of
from harness_transformers.options import RewardModelOptions

_GENERATION = 1  # raise it whenever answers may change
_SORTED_BATCHES = 8

Tokens: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Opened:
    model: Any
    tokenizer: Any
    output: int
    """Which output of the model is the reward."""
    pad: int | None
    """The model's own token for padding."""
    context: int | None
    """Most tokens of a conversation."""


class RewardModel:
    """A sequence classifier with one output, on this machine.

    Args:
        options: What the manifest says.
        context: Name and workspace.

    Raises:
        UserError: There is no such model.
    """

    def __init__(self, options: RewardModelOptions, context: Context) -> None:
        self._options = options
        self._name = context.name
        self._source = pinned(source_of("model", options.model, context.name), context.name)
        self._weights = content_of(self._source, context.workspace)
        self._opened: _Opened | None = None
        self._room = Room(options.batch_size, lambda: None)

    def fingerprint(self) -> str:
        """Covers the weights and the generation of this code."""
        return hashlib.sha256(json.dumps([_GENERATION, self._weights]).encode()).hexdigest()[:32]

    def close(self) -> None:
        """Let go of the weights."""
        if self._opened is not None:
            self._opened = None
            free_memory()

    def judge(self, requests: Iterable[Request]) -> Iterator[Answered]:
        """Score every candidate of a window of requests, each distinct one once, then decide.

        Raises:
            UserError: The model cannot be opened, or is no reward model.
        """
        for window in windows(requests, _SORTED_BATCHES * self._options.batch_size):
            began = time.monotonic()
            opened = self._open()
            asked: list[tuple[Request, list[Tokens]]] = []
            for request in window:
                rows = _rows(opened, request)
                if isinstance(rows, Judgement):
                    yield request, rows
                else:
                    asked.append((request, rows))
            rewards = self._scored(opened, {row for _, rows in asked for row in rows})
            seconds = round(time.monotonic() - began, 4)
            for request, rows in asked:
                judgement = self._decide(request, [rewards[row] for row in rows if row in rewards], len(rows))
                tokens = sum(map(len, rows))
                yield (
                    request,
                    replace(
                        judgement, prompt_tokens=tokens, completion_tokens=0, latency_s=seconds, model=self._weights
                    ),
                )

    def _decide(self, request: Request, rewards: Sequence[float], wanted: int) -> Judgement:
        if len(rewards) < wanted:
            return Judgement.failed(Status.ERROR, NO_MEMORY)
        raw = {"rewards": list(rewards)}
        if isinstance(request.space, Choice):
            return decided(request, rewards[0], threshold=self._options.threshold, raw=raw)
        logits = [reward / self._options.temperature for reward in rewards]
        return compared(request, rewards, logits=logits, tie_margin=self._options.tie_margin, raw=raw)

    def _scored(self, opened: _Opened, rows: Set[Tokens]) -> dict[Tokens, float]:
        """The reward of each row, in batches of like length; those for which there is no memory are left out."""
        import torch

        found: dict[Tokens, float] = {}
        waiting = sorted(rows, key=lambda row: (len(row), row))
        while waiting:
            try:
                with torch.inference_mode():
                    found |= self._room.attempt(partial(_batch, opened, waiting))
            except Exception as error:
                if not out_of_memory(error):
                    raise
                waiting = waiting[1:]
            waiting = [row for row in waiting if row not in found]
        return found

    def _open(self) -> _Opened:
        if self._opened is None:
            self._opened = _open(self._options, self._source, self._name)
        return self._opened


def make(options: RewardModelOptions, context: Context) -> RewardModel:
    """The factory of the card."""
    return RewardModel(options, context)


def _open(options: RewardModelOptions, source: Source, judge: str) -> _Opened:
    set_threads(options.threads)
    import transformers

    tokenizer = open_processor(transformers.AutoTokenizer, source, options, judge)
    if not tokenizer.chat_template:
        raise UserError(f"judge {judge}: the model has no chat template; put a chat_template.jinja into its folder")
    model = open_model(transformers.AutoModelForSequenceClassification, source, options, judge)
    context = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    own = model.config.pad_token_id
    return _Opened(model, tokenizer, _output(model.config.id2label, options.label, judge), own, context)


def _output(labels: dict[int, str], wanted: str | None, judge: str) -> int:
    names = ", ".join(labels.values())
    if wanted is not None:
        found = next((number for number, name in labels.items() if name == wanted), None)
        if found is None:
            raise UserError(f"judge {judge}: label: the model has no output {wanted!r}; it has {names}")
        return int(found)
    if len(labels) > 1:
        raise UserError(
            f"judge {judge}: the model has {len(labels)} outputs ({names}), and a reward model has one; name one of "
            "them with `label:`"
        )
    return 0


def _rows(opened: _Opened, request: Request) -> list[Tokens] | Judgement:
    """The conversations to score, or why there are none."""
    problem = refusal(request)
    if problem:
        return Judgement.failed(Status.REFUSED, problem)
    parts = [*request.question, *(part for candidate in request.candidates for part in candidate)]
    if any(isinstance(part, Image) for part in parts or request.images):
        return Judgement.failed(Status.REFUSED, "this reward model reads text, and the question shows images")
    rows = [_tokens(opened, request, candidate) for candidate in request.candidates or ((),)]
    longest = max(map(len, rows))
    if opened.context is not None and longest > opened.context:
        return Judgement.failed(
            Status.ERROR, f"{longest} tokens are more than the model's context of {opened.context}; shorten the data"
        )
    return rows


def _tokens(opened: _Opened, request: Request, candidate: Sequence[Part]) -> Tokens:
    """The question as the user's turn and the candidate as the assistant's; control tokens in them stay text."""
    conversation = [{"role": "user", "content": _words(request.question) or request.text}]
    if candidate:
        conversation.append({"role": "assistant", "content": _words(candidate)})
    inputs = opened.tokenizer.apply_chat_template(
        conversation, tokenize=True, return_dict=True, sanitize_control_tokens=True
    )
    return tuple(inputs["input_ids"])


def _batch(opened: _Opened, waiting: Sequence[Tokens], most: int) -> dict[Tokens, float]:
    """The rewards of the first few rows."""
    import torch

    rows = waiting[:most]
    # Padded on the right: the classifier reads the reward off at the last token that is no padding. A model that names
    # no padding reads it at the last token of a single row, so the padding must be a token that none of the rows has.
    used, longest = {token for row in rows for token in row}, max(map(len, rows))
    pad = opened.pad if opened.pad is not None else next(token for token in count() if token not in used)
    opened.model.config.pad_token_id = pad
    ids = torch.tensor([[*row, *[pad] * (longest - len(row))] for row in rows], device=opened.model.device)
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=opened.model.device)
    rewards = opened.model(input_ids=ids, attention_mask=mask).logits[:, opened.output]
    return dict(zip(rows, rewards.double().tolist(), strict=True))


def _words(parts: Sequence[Part]) -> str:
    return "\n".join(part for part in parts if isinstance(part, str))
