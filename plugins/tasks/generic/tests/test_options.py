from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from harness.discovery import Plugins
from harness.manifest.load import load_manifest
from harness.manifest.problems import InvalidManifestError
from harness_generic.options import Common, Pairwise, Pointwise, Ranked, Scored

PAIR: dict[str, Any] = {"question": "?", "candidate_texts": ["a", "b"], "labels": {"L": "first"}}
POINT: dict[str, Any] = {"question": "{a}?", "answers": ["yes", "no"]}
SCORE: dict[str, Any] = {"question": "{a}?", "low": 1, "high": 5}
RANK: dict[str, Any] = {"question": "?", "candidate_texts": "texts"}


@pytest.mark.parametrize("model", [Pairwise, Pointwise, Scored, Ranked])
def test_every_option_says_what_it_is(model: type[BaseModel]) -> None:
    for name, spec in model.model_fields.items():
        assert spec.description, name


@pytest.mark.parametrize(
    ("model", "options", "says"),
    [
        (Pointwise, {**POINT, "question": "{a"}, "at character 1 is no placeholder"),
        (Pointwise, {**POINT, "question": ""}, "at least 1 character"),
        (Pointwise, {**POINT, "question": "Is it {label}?"}, "gold column 'label' is shown"),
        (Pointwise, {**POINT, "images": "label"}, "gold column 'label' is shown"),
        (Pointwise, {**POINT, "labels": {"1": "yess"}}, "'1' means 'yess', not one of answers. Did you mean 'yes'"),
        (Pointwise, {**POINT, "answers": ["yes", "Yes"]}, "two or more different words"),
        (Pointwise, {**POINT, "answers": ["yes"]}, "at least 2 items"),
        (Pointwise, {**POINT, "colour": 1}, "Extra inputs are not permitted"),
        (Pointwise, {**POINT, "splits": {}}, "at least 1 item"),
        (Pointwise, {**POINT, "splits": {"dev": "dev.jsonl"}}, "'train', 'validation' or 'test'"),
        (Scored, {**SCORE, "high": 1}, "low must be less than high"),
        (Scored, {**SCORE, "high": float("nan")}, "finite number"),
        (Scored, {**SCORE, "step": -1}, "greater than or equal to 0"),
        (Pairwise, {"question": "?", "labels": {"L": "first"}}, "name the columns of what is compared"),
        (Pairwise, {**PAIR, "candidate_texts": ["a", "b", "c"]}, "a pair has two candidates"),
        (Pairwise, {**PAIR, "candidate_texts": ["a", "a"]}, "two or more different columns"),
        (Pairwise, {**PAIR, "candidate_texts": ["a"]}, "written without brackets"),
        (Pairwise, {**PAIR, "candidate_texts": ["a", "label"]}, "gold column 'label' is shown"),
        (Pairwise, {**PAIR, "labels": {}}, "say in `labels`"),
        (Pairwise, {**PAIR, "gold": None}, "remove `labels`"),
        (Pairwise, {**PAIR, "labels": {"L": "left"}}, "'first', 'second' or 'tie'"),
        (Ranked, {**RANK, "candidate_texts": ["a", "b"], "candidate_images": ["c", "d", "e"]}, "different numbers"),
        (Ranked, {**RANK, "gold": ["r", "texts"]}, "gold column 'texts' is shown"),
    ],
)
def test_what_cannot_be_meant_is_refused(model: type[Common], options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(options)
    assert says in str(caught.value)


def test_what_is_meant_is_accepted() -> None:
    for model, options in ((Pairwise, PAIR), (Pointwise, POINT), (Scored, SCORE), (Ranked, RANK)):
        assert model.model_validate(options)
    assert Pairwise.model_validate({**PAIR, "gold": None, "labels": {}}).gold is None


def test_labels_that_must_be_quoted_have_one_message_each(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("q,a,b,label\n")
    (tmp_path / "m.yaml").write_text(
        "name: m\ntasks:\n  - use: generic/pairwise\n    data: r.csv\n    with:\n      question: '{q}'\n"
        "      candidate_texts: [a, b]\n      labels: {true: first, 0: second}\njudges: [{use: baselines/random}]\n"
    )
    with pytest.raises(InvalidManifestError) as caught:
        load_manifest(tmp_path / "m.yaml", plugins=Plugins.load())
    said = [problem.message for problem in caught.value.problems]
    assert said == ["keys must be text; quote it: 'true'", "keys must be text; quote it: '0'"]
