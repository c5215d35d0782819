from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import Image
from harness_generic.template import Template

NAMES = st.text(st.characters(exclude_characters="{}", exclude_categories=["Cs"]), min_size=1, max_size=8)


@given(st.lists(st.tuples(st.text(max_size=12), NAMES)), st.text(max_size=12), st.data())
def test_each_placeholder_becomes_its_value_and_nothing_else_changes(
    pieces: list[tuple[str, str]], ending: str, data: st.DataObject
) -> None:
    values = {name: data.draw(st.text(max_size=12)) for _, name in pieces}  # braces in values included
    template = Template.parse("".join(f"{escaped(text)}{{{name}}}" for text, name in pieces) + escaped(ending))
    want = "".join(text + values[name] for text, name in pieces) + ending
    assert template.columns == set(values)
    assert template.fill(values.__getitem__, {}) == ((want,) if want.strip() else ())


def escaped(text: str) -> str:
    return re.sub(r"([{}])", r"\1\1", text)


@given(st.text(st.sampled_from("{}a. "), max_size=12))
def test_any_text_is_a_template_or_a_value_error(text: str) -> None:
    said, names = "is no placeholder", ""
    try:
        names = "".join(Template.parse(text).columns)
    except ValueError as error:
        said = str(error)
    assert "is no placeholder" in said
    assert not set("{}") & set(names)


@pytest.mark.parametrize("name", ["a.b", "a[0]", "a!r", "a:>10", "__class__", "0", " a "])
def test_nothing_is_formatted_or_looked_up_in_a_value(name: str) -> None:
    template = Template.parse(f"{{{name}}}")
    assert template.columns == {name}
    assert template.fill({name: "{0.__class__}"}.__getitem__, {}) == ("{0.__class__}",)


@pytest.mark.parametrize(("text", "place"), [("a {b", 3), ("a}", 2), ("{}", 1), ("{a{b}}", 1)])
def test_a_lone_brace_is_an_error_that_says_where(text: str, place: int) -> None:
    with pytest.raises(ValueError, match=f"at character {place} is no placeholder"):
        Template.parse(text)


def test_images_stand_where_the_question_names_them_else_first() -> None:
    before, after = (Image.from_bytes(b"x", name=name) for name in ("before", "after"))
    images = {"before": [before], "after": [after, after]}
    template = Template.parse("From {before} to {after}: {what}")
    assert template.fill({"what": "more"}.__getitem__, images) == ("From ", before, " to ", after, after, ": more")
    assert Template.parse("{before}{what}?").fill({"what": "Why"}.__getitem__, images) == (after, after, before, "Why?")
