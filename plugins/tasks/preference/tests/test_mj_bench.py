from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.api import Context, DataError
from harness_preference import mj_bench
from harness_preference.formats import GenAIBenchFormat
from harness_preference.options import Options

Writer = Callable[[Path, list[dict[str, Any]]], Path]
Contexts = Callable[[object], Context]
Picture = Callable[[int], bytes]


def row(png: Picture, **changes: Any) -> dict[str, Any]:
    return {"caption": "a cat", "image0": {"bytes": png(1)}, "image1": {"bytes": png(2)}, "label": 0, **changes}


def test_the_order_is_shuffled_because_the_gold_is_constant(
    tmp_path: Path, write_parquet: Writer, context: Contexts, png: Picture
) -> None:
    write_parquet(tmp_path / "data/quality.parquet", [row(png)])
    assert mj_bench.task(None, context(tmp_path)).protocol.order == "shuffled"


def test_both_schemas_are_read(tmp_path: Path, write_parquet: Writer, context: Contexts, png: Picture) -> None:
    write_parquet(tmp_path / "data/quality.parquet", [row(png, info='{"subset": "quality/blur"}')])
    write_parquet(tmp_path / "data/alignment.parquet", [row(png, info="actions", label=1), row(png, info=None)])
    new = {"category": "composition", "subcategory": "physics", "model": "flux"}
    write_parquet(tmp_path / "composition.parquet", [row(png, **new)])
    entries = mj_bench.unfold(None, context(tmp_path))
    assert [entry.name for entry in entries] == ["mj-bench-alignment", "mj-bench-composition", "mj-bench-quality"]
    found = [
        item for entry in entries for item in mj_bench.task(Options(**entry.options), context(tmp_path)).items("test")
    ]
    assert [item.id for item in found] == ["alignment/0", "alignment/1", "composition/0", "quality/0"]
    assert [item.category for item in found] == ["actions", "alignment", "composition/physics", "quality/blur"]
    assert [item.tags["schema"] for item in found] == ["2024", "2024", "2025", "2024"]
    assert [item.gold for item in found] == [1, 0, 0, 0]
    assert found[2].tags["model"] == "flux"


def test_images_follow_the_order_shown(tmp_path: Path, write_parquet: Writer, context: Contexts, png: Picture) -> None:
    write_parquet(tmp_path / "safety.parquet", [row(png)])
    task = mj_bench.task(None, context(tmp_path))
    (item,) = task.items("test")
    for order, greys in (((0, 1), [1, 2]), ((1, 0), [2, 1])):
        request = task.render(item, order=order, format=GenAIBenchFormat())
        assert [image.load().getpixel((0, 0)) for image in request.images] == greys
    assert "criminal" in request.text


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"label": 2}, "column 'label': expected one of 0, 1"),
        ({"image1": None}, "nothing in column 'image1'"),
        ({"image1": {"bytes": None, "path": "/etc/hostname"}}, "leads out of the data folder"),
        ({"info": '{"subset": '}, "column 'info': expected text, or a JSON object"),
        ({"info": '{"subset": 3}'}, "column 'info': expected a JSON object whose subset is text"),
    ],
)
def test_a_row_that_does_not_fit_is_named(
    tmp_path: Path, write_parquet: Writer, context: Contexts, png: Picture, change: dict[str, Any], says: str
) -> None:
    write_parquet(tmp_path / "quality.parquet", [row(png, **change)])
    with pytest.raises(DataError) as caught:
        list(mj_bench.task(None, context(tmp_path)).items("test"))
    assert says in str(caught.value)
    assert "quality.parquet, row 0" in str(caught.value)


def test_bias_is_used_only_by_name_and_equal_images_are_no_pair(
    tmp_path: Path, write_parquet: Writer, context: Contexts, png: Picture
) -> None:
    write_parquet(tmp_path / "quality.parquet", [row(png)])
    write_parquet(tmp_path / "bias.parquet", [row(png, image1={"bytes": png(1)})])
    assert [entry.name for entry in mj_bench.unfold(None, context(tmp_path))] == ["mj-bench-quality"]
    with pytest.raises(DataError, match="another picture than image0"):
        list(mj_bench.task(Options(subset="bias"), context(tmp_path)).items("test"))


def test_the_recorded_pairs_open(recorded: Callable[[str], Path], context: Contexts) -> None:
    found = list(mj_bench.task(None, context(recorded("mj_bench"))).items("test"))
    assert len(found) == 50
    assert {(item.gold, item.category) for item in found} == {(0, "quality/objects_indoor")}
    for part in (*found[0].candidates[0], *found[49].candidates[1]):
        assert not isinstance(part, str)
        assert part.load().width > 100
