from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor

from harness.api import Judgement, Request
from harness_transformers import writing
from harness_transformers.grouped_heads import attend
from harness_transformers.judge import LocalJudge
from harness_transformers.language import Language
from harness_transformers.loading import set_threads
from harness_transformers.prompts import Prompt
from harness_transformers.sampling import Sampling, draw
from harness_transformers.writing import Writer, Written

Local = Callable[..., LocalJudge]
GREEDY = Sampling()
DRAWN = Sampling(temperature=1.5)
VOCABULARY = 96
STOPS = range(3, VOCABULARY, 12)
"""So many that answers end at different places."""

SMALL: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}


def qwen2_vl() -> Any:
    """Positions in three dimensions."""
    rope = {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [1, 1, 2]}
    vision = {"depth": 1, "embed_dim": 32, "num_heads": 2, "hidden_size": 32}
    tokens = {"image_token_id": 90, "video_token_id": 91, "vision_start_token_id": 92, "vision_end_token_id": 93}
    config = transformers.Qwen2VLConfig(
        text_config={**SMALL, "rope_parameters": rope}, vision_config=vision, **tokens, tie_word_embeddings=False
    )
    return transformers.Qwen2VLForConditionalGeneration(config)


FAMILIES: dict[str, Callable[[], Any]] = {
    "qwen2_vl": qwen2_vl,
    "qwen3": lambda: transformers.Qwen3ForCausalLM(transformers.Qwen3Config(**SMALL, head_dim=8)),
    "qwen3_moe": lambda: transformers.Qwen3MoeForCausalLM(
        transformers.Qwen3MoeConfig(
            **SMALL, head_dim=8, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=16, decoder_sparse_step=1
        )
    ),
    "gemma": lambda: transformers.GemmaForCausalLM(transformers.GemmaConfig(**SMALL, head_dim=8)),
    "gpt2": lambda: transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=VOCABULARY, n_positions=512, n_embd=32, n_layer=2, n_head=2, bos_token_id=1, eos_token_id=2
        )
    ),
}
TEXTS = [tuple(range(5, 5 + length)) for length in (30, 41, 24)]
"""Prompts of different lengths: some of their columns are padding."""
PLACES = [2, 0, 0, 1, 0, 0, 2, 0, 2]
"""Of which a row has five answers, one three, and one a single one; in no order."""


@pytest.fixture(scope="module", autouse=True)
def threads() -> None:
    set_threads(1)


def small(family: str, **keywords: Any) -> Language:
    """A model with random weights that are far enough from 0 for its context to count."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = FAMILIES[family]().eval()
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.data *= 3
    return Language(model, sight=None, **{"stops": list(STOPS), "pad": 0, **keywords})


def numbers(count: int, most: int) -> Tensor:
    return torch.rand(count, most, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@contextmanager
def masks(model: Any) -> Iterator[list[tuple[int, ...]]]:
    """Shapes of the masks that the model is given."""
    seen: list[tuple[int, ...]] = []
    hook = model.register_forward_pre_hook(
        lambda _, __, named: seen.append(tuple(named["attention_mask"].shape)), with_kwargs=True
    )
    yield seen
    hook.remove()


def by_hand(language: Language, prompt: Sequence[int], draws: Tensor, most: int) -> tuple[tuple[int, ...], int | None]:
    """An answer, from the model's logits after the whole row, computed again for each token."""
    ids: list[int] = []
    for number in draws[:most]:
        row = torch.tensor([[*prompt, *ids]])
        logits = language.model(input_ids=row, attention_mask=torch.ones_like(row)).logits[:, -1]
        token = int(draw(language.restrict(logits), DRAWN, number[None]))
        if token in language.stops.tolist():
            return tuple(ids), token
        ids.append(token)
    return tuple(ids), None


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("family", FAMILIES)
@torch.inference_mode()
def test_answers_side_by_side_are_those_of_the_model_alone(family: str, attention: str) -> None:
    language = small(family)
    language.model.set_attn_implementation(attention)
    writer, most = Writer(language), 20
    prefix = language.prefill([Prompt(ids=ids) for ids in TEXTS])
    draws = numbers(len(PLACES), most)
    with masks(language.model) as seen:
        written = writer.write(prefix, PLACES, most=most, sampling=DRAWN, draws=draws)
    assert writer.beside, "its first use has checked it"
    assert any(len(shape) == 4 and shape[0] == 3 for shape in seen), "side by side"
    for place, mine, answer in zip(PLACES, draws, written, strict=True):
        assert (answer.ids, answer.end) == by_hand(language, TEXTS[place], mine, most)
    assert len({len(answer.ids) for answer in written}) > 3
    assert len({answer.end for answer in written}) > 3


@pytest.mark.parametrize("family", FAMILIES)
@torch.inference_mode()
def test_long_answers_go_on_in_rows_of_their_own(family: str) -> None:
    language = small(family, stops=[3])
    writer, most = Writer(language), 96
    places = [0] * 6 + [1] * 5
    prefix = language.prefill([Prompt(ids=ids) for ids in TEXTS[:2]])
    draws = numbers(len(places), most)
    with masks(language.model) as seen:
        written = writer.write(prefix, places, most=most, sampling=DRAWN, draws=draws)
    ways = [len(shape) for shape in seen]
    assert ways.count(4) > 5
    assert ways[-1] == 2
    assert ways.index(2, 4) > 6, "not before it pays"
    writer.beside = False
    assert writer.write(prefix, places, most=most, sampling=DRAWN, draws=draws) == written


@torch.inference_mode()
def test_the_prefix_stays_as_it_is() -> None:
    language = small("qwen3")
    writer = Writer(language)
    prefix = language.prefill([Prompt(ids=ids) for ids in TEXTS])
    before = prefix.logits.clone(), prefix.cache.get_seq_length(), prefix.mask.shape
    first = writer.write(prefix, PLACES, most=12, sampling=DRAWN, draws=numbers(9, 12))
    assert writer.write(prefix, PLACES, most=12, sampling=DRAWN, draws=numbers(9, 12)) == first
    assert torch.equal(prefix.logits, before[0])
    assert (prefix.cache.get_seq_length(), prefix.mask.shape) == before[1:]


@torch.inference_mode()
def test_one_answer_to_each_prompt_is_written_without_a_mask_of_its_own() -> None:
    language = small("qwen3")
    prefix = language.prefill([Prompt(ids=ids) for ids in TEXTS])
    with masks(language.model) as seen:
        Writer(language).write(prefix, most=8, sampling=GREEDY, draws=None)
    assert {len(shape) for shape in seen} == {2}


def test_side_by_side_is_taken_where_it_was_measured_to_be_quicker() -> None:
    def pays(prompt: int, tokens: int, *, answers: int = 8, heads: int = 1) -> bool:
        length, own = prompt + answers * tokens, prompt + tokens
        return writing._pays(4, length, answers, answers=4 * answers, own=own, heads=heads)

    # Milliseconds of a layer, in rows of their own and side by side: 4 prompts, 8 answers to each, heads of width 64.
    assert pays(307, 16)  # 0.56 and 0.28
    assert pays(307, 64)  # 0.63 and 0.51
    assert not pays(307, 256)  # 0.97 and 1.45
    assert pays(1000, 256)  # 3.34 and 2.02
    assert not pays(1000, 512)  # 3.89 and 5.01
    # Two and eight heads to a key.
    assert pays(307, 64, heads=2)  # 2.99 and 1.83
    assert not pays(307, 256, heads=2)  # 4.32 and 6.71
    assert not pays(307, 64, heads=8)  # 0.94 and 1.55
    assert pays(1000, 32, heads=8)  # 4.42 and 2.56
    assert not pays(1000, 256, heads=8)  # 5.20 and 6.23
    assert not pays(307, 0, answers=1), "one answer needs no mask"
    # A row with eight answers makes room for eight in all rows.
    assert not writing._pays(8, 300, 8, answers=8 + 7, own=300)


@pytest.mark.parametrize("queries", [1, 3])
def test_heads_that_share_keys_attend_as_if_each_had_its_own(queries: int) -> None:
    layer = SimpleNamespace(num_key_value_groups=4, is_causal=True)
    query, key, value = torch.randn(2, 8, queries, 6), torch.randn(2, 2, 9, 6), torch.randn(2, 2, 9, 5)
    mask = torch.where(torch.rand(2, 1, queries, 9) < 0.3, -1e9, 0.0)
    expected = torch.nn.functional.scaled_dot_product_attention(
        query, key.repeat_interleave(4, 1), value.repeat_interleave(4, 1), attn_mask=mask, scale=0.7
    )
    found, _ = attend(layer, query, key, value, mask, scaling=0.7, dropout=0.0)
    assert torch.allclose(found, expected.transpose(1, 2), atol=1e-6)


@torch.inference_mode()
def test_keys_are_not_copied_for_each_head() -> None:
    language = small("qwen3")
    writer = Writer(language)
    prefix = language.prefill([Prompt(ids=ids) for ids in TEXTS])
    with pytest.MonkeyPatch.context() as patch:

        def copy(states: Tensor, times: int) -> Tensor:
            raise AssertionError("copied")

        patch.setattr("transformers.integrations.sdpa_attention.repeat_kv", copy)
        writer.write(prefix, PLACES, most=6, sampling=DRAWN, draws=numbers(9, 6))
    assert writer.beside
    assert language.model.config._attn_implementation == "sdpa", "as it was"


class Deaf(transformers.Qwen3ForCausalLM):  # type: ignore[misc]  # transformers is taken as untyped
    """Rebuilds a causal mask where it is given one of its own, as some attention kernels do."""

    says = ""

    def forward(self, *, attention_mask: Tensor, **inputs: Any) -> Any:
        if attention_mask.ndim == 4:
            if self.says:
                raise ValueError(self.says)
            attention_mask = torch.ones(len(attention_mask), attention_mask.shape[-1], dtype=torch.long)
        return super().forward(attention_mask=attention_mask, **inputs)


@pytest.mark.parametrize("says", ["", "a mask has two dimensions"])
@torch.inference_mode()
def test_a_model_that_cannot_write_side_by_side_is_noticed(caplog: pytest.LogCaptureFixture, says: str) -> None:
    language = small("qwen3")
    made = Deaf(language.model.config).eval()
    made.load_state_dict(language.model.state_dict())
    right, language.model, made.says = language.model, made, says
    writer = Writer(language)
    prefix = language.prefill([Prompt(ids=ids) for ids in TEXTS])
    draws = numbers(len(PLACES), 20)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            written = writer.write(prefix, PLACES, most=20, sampling=DRAWN, draws=draws)
    (record,) = caplog.records
    why = says or "side by side they get other logits"
    assert record.message == f"answers are written in rows of their own: {why}"
    assert not writer.beside
    language.model = right
    for place, mine, answer in zip(PLACES, draws, written, strict=True):
        assert (answer.ids, answer.end) == by_hand(language, TEXTS[place], mine, 20)


def test_windows_and_kernels_that_take_no_mask_get_rows_of_their_own() -> None:
    config = transformers.MistralConfig(**SMALL, head_dim=8, sliding_window=16)
    windowed = Language(transformers.MistralForCausalLM(config), sight=None, stops=[2], pad=0)
    assert not Writer(windowed).beside
    model = small("qwen3").model
    assert Writer(Language(model, sight=None, stops=[2], pad=0)).beside
    model.config._attn_implementation = "flash_attention_2"
    assert not Writer(Language(model, sight=None, stops=[2], pad=0)).beside


# -- with pictures -----------------------------------------------------------------------------------------------------


@pytest.fixture
def opened(local: Local) -> Any:
    return local()._open()


@pytest.fixture
def prompts(opened: Any, ask: Callable[..., Request], pair: Callable[[int], list[Request]]) -> list[Prompt]:
    """Prompts of several lengths, with one image and with two."""
    requests = [*(ask(number) for number in range(4)), *pair(1), *pair(2)]
    return [opened.prompter.prompt(request) for request in requests]


@torch.inference_mode()
def test_answers_about_pictures_are_the_same_side_by_side(opened: Any, prompts: list[Prompt]) -> None:
    language, writer = opened.language, opened.writer
    language.stops = torch.arange(7, 587, 25)
    prefix = language.prefill(prompts)
    places = [place for place in range(len(prompts)) for _ in range(4)]
    draws = numbers(len(places), 40)
    with masks(language.model) as seen:
        written = writer.write(prefix, places, most=40, sampling=DRAWN, draws=draws)
    assert writer.beside
    assert any(len(shape) == 4 for shape in seen)
    writer.beside = False
    assert writer.write(prefix, places, most=40, sampling=DRAWN, draws=draws) == written
    assert len({len(answer.ids) for answer in written}) > 4


def test_samples_of_a_vote_share_the_row_of_their_prompt(
    local: Local,
    ask: Callable[..., Request],
    answers: Callable[[LocalJudge, list[Request]], list[Judgement]],
) -> None:
    options = {"temperature": 1.0, "samples": 4, "max_new_tokens": 12, "batch_size": 8}
    requests = [ask(number) for number in range(2)]
    judge = local(**options)
    answers(judge, requests)  # its first use is checked
    with masks(judge._open().language.model) as seen:
        given = answers(judge, requests)
    assert {shape[0] for shape in seen if len(shape) == 4} == {2}
    plain = local(**options)
    plain._open().writer.beside = False
    for one, other in zip(given, answers(plain, requests), strict=True):
        assert (one.raw, one.verdict, one.completion_tokens) == (other.raw, other.verdict, other.completion_tokens)


@torch.inference_mode()
def test_greedy_answers_are_those_of_generate(opened: Any, prompts: list[Prompt]) -> None:
    language = opened.language
    language.stops = torch.arange(7, 587, 13)  # so many that some answers end early, and rows leave the batch
    written = opened.writer.write(language.prefill(prompts), most=40, sampling=GREEDY, draws=None)
    for prompt, answer in zip(prompts, written, strict=True):
        ids = torch.tensor([prompt.ids])
        output = language.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            pixel_values=torch.cat([image["pixel_values"] for image in prompt.prepared]),
            max_new_tokens=40,
            do_sample=False,
            suppress_tokens=language.never.tolist(),
            eos_token_id=language.stops.tolist(),
        )[0, len(prompt.ids) :].tolist()
        end = output[-1] if output[-1] in language.stops.tolist() else None
        assert answer.ids == tuple(output if end is None else output[:-1])
        assert answer.end == end
    assert len({len(answer.ids) for answer in written}) > 2


@torch.inference_mode()
def test_each_answer_knows_when_its_last_token_was_written(opened: Any, prompts: list[Prompt]) -> None:
    language = opened.language
    language.stops = torch.arange(40)  # so that rows end at different steps
    draws = torch.rand(len(prompts), 60, generator=torch.Generator().manual_seed(1))
    began = time.monotonic()
    written: list[Written] = opened.writer.write(
        language.prefill(prompts), most=60, sampling=Sampling(temperature=3.0), draws=draws
    )
    steps = [len(answer.ids) + (answer.end is not None) for answer in written]
    assert len(set(steps)) > 2
    by_step = dict(zip(steps, (answer.moment for answer in written), strict=True))
    moments = [by_step[step] for step in sorted(by_step)]
    assert began < moments[0]
    assert moments == sorted(set(moments)), "a row that ends early does not wait for the others"
    assert moments[-1] < time.monotonic()


@torch.inference_mode()
def test_placeholders_of_images_are_never_written(opened: Any, prompts: list[Prompt]) -> None:
    language = opened.language
    with torch.no_grad():
        before = language.model.lm_head.weight.clone()
        language.model.lm_head.weight[language.never] *= 1000
    try:
        prefix = language.prefill(prompts[:4])
        written = opened.writer.write(
            prefix, [0, 1, 2, 3, 3, 3], most=20, sampling=Sampling(temperature=2.0), draws=torch.rand(6, 20)
        )
    finally:
        language.model.lm_head.weight.copy_(before)
    assert not set(language.never.tolist()) & {token for answer in written for token in answer.ids}
