"""Judges that are asked over a socket: a server that goes on from a given beginning, and those that only seem to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.explain.conftest import Explaining, figures_of, reasons_of
from tests.explain.server import serve

FORCED = ("sister", "mistake", "grey")
PLAIN = ("contradiction", "facts", "cutting")


def explain_served(explaining: Explaining, url: str, *, code: int = 0, **options: Any) -> dict[str, Any]:
    judge = {"base_url": url, "model": "m", "api_key_env": None, "continues": True, "max_failures": 3, **options}
    manifest = {
        "name": "served",
        "tasks": [{"use": "simulated_plugin/parts", "name": "parts", "with": {"items": 12}}],
        "judges": [{"use": "openai/openai", "name": "served", "with": judge}],
    }
    (explaining.folder / "m.yaml").write_text(yaml.safe_dump(manifest))
    assert explaining.call("run", "m.yaml") == 0, explaining.err
    run = next(Path("runs").glob("served-*"))
    # Cutting the rule of this task leaves nothing that the server reads, and is quick.
    return explaining.explain(run, code=code)


def test_a_server_that_goes_on_is_explained_by_its_words(explaining: Explaining) -> None:
    with serve("goes-on") as (url, begun):
        found = explain_served(explaining, url)
    figures = figures_of(found, "served")
    assert figures["turns_with_sister"] == (1.0, 0.0)
    assert (figures["mistake.square"], figures["mistake.bar"]) == ((1.0, 0.0), (1.0, 0.0))
    assert figures["stays_without_picture"][0] == 1.0
    assert set(reasons_of(found, "served")) == {"places"}
    assert len(begun) > 12


@pytest.mark.parametrize("nature", ["again", "again-plain", "echoes"])
def test_a_server_that_begins_again_in_silence_is_found_out_and_never_counted(
    explaining: Explaining, nature: str
) -> None:
    with serve(nature) as (url, begun):
        found = explain_served(explaining, url)
    told = reasons_of(found, "served")
    assert set(told) == {*FORCED, "places"}
    for measure in FORCED:
        assert "began its answer again" in told[measure]
    assert begun
    assert {finding["measure"] for finding in found["findings"] if finding["figures"]} == set(PLAIN)


def test_a_server_that_refuses_a_beginning_costs_no_other_measure(explaining: Explaining) -> None:
    with serve("refuses") as (url, _):
        found = explain_served(explaining, url, code=3)
    told = reasons_of(found, "served")
    assert set(told) == {*FORCED, "places"}
    for measure in FORCED:
        assert "was answered with a verdict: " in told[measure], told[measure]
    assert "the last message must be from the user" in told["sister"]
    assert {finding["measure"] for finding in found["findings"] if finding["figures"]} == set(PLAIN)


def test_an_endpoint_that_does_not_say_that_it_goes_on_is_not_asked_to(explaining: Explaining) -> None:
    with serve("again") as (url, begun):
        found = explain_served(explaining, url, continues=False)
    assert "`continues`" in reasons_of(found, "served")["sister"]
    assert begun == []
