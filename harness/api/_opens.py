"""Whether a prompt leaves a model inside its reasoning: some chat templates write the opening mark themselves."""

from __future__ import annotations

_MARKS = (
    "<think>",
    "<thinking>",
    "<reason>",
    "<reasoning>",
    "<thought>",
    "[THINK]",
    "◁think▷",
    "<|begin_of_thought|>",
    "<|channel|>analysis<|message|>",
)


def opens_reasoning(prompt_text: str) -> bool:
    """Whether a rendered prompt ends with a mark that opens reasoning; white space may follow the mark.

    Args:
        prompt_text: The prompt as the chat template wrote it, or its end.
    """
    return prompt_text.rstrip().endswith(_MARKS)
