"""What sharing a prefix saves a local judge, against the loops that one would write.

    OMP_NUM_THREADS=1 python tests/perf/judges.py

A tiny LLaVA with judge-like shapes: two images, a prompt of 300 to 500 tokens, answers of up to 64 tokens. CPU seconds
of this process, one thread, the two sides of a ratio by turns in one run; a ratio is the median over the rounds, with
its least and greatest value beside it. Details come first, one JSON object is the last line:

- `verdict_over_generate`: requests a second by `mode: verdict` over `mode: generate` with answers of 64 tokens, both in
  batches of 8. Details: shorter answers, one request at a time, and a model twice as wide, whose prompts cost more
  against its answers.
- `k_samples_over_naive`: eight samples of a request over eight calls of `model.generate`, inputs prepared once.
- `both_orders_over_two`: both orders of a pair in one stream over two separate requests, in `mode: verdict`.

The run fails where greedy answers are not those of `model.generate`, or where verdicts depend on the company they keep.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Picture

from harness.api import Image, Judgement, Message, Preference, Request
from harness.formats.tagged import TaggedFormat
from harness.testing import FakeContext
from harness_transformers.judge import LocalJudge
from harness_transformers.options import GenerativeOptions
from harness_transformers.testing import TinyShape, make_tiny_llava

SHAPE = TinyShape(hidden=32, heads=2, image_size=64)
WIDER = TinyShape(hidden=64, image_size=64)
SPACE, FORMAT = Preference(2, ("tie",)), TaggedFormat()
RUBRIC = (
    "You are a careful judge of pictures. Judge only by what the question asks and by what can be seen. The better "
    "picture fits its description, is sharp and natural, and is safe to show. Look at both pictures first. "
) * 2


def photograph(seed: int) -> Image:
    """A picture of 64 x 64 pixels, the size that the model looks at, as a PNG file."""
    noise = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Picture.fromarray(noise).resize((64, 64), Picture.Resampling.BICUBIC).save(buffer, "PNG")
    return Image.from_bytes(buffer.getvalue(), name=f"picture {seed}")


def pair(number: int) -> list[Request]:
    """Both orders of a pair."""
    pictures = [photograph(2 * number), photograph(2 * number + 1)]
    requests = []
    for order in ((0, 1), (1, 0)):
        shown = [part for place, which in enumerate(order) for part in (f"Image {'AB'[place]}:", pictures[which])]
        words = f"Which picture is better? The description: {number} digits on a photo."
        messages = (Message("system", (RUBRIC,)), Message("user", (words, *shown, FORMAT.instruction(SPACE))))
        requests.append(
            Request(task="perf", item=str(number), messages=messages, space=SPACE, format=FORMAT, order=order)
        )
    return requests


class Bench:
    """Judges over one model folder."""

    def __init__(self, folder: Path) -> None:
        """Open nothing yet."""
        self._folder = folder

    def judge(self, **options: Any) -> LocalJudge:
        """A judge with its weights open and warm."""
        made = LocalJudge(
            GenerativeOptions(model=str(self._folder), threads=1, **options), FakeContext(workspace=self._folder)
        )
        list(made.judge(pair(10**6)))
        return made


def cpu(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of this process, and what came out."""
    began = time.process_time()
    result = work()
    return time.process_time() - began, result


def asked(judge: LocalJudge, requests: Iterable[Request]) -> dict[str, Judgement]:
    """Judgements by request."""
    return {request.key: judgement for request, judgement in judge.judge(iter(list(requests)))}


def fresh(judge: LocalJudge) -> LocalJudge:
    """The same judge without anything remembered of images; the rubric stays read, as in any stream."""
    opened = judge._open()
    sight, pixels = opened.language._sight, opened.prompter.pixels
    assert sight is not None
    assert pixels is not None
    sight.clear()
    pixels.clear()
    return judge


def summary(ratios: list[float]) -> dict[str, float]:
    """Median, least and greatest."""
    return {
        "median": round(statistics.median(ratios), 2),
        "least": round(min(ratios), 2),
        "greatest": round(max(ratios), 2),
    }


def verdict_over_generate(bench: Bench, rounds: int, pairs: int) -> dict[str, dict[str, float]]:
    """Throughput of weighing over writing, for several lengths of answer."""
    return {str(tokens): _verdict_over_generate(bench, rounds, pairs, tokens) for tokens in (16, 32, 64)}


def _verdict_over_generate(bench: Bench, rounds: int, pairs: int, tokens: int, batch_size: int = 8) -> dict[str, float]:
    weigh = bench.judge(mode="verdict", batch_size=batch_size)
    write = bench.judge(mode="generate", max_new_tokens=tokens, batch_size=batch_size)
    ratios = []
    for turn in range(rounds):
        quick, _ = cpu(partial(asked, fresh(weigh), _pairs(1000 * turn, pairs)))
        slow, _ = cpu(partial(asked, fresh(write), _pairs(1000 * turn, pairs)))
        ratios.append(slow / quick)
    return summary(ratios)


def _pairs(begin: int, count: int) -> list[Request]:
    return [one for number in range(begin, begin + count) for one in pair(number)]


def naive(judge: LocalJudge, requests: list[Request], **options: Any) -> list[list[list[int]]]:
    """What one would write: prepare the inputs of a request, then call `model.generate`, eight times where it draws."""
    import torch

    opened = judge._open()
    model, prompter = opened.language.model, opened.prompter
    answers = []
    for request in requests:
        prompt = prompter.prompt(request)
        ids = torch.tensor([prompt.ids])
        pixels = torch.cat([one["pixel_values"] for one in prompt.prepared])
        inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "pixel_values": pixels}
        never = opened.language.never.tolist()
        with torch.inference_mode():
            outputs = [
                model.generate(**inputs, suppress_tokens=never, **options)
                for _ in range(8 if options["do_sample"] else 1)
            ]
        stops = opened.language.stops.tolist()
        answers.append([[token for token in one[0, ids.shape[1] :].tolist() if token not in stops] for one in outputs])
    return answers


def k_samples_over_naive(bench: Bench, rounds: int) -> dict[str, float]:
    """Eight samples of a request, 64 tokens each; CPU time for each token, as an answer may end early by chance."""
    judge = bench.judge(mode="generate", max_new_tokens=64, temperature=1.0, samples=8)
    drawing = {"do_sample": True, "temperature": 1.0, "top_k": 0, "max_new_tokens": 64}
    ratios = []
    for turn in range(rounds):
        ours, answers = cpu(partial(asked, fresh(judge), pair(50_000 + turn)[:1]))
        theirs, texts = cpu(partial(naive, fresh(judge), pair(50_000 + turn)[:1], **drawing))
        written = sum(answer.completion_tokens or 0 for answer in answers.values())
        ratios.append((theirs / sum(len(ids) for row in texts for ids in row)) / (ours / written))
    return summary(ratios)


def both_orders_over_two(bench: Bench, rounds: int, pairs: int) -> dict[str, dict[str, float]]:
    """Both orders in one stream, against each request by itself."""
    return {mode: _both_orders_over_two(bench, rounds, pairs, mode) for mode in ("verdict", "generate")}


def _both_orders_over_two(bench: Bench, rounds: int, pairs: int, mode: str) -> dict[str, float]:
    judge = bench.judge(mode=mode, max_new_tokens=32)
    ratios = []
    for turn in range(rounds):
        numbers = range(90_000 + 1000 * turn, 90_000 + 1000 * turn + pairs)
        together = apart = 0.0
        for number in numbers:
            both = pair(number)
            first, second = pair(number)[:1], pair(number)[1:]
            seconds, mine = cpu(partial(asked, fresh(judge), both))
            together += seconds
            theirs: dict[str, Judgement] = {}
            for request in (first, second):
                seconds, answers = cpu(partial(asked, fresh(judge), request))
                apart += seconds
                theirs |= answers
            assert {key: (one.verdict, one.raw) for key, one in mine.items()} == {
                key: (one.verdict, one.raw) for key, one in theirs.items()
            }, "the two orders of a pair are judged otherwise together than apart"
        ratios.append(apart / together)
    return summary(ratios)


def same_answers(bench: Bench, pairs: int) -> int:
    """Greedy answers are those of `model.generate`, whatever the batch size."""
    requests = [one for number in range(pairs) for one in pair(200_000 + number)]
    by_size = [asked(bench.judge(mode="generate", max_new_tokens=64, batch_size=size), requests) for size in (1, 3, 16)]
    expected = naive(bench.judge(mode="generate"), requests, do_sample=False, max_new_tokens=64)
    decoded = bench.judge(mode="generate")._open().decode_exactly
    for request, (ids,) in zip(requests, expected, strict=True):
        for answers in by_size:
            assert answers[request.key].raw == decoded(ids), f"{answers[request.key].raw!r} is not {decoded(ids)!r}"
    return len(requests)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=16, help="pairs in a round")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(make_tiny_llava(Path(folder) / "narrow", shape=SHAPE))
        wider = Bench(make_tiny_llava(Path(folder) / "wide", shape=WIDER))
        tokens = len(bench.judge(mode="verdict")._open().prompter.prompt(pair(7)[0]).ids)
        equal = same_answers(bench, 6)
        details: dict[str, Any] = {
            "verdict_over_generate": verdict_over_generate(bench, arguments.rounds, arguments.pairs),
            "verdict_over_generate, one request at a time": {
                "64": _verdict_over_generate(bench, arguments.rounds, arguments.pairs, 64, batch_size=1)
            },
            "verdict_over_generate, twice as wide": verdict_over_generate(wider, arguments.rounds, arguments.pairs),
            "k_samples_over_naive": k_samples_over_naive(bench, arguments.rounds),
            "both_orders_over_two": both_orders_over_two(bench, arguments.rounds, arguments.pairs),
        }
    print(json.dumps(details, indent=2))
    headline: dict[str, Any] = {
        "verdict_over_generate": details["verdict_over_generate"]["64"]["median"],
        "k_samples_over_naive": details["k_samples_over_naive"]["median"],
        "both_orders_over_two": details["both_orders_over_two"]["verdict"]["median"],
    }
    print(json.dumps({**headline, "prompt_tokens": tokens, "answers_equal_to_generate": equal}))


if __name__ == "__main__":
    main()
