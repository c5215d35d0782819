"""Rows of a dataset on the Hugging Face hub, streamed through `datasets`. Nothing is decoded, no script is run."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harness.api._errors import DataError
from harness.api.data._cells import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSplit:
    """One split of `hub:ORG/NAME[@REVISION]`."""

    repository: str
    revision: str | None = None
    """Branch, tag or commit; pin a commit, for it is what the data are recorded as."""
    config: str | None = None
    """Its configuration, where it has several."""
    split: str
    """Its own name of the split."""
    data_files: str | None = None
    """Pattern of the files, for datasets without configurations."""

    @classmethod
    def parse(cls, data: str, *, split: str, config: str | None = None, data_files: str | None = None) -> HubSplit:
        """Take the text after `data:` apart.

        Raises:
            DataError: It is not a hub id.
        """
        match = re.fullmatch(r"hub:([\w.-]+/[\w.-]+)(?:@([\w./-]+))?", data, re.ASCII)
        if match is None:
            raise DataError(f"data: {data!r} is not a hub dataset; write hub:ORG/NAME or hub:ORG/NAME@REVISION")
        return cls(repository=match[1], revision=match[2], config=config, split=split, data_files=data_files)

    @property
    def is_folder(self) -> bool:
        """A hub dataset has columns, never a folder of images."""
        return False

    def __str__(self) -> str:
        revision = f"@{self.revision}" if self.revision else ""
        part = self.config or self.data_files or "default"
        return f"hub:{self.repository}{revision}, {part}, {self.split}"

    def rows(self) -> Iterator[Row]:
        """Stream the rows.

        Raises:
            DataError: Offline, no access, no such dataset, configuration or split, or broken on the way.
        """
        import datasets

        number = 0
        try:
            dataset = datasets.load_dataset(
                self.repository,
                self.config,
                split=self.split,
                revision=self.revision,
                data_files=self.data_files,
                streaming=True,
            )
            for values in undecoded(dataset):
                yield Row(values, f"{self}, row {number}", number)
                number += 1
        except Exception as error:  # datasets, huggingface_hub, fsspec, requests and pyarrow each raise their own kinds
            raise DataError(
                f"{self}: cannot be read at row {number} ({type(error).__name__}: {error}); check the name, your "
                "network and, for a gated dataset, that you accepted its terms and logged in; or download it and give "
                "its folder"
            ) from error

    def digest(self) -> str:
        """SHA-256 of its name: the data stand for their revision, so pin one."""
        return hashlib.sha256(str(self).encode()).hexdigest()


def undecoded(dataset: Any) -> Any:
    """The streamed dataset with its images as `{"bytes", "path"}`: the bytes of the source, in lists as well."""
    return dataset.decode(False) if dataset.features else dataset  # without features nothing is decoded anyway
