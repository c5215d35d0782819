"""A hub to read from, `tests/fake_hub.py` in a process of its own, and commands that need not load the harness."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import Commands


@pytest.fixture(scope="session")
def commands() -> Iterator[Commands]:
    """The harness, loaded once for the commands of all tests of a worker."""
    running = Commands()
    yield running
    running.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment in which `datasets` finds the folder `tmp_path/hub` as `org/name`; the log is beside it."""
    (tmp_path / "hub").mkdir()
    command = [sys.executable, str(Path(__file__).with_name("fake_hub.py")), str(tmp_path / "hub")]
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as server,
    ):
        try:
            assert server.stdout is not None
            port = server.stdout.readline().strip()
            yield {**kept, "HF_ENDPOINT": f"http://127.0.0.1:{port}", "HF_HOME": str(tmp_path / "home")}
        finally:
            server.kill()
