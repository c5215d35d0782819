from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers

from harness.api import UserError
from harness_grpo.conditions import Shared, standing_obstacle, worthwhile
from harness_grpo.prefix import PrefixScorer, Rollouts
from harness_transformers.loading import set_threads
from harness_transformers.prompts import Prompt

SHARED: tuple[Shared, ...] = ("packed", "cache")
SMALL: dict[str, Any] = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "pad_token_id": 0,
}
EXPERTS: dict[str, Any] = {"num_local_experts": 2, "num_experts_per_tok": 1}


@pytest.fixture(autouse=True)
def threads() -> None:
    set_threads(None)


def model_of(family: str, **options: Any) -> Any:
    config = getattr(transformers, f"{family}Config")(**{**SMALL, **options})
    torch.manual_seed(0)
    return getattr(transformers, f"{family}ForCausalLM")(config).double().train()


def group(prompt: int, *completions: int) -> Rollouts:
    dice = torch.Generator().manual_seed(prompt)

    def text(length: int) -> tuple[int, ...]:
        return tuple(torch.randint(1, 64, (length,), generator=dice).tolist())

    return Rollouts(Prompt(ids=text(prompt)), tuple(text(length) for length in completions))


@pytest.mark.parametrize("mode", SHARED)
def test_a_text_model_shares_prompts(mode: Shared) -> None:
    model, groups = model_of("Llama"), [group(9, 3, 5), group(4, 2, 7)]
    expected = PrefixScorer(model, mode="repeat", pad=0).logps(groups)
    assert (PrefixScorer(model, mode=mode, pad=0).logps(groups).logps - expected.logps).abs().max() < 1e-7


@pytest.mark.parametrize("mode", SHARED)
def test_a_sliding_window_is_refused_from_the_length_on_where_it_matters(mode: Shared) -> None:
    model = model_of("Mistral", sliding_window=16)
    scorer = PrefixScorer(model, mode=mode, pad=0)
    short = [group(12, 4, 3), group(6, 2, 2)]
    expected = PrefixScorer(model, mode="repeat", pad=0).logps(short)
    assert (scorer.logps(short).logps - expected.logps).abs().max() < 1e-7
    with pytest.raises(UserError, match="longer than its sliding window of 16 tokens"):
        scorer.logps([group(12, 5, 3)])
    PrefixScorer(model, pad=0).logps([group(12, 5, 3)])


RECURRENT: dict[str, dict[str, Any]] = {
    "Qwen3Next": {
        "layer_types": ["linear_attention", "full_attention"],
        "num_experts": 2,
        "num_experts_per_tok": 1,
        "moe_intermediate_size": 16,
        "shared_expert_intermediate_size": 16,
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 2,
        "linear_key_head_dim": 8,
        "linear_value_head_dim": 8,
    },
    "Lfm2": {"layer_types": ["conv", "full_attention"], "block_dim": 32},
    "Rwkv": {"attention_hidden_size": 32},
}


@pytest.mark.parametrize("mode", SHARED)
@pytest.mark.parametrize("family", RECURRENT)
def test_recurrent_layers_are_refused_at_once(family: str, mode: Shared) -> None:
    model = model_of(family, **RECURRENT[family])
    with pytest.raises(UserError, match=rf"mode {mode} does not fit the model .*recurrent or linear-attention layers"):
        PrefixScorer(model, mode=mode, pad=0)


@pytest.mark.parametrize("mode", SHARED)
def test_a_load_balancing_loss_of_experts_is_refused(mode: Shared) -> None:
    model = model_of("Mixtral", **EXPERTS, output_router_logits=True)
    with pytest.raises(UserError, match="set output_router_logits to false"):
        PrefixScorer(model, mode=mode, pad=0)
    PrefixScorer(model_of("Mixtral", **EXPERTS).float(), mode=mode, pad=0).logps([group(9, 3, 5)])


def test_only_attention_that_takes_a_mask_of_any_shape_is_packed() -> None:
    model = model_of("Llama")
    for attention, fits in {"sdpa": True, "eager": True, "flash_attention_2": False, "flex_attention": False}.items():
        model.config._attn_implementation = attention
        assert (standing_obstacle(model, "packed") is None) == fits
        assert standing_obstacle(model, "cache") is None


def test_batch_statistics_are_refused_while_they_are_taken() -> None:
    model = model_of("Llama")
    model.model.extra = torch.nn.BatchNorm1d(4)
    scorer = PrefixScorer(model, mode="packed", pad=0)
    with pytest.raises(UserError, match="extra takes statistics of its batch"):
        scorer.logps([group(9, 3, 5)])
    model.model.extra.eval()
    scorer.logps([group(9, 3, 5)])


@pytest.mark.parametrize(
    ("shape", "width", "expected"),
    [
        ((312, *[8] * 8), 64, ["packed", "cache"]),
        ((312, *[16] * 8), 64, ["packed", "cache"]),
        ((312, *[64] * 8), 64, ["cache", "packed"]),
        ((312, *[64] * 8), 4096, ["packed", "cache"]),
        ((100, *[100] * 16), 64, ["cache"]),
        ((312, 32), 64, []),
    ],
    ids=["short", "middle", "long", "long in a wide model", "far longer than the prompt", "one completion"],
)
def test_the_way_that_is_expected_to_be_quickest_is_tried_first(
    shape: tuple[int, ...], width: int, expected: list[Shared]
) -> None:
    assert worthwhile(SHARED, [group(*shape)] * 4, width) == expected
    assert worthwhile(["packed"], [group(*shape)] * 4, width) == [way for way in expected if way == "packed"]
