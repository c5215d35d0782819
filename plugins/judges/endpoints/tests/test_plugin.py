from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from harness.api import Judge
from harness.discovery import operational
from harness.testing import checks_for
from harness_endpoints.openai.options import ChatOptions
from harness_endpoints.openai.plugin import harness_judges


def loaded_after(code: str) -> set[str]:
    names = ["aiohttp", "asyncio", "PIL", "pydantic", "ssl", "truststore"]
    look = f"import sys; print(*[name for name in {names} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{look}"], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split()) if done.stdout.strip() else set()


def test_the_plugin_module_imports_nothing_heavy() -> None:
    assert loaded_after("import harness_endpoints.openai.plugin as plugin; plugin.harness_judges()") == set()


def test_listing_judges_does_not_import_the_client() -> None:
    code = "from harness.cli import main\ntry: main(['list', 'judges'])\nexcept SystemExit: pass"
    assert "aiohttp" not in loaded_after(code)


def test_making_a_judge_does_not_import_the_client_either(server: Any) -> None:
    code = (
        "from pathlib import Path; from harness.testing import FakeContext\n"
        "from harness_endpoints.openai.judge import make; from harness_endpoints.openai.options import ChatOptions\n"
        f"options = ChatOptions(model='m', base_url={server.url!r})\n"
        "make(options, FakeContext(workspace=Path('.'))).fingerprint()"
    )
    assert "aiohttp" not in loaded_after(code)


def test_the_conformance_kit_finds_nothing(server: Any) -> None:
    options = {"base_url": server.url, "model": "m", "api_key_env": None}
    names = []
    for name, check in checks_for(harness_judges()[0], options=options):
        check()
        names.append(name)
    assert len(names) > 8


def test_what_changes_no_answer_is_operational() -> None:
    operate = set(operational(ChatOptions))
    assert {"api_key_env", "budget_usd", "budget_tokens", "max_concurrency", "retries", "ca_file", "prices"} <= operate
    assert not operate & {"model", "base_url", "temperature", "seed", "samples", "max_image_bytes", "max_image_side"}


def test_making_a_judge_and_naming_it_connects_to_nobody(judge: Callable[..., Judge]) -> None:
    made = judge(base_url="http://localhost:1/v1")
    assert made.fingerprint() == judge(base_url="http://localhost:1/v1").fingerprint()
    assert made.fingerprint() != judge(base_url="http://localhost:2/v1").fingerprint()
    assert made.fingerprint() != judge(base_url="http://localhost:1/v1", model="n").fingerprint()


def test_tls_cannot_be_switched_off() -> None:
    assert not {"verify", "insecure", "tls"} & set(ChatOptions.model_fields)
    with pytest.raises(ValueError, match="verify"):
        ChatOptions(model="m", verify=False)  # type: ignore[call-arg]
