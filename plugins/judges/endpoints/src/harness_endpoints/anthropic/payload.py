"""The body of a request to Anthropic's Messages API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.api import Image, Request
from harness_endpoints.anthropic.options import AnthropicOptions
from harness_endpoints.images import base64_of
from harness_endpoints.payload import Field, Payloads, encode, split_system


class MessagePayloads(Payloads):
    """Makes the bodies of the requests."""

    _options: AnthropicOptions

    def messages(self, request: Request) -> str:
        """The fields `system` and `messages` as JSON, images included.

        Raises:
            DataError: An image cannot be read or does not fit.
        """
        system, rest = split_system(request.messages)
        plain = [{"role": message.role, "content": self._content(message.parts)} for message in rest]
        said = f'"messages":{encode(plain)}'
        if not system:
            return said
        marked = [{"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}]
        return f'"system":{encode(marked if self._options.cache else system)},{said}'

    def _tail(self, request: Request, fields: frozenset[Field], count: int) -> dict[str, Any]:
        options = self._options
        tail: dict[str, Any] = {"model": options.model, "max_tokens": options.max_tokens, "stream": False}
        values = {"temperature": options.temperature, "top_p": options.top_p, "top_k": options.top_k}
        tail.update((name, value) for name, value in values.items() if name in fields)
        if options.thinking is not None:
            tail["thinking"] = self._thinking()
        config: dict[str, Any] = {} if options.effort is None else {"effort": options.effort}
        if "response_format" in fields:
            config["format"] = {"type": "json_schema", "schema": self.schema(request)}
        if config:
            tail["output_config"] = config
        return {**tail, **options.extra_body}

    def _thinking(self) -> dict[str, Any]:
        wanted = self._options.thinking
        kind = {"type": "enabled", "budget_tokens": wanted} if isinstance(wanted, int) else {"type": wanted}
        shown = self._options.thinking_display
        return kind if shown is None or wanted == "disabled" else {**kind, "display": shown}

    def _content(self, parts: Sequence[str | Image]) -> str | list[dict[str, Any]]:
        if len(parts) == 1 and isinstance(parts[0], str):
            return parts[0]
        return [{"type": "text", "text": part} if isinstance(part, str) else self._image(part) for part in parts]

    def _image(self, image: Image) -> dict[str, Any]:
        media, data = base64_of(image, self._limits)
        return {"type": "image", "source": {"type": "base64", "media_type": media, "data": data}}

    def _decoding(self) -> frozenset[Field]:
        # `max_tokens` is required, so it is none of the fields that could be left out.
        return super()._decoding() - {"max_tokens"} | ({"top_k"} if self._options.top_k is not None else set())
