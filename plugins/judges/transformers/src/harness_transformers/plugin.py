"""The cards of the local judges. Light: imports nothing but `harness.api`."""

from __future__ import annotations

from harness.api import JudgeCard, hookimpl

_LICENCE = "Apache-2.0 (this code; weights have their own)"


@hookimpl
def harness_judges() -> list[JudgeCard]:
    """The local judges."""
    return [
        JudgeCard(
            name="transformers",
            summary="A local vision-language or text model: reasons and answers, or weighs every answer.",
            factory="harness_transformers.judge:make",
            options="harness_transformers.options:GenerativeOptions",
            licence=_LICENCE,
            source="transformers (AutoModelForImageTextToText, AutoModelForCausalLM)",
            description="`mode: generate` writes reasoning and a verdict. `mode: verdict` computes the exact "
            "probability of every answer of the space, as the format writes it, and writes nothing. `mode: "
            "reason-then-verdict` writes the reasoning and then weighs the answers behind it. Samples of one request "
            "and answers of one space share one pass over the prompt; equal images are encoded once. Answers do not "
            "depend on the batch size.",
            capabilities=frozenset({"text", "images", "probabilities", "gpu"}),
        ),
    ]
