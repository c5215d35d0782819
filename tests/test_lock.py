"""`requirements.lock` has the versions of `requirements.txt`, with hashes, and the tool that writes it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

import lock

ROOT = Path(__file__).resolve().parents[1]
DIGEST = "sha256:" + "0" * 64


def test_pins_and_lock_agree() -> None:
    pins = lock.read_pins((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    locked = lock.read_lock((ROOT / "requirements.lock").read_text(encoding="utf-8"))
    assert len(pins) > 40
    assert len(locked) > len(pins)
    assert lock.list_differences(pins, locked) == []
    assert lock.render_lock(locked) == (ROOT / "requirements.lock").read_text(encoding="utf-8")


def test_what_does_not_agree_is_named() -> None:
    pins = {"a": "1", "b": "2", "torch": "3"}
    locked = {"a": ("2", {DIGEST}), "c": ("1", set()), "torch": ("3", {DIGEST})}
    assert lock.list_differences(pins, locked) == [
        "b is not locked",
        "a is locked at 2 and pinned at 1",
        "c has no hash",
        "torch must not be locked: its builds differ from index to index",
    ]


def test_the_file_reads_back() -> None:
    locked = {"b": ("1.0", {DIGEST}), "a-c": ("2+x", {DIGEST, DIGEST.replace("0", "1")})}
    text = lock.render_lock(locked)
    assert lock.read_lock(text) == locked
    assert re.search(r"^a-c==2\+x \\\n    --hash=sha256:0+ \\\n    --hash=sha256:1+$", text, re.MULTILINE)


def test_only_files_of_an_index_are_locked() -> None:
    def item(name: str, url: str) -> dict[str, dict[str, object]]:
        archive = {"hashes": {"sha256": "0" * 64}}
        return {"metadata": {"name": name, "version": "1"}, "download_info": {"url": url, "archive_info": archive}}

    items = [
        item("A_b", "https://index.example/a.whl"),
        item("Torch", "https://index.example/t.whl"),
        item("nvidia-x", "https://index.example/n.whl"),
        item("local", "file:///wheels/l.whl"),
    ]
    assert lock.collect(items) == {"a-b": ("1", {DIGEST})}
