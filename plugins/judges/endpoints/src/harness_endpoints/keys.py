"""Keys and other secrets: read from the environment, sent in headers, and kept out of everything else."""

from __future__ import annotations

import os
from collections.abc import Mapping

from harness.api import UserError, hide_secret, scrub
from harness_endpoints.options import EndpointOptions

_SHORTEST = 6  # shorter ones are words, such as "EMPTY" and "none"


class Secrets:
    """The headers that hold secrets. `repr` and `pickle` never show them.

    Args:
        headers: By name.
        values: What must never be written anywhere.
    """

    __slots__ = ("_headers",)

    def __init__(self, headers: Mapping[str, str], values: tuple[str, ...]) -> None:
        self._headers = dict(headers)
        # For the whole process: the journal and the terminal are kept free of them as well.
        for value in values:
            hide_secret(value)

    def headers(self) -> dict[str, str]:
        """For the request, and for nothing else."""
        return dict(self._headers)

    def scrub(self, text: str) -> str:
        """The text without any secret that it repeats, in whichever spelling."""
        return scrub(text)

    def __repr__(self) -> str:
        return "Secrets(...)"

    def __reduce__(self) -> str:
        raise TypeError("secrets are not pickled")


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
        if header.lower() in {name.lower() for name in headers}:
            raise UserError(
                f"headers_env: {header}: the key of `api_key_env` goes into this header; say `api_key_env: null`, or "
                "leave this one out"
            )
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
    for name, value in options.extra_query.items():
        if any(key in value for key in values if len(key) >= _SHORTEST):
            raise UserError(f"extra_query: {name}: holds a key, and URLs get logged; use headers_env")
    return Secrets(headers, tuple(values))


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
