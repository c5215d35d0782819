"""Fixtures: a context of one's own, small data in the published layouts, and the recorded data where they are."""

from __future__ import annotations

import gzip
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.api import Context
from harness.testing import FakeContext


@pytest.fixture
def context(tmp_path: Path) -> Callable[[object], Context]:
    """Make a context whose `data:` is what is given."""
    return lambda data: FakeContext(workspace=tmp_path, name="mine", data=None if data is None else str(data))


@pytest.fixture
def write_rows() -> Callable[[Path, list[dict[str, Any]]], Path]:
    """Write rows as JSON lines, gzipped where the name says so."""

    def write(path: Path, rows: list[dict[str, Any]]) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(json.dumps(row) + "\n" for row in rows).encode()
        path.write_bytes(gzip.compress(text) if path.name.endswith(".gz") else text)
        return path

    return write


@pytest.fixture
def write_parquet() -> Callable[[Path, list[dict[str, Any]]], Path]:
    """Write rows as parquet."""

    def write(path: Path, rows: list[dict[str, Any]]) -> Path:
        import pyarrow
        import pyarrow.parquet

        path.parent.mkdir(parents=True, exist_ok=True)
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
        return path

    return write


@pytest.fixture
def png() -> Callable[[int], bytes]:
    """A small picture of one grey."""

    def draw(grey: int) -> bytes:
        import PIL.Image

        buffer = io.BytesIO()
        PIL.Image.new("L", (4, 3), grey).save(buffer, format="PNG")
        return buffer.getvalue()

    return draw


@pytest.fixture
def recorded() -> Callable[[str], Path]:
    """A folder of the recorded data beside the repository, or the test is skipped."""

    def find(name: str) -> Path:
        beside = Path(__file__).resolve().parents[4].parent / "shared" / "data"
        folder = Path(os.environ.get("HARNESS_RECORDED_DATA", beside)) / name
        if not folder.is_dir():
            pytest.skip(f"no recorded data {name}: put them in ../shared/data or set HARNESS_RECORDED_DATA")
        return folder

    return find
