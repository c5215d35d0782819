"""The body of a request for a chat completion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.api import Image, Request
from harness_endpoints.images import data_url
from harness_endpoints.openai.options import ChatOptions
from harness_endpoints.payload import Field, Payloads, arrange, encode


class ChatPayloads(Payloads):
    """Makes the bodies of the requests to one endpoint."""

    answers_at_once = True
    _options: ChatOptions

    def messages(self, request: Request) -> str:
        """The field `messages` as JSON, images included.

        Raises:
            DataError: An image cannot be read or does not fit.
        """
        arranged = arrange(request.messages, prepend=self._options.system == "prepend")
        plain = [{"role": message.role, "content": self._content(message.parts)} for message in arranged]
        said = f'"messages":{encode(plain)}'
        # Without these a server closes the given beginning as a turn, and answers in another one.
        goes_on = {"add_generation_prompt": False, "continue_final_message": True}
        return f"{said},{encode(goes_on)[1:-1]}" if request.beginning else said

    def fields(self, request: Request) -> frozenset[Field]:
        """The fields that this request would have. A schema and log-probabilities are of whole answers alone."""
        fields = super().fields(request)
        return fields - {"response_format", "logprobs", "top_logprobs"} if request.beginning else fields

    def _tail(self, request: Request, fields: frozenset[Field], count: int) -> dict[str, Any]:
        options = self._options
        values: dict[Field, Any] = {
            "temperature": options.temperature,
            "top_p": options.top_p,
            "max_tokens": options.max_tokens,
            "max_completion_tokens": options.max_tokens,
            "logprobs": True,
            "top_logprobs": options.top_logprobs,
            "n": count,
        }
        tail: dict[str, Any] = {"model": options.model, "stream": False}
        tail.update((name, value) for name, value in values.items() if name in fields)
        if "response_format" in fields:
            schema = {"name": "verdict", "strict": True, "schema": self.schema(request)}
            tail["response_format"] = {"type": "json_schema", "json_schema": schema}
        # Last, though it cannot overwrite: the options refuse names that have an option of their own.
        return {**tail, **options.extra_body}

    def _content(self, parts: Sequence[str | Image]) -> str | list[dict[str, Any]]:
        # A plain string where there is only text: some servers and templates take no list of parts.
        if len(parts) == 1 and isinstance(parts[0], str):
            return parts[0]
        return [
            {"type": "text", "text": part}
            if isinstance(part, str)
            else {"type": "image_url", "image_url": {"url": data_url(part, self._limits)}}
            for part in parts
        ]

    def _decoding(self) -> frozenset[Field]:
        options = self._options
        wanted = set(super()._decoding())
        if options.seed:
            wanted.add("seed")
        if "max_tokens" in wanted:
            wanted = wanted - {"max_tokens"} | {options.max_tokens_name}
        return frozenset(wanted)
