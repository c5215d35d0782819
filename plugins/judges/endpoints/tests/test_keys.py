from __future__ import annotations

import base64
import json
import pickle
import re
import time
from typing import Any
from urllib.parse import quote

import pytest

from harness.api import UserError
from harness_endpoints.keys import load_secrets
from harness_endpoints.openai.options import ChatOptions

KEY = "0123456789abcdef-key"
REMOVED = "[key removed]"


def options(**fields: Any) -> ChatOptions:
    return ChatOptions(**{"model": "m", **fields})


def test_the_key_goes_into_its_header_and_shows_nowhere_else() -> None:
    secrets = load_secrets(options(), {"OPENAI_API_KEY": f" {KEY}\n"})
    assert secrets.headers() == {"Authorization": f"Bearer {KEY}"}
    assert KEY not in f"{secrets!r} {secrets} {secrets!s}"
    with pytest.raises(TypeError):
        pickle.dumps(secrets)


def test_a_repeated_key_is_removed_and_a_word_is_not() -> None:
    secrets = load_secrets(options(), {"OPENAI_API_KEY": KEY})
    assert secrets.scrub(f"a {KEY}{KEY} b") == f"a {REMOVED}{REMOVED} b"
    local = load_secrets(options(base_url="http://localhost/v1"), {"OPENAI_API_KEY": "EMPTY"})
    assert local.scrub("EMPTY") == "EMPTY"


SLASHED = "sk-Abc/DEF+ghiJKLmnoPQRstu/vwxYZ012345678"


@pytest.mark.parametrize(
    "form",
    [
        SLASHED.replace("/", "\\/"),
        SLASHED.upper(),
        SLASHED.lower(),
        quote(SLASHED, safe=""),
        quote(SLASHED, safe="").lower(),
        "".join(f"%{ord(letter):02X}" for letter in SLASHED),
        "".join(f"\\u{ord(letter):04x}" for letter in SLASHED),
        "".join(f"&#{ord(letter)};" for letter in SLASHED),
        f"{SLASHED[:12]}\n{SLASHED[12:]}",
        f"{SLASHED[:12]}\\n    {SLASHED[12:]}",
        f"{SLASHED[:12]} {SLASHED[12:30]} {SLASHED[30:]}",
        *(base64.b64encode(f"{before}{SLASHED}:z".encode()).decode() for before in ("", "x", "us", "Bearer ")),
        base64.urlsafe_b64encode(SLASHED.encode()).decode(),
        json.dumps(json.dumps({"key": SLASHED.replace("/", "\\/")})),
    ],
)
def test_a_key_is_removed_in_other_spellings_too(form: str) -> None:
    scrubbed = load_secrets(options(), {"OPENAI_API_KEY": SLASHED}).scrub(f"your key: {form}!")
    assert REMOVED in scrubbed
    letters = re.sub("[^a-z0-9]", "", scrubbed.lower())
    assert not any(SLASHED.lower()[at : at + 6] in letters for at in (7, 15, 31))
    assert len(scrubbed) < len("your key: !") + len(REMOVED) + 30


@pytest.mark.parametrize("text", ["%" * 100_000, "\\" * 100_000, "sk-Ab" * 20_000, "&#" * 50_000 + "s" * 50_000])
def test_scrubbing_is_linear(text: str) -> None:
    secrets = load_secrets(options(), {"OPENAI_API_KEY": SLASHED})
    began = time.process_time()
    assert secrets.scrub(text) == text
    assert time.process_time() - began < 2


def test_a_key_in_the_query_is_refused() -> None:
    with pytest.raises(UserError, match="extra_query: v: holds a key"):
        load_secrets(options(extra_query={"v": KEY}), {"OPENAI_API_KEY": KEY})


def test_further_headers_come_from_the_environment_and_are_secrets_too() -> None:
    made = options(headers_env={"api-key": "AZURE", "X-Auth": "OTHER"}, api_key_env=None)
    secrets = load_secrets(made, {"AZURE": "azure-secret", "OTHER": "Bearer other-secret"})
    assert secrets.headers() == {"api-key": "azure-secret", "X-Auth": "Bearer other-secret"}
    assert "secret" not in secrets.scrub("azure-secret, other-secret, Bearer other-secret")


@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
def test_two_keys_for_one_header_are_refused(name: str) -> None:
    with pytest.raises(UserError, match=f"headers_env: {name}: the key of `api_key_env` goes into this header"):
        load_secrets(options(headers_env={name: "MINE"}), {"OPENAI_API_KEY": KEY, "MINE": "mine"})
    alone = load_secrets(options(headers_env={name: "MINE"}, api_key_env=None), {"MINE": "mine"})
    assert alone.headers() == {name: "mine"}


def test_a_missing_key_is_named_for_another_machine_and_not_needed_on_this_one() -> None:
    with pytest.raises(UserError, match="OPENAI_API_KEY is not set"):
        load_secrets(options(), {})
    with pytest.raises(UserError, match="MINE is not set"):
        load_secrets(options(api_key_env="MINE"), {"OPENAI_API_KEY": KEY})
    assert load_secrets(options(base_url="http://127.0.0.1:8000/v1"), {}).headers() == {}
    assert load_secrets(options(api_key_env=None), {"OPENAI_API_KEY": KEY}).headers() == {}
    with pytest.raises(UserError, match="X-Org: the environment variable ORG"):
        load_secrets(options(headers_env={"X-Org": "ORG"}, api_key_env=None), {})


def test_a_key_does_not_cross_the_network_in_plain_text() -> None:
    plain = {"base_url": "http://gpu.example:8000/v1"}
    with pytest.raises(UserError, match="plain text"):
        load_secrets(options(**plain), {"OPENAI_API_KEY": KEY})
    with pytest.raises(UserError, match="plain text"):
        load_secrets(options(**plain, api_key_env=None, headers_env={"X-Auth": "A"}), {"A": KEY})
    assert load_secrets(options(**plain, allow_plain_http=True), {"OPENAI_API_KEY": KEY}).headers()
    assert load_secrets(options(**plain, api_key_env=None), {"OPENAI_API_KEY": KEY}).headers() == {}


@pytest.mark.parametrize("key", ["sk-abc\r\nX-Evil: 1", "sk-\u00e9", "sk-a\x00b"])
def test_what_no_header_can_hold_is_refused_without_repeating_it(key: str) -> None:
    with pytest.raises(UserError, match="OPENAI_API_KEY") as caught:
        load_secrets(options(), {"OPENAI_API_KEY": key})
    assert "sk-" not in str(caught.value)
