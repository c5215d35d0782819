from __future__ import annotations

import json
from typing import Any

import pytest

from harness.api import DataError, Protocol


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"order": "random"}, "order must be one of fixed, shuffled, both, got 'random'"),
        ({"vote": "most"}, "vote must be one of"),
        ({"pooling": "all"}, "pooling must be one of"),
        ({"unparsed": "skip"}, "unparsed must be one of exclude, wrong, chance, half"),
        ({"ties": "none"}, "ties must be one of"),
        ({"average": "macro"}, "average must be one of"),
        ({"samples": 0}, "samples must be 1 or more"),
        ({"min_coverage": 1.1}, "min_coverage must be from 0 to 1"),
        ({"min_coverage": float("nan")}, "min_coverage must be from 0 to 1"),
        ({"metrics": ()}, "at least one metric"),
        ({"pooling": "sum"}, "needs order: both"),
        ({"pooling": "agree", "order": "shuffled"}, "needs order: both"),
    ],
)
def test_a_field_that_makes_no_sense_is_refused(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        Protocol(**fields)


def test_the_summary_says_how_it_is_asked_and_counted() -> None:
    assert Protocol().summary() == "fixed order; unparsed: exclude; ties: class; average: micro"
    both = Protocol(order="both", pooling="sum", samples=3, vote="mean", unparsed="wrong").summary()
    assert both == "both orders; 3 samples, mean; net votes; unparsed: wrong; ties: class; average: micro"
    assert "seed 7" in Protocol(order="shuffled", order_seed=7).summary()


def test_a_protocol_survives_json() -> None:
    protocol = Protocol(order="both", pooling="agree", metrics=("accuracy", "kappa"))
    plain = json.loads(json.dumps(protocol.to_json()))
    assert Protocol(**{**plain, "metrics": tuple(plain["metrics"])}) == protocol
