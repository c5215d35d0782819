from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from harness_grpo.options import GrpoOptions, LoraOptions, SftOptions, TrainerOptions

ALL: list[type[TrainerOptions]] = [SftOptions, GrpoOptions]


@pytest.mark.parametrize("options", ALL)
@pytest.mark.parametrize(
    "given",
    [
        {"learning_rate": 1e-6},
        {"lr": 0.0},
        {"lr": float("nan")},
        {"weight_decay": float("inf")},
        {"steps": 0},
        {"validation": {"evry": 5}},
        {"lora": {"rank": 0}},
        {"device": "gpu"},
        {"prefix": "shared"},
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused(options: type[TrainerOptions], given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        options.model_validate(given)


@pytest.mark.parametrize("options", ALL)
def test_a_pattern_to_freeze_that_is_none_is_named(options: type[TrainerOptions]) -> None:
    with pytest.raises(ValidationError, match=r"freeze: '\(vision' is not a regular expression"):
        options.model_validate({"freeze": ["lm_head", "(vision"]})


@pytest.mark.parametrize("options", ALL)
def test_float16_is_for_adapters_alone(options: type[TrainerOptions]) -> None:
    with pytest.raises(ValidationError, match=r"float16 has too small a range .*; use bfloat16, or train an adapter"):
        options.model_validate({"dtype": "float16"})
    assert options.model_validate({"dtype": "float16", "lora": {}}).dtype == "float16"
    assert options.model_validate({"dtype": "bfloat16"}).dtype == "bfloat16"


def test_a_group_of_one_would_teach_nothing() -> None:
    with pytest.raises(ValidationError):
        GrpoOptions(group=1)


def test_cispo_has_no_dual_clip() -> None:
    with pytest.raises(ValidationError, match="dual_clip: cispo has none"):
        GrpoOptions(objective="cispo", dual_clip=3.0)
    assert GrpoOptions(objective="dapo", dual_clip=3.0).dual_clip == 3.0


def test_sft_has_no_rewards_to_mix_by() -> None:
    with pytest.raises(ValidationError, match="mixing: adaptive goes by rewards"):
        SftOptions(mixing="adaptive")
    assert GrpoOptions(mixing="adaptive").mixing == "adaptive"
    assert SftOptions(mixing="uniform").mixing == "uniform"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"prefix": "cache"}, "prefix: cache makes two passes"),
        ({"lora": {"parameters": ["mlp.experts.down_proj"]}}, r"lora\.parameters: an adapter of a stack of experts"),
        ({"kl_weight": 0.1}, "kl_weight: the divergence of a full training needs a second model"),
        ({"offload_optimizer": True}, "shard: spreads the moments of adamw in float32"),
        ({"optimizer": "adamw_8bit"}, "shard: spreads the moments of adamw in float32"),
        ({"lora": {"load_in_4bit": True}}, r"lora\.load_in_4bit: weights in four bits cannot be sharded"),
    ],
)
def test_what_sharded_weights_cannot_do_is_refused(given: dict[str, Any], says: str) -> None:
    GrpoOptions.model_validate(given)
    with pytest.raises(ValidationError, match=says):
        GrpoOptions.model_validate({**given, "shard": True})
    GrpoOptions(shard=True, kl_weight=0.1, lora=LoraOptions())


@pytest.mark.parametrize("options", ALL)
def test_where_to_run_and_how_often_to_save_name_no_other_checkpoint(options: type[TrainerOptions]) -> None:
    from harness.api import Operational

    operational = {
        name
        for name, field in options.model_fields.items()
        if any(isinstance(one, Operational) for one in field.metadata)
    }
    assert operational == {
        *("device", "threads", "save_every", "save_total_limit", "log_completions"),
        *("timeout", "shard", "offload_optimizer"),
    }
