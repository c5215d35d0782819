from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import BaseModel

from harness.api import JudgeCard, PluginError
from harness.discovery import Plugins
from harness.testing import parametrize_with_checks


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
