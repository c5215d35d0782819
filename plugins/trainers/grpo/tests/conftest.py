from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from harness.api import (
    AnswerReward,
    Choice,
    Example,
    Image,
    Item,
    Judgement,
    Message,
    Preference,
    Request,
    Training,
    TrainingResult,
    TrainingTask,
    Verdict,
    WeightedReward,
)
from harness.formats.tagged import TaggedFormat
from harness.testing import FakeContext
from harness_grpo.grpo import GrpoTrainer
from harness_grpo.options import GrpoOptions, SftOptions
from harness_grpo.rollout import Group, PolicyAnswer, PromptedExample
from harness_grpo.sft import SftTrainer
from harness_transformers.prompts import Prompt
from harness_transformers.testing import TinyShape, make_tiny_llava
from harness_transformers.testing.qwen import FAMILIES, make_tiny_qwen
from harness_transformers.testing.teach import teach
from harness_transformers.testing.tiny import CHAT_TEMPLATE, make_tokenizer

FORMAT = TaggedFormat()
YES_NO = Choice(("yes", "no"))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny LLaVA with random weights."""
    return make_tiny_llava(tmp_path_factory.mktemp("tiny") / "model", shape=TinyShape(hidden=32, heads=2))


@pytest.fixture(scope="session", params=FAMILIES)
def qwen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder of each family of Qwen-VL, with random weights. For tests that are marked `torchvision`."""
    return make_tiny_qwen(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="session")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after it has learnt the form of answers, and little of what is right: a third of its lessons is wrong.

    It says yes to everything; on what it draws at temperature 1, it is right more often than not.
    """
    folder = make_tiny_llava(tmp_path_factory.mktemp("taught") / "model", shape=TinyShape(hidden=32, heads=2))
    points = [without_tags(point("t", number)) for number in range(48)]
    lessons = [misled(one) if number % 6 > 3 else one for number, one in enumerate(points)]
    teach(folder, [*lessons, *(one for number in range(6) for one in pair("t", number))], steps=120)
    return folder


@pytest.fixture(scope="session")
def wordy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny language model that sees nothing, with random weights."""
    return make_tiny_llama(tmp_path_factory.mktemp("wordy") / "model")


def make_tiny_llama(folder: Path) -> Path:
    """A language model that sees nothing, with random weights, and dropout in its configuration."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = make_tokenizer(640)
    tokenizer.chat_template = CHAT_TEMPLATE
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=len(tokenizer),
                hidden_size=32,
                intermediate_size=64,
                num_hidden_layers=2,
                num_attention_heads=2,
                max_position_embeddings=512,
                attention_dropout=0.5,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.pad_token_id,
            )
        )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def mixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny LLaVA with a mixture of experts in its language half, with random weights."""
    return make_tiny_llava(tmp_path_factory.mktemp("mixture") / "model", shape=TinyShape(hidden=32, heads=2, experts=4))


def picture(seed: int, red: bool) -> Image:
    """A picture that is red or blue."""
    noise = np.random.default_rng(seed).integers(0, 80, (32, 32, 3), dtype=np.uint8)
    noise[:, :, 0 if red else 2] += 170
    buffer = io.BytesIO()
    PIL.Image.fromarray(noise).save(buffer, "PNG")
    return Image.from_bytes(buffer.getvalue(), name=f"picture {seed}")


def point(task: str, number: int, *, words: str = "Is the picture red?") -> Example:
    """One picture and a question about it; every other one is red."""
    red = number % 2 == 0
    image = picture(number, red)
    item = Item(
        id=str(number),
        group=str(number),
        space=YES_NO,
        gold="yes" if red else "no",
        question=(image, words),
        tags={"rationale": "It is red." if red else "It is blue."},
    )
    messages = (Message("user", (image, words, FORMAT.instruction(YES_NO))),)
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


def without_tags(example: Example) -> Example:
    return replace(example, item=replace(example.item, tags={}))


def misled(example: Example) -> Example:
    """The same question with the wrong gold."""
    return replace(example, gold=example.request.space.worst(example.gold))


def showing(example: Example, image: Image) -> Example:
    """The same question about another picture."""
    messages = tuple(
        Message(one.role, tuple(image if isinstance(part, Image) else part for part in one.parts))
        for one in example.request.messages
    )
    return replace(example, request=replace(example.request, messages=messages))


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
        return [point(name, begin + number) for number in range(count if which == "train" else 6)]

    return task_of(name, split, **fields)


def pairs(name: str, count: int) -> TrainingTask:
    """A pairwise task of `count` items, both orders of each."""

    def split(which: str) -> list[Example]:
        begin = 0 if which == "train" else 10_000
        return [one for number in range(count) for one in pair(name, begin + number)]

    return task_of(name, split)


def accuracy(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
    return float(judgement.verdict == gold)


def well_formed(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
    return float(request.reading(judgement.raw).well_formed)


def length(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
    """Something that differs from answer to answer of any model: for tests that need a gradient."""
    return (judgement.completion_tokens or 0) / 10


def rewarded(*rewards: Callable[..., float | None], **fields: Any) -> tuple[WeightedReward, ...]:
    return tuple(
        WeightedReward(name=getattr(one, "__name__", type(one).__name__), reward=one, weight=1.0, **fields)
        for one in rewards
    )


class Killed(BaseException):
    """Ends a training in the middle of something, as a kill does."""


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


def fixed(name: str, train: Sequence[Example], validation: Sequence[Example] | None = None) -> TrainingTask:
    """A task of given examples."""
    splits = {"train": train, "validation": validation or ()}
    return task_of(name, splits.__getitem__, validation=None if validation is None else "validation")


def said(example: Example, text: str, *, tokens: int = 3, truncated: bool = False) -> PolicyAnswer:
    """An answer that nobody had to write."""
    return PolicyAnswer((7,) * tokens, truncated, text, example.request.read(text, completion_tokens=tokens))


def group_of(example: Example, given: Sequence[PolicyAnswer], *parts: Mapping[str, float | None]) -> Group:
    """Answers with what they earned, all rewards of weight 1."""
    totals = [[value for value in one.values() if value is not None] for one in parts]
    earned = tuple(AnswerReward(total=sum(t) if t else None, parts=one) for t, one in zip(totals, parts, strict=True))
    return Group(PromptedExample(example.request.task, example, Prompt(ids=(1, 2))), tuple(given), earned)


def sft(whole: Training, **options: Any) -> TrainingResult:
    return SftTrainer(SftOptions(**{"max_new_tokens": 24, **options}), FakeContext(workspace=whole.folder)).train(whole)


def grpo(whole: Training, **options: Any) -> TrainingResult:
    made = GrpoOptions(**{"max_new_tokens": 24, "group": 4, **options})
    return GrpoTrainer(made, FakeContext(workspace=whole.folder)).train(whole)


def weights_of(folder: Path) -> dict[str, Any]:
    """What a model folder holds, by name, or an adapter folder."""
    from safetensors.torch import load_file

    (path,) = folder.glob("*.safetensors")
    return dict(load_file(path))


def likelihoods(model: Any, prompt: Prompt, tokens: Sequence[int], *, temperature: float = 1.0) -> Any:
    """Log-probabilities of an answer, shape (tokens,), in a row that the model is given as anybody would."""
    import torch

    ids = torch.tensor([[*prompt.ids, *tokens]])
    pixels = {name: torch.cat([one[name] for one in prompt.prepared]).to(model.dtype) for name in prompt.prepared[0]}
    logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), **pixels).logits[0, -len(tokens) - 1 : -1]
    return (logits / temperature).log_softmax(-1)[range(len(tokens)), list(tokens)]
