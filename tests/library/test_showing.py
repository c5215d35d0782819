"""A notebook's own kernel: progress is plain lines on stdout, and its button for interrupting stops a run in order."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

SLOW = """\
import time
from harness.api import JudgeCard, hookimpl

class Slow:
    def judge(self, requests):
        for request in requests:
            time.sleep(0.02)
            yield request, request.read("<answer>yes</answer>")
    def fingerprint(self):
        return "slow"

@hookimpl
def harness_judges():
    return [JudgeCard(name="slow", summary="Slow.", factory=lambda *_: Slow(), api_version=1)]
"""
MANIFEST = """\
name: slow
tasks: [{use: miniature/technical, with: {items: 200}}]
judges: [{use: slow_plugin/slow}]
report: {resamples: 200}
"""
CELL = "import harness; run = harness.run('m.yaml', plugin=['slow_plugin.py']); print(run.judgements().count())"


def answer(client: Any, sent: str) -> tuple[dict[str, Any], dict[str, str]]:
    """What a kernel replied to a cell, and what the cell wrote to each stream."""
    while (reply := client.get_shell_msg(timeout=120))["parent_header"].get("msg_id") != sent:
        continue
    written = {"stdout": "", "stderr": ""}
    while True:
        message = client.get_iopub_msg(timeout=30)
        if message["parent_header"].get("msg_id") != sent:
            continue
        if message["msg_type"] == "stream":
            written[message["content"]["name"]] += message["content"]["text"]
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            return reply["content"], written


def count_answers(folder: Path) -> int:
    """How many answers are in the journal of the only run, if there is one yet."""
    for path in folder.glob("runs/*/journal.sqlite"):
        with closing(sqlite3.connect(path)) as journal, suppress(sqlite3.OperationalError):  # its tables come later
            (count,) = journal.execute("SELECT count(*) FROM judgements").fetchone()
            return int(count)
    return 0


@pytest.mark.slow
def test_a_kernel_is_interrupted_and_the_same_cell_goes_on(tmp_path: Path) -> None:
    (tmp_path / "slow_plugin.py").write_text(SLOW)
    (tmp_path / "m.yaml").write_text(MANIFEST)
    manager, client = start_new_kernel(cwd=str(tmp_path))
    try:
        sent = client.execute(CELL)
        deadline = time.monotonic() + 120
        while not count_answers(tmp_path) and time.monotonic() < deadline:
            time.sleep(0.1)
        manager.interrupt_kernel()
        reply, _ = answer(client, sent)
        assert (reply["status"], reply["ename"]) == ("error", "KeyboardInterrupt")
        assert "the same call goes on" in reply["evalue"]
        reply, written = answer(client, client.execute(CELL))
        assert reply["status"] == "ok", reply
        assert "already in the journal" in written["stdout"]
        assert written["stdout"].rstrip().endswith("200")
        assert written["stderr"] == ""
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
