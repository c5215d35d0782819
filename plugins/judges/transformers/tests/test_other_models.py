"""Models of the Qwen-VL family: positions in three dimensions, images of several sizes, features at several depths.

The three shapes are those of Qwen2.5-VL, Qwen3-VL and its mixtures of experts, tiny and with random weights.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.api import Example, Image, Item, Judgement, Message, Request, Status, UserError, Video
from harness_transformers.judge import LocalJudge
from harness_transformers.testing import teach

Local = Callable[..., LocalJudge]
Ask = Callable[..., Request]
Answers = Callable[[LocalJudge, list[Request]], list[Judgement]]

needs_torchvision = pytest.mark.torchvision


@pytest.fixture
def requests(ask: Ask, pair: Callable[[int], list[Request]], paint: Callable[..., Image]) -> list[Request]:
    """Text alone, one picture and several, pictures of other sizes, and the frames of a video."""
    rubric = "Judge this picture with the greatest care. " * 12
    frames = Video.from_frames([paint(number, 30 + number) for number in range(9)], name="film").frames(4)
    film = ask(7, words=rubric, images=0)
    shown = replace(
        film, messages=(*film.messages[:-1], Message("user", ("A film:", *frames, *film.messages[-1].parts)))
    )
    wide = ask(8, words=rubric, images=0)
    parts = (paint(8, 90), *wide.messages[-1].parts)
    large = replace(wide, messages=(*wide.messages[:-1], Message("user", parts)))
    return [*(ask(number, words=rubric, images=number % 3) for number in range(6)), *pair(1), *pair(2), shown, large]


def inputs_of(opened: Any, request: Request) -> dict[str, Any]:
    """Inputs of one prompt by the processor itself."""
    prompt = opened.prompter._thoroughly(request, opened.prompter._arrange(request.messages), opened.prompter.pixels)
    ids = torch.tensor([prompt.ids])
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    inputs |= {name: torch.tensor([kinds]) for name, kinds in prompt.per_token.items()}
    if prompt.prepared:
        inputs |= {name: torch.cat([one[name] for one in prompt.prepared]) for name in prompt.prepared[0]}
    return inputs


def assert_alike(together: list[Judgement], alone: list[Judgement]) -> None:
    """The same answers, and the same probabilities but for the order of sums."""
    for one, two in zip(together, alone, strict=True):
        assert (one.status, one.verdict, one.raw, one.rationale) == (two.status, two.verdict, two.raw, two.rationale)
        assert (one.probabilities is None) == (two.probabilities is None)
        if one.probabilities is not None:
            assert one.probabilities == pytest.approx(two.probabilities, abs=1e-5)


@needs_torchvision
def test_greedy_answers_are_those_of_generate(
    qwen: Path, local: Local, requests: list[Request], answers: Answers
) -> None:
    judge = local(model=str(qwen), max_new_tokens=24, batch_size=5)
    given = answers(judge, requests)
    opened = judge._open()
    sight = opened.language._sight
    assert sight is not None
    assert sight.features is not None, "features are shared"
    assert opened.language.shares_start, "the start of prompts is shared"
    assert opened.prompter._checks_left == 0, "prompts are written the quick way"
    for request, judgement in zip(requests, given, strict=True):
        inputs = inputs_of(opened, request)
        with torch.inference_mode():
            output = opened.language.model.generate(
                **inputs, max_new_tokens=24, do_sample=False, suppress_tokens=opened.language.never.tolist()
            )[0, inputs["input_ids"].shape[1] :].tolist()
        expected = output[:-1] if output[-1] in opened.language.stops.tolist() else output
        assert judgement.raw == opened.decode_exactly(expected)


@needs_torchvision
def test_verdicts_do_not_depend_on_the_batch(
    qwen: Path, local: Local, requests: list[Request], answers: Answers
) -> None:
    judge = local(model=str(qwen), mode="verdict", batch_size=8)
    together = answers(judge, requests)
    assert judge._open().scales.packs, "answers are weighed side by side"
    assert judge._open().scales.joins, "in the pass that reads the prompt"
    assert_alike(together, answers(local(model=str(qwen), mode="verdict", batch_size=1), requests))


@needs_torchvision
@pytest.mark.parametrize("mode", ["generate", "reason-then-verdict"])
def test_samples_at_a_temperature_do_not_depend_on_the_batch(
    qwen: Path, local: Local, requests: list[Request], answers: Answers, mode: str
) -> None:
    options: dict[str, Any] = {"model": str(qwen), "mode": mode, "max_new_tokens": 8, "temperature": 1.0, "samples": 3}
    judge = local(**options, batch_size=16)
    together = answers(judge, requests[1:])
    assert judge._open().writer.beside, "answers to one prompt are written side by side"
    assert_alike(together, answers(local(**options, batch_size=1), requests[1:]))


@needs_torchvision
def test_a_beginning_is_gone_on_from(qwen: Path, local: Local, requests: list[Request], answers: Answers) -> None:
    judge = local(model=str(qwen), max_new_tokens=12)
    own = answers(judge, requests)
    begun = [
        replace(request, messages=(*request.messages, Message("assistant", (judgement.raw[:9],))))
        for request, judgement in zip(requests, own, strict=True)
    ]
    for judgement, given in zip(own, answers(judge, begun), strict=True):
        assert given.raw.startswith(judgement.raw[:9])
    weights = judge.log_probabilities(requests, ["<answer>yes</answer>"] * len(requests))
    for request, found in zip(requests, weights, strict=True):
        [alone] = judge.log_probabilities([request], ["<answer>yes</answer>"])
        assert found.ends == alone.ends
        assert found.logs == pytest.approx(alone.logs, abs=1e-4)


@needs_torchvision
def test_a_blind_twin_sees_something_else(qwen: Path, local: Local, ask: Ask, answers: Answers) -> None:
    judge = local(model=str(qwen), mode="verdict")
    asked = [ask(1), ask(2, images=0)]
    seen, blind = answers(judge, asked), answers(judge.make_blind_twin(3), asked)
    assert seen[0].probabilities != pytest.approx(blind[0].probabilities, abs=1e-6)
    assert seen[1].probabilities == pytest.approx(blind[1].probabilities, abs=1e-9), "what shows no picture"


@needs_torchvision
def test_bounds_of_pixels_decide_how_many_tokens_an_image_is(
    qwen: Path, local: Local, ask: Ask, answers: Answers
) -> None:
    asked = [ask(1), ask(2, images=2), ask(3, images=0)]
    side = 28 if qwen.name.startswith("qwen2") else 32
    counts = {}
    for name, bounds in {
        "own": {},
        "few": {"min_pixels": side * side, "max_pixels": side * side},
        "many": {"min_pixels": 9 * side * side, "max_pixels": 9 * side * side},
    }.items():
        judge = local(model=str(qwen), mode="verdict", **bounds)
        judged = answers(judge, asked)
        assert all(judgement.status is Status.OK for judgement in judged)
        placeholder = judge._open().prompter._processor.image_token_id
        counts[name] = [judge._open().prompter.prompt(request).ids.count(placeholder) for request in asked]
    assert counts["few"] == [1, 2, 0]
    assert counts["many"] == [9, 18, 0]


@needs_torchvision
def test_an_adapter_judges_as_the_whole_model_that_it_makes(
    qwen: Path, local: Local, requests: list[Request], answers: Answers, tmp_path: Path
) -> None:
    peft = pytest.importorskip("peft")
    from transformers import AutoModelForImageTextToText, AutoProcessor

    experts = {"target_parameters": ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]} if "moe" in qwen.name else {}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj", "qkv"], init_lora_weights=False, **experts)
        adapted = peft.get_peft_model(AutoModelForImageTextToText.from_pretrained(qwen), config)
    adapted.save_pretrained(tmp_path / "adapter")
    adapted.merge_and_unload().save_pretrained(tmp_path / "whole")
    AutoProcessor.from_pretrained(qwen).save_pretrained(tmp_path / "whole")
    by_adapter = answers(local(model=str(qwen), adapter=str(tmp_path / "adapter"), mode="verdict"), requests)
    assert_alike(by_adapter, answers(local(model=str(tmp_path / "whole"), mode="verdict"), requests))
    base = answers(local(model=str(qwen), mode="verdict"), requests)
    assert by_adapter[1].probabilities != pytest.approx(base[1].probabilities, abs=1e-4)


@needs_torchvision
def test_half_precision_judges_about_as_single_precision_does(
    qwen: Path, local: Local, requests: list[Request], answers: Answers, caplog: pytest.LogCaptureFixture
) -> None:
    exact = answers(local(model=str(qwen), mode="verdict", batch_size=4), requests)
    half = answers(local(model=str(qwen), mode="verdict", batch_size=4, dtype="bfloat16"), requests)
    for one, two in zip(exact, half, strict=True):
        assert two.probabilities == pytest.approx(one.probabilities, abs=0.05)
    assert not [record.message for record in caplog.records if "again" in record.message], "all is shared"


@needs_torchvision
def test_a_tiny_model_can_be_taught_without_its_vision_tower(qwen: Path, ask: Ask, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    folder = shutil.copytree(qwen, tmp_path / "taught")
    item = Item(id="1", group="1", space=ask(1).space, gold="yes")
    lessons = [Example(request=ask(number, images=number), gold="yes", item=item) for number in range(3)]
    first = teach(folder, lessons, steps=1)
    assert teach(folder, lessons, steps=12, rate=1e-2) < 0.8 * first
    before, after = (load_file(place / "model.safetensors") for place in (qwen, folder))
    moved = {name for name, weight in after.items() if not torch.equal(weight, before[name])}
    assert moved
    assert not [name for name in moved if "visual" in name]


@pytest.mark.skipif(find_spec("torchvision") is not None, reason="torchvision is here")
def test_without_torchvision_it_says_what_to_install(tmp_path: Path, local: Local, tiny: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "qwen")
    changed = 0
    for name in ("processor_config.json", "preprocessor_config.json"):
        if (folder / name).is_file():
            config = json.loads((folder / name).read_text())
            config["processor_class"] = "Qwen2_5_VLProcessor"
            (folder / name).write_text(json.dumps(config))
            changed += 1
    assert changed
    with pytest.raises(UserError, match="pip install torchvision"):
        local(model=str(folder))._open()
