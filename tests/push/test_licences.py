from __future__ import annotations

import pytest

from harness.discovery import Plugins
from harness.push.licences import DataLicence, _read_licence, find_obstacle


def licence(text: str) -> DataLicence:
    return DataLicence(task="t", task_id="p/t", text=text)


@pytest.mark.parametrize("text", ["MIT", "Apache-2.0", "CC0-1.0", "CC BY 4.0", "CC-BY-SA-4.0", "ODC-BY 1.0"])
def test_an_open_licence_is_no_obstacle(text: str) -> None:
    assert find_obstacle([licence(text)], answers_for=False) == ""


@pytest.mark.parametrize(
    "text",
    ["CC-BY-NC-4.0", "that of your data", "not stated", "", "MIT (the card adds: for research, within the terms)"],
)
def test_what_is_not_known_to_be_open_is_for_the_user_to_answer_for(text: str) -> None:
    assert "no open licence" in find_obstacle([licence("MIT"), licence(text)], answers_for=False)
    assert find_obstacle([licence("MIT"), licence(text)], answers_for=True) == ""


@pytest.mark.parametrize(
    "text", ["MIT; the dataset is gated: accept its terms on the hub", "CC BY 4.0; gated: research only"]
)
def test_a_gate_is_an_obstacle_whatever_the_user_says(text: str) -> None:
    assert "gated" in find_obstacle([licence(text)], answers_for=True)


def test_a_gate_that_only_the_place_of_the_data_states_is_one_too() -> None:
    gated = DataLicence(task="t", task_id="p/t", text="MIT", gated=True)
    assert "gated" in find_obstacle([gated], answers_for=True)
    plugins = Plugins.load()
    assert _read_licence("t", "preference/mj-bench", plugins).gated
    assert not _read_licence("t", "preference/llmbar", plugins).gated
    assert not _read_licence("t", "no/such", plugins).gated


def test_every_task_of_this_repository_states_a_licence_that_is_read() -> None:
    licences = [
        DataLicence(task=offer.id, task_id=offer.id, text=offer.card.licence) for offer in Plugins.load().offers("task")
    ]
    kinds = {"gated" if item.is_gated else "open" if item.is_open else "closed" for item in licences}
    assert kinds == {"gated", "open", "closed"}
    assert all(not (item.is_open and item.is_gated) for item in licences)
