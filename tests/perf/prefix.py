"""What computing the prompt of a group once saves a trainer, against a row for each completion.

    OMP_NUM_THREADS=1 python tests/perf/prefix.py

A tiny LLaVA with judge-like shapes: two images, a prompt of about 320 tokens, 8 completions of 24 to 40 tokens each.
CPU seconds of this process, one thread, for the log-probabilities of all completions and the gradients of their
weighted sum to all parameters. The three ways take turns in one run; a ratio is the median over the rounds, with its
least and greatest value beside it. Repeated rows are computed as quickly as they can be: logits of completions alone,
causal attention without a mask. Details come first, one JSON object is the last line:

- `packed_over_repeat`, `cache_over_repeat`: how many times as fast, with four groups in a call and a model 64 wide.
  Details: one group in a call, narrower and wider models, shorter completions, and the share of time of the forward
  pass.

The run fails where log-probabilities or gradients differ from those of repeated rows.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image as Picture
from transformers import AutoModelForImageTextToText, AutoProcessor

from harness.api import Image, Message, Preference, Request
from harness.formats.tagged import TaggedFormat
from harness_grpo.prefix import PrefixScorer, Rollouts
from harness_transformers.pixels import PixelCache
from harness_transformers.prompts import Prompter
from harness_transformers.testing import TinyShape, make_tiny_llava

G = 8
SPACE, FORMAT = Preference(2, ("tie",)), TaggedFormat()
RUBRIC = (
    "You are a careful judge of pictures. Judge only by what the question asks and by what can be seen. The better "
    "picture fits its description, is sharp and natural, and is safe to show. Look at both pictures first, then say "
    "why. Do not prefer the first picture, the larger one or the brighter one: look for hazard signs, blur and digits. "
)
Way = Literal["repeat", "cache", "packed"]
WAYS: tuple[Way, ...] = ("repeat", "cache", "packed")


def photograph(seed: int) -> Image:
    """A picture of 64 x 64 pixels, the size that the model looks at, as a PNG file."""
    noise = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Picture.fromarray(noise).resize((64, 64), Picture.Resampling.BICUBIC).save(buffer, "PNG")
    return Image.from_bytes(buffer.getvalue(), name=f"picture {seed}")


def group(prompter: Prompter, number: int, tokens: int) -> Rollouts:
    """A question about two pictures with G random answers of about `tokens` tokens."""
    dice = random.Random(number)
    shown = [part for place in (0, 1) for part in (f"Image {'AB'[place]}:", photograph(2 * number + place))]
    words = f"Which picture is better? The description: {number} digits on a photo."
    messages = (Message("system", (RUBRIC,)), Message("user", (words, *shown, FORMAT.instruction(SPACE))))
    request = Request(task="perf", item=str(number), messages=messages, space=SPACE, format=FORMAT)
    lengths = [dice.randint(tokens - tokens // 4, tokens + tokens // 4) for _ in range(G)]
    return Rollouts(prompter.prompt(request), tuple(tuple(dice.choices(range(20, 500), k=n)) for n in lengths))


class Bench:
    """A model, and groups to score."""

    def __init__(self, folder: Path, shape: TinyShape) -> None:
        """Make the model."""
        make_tiny_llava(folder, shape=shape)
        processor = AutoProcessor.from_pretrained(folder)
        self.model = AutoModelForImageTextToText.from_pretrained(folder, dtype="float32").train()
        self.prompter = Prompter(
            processor, pixels=PixelCache(processor), system="message", template={}, who="judge perf"
        )
        self.scorers = {way: PrefixScorer(self.model, mode=way, pad=0) for way in WAYS}

    def step(self, way: Way, groups: Sequence[Rollouts]) -> tuple[float, float, torch.Tensor]:
        """CPU seconds of the whole and of the forward pass, and the log-probabilities; gradients stay on the model."""
        self.model.zero_grad()
        began = time.process_time()
        scored = self.scorers[way].logps(groups)
        between = time.process_time()
        weights = torch.linspace(-1, 1, scored.logps.numel()).view_as(scored.logps)
        torch.autograd.backward((scored.logps * weights).sum())
        return time.process_time() - began, between - began, scored.logps.detach()

    def gradient(self) -> torch.Tensor:
        """All of it."""
        return torch.cat([one.grad.flatten() for one in self.model.parameters() if one.grad is not None])

    def measure(self, rounds: int, groups: int, tokens: int) -> dict[str, Any]:
        """Seconds of each way, and how many times as fast as repeated rows the others are."""
        self.agree([group(self.prompter, 10_000 + number, tokens) for number in range(groups)])
        seconds: dict[Way, list[float]] = {way: [] for way in WAYS}
        forward: dict[Way, list[float]] = {way: [] for way in WAYS}
        for turn in range(rounds):
            batch = [group(self.prompter, turn * groups + number, tokens) for number in range(groups)]
            for way in WAYS:
                whole, first, _ = self.step(way, batch)
                seconds[way].append(whole)
                forward[way].append(first)
        found: dict[str, Any] = {"prompt_tokens": len(batch[0].prompt.ids)}
        for way in WAYS:
            found[f"{way}_milliseconds"] = round(1000 * statistics.median(seconds[way]), 1)
            found[f"{way}_forward_share"] = round(sum(forward[way]) / sum(seconds[way]), 2)
        for way in WAYS[1:]:
            ratios = [slow / quick for slow, quick in zip(seconds["repeat"], seconds[way], strict=True)]
            found[f"{way}_over_repeat"] = {
                "median": round(statistics.median(ratios), 2),
                "least": round(min(ratios), 2),
                "greatest": round(max(ratios), 2),
            }
        return found

    def agree(self, groups: Sequence[Rollouts]) -> None:
        """Check, and warm up."""
        _, _, expected = self.step("repeat", groups)
        gradient = self.gradient()
        for way in WAYS[1:]:
            _, _, logps = self.step(way, groups)
            assert (logps - expected).abs().max() < 1e-4, f"{way} gives other log-probabilities"
            assert (self.gradient() - gradient).abs().max() < 1e-4 * gradient.abs().max(), f"{way}: other gradients"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    details = {}
    with tempfile.TemporaryDirectory() as folder:
        for width in (32, 64, 128):
            shape = TinyShape(hidden=width, heads=width // 16, image_size=64)
            bench = Bench(Path(folder) / str(width), shape)
            for groups, tokens in ((1, 32), (4, 32), (4, 8)) if width == 64 else ((4, 32),):
                name = f"{width} wide, {groups} group(s) in a call, completions of about {tokens} tokens"
                details[name] = bench.measure(arguments.rounds, groups, tokens)
    print(json.dumps(details, indent=2))
    chosen = details["64 wide, 4 group(s) in a call, completions of about 32 tokens"]
    print(json.dumps({f"{way}_over_repeat": chosen[f"{way}_over_repeat"]["median"] for way in ("packed", "cache")}))


if __name__ == "__main__":
    main()
