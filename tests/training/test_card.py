from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from harness.discovery import Plugins
from harness.training.card import _hub_name, curves_table, scores_table, sparkline
from harness.training.plan import PlannedRecipe
from harness.training.session import train

Plan = Callable[..., PlannedRecipe]


def cells(card: str, first: str) -> list[str]:
    """The cells of the table row that begins with `first`."""
    row = re.search(rf"^\| {re.escape(first)} +\|(.*)\|$", card, re.MULTILINE)
    assert row is not None, card
    return [cell.strip() for cell in row[1].split(" | ")]


@pytest.fixture
def card(plan: Plan, plugins: Plugins) -> str:
    planned = plan()
    train(planned, plugins, say=lambda line: None)
    return (planned.model / "README.md").read_text()


def test_it_says_what_it_is_made_of(card: str, plan: Plan) -> None:
    planned = plan()
    assert "\n---\n\n# tiny\n\nA small one.\n" in card
    assert f"- recipe: tiny, hash {planned.hash}, seed 0" in card
    assert "- starts from: no model: the trainer makes one" in card
    assert "- steps: 4; the weights are those of step 3" in card
    assert cells(card, "sums") == ["toy_plugin/sums", "12 (train)", "4 (validation)", "1", "harness/label"]
    assert cells(card, "pairs") == ["toy_plugin/pairs", "5 (train)", "none", "2", "harness/label"]
    assert "- toy_plugin/sums: licence: CC0; source: made up \\| here" in card
    assert "- toy_plugin/pairs: licence: not stated; source: not stated" in card
    assert cells(card, "right") == ["toy_plugin/right", "0.9", "sums"]
    assert cells(card, "steps") == ["4"]
    assert cells(card, "sums/accuracy") == ["0.75", "-", "-"]
    assert "- one note" in card


def test_a_hub_reads_what_it_is_made_of(card: str, folder: Path, plan: Plan) -> None:
    huggingface_hub = pytest.importorskip("huggingface_hub")
    data = huggingface_hub.ModelCard(card, ignore_metadata_errors=False).data
    assert data.library_name == "judge-harness"
    assert data.tags == ["llm-as-a-judge", "toy_plugin/counter"]
    assert data.base_model is None, "this trainer makes its model"
    assert _hub_name("hub:Qwen/Qwen3-VL-8B-Instruct@main") == "Qwen/Qwen3-VL-8B-Instruct"
    assert _hub_name("/home/somebody/models/base") == _hub_name(None) == ""


def test_it_shows_the_course_of_each_metric(card: str) -> None:
    assert cells(card, "loss") == ["4", "1", "0.25", "0.25 (step 4)", "1 (step 1)", "█▃▂▁"]
    assert cells(card, "sums/score") == ["4", "0.5", "1", "0.5 (step 2)", "1 (step 4)", "▁▅█"]


def test_the_recipe_on_it_is_the_same_training(card: str, folder: Path, plan: Plan) -> None:
    planned = plan()
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", card, re.MULTILINE | re.DOTALL)
    assert plan(block).folder == planned.folder


def test_a_description_cannot_end_its_block_nor_a_name_its_cell(plan: Plan, plugins: Plugins) -> None:
    text = Path("r.yaml").read_text().replace("A small one.", '"```\\n# not a title | <b>"')
    planned = plan(text.replace("{use: right,", '{use: right, name: "a | b",'))
    train(planned, plugins, say=lambda line: None)
    card = (planned.model / "README.md").read_text()
    assert "\n````yaml\n" in card
    assert "\n# not a title" not in card
    assert "a \\| b" in card
    assert "<b>" not in card.partition("## Make it again")[0]


def test_secrets_stay_out_of_it(folder: Path, plan: Plan, plugins: Plugins, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_SECRET", "topsecret-value")
    planned = plan(None, "trainer.with.key=${env:TOY_SECRET}")
    train(planned, plugins, say=lambda line: None)
    written = [path for path in planned.folder.rglob("*") if path.is_file()]
    assert not any(b"topsecret-value" in path.read_bytes() for path in written)
    assert "${env:TOY_SECRET}" in (planned.folder / "recipe.yaml").read_text()


def test_a_metric_that_was_never_finite_is_listed_without_numbers() -> None:
    assert cells(curves_table({1: {"loss": None}, 2: {"loss": None}}), "loss") == ["2", "-", "-", "-", "-", ""]


def test_a_score_has_its_number_of_answers_and_an_interval() -> None:
    shown = scores_table(
        {"red/accuracy": 0.75, "red/macro_f1": 0.7, "red/n": 40.0, "accuracy": 0.75, "blue/coverage": None}
    )
    assert cells(shown, "red/accuracy") == ["0.75", "40", "0.596 to 0.860"]
    assert cells(shown, "red/macro_f1") == ["0.7", "40", "-"]
    assert cells(shown, "accuracy") == ["0.75", "-", "-"]
    assert cells(shown, "blue/coverage") == ["not finite", "-", "-"]
    assert "red/n" not in shown


@pytest.mark.parametrize(("right", "count"), [(0, 5), (3, 10), (30, 40), (40, 40)])
def test_the_interval_of_a_share_is_that_of_statsmodels(right: int, count: int) -> None:
    shown = scores_table({"red/accuracy": right / count, "red/n": float(count)})
    low, high = proportion_confint(right, count, method="agresti_coull")
    assert cells(shown, "red/accuracy")[2] == f"{low:.3f} to {high:.3f}"


def test_of_many_curves_some_are_shown_and_counts_are_not() -> None:
    metrics = {f"task{number}/reward": 1.0 for number in range(60)} | {"loss": 1.0, "validation/red/n": 40.0}
    shown = curves_table({1: metrics})
    assert cells(shown, "loss")
    assert "/n " not in shown
    assert "The course of 21 more is in `curves.jsonl`." in shown


def test_a_folder_of_this_machine_and_one_licence_of_many_tasks_are_named_once(
    folder: Path, plan: Plan, plugins: Plugins
) -> None:
    (folder / "start").mkdir()
    (folder / "start" / "answers.json").write_text("{}")
    tasks = "[{use: sums}, {use: pairs}, {use: pairs, name: again}]"
    planned = plan(f"name: x\nmodel: start\ntasks: {tasks}\ntrainer: {{use: counter, with: {{steps: 4}}}}\n")
    train(planned, plugins, say=lambda line: None)
    card = (planned.model / "README.md").read_text().partition("## Make it again")[0]
    assert "- starts from: the folder start\n" in card
    assert str(folder) not in card


@given(st.lists(st.floats(-1e6, 1e6), max_size=200))
def test_a_sparkline_has_a_bar_for_each_value_or_a_few_for_many(values: list[float]) -> None:
    line = sparkline(values)
    assert len(line) == min(len(values), 24)
    assert set(line) <= set("▁▂▃▄▅▆▇█")


def test_a_sparkline_rises_with_its_values() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert sparkline([3, 3]) == "▁▁"
    assert sparkline([]) == ""
    assert sparkline([k // 10 for k in range(240)])[::23] == "▁█"
