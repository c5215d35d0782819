"""A call in a fresh process: nothing of this process and of other calls is in it, and what goes wrong is told."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from harness.testing import _fresh
from harness.testing._fresh import call_fresh

KEPT: list[int] = []
"""What calls leave in this module."""


def say(words: list[str]) -> dict[str, object]:
    """What a call sees."""
    print("a line that is no answer")
    KEPT.append(1)
    return {
        "words": words,
        "hash": hash("a text"),
        "kept": len(KEPT),
        "process": os.getpid(),
        "folder": os.getcwd(),
        "told": os.environ.get("TOLD_TO_A_CALL"),
        "path": sys.path,
    }


def fail(_: object) -> None:
    """A call that raises."""
    raise ValueError("no such weights")


def die(_: object) -> None:
    """A call that takes its process with it."""
    print("about to end", flush=True)
    os._exit(7)


def wait(_: object) -> None:
    """A call that does not come to an end."""
    time.sleep(600)


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The other process finds this module by its name."""
    (tmp_path / f"{__name__.rpartition('.')[2]}.py").write_text(Path(__file__).read_text(encoding="utf-8"))
    for function in (say, fail, die, wait):
        monkeypatch.setattr(function, "__module__", __name__.rpartition(".")[2])
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.fixture(params=[pytest.param(True, marks=pytest.mark.skipif(not _fresh._FORKS, reason="no fork here")), False])
def forks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether a call is a fork, as on Linux, or a process that starts from nothing, as elsewhere."""
    monkeypatch.setattr(_fresh, "_FORKS", request.param)
    return bool(request.param)


@pytest.mark.usefixtures("forks")
def test_a_call_is_in_a_process_of_its_own_with_the_surroundings_of_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    seen = []
    for told in ("first", "second"):
        monkeypatch.setenv("TOLD_TO_A_CALL", told)
        seen.append(call_fresh(say, ["ö", told]))
        assert seen[-1]["words"] == ["ö", told]
        assert seen[-1]["told"] == told
        assert seen[-1]["folder"] == str(tmp_path)
        assert seen[-1]["path"] == sys.path
        assert seen[-1]["kept"] == 1  # what the first call kept is gone
        assert seen[-1]["hash"] != hash("a text")
    assert len({os.getpid(), *(each["process"] for each in seen)}) == 3


def test_a_call_that_fails_says_what_it_said_and_the_next_is_made(forks: bool) -> None:
    with pytest.raises(AssertionError, match=r"fails with exit code 1 in a fresh process:\n(.|\n)*no such weights"):
        call_fresh(fail, None)
    with pytest.raises(AssertionError, match=r"fails with exit code 7 in a fresh process:\nabout to end"):
        call_fresh(die, None)
    if forks:
        assert call_fresh(say, [])["words"] == []


def test_a_call_that_takes_too_long_is_ended(forks: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if forks:
        call_fresh(say, [])  # what is forked has been started
    monkeypatch.setattr(_fresh, "_LONGEST_S", 0.5)
    with pytest.raises(AssertionError, match="takes longer than"):
        call_fresh(wait, None)


def test_a_seed_of_hashes_is_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else two processes with the same seed would have the same order of sets, and the check would see nothing."""
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    _fresh._start.cache_clear()
    assert len({call_fresh(say, [])["hash"] for _ in range(2)}) == 1
    first = call_fresh(say, [])["hash"]
    _fresh._start.cache_clear()
    assert call_fresh(say, [])["hash"] != first
