"""What the tests share: data files of every kind, pictures, and tasks made from them."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.api import Item
from harness.discovery import Plugins
from harness.testing import FakeContext
from harness_generic.task import GenericTask

Rows = list[dict[str, Any]]
Write = Callable[[str, Rows], Path]
Make = Callable[..., GenericTask]
Picture = Callable[[int], bytes]


@pytest.fixture
def png() -> Picture:
    """A small picture of one grey."""

    def draw(grey: int) -> bytes:
        import PIL.Image

        buffer = io.BytesIO()
        PIL.Image.new("L", (4, 3), grey).save(buffer, format="PNG")
        return buffer.getvalue()

    return draw


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write rows into the test's folder, in the format that the name says."""

    def to(name: str, rows: Rows) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".parquet"):
            import pyarrow
            import pyarrow.parquet

            pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
            return path
        bare = name.removesuffix(".gz")
        if bare.endswith(".jsonl"):
            text = "".join(json.dumps(row) + "\n" for row in rows)
        else:
            stream = io.StringIO()
            table = csv.DictWriter(stream, list(rows[0]), delimiter="\t" if bare.endswith(".tsv") else ",")
            table.writeheader()
            table.writerows(rows)
            text = stream.getvalue()
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path

    return to


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """`make("pairwise", data, question=...)`: the task as the harness would make it."""

    def build(kind: str, data: object, **options: Any) -> GenericTask:
        offer = Plugins.load().find("task", f"generic/{kind}")
        model = offer.options_model()
        assert model is not None
        context = FakeContext(workspace=tmp_path, name="mine", data=None if data is None else str(data))
        task = offer.create(model.model_validate(options), context)
        assert isinstance(task, GenericTask)
        return task

    return build


@pytest.fixture
def items(make: Make) -> Callable[..., list[Item]]:
    """All items of the split test."""
    return lambda kind, data, **options: list(make(kind, data, **options).items("test"))
