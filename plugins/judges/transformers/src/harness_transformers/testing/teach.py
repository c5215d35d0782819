"""Teaching a tiny model to write answers in a format: some seconds of plain supervised steps on the CPU.

It learns how an answer looks, and little of what is right. Not a trainer for judges.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.api import Example
from harness_transformers.loading import set_threads
from harness_transformers.pixels import PixelCache
from harness_transformers.prompts import Prompt, Prompter

_VISION = re.compile(r"(^|\.)(vision_tower|visual)\.")
"""Names of weights of a vision tower, here and in Qwen-VL."""


def teach(
    folder: str | Path,
    examples: Sequence[Example],
    *,
    steps: int = 120,
    batch: int = 8,
    rate: float = 3e-3,
    seed: int = 0,
) -> float:
    """Train the language half of a vision-language model on written answers, in place.

    Args:
        folder: A model folder, as `make_tiny_llava` writes it.
        examples: What to answer. The item's tag `rationale` goes ahead of the verdict where there is one.
        steps: Optimiser steps.
        batch: Examples in a step.
        rate: Learning rate of AdamW.
        seed: Of the order of the examples.

    Returns:
        The mean loss of the last ten steps, in nats a token.
    """
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    set_threads(None)
    processor = AutoProcessor.from_pretrained(folder)
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype="float32")
    pixels = PixelCache(processor)
    prompter = Prompter(processor, pixels=pixels, system="message", template={}, who="judge teach")
    stop = prompter.tokenizer.eos_token_id
    lessons = [
        (prompter.prompt(example.request), (*prompter.answer_ids(_write_answer(example)), stop)) for example in examples
    ]
    # Only the language half: the form of an answer does not depend on what is seen.
    learned = [weights for name, weights in model.named_parameters() if not _VISION.search(name)]
    optimiser = torch.optim.AdamW(learned, lr=rate)
    dice = random.Random(seed)
    losses: list[float] = []
    for _ in range(steps):
        inputs, labels = _collate(dice.sample(lessons, min(batch, len(lessons))), prompter.tokenizer.pad_token_id)
        loss = model(**inputs, labels=labels).loss
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimiser.step()
        losses.append(float(loss.detach()))
    model.save_pretrained(folder)
    last = losses[-10:]
    return sum(last) / len(last)


def _write_answer(example: Example) -> str:
    request = example.request
    return request.format.write(example.gold, request.space, example.item.tags.get("rationale", ""))


def _collate(lessons: Sequence[tuple[Prompt, tuple[int, ...]]], pad: int) -> tuple[dict[str, Any], Any]:
    import torch

    rows = [[*prompt.ids, *answer] for prompt, answer in lessons]
    most = max(map(len, rows))
    # -100 is the label that the loss of transformers leaves out: only the answer is learnt.
    labels = [[*[-100] * (most - len(answer)), *answer] for _, answer in lessons]
    inputs = {
        "input_ids": torch.tensor([[*[pad] * (most - len(row)), *row] for row in rows]),
        "attention_mask": torch.tensor([[*[0] * (most - len(row)), *[1] * len(row)] for row in rows]),
    }
    # Qwen-VL finds its pictures by the kinds of its tokens.
    kinds = {name: [prompt.per_token[name] for prompt, _ in lessons] for name in lessons[0][0].per_token}
    for name, values in kinds.items():
        ends = [[*kind, *[0] * len(answer)] for kind, (_, answer) in zip(values, lessons, strict=True)]
        inputs[name] = torch.tensor([[*[0] * (most - len(row)), *row] for row in ends])
    prepared = [part for prompt, _ in lessons for part in prompt.prepared]
    if prepared:
        inputs |= {name: torch.cat([part[name] for part in prepared]) for name in prepared[0]}
    return inputs, torch.tensor(labels)
