"""Writes rows as `read_table` reads them, and small pictures: for examples and tests of tasks."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.api.data._files import SUFFIXES, suffix_of


def write_table(file: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """Write rows, in the format that the name says; folders on the way are made.

    Args:
        file: Where to.
        rows: Cells by column. JSON cannot hold bytes, and CSV and TSV hold only text and numbers.

    Raises:
        ValueError: The ending says no format.
    """
    suffix = suffix_of(file)
    if not suffix:
        raise ValueError(f"{file}: the ending must be one of {', '.join(SUFFIXES)}")
    file.parent.mkdir(parents=True, exist_ok=True)
    if suffix == ".parquet":
        import pyarrow
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows)), file)
        return file
    plain = suffix.removesuffix(".gz")
    if plain == ".jsonl":
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    elif plain == ".json":
        text = json.dumps(list(rows), ensure_ascii=False, indent=1)
    else:
        stream = io.StringIO()
        columns = list(dict.fromkeys(column for row in rows for column in row))
        table = csv.DictWriter(stream, columns, delimiter="\t" if plain == ".tsv" else ",")
        table.writeheader()
        table.writerows(rows)
        text = stream.getvalue()
    file.write_bytes(gzip.compress(text.encode()) if suffix.endswith(".gz") else text.encode())
    return file


def make_picture(number: int, *, size: tuple[int, int] = (8, 6)) -> bytes:
    """A small PNG of one colour, another one for each number from 0 to 2 ** 24 - 1."""
    import PIL.Image

    buffer = io.BytesIO()
    colour = (number * 97 % 256, number // 256 % 256, number // 65_536)
    PIL.Image.new("RGB", size, colour).save(buffer, format="PNG")
    return buffer.getvalue()
