from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoModelForImageTextToText

from harness.api import UserError
from harness_grpo.data import Unit
from harness_grpo.options import LoraOptions, SftOptions
from harness_grpo.policy import Policy, Speaker
from harness_grpo.reopened import reopen, tolerance
from harness_grpo.rollout import PolicyAnswer, PromptedExample, Prompts, write
from harness_transformers.sampling import Sampling

from .conftest import likelihoods, make_tiny_llama, point, question, weights_of

TOKENS = (20, 21, 22, 2)
LORA = LoraOptions(rank=2, alpha=8)


def opened(folder: Path, **options: Any) -> Policy:
    return Policy(str(folder), SftOptions(**{"max_new_tokens": 8, **options}), name="recipe", seed=3)


def asked(policy: Speaker, number: int = 0) -> PromptedExample:
    (one,) = Prompts(policy).of_unit(Unit("red", (point("red", number),))) or []
    return one


def answers(policy: Policy) -> list[PolicyAnswer]:
    given = write(
        policy, [asked(policy, number) for number in range(3)], samples=1, sampling=Sampling(), most=8, rows=9
    )
    return [one for (one,) in given]


def disturb(policy: Policy, scale: float = 0.3) -> None:
    """Move all that is trained, as training would."""
    dice = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for one in policy.trained.values():
            one.add_(scale * torch.randn(one.shape, generator=dice).to(one))


def logits(policy: Speaker) -> Tensor:
    with torch.no_grad():
        found: Tensor = likelihoods(policy.model, asked(policy).prompt, TOKENS)
    return found


def learn_once(policy: Policy) -> dict[str, Tensor]:
    """Gradients of a loss, by name."""
    with policy.learning() as model:
        likelihoods(model, asked(policy).prompt, TOKENS).sum().backward()
    found = {name: one.grad.clone() for name, one in policy.trained.items() if one.grad is not None}
    policy.model.zero_grad()
    return found


# -- what is trained ---------------------------------------------------------------------------------------------------


def test_all_weights_are_trained_unless_frozen(tiny: Path) -> None:
    whole = opened(tiny)
    assert set(whole.trained) == {name for name, _ in whole.model.named_parameters()}
    part = opened(tiny, freeze=["vision_tower", r"\.mlp\."])
    assert set(part.trained) == {name for name in whole.trained if "vision_tower" not in name and ".mlp." not in name}
    asking = {name for name, one in part.model.named_parameters() if one.requires_grad}
    assert asking == set(part.trained)


def test_a_pattern_that_freezes_nothing_is_an_error_that_shows_a_name(tiny: Path) -> None:
    with pytest.raises(UserError, match=r"recipe recipe: freeze: 'vision_towr' finds no parameter .* like \w+"):
        opened(tiny, freeze=["vision_towr"])
    with pytest.raises(UserError, match="finds no parameter"):
        opened(tiny, freeze=["vision_tower", "vision_tower"])
    with pytest.raises(UserError, match="nothing is left to train"):
        opened(tiny, freeze=["."])


def test_with_an_adapter_nothing_else_is_trained_or_asks_for_gradients(tiny: Path) -> None:
    policy = opened(tiny, lora=LORA, freeze=["vision"])
    assert policy.trained
    assert all("lora_" in name and "vision" not in name for name in policy.trained)
    assert {name for name, one in policy.model.named_parameters() if one.requires_grad} == set(policy.trained)
    policy.keep_reference()
    with policy.as_reference():
        pass
    assert {name for name, one in policy.model.named_parameters() if one.requires_grad} == set(policy.trained)


def test_targets_of_an_adapter_are_those_that_were_named(tiny: Path) -> None:
    policy = opened(tiny, lora=LoraOptions(rank=2, targets=["q_proj"]))
    assert {name.split(".")[-4] for name in policy.trained} == {"q_proj"}
    with pytest.raises(UserError, match=r"lora.targets: .*nothing_like_it"):
        opened(tiny, lora=LoraOptions(targets=["nothing_like_it"]))


def test_an_adapter_begins_as_nothing_and_depends_on_the_seed_alone(tiny: Path) -> None:
    torch.manual_seed(0)
    one = opened(tiny, lora=LORA)
    drawn = torch.rand(1)
    torch.manual_seed(0)
    assert torch.rand(1) == drawn, "the random numbers of others stay as they were"
    again = opened(tiny, lora=LORA)
    other = Policy(str(tiny), SftOptions(lora=LORA), name="recipe", seed=4)
    assert torch.equal(logits(one), logits(opened(tiny)))
    assert all(torch.equal(value, again.trained[name]) for name, value in one.trained.items())
    assert not all(torch.equal(value, other.trained[name]) for name, value in one.trained.items())


def test_without_peft_an_adapter_is_an_error_that_says_what_to_install(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(UserError, match=r"lora needs peft; pip install 'judge-harness-grpo\[peft\]'"):
        opened(tiny, lora=LORA)


# -- dropout -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("checkpointing", [False, True])
def test_dropout_is_off_while_learning(tmp_path: Path, checkpointing: bool) -> None:
    folder = make_tiny_llama(tmp_path / "model")
    assert json.loads((folder / "config.json").read_text())["attention_dropout"] == 0.5
    policy = opened(folder, gradient_checkpointing=checkpointing)
    (one,) = Prompts(policy).of_unit(Unit("odd", (question("odd", 1),))) or []
    ids = torch.tensor([one.prompt.ids])

    def out() -> Tensor:
        with torch.no_grad():
            found: Tensor = policy.model(input_ids=ids).logits
        return found

    expected = out()
    policy.model.train()
    assert torch.equal(out(), expected)
    policy.model.eval()
    with policy.learning():
        assert torch.equal(out(), expected)


def test_dropout_modules_are_off_too(tiny: Path) -> None:
    from harness_grpo.policy import without_dropout

    model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Dropout(0.5), torch.nn.AlphaDropout(0.3)).train()
    without_dropout(model)
    given = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(model(given), model(given))


def test_statistics_of_batches_are_not_gathered_while_learning(tiny: Path) -> None:
    policy = opened(tiny)
    policy.model.add_module("norm", torch.nn.BatchNorm1d(2))
    with policy.learning() as model:
        model.norm(torch.randn(4, 2))
    assert torch.equal(policy.model.norm.running_mean, torch.zeros(2)), "they are in no state to go on from"


# -- computing ---------------------------------------------------------------------------------------------------------


def test_recomputed_activations_give_the_same_gradients(tiny: Path) -> None:
    kept, recomputed = opened(tiny), opened(tiny, gradient_checkpointing=True)
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    recomputed.model.model.language_model.layers[0].mlp.register_forward_pre_hook(count)
    one, other = learn_once(kept), learn_once(recomputed)
    assert calls == 2, "it is recomputed"
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=1e-4, atol=1e-6)


def test_the_type_of_weights_is_as_asked(tiny: Path) -> None:
    assert {one.dtype for one in opened(tiny).trained.values()} == {torch.float32}
    assert {one.dtype for one in opened(tiny, dtype="float64").trained.values()} == {torch.float64}


def test_weights_saved_in_half_precision_are_trained_in_whole(tiny: Path, tmp_path: Path) -> None:
    half = tmp_path / "half"
    shutil.copytree(tiny, half)
    AutoModelForImageTextToText.from_pretrained(tiny, dtype="bfloat16").save_pretrained(half)
    assert {one.dtype for one in opened(half).trained.values()} == {torch.float32}
    assert opened(half, lora=LORA).model.dtype == torch.bfloat16


def test_an_adapter_of_a_model_in_half_precision_is_not(tiny: Path, tmp_path: Path) -> None:
    """Most updates of a step are smaller than half precision can add to a weight."""
    policy = opened(tiny, dtype="bfloat16", lora=LORA)
    assert {one.dtype for one in policy.trained.values()} == {torch.float32}
    assert policy.model.dtype is torch.bfloat16
    assert learn_once(policy)
    policy.save(tmp_path / "saved")
    assert {one.dtype for one in adapter_of(tmp_path / "saved").values()} == {torch.float32}


def test_nothing_is_remembered_of_weights_before(taught: Path) -> None:
    policy = opened(taught)
    before = answers(policy)
    disturb(policy)
    after = answers(policy)
    fresh = opened(taught)
    disturb(fresh)
    assert [one.tokens for one in answers(fresh)] == [one.tokens for one in after]
    assert [one.tokens for one in before] != [one.tokens for one in after]


@pytest.mark.parametrize("lora", [None, LORA], ids=["all weights", "an adapter"])
def test_the_reference_is_the_model_at_the_start(tiny: Path, lora: LoraOptions | None) -> None:
    policy = opened(tiny, lora=lora)
    policy.keep_reference()
    before = logits(policy)
    disturb(policy)
    moved = logits(policy)
    with policy.as_reference() as model, torch.no_grad():
        assert torch.equal(likelihoods(model, asked(policy).prompt, TOKENS), before)
        assert not any(one.requires_grad for one in model.parameters())
    assert torch.equal(logits(policy), moved), "and back again"
    assert not torch.allclose(before, moved)
    assert learn_once(policy)


def test_an_error_does_not_leave_the_adapter_off(tiny: Path) -> None:
    policy = opened(tiny, lora=LORA)
    policy.keep_reference()
    disturb(policy)
    moved = logits(policy)
    with pytest.raises(KeyError), policy.as_reference():
        raise KeyError
    assert torch.equal(logits(policy), moved)


# -- saving ------------------------------------------------------------------------------------------------------------


def adapter_of(folder: Path) -> dict[str, Tensor]:
    return dict(load_file(folder / "adapter_model.safetensors"))


def judge_of(folder: Path) -> Speaker:
    """Opened as a judge opens it."""
    return reopen(folder, SftOptions(max_new_tokens=8), device="cpu", name="recipe")


def distance(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().mean())


@pytest.fixture(scope="module")
def half(taught: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that is saved in bfloat16, as large ones are."""
    folder = tmp_path_factory.mktemp("half") / "model"
    shutil.copytree(taught, folder)
    AutoModelForImageTextToText.from_pretrained(taught, dtype="bfloat16").save_pretrained(folder)
    return folder


def test_a_saved_model_computes_the_same(tiny: Path, tmp_path: Path) -> None:
    policy = opened(tiny)
    disturb(policy)
    policy.save(tmp_path / "saved")
    assert torch.equal(logits(opened(tmp_path / "saved")), logits(policy))
    kept = {path.name for path in tiny.iterdir()}
    assert kept <= {path.name for path in (tmp_path / "saved").iterdir()}, "processor, template and all"


@pytest.mark.parametrize("merge", [False, True], ids=["beside its base", "added to it"])
def test_an_update_of_the_size_of_a_training_is_not_lost_by_saving_it(half: Path, tmp_path: Path, merge: bool) -> None:
    """lr 1e-5 for 200 steps moves a weight of B by 2e-3 at most; bfloat16 rounds 86 % of what that adds to nothing."""
    policy = opened(half, lora=LoraOptions(rank=16, alpha=32, merge=merge))
    dice = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, value in policy.trained.items():
            if "lora_B" in name:
                value.add_(2e-3 * (2 * torch.rand(value.shape, generator=dice) - 1))
    policy.save(tmp_path / "saved")
    delivered = judge_of(tmp_path / "saved")
    assert distance(logits(delivered), logits(policy)) <= tolerance(str(policy.model.dtype), str(delivered.model.dtype))
    deltas = {
        name.removesuffix(".base_layer.weight"): module.get_delta_weight("default")
        for name, module in policy.model.named_modules()
        if hasattr(module, "get_delta_weight")
    }
    base = dict(judge_of(half).model.named_parameters())
    if not merge:
        assert torch.equal(logits(delivered), logits(policy))
        return
    assert len(deltas) > 20
    for name, delta in deltas.items():
        moved = delivered.model.get_parameter(f"{name}.weight") - base[f"{name}.weight"].float()
        assert float(((moved - delta).norm() / delta.norm()).detach()) < 1e-3


def test_an_adapter_is_saved_alone_as_peft_reads_it(tiny: Path, tmp_path: Path) -> None:
    policy = opened(tiny, lora=LORA)
    disturb(policy)
    for name in ("one", "two"):
        policy.save(tmp_path / name)
    assert {path.name for path in (tmp_path / "one").iterdir()} == {"adapter_config.json", "adapter_model.safetensors"}
    known = json.loads((tmp_path / "one" / "adapter_config.json").read_text())
    assert known["base_model_name_or_path"] == str(tiny)
    assert known["target_modules"] == sorted(known["target_modules"])
    assert torch.equal(logits(judge_of(tmp_path / "one")), logits(policy))
    base = AutoModelForImageTextToText.from_pretrained(tiny)
    import peft

    peft.PeftModel.from_pretrained(base, str(tmp_path / "two"))
    found = {name.replace(".default", ""): value for name, value in base.named_parameters() if "lora_" in name}
    assert all(torch.equal(value, found[name.replace(".default", "")]) for name, value in policy.trained.items())


def test_an_adapter_is_added_to_what_it_adapts_where_that_is_asked(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = opened(tiny, lora=LoraOptions(rank=2, alpha=8, merge=True))
    disturb(policy)
    policy.save(tmp_path / "saved")
    expected = logits(policy)
    monkeypatch.setitem(sys.modules, "peft", None)
    alone = opened(tmp_path / "saved")
    torch.testing.assert_close(logits(alone), expected, rtol=0, atol=1e-5)
    for name, weights in opened(tiny).trained.items():
        pair = [policy.trained.get(f"{name.removesuffix('.weight')}.lora_{one}.default.weight") for one in "BA"]
        delta = LORA.alpha / LORA.rank * pair[0] @ pair[1] if pair[0] is not None and pair[1] is not None else 0.0
        torch.testing.assert_close(alone.trained[name], weights + delta, rtol=1e-5, atol=1e-6)
    assert weights_of(tiny).keys() == weights_of(tmp_path / "saved").keys()
    assert "lora" not in (tmp_path / "saved" / "config.json").read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"saved"}


def test_saving_leaves_the_model_as_it_is(tiny: Path, tmp_path: Path) -> None:
    policy = opened(tiny, lora=LORA)
    disturb(policy)
    before = logits(policy)
    policy.save(tmp_path / "one")
    policy.save(tmp_path / "two")
    assert torch.equal(logits(policy), before)
    one, two = adapter_of(tmp_path / "one"), adapter_of(tmp_path / "two")
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_model_without_bounds_of_pixels_is_refused_by_name(tiny: Path) -> None:
    with pytest.raises(UserError, match=r"recipe recipe: min_pixels: the image processor of the model .*CLIP"):
        opened(tiny, min_pixels=100)
    with pytest.raises(UserError, match=r"recipe recipe: max_pixels: .*CLIP"):
        opened(tiny, max_pixels=100_000)


# -- models that will not do -------------------------------------------------------------------------------------------


def test_a_model_without_a_chat_template_is_refused(tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "model")
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(UserError, match="recipe: the model has no chat template"):
        opened(folder)


def test_the_end_of_an_answer_is_the_tokenizer_s_own_and_not_the_least_of_several(tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "model")
    generation = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps({**generation, "eos_token_id": [2, 0, 1]}))
    policy = opened(folder)
    assert policy.opened.language.stops.tolist() == [0, 1, 2]
    assert policy.end == policy.opened.prompter.tokenizer.eos_token_id == 2
