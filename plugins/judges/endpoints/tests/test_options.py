from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness_endpoints.openai.options import ChatOptions


def options(**fields: Any) -> ChatOptions:
    return ChatOptions(**{"model": "m", **fields})


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://me:hunter22@api.example/v1", "credentials"),
        ("https://hunter22@api.example/v1", "credentials"),
        ("https://api.example/v1?key=hunter22", "query"),
        ("https://api.example/v1#hunter22", "fragment"),
        ("ftp://hunter22.example", "http"),
        ("hunter22", "http"),
        ("http://[hunter22", "not a URL"),
        ("http://host:hunter22/v1", "not a URL"),
        ("http://host/v1 hunter22", "plain ASCII"),
        ("http://host/v1\r\nX-hunter22: y", "plain ASCII"),
        ("http://host/v1/chat/completions", "leave"),
    ],
)
def test_a_url_that_could_leak_or_mislead_is_refused_without_repeating_it(url: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault) as caught:
        options(base_url=url)
    [error] = caught.value.errors()  # type: ignore[attr-defined]
    assert "hunter22" not in error["msg"]


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://localhost:8000/v1/", True),
        ("http://127.0.0.1/v1", True),
        ("http://[::1]:8000/v1", True),
        ("http://model.localhost/v1", True),
        ("http://localhost.example/v1", False),
        ("http://127.0.0.1.example/v1", False),
        ("http://10.0.0.1/v1", False),
        ("https://api.example/v1", False),
    ],
)
def test_local_is_this_machine_only(url: str, local: bool) -> None:
    assert options(base_url=url).is_local is local
    assert not options(base_url=url).base_url.endswith("/")


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"samples": 3}, "temperature"),
        ({"extra_body": {"messages": []}}, "messages"),
        ({"extra_body": {"stream": True}}, "stream"),
        ({"api_key_env": "sk-abc"}, "environment variable"),
        ({"headers_env": {"X-Org": "sk-abc"}}, "environment variable"),
        ({"headers_env": {"X Org": "ORG"}}, "no name of a header"),
        ({"headers_env": {"Host": "ORG"}}, "set by the client"),
        ({"extra_query": {"api-key": "hunter22"}}, "headers_env"),
        ({"extra_query": {"access_token": "hunter22"}}, "headers_env"),
        ({"extra_query": {"sig": "hunter22"}}, "headers_env"),
        ({"extra_query": {"v": "sk-hunter22"}}, "headers_env"),
        ({"extra_query": {"v": "hunter 22"}}, "plain ASCII"),
        ({"extra_query": {"v": ""}}, "plain ASCII"),
        ({"extra_query": {"a=b": "1"}}, "no name"),
        ({"budget_usd": float("inf")}, "finite"),
        ({"max_failures": 0}, "greater"),
        ({"prices": {"prompt": -1, "completion": 1}}, "greater"),
        ({"modle": 1}, "modle"),
    ],
)
def test_options_that_mean_nothing_are_refused(fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault) as caught:
        options(**fields)
    assert "hunter22" not in "".join(error["msg"] for error in caught.value.errors())  # type: ignore[attr-defined]


def test_the_classic_url_of_azure() -> None:
    base = "https://me.openai.azure.com/openai/deployments/judge"
    made = options(base_url=base, extra_query={"api-version": "2024-10-21"})
    assert made.url == f"{base}/chat/completions?api-version=2024-10-21"


def test_a_resolved_manifest_gives_the_same_options() -> None:
    made = options(samples=3, temperature=None, prices={"prompt": 1, "completion": 2})
    assert ChatOptions(**made.model_dump(mode="json")) == made


def test_the_readme_names_every_option() -> None:
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    assert [name for name in ChatOptions.model_fields if f"`{name}`" not in text] == []
