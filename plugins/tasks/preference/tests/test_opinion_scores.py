"""AGIQA-3K and AIGCIQA2023: from the authors' columns to their measures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy import stats

from harness.api import Context, DataError, Image, Item, Judgement, Request
from harness.api.data import make_picture
from harness.testing import score_task
from harness_preference.benchmarks import agiqa_3k, aigciqa2023
from harness_preference.options import Options

Contexts = Callable[[object], Context]

# Rows of the authors' tables, in their columns.
AGIQA = (
    "name,prompt,adj1,adj2,style,mos_quality,std_quality,mos_align,std_align\n"
    "AttnGAN_normal_000.jpg,statue of a man,,,,0.965602553,0.223270101,0.40889324,0.615607722\n"
    'AttnGAN_normal_060.jpg,"artwork with only triangles, anime style",,,anime style,'
    "0.919776796,0.719282241,0.850496237,0.842552058\n"
    'xl2.2_normal_299.jpg,"a giraffe, hyper detail, HDR lighting",hyper detail,HDR lighting,,'
    "3.60083465,0.486499893,3.467108847,0.549443718\n"
)
AIGCIQA = (
    ",name,prompt,style,class,quality_mos,authenticity_mos,correspondence_mos,quality_std,authenticity_std,"
    "correspondence_std\n"
    "0,0.png,a corgi,Basic,Animals,60.16417843,47.24654087,59.98587335,0.885226373,1.260743306,1.35627198\n"
    "1,1.png,a corgi,Basic,Animals,54.74887829,42.48224279,57.233826,1.208522369,0.857492926,1.394538218\n"
    "4,4.png,a girl,Basic,People,49.51482748,51.00211404,59.93955983,1.281446551,1.136708082,1.116070802\n"
)


def test_agiqa_3k_reads_the_authors_table_for_both_dimensions(tmp_path: Path, context: Contexts) -> None:
    (tmp_path / "data.csv").write_text(AGIQA)
    (tmp_path / "image").mkdir()
    (tmp_path / "image/AttnGAN_normal_000.jpg").write_bytes(make_picture(1))
    names = [entry.name for entry in agiqa_3k.unfold(None, context(tmp_path))]
    assert names == ["agiqa-3k-quality", "agiqa-3k-alignment"]
    items = {
        subset: list(agiqa_3k.task(Options(subset=subset), context(tmp_path)).items("test"))
        for subset in ("quality", "alignment")
    }
    assert [item.gold for item in items["quality"]] == [0.965602553, 0.919776796, 3.60083465]
    assert [item.gold for item in items["alignment"]] == [0.40889324, 0.850496237, 3.467108847]
    first, styled, last = items["quality"]
    assert (first.id, first.tags) == ("quality/AttnGAN_normal_000.jpg", {"model": "AttnGAN", "spread": "0.22327"})
    assert styled.tags["style"] == "anime style"
    assert (last.tags["model"], last.tags["adj2"]) == ("xl2.2", "HDR lighting")
    image, prompt = first.question
    assert isinstance(image, Image)
    assert image.load().size
    assert prompt == "Text prompt: statue of a man"


def test_aigciqa2023_reads_the_authors_table_for_three_dimensions(tmp_path: Path, context: Contexts) -> None:
    (tmp_path / "AIGCIQA2023.csv").write_text(AIGCIQA)
    absent = Options(media="absent")
    names = [entry.name for entry in aigciqa2023.unfold(absent, context(tmp_path))]
    assert names == ["aigciqa2023-quality", "aigciqa2023-authenticity", "aigciqa2023-correspondence"]
    task = aigciqa2023.task(Options(subset="authenticity", media="absent"), context(tmp_path))
    items = list(task.items("test"))
    assert [item.gold for item in items] == [47.24654087, 42.48224279, 51.00211404]
    assert [item.category for item in items] == ["Animals", "Animals", "People"]
    assert items[0].group == items[1].group != items[2].group
    assert items[0].tags == {"style": "Basic", "spread": "1.26074"}


@pytest.mark.parametrize(
    ("module", "table", "subset", "column"),
    [(agiqa_3k, AGIQA, "quality", "mos_quality"), (aigciqa2023, AIGCIQA, "quality", "quality_mos")],
)
def test_what_a_table_lacks_is_named(
    tmp_path: Path, context: Contexts, module: ModuleType, table: str, subset: str, column: str
) -> None:
    name = "data.csv" if module is agiqa_3k else "AIGCIQA2023.csv"
    for old, new, says in (
        (column, "score", f"there is no column '{column}'"),
        ("0.965602553" if module is agiqa_3k else "60.16417843", "101", f"column '{column}': expected a number from 0"),
    ):
        (tmp_path / name).write_text(table.replace(old, new))
        with pytest.raises(DataError) as caught:
            list(module.task(Options(subset=subset), context(tmp_path)).items("test"))
        assert says in str(caught.value)


def test_a_folder_without_the_table_is_told_its_name(tmp_path: Path, context: Contexts) -> None:
    for module, name in ((agiqa_3k, "data"), (aigciqa2023, "AIGCIQA2023")):
        with pytest.raises(DataError, match=f"expected {name}, "):
            module.task(Options(subset="quality"), context(tmp_path))


@pytest.mark.parametrize("module", [agiqa_3k, aigciqa2023])
def test_the_measures_are_those_of_scipy(tmp_path: Path, context: Contexts, module: ModuleType) -> None:
    rng = np.random.default_rng(3)
    top = module.SPACE.high
    golds = rng.uniform(0, top, 120).round(4)
    # A judge that knows eleven steps, so that many of its answers are equal.
    said = np.clip(np.round(10 * (golds / top + rng.normal(0, 0.2, 120))), 0, 10) * top / 10
    rows: list[dict[str, Any]] = []
    mean = "mos_quality" if module is agiqa_3k else "quality_mos"
    for k, gold in enumerate(golds):
        rows.append({"name": f"{k}.png", "prompt": f"p {k // 4}", mean: gold})
    lines = [",".join(rows[0]), *(",".join(str(value) for value in row.values()) for row in rows)]
    name = "data.csv" if module is agiqa_3k else "AIGCIQA2023.csv"
    (tmp_path / name).write_text("\n".join(lines) + "\n")
    for k in range(120):
        (tmp_path / f"{k}.png").write_bytes(make_picture(k))
    task = module.task(Options(subset="quality"), context(tmp_path))

    def answer(request: Request, item: Item) -> Judgement:
        return Judgement.of(float(said[int(item.id.split("/")[1].removesuffix(".png"))]))

    scores = score_task(task, answer)
    found = {estimate.metric: estimate.value for estimate in scores.estimates}
    assert found["spearman"] == pytest.approx(stats.spearmanr(said, golds).statistic, abs=1e-9)
    assert found["pearson"] == pytest.approx(stats.pearsonr(said, golds).statistic, abs=1e-9)
    assert found["kendall"] == pytest.approx(stats.kendalltau(said, golds).statistic, abs=1e-9)
    assert found["mae"] == pytest.approx(np.abs(said - golds).mean(), abs=1e-9)
    pearson, mapped = found["pearson"], found["preference/logistic_pearson"]
    assert pearson is not None
    assert mapped is not None
    assert pearson <= mapped <= 1
    assert scores.groups == 30
