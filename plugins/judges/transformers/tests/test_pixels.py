from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import pytest
import torch
from transformers import AutoProcessor

from harness.api import DataError, Image, Judgement, Request
from harness.testing import odd_pictures
from harness_transformers.judge import LocalJudge
from harness_transformers.pixels import Bounded, PixelCache

Local = Callable[..., LocalJudge]
Answers = Callable[[LocalJudge, list[Request]], list[Judgement]]


def kib(number: int) -> torch.Tensor:
    return torch.zeros(number * 256)


def test_what_was_used_longest_ago_is_forgotten_first() -> None:
    cache = Bounded(3 * 1024)
    for name in "abc":
        cache.put(name, {"x": [kib(1)]})
    assert cache.get("a") is not None
    cache.put("d", kib(1))
    assert [name for name in "abcd" if cache.get(name) is not None] == ["a", "c", "d"]
    cache.put("e", kib(9))
    assert [name for name in "abcde" if cache.get(name) is not None] == ["e"], "the newest stays, however large"
    cache.put("e", kib(1))
    cache.put("f", kib(1))
    assert len(cache) == 2, "what is replaced no longer counts"
    cache.clear()
    assert len(cache) == 0


def test_both_orders_of_a_pair_encode_each_image_once(
    local: Local, pair: Callable[[int], list[Request]], answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = local(mode="verdict", batch_size=2)
    answers(judge, pair(0))  # the first batch checks that features do what pixels do
    opened = judge._open()
    features = opened.language.model.get_image_features
    seen: list[int] = []

    @wraps(features)
    def counted(**named: Any) -> Any:
        seen.append(len(named["pixel_values"]))
        return features(**named)

    monkeypatch.setattr(opened.language.model, "get_image_features", counted)
    answers(judge, [one for number in range(1, 6) for one in pair(number)])
    assert sum(seen) == 10


def test_a_model_whose_features_are_of_another_kind_gets_pixels(
    local: Local,
    pair: Callable[[int], list[Request]],
    answers: Answers,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    requests = [one for number in range(3) for one in pair(number)]
    expected = answers(local(mode="verdict"), requests)
    judge = local(mode="verdict")
    features = judge._open().language.model.get_image_features

    @wraps(features)
    def wrong(**named: Any) -> Any:
        output = features(**named)
        output.pooler_output = [one * 2 for one in output.pooler_output]
        return output

    monkeypatch.setattr(judge._open().language.model, "get_image_features", wrong)
    given = answers(judge, requests)
    assert "images are encoded again" in caplog.text
    for one, two in zip(expected, given, strict=True):
        assert one.probabilities == pytest.approx(two.probabilities, abs=1e-6)


def test_images_that_an_image_processor_mixes_are_prepared_together(
    local: Local, ask: Callable[..., Request], answers: Answers
) -> None:
    requests = [ask(number, images=1 + number % 3) for number in range(6)]

    class Mixing:
        """Takes the mean over all images of a request away."""

        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

        def __call__(self, images: Any, **named: Any) -> Any:
            made = self.inner(images, **named)
            made["pixel_values"] = made["pixel_values"] - made["pixel_values"].mean()
            return made

    judge = local(mode="verdict")
    opened = judge._open()
    assert opened.prompter.pixels is not None
    opened.prompter.pixels._inner = Mixing(opened.prompter.pixels._inner)
    given = answers(judge, requests)
    assert opened.prompter.pixels.separable is False
    alone = []
    for request in requests:
        single = local(mode="verdict")
        cache = single._open().prompter.pixels
        assert cache is not None
        cache._inner = Mixing(cache._inner)
        alone += answers(single, [request])
    assert [one.verdict for one in given] == [one.verdict for one in alone]
    for one, two in zip(given, alone, strict=True):
        assert one.probabilities == pytest.approx(two.probabilities, abs=1e-5)


def test_an_image_is_prepared_once_as_the_processor_prepares_it(tiny: Any, paint: Callable[..., Image]) -> None:
    processor = AutoProcessor.from_pretrained(tiny)
    plain = processor.image_processor
    cache = PixelCache(processor)
    images = [paint(1, 40), paint(2, 90), paint(1, 40)]
    with cache.expecting(images) as pictures:
        made = processor.image_processor(pictures, return_tensors="pt")
        expected = plain(pictures, return_tensors="pt")
    assert torch.equal(made["pixel_values"], expected["pixel_values"])
    assert len(cache._prepared) == 2
    assert processor.image_processor.crop_size == plain.crop_size, "it stands in for the processor in all else"


def test_images_prepared_in_one_call_are_as_if_prepared_alone(tiny: Any, paint: Callable[..., Image]) -> None:
    processor = AutoProcessor.from_pretrained(tiny)
    plain = processor.image_processor
    calls: list[int] = []

    class Counting:
        def __getattr__(self, name: str) -> Any:
            return getattr(plain, name)

        def __call__(self, images: Any, **named: Any) -> Any:
            calls.append(len(images))
            return plain(images, **named)

    cache = PixelCache(processor)
    cache._inner = Counting()
    with cache.expecting([paint(0, 40)]) as pictures:
        processor.image_processor(pictures, return_tensors="pt")
    cache.prepare([paint(1, 40), paint(2, 90)])  # held against each alone
    calls.clear()
    broken = Image.from_bytes(b"no picture", name="broken")
    images = [paint(number, 30 + number) for number in range(3, 9)]
    cache.prepare([images[0], broken, Image.from_file("nowhere.png"), *images, paint(1, 40)])
    assert calls == [6], "all that is new in one call, and nothing that is known or cannot be read"
    for image in images:
        alone = plain([image.load()], return_tensors="pt")["pixel_values"]
        assert torch.equal(cache.inputs_of(image)["pixel_values"], alone)
    assert calls == [6]
    with pytest.raises(DataError, match="broken"):
        cache.inputs_of(broken)


@pytest.mark.parametrize(("odd", "plain"), [pytest.param(*rest, id=name) for name, *rest in odd_pictures()])
def test_what_is_prepared_is_the_picture_that_a_person_sees(tiny: Any, odd: Image, plain: Image) -> None:
    processor = AutoProcessor.from_pretrained(tiny)
    expected = processor.image_processor([plain.load()], return_tensors="pt")["pixel_values"]
    cache = PixelCache(processor)
    with cache.expecting([odd]) as pictures:
        assert torch.equal(processor.image_processor(pictures, return_tensors="pt")["pixel_values"], expected)
    cache.clear()
    assert torch.equal(cache.inputs_of(odd)["pixel_values"], expected)
    cache.clear()
    cache.prepare([odd, plain])
    assert torch.equal(cache.inputs_of(odd)["pixel_values"], expected)


def test_an_image_processor_that_mixes_images_gets_them_one_by_one(tiny: Any, paint: Callable[..., Image]) -> None:
    processor = AutoProcessor.from_pretrained(tiny)
    plain = processor.image_processor

    def mixing(images: Any, **named: Any) -> Any:
        made = plain(images, **named)
        made["pixel_values"] = made["pixel_values"] - made["pixel_values"].mean()
        return made

    cache = PixelCache(processor)
    cache._inner = mixing
    with cache.expecting([paint(0, 40)]) as pictures:
        processor.image_processor(pictures, return_tensors="pt")
    images = [paint(1, 40), paint(2, 40), paint(3, 40)]
    cache.prepare(images)
    for image in images:
        alone = mixing([image.load()], return_tensors="pt")["pixel_values"]
        assert torch.equal(cache.inputs_of(image)["pixel_values"], alone)
