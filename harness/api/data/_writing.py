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
    """Write rows, in the format that the ending names. Missing folders are made.

    Args:
        file: The file to write.
        rows: Cells by column. JSON cannot hold bytes. CSV and TSV only hold text and numbers.

    Returns:
        The file.

    Raises:
        ValueError: The ending names no known format.
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
    r"""A small PNG of one colour. Numbers from 0 to 2 ** 24 - 1 have different colours.

    >>> make_picture(1)[:4], make_picture(1) == make_picture(2)
    (b'\x89PNG', False)
    """
    import PIL.Image

    buffer = io.BytesIO()
    # 97 has no factor in common with 256: neighbours look different, and no two numbers share a colour.
    colour = (number * 97 % 256, number // 256 % 256, number // 65_536)
    PIL.Image.new("RGB", size, colour).save(buffer, format="PNG")
    return buffer.getvalue()
