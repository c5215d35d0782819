"""Members that are nearly called like an optional one are warned of, and all others are left alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from harness.api import JudgeCard, Metric, TaskCard, VerdictFormat, optional
from harness.discovery import KINDS, Plugins
from harness.formats.tagged import TaggedFormat
from harness.testing import checks_for
from harness.testing._checks import observe_check
from harness.testing._members import check_members, members


def warned(kind: str, made: object) -> str:
    fault, warning = observe_check(lambda: check_members(kind, made))
    assert fault == ""
    return warning


def with_members(**named: Any) -> object:
    return type("Made", (), named)()


def method(self: object) -> None:
    """Any method."""


@pytest.mark.parametrize(
    ("kind", "name", "member", "meant"),
    [
        ("task", "count_item", method, "count_items"),
        ("task", "countItems", method, "count_items"),
        ("task", "provenence", staticmethod(method), "provenance"),
        ("task", "wrap", ("task", "test"), "wraps"),
        ("judge", "clos", method, "close"),
        ("judge", "answer_by_item", True, "answers_by_item"),
        ("reward", "of_order", classmethod(method), "of_orders"),
        ("format", "ask_for_reasoning", True, "asks_for_reasoning"),
        ("metric", "prepares", method, "prepare"),
        ("metric", "greater_better", False, "greater_is_better"),
    ],
)
def test_a_misspelt_optional_member_is_warned_of(kind: str, name: str, member: Any, meant: str) -> None:
    said = warned(kind, with_members(**{name: member}))
    assert said == f"it has {name}, which the harness does not look for; did you mean {meant}?"


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("judge", {"closed": False}),  # an attribute is no method
        ("judge", {"close": method, "clos": method}),  # it has the right one too
        ("judge", {"_clos": method, "connect": method, "count_item": method}),
        ("task", {"counts": method, "item": method}),
    ],
)
def test_what_is_meant_otherwise_is_left_alone(kind: str, named: dict[str, Any]) -> None:
    assert warned(kind, with_members(**named)) == ""


def test_harness_check_looks_at_members_of_every_kind() -> None:
    factory = lambda options, context: with_members(clos=method)  # noqa: E731 - an expression is enough
    for card, meant in (
        (JudgeCard(name="one", summary="s", factory=factory), "did you mean close?"),
        (TaskCard(name="one", summary="s", factory=factory), ""),
    ):
        assert meant in observe_check(dict(checks_for(card))[f"{card.kind}_members"])[1]


def test_each_optional_member_is_a_protocol_that_a_type_checker_and_the_harness_know() -> None:
    assert sorted(protocol.__name__ for kind in KINDS for protocol in optional.OPTIONAL[kind]) == optional.__all__
    assert members("judge") == {
        "close": True,
        "answers_by_item": False,
        "covers": True,
        "ignores_task": False,
        "estimate_tokens": True,
        "pricing": False,
        "holds": False,
        "continues": False,
        "log_probabilities": True,
        "make_blind_twin": True,
    }

    @dataclass
    class Judge(optional.AnswersByItem):
        answers_by_item: bool = True

    assert isinstance(Judge(), optional.AnswersByItem)
    assert isinstance(TaggedFormat(), VerdictFormat)
    assert isinstance(TaggedFormat(), optional.MarksReasoning)


def test_no_object_of_the_core_has_a_member_that_is_nearly_right() -> None:
    for kind in ("format", "metric"):
        for offer in Plugins.load().offers(kind):
            if offer.card.options is None:
                made: VerdictFormat | Metric = offer.create(None, None)
                assert warned(kind, made) == "", offer.id
