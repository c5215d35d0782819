from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from harness.api import JudgeCard, PluginError
from harness.discovery import Plugins
from harness.testing import FakeJudge, parametrize_with_checks


@parametrize_with_checks(["harness/label", "harness/accuracy"])
def test_core_objects_keep_the_contract(check: Callable[[], None]) -> None:
    check()


def test_an_expected_failure_becomes_a_strict_xfail() -> None:
    marked = parametrize_with_checks(["harness/label"], expected_failures={"format_is_total": "known"}).args[1]
    marks = {param.id: param.marks for param in marked}
    (mark,) = marks.pop("harness/label-format_is_total")
    assert (mark.name, mark.kwargs) == ("xfail", {"reason": "known", "strict": True})
    assert not any(marks.values())


def test_a_check_that_does_not_exist_cannot_be_expected_to_fail() -> None:
    with pytest.raises(ValueError, match="no such check format_is_totl"):
        parametrize_with_checks(["harness/label"], expected_failures={"format_is_totl": "x"})


def ids(mark: pytest.MarkDecorator) -> list[str]:
    return [param.id for param in mark.args[1]]


def test_the_name_of_a_plugin_stands_for_its_module_and_all_of_its_objects() -> None:
    found = ids(parametrize_with_checks(["harness"]))
    assert found[:2] == ["harness-plugin_import_is_light", "harness-plugin_api_version_is_literal"]
    cards = [one for row in Plugins.load().rows if row.name == "harness" for one in row.cards]
    assert [one for one in cards if f"harness/{one.name}-card_summary" not in found] == []
    assert "harness/tagged-format_round_trip" in found


def test_an_object_that_lacks_its_options_is_skipped_but_for_its_card() -> None:
    class Wants(BaseModel):
        depth: int

    card = JudgeCard(name="deep", api_version=1, summary="s", factory=lambda options, context: None, options=Wants)
    marked = parametrize_with_checks([card]).args[1]
    (skipped,) = [param for param in marked if not param.id.partition("-")[2].startswith("card_")]
    assert skipped.id == "card/deep-options_given"
    assert [mark.name for mark in skipped.marks] == ["skip"]
    assert skipped.marks[0].kwargs["reason"] == "card/deep: only its card is checked; give depth in `options`"
    given = parametrize_with_checks([card], options={"depth": 3})
    assert "card/deep-judge_protocol" in ids(given)
    assert "card/deep-options_given" not in ids(given)


def test_a_plugin_that_did_not_load_is_an_error_with_its_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "broken_dist-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-dist\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[harness]\nnot-there = no_such_module_at_all\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(PluginError, match="plugin 'not-there' is broken: ModuleNotFoundError"):
        parametrize_with_checks(["not-there"])


def test_an_unknown_object_is_an_error() -> None:
    with pytest.raises(PluginError, match="there is no"):
        parametrize_with_checks(["harness/no-such-thing"])


def test_one_name_or_card_needs_no_list() -> None:
    assert ids(parametrize_with_checks("harness/label")) == ids(parametrize_with_checks(["harness/label"]))
    (card,) = [offer.card for offer in Plugins.load().offers("format") if offer.id == "harness/label"]
    assert "card/label-format_is_total" in ids(parametrize_with_checks(card))


def test_a_failure_can_be_expected_of_one_object_alone() -> None:
    expected = {"harness/label-format_is_total": "known"}
    marked = parametrize_with_checks(["harness/label", "harness/tagged"], expected_failures=expected).args[1]
    assert [param.id for param in marked if param.marks] == ["harness/label-format_is_total"]


class Depth(BaseModel):
    depth: int


class Width(BaseModel):
    width: int


def judge_card(name: str, options: type[BaseModel] | None, taken: list[object], **fields: Any) -> JudgeCard:
    def make(given: object, context: object) -> FakeJudge:
        taken.append(given)
        return FakeJudge.position_biased()

    return JudgeCard(
        name=name, api_version=1, summary="s", licence="l", source="s", factory=make, options=options, **fields
    )


def run_check(mark: pytest.MarkDecorator, test: str) -> None:
    (check,) = [param.values[0] for param in mark.args[1] if param.id == test]
    check()


def test_each_of_several_objects_is_given_the_options_that_it_knows() -> None:
    taken: list[object] = []
    cards = [judge_card("deep", Depth, taken), judge_card("wide", Width, taken), judge_card("plain", None, taken)]
    mark = parametrize_with_checks(cards, options={"depth": 3, "width": 4})
    for card in cards:
        run_check(mark, f"card/{card.name}-judge_answers_each_once")
    assert taken == [Depth(depth=3), Width(width=4), None]
    with pytest.raises(PluginError, match="none of card/deep, card/wide, card/plain has an option height"):
        parametrize_with_checks(cards, options={"height": 1})


def test_an_example_on_the_card_gives_a_judge_what_it_needs() -> None:
    def example(folder: Path) -> dict[str, int]:
        return {"depth": len(list(folder.iterdir()))}

    taken: list[object] = []
    mark = parametrize_with_checks(judge_card("deep", Depth, taken, example=example))
    assert not any(param.marks for param in mark.args[1])
    run_check(mark, "card/deep-judge_answers_each_once")
    assert taken == [Depth(depth=0)]
