from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from harness_grpo.options import GrpoOptions, SftOptions
from harness_trl.options import _REFUSED, TrlGrpoOptions, TrlSftOptions


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"mixing": "uniform"}, r"mixing: TRL draws from the plain union of the tasks; .* or train with grpo"),
        ({"refill": 2}, r"refill: TRL replaces no group"),
        ({"per_task": True}, r"per_task: TRL has one denominator for all tasks"),
        ({"std_floor": 0.05}, r"std_floor: .* set advantage: none"),
        ({"kl": "k2"}, r"kl: TRL has this estimator only"),
        ({"prefix": "packed"}, r"prefix: TRL computes the prompt again for every answer"),
        ({"rows": 64}, r"rows: .* set per_device"),
        ({"groups": 4}, r"groups: .* set per_device"),
        ({"log_completions": 4}, r"log_completions: .* trl: \{log_completions: true\}"),
        ({"advantage": "task"}, r"advantage: task: .* set group, none or batch"),
        ({"advantage": "gdpo"}, r"advantage: gdpo: .* set group, none or batch"),
        ({"dual_clip": 1.1, "clip_high": 0.28}, r"dual_clip: TRL bounds no ratio below 1 \+ clip_high \(1.28\)"),
        ({"dual_clip": 3.0, "objective": "cispo"}, r"dual_clip: cispo has none"),
        ({"freeze": ["("]}, r"freeze: '\(' is not a regular expression"),
        ({"stepz": 3}, r"stepz"),
    ],
)
def test_what_trl_cannot_do_is_refused_with_a_word_on_what_to_do(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TrlGrpoOptions.model_validate(given)


def test_a_recipe_that_asks_for_what_trl_does_anyway_is_taken() -> None:
    given = {"mixing": "proportional", "refill": 0, "per_task": False, "std_floor": 0.0, "kl": "k3", "steps": 5}
    assert TrlGrpoOptions.model_validate(given) == TrlGrpoOptions(steps=5)
    assert TrlSftOptions.model_validate({"mixing": "proportional"}) == TrlSftOptions()
    with pytest.raises(ValidationError, match="per_task"):
        TrlGrpoOptions.model_validate({"per_task": 0})


@pytest.mark.parametrize(("ours", "native"), [(TrlGrpoOptions, GrpoOptions), (TrlSftOptions, SftOptions)])
def test_every_option_of_the_native_trainer_is_known_here(ours: Any, native: Any) -> None:
    unknown = set(native.model_fields) - set(ours.model_fields) - set(_REFUSED)
    assert not unknown, "a recipe that moves over is told what to do about each of its options"


@pytest.mark.parametrize(("ours", "native"), [(TrlGrpoOptions, GrpoOptions), (TrlSftOptions, SftOptions)])
def test_an_option_of_the_same_name_has_the_same_default(ours: Any, native: Any) -> None:
    shared = set(native.model_fields) & set(ours.model_fields)
    assert len(shared) > 15
    for name in shared:
        assert ours.model_fields[name].default == native.model_fields[name].default, name


def test_bounds_of_pixels_and_vllm_do_not_go_together() -> None:
    assert TrlSftOptions(max_pixels=1_000_000).max_pixels == 1_000_000
    with pytest.raises(ValidationError, match=r"vllm: opens the model's own image processor.*preprocessor_config"):
        TrlGrpoOptions(max_pixels=1_000_000, vllm={"mode": "colocate"})
