from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from harness_verdict.options import LengthOptions, RepetitionOptions


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"limit": 10, "buffer": 11}, "11 tokens do not fit before a limit of 10"),
        ({"limit": 10, "buffer": 0}, "buffer"),
        ({"limit": 0, "buffer": 1}, "limit"),
        ({"limit": 10}, "buffer"),
        ({"buffer": 10}, "limit"),
        ({"limit": 10, "buffer": 2, "bufer": 3}, "bufer"),
    ],
)
def test_limits_that_make_no_sense_are_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        LengthOptions(**options)


@pytest.mark.parametrize(
    "options", [{"n": 0}, {"scale": 0}, {"scale": -1}, {"scale": float("inf")}, {"scale": float("nan")}]
)
def test_repetition_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(options))):
        RepetitionOptions(**options)
