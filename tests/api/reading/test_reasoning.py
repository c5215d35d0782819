from __future__ import annotations

import unicodedata

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from harness.api import DataError
from harness.api.reading import KNOWN_MARKS, Thinking, opens_reasoning, split_reasoning

PAIRS = [
    ("<think>", "</think>"),
    ("<Thinking>", "</Thinking>"),
    ("<reason>", "</reason>"),
    ("<seed:think>", "</seed:think>"),
    ('<think depth="2">', "</think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<unused94>", "<unused95>"),
    ("<|channel>thought", "<channel|>"),
    ("<|channel|>analysis<|message|>", "<|start|>assistant<|channel|>final<|message|>"),
]
pairs = pytest.mark.parametrize(("opening", "closing"), PAIRS)
PLAIN = st.text(st.characters(exclude_characters="<[◁|a\n", exclude_categories=["Cs"]), max_size=20)


def test_every_known_family_is_tried_here() -> None:
    assert len(KNOWN_MARKS) <= len(PAIRS)
    assert all(opening and closing for opening, closing in KNOWN_MARKS.values())


@pairs
def test_reasoning_is_what_stands_between_the_marks(opening: str, closing: str) -> None:
    split = split_reasoning(f"{opening} why {closing}so")
    assert (split.statement.strip(), split.reasoning, split.marks) == ("so", "why", (opening, closing))
    assert (split.closed, split.unclosed, split.leading) == (True, False, True)


@pairs
def test_reasoning_that_never_closes_reaches_to_the_end(opening: str, closing: str) -> None:
    split = split_reasoning(f"before{opening}why")
    assert (split.statement, split.reasoning) == ("before", "why")
    assert (split.closed, split.unclosed) == (False, True)


@pytest.mark.parametrize("closing", [closing for _, closing in PAIRS if "final" not in closing])
def test_a_closing_mark_alone_ends_what_the_prompt_opened(closing: str) -> None:
    for opened in (False, True):
        split = split_reasoning(f"why{closing}so", opened=opened)
        assert (split.statement, split.reasoning, split.closed) == ("so", "why", True)


def test_a_prompt_that_opened_the_reasoning_needs_a_closing_mark() -> None:
    assert split_reasoning("why, so", opened=True).unclosed
    assert split_reasoning("<think>why</think>so", opened=True).statement.strip() == "so"


def test_two_blocks_are_reasoning_and_do_not_lead() -> None:
    split = split_reasoning("<think>a</think>b<think>c</think>d")
    assert (split.statement.split(), split.reasoning, split.leading) == (["b", "d"], "a\nc", False)


def test_names_of_tags_are_mixed_up_and_families_are_not() -> None:
    assert split_reasoning("<think>a</thinking>b").statement.strip() == "b"
    assert split_reasoning("<think>a[/THINK]b").unclosed


def test_a_channel_is_closed_by_its_end_and_only_the_last_one_speaks() -> None:
    said = "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>commentary<|message|>b<|end|>"
    split = split_reasoning(f"{said}<|start|>assistant<|channel|>final<|message|>c<|return|>")
    assert (split.statement, split.reasoning) == ("c", "a\nb")


@pytest.mark.parametrize("word", ["analysis of it", "analysis, then", "analyst", "Analysis", "analysis: so"])
def test_a_sentence_that_begins_with_analysis_is_no_channel(word: str) -> None:
    assert split_reasoning(word).statement == word


def test_a_channel_without_its_special_tokens_is_known_by_its_names() -> None:
    split = split_reasoning("analysisWe compare.assistantfinalB")
    assert (split.statement, split.reasoning, split.closed) == ("B", "We compare.", True)
    assert split_reasoning("analysisWe compare.").unclosed


def test_an_opening_mark_inside_reasoning_is_part_of_it() -> None:
    split = split_reasoning("<think>a<think>b</think>so")
    assert (split.statement.strip(), split.reasoning, split.leading) == ("so", "a<think>b", False)
    split = split_reasoning("<|channel|>analysis<|message|>a<|im_end|>b<|end|>so")
    assert (split.statement.strip(), split.reasoning) == ("so", "a<|im_end|>b")


def test_own_marks_are_taken_to_the_letter_and_beside_the_known_ones() -> None:
    marks = (("<<", ">>"), ("(a+", "a)"))
    assert split_reasoning("<<why>>so", marks=marks).statement.strip() == "so"
    assert split_reasoning("(a+why a)so", marks=marks).statement.strip() == "so"
    assert split_reasoning("<think>why</think>so", marks=marks).statement.strip() == "so"
    assert split_reasoning("<<why>>so").statement == "<<why>>so"


def test_tokens_of_chat_templates_are_left_out_of_the_statement_alone() -> None:
    assert split_reasoning("so<|im_end|>").statement.strip() == "so"
    assert split_reasoning("<think>a<|im_start|>b</think>so").reasoning == "a<|im_start|>b"


@given(text=PLAIN, opened=st.booleans())
def test_a_text_without_marks_is_a_statement_unless_the_prompt_opened_it(text: str, opened: bool) -> None:
    split = split_reasoning(text, opened=opened)
    assert (split.statement, split.unclosed) == (("", True) if opened else (text, False))


@given(pair=st.sampled_from(PAIRS), thought=PLAIN, said=PLAIN)
@example(pair=("<think>", "</think>"), thought="'", said="'")
def test_nothing_of_the_reasoning_gets_into_the_statement(pair: tuple[str, str], thought: str, said: str) -> None:
    before = thought[-2:-1]
    opens = before.isspace() or before in ("(", "[", "{") or unicodedata.east_asian_width(before or "x") in ("W", "F")
    assume(not opens or thought[-1:] + said[:1] not in ("``", '""', "''"))  # else the mark is mentioned
    split = split_reasoning(f"{pair[0]}{thought}{pair[1]}{said}")
    assert (split.statement.strip(), split.reasoning) == (said.strip(), thought.strip())


@pytest.mark.parametrize("quote", ["'", '"', "`"])
def test_a_quotation_that_ends_at_a_mark_does_not_hide_it(quote: str) -> None:
    split = split_reasoning(f"<think>The best is {quote}A{quote}</think>{quote}B{quote}")
    assert (split.statement, split.reasoning) == (f"{quote}B{quote}", f"The best is {quote}A{quote}")
    split = split_reasoning(f"<think>It wrote {quote}</think>{quote}, so A.</think>B")
    assert (split.statement, split.reasoning) == ("B", f"It wrote {quote}</think>{quote}, so A.")
    split = split_reasoning(
        f"<think>不要写{quote}</think>{quote}。选甲。</think>B"
    )  # no space stands before a quotation
    assert (split.statement, split.reasoning) == ("B", f"不要写{quote}</think>{quote}。选甲。")
    split = split_reasoning(f"<think>最好的是{quote}甲{quote}</think>{quote}甲{quote}")
    assert (split.statement, split.reasoning) == (f"{quote}甲{quote}", f"最好的是{quote}甲{quote}")


PIECES = [*(mark for pair in PAIRS for mark in pair), "so", "\n"]


@given(text=st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_any_order_of_marks_gives_a_split(text: str) -> None:
    split = split_reasoning(text)
    assert not (split.closed and split.unclosed)
    assert all(opening not in split.statement for opening, _ in PAIRS)


@pytest.mark.parametrize("marks", [(("", "b"),), (("a", " "),), (("a", "a"),)])
def test_marks_that_cannot_be_told_apart_are_refused(marks: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(DataError, match="two different texts"):
        Thinking(marks=marks)


def test_a_prompt_that_ends_with_an_opening_mark_opens_reasoning() -> None:
    assert opens_reasoning("user: hi\nassistant: <think>\n")
    assert opens_reasoning("[THINK]")
    assert not opens_reasoning("<think></think>\n\n")
    assert not opens_reasoning("<think> and so on")
    assert not opens_reasoning("hi")
