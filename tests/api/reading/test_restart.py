"""Whether what follows a given beginning goes on from it, for every form in which an answer may be written."""

from __future__ import annotations

from typing import Any

import pytest

from harness.api import AnswerSpace, Choice, Message, Preference, Request, Score, spell_answers
from harness.api.reading import ends_at_verdict, find_restart
from harness.formats.json_object import JsonFormat
from harness.formats.tagged import TaggedFormat

YES = Choice(("yes", "no"))


def begin(beginning: str, *, format: Any = None, space: AnswerSpace = YES) -> Request:
    messages = (Message("user", ("Is it so?",)), Message("assistant", (beginning,)))
    return Request(task="t", item="i", messages=messages, space=space, format=format or TaggedFormat())


@pytest.mark.parametrize("space", [YES, Preference(2), Preference(3, ties=("tie",)), Score(1, 5)])
@pytest.mark.parametrize("format", [TaggedFormat(), JsonFormat()])
def test_every_verdict_may_follow_and_a_new_answer_may_not(format: Any, space: AnswerSpace) -> None:
    spelt = spell_answers(format, space, "It is red.")
    request = begin(spelt.opening, format=format, space=space)
    assert ends_at_verdict(request)
    for text, ending in zip(spelt.texts, spelt.endings, strict=True):
        assert find_restart(request, ending) == ""
        assert find_restart(request, ending[:1]) == ""
        assert "a second time" in find_restart(request, text)
        assert "has to follow" in find_restart(request, f"The picture is blue. {ending}")


def test_in_the_middle_of_a_reasoning_only_a_second_opening_shows_it() -> None:
    request = begin("<think>It is red")
    assert not ends_at_verdict(request)
    assert find_restart(request, " and round.</think><answer>no</answer>") == ""
    assert "'<think>'" in find_restart(request, "\n<think>It is blue.</think><answer>no</answer>")


def test_an_empty_continuation_is_no_verdict() -> None:
    assert "has to follow" in find_restart(begin("<think>x</think><answer>"), "")


def test_a_space_without_a_list_of_verdicts_shows_nothing() -> None:
    request = begin("<think>x</think><answer>", space=Score(0, 1, step=0))
    assert not ends_at_verdict(request)
    assert find_restart(request, "Well.") == ""
