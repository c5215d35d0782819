from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.view.links import FileLinks, ServerLinks, parse_path

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(st.lists(names | st.sampled_from([".", "..", "~.", "~~..", "...", "~"]), min_size=1))
def test_any_names_come_back_from_a_path(parts: list[str]) -> None:
    address = ServerLinks().to(*parts)
    assert parse_path(address) == tuple(parts)
    # No part is one that a browser takes away, and none ends the path.
    assert not any(part.lower().replace("%2e", ".") in (".", "..") for part in address.split("/"))
    assert not set(address) & set("?#\\ \"'<>")


@given(names, names)
def test_the_file_and_the_server_have_the_same_addresses(name: str, value: str) -> None:
    assert FileLinks().to("items", name, judge=value)[1:] == ServerLinks().to("items", name, judge=value)[1:]


def test_filters_that_are_none_are_left_out() -> None:
    assert FileLinks().to("items", "a b", judge="c&d", outcome=None) == "#items/a%20b?judge=c%26d"


def test_lone_surrogates_have_an_address() -> None:
    assert FileLinks().to("item", "\ud800") == "#item/%5Cud800"
