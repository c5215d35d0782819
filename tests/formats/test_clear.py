"""Clear answers that name faults of the other candidate, and answers that name two verdicts."""

from __future__ import annotations

import pytest

from harness.api import Choice, Preference, VerdictFormat
from harness.formats.brackets import BracketsFormat
from harness.formats.json_object import JsonFormat
from harness.formats.tagged import TaggedFormat
from harness.testing import read

FORMS: list[tuple[VerdictFormat, str]] = [(BracketsFormat(), "[[%s]]"), (TaggedFormat(), "<answer>%s</answer>")]
CLEAR = [
    "{w}",
    "My verdict is {w}.",
    "{w} rather than {l}",
    "{w}, rather than {l}.",
    "{w} instead of {l}",
    "{w} over {l}",
    "{w} (not {l})",
    "{w}, not {l}.",
    "{w} since {l} is wrong.",
    "{w} because {l} is mistaken.",
    "{w} as {l} misread the chart.",
    "{w} is better than {l}.",
    "{w} beats {l}.",
    "{w} is the winner.",
    "{w}. {l} is worse.",
    "{w}\n\n{l} is wrong about the date.",
    "{w}\n\n{l} made a mistake in step 3.",
    "{w}\n\nThe other one has an error.",
    "{w}\n\n{l} changed the colour instead.",
    "{w}\n\n{l} swapped the two cards.",
    "{w}\n\n{l} contains a typo.",
    "{w}\n\nNote that {l} is now blurred.",
    "{w}\n\nReason: {l} is inaccurate.",
    "{w}\n\n{l} would be better with more light.",
    "{w}\n\nIf {l} had been sharper it would have won.",
    "{w}\n\nBoth are fine but {w0} is better.",
    "{w}\n\nThis is a close call; {l} is nearly as good.",
    "{w} is not perfect, but better.",
    "{w} is not perfect.",
    "{w} has no errors.",
    "{w} is correct, {l} is not.",
    "{w}: it follows the policy; {l} does not.",
    "I choose {w} even though {l} is prettier.",
    "Although {l} is sharper, {w} is safer.",
    "{l} is wrong, so {w}.",
    "I cannot fault {w}.",
    "I doubt {l} is safe; {w}.",
    "Response {l} is rejected. {w}",
    "Without doubt {w}.",
    "No doubt: {w}",
    "There is no question that it is {w}.",
    "I am not sure, but {w}.",
    "Hard to say, but {w}.",
    "{w}\n\nConfidence: 90%",
    "{w}\n\n4 of 5 criteria favour it.",
    "{w} 👍",
    "✅ {w}",
    "**{w}**",
    "> {w}",
    "The answer is {w}!",
    "{w}\n\nI hope this helps. Sorry for the length.",
    "{w}\n\nLet me know if you disagree.",
    "{w} (confidence 4/5)",
    "{w} 5/5 on accuracy",
]
"""`{w}` is the mark, `{w0}` its candidate, and `{l}` the other one."""


@pytest.mark.parametrize(("form", "mark"), FORMS, ids=lambda value: getattr(value, "name", ""))
@pytest.mark.parametrize("text", CLEAR)
def test_what_is_said_of_the_other_candidate_takes_no_verdict_away(form: VerdictFormat, mark: str, text: str) -> None:
    for verdict, (name, other) in enumerate((("A", "B"), ("B", "A"))):
        written = text.format(w=mark % name, w0=name, l=other)
        assert read(form, written, Preference(2)).verdict == verdict, written


@pytest.mark.parametrize(
    "text",
    [
        "[[A]] or [[B]]",
        "[[A]] / [[B]]",
        "[[A]] or **[[B]]**",
        "Either [[A]] or perhaps [[B]].",
        "[[A]] might be wrong, but so might [[B]]",
        "[[A]] can not be excluded, and [[B]] is possible",
        "Some may say [[A]], others [[B]].",
        "[[A]] is not much worse than [[B]].",
        "I would not reject [[A]], and [[B]] is fine too.",
        "[[A]] loses to nobody. [[B]] is fine.",
    ],
)
def test_a_doubt_about_one_verdict_does_not_choose_the_other(text: str) -> None:
    assert read(BracketsFormat(), text, Preference(2)).verdict is None


def test_two_verdicts_with_or_between_them_contradict_each_other() -> None:
    tagged = read(TaggedFormat(), "<answer>yes</answer> or <answer>no</answer>", Choice(("yes", "no")))
    assert tagged.problem == "contradicts itself: yes and no"
    pair = read(JsonFormat(), '{"verdict": "A"} or {"verdict": "B"}', Preference(2))
    assert pair.problem.startswith("contradicts itself")


@pytest.mark.parametrize("text", ["Not [[A]] but [[B]].", "It isn't [[A]], it's [[B]].", "[[B]] rather than [[A]]."])
def test_a_plain_not_leaves_the_verdict_to_the_other_mark(text: str) -> None:
    assert read(BracketsFormat(), text, Preference(2)).verdict == 1


@pytest.mark.parametrize("tail", ["0B", "_B_", "B0", "x_B", "ſ", "ıB", "B\u0301", "0b actually", "ǅ B"])
def test_odd_words_after_a_mark_are_no_fault(tail: str) -> None:
    for form, mark in FORMS:
        assert read(form, f"{mark % 'A'}\n{tail}", Preference(2)).verdict in (0, None)
        assert read(form, (mark % "A") + tail, Preference(2)).verdict in (0, None)
