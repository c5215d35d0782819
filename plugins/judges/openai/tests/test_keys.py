from __future__ import annotations

import pickle
from typing import Any

import pytest

from harness.api import UserError
from harness_openai.keys import REMOVED, load_secrets
from harness_openai.options import EndpointOptions

KEY = "sk-0123456789abcdef"


def options(**fields: Any) -> EndpointOptions:
    return EndpointOptions(**{"model": "m", **fields})


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


def test_further_headers_come_from_the_environment_and_are_secrets_too() -> None:
    made = options(headers_env={"api-key": "AZURE", "X-Auth": "OTHER"}, api_key_env=None)
    secrets = load_secrets(made, {"AZURE": "azure-secret", "OTHER": "Bearer other-secret"})
    assert secrets.headers() == {"api-key": "azure-secret", "X-Auth": "Bearer other-secret"}
    assert "secret" not in secrets.scrub("azure-secret, other-secret, Bearer other-secret")


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
