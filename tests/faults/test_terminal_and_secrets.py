"""The smallest form of two campaigns. By hand: `python tests/faults/terminal.py`, `python tests/faults/keys.py`."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any


def load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"faults_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_nothing_of_a_payload_reaches_a_terminal_raw(tmp_path: Path) -> None:
    tried, through = load("terminal").attack_terminal(tmp_path, payloads=["all"])
    assert tried > 30
    assert through == 0


def test_no_spelling_of_a_secret_is_shown_or_written_and_verdicts_are_read(tmp_path: Path) -> None:
    keys = load("keys")
    tried, through = keys.attack_runs(tmp_path, values={"MY_KEY": keys.KEY})
    assert tried > 500
    assert through == 0


def test_messages_about_manifests_show_no_keys_and_no_other_files(tmp_path: Path) -> None:
    tried, through = load("keys").attack_manifests(tmp_path)
    assert tried > 100
    assert through == 0
