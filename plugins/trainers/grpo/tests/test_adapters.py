from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from harness.api import Judgement, Request, UserError, Verdict
from harness_grpo.adapters import adapter_layers, add_adapter, check_parameters, describe, expert_stacks, shorten
from harness_grpo.options import LoraOptions, SftOptions
from harness_grpo.policy import Policy
from harness_transformers.loading import quietly

from .conftest import Curves, grpo, points, rewarded, sft, training, weights_of

EXPERTS = ["mlp.experts.down_proj", "mlp.experts.gate_up_proj"]
LORA = LoraOptions(rank=2, alpha=8, parameters=EXPERTS)


def opened(folder: Path, **options: Any) -> Policy:
    return Policy(str(folder), SftOptions(**{"max_new_tokens": 8, **options}), name="recipe", seed=3)


def disturb(policy: Policy) -> None:
    dice = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in policy.trained.values():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=dice).to(parameter))


def logits(model: Any) -> Tensor:
    with torch.no_grad():
        found: Tensor = model(input_ids=torch.tensor([[5, 6, 7, 8, 9, 10]])).logits
    return found


def wordiness(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
    """Something that differs from answer to answer, also of those that are cut off."""
    return len(judgement.raw) / 10


# -- experts -----------------------------------------------------------------------------------------------------------


def test_all_linear_finds_no_experts_and_parameters_does(mixture: Path) -> None:
    plain, adapted = (opened(mixture, lora=LoraOptions(rank=2)), opened(mixture, lora=LORA))
    assert not any("experts" in name for name in plain.trained)
    of_experts = {name for name in adapted.trained if "experts" in name}
    assert len(of_experts) == 2 * 2 * 2, "two layers, two parameters, A and B"
    stacks = expert_stacks(plain.model)
    assert shorten(stacks) == EXPERTS
    assert sum(stacks.values()) == 2 * 4 * (2 * 32 * 32 + 32 * 32)


def test_where_peft_has_a_rule_for_experts_the_line_shows_it(tmp_path: Path) -> None:
    """Qwen3-MoE is one of those that transformers 4 had as linear modules."""
    from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM

    config = Qwen3MoeConfig(vocab_size=64, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, num_experts=4)
    model = Qwen3MoeForCausalLM(config).requires_grad_(False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of peft about its own rule
        add_adapter(model, LoraOptions(rank=2), name="recipe", seed=0)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name)
    assert describe(model).endswith("of the weights): 4, all")


def test_an_adapter_of_experts_alone(mixture: Path) -> None:
    policy = opened(mixture, lora=LoraOptions(rank=2, targets=[], parameters=EXPERTS[:1]))
    assert {name.split(".")[-4] for name in policy.trained} == {"experts"}
    assert len(policy.trained) == 2 * 2


def test_an_adapter_of_experts_begins_as_nothing_and_can_be_switched_off(mixture: Path) -> None:
    start, policy = opened(mixture), opened(mixture, lora=LORA)
    expected = logits(start.model)
    assert torch.equal(logits(policy.model), expected)
    disturb(policy)
    moved = logits(policy.model)
    assert not torch.allclose(moved, expected)
    policy.keep_reference()
    with policy.as_reference() as reference:
        assert torch.equal(logits(reference), expected)
    assert torch.equal(logits(policy.model), moved)


def whole_weights(model: Any) -> Iterator[tuple[str, Tensor]]:
    """All weights under their own names, an adapter added to what it adapts."""
    layers = adapter_layers(model)
    for name, value in model.state_dict().items():
        if "lora_" not in name:
            own = name.replace(".base_layer", "")
            # B A alpha / r: a judge then opens the sum without peft.
            added = layers[own].get_delta_weight("default").to(value) if own in layers else None
            yield own, value if added is None else value + added


@pytest.mark.parametrize("checkpointing", [False, True])
def test_gradients_of_an_adapter_of_experts_are_those_of_its_formula(mixture: Path, checkpointing: bool) -> None:
    """By the chain rule: dL/dA = s Bᵀ dL/dW and dL/dB = s dL/dW Aᵀ for each expert, dL/dW from the merged weights."""
    only = LoraOptions(rank=2, alpha=8, targets=[], parameters=EXPERTS)
    policy = opened(mixture, lora=only, dtype="float64", gradient_checkpointing=checkpointing)
    whole = opened(mixture, dtype="float64")
    disturb(policy)
    ids = torch.tensor([[5, 6, 7, 8, 9, 10, 11, 12]])
    with policy.learning() as model:
        model(input_ids=ids).logits.logsumexp(-1).sum().backward()
    whole.model.load_state_dict(dict(whole_weights(policy.model)))
    whole.model(input_ids=ids).logits.logsumexp(-1).sum().backward()
    for own in ("gate_up_proj", "down_proj"):
        expected = whole.trained[f"model.language_model.layers.1.mlp.experts.{own}"].grad
        assert expected is not None
        place = "model.language_model.layers.1.mlp.experts." + ("base_layer." if own == "gate_up_proj" else "")
        a, b = (policy.trained[f"{place}lora_{half}.default.weight"] for half in "AB")
        assert a.grad is not None
        assert b.grad is not None
        first = a.detach().reshape(4, 2, -1)
        second = b.detach().reshape(len(b), 2, 4).permute(2, 0, 1)
        scale = 8 / 2
        torch.testing.assert_close(a.grad.reshape(4, 2, -1), scale * second.mT @ expected, rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(
            b.grad.reshape(len(b), 2, 4).permute(2, 0, 1), scale * expected @ first.mT, rtol=1e-9, atol=1e-12
        )


def test_a_mixture_is_saved_with_the_adapter_of_its_experts_added(mixture: Path, tmp_path: Path) -> None:
    policy = opened(mixture, lora=LORA.model_copy(update={"merge": True}))
    disturb(policy)
    policy.save(tmp_path / "saved")
    assert weights_of(mixture).keys() == weights_of(tmp_path / "saved").keys()
    torch.testing.assert_close(logits(opened(tmp_path / "saved").model), logits(policy.model), rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_mixture_learns_in_its_experts(mixture: Path, tmp_path: Path, dtype: str) -> None:
    curves = Curves()
    whole = training(tmp_path / "grpo", mixture, tasks=[points("red", 8)], rewards=rewarded(wordiness), curves=curves)
    options = {"steps": 1, "batch": 2, "lr": 1e-2, "max_new_tokens": 6, "dtype": dtype, "mask_truncated": False}
    grpo(whole, lora=LORA, **options)
    assert curves.of("grad_norm")[1] > 0
    delivered = weights_of(tmp_path / "grpo" / "model")  # the training has opened it again and compared it
    moved = {name for name, weight in delivered.items() if "lora_B" in name and weight.any()}
    assert any("experts" in name for name in moved), moved


def test_sft_of_a_mixture_comes_nearer_to_its_targets(mixture: Path, tmp_path: Path) -> None:
    curves = Curves()
    whole = training(tmp_path / "sft", mixture, tasks=[points("red", 8)], curves=curves)
    only = LoraOptions(rank=4, targets=[], parameters=EXPERTS)
    sft(whole, steps=8, batch=4, lr=1e-1, lora=only)
    losses = curves.of("loss")
    assert losses[8] < losses[1] - 0.2, losses


# -- a mixture of the size of the paper's ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def paper() -> Any:
    """A model of the shape of Qwen3-VL-30B-A3B, without its weights."""
    from transformers import Qwen3VLMoeConfig, Qwen3VLMoeForConditionalGeneration

    text = {
        "hidden_size": 2048,
        "num_hidden_layers": 48,
        "num_attention_heads": 32,
        "num_key_value_heads": 4,
        "head_dim": 128,
        "num_experts": 128,
        "num_experts_per_tok": 8,
        "moe_intermediate_size": 768,
        "vocab_size": 151_936,
        "rope_parameters": {"rope_type": "default", "rope_theta": 5e6, "mrope_section": [24, 20, 20]},
    }
    vision: dict[str, Any] = {
        "depth": 27,
        "hidden_size": 1152,
        "intermediate_size": 4304,
        "num_heads": 16,
        "out_hidden_size": 2048,
    }
    vision |= {"num_position_embeddings": 2304, "deepstack_visual_indexes": [8, 16, 24], "patch_size": 16}
    with torch.device("meta"), quietly():
        model = Qwen3VLMoeForConditionalGeneration(Qwen3VLMoeConfig(text_config=text, vision_config=vision))
    assert sum(parameter.numel() for parameter in model.parameters()) == 31_070_754_032, "as published"
    return model


def adapted(model: Any, parameters: Sequence[str], **options: Any) -> Any:
    """A copy with an adapter; nothing has weights."""
    import copy

    made = copy.deepcopy(model).requires_grad_(False)
    with torch.device("meta"):
        add_adapter(made, LoraOptions(parameters=list(parameters), **options), name="recipe", seed=0)
    for name, parameter in made.named_parameters():
        parameter.requires_grad_("lora_" in name)
    return made


def test_of_the_papers_model_all_linear_adapts_no_expert_and_the_line_says_so(paper: Any) -> None:
    said = describe(adapted(paper, []))
    assert said.startswith("adapters: 308 modules, 0.0711 % of the weights (22,"), said
    assert "vision tower: 116" in said
    assert said.endswith(
        "experts (93.3 % of the weights): none of 96; to adapt the others add "
        "`parameters: [mlp.experts.down_proj, mlp.experts.gate_up_proj]`"
    ), said


def test_with_parameters_all_experts_of_the_papers_model_are_adapted(paper: Any) -> None:
    said = describe(adapted(paper, EXPERTS))
    assert "adapters: 404 modules" in said
    assert said.endswith("experts (93.3 % of the weights): 96, all"), said
    # A of each expert is rank x in, B is out x rank.
    rank, layers, experts = 16, 48, 128
    of_experts = layers * experts * rank * ((2048 + 2 * 768) + (768 + 2048))
    both, plain = (
        sum(parameter.numel() for parameter in adapted(paper, names).parameters() if parameter.requires_grad)
        for names in (EXPERTS, [])
    )
    assert both - plain == of_experts
    assert f"{both:,}" in said
    some = describe(adapted(paper, EXPERTS[:1]))
    assert "48 of 96; to adapt the others add `parameters: [mlp.experts.gate_up_proj]`" in some, some


# -- what is said and refused ------------------------------------------------------------------------------------------


def test_what_is_frozen_is_not_counted(tiny: Path) -> None:
    assert "vision tower: 12" in describe(opened(tiny, lora=LoraOptions(rank=2)).model)
    assert "vision tower: none" in describe(opened(tiny, lora=LoraOptions(rank=2), freeze=["vision"]).model)
    assert describe(opened(tiny).model).startswith("trains 100 % of the weights (")


def test_the_line_is_on_stderr_before_the_first_step(
    mixture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sft(training(tmp_path, mixture, tasks=[points("red", 8)]), steps=1, batch=2, lora=LoraOptions(rank=2))
    out, err = capsys.readouterr()
    assert not out
    assert err.splitlines()[1].startswith("recipe: adapters: 22 modules, "), err


def test_a_parameter_that_is_none_of_the_models_is_an_error_that_names_those_that_are(
    mixture: Path, tiny: Path
) -> None:
    with pytest.raises(UserError, match=r"recipe: lora.parameters: .* 'experts.up'; those of its experts are mlp.exp"):
        opened(mixture, lora=LoraOptions(parameters=["experts.up"]))
    with pytest.raises(UserError, match="it has no fused experts; remove it"):
        opened(tiny, lora=LoraOptions(parameters=EXPERTS))
    with pytest.raises(UserError, match=r"input_layernorm.weight has 1 dimension"):
        opened(mixture, lora=LoraOptions(parameters=["input_layernorm.weight"]))
    with pytest.raises(UserError, match=r"lora.parameters: .*q_proj"):
        opened(mixture, lora=LoraOptions(parameters=["q_proj.weight"]))


def test_targets_without_a_module_are_an_error_also_beside_parameters(mixture: Path) -> None:
    with pytest.raises(UserError, match=r"lora.targets: .*nothing_like_it"):
        opened(mixture, lora=LoraOptions(targets=["nothing_like_it"], parameters=EXPERTS))


def test_parameters_are_found_under_their_wrappers_too(mixture: Path) -> None:
    policy = opened(mixture, lora=LORA)
    check_parameters(policy.model, LORA, name="recipe")
