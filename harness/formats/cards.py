"""The built-in formats as cards. Light: imports nothing but `harness.api`."""

from __future__ import annotations

from harness.api import FormatCard

FORMATS: list[FormatCard] = [
    FormatCard(
        name="tagged",
        api_version=1,
        summary="<think>reasoning</think><answer>VERDICT</answer>",
        factory="harness.formats.tagged:make_format",
        licence="Apache-2.0",
        source="DeepSeek-R1, arXiv:2501.12948; MT-RL-Judge, arXiv:2603.11665",
        description="An answer inside the reasoning does not count. A bare label without its tags is no answer.",
    ),
    FormatCard(
        name="json",
        api_version=1,
        summary='One JSON object, {"reasoning": "...", "verdict": "..."}',
        factory="harness.formats.json_object:make_format",
        licence="Apache-2.0",
        source="RFC 8259",
        description="Bare or inside a code fence. Duplicate keys and contradicting objects give no verdict.",
    ),
    FormatCard(
        name="brackets",
        api_version=1,
        summary="[[A]], [[yes]], [[4]] or [[B > A > C]]",
        factory="harness.formats.brackets:make_format",
        licence="Apache-2.0",
        source="MT-Bench, arXiv:2306.05685",
        description="Reasoning in plain text, then the verdict in double square brackets.",
    ),
    FormatCard(
        name="label",
        api_version=1,
        summary="The bare label on the last line",
        factory="harness.formats.label:make_format",
        licence="Apache-2.0",
        description="The last line that is not empty is the verdict alone. `Answer:` before it is forgiven.",
    ),
    FormatCard(
        name="arena",
        api_version=1,
        summary="[[A>B]], [[B>A]], [[A=B]] or [[B>A>C]]",
        factory="harness.formats.arena:make_format",
        licence="Apache-2.0",
        source="Arena-Hard, arXiv:2406.11939; GenAI-Bench, arXiv:2406.04485",
        description="Preferences between two candidates, and rankings. [[A>>B]] reads as [[A>B]].",
    ),
]
