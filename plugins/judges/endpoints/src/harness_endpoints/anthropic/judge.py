"""The judge of the plugin `anthropic`."""

from __future__ import annotations

from harness.api import Context
from harness_endpoints.anthropic.batches import MessageBatches
from harness_endpoints.anthropic.options import AnthropicOptions
from harness_endpoints.anthropic.payload import MessagePayloads
from harness_endpoints.anthropic.reply import read_reply
from harness_endpoints.dialect import Dialect
from harness_endpoints.judge import EndpointJudge

MESSAGES = Dialect(name="anthropic", generation=1, payloads=MessagePayloads, read=read_reply, batches=MessageBatches)
"""Anthropic's Messages API, https://platform.claude.com/docs/en/api/messages."""


def make(options: AnthropicOptions, context: Context) -> EndpointJudge:
    """The judge `anthropic/anthropic`.

    Raises:
        UserError: A key is missing, or would go over the network in plain text. A proxy of the environment is unusable.
    """
    return EndpointJudge(options, context, MESSAGES)
