"""No hub can be reached from a test: the conversion runs on local `datasets` objects, the refusal for real."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from harness_preference.hub import undecoded
from harness_preference.rows import Row

OFFLINE = """
from harness.api import DataError
from harness_preference.hub import HubName, hub_rows
try:
    list(hub_rows(HubName.parse("hub:TIGER-Lab/GenAI-Bench@main"), config="image_edition", split="test_v1"))
except DataError as error:
    print(error)
"""


def test_images_stay_encoded_and_rows_stream(png: Callable[[int], bytes]) -> None:
    import datasets

    features = datasets.Features({"caption": datasets.Value("string"), "image0": datasets.Image()})
    columns = {"caption": ["a", "b"], "image0": [{"bytes": png(7), "path": None}] * 2}
    local = datasets.Dataset.from_dict(columns, features=features)
    for dataset in (local, local.to_iterable_dataset()):
        values = list(undecoded(dataset))
        assert [row["caption"] for row in values] == ["a", "b"]
        assert Row(values[1], "here, row 1", 1, None).image("image0").encoded() == (png(7), "image/png")


def test_a_hub_that_cannot_be_reached_is_a_data_error_with_a_fix(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", OFFLINE],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert "hub:TIGER-Lab/GenAI-Bench@main, image_edition, test_v1: cannot be read at row 0" in ran.stdout
    assert "check the name, your network" in ran.stdout
