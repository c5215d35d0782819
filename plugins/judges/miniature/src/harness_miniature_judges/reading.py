"""Training the language model alone to copy what it has read, before it answers any question.

A judge that says what a caption says must copy words from its prompt. A small model finds that out from questions late
or never: each one copies two words, and a guess from the picture is right for most of them. Here random words follow
random words, and come again; so all of the second half is copying (an induction head, arXiv 2209.11895).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.api import UserError
from harness_miniature_judges.shape import write_model

_SHORTEST, _LONGEST = 4, 20
"""Words in a list."""
_WARM_UP = 50
_CHECKED = 256
_CHECK_SEED = 1


def train_reading(
    start: str | Path,
    folder: str | Path,
    *,
    seed: int,
    steps: int = 600,
    batch: int = 64,
    rate: float = 3e-3,
    report_every: int = 50,
    report: Callable[[int, dict[str, float]], None] | None = None,
) -> dict[str, float]:
    """Write a model folder whose language model copies lists of words.

    The same arguments give the same bytes, on one machine and with one version of torch.

    Args:
        start: A folder as `train_eyes` writes it. Only its language model is trained.
        folder: Where the model goes.
        seed: Of the words and their order.
        steps: Optimiser steps.
        batch: Lists in a step. All of them are equally long.
        rate: Highest learning rate of AdamW. It warms up and then falls to a tenth in a straight line.
        report_every: Steps from one report to the next.
        report: Called with the step, the mean loss since the last report, and `copied`.

    Returns:
        `copied`: the share of words of new lists that it copies right, each with all words before it as they should
        be; and `loss`, the mean train loss of the last ten steps in nats per word.

    Raises:
        UserError: The training diverges. No folder is written.
    """
    from transformers import AutoModelForImageTextToText, AutoProcessor

    torch.set_num_threads(1)  # as for the eyes: more threads are slower on a few shared cores
    processor = AutoProcessor.from_pretrained(start)
    model = AutoModelForImageTextToText.from_pretrained(start, dtype=torch.float32)
    copier = _Copier(model, processor.tokenizer)
    optimiser = torch.optim.AdamW(copier.learnt, betas=(0.9, 0.98), fused=True)
    dice = random.Random(seed)
    losses: list[float] = []
    for step in range(1, steps + 1):
        learning_rate = rate * min(1.0, step / _WARM_UP) * (1 - 0.9 * (step - 1) / steps)
        losses.append(_step(copier, optimiser, copier.lists(dice, batch), rate=learning_rate))
        if not math.isfinite(losses[-1]):
            raise UserError(f"train_reading: the loss of step {step} is {losses[-1]}; lower the rate, which is {rate}")
        if report is not None and (step % report_every == 0 or step == steps):
            report(step, {"loss": _mean(losses[-report_every:]), "copied": copier.measure_copying()})
    write_model(folder, model, processor)
    return {"copied": copier.measure_copying(), "loss": _mean(losses[-10:])}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _step(copier: _Copier, optimiser: torch.optim.Optimizer, words: Tensor, *, rate: float) -> float:
    """One step of the optimiser. Returns the loss."""
    for group in optimiser.param_groups:
        group["lr"] = rate
    loss, _ = copier.read(words)
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(copier.learnt, 1.0)
    optimiser.step()
    return float(loss.detach())


class _Copier:
    """A language model that reads lists of words twice.

    Attributes:
        learnt: Parameters of the embeddings, the language model and its head.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._language, self._head = model.model.language_model, model.lm_head
        self.learnt = [*self._language.parameters(), *self._head.parameters()]
        self._first, self._between = tokenizer.bos_token_id, tokenizer.eos_token_id
        control = set(tokenizer.all_special_ids)
        # Spelled characters and bytes are left out: words and sentences are what prompts are made of.
        self._words = [
            token for piece, token in tokenizer.get_vocab().items() if len(piece) > 1 and token not in control
        ]
        self._words = sorted(
            token for token in self._words if not tokenizer.convert_ids_to_tokens(token).startswith("<0x")
        )

    def lists(self, dice: random.Random, count: int) -> Tensor:
        """Lists of words, all equally long: count x words."""
        # One length for a batch needs no padding, and no mask.
        length = dice.randint(_SHORTEST, _LONGEST)
        return torch.tensor([dice.choices(self._words, k=length) for _ in range(count)])

    def read(self, words: Tensor) -> tuple[Tensor, Tensor]:
        """Mean loss of the copies in nats per word, and which words are copied right: lists x words."""
        first = torch.full_like(words[:, :1], self._first)
        between = torch.full_like(first, self._between)
        rows = torch.cat([first, words, between, words], 1)
        # From the token between the lists on: each place predicts the next word of the copy.
        hidden = self._language(input_ids=rows).last_hidden_state[:, words.shape[1] + 1 : -1]
        scores = self._head(hidden)
        return functional.cross_entropy(scores.flatten(0, 1), words.flatten()), scores.argmax(-1) == words

    @torch.no_grad()
    def measure_copying(self) -> float:
        """The share of words of new lists that are copied right."""
        # A generator of its own: the same lists at every report, and the training's draws stay as they are.
        _, right = self.read(self.lists(random.Random(_CHECK_SEED), _CHECKED))
        return float(right.float().mean())
