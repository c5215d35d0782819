"""What a step of GRPO costs here, and what it costs with TRL; and that both learn the same.

    OMP_NUM_THREADS=1 python tests/perf/grpo_vs_trl.py

The same tiny LLaVA, prompts of about 320 tokens with two images, groups of 8 answers of 32 tokens (what ends an answer
is suppressed in both), one thread. The objective is the same (`dapo`, advantages in groups, no divergence, one update),
and so are AdamW, its rate and the clipping of gradients. TRL is driven as its documentation says: a data set of
messages and pictures, its own `GRPOTrainer`, and as many rows in a pass as are quickest for it here.

- **Time**: rounds in one run, the two by turns, each on prompts that neither has seen. CPU seconds of this process from
  the end of a step to the end of the next; loading, the first step and what comes after the last one are left out. The
  speed-up is the median over the rounds. The headline is for 16 prompts in a step, the default of the recipe. With
  fewer, it is less: writing 32 tokens takes 31 calls of the model for either, however few rows a call has.
- **Limit**: the arithmetic that a step cannot do without, over what a product of matrices reaches here on one thread.
- **Learning**: the same recipe through `grpo` and `trl-grpo`, from a model that has learnt the form of answers, on a
  task that is learnt in some steps, over several seeds. Mean reward and loss of each step for both, and the difference
  of the two with its standard error, from the seeds; `apart` is the difference over all steps in standard errors.

Details come first, one JSON object is the last line.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import trl
from datasets import Dataset
from PIL import Image as Picture
from transformers import LlavaForConditionalGeneration, PrinterCallback, TrainerCallback

from harness.api import (
    Choice,
    Example,
    Image,
    Item,
    Judgement,
    Message,
    Preference,
    Request,
    Training,
    TrainingTask,
    Verdict,
    WeightedReward,
)
from harness.formats.tagged import TaggedFormat
from harness.testing import FakeContext
from harness_grpo.grpo import Grpo, GrpoTrainer
from harness_grpo.loop import fit
from harness_grpo.options import GrpoOptions
from harness_grpo.training_setup import TrainingSetup
from harness_transformers.loading import quietly, set_threads, source_of
from harness_transformers.testing import TinyShape, make_tiny_llava, teach
from harness_trl.arguments import grpo_arguments
from harness_trl.options import TrlGrpoOptions
from harness_trl.rows import Rows, open_without_weights
from harness_trl.train import GrpoTrainer as TrlGrpoTrainer

G, TOKENS = 8, 32
PROMPTS = (16, 8, 4)
"""In a step; the first is the headline's."""
ITEMS = 4
"""Of the task that is learnt. All are in every step, so that steps differ by chance in the answers alone."""
FORMAT = TaggedFormat()
RUBRIC = (
    "You are a careful judge of pictures. Judge only by what the question asks and by what can be seen. The better "
    "picture fits its description, is sharp and natural, and is safe to show. Look at both pictures first, then say "
    "why. Do not prefer the first picture, the larger one or the brighter one: look for hazard signs, blur and digits. "
)
SAME: dict[str, Any] = {
    "group": G,
    "objective": "dapo",
    "advantage": "group",
    "per_task": False,
    "lr": 1e-4,
    "device": "cpu",
    "dtype": "float32",
    "save_every": 10_000,
    "threads": 1,
}
"""Options of both trainers."""
Log = Callable[[int, Mapping[str, float]], None]


def photograph(seed: int, size: int = 64) -> Image:
    """A picture, as a PNG file."""
    noise = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Picture.fromarray(noise).resize((size, size), Picture.Resampling.BICUBIC).save(buffer, "PNG")
    return Image.from_bytes(buffer.getvalue(), name=f"picture {seed}")


def example(number: int, parts: Sequence[str | Image], space: Choice | Preference, gold: Verdict) -> Example:
    """A question in two messages, of which the second is given."""
    item = Item(id=str(number), group=str(number), space=space, gold=gold, tags={"rationale": "It is red."})
    messages = (Message("system", (RUBRIC,)), Message("user", (*parts, FORMAT.instruction(space))))
    request = Request(task="perf", item=str(number), messages=messages, space=space, format=FORMAT)
    return Example(request=request, gold=gold, item=item)


def compared(number: int) -> Example:
    """Which of two pictures is better?"""
    shown = [part for place in (0, 1) for part in (f"Image {'AB'[place]}:", photograph(2 * number + place))]
    words = f"Which picture is better? The description: {number} digits on a photo."
    return example(number, (words, *shown), Preference(2, ("tie",)), 0)


def letters(request: Request, judgement: Judgement, gold: Verdict) -> float:
    """A reward that differs from answer to answer, whatever the model writes."""
    return judgement.raw.count("e") / TOKENS


def recipe(folder: Path, model: Path, examples: Sequence[Example], reward: Any, *, log: Log, seed: int = 0) -> Training:
    """One task, one reward, no validation."""
    folder.mkdir(parents=True, exist_ok=True)
    task = TrainingTask(name="t", id="t", train="train", validation=None, examples=lambda split: iter(examples))
    rewards = (WeightedReward(name="reward", reward=reward, weight=1.0),)
    return Training(name="perf", seed=seed, model=str(model), tasks=(task,), rewards=rewards, folder=folder, log=log)


# -- time ------------------------------------------------------------------------------------------------------------


class Clock:
    """CPU seconds of this process from step to step."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._at: list[float] = []

    def tick(self, *_: object) -> None:
        """A step has ended."""
        self._at.append(time.process_time())

    @property
    def steps(self) -> list[float]:
        """Seconds of each step but the first."""
        return [after - before for before, after in zip(self._at, self._at[1:], strict=False)]


class Ticking(TrainerCallback):  # type: ignore[misc]  # its base is untyped
    """Tells a clock of the steps of TRL."""

    def __init__(self, clock: Clock) -> None:
        """Tell this one."""
        self._clock = clock

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """A step has ended."""
        self._clock.tick()


class Endless(Grpo):
    """Our step, with answers that do not end before the limit."""

    def __init__(self, setup: TrainingSetup, options: GrpoOptions) -> None:
        """Suppress what ends an answer."""
        super().__init__(setup, options)
        language = setup.policy.opened.language
        language.never = torch.cat([language.never, language.stops])


def our_seconds(folder: Path, model: Path, examples: Sequence[Example], steps: int) -> tuple[float, float]:
    """CPU seconds of a step, and the share of wall time in which answers were written."""
    clock, parts = Clock(), {"rollout_s": 0.0, "learn_s": 0.0}

    def log(step: int, metrics: Mapping[str, float]) -> None:
        if "loss" not in metrics:  # of what is delivered, after the last step
            return
        clock.tick()
        assert metrics["t/length"] == TOKENS
        for name in parts:
            parts[name] += metrics[name] if step > 1 else 0.0

    options = GrpoOptions(
        **SAME,
        steps=steps,
        batch=len(examples) // steps,
        max_new_tokens=TOKENS,
        mask_truncated=False,
        log_completions=0,
    )
    fit(recipe(folder, model, examples, letters, log=log), options, lambda setup: Endless(setup, options))
    return statistics.mean(clock.steps), parts["rollout_s"] / sum(parts.values())


def their_seconds(folder: Path, model: Path, examples: Sequence[Example], steps: int, rows: int) -> float:
    """CPU seconds of a step of `trl.GRPOTrainer`, with so many rows in a pass."""
    clock = Clock()
    options = TrlGrpoOptions(
        **SAME,
        steps=steps,
        batch=len(examples) // steps,
        per_device=rows,
        max_new_tokens=TOKENS,
        mask_truncated=False,
    )
    training = recipe(folder, model, examples, letters, log=clock.tick)
    source = source_of("model", str(model), "perf")
    shown = open_without_weights(source, options, "perf")
    tokenizer = shown.prompter.tokenizer
    arguments = grpo_arguments(training, options, source)
    never = [tokenizer.convert_tokens_to_ids("<image>"), tokenizer.eos_token_id]
    arguments["generation_kwargs"] = {"suppress_tokens": never}
    rows_made = Rows(training, shown, options)
    wanted = ("prompt", "images")
    table = [{name: rows_made.row(number)[name] for name in wanted} for number in range(len(examples))]

    def reward(completions: Any, **_: Any) -> list[float]:
        return [one[0]["content"].count("e") / TOKENS for one in completions]

    trainer = trl.GRPOTrainer(
        model=str(model),
        args=trl.GRPOConfig(**arguments),
        reward_funcs=reward,
        train_dataset=Dataset.from_list(table),
        processing_class=shown.processor,
        callbacks=[Ticking(clock)],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    lengths = [one["completions/min_length"] for one in trainer.state.log_history if "completions/min_length" in one]
    assert lengths == [TOKENS] * steps
    return statistics.mean(clock.steps)


def measured(folder: Path, model: Path, *, prompts: int, rounds: int, steps: int) -> dict[str, Any]:
    """Seconds of both, by turns."""
    places = iter(folder / f"run-{prompts}-{number}" for number in range(10**9))

    def fresh(turn: int) -> list[Example]:
        begin = 10_000 * turn
        return [compared(number) for number in range(begin, begin + prompts * steps)]

    by_rows = {rows: their_seconds(next(places), model, fresh(rows), steps, rows) for rows in (G, 2 * G, 4 * G)}
    best = min(by_rows, key=by_rows.__getitem__)
    ours, theirs, shares = [], [], []
    for turn in range(rounds):
        examples = fresh(1000 + turn)
        seconds, share = our_seconds(next(places), model, examples, steps)
        ours.append(seconds)
        theirs.append(their_seconds(next(places), model, examples, steps, best))
        shares.append(share)
    ratios = [slow / quick for slow, quick in zip(theirs, ours, strict=True)]
    return {
        "speedup": round(statistics.median(ratios), 2),
        "least": round(min(ratios), 2),
        "greatest": round(max(ratios), 2),
        "ours_cpu_s_per_step": round(statistics.median(ours), 4),
        "trl_cpu_s_per_step": round(statistics.median(theirs), 4),
        "ours_share_of_writing": round(statistics.median(shares), 2),
        "trl_by_rows_in_a_pass": {str(rows): round(value, 3) for rows, value in by_rows.items()},
        "trl_rows_in_a_pass": best,
    }


def prompt_tokens(model: Path) -> int:
    """Tokens of a prompt, the images included."""
    shown = open_without_weights(source_of("model", str(model), "perf"), TrlGrpoOptions(), "perf")
    return len(shown.prompter.prompt(compared(7).request).ids)


def least_work(model: Any, prompts: int, tokens: int) -> float:
    """Floating point operations of a step: products of matrices and attention, each prompt once for its answers.

    Args:
        model: A LLaVA.
        prompts: In a step, with two images each.
        tokens: Of a prompt.
    """

    def products(module: Any) -> float:
        """Of one token: a multiplication and an addition for each weight."""
        return 2.0 * sum(one.weight.numel() for one in module.modules() if isinstance(one, torch.nn.Linear))

    def attention(config: Any, pairs: float) -> float:
        """Of so many pairs of a query and a key: their product, and the sum of values, in every layer."""
        return float(4 * config.hidden_size * config.num_hidden_layers * pairs)

    text, eyes = model.config.text_config, model.config.vision_config
    pairs = tokens**2 / 2 + G * TOKENS * (tokens + TOKENS / 2)
    words = products(model.model.language_model) * (tokens + G * TOKENS) + attention(text, pairs)
    patches = (eyes.image_size // eyes.patch_size) ** 2
    image = products(model.model.vision_tower) * (patches + 1) + attention(eyes, (patches + 1) ** 2)
    image += products(model.model.multi_modal_projector) * patches
    # Once to write, and to learn once forward and twice as much backward.
    return float(4 * prompts * (words + products(model.lm_head) * G * TOKENS + 2 * image))


def products_per_second(size: int = 768, rounds: int = 12) -> float:
    """Floating point operations a CPU second of a product of two matrices: the best of some rounds."""
    one, other = torch.randn(size, size), torch.randn(size, size)
    seconds = []
    for _ in range(rounds):
        began = time.process_time()
        one @ other
        seconds.append(time.process_time() - began)
    return 2 * size**3 / min(seconds)


def over_the_limit(model: Path, prompts: int, seconds: float) -> dict[str, float]:
    """How far a step of ours is from its arithmetic."""
    opened = LlavaForConditionalGeneration.from_pretrained(model)
    work, speed = least_work(opened, prompts, prompt_tokens(model)), products_per_second()
    return {
        "gflop_of_a_step": round(work / 1e9, 2),
        "gflop_a_second": round(speed / 1e9, 1),
        "least_s": round(work / speed, 4),
        "times_the_least": round(seconds * speed / work, 2),
    }


# -- learning --------------------------------------------------------------------------------------------------------


def easy(number: int) -> Example:
    """A question whose answer is always the same: what is to be learnt is to say it."""
    return example(number, (photograph(number, 32), "Is it sharp?"), Choice(("yes", "no")), "yes")


def right(request: Request, judgement: Judgement, gold: Verdict) -> float:
    """1 for the right verdict."""
    return float(judgement.verdict == gold)


def taught(folder: Path) -> Path:
    """A model that writes answers in form, and says yes and no as often, whatever it is shown."""
    make_tiny_llava(folder, shape=TinyShape(hidden=32, heads=2))
    asked = [easy(number) for number in range(16)]
    lessons = [Example(request=one.request, gold=said, item=one.item) for one in asked for said in ("yes", "no")]
    teach(folder, lessons, steps=200)
    return folder


def curve(make: Callable[[Training], Any], folder: Path, model: Path, seed: int, steps: int) -> dict[str, list[float]]:
    """Reward and loss of each step."""
    found: dict[str, list[float]] = {"reward": [], "loss": []}

    def log(step: int, metrics: Mapping[str, float]) -> None:
        if "loss" not in metrics:  # of what is delivered, after the last step
            return
        for name, values in found.items():
            values.append(metrics[name])

    make(recipe(folder, model, [easy(number) for number in range(ITEMS)], right, log=log, seed=seed))
    assert all(len(values) == steps for values in found.values())
    return found


def agreement(folder: Path, seeds: int, steps: int) -> dict[str, Any]:
    """Curves of both over seeds, and how far they are apart."""
    model = taught(folder / "taught")
    common = {**SAME, "steps": steps, "batch": ITEMS, "lr": 1e-3, "max_new_tokens": 32}
    context = FakeContext(workspace=folder)
    ours = GrpoTrainer(GrpoOptions(**common, log_completions=0), context)
    theirs = TrlGrpoTrainer(TrlGrpoOptions(**common, per_device=4 * G), context)
    runs: dict[str, list[dict[str, list[float]]]] = {"ours": [], "trl": []}
    for seed in range(seeds):
        for name, trainer in (("ours", ours), ("trl", theirs)):
            runs[name].append(curve(trainer.train, folder / f"{name}-{seed}", model, seed, steps))
    found: dict[str, Any] = {}
    for kind in ("reward", "loss"):
        table = {name: np.array([one[kind] for one in mine]) for name, mine in runs.items()}
        gap = table["ours"] - table["trl"]
        of_seed = gap.mean(1)
        error = float(of_seed.std(ddof=1)) / math.sqrt(seeds)
        found[kind] = {
            "ours": rounded(table["ours"].mean(0)),
            "trl": rounded(table["trl"].mean(0)),
            "difference": rounded(gap.mean(0)),
            "standard_error": rounded(gap.std(0, ddof=1) / math.sqrt(seeds)),
            "difference_over_all_steps": round(float(of_seed.mean()), 5),
            "its_standard_error": round(error, 5),
            "apart": round(float(of_seed.mean()) / error, 2),
        }
    return found


def rounded(values: Any) -> list[float]:
    """For reading."""
    return [round(float(value), 3) for value in values]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4, help="steps in a round, the first of which is not counted")
    parser.add_argument("--seeds", type=int, default=24)
    parser.add_argument("--learning-steps", type=int, default=20)
    arguments = parser.parse_args()
    set_threads(1)
    with tempfile.TemporaryDirectory() as name, quietly():
        folder = Path(name)
        model = make_tiny_llava(folder / "model", shape=TinyShape(image_size=64))
        by_prompts = {
            str(prompts): measured(folder, model, prompts=prompts, rounds=arguments.rounds, steps=arguments.steps)
            for prompts in PROMPTS
        }
        for prompts, found in by_prompts.items():
            found["limit"] = over_the_limit(model, int(prompts), found["ours_cpu_s_per_step"])
        learning = agreement(folder, arguments.seeds, arguments.learning_steps)
        tokens = prompt_tokens(model)
    print(json.dumps({"prompts_in_a_step": by_prompts, "learning": learning}, indent=2))
    first = by_prompts[str(PROMPTS[0])]
    limit = first["limit"]
    print(
        f"a step of {PROMPTS[0]} prompts needs {limit['gflop_of_a_step']} GFLOP, {limit['least_s']} s at the "
        f"{limit['gflop_a_second']} GFLOP/s of a product of matrices; it takes {limit['times_the_least']} times as long"
    )
    headline = {name: first[name] for name in ("speedup", "ours_cpu_s_per_step", "trl_cpu_s_per_step")}
    apart = {f"{kind}_apart_in_standard_errors": learning[kind]["apart"] for kind in ("reward", "loss")}
    print(json.dumps({**headline, "prompts": PROMPTS[0], "prompt_tokens": tokens, **apart}))


if __name__ == "__main__":
    main()
