"""Keys and other secrets: read from the environment, sent in headers, and kept out of everything else."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping

from harness.api import UserError
from harness_endpoints.options import EndpointOptions

REMOVED = "[key removed]"
"""What stands where a server repeated a key."""

_SHORTEST = 6  # shorter ones ("EMPTY", "none") are words, not secrets: removing them would spoil answers


class Secrets:
    """The headers that hold secrets. `repr` and `pickle` never show them.

    Args:
        headers: By name.
        values: What must never be written anywhere.
    """

    __slots__ = ("_headers", "_values")

    def __init__(self, headers: Mapping[str, str], values: tuple[str, ...]) -> None:
        self._headers = dict(headers)
        # The longest first: one may be part of another.
        known = sorted({value for value in values if len(value) >= _SHORTEST}, key=len, reverse=True)
        self._values = [(value, _Disguises(value)) for value in known]

    def headers(self) -> dict[str, str]:
        """For the request, and for nothing else."""
        return dict(self._headers)

    def scrub(self, text: str) -> str:
        """The text without any secret that it repeats."""
        for value, disguises in self._values:
            if value in text:
                text = text.replace(value, REMOVED)
            text = disguises.remove(text)
        return text

    def __repr__(self) -> str:
        return "Secrets(...)"

    def __reduce__(self) -> str:
        raise TypeError("secrets are not pickled")


class _Disguises:
    """Other spellings of a secret: another case, escaped for JSON, URLs or HTML, broken by white space, in base64."""

    def __init__(self, value: str) -> None:
        # Providers echo a request in errors: as JSON in JSON, as a URL, as a page. Each nesting adds backslashes.
        letters = [
            rf"(?:[\\]{{0,8}}{re.escape(letter)}|%{ord(letter):02x}|[\\]{{1,8}}u00{ord(letter):02x}|&#(?:{ord(letter)}|"
            rf"x{ord(letter):x});)"
            for letter in value
        ]
        self._pattern = re.compile(r"(?:\s|[\\]{1,8}[nrt]){0,20}".join(letters), re.IGNORECASE)
        pieces = [value[at : at + 5].lower() for at in range(0, len(value) - 4, 5)]
        plain = [piece for piece in pieces if piece.isalnum()]
        first = ord(value[0])
        # What every disguise has one of. Two pieces, because a break can be in one.
        self._signs = (*(plain or pieces)[:2], *(plain or pieces)[-1:], f"%{first:02x}", f"u00{first:02x}", "&#")
        # Base64 has three alignments, by how many bytes stand before the secret.
        encoded = [base64.b64encode(b"\0" * shift + value.encode()).decode() for shift in range(3)]
        # Of each alignment, the part that what stands around the secret does not touch.
        cores = [text[-(-8 * shift // 6) : (8 * (shift + len(value))) // 6] for shift, text in enumerate(encoded)]
        self._encoded = tuple({spelt for core in cores for spelt in (core, core.replace("+", "-").replace("/", "_"))})

    def remove(self, text: str) -> str:
        """The text without them. Looks for signs first, which costs next to nothing."""
        for core in self._encoded:
            if core in text:
                text = text.replace(core, REMOVED)
        lower = text.lower()
        if any(sign in lower for sign in self._signs):
            text = self._pattern.sub(REMOVED, text)
        return text


def load_secrets(options: EndpointOptions, environ: Mapping[str, str] = os.environ) -> Secrets:
    """Read the key and the other headers from the environment.

    Raises:
        UserError: A variable is missing or is no header, or the key would go over the network in plain text.
    """
    headers: dict[str, str] = {}
    values: list[str] = []
    key = _key(options, environ)
    if key is not None:
        name, value = options.key_header(key)
        headers[name] = value
        values.append(key)
    for header, variable in options.headers_env.items():
        value = _value(environ.get(variable, ""), variable)
        if not value:
            raise UserError(f"headers_env: {header}: the environment variable {variable} is not set; export it")
        headers[header] = value
        values.append(value)
        values += value.split()[1:]  # of `Bearer KEY` the key itself
    # Another machine and no TLS: anyone on the way could read the key.
    if headers and options.base_url.startswith("http:") and not (options.is_local or options.allow_plain_http):
        raise UserError(
            f"base_url: {options.base_url} is http:// on another machine, and a key would cross the network in plain "
            "text; use https://, send none with `api_key_env: null`, or say `allow_plain_http: true`"
        )
    # The whole set is known only now, so a key that was pasted into the URL is found here.
    secrets = Secrets(headers, tuple(values))
    for name, value in options.extra_query.items():
        if secrets.scrub(value) != value:
            raise UserError(f"extra_query: {name}: holds a key, and URLs get logged; use headers_env")
    return secrets


def _key(options: EndpointOptions, environ: Mapping[str, str]) -> str | None:
    variable = options.api_key_env
    if variable is None:
        return None
    key = _value(environ.get(variable, ""), variable)
    if not key and not options.is_local:
        raise UserError(
            f"api_key_env: the environment variable {variable} is not set, and {options.host} is another machine; "
            "export it, name another one, or say `api_key_env: null` if the server needs no key"
        )
    return key or None


def _value(text: str, variable: str) -> str:
    value = text.strip()
    if not value.isascii() or not value.isprintable():  # and the message must not hold it
        raise UserError(f"the environment variable {variable} holds what no header can hold; export it again")
    return value
