from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from harness.api import Request
from harness_transformers.judge import LocalJudge
from harness_transformers.language import Language
from harness_transformers.numerics import out_of_memory
from harness_transformers.prompts import Prompt

Local = Callable[..., LocalJudge]


@pytest.fixture
def opened(local: Local) -> Any:
    return local()._open()


@pytest.fixture
def prompts(opened: Any, ask: Callable[..., Request], pair: Callable[[int], list[Request]]) -> list[Prompt]:
    """Prompts of several lengths, with one image and with two."""
    requests = [*(ask(number) for number in range(4)), *pair(1), *pair(2)]
    return [opened.prompter.prompt(request) for request in requests]


def alone(language: Language, prompt: Prompt) -> Any:
    """Inputs of one prompt as one would write them by hand."""
    ids = torch.tensor([prompt.ids])
    pixels = torch.cat([one["pixel_values"] for one in prompt.prepared])
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "pixel_values": pixels}


@torch.inference_mode()
def test_prefill_gives_each_row_the_logits_that_it_has_alone(opened: Any, prompts: list[Prompt]) -> None:
    language = opened.language
    together = language.prefill(prompts).logits
    for row, prompt in enumerate(prompts):
        plain = language.model(**alone(language, prompt)).logits[0, -1]
        assert torch.allclose(together[row], plain, atol=1e-5), row


@torch.inference_mode()
def test_what_all_prompts_begin_with_is_read_once(
    opened: Any, ask: Callable[..., Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    language: Language = opened.language
    requests = [ask(number, words="Judge this picture with the greatest care. " * 12) for number in range(6)]
    prompts = [opened.prompter.prompt(request) for request in requests]
    language.prefill(prompts)  # checks itself against the plain way
    read: list[tuple[int, int]] = []
    forward = language.model.forward

    def counted(*arguments: Any, **keywords: Any) -> Any:
        read.append(tuple(keywords["input_ids"].shape))
        return forward(*arguments, **keywords)

    monkeypatch.setattr(language.model, "forward", counted)
    shared = language.prefill(prompts).logits
    assert len(read) == 1, "the start is kept from the batch before"
    assert read[0][0] == 6
    assert read[0][1] < min(len(prompt.ids) for prompt in prompts) - 100
    language.shares_start = False
    assert torch.allclose(shared, language.prefill(prompts).logits, atol=1e-5)


@torch.inference_mode()
def test_prompts_that_begin_otherwise_get_a_start_of_their_own(opened: Any, ask: Callable[..., Request]) -> None:
    language: Language = opened.language
    tasks = ("Judge this picture with the greatest care. ", "Say whether the picture may be shown to children. ")
    for words in (*tasks, *tasks):
        prompts = [opened.prompter.prompt(ask(number, words=words * 12)) for number in range(5)]
        shared = language.prefill(prompts).logits
        assert language._start is not None
        assert language._start[0] == list(prompts[0].ids[: len(language._start[0])])
        for row, prompt in enumerate(prompts):
            assert torch.allclose(shared[row], language.model(**alone(language, prompt)).logits[0, -1], atol=1e-5)


@torch.inference_mode()
def test_a_start_never_reaches_into_an_image(opened: Any, prompts: list[Prompt]) -> None:
    language: Language = opened.language
    pictures = [place for place, token in enumerate(prompts[0].ids) if token in language.never.tolist()]
    rows = [list(prompts[0].ids), list(prompts[0].ids)]
    assert language._alike(rows) == pictures[0]


@torch.inference_mode()
def test_rows_of_a_prefix_leave_it_as_it_is(opened: Any, prompts: list[Prompt]) -> None:
    language = opened.language
    prefix = language.prefill(prompts)
    before = prefix.logits.clone(), prefix.cache.get_seq_length(), prefix.mask.shape
    language.append(prefix.rows([0, 2, 2], room=12), [[9], [10], [11]])
    language.append(prefix.rows([1]), [[5, 6, 7]])
    assert torch.equal(prefix.logits, before[0])
    assert (prefix.cache.get_seq_length(), prefix.mask.shape) == before[1:]


@torch.inference_mode()
def test_rows_may_be_moved_on_by_different_lengths(opened: Any, prompts: list[Prompt]) -> None:
    language = opened.language
    tails = [[9, 10, 11, 12], [], [13], [14, 15]]
    prefix = language.prefill(prompts[:4])
    language.append(prefix, tails)
    straight = language.prefill(prompts[:4], tails=tails)
    assert torch.allclose(prefix.logits, straight.logits, atol=1e-5)
    language.append(prefix, [[20]] * 4)
    language.append(straight, [[20]] * 4)
    assert torch.allclose(prefix.logits, straight.logits, atol=1e-5)


def test_only_memory_errors_count_as_such() -> None:
    assert out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert out_of_memory(RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes"))
    assert not out_of_memory(RuntimeError("shape mismatch"))


@torch.inference_mode()
def test_a_cache_with_room_holds_what_one_without_holds(
    opened: Any, prompts: list[Prompt], monkeypatch: pytest.MonkeyPatch
) -> None:
    language = opened.language
    monkeypatch.setattr("harness_transformers.growing_cache._STEP", 3)
    prefix = language.prefill(prompts[:4])
    roomy, plain = prefix.rows([0, 1, 3], room=20), prefix.rows([0, 1, 3])
    assert type(roomy.cache.layers[0]).__name__ == "GrowingLayer"
    for tokens in ([[5], [6], [7]], [[8], [9], [10]], [[1, 2, 3, 4, 5]] * 3, [[11], [12], [13]]):
        assert torch.allclose(language.append(roomy, tokens), language.append(plain, tokens), atol=1e-6)
    kept = roomy.rows([2, 0])
    for mine, theirs in zip(kept.cache.layers, plain.rows([2, 0]).cache.layers, strict=True):
        assert torch.equal(mine.keys, theirs.keys)
        assert torch.equal(mine.values, theirs.values)
