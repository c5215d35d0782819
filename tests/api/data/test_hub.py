"""No hub can be reached from a test: the conversion runs on local `datasets` objects, the refusal for real."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from harness.api.data import Row
from harness.api.data._hub import undecoded

OFFLINE = """
from harness.api import DataError
from harness.api.data import HubSplit
try:
    list(HubSplit.parse("hub:nobody/nothing@main", split="test").rows())
except DataError as error:
    print(error)
"""


def test_images_stay_encoded_in_lists_as_well(png: Callable[[int], bytes]) -> None:
    import datasets

    one = {"bytes": png(7), "path": None}
    features = datasets.Features(
        {"caption": datasets.Value("string"), "image": datasets.Image(), "all": datasets.Sequence(datasets.Image())}
    )
    columns = {"caption": ["a", "b"], "image": [one] * 2, "all": [[one, one]] * 2}
    rows = list(undecoded(datasets.Dataset.from_dict(columns, features=features).to_iterable_dataset()))
    assert [row["caption"] for row in rows] == ["a", "b"]
    for column, count in (("image", 1), ("all", 2)):
        images = Row(rows[1], "here, row 1", 1)[column].images()
        assert [image.encoded() for image in images] == [(png(7), "image/png")] * count


def test_rows_without_known_features_are_taken_as_they_are() -> None:
    import datasets

    def rows() -> object:
        yield {"a": 1}

    assert list(undecoded(datasets.IterableDataset.from_generator(rows))) == [{"a": 1}]


def test_a_hub_that_cannot_be_reached_is_a_data_error_with_a_fix(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", OFFLINE],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert "hub:nobody/nothing@main, default, test: cannot be read at row 0" in ran.stdout
    assert "check the name, your network" in ran.stdout
