from __future__ import annotations

import pytest

from harness.api.reading import opens_reasoning

MARKS = [
    "<think>",
    "<thinking>",
    "<reason>",
    "<reasoning>",
    "<thought>",
    "[THINK]",
    "◁think▷",
    "<|begin_of_thought|>",
    "<|channel|>analysis<|message|>",
]


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("space", ["", "\n", " \n\n"])
def test_a_mark_at_the_end_opens_the_reasoning(mark: str, space: str) -> None:
    assert opens_reasoning(f"<|im_start|>assistant\n{mark}{space}")


@pytest.mark.parametrize(
    "end",
    ["", "<|im_start|>assistant\n", "<think>\n\n</think>\n\n", "<think> first", "a <think> b", "think>", "[/THINK]"],
)
def test_any_other_end_does_not(end: str) -> None:
    assert not opens_reasoning(f"Judge.{end}")
