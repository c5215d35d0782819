"""Opening what was written as a judge opens it, and comparing it with the policy that wrote it.

policy -> model folder, or adapter folder -> opened by the code of the judge `transformers` -> the same numbers?
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import torch

from harness.api import UserError
from harness_grpo.data import Unit
from harness_grpo.delivered import opening_options
from harness_grpo.options import CommonOptions
from harness_grpo.policy import Speaker
from harness_grpo.prefix import PrefixScorer, Rollouts
from harness_grpo.rollout import PromptedExample, Prompts, write
from harness_transformers.sampling import Sampling

_SAME_TYPE = {"float64": 1e-6, "float32": 1e-4, "float16": 1e-3, "bfloat16": 1e-3}
"""Nats. The same weights in the same type give the same numbers, up to the order in which a device adds them up: on one
device 0 was measured, and 5e-6 between two ways to compute the same in float32."""
_OTHER_TYPE = {"float32": 1e-4, "float16": 4e-3, "bfloat16": 3e-2}
"""Nats, by the coarser of two types. Rounding activations to the 8 bits of bfloat16 moves the log-probability of a
token by 1e-2 on average (measured on a model of 135M parameters); three times that is allowed, and an eighth in
float16, which has 3 bits more."""
_COARSER = ("float64", "float32", "float16", "bfloat16")
_COMPARED = 8
"""Prompts whose answers are compared."""


def reopen(
    model: str | Path,
    options: CommonOptions,
    *,
    device: str,
    name: str,
    dtype: Literal["auto", "bfloat16"] = "auto",
    four_bits: bool = False,
) -> Speaker:
    """Open what was written as the judge `transformers` does by default: in the type it was saved in.

    Args:
        model: The folder.
        options: Of the trainer.
        device: Where it is opened, unless the options say otherwise.
        name: Of the recipe.
        dtype: `bfloat16` where training computes in it and a copy in float32 may not fit beside it.
        four_bits: Whether it is opened in four bits. An adapter folder says so itself.

    Raises:
        UserError: It cannot be opened, or the device has no room for a second model.
    """
    where = options.validation.device or device
    try:
        return Speaker(opening_options(str(model), options, device=where, dtype=dtype), name=name, four_bits=four_bits)
    except torch.cuda.OutOfMemoryError as error:
        raise UserError(
            f"recipe {name}: what is delivered is opened again to be validated, and {where} has no room for a second "
            "model; set validation: {device: cpu}, or name another device there"
        ) from error


def first_prompts(units: Mapping[str, Sequence[Unit]], prompts: Prompts) -> list[PromptedExample]:
    """The first two prompts of each task that can be shown, which is enough to compare."""
    found: list[PromptedExample] = []
    for mine in units.values():
        found += islice((prompted for unit in mine for prompted in prompts.of_unit(unit) or ()), 2)
    return found


def compare(live: Any, written: Speaker, asked: Sequence[PromptedExample], *, name: str, most: int) -> float:
    """See that what was written computes what the policy computes.

    Args:
        live: The policy's model.
        written: What was written, opened again.
        asked: Prompts; the first ones are compared.
        name: Of the recipe.
        most: Longest answer in tokens.

    Returns:
        Mean over tokens of the difference of log-probabilities, in nats: of greedy answers of `written`.

    Raises:
        UserError: It is above what rounding explains, and the message says how large; or there is no prompt.
    """
    if not asked:
        raise UserError(f"recipe {name}: not one item can be shown to what was written; the log says why")
    asked = asked[:_COMPARED]
    given = write(written, asked, samples=1, sampling=Sampling(), most=most, rows=len(asked))
    answers = [answer.tokens for (answer,) in given]
    pad = written.opened.language.pad
    ours, theirs = (_log_probabilities(model, asked, answers, pad) for model in (live, written.model))
    apart = [abs(mine - other) for mine, other in zip(ours, theirs, strict=True)]
    difference = sum(apart) / len(apart)
    bound = tolerance(str(live.dtype), str(written.model.dtype))
    if not difference <= bound:  # so that NaN is refused too
        raise UserError(
            f"recipe {name}: what was written does not compute what was trained: log-probabilities of the first "
            f"validation answers differ by {difference:.3g} nats a token, and rounding explains {bound:g}; nothing of "
            "it is kept. Some models are not saved whole; with lora, set its merge to the other value"
        )
    return difference


def tolerance(ours: str, theirs: str) -> float:
    """How far two models with the same weights may be apart, in nats a token, by the names of their types."""
    ours, theirs = ours.removeprefix("torch."), theirs.removeprefix("torch.")
    coarser = max(ours, theirs, key=_COARSER.index)
    return _SAME_TYPE[ours] if ours == theirs else _OTHER_TYPE[coarser]


def _log_probabilities(
    model: Any, asked: Sequence[PromptedExample], answers: Sequence[Sequence[int]], pad: int
) -> list[float]:
    """Of every token of the answers, prompt by prompt: nothing depends on what shares a batch."""
    scorer = PrefixScorer(model, mode="repeat", pad=pad)
    training = model.training
    model.eval()
    found: list[float] = []
    with torch.no_grad():
        for prompted, tokens in zip(asked, answers, strict=True):
            scored = scorer.logps([Rollouts(prompted.prompt, (tuple(tokens),))])
            found += scored.logps[scored.mask].tolist()
    model.train(training)
    return found
