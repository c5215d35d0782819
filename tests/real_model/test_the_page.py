"""`docs/how-to/judge-with-llama-cpp.md`, followed to the letter: files written, server started, commands given.

What a command prints is not compared, because a model this small may answer otherwise on another machine.
"""

from __future__ import annotations

import importlib.util
import re
import socket
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from .conftest import serving

pytestmark = [pytest.mark.real_model, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "how-to" / "judge-with-llama-cpp.md"


def snippets() -> ModuleType:
    """How the snippets of all other pages are run."""
    spec = importlib.util.spec_from_file_location("real_model_snippets", ROOT / "tests" / "docs" / "test_snippets.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.mark.usefixtures("weights")
def test_the_page_works_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    running, port = snippets(), free_port()
    world = running._World(tmp_path)
    monkeypatch.chdir(tmp_path)
    commands = 0
    with ExitStack() as stack:
        for block in running.blocks(PAGE):
            body = block.body.replace("8080", port)
            if block.language == "console":  # commands without what they printed
                body = "".join(re.findall(r"^\$ .*\n", body, flags=re.MULTILINE))
                commands += body.count("$ ")
            asked = replace(block, body=body, marker="exit" if block.marker == "exit" else "")
            if block.file == "serve.py":
                (tmp_path / block.file).write_text(body)
                address = stack.enter_context(serving(tmp_path / block.file, log=tmp_path / "log"))
                assert address == f"http://127.0.0.1:{port}"
            elif not block.file.endswith(".py"):
                world.act(asked, where=f"{PAGE.name}:{block.line}")
            else:
                (tmp_path / block.file).write_text(body)
    assert commands >= 3
    (board,) = tmp_path.glob("runs/llama-*/leaderboard.md")
    assert all(judge in board.read_text() for judge in ("served", "here", "here-weighs"))
