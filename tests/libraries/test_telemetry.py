"""No library reports on its use, and a run that needs no network asks for none: in a process of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from harness.libraries.telemetry import SWITCHES

PROGRAM = """
import json, os, socket, sys

tried = []

def refuse(self, address, *rest):
    if self.family != socket.AF_UNIX:
        tried.append(repr(address))
        raise OSError("no network in this test")
    return connect(self, address, *rest)

connect = socket.socket.connect
socket.socket.connect = refuse
socket.socket.connect_ex = refuse
socket.getaddrinfo = lambda *where, **how: tried.append(repr(where)) or []

from harness.cli import main

before = [name for name in sys.modules if name.partition(".")[0] in ("huggingface_hub", "ray", "gradio", "wandb")]
try:
    main(["run", "m.yaml"])
except SystemExit as error:
    code = error.code
import huggingface_hub.constants

print(json.dumps({
    "code": code, "tried": tried, "before": before, "hub": huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY,
    "ray": os.environ["RAY_USAGE_STATS_ENABLED"],
}))
"""


def test_a_run_offline_connects_to_nothing_and_the_hub_library_is_told_to_be_silent(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(
        "name: m\ntasks: [{use: miniature/safety, limit: 4}]\njudges: [{use: baselines/random}]\n", encoding="utf-8"
    )
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    environ = {name: value for name, value in os.environ.items() if name not in SWITCHES and name != "HF_HUB_OFFLINE"}
    # Who has said otherwise is left alone.
    environ["RAY_USAGE_STATS_ENABLED"] = "1"
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found == {"code": 0, "tried": [], "before": [], "hub": True, "ray": "1"}


def test_the_page_lists_every_switch() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "environment.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `([A-Z_]+)` \| `(\w+)` \|", page, re.MULTILINE))
    assert listed == SWITCHES
