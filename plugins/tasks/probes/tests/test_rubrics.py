"""Probes of tasks that ask for several criteria at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.api import Choice, Item, Preference, Rubric, Score
from harness_probes.perturb import DoesNotApplyError, perturbation
from harness_probes.verdicts import expect_verdict

SPACE = Rubric((("sharp", Score(1, 5)), ("better", Preference(2)), ("safe", Choice(("yes", "no")))))
ITEM = Item(id="1", group="1", space=SPACE, gold=(4.0, 0, "no"), candidates=(("a",), ("b",)))
ENTRY = {
    "question": "{q}",
    "candidate_texts": ["a", "b"],
    "criteria": {
        "sharp": {"low": 1, "high": 5},
        "better": {"labels": {"A": "first", "B": "second"}},
        "safe": {"answers": ["yes", "no"]},
    },
}


def test_only_preferences_swap(models: dict[str, Any]) -> None:
    assert expect_verdict("swap", SPACE, (4.0, 0, "no")) == (4.0, 1, "no")
    (after,) = perturbation(models["swap"].model_validate({"task": "a/b"})).apply([ITEM])
    assert after.gold == (4.0, 1, "no")
    assert after.candidates == (("b",), ("a",))
    with pytest.raises(DoesNotApplyError):
        list(perturbation(models["negated"].model_validate({"task": "a/b"})).apply([ITEM]))


@pytest.mark.parametrize(("metric", "flips"), [("accuracy[better]", 4), ("accuracy[safe]", 0), ("accuracy", 4)])
def test_flips_are_those_of_what_the_metric_is_of(
    run: Callable[..., Path], tmp_path: Path, metric: str, flips: int
) -> None:
    """A judge that always prefers the first place shown, and finds all safe."""
    rows = [
        {"q": f"{k}", "a": "x", "b": "y", "sharp": 3, "better": "AB"[k % 2], "safe": ["yes", "no"][k // 2]}
        for k in range(4)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    rules = {"metrics": [metric], "order": "fixed"}
    manifest = {
        "name": "rubric",
        "tasks": [
            {"use": "generic/rubric", "data": "rows.jsonl", "with": ENTRY, "protocol": rules},
            {
                "use": "probes/swap",
                "data": "rows.jsonl",
                "with": {"task": "generic/rubric", "with": ENTRY},
                "protocol": rules,
            },
        ],
        "judges": [{"use": "baselines/constant", "with": {"answer": "sharp: 3; better: A; safe: yes"}}],
    }
    folder = run(json.dumps(manifest))
    (found,) = json.loads((folder / "probes.json").read_text())["probes"]
    (one,) = found["comparisons"]
    assert (one["metric"], one["n"], one["flips"]) == (metric, 4, flips)
    assert one["base_value"] == {"accuracy[better]": 0.5, "accuracy[safe]": 0.5, "accuracy": 0.25}[metric]
