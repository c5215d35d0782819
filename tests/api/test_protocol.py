from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import DataError, Protocol


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"order": "random"}, "order must be one of fixed, shuffled, both, reshuffled, got 'random'"),
        ({"vote": "most"}, "vote must be one of"),
        ({"pooling": "all"}, "pooling must be one of"),
        ({"unparsed": "skip"}, "unparsed must be one of exclude, wrong, chance, half"),
        ({"outside": "share"}, "outside must be one of unparsed, exclude, wrong, chance, half"),
        ({"draws": "skip"}, "draws must be one of unparsed, exclude, wrong, chance, half, share"),
        ({"ties": "none"}, "ties must be one of"),
        ({"average": "macro"}, "average must be one of"),
        ({"samples": 0}, "samples must be 1 or more"),
        ({"min_coverage": 1.1}, "min_coverage must be from 0 to 1"),
        ({"min_coverage": float("nan")}, "min_coverage must be from 0 to 1"),
        ({"weights": {"a": 0}}, "weights must be numbers above 0, got 0 for 'a'"),
        ({"weights": {"a/b": float("nan")}}, "weights must be numbers above 0, got nan for 'a/b'"),
        ({"weights": {"a": "2"}}, "weights must be numbers above 0, got '2' for 'a'"),
        ({"metrics": ()}, "at least one metric"),
        ({"metrics": "accuracy"}, "at least one metric, in a tuple, got 'accuracy'"),
        (
            {"metrics": ("accuracy@macro",)},
            "one of micro, category, group, group_size after it, got 'accuracy@macro'",
        ),
        ({"metrics": ("accuracy", "f1@")}, "metrics must be names, .*, got 'f1@'"),
        ({"metrics": ("@category",)}, "metrics must be names, .*, got '@category'"),
        ({"metrics": ("f1@group", "accuracy", "f1@group")}, "metrics names 'f1@group' twice; take one of them out"),
        ({"pooling": "sum"}, "needs order: both"),
        ({"pooling": "agree", "order": "shuffled"}, "needs order: both"),
        ({"pooling": "agree", "order": "reshuffled"}, "needs order: both"),
    ],
)
def test_a_field_that_makes_no_sense_is_refused(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        Protocol(**fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken(Protocol):
    voice: Literal["calm", "loud"] = "calm"


def test_the_words_of_a_protocol_with_more_fields_are_checked_too() -> None:
    assert Spoken(voice="loud").order == Protocol().order
    with pytest.raises(DataError, match="voice must be one of calm, loud, got 'shrill'"):
        Spoken(voice="shrill")  # type: ignore[arg-type]


def test_the_summary_says_how_it_is_asked_and_counted() -> None:
    assert Protocol().summary() == "fixed order; unparsed: exclude; ties: class; average: micro"
    both = Protocol(order="both", pooling="sum", samples=3, vote="mean", unparsed="wrong").summary()
    assert both == "both orders; 3 samples, mean; net votes; unparsed: wrong; ties: class; average: micro"
    weighed = Protocol(average="category", weights={"a": 2}).summary()
    assert weighed.endswith("average: category; weighted categories")
    assert "seed 7" in Protocol(order="shuffled", order_seed=7).summary()
    drawn = Protocol(order="reshuffled", samples=10, ties="right").summary()
    assert drawn.startswith("each sample shuffled (seed 0); 10 samples, majority; ")
    assert "ties: right" in drawn


def test_the_summary_names_the_policies_that_differ_from_that_for_unread_answers() -> None:
    protocol = Protocol(unparsed="half", outside="half", draws="wrong")
    assert protocol.summary() == "fixed order; unparsed: half; draws: wrong; ties: class; average: micro"
    assert protocol.policies == {"unparsed": "half", "outside": "half", "draws": "wrong"}
    assert Protocol(unparsed="wrong").policies == {"unparsed": "wrong", "outside": "wrong", "draws": "wrong"}


def test_the_summary_names_the_metrics_that_are_averaged_in_another_way() -> None:
    metrics = ("macro_f1", "balanced_accuracy@category", "accuracy@micro", "all_right@group")
    assert (
        Protocol(metrics=metrics)
        .summary()
        .endswith("average: micro except balanced_accuracy@category, all_right@group")
    )


def test_a_metric_is_averaged_as_it_says_and_else_as_the_protocol_says() -> None:
    protocol = Protocol(average="category", metrics=("accuracy", "accuracy@micro"))
    assert [protocol.average_of(one) for one in protocol.metrics] == ["category", "micro"]
    assert Protocol.parse_metric("harness/accuracy@group") == ("harness/accuracy", "group")
    assert Protocol.parse_metric("evaluate:./my@home/metric.py") == ("evaluate:./my@home/metric.py", "")
    assert Protocol.parse_metric("evaluate:./my@home/metric.py@group") == ("evaluate:./my@home/metric.py", "group")


@given(name=st.text(min_size=1), average=st.sampled_from(("micro", "category", "group")))
def test_what_was_put_together_comes_apart_again(name: str, average: str) -> None:
    assert Protocol.parse_metric(f"{name}@{average}") == (name, average)
    assert Protocol.parse_metric(name.replace("@", "")) == (name.replace("@", ""), "")


@given(st.text())
def test_any_text_is_a_metric_or_a_data_error(text: str) -> None:
    try:
        name, average = Protocol.parse_metric(text)
    except DataError:
        assert "@" in text
    else:
        assert text == (f"{name}@{average}" if average else name)


def test_a_protocol_survives_json() -> None:
    protocol = Protocol(order="both", pooling="agree", metrics=("accuracy", "kappa@category"))
    plain = json.loads(json.dumps(protocol.to_json()))
    assert Protocol(**{**plain, "metrics": tuple(plain["metrics"])}) == protocol
