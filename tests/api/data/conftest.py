"""What the tests share: data files of every kind, and small pictures."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Rows = list[dict[str, Any]]


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
def write(tmp_path: Path) -> Callable[[str, Rows], Path]:
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
        elif bare.endswith(".json"):
            text = json.dumps(rows, indent=1)
        else:
            stream = io.StringIO()
            table = csv.DictWriter(stream, list(rows[0]), delimiter="\t" if bare.endswith(".tsv") else ",")
            table.writeheader()
            table.writerows(rows)
            text = stream.getvalue()
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path

    return to
