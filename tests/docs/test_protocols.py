"""The table of whose rule a protocol is has every benchmark, with the rules that the code has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.api import Protocol, TaskCard
from harness.discovery import Plugins

COLUMNS = ("task", "order", "unread", "outside", "equal scores", "ties", "average")


@pytest.fixture(scope="module")
def rules(root: Path) -> dict[str, tuple[str, ...]]:
    """The cells of each row by each task that it is about; `-rat` is `agin-rat` beside `agin-nat`."""
    page = (root / "docs" / "explanation" / "protocols.md").read_text(encoding="utf-8")
    lines = [line for line in page.partition("## Whose rule is it")[2].splitlines() if line.startswith("| ")]
    header, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert tuple(header[: len(COLUMNS)]) == COLUMNS
    found = {}
    for row in rows:
        first, *others = re.findall(r"`([^`]+)`", row[0])
        for name in (first, *(f"{first.partition('-')[0]}{other}" for other in others)):
            found[name] = tuple(row[1:7])
            starred = any(cell.endswith("*") for cell in row[1:7])
            assert row[7] or not starred, f"{name}: a rule of ours, and no word why"
    return found


def test_every_benchmark_has_its_rules_in_the_table(rules: dict[str, tuple[str, ...]]) -> None:
    offers = [one for one in Plugins.load().offers("task") if getattr(one.card, "protocol", None) is not None]
    assert {offer.id.partition("/")[2] for offer in offers} == set(rules)
    for offer in offers:
        assert isinstance(offer.card, TaskCard)
        assert offer.card.protocol is not None
        protocol: Protocol = offer.resolve(offer.card.protocol)
        real = (
            protocol.order,
            protocol.policies["unparsed"],
            protocol.policies["outside"],
            protocol.policies["draws"],
            protocol.ties,
            protocol.average_of(protocol.metrics[0]),
        )
        said = tuple(cell.removesuffix("*") for cell in rules[offer.id.partition("/")[2]])
        assert (said[3] == "–") == (offer.card.answers in ("choice", "score")), f"{offer.id}: who scores candidates?"
        own = said[3] if said[3] in ("tie", "–") else real[3]
        assert said == (*real[:3], own, *real[4:]), offer.id
