"""What is delivered is what was trained and scored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.api import UserError
from harness.testing import FakeContext
from harness_grpo import selection
from harness_grpo.data import units_of
from harness_grpo.fingerprint import fingerprint_of
from harness_grpo.options import LoraOptions, SftOptions
from harness_grpo.policy import Policy
from harness_grpo.reopened import first_prompts, reopen, tolerance
from harness_grpo.rollout import Prompts
from harness_grpo.validate import scores
from harness_transformers.judge import LocalJudge
from harness_transformers.options import GenerativeOptions

from .conftest import Curves, grpo, length, points, rewarded, sft, training

QUICK: dict[str, Any] = {"batch": 4, "lr": 1e-3, "freeze": ["vision"], "validation": {"every": 1, "limit": 4}}
LORA = {"rank": 2, "alpha": 8}


def test_an_adapter_that_was_trained_opens_as_a_judge_with_the_score_that_was_reported(
    taught: Path, tmp_path: Path
) -> None:
    whole = training(tmp_path, taught, tasks=[points("red", 8)], rewards=rewarded(length))
    done = grpo(whole, **QUICK, steps=2, lora=LORA)
    assert {path.name for path in whole.checkpoint.iterdir()} == {"adapter_config.json", "adapter_model.safetensors"}
    judge = LocalJudge(
        GenerativeOptions(model=str(whole.checkpoint), device="cpu", threads=1, max_new_tokens=24),
        FakeContext(workspace=tmp_path),
    )
    requests = {example.request.key: example for example in whole.tasks[0].examples("validation")}
    right = [
        judgement.verdict == requests[request.key].gold
        for request, judgement in judge.judge(example.request for example in list(requests.values())[:4])
    ]
    assert sum(right) / 4 == done.scores["red/accuracy"]


@pytest.mark.parametrize("lora", [None, LORA], ids=["all weights", "an adapter"])
def test_weights_that_are_not_those_trained_are_refused_with_the_difference(
    taught: Path, tmp_path: Path, lora: dict[str, Any] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a saving in too low a precision would write."""
    save = Policy.save

    def save_badly(policy: Policy, folder: Path) -> None:
        with torch.no_grad():
            kept = {name: value.detach().clone() for name, value in policy.trained.items()}
            for value in policy.trained.values():
                value.add_(0.02 * torch.randn(value.shape, generator=torch.Generator().manual_seed(0)))
            save(policy, folder)
            for name, value in policy.trained.items():
                value.copy_(kept[name])

    monkeypatch.setattr(Policy, "save", save_badly)
    for name, validation in (("with", "validation"), ("without", None)):
        whole = training(tmp_path / name, taught, tasks=[points("red", 8, validation=validation)])
        with pytest.raises(UserError, match=r"differ by 0\.\d+ nats a token, and rounding explains 0\.0001"):
            sft(whole, **QUICK, steps=1, lora=lora)
        assert not whole.checkpoint.exists()


def test_what_is_scored_was_opened_from_its_folder(
    taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []

    def looking(policy: Any, *given: Any, **more: Any) -> dict[str, float]:
        seen.append(policy)
        return scores(policy, *given, **more)

    monkeypatch.setattr(selection, "scores", looking)
    curves = Curves()
    sft(training(tmp_path, taught, tasks=[points("red", 8)], curves=curves), **QUICK, steps=2)
    assert [isinstance(speaker, Policy) for speaker in seen] == [True, False, False]


def test_a_training_that_starts_from_an_adapter_keeps_what_that_learnt(taught: Path, tmp_path: Path) -> None:
    first = training(tmp_path / "first", taught, tasks=[points("red", 8)])
    sft(first, **QUICK, steps=2, lora=LORA)
    for name, lora in (("adapter", LORA), ("whole", None)):
        second = training(tmp_path / name, first.checkpoint, tasks=[points("red", 8)])
        sft(second, **{**QUICK, "lr": 1e-12}, steps=1, lora=lora)
        kept = {path.name for path in second.folder.iterdir()}
        assert kept == ({"model", "base"} if lora else {"model"})
        options = SftOptions(max_new_tokens=24)
        ours, theirs = (
            reopen(folder, options, device="cpu", name="r") for folder in (second.checkpoint, first.checkpoint)
        )
        (asked,) = first_prompts({"red": units_of(second.tasks[0], "validation")[:1]}, Prompts(ours))
        ids = torch.tensor([asked.prompt.ids])
        pixels = {key: torch.cat([some[key] for some in asked.prompt.prepared]) for key in asked.prompt.prepared[0]}
        with torch.no_grad():
            one, other = (speaker.model(input_ids=ids, **pixels).logits for speaker in (ours, theirs))
        torch.testing.assert_close(one, other, rtol=0, atol=1e-4)


def test_a_fingerprint_covers_an_adapter_and_its_base(taught: Path, tiny: Path, tmp_path: Path) -> None:
    policy = Policy(str(taught), SftOptions(lora=LoraOptions(rank=2)), name="recipe", seed=0)
    policy.save(tmp_path / "adapter")
    recipe = training(tmp_path / "made", tmp_path / "adapter", tasks=[])
    first = fingerprint_of(recipe, FakeContext(workspace=tmp_path))
    known = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    other = training(tmp_path / "made", tiny, tasks=[])
    assert first != fingerprint_of(other, FakeContext(workspace=tmp_path))
    (tmp_path / "adapter" / "adapter_config.json").write_text(
        json.dumps({**known, "base_model_name_or_path": str(tiny)})
    )
    assert first != fingerprint_of(recipe, FakeContext(workspace=tmp_path))


def test_the_tolerance_is_that_of_the_coarser_type() -> None:
    assert tolerance("torch.float32", "torch.float32") == 1e-4
    assert tolerance("torch.bfloat16", "torch.bfloat16") == 1e-3
    assert tolerance("torch.bfloat16", "torch.float32") == tolerance("torch.float32", "torch.bfloat16") == 3e-2
    assert tolerance("torch.float64", "torch.float32") == 1e-4


def test_code_of_a_base_needs_a_whole_model(taught: Path) -> None:
    with pytest.raises(ValueError, match=r"set lora: \{merge: true\}"):
        SftOptions(trust_remote_code=True, lora=LoraOptions())
    assert SftOptions(trust_remote_code=True, lora=LoraOptions(merge=True))
