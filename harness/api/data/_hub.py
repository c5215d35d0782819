"""Rows of a dataset on the Hugging Face hub, streamed through `datasets`.

Images are not decoded, and no script of a dataset is run.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.api._errors import DataError
from harness.api.data._cells import ABSENT, Row
from harness.api.data._tables import Media
from harness.api.images._image import Image


@dataclass(frozen=True, kw_only=True)
class HubSplit:
    """One split of `hub:ORG/NAME[@REVISION]`.

    >>> str(HubSplit.parse("hub:org/pairs@v2", split="test"))
    'hub:org/pairs@v2, default, test'
    """

    repository: str
    revision: str | None = None
    """Branch, tag or commit. By default the main branch."""
    config: str | None = None
    """Its configuration, where it has several."""
    split: str
    """Its own name of the split."""
    data_files: str | None = None
    """Pattern of the files, for datasets without configurations."""
    pictures: Callable[[str], Image] | None = field(default=None, repr=False)
    """Gives the picture of a name. By default there is none, since the pictures are in the rows."""

    def with_media(self, media: Media) -> HubSplit:
        """The same source, or one with `Image.absent` in the place of each picture that a row names."""
        return replace(self, pictures=ABSENT) if media == "absent" else self

    @classmethod
    def parse(cls, data: str, *, split: str, config: str | None = None, data_files: str | None = None) -> HubSplit:
        """Parse the text after `data:`.

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

    @cached_property
    def commit(self) -> str:
        """The commit of the revision at this moment. The hub is asked once, so the same commit is read and recorded.

        Raises:
            DataError: Offline, no access, or no such dataset or revision.
        """
        if self.revision is not None and re.fullmatch("[0-9a-f]{40}", self.revision):
            return self.revision
        import huggingface_hub  # here, since it is slow to import and an optional dependency

        try:
            found = huggingface_hub.HfApi().dataset_info(self.repository, revision=self.revision).sha
        except Exception as error:  # huggingface_hub and the HTTP client beneath it each raise their own kinds
            raise self._unreadable("its commit cannot be asked for", error) from error
        if found is None:
            raise DataError(f"{self}: the hub does not say which commit this is; write hub:ORG/NAME@COMMIT")
        return str(found)

    def provenance(self) -> str:
        """The name of the dataset with its commit, for the record of a run.

        Raises:
            DataError: As from `commit`.
        """
        return str(replace(self, revision=self.commit))

    def rows(self) -> Iterator[Row]:
        """Stream the rows.

        Raises:
            DataError: Offline, no access, no such dataset, configuration or split, or a broken connection.
        """
        import datasets

        # `datasets` would take the folder, which is not what the commit names.
        if Path(self.repository).exists():
            raise DataError(
                f"{self}: there is a folder {self.repository} in the working directory, which would be read in place "
                f"of the hub's; work elsewhere, or write data: ./{self.repository}"
            )
        number = 0
        try:
            dataset = datasets.load_dataset(
                self.repository,
                self.config,
                split=self.split,
                revision=self.commit,
                data_files=self.data_files,
                streaming=True,
            )
            for values in keep_encoded(dataset):
                yield Row(values, f"{self}, row {number}", number, self.pictures)
                number += 1
        except DataError:
            raise
        except Exception as error:  # datasets, huggingface_hub, fsspec, httpx and pyarrow each raise their own kinds
            raise self._unreadable(f"cannot be read at row {number}", error) from error

    def digest(self) -> str:
        """SHA-256 of its name with the commit, in place of the data.

        Raises:
            DataError: As from `commit`.
        """
        return hashlib.sha256(self.provenance().encode()).hexdigest()

    def _unreadable(self, what: str, error: Exception) -> DataError:
        return DataError(
            f"{self}: {what} ({type(error).__name__}: {error}); check the name, your network and, for a gated dataset, "
            "that you accepted its terms and logged in; or download it and give its folder"
        )


def keep_encoded(dataset: Any) -> Any:
    """Stop `datasets` from decoding images. They stay `{"bytes", "path"}` with the original bytes, in lists as well."""
    return dataset.decode(False) if dataset.features else dataset  # without features nothing is decoded anyway
