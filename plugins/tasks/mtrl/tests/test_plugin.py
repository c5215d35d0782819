from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points

import pytest
from pydantic import BaseModel, ValidationError

from harness.api import TaskCard
from harness.testing import parametrize_with_checks
from harness_mtrl import options, plugin

CARDS = plugin.harness_tasks()
OPEN = [card for card in CARDS if card.name != "seetrue"]
CLOSED = [card for card in CARDS if card.name == "seetrue"]


def test_the_plugin_is_advertised() -> None:
    (entry,) = [entry for entry in entry_points(group="harness") if entry.name == "mtrl"]
    assert entry.load() is plugin


def test_the_six_tasks_and_the_opinion_scores_are_there() -> None:
    agin = [f"agin-{dimension}" for dimension in ("nat", "tech", "rat")]
    binary = ["seetrue", "imagereward", "unsafebench", *agin]
    assert {card.name for card in CARDS} == {*binary, *(f"{name}-mos" for name in agin)}
    assert all(card.splits == ("train", "validation", "test") for card in CARDS)


def test_importing_the_plugin_imports_nothing_heavy() -> None:
    heavy = "{'datasets', 'pyarrow', 'pydantic', 'PIL', 'numpy', 'torch'}"
    code = f"import harness_mtrl.plugin, sys; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_a_card_says_all_there_is_to_say(card: TaskCard) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", card.name)
    assert all((card.source, card.metric, card.columns, card.deviations, card.pitfalls, card.example, card.protocol))


@pytest.mark.parametrize("name", ["imagereward", "agin-nat", "agin-tech", "agin-rat"])
def test_a_card_admits_that_the_papers_threshold_is_not_known(name: str) -> None:
    (card,) = [card for card in CARDS if card.name == name]
    assert "UNKNOWN IN THE PAPER" in card.description


@parametrize_with_checks(OPEN)
def test_conformance(check: Callable[[], None]) -> None:
    check()


@parametrize_with_checks(CLOSED, options={"allow_training": True})
def test_conformance_of_seetrue_when_it_is_open(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize(
    ("model", "wrong", "says"),
    [
        (options.SeeTrue, {"validation_share": 0.5, "test_share": 0.5}, "leave nothing for train"),
        (options.SeeTrue, {"test_share": 0}, "greater than 0"),
        (options.SeeTrue, {"split_by": "image"}, "group"),
        (options.UnsafeBench, {"test_share": 0.1}, "Extra inputs"),
        (options.UnsafeBench, {"split_by": "official"}, "group"),
        (options.Agin, {"threshold": "median"}, "median-of-train"),
        (options.Agin, {"threshold": float("nan")}, "finite"),
        (options.Agin, {"drop_middle": [4, 2]}, "must be [low, high]"),
        (options.Agin, {"threshold": 3, "drop_middle": [3.5, 4]}, "around the threshold 3"),
        (options.AginMos, {"low": 5, "high": 1}, "low must be below high"),
        (options.ImageReward, {"scale": "3k"}, "1k"),
        (options.ImageReward, {"rating": "rank"}, "overall_rating"),
        (options.ImageReward, {"split_by": "row"}, "Extra inputs"),
    ],
)
def test_options_are_checked(model: type[BaseModel], wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(says)):
        model.model_validate(wrong)
