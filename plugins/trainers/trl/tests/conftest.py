from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

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
from harness_transformers.testing import TinyShape, make_tiny_llava
from harness_transformers.testing.qwen import FAMILIES, make_tiny_qwen
from harness_transformers.testing.teach import teach
from harness_transformers.testing.tiny import CHAT_TEMPLATE, make_tokenizer

FORMAT = TaggedFormat()
YES_NO = Choice(("yes", "no"))
TINY: dict[str, Any] = {"device": "cpu", "dtype": "float32", "max_new_tokens": 12}
"""Options of every training here."""


@pytest.fixture(scope="session")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny LLaVA that has learnt the form of answers, and nothing else."""
    folder = make_tiny_llava(tmp_path_factory.mktemp("taught") / "model", shape=TinyShape(hidden=32, heads=2))
    lessons = [point("t", number) for number in range(24)] + [one for number in range(6) for one in pair("t", number)]
    teach(folder, lessons, steps=40)
    return folder


@pytest.fixture(
    scope="session", params=["llava", *(pytest.param(name, marks=pytest.mark.torchvision) for name in FAMILIES)]
)
def start(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a training starts from: the tiny LLaVA, and models of Qwen's shapes with random weights."""
    if request.param == "llava":
        taught: Path = request.getfixturevalue("taught")
        return taught
    return make_tiny_qwen(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="session")
def wordy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny language model that sees nothing, whose template writes a line break after each turn, as that of Qwen."""
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("wordy")
    tokenizer = make_tokenizer(640)
    tokenizer.chat_template = CHAT_TEMPLATE.replace("<|end|>", "<|end|>{{ '\\n' }}")
    ends: dict[str, Any] = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    sizes = {"vocab_size": len(tokenizer), "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    LlamaForCausalLM(LlamaConfig(**sizes, num_attention_heads=2, **ends)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def picture(seed: int, red: bool) -> Image:
    """A picture that is red or blue."""
    noise = np.random.default_rng(seed).integers(0, 80, (32, 32, 3), dtype=np.uint8)
    noise[:, :, 0 if red else 2] += 170
    buffer = io.BytesIO()
    PIL.Image.fromarray(noise).save(buffer, "PNG")
    return Image.from_bytes(buffer.getvalue(), name=f"picture {seed}")


def point(task: str, number: int, *, words: str = "Is the picture red?", image: Image | None = None) -> Example:
    """One picture and a question about it; every other one is red."""
    red = number % 2 == 0
    shown = image or picture(number, red)
    item = Item(
        id=str(number),
        group=str(number),
        space=YES_NO,
        gold="yes" if red else "no",
        question=(shown, words),
        tags={"rationale": "It is red." if red else "It is blue."},
    )
    messages = (
        Message("system", ("You are a careful judge.",)),
        Message("user", (shown, words, FORMAT.instruction(YES_NO))),
    )
    request = Request(task=task, item=item.id, messages=messages, space=YES_NO, format=FORMAT)
    return Example(request=request, gold=item.gold, item=item)


def pair(task: str, number: int) -> Iterator[Example]:
    """Both orders of a pair: which picture is red?"""
    space, pictures = Preference(2), (picture(number, True), picture(number + 500, False))
    item = Item(id=str(number), group=str(number), space=space, gold=0, candidates=tuple((one,) for one in pictures))
    for order in ((0, 1), (1, 0)):
        shown = [part for place, which in enumerate(order) for part in (f"Image {'AB'[place]}:", pictures[which])]
        messages = (Message("user", ("Which picture is red?", *shown, FORMAT.instruction(space))),)
        request = Request(task=task, item=item.id, messages=messages, space=space, format=FORMAT, order=order)
        yield Example(request=request, gold=space.to_shown(0, order), item=item)


def question(task: str, number: int) -> Example:
    """Words alone; the answer is yes to every other one."""
    item = Item(id=str(number), group=str(number), space=YES_NO, gold=YES_NO.labels[number % 2])
    messages = (Message("user", (f"Is {number} even?", FORMAT.instruction(YES_NO))),)
    request = Request(task=task, item=item.id, messages=messages, space=YES_NO, format=FORMAT)
    return Example(request=request, gold=item.gold, item=item)


def task_of(name: str, split: Callable[[str], Sequence[Example]], **fields: Any) -> TrainingTask:
    return TrainingTask(
        name=name,
        id=f"test/{name}",
        train="train",
        validation=fields.pop("validation", "validation"),
        examples=lambda which: iter(split(which)),
        **fields,
    )


def points(name: str, count: int, **fields: Any) -> TrainingTask:
    """A pointwise task of `count` items."""

    def split(which: str) -> list[Example]:
        begin = 0 if which == "train" else 10_000
        return [point(name, begin + number) for number in range(count if which == "train" else 4)]

    return task_of(name, split, **fields)


def pairs(name: str, count: int, **fields: Any) -> TrainingTask:
    """A pairwise task of `count` items, both orders of each."""

    def split(which: str) -> list[Example]:
        begin = 0 if which == "train" else 10_000
        return [one for number in range(count if which == "train" else 2) for one in pair(name, begin + number)]

    return task_of(name, split, **fields)


def accuracy(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
    return float(judgement.verdict == gold)


def length(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
    """Something that differs from answer to answer of any model: for tests that need a gradient."""
    return (judgement.completion_tokens or 0) / 10


def fine(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
    """Hardly any two answers earn the same, for anything that the model writes."""
    return sum(map(ord, judgement.raw)) % 101 / 100


def nothing(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
    return None


def rewarded(*rewards: Any, weight: float = 1.0, **fields: Any) -> tuple[WeightedReward, ...]:
    return tuple(
        WeightedReward(name=getattr(one, "__name__", type(one).__name__), reward=one, weight=weight, **fields)
        for one in rewards
    )


class Curves(list[tuple[int, Mapping[str, float]]]):
    """What a training logged."""

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        self.append((step, dict(metrics)))

    def of(self, name: str) -> dict[int, float]:
        return {step: metrics[name] for step, metrics in self if name in metrics}


def training(
    folder: Path,
    model: Path | None,
    *,
    tasks: Sequence[TrainingTask],
    rewards: Sequence[WeightedReward] = (),
    curves: Curves | None = None,
    seed: int = 0,
) -> Training:
    folder.mkdir(parents=True, exist_ok=True)
    return Training(
        name="recipe",
        seed=seed,
        model=None if model is None else str(model),
        tasks=tuple(tasks),
        rewards=tuple(rewards),
        folder=folder,
        log=(Curves() if curves is None else curves).log,
    )
