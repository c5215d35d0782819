"""Judges whose weights are rounded to four bits as they are read. They need bitsandbytes, so they skip without it."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from harness.api import Judgement, Request, UserError
from harness.discovery import options_of
from harness_transformers import four_bits
from harness_transformers.judge import LocalJudge
from harness_transformers.loading import WeightsSource
from harness_transformers.options import GenerativeOptions, RewardModelOptions, RoundedOptions
from harness_transformers.reward_model import open_reward
from harness_transformers.testing.tiny_reward import make_tiny_reward

Local = Callable[..., LocalJudge]
Answers = Callable[[LocalJudge, list[Request]], list[Judgement]]


@pytest.fixture
def bitsandbytes() -> Any:
    return pytest.importorskip("bitsandbytes")


def kinds_of(model: Any) -> dict[str, torch.dtype]:
    return {name: parameter.dtype for name, parameter in model.named_parameters()}


def test_linear_layers_are_rounded_and_the_head_is_not(bitsandbytes: Any, tiny: Path, local: Local) -> None:
    rounded = local(model=str(tiny), load_in_4bit=True)._open().language.model
    packed = [name for name, kind in kinds_of(rounded).items() if kind == torch.uint8]
    assert any("layers.0.mlp.up_proj" in name for name in packed)
    assert not any("lm_head" in name or "embed" in name or "norm" in name for name in packed)
    exact = local(model=str(tiny))._open().language.model
    assert not any(kind == torch.uint8 for kind in kinds_of(exact).values())
    ids = torch.arange(5, 25)[None]
    with torch.inference_mode():
        truth, found = (model(input_ids=ids).logits.float().log_softmax(-1) for model in (exact, rounded))
    off = float((truth - found).abs().max())
    assert 1e-4 < off < 2, "rounded, and the same model still"


def test_answers_do_not_depend_on_the_batch(
    bitsandbytes: Any, tiny: Path, local: Local, ask: Callable[..., Request], answers: Answers
) -> None:
    requests = [ask(number) for number in range(5)]
    together = answers(local(model=str(tiny), load_in_4bit=True, max_new_tokens=12, batch_size=5), requests)
    alone = answers(local(model=str(tiny), load_in_4bit=True, max_new_tokens=12, batch_size=1), requests)
    assert [judgement.raw for judgement in together] == [judgement.raw for judgement in alone]


def test_a_reward_model_is_rounded_but_for_what_gives_the_reward(bitsandbytes: Any, tmp_path: Path) -> None:
    folder = make_tiny_reward(tmp_path / "reward")
    options = RewardModelOptions(model=str(folder), device="cpu", threads=1, load_in_4bit=True)
    kinds = kinds_of(open_reward(options, WeightsSource(str(folder), None), "j").model)
    assert any(kind == torch.uint8 for kind in kinds.values())
    assert {kind for name, kind in kinds.items() if "score" in name} == {torch.float32}


@pytest.mark.parametrize("name", ["bitsandbytes", "accelerate"])
def test_without_what_it_needs_the_error_says_what_to_install(
    tiny: Path, local: Local, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(four_bits, "find_spec", lambda wanted: None if wanted == name else find_spec(wanted))
    with pytest.raises(UserError, match=r"pip install 'judge-harness-transformers\[bitsandbytes\]'"):
        local(model=str(tiny), load_in_4bit=True)._open()


@pytest.mark.parametrize("options", [{"model": "folder", "gguf_file": "model.gguf"}, {"model": "/models/tiny.GGUF"}])
def test_a_gguf_file_is_not_rounded_again(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="a GGUF file is rounded already"):
        GenerativeOptions(load_in_4bit=True, **options)


@pytest.mark.parametrize("kind", [GenerativeOptions, RewardModelOptions])
def test_a_rounded_judge_is_another_judge_and_the_option_renames_no_other(kind: type[RoundedOptions]) -> None:
    assert "load_in_4bit" not in options_of(kind(model="m"))
    assert options_of(kind(model="m", load_in_4bit=True))["load_in_4bit"] is True
