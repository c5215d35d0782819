"""Fixtures: a context of one's own, and tasks made as the harness makes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.discovery import Plugins
from harness.testing import FakeContext
from harness_mtrl.task import PointwiseTask

Make = Callable[..., PointwiseTask]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """`make("seetrue", data, split_by="row")`: the task as the harness would make it."""
    plugins = Plugins.load()

    def build(name: str, data: object, **options: Any) -> PointwiseTask:
        offer = plugins.find("task", f"mtrl/{name}")
        model = offer.options_model()
        assert model is not None
        context = FakeContext(workspace=tmp_path / "work", name="mine", data=None if data is None else str(data))
        task = offer.create(model.model_validate(options), context)
        assert isinstance(task, PointwiseTask)
        return task

    return build
