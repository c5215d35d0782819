from __future__ import annotations

import pytest

from harness.api import AnswerSpace, Choice, Preference, Score, Verdict, VerdictFormat, spell_answers
from harness.formats.arena import ArenaFormat
from harness.formats.brackets import BracketsFormat
from harness.formats.json_object import JsonFormat
from harness.formats.label import LabelFormat
from harness.formats.tagged import TaggedFormat
from harness.testing import read
from harness_endpoints.places import place_of, words_of

YES_NO = Choice(("yes", "no"))
GOOD = Choice(("good", "very good", "goodish"))
TIED = Preference(2, ("tie",))


@pytest.mark.parametrize(
    ("form", "space", "words"),
    [
        (TaggedFormat(), YES_NO, ("yes", "no")),
        (TaggedFormat(), GOOD, ("good", "very good", "goodish")),
        (LabelFormat(), Score(8, 11, 1), ("8", "9", "10", "11")),
        (TaggedFormat(), Score(10, 12, 1), ("10", "11", "12")),
        (TaggedFormat(), Score(0.5, 2.5, 1), ("0.5", "1.5", "2.5")),
        (TaggedFormat(), Score(-2, -1, 1), ("-2", "-1")),
        (JsonFormat(), TIED, ("A", "B", "tie")),
        (ArenaFormat(), TIED, ("A>B", "B>A", "A=B")),
        (LabelFormat(), Choice(("unsafe: a", "unsafe: b")), ("a", "b")),
    ],
)
def test_words_are_what_tells_the_answers_apart(
    form: VerdictFormat, space: AnswerSpace, words: tuple[str, ...]
) -> None:
    assert words_of(spell_answers(form, space)) == words


@pytest.mark.parametrize(
    ("form", "space", "marked"),
    [
        (TaggedFormat(), YES_NO, "<think>no, or yes</think><answer>|yes</answer>"),
        (TaggedFormat(), YES_NO, "<answer>|YES</answer>\n\nDone."),
        (TaggedFormat(), GOOD, "a good or a very good one\n<answer>|very good</answer>"),
        (TaggedFormat(), GOOD, "a very good one\n<answer>|good</answer>"),
        (BracketsFormat(), TIED, "A is a cat.\n\n[[|B]]\n\nA is not."),
        (JsonFormat(), TIED, '{\n    "verdict": "|A",\n    "reasoning": "A is a better picture than B"\n}'),
        (JsonFormat(), TIED, '```json\n{"reasoning": "A or B", "verdict": "|B"}\n```'),
        (LabelFormat(), TIED, "A or B?\n\n**|B**"),
        (LabelFormat(), TIED, "A or B?\n\nAnswer: |B."),
        (LabelFormat(), Score(1, 10, 1), "1 point of 10 is lost\n\n|10"),
        (ArenaFormat(), TIED, "A>B at first.\n\nBut: [[|B>A]]"),
        (LabelFormat(), Choice(("\u597d", "\u4e0d\u597d")), "\u8fd9\u4e2a\u4e0d\u597d\n\n|\u597d"),
    ],
)
def test_the_place_is_where_another_answer_would_make_another_verdict(
    form: VerdictFormat, space: AnswerSpace, marked: str
) -> None:
    place, raw = marked.index("|"), marked.replace("|", "", 1)
    spelt = spell_answers(form, space)

    def reads(text: str) -> Verdict | None:
        return read(form, text, space).verdict

    assert place_of(raw, spelt.verdicts.index(reads(raw)), spelt, reads) == place


@pytest.mark.parametrize("raw", ["[[A]] [[A]]", "So [[A]], I said [[a]]."])
def test_a_verdict_that_is_stated_twice_has_no_place(raw: str) -> None:
    form, spelt = BracketsFormat(), spell_answers(BracketsFormat(), TIED)
    assert read(form, raw, TIED).verdict == 0
    assert place_of(raw, 0, spelt, lambda text: read(form, text, TIED).verdict) is None


def test_few_places_are_tried_however_long_the_text() -> None:
    calls = []

    def reads(text: str) -> None:
        calls.append(text)

    assert place_of("A a " * 20_000, 0, spell_answers(LabelFormat(), TIED), reads) is None
    assert len(calls) < 60
