"""A tiny real model, and requests about real pixels."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

from harness.api import (
    AnswerSpace,
    Choice,
    Context,
    Example,
    Image,
    Item,
    Judgement,
    Message,
    Preference,
    Request,
    VerdictFormat,
)
from harness.formats.tagged import TaggedFormat
from harness.testing import FakeContext
from harness_transformers.judge import LocalJudge
from harness_transformers.options import GenerativeOptions
from harness_transformers.testing import make_tiny_llava, teach
from harness_transformers.testing.qwen import FAMILIES, make_tiny_qwen

TAGGED = TaggedFormat()
YES_NO = Choice(("yes", "no"))


def _paint(seed: int, size: int = 40) -> Image:
    """Noise, as a PNG file in memory."""
    picture = Pillow.frombytes("RGB", (size, size), random.Random(seed).randbytes(3 * size * size))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return Image.from_bytes(buffer.getvalue(), name=f"noise {seed}")


def _ask(
    number: int,
    space: AnswerSpace = YES_NO,
    *,
    form: VerdictFormat = TAGGED,
    words: str = "Is the picture sharp?",
    images: int = 1,
    order: tuple[int, ...] = (),
    **fields: Any,
) -> Request:
    """A question about `images` pictures; the order of the pictures is that of the candidates."""
    pictures = [_paint(1000 * number + place) for place in (order or range(images))]
    shown = [part for place, picture in enumerate(pictures) for part in (f"Image {'ABC'[place]}:", picture)]
    parts = (f"{words} ({number}{' again' * (number % 4)})", *shown, form.instruction(space))
    messages = (Message("system", ("You are a careful judge.",)), Message("user", parts))
    return Request(task="t", item=str(number), messages=messages, space=space, format=form, order=order, **fields)


def _pair(number: int) -> list[Request]:
    """Both orders of a pair of pictures."""
    space = Preference(2, ("tie",))
    return [_ask(number, space, words="Which is better?", order=order) for order in ((0, 1), (1, 0))]


def _answers(judge: LocalJudge, requests: Iterable[Request]) -> list[Judgement]:
    """The judgements in the order of the requests, each checked as the engine checks it."""
    asked = list(requests)
    given = list(judge.judge(iter(asked)))
    assert sorted(request.key for request, _ in given) == sorted(request.key for request in asked)
    found = {request.key: judgement for request, judgement in given}
    for request in asked:
        assert found[request.key].check(request.space) is found[request.key]
    return [found[request.key] for request in asked]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with random weights."""
    return make_tiny_llava(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learned how an answer is written."""
    folder = make_tiny_llava(tmp_path_factory.mktemp("taught"))
    lessons = []
    for number in range(32):
        request, gold = _ask(number), ("yes", "no")[number % 2]
        item = Item(id=str(number), group="g", space=YES_NO, gold=gold, tags={"rationale": "The edges are clean."})
        lessons.append(Example(request=request, gold=gold, item=item))
    assert teach(folder, lessons, steps=60) < 0.5
    return folder


@pytest.fixture(scope="session", params=FAMILIES)
def qwen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder of each family of Qwen-VL, with random weights. For tests that are marked `torchvision`."""
    return make_tiny_qwen(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return FakeContext(workspace=tmp_path)


@pytest.fixture
def local(tiny: Path, context: Context) -> Callable[..., LocalJudge]:
    """Makes judges: `local(mode="verdict")`, on the untaught model unless `model` says otherwise."""

    def made(**options: Any) -> LocalJudge:
        return LocalJudge(GenerativeOptions(**{"model": str(tiny), "threads": 1, **options}), context)

    return made


@pytest.fixture(scope="session")
def ask() -> Callable[..., Request]:
    return _ask


@pytest.fixture(scope="session")
def pair() -> Callable[[int], list[Request]]:
    return _pair


@pytest.fixture(scope="session")
def paint() -> Callable[..., Image]:
    return _paint


@pytest.fixture(scope="session")
def answers() -> Callable[[LocalJudge, Iterable[Request]], list[Judgement]]:
    return _answers
