"""The body of a request to Gemini's `generateContent`."""

from __future__ import annotations

from typing import Any

from harness.api import Image, Request
from harness_endpoints.google.options import GeminiOptions
from harness_endpoints.images import base64_of
from harness_endpoints.payload import Field, Payloads, encode, seed_of, split_system

_ROLES = {"assistant": "model"}
_HARMS = ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT")


class ContentPayloads(Payloads):
    """Makes the bodies of the requests."""

    _options: GeminiOptions

    def messages(self, request: Request) -> str:
        """The fields `systemInstruction` and `contents` as JSON, images included.

        Raises:
            DataError: An image cannot be read or does not fit.
        """
        system, rest = split_system(request.messages)
        contents = [
            {"role": _ROLES.get(message.role, message.role), "parts": [self._part(part) for part in message.parts]}
            for message in rest
        ]
        said = f'"contents":{encode(contents)}'
        return f'"systemInstruction":{encode({"parts": [{"text": system}]})},{said}' if system else said

    def body(self, messages: str, request: Request, *, fields: frozenset[Field], sample: int, count: int) -> bytes:
        """The whole body. The seed is among the settings here, so these are written for each request."""
        config = self._config(request, fields)
        if "seed" in fields:
            config["seed"] = seed_of(request, sample)
        rest: dict[str, Any] = {"generationConfig": config} if config else {}
        if self._options.safety is not None:
            rest["safetySettings"] = [
                {"category": f"HARM_CATEGORY_{harm}", "threshold": self._options.safety} for harm in _HARMS
            ]
        tail = encode({**rest, **self._options.extra_body})[1:]
        return f"{{{messages}{tail if tail == '}' else f',{tail}'}".encode()

    def _config(self, request: Request, fields: frozenset[Field]) -> dict[str, Any]:
        options = self._options
        values: dict[Field, tuple[str, Any]] = {
            "temperature": ("temperature", options.temperature),
            "top_p": ("topP", options.top_p),
            "top_k": ("topK", options.top_k),
            "max_tokens": ("maxOutputTokens", options.max_tokens),
            "logprobs": ("responseLogprobs", True),
            "top_logprobs": ("logprobs", options.top_logprobs),
        }
        config = {name: value for field, (name, value) in values.items() if field in fields}
        if "response_format" in fields:
            config |= {"responseMimeType": "application/json", "responseJsonSchema": self.schema(request)}
        thinking: dict[str, Any] = {}
        if isinstance(options.thinking, int):
            thinking["thinkingBudget"] = options.thinking
        elif options.thinking is not None:
            thinking["thinkingLevel"] = options.thinking.upper()
        if options.thoughts:
            thinking["includeThoughts"] = True
        return config | ({"thinkingConfig": thinking} if thinking else {})

    def _part(self, part: str | Image) -> dict[str, Any]:
        if isinstance(part, str):
            return {"text": part}
        media, data = base64_of(part, self._limits)
        return {"inlineData": {"mimeType": media, "data": data}}

    def _decoding(self) -> frozenset[Field]:
        options = self._options
        more = {"seed": options.seed, "top_k": options.top_k is not None}
        return super()._decoding() | {name for name, sent in more.items() if sent}
