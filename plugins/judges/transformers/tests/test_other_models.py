"""Models whose positions and images are of another kind. They need torchvision, so they skip where there is none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import pytest
import torch

from harness.api import Judgement, Request, UserError
from harness_transformers.judge import LocalJudge
from harness_transformers.testing.qwen import make_tiny_qwen

Local = Callable[..., LocalJudge]
Answers = Callable[[LocalJudge, list[Request]], list[Judgement]]


@pytest.fixture(scope="module", params=["qwen2_5_vl", "qwen3_vl"])
def qwen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torchvision", reason="Qwen-VL's processors need torchvision")
    family: Literal["qwen2_5_vl", "qwen3_vl"] = request.param
    return make_tiny_qwen(tmp_path_factory.mktemp(family), family)


@pytest.fixture
def requests(ask: Callable[..., Request], pair: Callable[[int], list[Request]]) -> list[Request]:
    rubric = "Judge this picture with the greatest care. " * 12
    return [*(ask(number, words=rubric, images=number % 3) for number in range(6)), *pair(1), *pair(2)]


def inputs_of(opened: Any, request: Request) -> dict[str, Any]:
    """Inputs of one prompt by the processor itself."""
    prompt = opened.prompter._thoroughly(request, opened.prompter._arrange(request.messages), opened.prompter.pixels)
    ids = torch.tensor([prompt.ids])
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    inputs |= {name: torch.tensor([kinds]) for name, kinds in prompt.per_token.items()}
    if prompt.prepared:
        inputs |= {name: torch.cat([one[name] for one in prompt.prepared]) for name in prompt.prepared[0]}
    return inputs


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


def test_verdicts_do_not_depend_on_the_batch(
    qwen: Path, local: Local, requests: list[Request], answers: Answers
) -> None:
    judge = local(model=str(qwen), mode="verdict", batch_size=8)
    together = answers(judge, requests)
    assert judge._open().scales.packs, "answers are weighed side by side"
    alone = answers(local(model=str(qwen), mode="verdict", batch_size=1), requests)
    for one, two in zip(together, alone, strict=True):
        assert one.verdict == two.verdict
        assert one.probabilities == pytest.approx(two.probabilities, abs=1e-5)


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
