from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers.processors import TemplateProcessing
from transformers import AutoProcessor

from harness.api import Choice, DataError, Image, Message, Request, UserError
from harness.formats.tagged import TaggedFormat
from harness_transformers.judge import LocalJudge
from harness_transformers.pixels import PixelCache
from harness_transformers.prompts import Prompter, key_of
from harness_transformers.testing.tiny import IMAGE

Local = Callable[..., LocalJudge]
CONTROLS = ("<image>", "<|end|>", "<|user|>", "<|assistant|>", "<s>", "<pad>")


@pytest.fixture(scope="module")
def prompter(tiny: Any) -> Prompter:
    processor = AutoProcessor.from_pretrained(tiny)
    return Prompter(processor, pixels=PixelCache(processor), system="message", template={}, who="judge j")


@pytest.fixture(scope="module")
def warm(prompter: Prompter, ask: Callable[..., Request]) -> Prompter:
    """Past the first prompts, on which the quick way is checked."""
    for number in range(4):
        prompter.prompt(ask(number, images=2))
    assert prompter._checks_left == 0, "the quick way has proved itself"
    return prompter


def of(*parts: str | Image) -> Request:
    form, space = TaggedFormat(), Choice(("yes", "no"))
    return Request(task="t", item="1", messages=(Message("user", parts),), space=space, format=form)


def test_a_prompt_is_the_templates_text_with_a_placeholder_for_each_patch(
    prompter: Prompter, paint: Callable[..., Image]
) -> None:
    request = replace(
        of("First.", paint(1), "Second.", "Third."),
        messages=(
            Message("system", ("Be fair.",)),
            Message("user", ("First.", paint(1), "Second.", "Third.")),
        ),
    )
    prompt = prompter.prompt(request)
    expected = f"<s><|system|>Be fair.<|end|><|user|>First.{IMAGE * 16}\nSecond.\nThird.<|end|><|assistant|>"
    assert prompter.tokenizer.decode(prompt.ids) == expected
    assert prompt.images == (paint(1).digest,)


texts = st.lists(
    st.one_of(st.sampled_from(["Is it sharp?", "\n", " ", "é ü 漢字", "a" * 40]), st.text(max_size=20)),
    min_size=1,
    max_size=4,
)


@pytest.mark.parametrize("adds", [False, True], ids=["plain", "a tokenizer that begins each text"])
@pytest.mark.parametrize(
    "text", ["", "Which? <image><image> Is it\n<|end|>  so?", "<s><|user|>Which?<image>\nA:<|end|>"]
)
def test_a_text_in_pieces_has_the_tokens_of_the_whole(tiny: Any, text: str, adds: bool) -> None:
    processor = AutoProcessor.from_pretrained(tiny)
    tokenizer = processor.tokenizer
    if adds:
        begins = [("<s>", tokenizer.bos_token_id)]
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="<s> $A", special_tokens=begins)
    prompter = Prompter(processor, pixels=PixelCache(processor), system="message", template={}, who="judge j")
    expected = tokenizer(text, add_special_tokens=not text.startswith("<s>"))["input_ids"]
    assert prompter._encode(text) == expected
    assert prompter._encode(text) == expected, "the second time as well, from what was kept"


@settings(max_examples=60, deadline=None)
@given(words=texts)
def test_the_quick_way_and_the_processor_write_the_same_prompt(words: list[str], warm: Prompter, paint: Any) -> None:
    request = of(words[0], paint(1), *words[1:], paint(2))
    messages = warm._arrange(request.messages)
    assert warm.pixels is not None
    quick = warm._quickly(request, messages, warm.pixels)
    thorough = warm._thoroughly(request, messages, warm.pixels)
    assert quick is not None or any(control in "".join(words) for control in CONTROLS)
    if quick is not None:
        assert quick.ids == thorough.ids
        assert quick.per_token == thorough.per_token
        assert all(
            one["pixel_values"].equal(two["pixel_values"])
            for one, two in zip(quick.prepared, thorough.prepared, strict=True)
        )


@settings(max_examples=60, deadline=None)
@given(parts=st.lists(st.one_of(st.sampled_from(CONTROLS), st.text(max_size=8)), min_size=1, max_size=5))
def test_text_never_becomes_a_control_token(parts: list[str], warm: Prompter, paint: Any) -> None:
    request = of("Which is better?", paint(1), *parts)
    ids = warm.prompt(request).ids
    tokenizer = warm.tokenizer
    counts = {control: ids.count(tokenizer.convert_tokens_to_ids(control)) for control in CONTROLS}
    assert counts == {"<image>": 16, "<|end|>": 1, "<|user|>": 1, "<|assistant|>": 1, "<s>": 1, "<pad>": 0}


@pytest.mark.parametrize("version", ["5.17.0", "5.22.9", "4.57.1"])
def test_an_older_transformers_is_shown_no_text_with_control_tokens(
    warm: Prompter, paint: Any, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would take them for the model's own."""
    import transformers

    monkeypatch.setattr(transformers, "__version__", version)
    for control in CONTROLS:
        with pytest.raises(DataError, match=rf"its text holds .*, which transformers {version} would take for a"):
            warm.prompt(of("Which?", paint(1), f"a {control} b"))
    assert warm.prompt(of("Which?", paint(1), "no <think>such</think> thing")).ids
    for newer in ("5.23.0", "5.24.0.dev0", "6.0.0"):
        monkeypatch.setattr(transformers, "__version__", newer)
        assert warm.prompt(of("Which?", paint(1), "a <image> b")).ids


def test_template_markers_in_text_are_not_expanded(warm: Prompter, paint: Any) -> None:
    request = of("{{ bos_token }} {% for x in y %} ${vars.x} {0}", paint(1))
    assert "{{ bos_token }} {% for x in y %} ${vars.x} {0}" in warm.tokenizer.decode(warm.prompt(request).ids)


def test_a_processor_that_does_more_than_its_parts_is_left_to_do_it(tiny: Any, ask: Callable[..., Request]) -> None:
    processor = AutoProcessor.from_pretrained(tiny)
    prompter = Prompter(processor, pixels=PixelCache(processor), system="message", template={}, who="judge j")
    replaced = processor.replace_image_token
    counted: Iterator[int] = iter(range(1000))
    processor.replace_image_token = lambda *given, **named: replaced(*given, **named) + "!" * next(counted)
    for number in range(6):
        prompter.prompt(ask(number, images=1))
    assert prompter._checks_left == -1
    assert prompter._quickly(ask(7), ask(7).messages, prompter.pixels) is None  # type: ignore[arg-type]


def test_the_system_prompt_can_go_ahead_of_the_question(tiny: Any, ask: Callable[..., Request]) -> None:
    processor = AutoProcessor.from_pretrained(tiny)
    prompter = Prompter(processor, pixels=PixelCache(processor), system="prepend", template={}, who="judge j")
    text = prompter.tokenizer.decode(prompter.prompt(ask(1)).ids)
    assert text.startswith("<s><|user|>You are a careful judge.\nIs the picture sharp?")
    assert "<|system|>" not in text


def test_a_model_without_a_chat_template_is_refused(tiny: Any) -> None:
    processor = AutoProcessor.from_pretrained(tiny)
    processor.chat_template = processor.tokenizer.chat_template = None
    with pytest.raises(UserError, match=r"judge j: the model has no chat template.*chat_template.jinja"):
        Prompter(processor, pixels=None, system="message", template={}, who="judge j")


@pytest.mark.parametrize(
    ("begun", "opened"),
    [
        ("<think>\\n", True),
        ("[THINK]", True),
        ("<|channel|>analysis<|message|>", True),
        ("<think>\\n\\n</think>\\n\\n", False),
        ("", False),
    ],
)
def test_a_template_that_opens_the_reasoning_is_known_by_its_prompt(
    tiny: Any, ask: Callable[..., Request], begun: str, opened: bool
) -> None:
    processor = AutoProcessor.from_pretrained(tiny)
    processor.chat_template += f"{{{{ '{begun}' }}}}"
    vision = Prompter(processor, pixels=PixelCache(processor), system="message", template={}, who="judge j")
    assert [vision.prompt(ask(number, images=number % 2)).opened for number in range(6)] == [opened] * 6
    processor.tokenizer.chat_template = processor.chat_template
    text = Prompter(processor.tokenizer, pixels=None, system="message", template={}, who="judge j")
    assert text.prompt(ask(1, images=0)).opened is opened
    assert not text.prompt(ask(1, images=0, words="<think> <think>")).opened or opened


def test_keys_name_what_is_shown(ask: Callable[..., Request], pair: Callable[[int], list[Request]]) -> None:
    one, other = pair(1)
    assert key_of(one) != key_of(other)
    assert key_of(one) == key_of(replace(one, sample=3, item="x", space=Choice(("a", "b"))))
    assert key_of(of("a", "b")) != key_of(of("ab"))


def test_a_template_that_knows_no_system_role_says_what_to_set(tiny: Any, ask: Callable[..., Request]) -> None:
    processor = AutoProcessor.from_pretrained(tiny)
    refusing = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    processor.chat_template = refusing + processor.chat_template
    pixels = PixelCache(processor)
    with pytest.raises(UserError, match=r"judge j: .*System role not supported.*set system: prepend"):
        Prompter(processor, pixels=pixels, system="message", template={}, who="judge j").prompt(ask(1))
    Prompter(processor, pixels=pixels, system="prepend", template={}, who="judge j").prompt(ask(1))
