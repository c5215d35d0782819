from __future__ import annotations

import io
import logging
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image as Pillow
from torch import Tensor
from transformers import AutoModelForImageTextToText, AutoProcessor, LlavaForConditionalGeneration

from harness.api import Choice, Image, Message, Request, UserError
from harness.formats.tagged import TaggedFormat
from harness_grpo.prefix import Mode, PrefixScorer, Rollouts
from harness_transformers.loading import set_threads
from harness_transformers.pixels import PixelCache
from harness_transformers.prompts import Prompt, Prompter
from harness_transformers.testing import make_tiny_llava
from harness_transformers.testing.qwen import FAMILIES, Family, make_tiny_qwen

SHARED: tuple[Mode, ...] = ("packed", "cache")
PAD = 0
FORMAT, SPACE = TaggedFormat(), Choice(("yes", "no"))

Shape = Sequence[tuple[int, Sequence[int]]]
"""Number of images and lengths of completions of each group."""

BATCHES: dict[str, Shape] = {
    "one group, ragged": [(2, (5, 1, 9, 7))],
    "three groups, prompts of different length, as many completions": [(2, (5, 9)), (1, (3, 12)), (0, (2, 4))],
    "three groups, more completions of some": [(0, (5, 1, 9)), (2, (3, 12)), (1, (1, 1, 4, 2))],
    "a long prompt, several completions in a row": [(2, (5, 9, 7, 8, 3)), (2, (4, 6, 9, 9, 2))],
    "the same, more completions of some": [(2, (5, 9, 7)), (2, (4, 6, 9, 9, 2, 8, 8))],
    "one token each": [(1, (1, 1)), (2, (1, 1, 1))],
    "one completion": [(1, (6,))],
}


def paint(seed: int) -> Image:
    """Noise; pictures differ in height, which counts where their number of tokens depends on it."""
    width, height = 40, 40 + 32 * (seed % 3)
    picture = Pillow.frombytes("RGB", (width, height), random.Random(seed).randbytes(3 * width * height))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return Image.from_bytes(buffer.getvalue(), name=f"noise {seed}")


def prompt(prompter: Prompter, number: int, images: int) -> Prompt:
    shown = [part for place in range(images) for part in (f"Image {'ABC'[place]}:", paint(10 * number + place))]
    parts = ("Is the picture sharp? " * (1 + 3 * number), *shown, FORMAT.instruction(SPACE))
    messages = (Message("system", ("You are a careful judge.",)), Message("user", parts))
    return prompter.prompt(Request(task="t", item=str(number), messages=messages, space=SPACE, format=FORMAT))


def batch(prompter: Prompter, shape: Shape) -> list[Rollouts]:
    dice = random.Random(0)
    return [
        Rollouts(
            prompt(prompter, number, images),
            tuple(tuple(dice.choices(range(20, 400), k=length)) for length in lengths),
        )
        for number, (images, lengths) in enumerate(shape)
    ]


def opened(folder: Path, *, attention: str = "sdpa", dtype: torch.dtype = torch.float64) -> tuple[Any, Prompter]:
    processor = AutoProcessor.from_pretrained(folder)
    prompter = Prompter(processor, pixels=PixelCache(processor), system="message", template={}, who="judge test")
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=dtype, attn_implementation=attention)
    if dtype == torch.float64:  # experts in groups have none
        model.set_experts_implementation("eager")
    return model.train(), prompter


@pytest.fixture(scope="module", autouse=True)
def threads() -> None:
    set_threads(None)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_llava(tmp_path_factory.mktemp("llava"))


@pytest.fixture
def llava(tiny: Path) -> tuple[Any, Prompter]:
    return opened(tiny)


@contextmanager
def exactly() -> Iterator[None]:
    """transformers casts norms and eager attention to `torch.float32`, which hides differences below 1e-7."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "float32", torch.float64)
        yield


def by_hand(model: Any, groups: Sequence[Rollouts], temperature: float) -> list[tuple[Tensor, Tensor]]:
    """Log-probabilities and entropies of each completion, in a row that the model is given as anybody would."""
    found = []
    for group in groups:
        images = group.prompt.prepared
        for tokens in group.completions:
            ids = torch.tensor([[*group.prompt.ids, *tokens]])
            inputs: dict[str, Any] = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
            for name, kinds in group.prompt.per_token.items():
                inputs[name] = torch.tensor([[*kinds, *[0] * len(tokens)]])
            for name in images[0] if images else ():
                value = torch.cat([one[name] for one in images])
                inputs[name] = value.to(model.dtype) if value.is_floating_point() else value
            logs = (model(**inputs).logits[0, -len(tokens) - 1 : -1] / temperature).log_softmax(-1)
            found.append((logs[range(len(tokens)), tokens], -(logs.exp() * logs).sum(-1)))
    return found


def weights(like: Tensor) -> Tensor:
    return torch.randn(like.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def gradients(model: Any, logps: Tensor) -> dict[str, Tensor]:
    """Of a weighted sum of log-probabilities, to all parameters that get one."""
    model.zero_grad()
    torch.autograd.backward((logps * weights(logps)).sum())
    return {name: one.grad.clone() for name, one in model.named_parameters() if one.grad is not None}


def assert_like_repeated_rows(model: Any, groups: Sequence[Rollouts], modes: Sequence[Mode] = SHARED) -> None:
    """Log-probabilities to 1e-9, gradients to 1e-8 of the largest."""
    with exactly():
        expected = PrefixScorer(model, mode="repeat", pad=PAD).logps(groups)
        theirs = gradients(model, expected.logps)
        largest = max(one.abs().max() for one in theirs.values())
        assert largest > 1e-3
        for mode in modes:
            scored = PrefixScorer(model, mode=mode, pad=PAD).logps(groups)
            assert torch.equal(scored.mask, expected.mask)
            assert (scored.logps - expected.logps).abs().max() < 1e-9, mode
            ours = gradients(model, scored.logps)
            assert ours.keys() == theirs.keys()
            for name, gradient in theirs.items():
                assert (ours[name] - gradient).abs().max() < 1e-8 * largest, (mode, name)


@pytest.mark.parametrize("shape", BATCHES.values(), ids=BATCHES)
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_sharing_a_prompt_changes_neither_log_probabilities_nor_any_gradient(
    tiny: Path, attention: str, shape: Shape
) -> None:
    model, prompter = opened(tiny, attention=attention)
    assert_like_repeated_rows(model, batch(prompter, shape))


@pytest.mark.torchvision
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("family", FAMILIES)
def test_models_with_positions_in_three_dimensions_share_prompts_too(
    tmp_path: Path, family: Family, attention: str
) -> None:
    model, prompter = opened(make_tiny_qwen(tmp_path, family), attention=attention)
    for shape in BATCHES.values():
        groups = batch(prompter, shape)
        assert_like_repeated_rows(model, groups)
        with exactly():
            scored = PrefixScorer(model, mode="repeat", pad=PAD).logps(groups)
            for row, (logps, _) in enumerate(by_hand(model, groups, 1.0)):
                assert (scored.logps[row, : len(logps)] - logps).abs().max() < 1e-9


@pytest.mark.torchvision
@pytest.mark.parametrize("family", FAMILIES)
def test_they_do_so_with_adapters_and_checkpointing_and_in_half_precision(
    tmp_path: Path, family: Family, caplog: pytest.LogCaptureFixture
) -> None:
    peft = pytest.importorskip("peft")
    folder = make_tiny_qwen(tmp_path, family)
    model, prompter = opened(folder)
    experts = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"] if "moe" in family else None
    config = peft.LoraConfig(
        r=2, target_modules=["q_proj", "v_proj", "qkv"], target_parameters=experts, init_lora_weights=False
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        adapted = peft.get_peft_model(model, config).train().double()
    groups = batch(prompter, BATCHES["three groups, more completions of some"])
    assert_like_repeated_rows(adapted, groups)
    model.activation_checkpointing_enable({"use_reentrant": False})
    model.enable_input_require_grads()
    assert_like_repeated_rows(adapted, groups, ("packed",))
    half, _ = opened(folder, dtype=torch.bfloat16)
    for mode in SHARED:
        PrefixScorer(half, mode=mode, pad=PAD).logps(groups)  # or it says how far it is from repeated rows
    assert not caplog.records


@pytest.mark.parametrize("mode", ["repeat", *SHARED])
def test_log_probabilities_and_entropies_are_those_of_the_model_at_the_temperature(
    llava: tuple[Any, Prompter], mode: Mode
) -> None:
    model, prompter = llava
    groups = batch(prompter, [(2, (5, 1, 9)), (0, (3, 12))])
    scored = PrefixScorer(model, mode=mode, pad=PAD).logps(groups, temperature=0.6, entropy=True)
    assert scored.entropy is not None
    assert not scored.entropy.requires_grad
    assert scored.logps.dtype == torch.float64
    assert scored.mask.sum(1).tolist() == [5, 1, 9, 3, 12]
    for row, (logps, entropy) in enumerate(by_hand(model, groups, 0.6)):
        padding = [0.0] * (12 - len(logps))
        assert scored.logps[row].tolist() == pytest.approx([*logps.tolist(), *padding], abs=1e-6)
        assert scored.entropy[row].tolist() == pytest.approx([*entropy.tolist(), *padding], abs=1e-6)


def test_entropy_is_given_on_demand_only(llava: tuple[Any, Prompter]) -> None:
    model, prompter = llava
    assert PrefixScorer(model, pad=PAD).logps(batch(prompter, BATCHES["one group, ragged"])).entropy is None


@pytest.mark.parametrize("mode", SHARED)
def test_images_are_encoded_once_a_group_and_logits_made_only_where_tokens_are_predicted(
    llava: tuple[Any, Prompter], mode: Mode
) -> None:
    model, prompter = llava
    groups = batch(prompter, [(2, (5, 1, 9)), (1, (3, 12))])
    scorer = PrefixScorer(model, mode=mode, pad=PAD)
    scorer.logps(groups)  # the first batch is checked, which computes it twice
    images, places = [], []
    model.model.vision_tower.register_forward_pre_hook(
        lambda _, arguments, named: images.append(len([*arguments, *named.values()][0])), with_kwargs=True
    )
    model.lm_head.register_forward_hook(lambda _, inputs, output: places.append(inputs[0].shape[:-1].numel()))
    scorer.logps(groups)
    assert sum(images) == 3
    assert sum(places) == (1 + 4 + 0 + 8) + (1 + 2 + 11)


@pytest.mark.parametrize("mode", SHARED)
def test_a_frozen_vision_tower_gets_no_gradient_and_all_else_does(llava: tuple[Any, Prompter], mode: Mode) -> None:
    model, prompter = llava
    model.model.vision_tower.requires_grad_(False)
    groups = batch(prompter, BATCHES["one group, ragged"])
    found = gradients(model, PrefixScorer(model, mode=mode, pad=PAD).logps(groups).logps)
    assert found.keys() == {name for name, one in model.named_parameters() if one.requires_grad}
    assert found["model.multi_modal_projector.linear_1.weight"].abs().max() > 0


def test_packed_works_under_gradient_checkpointing_and_cache_is_refused(
    llava: tuple[Any, Prompter], caplog: pytest.LogCaptureFixture
) -> None:
    model, prompter = llava
    groups = batch(prompter, BATCHES["one group, ragged"])
    expected = PrefixScorer(model, mode="repeat", pad=PAD).logps(groups)
    theirs = gradients(model, expected.logps)
    model.activation_checkpointing_enable()
    assert_like_repeated_rows(model, groups, ("packed", "auto"))
    assert not caplog.records
    ours = gradients(model, PrefixScorer(model, mode="packed", pad=PAD).logps(groups).logps)
    assert all((ours[name] - gradient).abs().max() < 1e-5 for name, gradient in theirs.items())
    with pytest.raises(UserError, match="gradient checkpointing keeps no keys and values; use packed"):
        PrefixScorer(model, mode="cache", pad=PAD).logps(groups)
    model.eval()
    assert (PrefixScorer(model, mode="cache", pad=PAD).logps(groups).logps - expected.logps).abs().max() < 1e-9


@pytest.mark.parametrize("mode", SHARED)
def test_adapters_of_peft_get_the_gradients_of_repeated_rows(llava: tuple[Any, Prompter], mode: Mode) -> None:
    peft = pytest.importorskip("peft")
    model, prompter = llava
    config = peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj", "up_proj"], init_lora_weights=False)
    adapted = peft.get_peft_model(model, config).train().double()
    groups = batch(prompter, BATCHES["three groups, more completions of some"])
    assert_like_repeated_rows(adapted, groups, (mode,))
    scorer = PrefixScorer(adapted, mode=mode, pad=PAD)
    with torch.no_grad(), adapted.disable_adapter():
        reference = scorer.logps(groups)
    assert (reference.logps - scorer.logps(groups).logps).abs().max() > 1e-3


def test_dropout_of_an_adapter_is_refused_while_it_trains(llava: tuple[Any, Prompter]) -> None:
    peft = pytest.importorskip("peft")
    model, prompter = llava
    config = peft.LoraConfig(r=4, target_modules=["q_proj"], lora_dropout=0.1)
    adapted = peft.get_peft_model(model, config).train()
    groups = batch(prompter, BATCHES["one group, ragged"])
    scorer = PrefixScorer(adapted, mode="packed", pad=PAD)
    with pytest.raises(UserError, match=r"lora_dropout\S* drops 0.1 of its inputs.*set it to 0"):
        scorer.logps(groups)
    adapted.eval()
    scorer.logps(groups)


def test_auto_repeats_rows_where_sharing_is_not_exact_and_says_so_once(
    llava: tuple[Any, Prompter], caplog: pytest.LogCaptureFixture
) -> None:
    model, prompter = llava
    for module in model.model.language_model.modules():
        if hasattr(module, "attention_dropout"):
            module.attention_dropout = 0.5
    groups = batch(prompter, BATCHES["one group, ragged"])
    for mode in SHARED:
        with pytest.raises(UserError, match=rf"mode {mode} does not fit.*attention_dropout 0.5.*use mode auto"):
            PrefixScorer(model, mode=mode, pad=PAD).logps(groups)
    scorer = PrefixScorer(model, pad=PAD)
    with caplog.at_level(logging.WARNING):
        first, second = scorer.logps(groups), scorer.logps(groups)
    assert not torch.equal(first.logps, second.logps), "masks are drawn"
    (record,) = caplog.records
    assert "attention_dropout 0.5" in record.message


class Deaf(LlavaForConditionalGeneration):  # type: ignore[misc]  # transformers is taken as untyped
    """Rebuilds a causal mask where it is given one of its own, as some attention kernels do."""

    def forward(self, *, attention_mask: Tensor, **inputs: Any) -> Any:
        plain = attention_mask if attention_mask.ndim == 2 else torch.ones_like(inputs["input_ids"])
        return super().forward(attention_mask=plain, **inputs)


class Forgetful(Deaf):
    """And begins anew where it is given keys and values."""

    def forward(self, *, past_key_values: Any = None, **inputs: Any) -> Any:
        if past_key_values is not None:
            inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
        return super().forward(**inputs)


def turned(model: Any, kind: type[Any]) -> Any:
    """The same weights in another class."""
    made = kind(model.config)
    made.load_state_dict(model.state_dict())
    return made.to(model.dtype).train()


@pytest.mark.parametrize(("kind", "refused"), [(Deaf, ["packed"]), (Forgetful, ["packed", "cache"])])
def test_a_model_that_computes_something_else_is_found_out_on_the_first_batch(
    llava: tuple[Any, Prompter], caplog: pytest.LogCaptureFixture, kind: type[Any], refused: list[Mode]
) -> None:
    right, prompter = llava
    groups = batch(prompter, [(1, (5, 6, 9, 7))])
    expected = PrefixScorer(right, mode="repeat", pad=PAD).logps(groups)
    model = turned(right, kind)
    for mode in refused:
        with pytest.raises(UserError, match=rf"log-probabilities by {mode} are \S+ nats from those of repeated rows"):
            PrefixScorer(model, mode=mode, pad=PAD).logps(groups)
    scorer = PrefixScorer(model, pad=PAD)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            scored = scorer.logps(groups)
            assert (scored.logps - expected.logps).abs().max() < 1e-6
            assert scored.logps.requires_grad
    found = [record.message for record in caplog.records if "from now on" in record.message]
    assert [message.split(" from now on")[0] for message in found] == [
        f"prompts are not shared by {mode}" for mode in refused
    ]


def test_a_tolerance_of_ones_own_is_kept_to(llava: tuple[Any, Prompter]) -> None:
    right, prompter = llava
    groups = batch(prompter, [(1, (5, 6, 9, 7))])
    model = turned(right, Deaf)
    scored = PrefixScorer(model, mode="packed", pad=PAD, tolerance=1.0).logps(groups)
    expected = PrefixScorer(model, mode="repeat", pad=PAD).logps(groups)
    assert 1e-3 < (scored.logps - expected.logps).abs().max() < 1.0


class Rounded(LlavaForConditionalGeneration):  # type: ignore[misc]
    """Gets one token of a packed row far wrong."""

    def forward(self, *, attention_mask: Tensor, **inputs: Any) -> Any:
        output = super().forward(attention_mask=attention_mask, **inputs)
        if attention_mask.ndim == 4:
            output.logits[-1, ::2] += 2.0
        return output


def test_one_token_far_off_is_rounding_in_half_precision_and_an_error_otherwise(llava: tuple[Any, Prompter]) -> None:
    right, prompter = llava
    groups = batch(prompter, [(0, (15, 16, 19, 17))])
    model = turned(right, Rounded)
    PrefixScorer(model.bfloat16(), mode="packed", pad=PAD).logps(groups)
    with pytest.raises(UserError, match="nats from those of repeated rows"):
        PrefixScorer(model.float(), mode="packed", pad=PAD).logps(groups)


class Drifting(LlavaForConditionalGeneration):  # type: ignore[misc]
    """Moves each log-probability of a packed row by about so much."""

    apart = 0.0

    def forward(self, *, attention_mask: Tensor, **inputs: Any) -> Any:
        output = super().forward(attention_mask=attention_mask, **inputs)
        if attention_mask.ndim == 4:
            half = output.logits.shape[-1] // 2
            output.logits = torch.cat([output.logits[..., :half] + 2 * self.apart, output.logits[..., half:]], dim=-1)
        return output


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_allows_what_rounding_explains_and_no_more(
    llava: tuple[Any, Prompter], dtype: torch.dtype
) -> None:
    right, prompter = llava
    groups = batch(prompter, [(0, (15, 16, 19, 17))])
    model = turned(right, Drifting).to(dtype)
    scorer = PrefixScorer(model, mode="packed", pad=PAD)
    model.apart = 2 * torch.finfo(dtype).eps
    scorer.logps(groups)
    scorer = PrefixScorer(model, mode="packed", pad=PAD)
    model.apart = 8 * torch.finfo(dtype).eps
    with pytest.raises(UserError, match="nats from those of repeated rows"):
        scorer.logps(groups)


@pytest.mark.parametrize("mode", ["repeat", *SHARED])
def test_further_inputs_for_each_token_reach_the_model(llava: tuple[Any, Prompter], mode: Mode) -> None:
    model, prompter = llava
    (group,) = batch(prompter, [(1, (3, 4))])
    kinds = tuple(number % 2 for number in range(len(group.prompt.ids)))
    group = replace(group, prompt=replace(group.prompt, per_token={"token_type_ids": kinds}))
    given: list[Tensor] = []
    model.register_forward_pre_hook(lambda _, __, named: given.append(named["token_type_ids"]), with_kwargs=True)
    PrefixScorer(model, mode=mode, pad=PAD).logps([group])
    row = [*kinds, *[0] * (given[0].shape[1] - len(kinds))]
    assert all(one == row for one in given[0].tolist())


def test_the_first_batch_alone_is_computed_twice(llava: tuple[Any, Prompter]) -> None:
    model, prompter = llava
    groups = batch(prompter, [(1, (5, 6)), (2, (4, 4))])
    scorer = PrefixScorer(model, mode="packed", pad=PAD)
    passes: list[int] = []
    model.register_forward_pre_hook(lambda *_: passes.append(1))
    counts = []
    for _ in range(3):
        scorer.logps(groups)
        counts.append(len(passes))
        passes.clear()
    assert counts == [3, 1, 1]


@pytest.mark.parametrize("mode", SHARED)
def test_half_precision_is_told_apart_from_an_error_and_gives_float32(tiny: Path, mode: Mode) -> None:
    model, prompter = opened(tiny, dtype=torch.bfloat16)
    groups = batch(prompter, BATCHES["three groups, prompts of different length, as many completions"])
    scored = PrefixScorer(model, mode=mode, pad=PAD).logps(groups)
    assert scored.logps.dtype == torch.float32
    torch.autograd.backward(scored.logps.sum())


def test_what_is_empty_is_refused(llava: tuple[Any, Prompter]) -> None:
    model, prompter = llava
    with pytest.raises(ValueError, match="no groups"):
        PrefixScorer(model, pad=PAD).logps([])
    for completions in ((), ((),), ((5,), ())):
        with pytest.raises(ValueError, match="at least one completion"):
            Rollouts(prompt(prompter, 0, 0), completions)
