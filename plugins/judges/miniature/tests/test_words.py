"""What holds for the tokenizer: any text comes back, the suite's prompts are short, and nothing in them is spelled."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import Example
from harness_miniature_judges.words import IMAGE, make_tokenizer
from harness_transformers.testing.tiny import SPECIAL

tokenizer_of = functools.cache(make_tokenizer)  # made when a test asks for it, not while tests are collected
MARKS = set("\n .,:;?!“”()<>-123456789ABCD") | {"a"}
"""What may be one token of one character: marks, numbers, letters that stand for an image, and the article."""


def _ids(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    return ids


def _texts(example: Example) -> list[str]:
    """All that a judge reads or writes, in the pieces between images."""
    request = example.request
    written = request.format.write(example.gold, request.space, example.item.tags["rationale"])
    asked = [part for message in request.messages for part in message.parts if isinstance(part, str)]
    return [*(f"\n{part}" for part in asked[1:]), asked[0], written]


@pytest.fixture(scope="module")
def whole() -> Any:
    """The tokenizer whose tokens may be sentences."""
    return tokenizer_of(sentences=True)


@given(text=st.text(st.characters(exclude_categories=["Cs"])).filter(lambda text: "<0x" not in text))
def test_any_text_comes_back(whole: Any, text: str) -> None:
    assert whole.decode(_ids(whole, text)) == text


def test_control_tokens_come_first_and_are_not_read_from_plain_text(whole: Any) -> None:
    assert whole.convert_ids_to_tokens(list(range(len(SPECIAL)))) == list(SPECIAL)
    assert whole.convert_tokens_to_ids(IMAGE) not in _ids(whole, "a picture: <image><|end|>")


@pytest.mark.parametrize("sentences", [True, False], ids=["sentences", "words"])
def test_no_prompt_or_answer_of_the_suite_is_spelled(suite: dict[str, list[Example]], sentences: bool) -> None:
    tokenizer = tokenizer_of(sentences=sentences)
    for task, examples in suite.items():
        for text in (text for example in examples for text in _texts(example)):
            tokens = tokenizer.convert_ids_to_tokens(_ids(tokenizer, text))
            spelled = [token for token in tokens if (len(token) == 1 and token not in MARKS) or token.startswith("<0x")]
            assert not spelled, f"{task}: {spelled} in {text!r}"
            assert tokenizer.unk_token not in tokens


def test_captions_stay_apart_from_the_sentences_around_them(suite: dict[str, list[Example]], whole: Any) -> None:
    for example in suite["alignment-digit"]:
        article, ink, numeral = example.item.tags["caption"].split()
        tokens = whole.convert_ids_to_tokens(_ids(whole, _texts(example)[0]))
        assert {article, f" {ink}", f" {numeral}"} <= set(tokens)


@pytest.mark.parametrize(("sentences", "one", "two"), [(True, 35, 40), (False, 140, 160)])
def test_prompts_are_short(suite: dict[str, list[Example]], sentences: bool, one: int, two: int) -> None:
    tokenizer = tokenizer_of(sentences=sentences)
    for task, examples in suite.items():
        longest = max(sum(len(_ids(tokenizer, text)) for text in _texts(example)[:-1]) for example in examples)
        assert longest <= (two if task.startswith("pairwise") or task == "quality-ranking" else one), task
