"""The judges of the plugin `openai`."""

from __future__ import annotations

from harness.api import Context
from harness_endpoints.dialect import Dialect
from harness_endpoints.judge import EndpointJudge
from harness_endpoints.openai.batches import OpenAiBatches
from harness_endpoints.openai.image_tokens import image_tokens
from harness_endpoints.openai.options import ChatOptions
from harness_endpoints.openai.payload import ChatPayloads
from harness_endpoints.openai.reply import read_reply
from harness_endpoints.openai.responses import ResponsesOptions, ResponsesPayloads, read_response

CHAT = Dialect(
    name="openai",
    generation=2,
    payloads=ChatPayloads,
    read=read_reply,
    batches=OpenAiBatches,
    image_tokens=image_tokens,
)
"""Chat completions, as OpenAI defined them and most servers copy them."""

RESPONSES = Dialect(
    name="responses",
    generation=1,
    payloads=ResponsesPayloads,
    read=read_response,
    batches=OpenAiBatches,
    image_tokens=image_tokens,
)
"""OpenAI's Responses API, https://developers.openai.com/api/reference/resources/responses."""


def make(options: ChatOptions, context: Context) -> EndpointJudge:
    """The judge `openai/openai`.

    Raises:
        UserError: A key is missing, or would go over the network in plain text. A proxy of the environment is unusable.
    """
    return EndpointJudge(options, context, CHAT)


def make_responses(options: ResponsesOptions, context: Context) -> EndpointJudge:
    """The judge `openai/responses`.

    Raises:
        UserError: A key is missing, or would go over the network in plain text. A proxy of the environment is unusable.
    """
    return EndpointJudge(options, context, RESPONSES)
