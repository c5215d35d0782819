"""What a context without a plan can do for a task that is made over another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.api import UserError
from harness.testing import FakeContext


def test_an_installed_task_is_made_as_in_a_run(tmp_path: Path) -> None:
    context = FakeContext(workspace=tmp_path, name="mine")
    assert len(list(context.task("miniature/technical", {"items": 4}).items("test"))) == 4
    with pytest.raises(UserError, match="task mine: options of miniature/technical: itms: unknown key"):
        context.task("miniature/technical", {"itms": 4})
    with pytest.raises(UserError, match="no split 'tset'"):
        context.task("miniature/technical", split="tset")
    [only] = context.entries("miniature/technical", {"items": 4})
    assert (only.name, only.options) == ("technical", {"items": 4})


def test_data_of_the_context_reach_an_installed_task(tmp_path: Path) -> None:
    context = FakeContext(workspace=tmp_path, name="mine", data=str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="nowhere"):
        context.task("preference/judgebench", {"subset": "gpt"})
    with pytest.raises(UserError, match="elsewhere"):
        context.task("preference/judgebench", {"subset": "gpt"}, data=str(tmp_path / "elsewhere"))


def test_a_given_task_is_taken_as_it_is(tmp_path: Path) -> None:
    base = FakeContext(workspace=tmp_path).task("miniature/technical")
    context = FakeContext(workspace=tmp_path, tasks={"my/task": base})
    assert context.task("my/task", {"any": 1}) is base
    [only] = context.entries("my/task", {"any": 1})
    assert (only.name, only.options) == ("task", {"any": 1})
