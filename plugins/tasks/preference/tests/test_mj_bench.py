from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import ImageFilter, ImageStat

from harness.api import Context, DataError, Item, Judgement, Request
from harness.testing import score_task
from harness_preference.benchmarks import mj_bench
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
    infos = ("actions", None, "", '{"source": "hpdv2"}')
    write_parquet(
        tmp_path / "data/alignment.parquet", [row(png, info=info, label=k % 2) for k, info in enumerate(infos)]
    )
    new = {"category": "composition", "subcategory": "physics", "model": "flux"}
    write_parquet(tmp_path / "composition.parquet", [row(png, **new)])
    entries = mj_bench.unfold(None, context(tmp_path))
    assert [entry.name for entry in entries] == ["mj-bench-alignment", "mj-bench-composition", "mj-bench-quality"]
    found = [
        item for entry in entries for item in mj_bench.task(Options(**entry.options), context(tmp_path)).items("test")
    ]
    assert [item.id for item in found] == [*(f"alignment/{k}" for k in range(4)), "composition/0", "quality/0"]
    assert [item.category for item in found] == ["actions", *["alignment"] * 3, "composition/physics", "quality/blur"]
    assert [item.tags["schema"] for item in found] == [*["2024"] * 4, "2025", "2024"]
    assert [item.gold for item in found] == [0, 1, 0, 1, 0, 0]
    assert found[4].tags["model"] == "flux"


def test_images_follow_the_order_shown(tmp_path: Path, write_parquet: Writer, context: Contexts, png: Picture) -> None:
    write_parquet(tmp_path / "safety.parquet", [row(png)])
    task = mj_bench.task(None, context(tmp_path))
    (item,) = task.items("test")
    for order, greys in (((0, 1), [1, 2]), ((1, 0), [2, 1])):
        request = task.render(item, order=order, format=GenAIBenchFormat())
        assert [image.load().convert("L").getpixel((0, 0)) for image in request.images] == greys
    assert "criminal" in request.text


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"label": 2}, "column 'label': expected one of 0, 1"),
        ({"image1": None}, "column 'image1': expected a value, found nothing"),
        ({"image1": {"bytes": None, "path": "/etc/hostname"}}, "leads out of the data folder"),
        ({"info": '{"subset": '}, "column 'info': expected an object, or a JSON object as text"),
        ({"info": '{"subset": 3}'}, "column 'info': expected text, or a JSON object whose subset is text"),
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
    with pytest.raises(DataError, match=r"another picture than image0.*use preference/mj-bench-bias"):
        list(mj_bench.task(Options(subset="bias"), context(tmp_path)).items("test"))


def test_ties_are_wrong_with_ties_and_left_out_without(
    tmp_path: Path, write_parquet: Writer, context: Contexts, png: Picture
) -> None:
    # By the official script, over gold 0 0 0 0 1 1 in BETTER IMAGE's numbers: 0 is a tie, 1 the first, 2 the second.
    golds, better = (0, 0, 0, 0, 1, 1), (1, 1, 2, 0, 2, 0)
    write_parquet(
        tmp_path / "alignment.parquet", [row(png, label=gold, caption=f"c{k}") for k, gold in enumerate(golds)]
    )
    with_ties = sum(said == gold + 1 for gold, said in zip(golds, better, strict=True)) / 6
    decided = [(gold, said) for gold, said in zip(golds, better, strict=True) if said]
    without = sum(said == gold + 1 for gold, said in decided) / len(decided)

    def answer(request: Request, item: Item) -> Judgement:
        number = better[int(item.id.rpartition("/")[2])]
        return Judgement.of(item.space.to_shown(number - 1, request.order) if number else "tie")

    task = mj_bench.task(None, context(tmp_path))
    values = {one.metric: one.value for one in score_task(task, answer).estimates}
    assert (with_ties, without) == (3 / 6, 3 / 4)
    assert values["accuracy"] == pytest.approx(with_ties)
    assert values["accuracy_without_ties"] == pytest.approx(without)


def test_an_average_is_over_pairs_and_not_over_sub_categories(
    tmp_path: Path, write_parquet: Writer, context: Contexts, png: Picture
) -> None:
    infos = ["object"] * 3 + ["count"]
    write_parquet(tmp_path / "alignment.parquet", [row(png, info=info) for info in infos])

    def answer(request: Request, item: Item) -> Judgement:
        return Judgement.of(item.space.to_shown(0 if item.category == "object" else 1, request.order))

    scores = score_task(mj_bench.task(None, context(tmp_path)), answer)
    assert scores.estimates[0].value == 3 / 4
    assert {name: one.value for name, one in scores.categories.items()} == {"object": 1, "count": 0}


def test_a_predicted_tie_is_wrong_and_no_class_of_macro_f1_unless_asked_for(
    tmp_path: Path, write_parquet: Writer, context: Contexts, png: Picture
) -> None:
    write_parquet(tmp_path / "alignment.parquet", [row(png, label=k % 2, caption=f"c{k}") for k in range(20)])

    def answer(request: Request, item: Item) -> Judgement:
        return Judgement.of("tie" if item.id == "alignment/0" else item.space.to_shown(item.gold, request.order))

    protocol = replace(mj_bench.PROTOCOL, metrics=("accuracy", "macro_f1", "macro_f1_of_all"))
    task = mj_bench.task(None, context(tmp_path))
    values = {one.metric: one.value for one in score_task(task, answer, protocol=protocol).estimates}
    assert values["accuracy"] == 19 / 20
    # The pair that was called a tie belongs to one of two classes of ten or so: its F1 falls, and no third class is 0.
    assert 0.97 < (values["macro_f1"] or 0) < 0.98
    assert (values["macro_f1_of_all"] or 1) < 2 / 3


def test_the_recorded_pairs_open(recorded: Callable[[str], Path], context: Contexts) -> None:
    found = list(mj_bench.task(None, context(recorded("mj_bench"))).items("test"))
    assert len(found) == 50
    assert {(item.gold, item.category) for item in found} == {(0, "quality/objects_indoor")}
    for part in (*found[0].candidates[0], *found[49].candidates[1]):
        assert not isinstance(part, str)
        assert part.load().width > 100


def sharpness(request: Request, item: Item) -> str:
    """The judge of the tutorial on a real benchmark: the image with the stronger edges is better."""
    first, second = (
        ImageStat.Stat(image.load().convert("L").filter(ImageFilter.FIND_EDGES)).stddev[0] for image in request.images
    )
    return f"Edges of strength {first:.0f} and {second:.0f}. [[{'A' if first > second else 'B'}]]"


def test_a_constant_judge_is_at_chance_on_the_recorded_pairs_and_sharpness_is_far_above(
    recorded: Callable[[str], Path], context: Contexts
) -> None:
    task = mj_bench.task(None, context(recorded("mj_bench")))
    constant, sharp = score_task(task, lambda request, item: "[[A]]"), score_task(task, sharpness)
    accuracy = constant.estimates[0]
    assert accuracy.ci_low is not None
    assert accuracy.ci_high is not None
    assert accuracy.ci_low < 0.5 < accuracy.ci_high
    assert {"constant-gold", "collapsed"} <= set(constant.flags)
    assert sharp.estimates[0].ci_low is not None
    assert (sharp.estimates[0].value, sharp.groups) == (1, 42)
    # Of 42 prompts without an error, Clopper and Pearson's exact interval begins at 0.916: no honest one begins above.
    assert 0.88 < sharp.estimates[0].ci_low < 0.025 ** (1 / 42)
    assert sharp.estimates[0].ci_low > accuracy.ci_high
    in_the_datas_order = replace(task.protocol, order="fixed")
    assert score_task(task, lambda request, item: "[[A]]", protocol=in_the_datas_order).estimates[0].value == 1


def test_sharpness_says_the_same_of_the_recorded_pairs_in_both_orders(
    recorded: Callable[[str], Path], context: Contexts
) -> None:
    task = mj_bench.task(None, context(recorded("mj_bench")))
    both = replace(task.protocol, order="both")
    swaps = [
        {one.metric: one.value for one in score_task(task, judge, protocol=both).consistency}["swap_consistency"]
        for judge in (sharpness, lambda request, item: "[[A]]")
    ]
    assert swaps == [1, 0]
