"""The judge of the plugin `google`."""

from __future__ import annotations

from harness.api import Context
from harness_endpoints.dialect import Dialect
from harness_endpoints.google.options import GeminiOptions
from harness_endpoints.google.payload import ContentPayloads
from harness_endpoints.google.reply import read_reply
from harness_endpoints.judge import EndpointJudge

CONTENT = Dialect(name="gemini", generation=1, payloads=ContentPayloads, read=read_reply)
"""Gemini's `generateContent`, https://ai.google.dev/api/generate-content."""


def make(options: GeminiOptions, context: Context) -> EndpointJudge:
    """The judge `google/gemini`.

    Raises:
        UserError: A key is missing, or would go over the network in plain text. A proxy of the environment is unusable.
    """
    return EndpointJudge(options, context, CONTENT)
