"""Rows of a dataset on the Hugging Face hub, streamed through `datasets`. Nothing is decoded, no script is run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harness.api import DataError
from harness_preference.rows import Row


@dataclass(frozen=True, slots=True)
class HubName:
    """`hub:ORG/NAME[@REVISION]`, taken apart."""

    repository: str
    revision: str | None

    @classmethod
    def parse(cls, data: str) -> HubName:
        """Take the text after `data:` apart.

        Raises:
            DataError: It is not a hub id.
        """
        match = re.fullmatch(r"hub:([\w.-]+/[\w.-]+)(?:@([\w./-]+))?", data, re.ASCII)
        if match is None:
            raise DataError(f"data: {data!r} is not a hub dataset; write hub:ORG/NAME or hub:ORG/NAME@REVISION")
        return cls(match[1], match[2])

    def __str__(self) -> str:
        return f"hub:{self.repository}" + (f"@{self.revision}" if self.revision else "")


def hub_rows(name: HubName, *, config: str | None, split: str, data_files: str | None = None) -> Iterator[Row]:
    """Stream one subset of a hub dataset.

    Args:
        name: Dataset and revision.
        config: Its configuration, where it has several.
        split: Its split.
        data_files: Pattern of the files, for datasets without configurations.

    Raises:
        DataError: Offline, no access, no such dataset, configuration or split, or broken on the way.
    """
    import datasets

    place = f"{name}, {config or data_files or 'default'}, {split}"
    number = 0
    try:
        dataset = datasets.load_dataset(
            name.repository, config, split=split, revision=name.revision, data_files=data_files, streaming=True
        )
        for values in undecoded(dataset):
            yield Row(values, f"{place}, row {number}", number, None)
            number += 1
    except Exception as error:  # datasets, huggingface_hub, fsspec, requests and pyarrow each raise their own kinds
        raise DataError(
            f"{place}: cannot be read at row {number} ({type(error).__name__}: {error}); check the name, your network "
            "and, for a gated dataset, that you accepted its terms and logged in; or download it and give its folder"
        ) from error


def undecoded(dataset: Any) -> Any:
    """The dataset with its image and video columns as `{"bytes", "path"}`: the bytes of the source, lazily."""
    import datasets

    media = (datasets.Image, datasets.Video)
    for column, feature in (dataset.features or {}).items():
        if isinstance(feature, media):
            dataset = dataset.cast_column(column, type(feature)(decode=False))
    return dataset
