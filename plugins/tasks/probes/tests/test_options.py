from __future__ import annotations

import pytest
from pydantic import ValidationError

from harness_probes.options import Options


def test_every_option_says_what_it_is(models: dict[str, type[Options]]) -> None:
    for model in models.values():
        for name, spec in model.model_fields.items():
            assert spec.description, f"{model.__name__}.{name}"


@pytest.mark.parametrize(
    ("probe", "wrong"),
    [
        ("jpeg", {"task": "technical"}),
        ("jpeg", {"strength": 0}),
        ("jpeg", {"strength": 6}),
        ("jpeg", {"strenght": 1}),
        ("noise", {"seed": -1}),
        ("blind", {"how": "black"}),
        ("text-in-image", {"text": "  "}),
        ("text-in-image", {"candidate": -1}),
        ("length", {"words": 0}),
        ("negated", {"template": "Is it not so?"}),
        ("negated", {"template": "{question} {question}"}),
        ("paraphrase", {"templates": []}),
        ("paraphrase", {"templates": ["{question}", "no place"]}),
    ],
)
def test_a_wrong_option_is_refused(models: dict[str, type[Options]], probe: str, wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        models[probe].model_validate({"task": "miniature/technical", **wrong})


def test_a_short_id_is_refused_with_an_example_of_a_full_one(models: dict[str, type[Options]]) -> None:
    with pytest.raises(ValidationError, match="PLUGIN/NAME, such as miniature/technical; got 'technical'"):
        models["swap"].model_validate({"task": "technical"})


def test_the_options_of_the_wrapped_task_are_written_as_with(models: dict[str, type[Options]]) -> None:
    made = models["swap"].model_validate({"task": "a/b", "with": {"n": 1}})
    assert made.with_ == {"n": 1}
    assert models["swap"].model_validate(made.model_dump(by_alias=True)) == made
