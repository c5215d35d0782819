"""The data kit for authors of tasks: a task over rows, the sources of rows, their cells, and pictures.

Every mistake in the data is a `DataError`. It names file, row and column, the value that was found and the one that was
expected. Reading is streamed, and pictures are lazy. `pyarrow` and `datasets` are only imported where a file or dataset
needs them. A plugin that reads parquet or the hub lists them among its own dependencies.
"""

from __future__ import annotations

from harness.api.data._archives import Archive, Pictures, PictureStore
from harness.api.data._cells import ABSENT, Cell, Row, did_you_mean, suggest_names
from harness.api.data._files import SUFFIXES, read_object, read_table, suffix_of
from harness.api.data._folders import LabelledFolder
from harness.api.data._hub import HubSplit
from harness.api.data._shards import check_shards, stem_of
from harness.api.data._sources import Source, Split, TableOptions, data_of, find_shards, find_splits, find_table
from harness.api.data._subsets import Layout, find_subsets
from harness.api.data._table_task import PromptFrame, TableTask, group_of
from harness.api.data._tables import Media, Table, files_digest
from harness.api.data._writing import make_picture, write_table

__all__ = [
    "ABSENT",
    "SUFFIXES",
    "Archive",
    "Cell",
    "HubSplit",
    "LabelledFolder",
    "Layout",
    "Media",
    "PictureStore",
    "Pictures",
    "PromptFrame",
    "Row",
    "Source",
    "Split",
    "Table",
    "TableOptions",
    "TableTask",
    "check_shards",
    "data_of",
    "did_you_mean",
    "files_digest",
    "find_shards",
    "find_splits",
    "find_subsets",
    "find_table",
    "group_of",
    "make_picture",
    "read_object",
    "read_table",
    "stem_of",
    "suffix_of",
    "suggest_names",
    "write_table",
]
