from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import AnswerSpace, Choice, Preference, Score, Spellings, VerdictFormat, spellings
from harness.formats.brackets import BracketsFormat
from harness.formats.json_object import JsonFormat
from harness.formats.label import LabelFormat
from harness.formats.tagged import TaggedFormat
from harness_openai.tokens import probabilities_of

YES_NO = Choice(("yes", "no"))


def token(text: str, chance: float = 1.0, /, **others: float) -> dict[str, Any]:
    return listed(text, chance, others)


def listed(text: str, chance: float, others: dict[str, float]) -> dict[str, Any]:
    top = [entry(other, p) for other, p in {text: chance, **others}.items()]
    return {**entry(text, chance), "top_logprobs": top}


def entry(text: str, chance: float) -> dict[str, Any]:
    return {"token": text, "logprob": math.log(chance) if chance else -9999.0, "bytes": list(text.encode())}


def shares(
    tokens: list[dict[str, Any]], verdict: object, *, form: VerdictFormat | None = None, space: AnswerSpace = YES_NO
) -> list[float] | None:
    raw = "".join(one["token"] for one in tokens)
    form = form or TaggedFormat()
    spelt = spellings(form, space)
    assert form.parse(raw, space).verdict == verdict, "the test's own text must read as it says"
    return probabilities_of({"content": tokens}, raw, spelt.verdicts.index(verdict), spelt)


def test_the_tagged_verdict_is_weighed_at_its_first_token() -> None:
    tokens = [
        token("<think>yes or no</think>"),
        token("<answer>"),
        listed("yes", 0.6, {"no": 0.3, "maybe": 0.1}),
        token("</answer>"),
    ]
    assert shares(tokens, "yes") == pytest.approx([2 / 3, 1 / 3])


def test_reasoning_that_names_the_verdict_is_not_where_it_is_weighed() -> None:
    tokens = [
        token("<think>"),
        listed("no", 0.99, {"yes": 0.01}),
        token("</think><answer>"),
        listed("yes", 0.9, {"no": 0.1}),
        token("</answer>\n"),
    ]
    assert shares(tokens, "yes") == pytest.approx([0.9, 0.1])


def test_every_built_in_format_is_understood() -> None:
    pair = Preference(2, ("tie",))
    tie = [token('{"reasoning":"r", "verdict": "'), listed("A", 0.5, {"B": 0.25, "t": 0.25}), token('"}')]
    assert shares(tie, 0, form=JsonFormat(), space=pair) == pytest.approx([0.5, 0.25, 0.25])
    brackets = [token("So.\n\n[["), listed("B", 0.75, {"A": 0.25}), token("]]")]
    assert shares(brackets, 1, form=BracketsFormat(), space=pair) == pytest.approx([0.25, 0.75, 0])
    label = [token("So.\n\n"), listed("B", 0.75, {"A": 0.25})]
    assert shares(label, 1, form=LabelFormat(), space=pair) == pytest.approx([0.25, 0.75, 0])


def test_what_a_token_has_before_the_verdict_must_match() -> None:
    tokens = [token("So.\n\n[["[:-1]), listed("[A", 0.6, {"[B": 0.3, "B": 0.1}), token("]]")]
    assert shares(tokens, 0, form=BracketsFormat(), space=Preference(2)) == pytest.approx([2 / 3, 1 / 3])


def test_letter_case_is_ignored_and_alternatives_of_one_answer_add_up() -> None:
    tokens = [token("<answer>"), listed("Yes", 0.4, {"yes": 0.2, "NO": 0.2, "no": 0.1, "n": 0.05}), token("</answer>")]
    assert shares(tokens, "yes") == pytest.approx([0.6 / 0.95, 0.35 / 0.95])


def test_a_token_may_hold_the_whole_ending() -> None:
    tokens = [token("<answer>"), listed("yes</answer>", 0.7, {"no</answer>": 0.2, "no": 0.1})]
    assert shares(tokens, "yes") == pytest.approx([0.7, 0.3])


def test_answers_that_begin_alike_are_divided_by_the_next_token() -> None:
    scale = Score(1, 10, 1)
    tokens = [token("<answer>"), listed("1", 0.8, {"7": 0.2}), listed("0", 0.75, {"</": 0.25}), token("</answer>")]
    found = shares(tokens, 10, space=scale)
    assert found is not None
    assert found == pytest.approx([0.2, 0, 0, 0, 0, 0, 0.2, 0, 0, 0.6])


def test_answers_that_begin_alike_and_were_not_written_make_it_unknown() -> None:
    scale = Score(1, 10, 1)
    tokens = [token("<answer>"), listed("7", 0.8, {"1": 0.2}), token("</answer>")]
    assert shares(tokens, 7, space=scale) is None
    tokens = [token("<answer>"), listed("7", 0.995, {"1": 0.005}), token("</answer>")]
    found = shares(tokens, 7, space=scale)
    assert found is not None
    assert found[6] == pytest.approx(1)


def test_an_answer_that_could_still_grow_at_the_end_is_unknown() -> None:
    assert shares([listed("1", 0.9, {"2": 0.1})], 1, form=LabelFormat(), space=Score(1, 10, 1)) is None
    assert shares([listed("A", 0.9, {"AB": 0.1})], "A", form=LabelFormat(), space=Choice(("A", "AB"))) is None


def test_less_than_half_of_the_mass_is_too_little() -> None:
    assert shares([token("<answer>"), listed("yes", 0.3, {"maybe": 0.6}), token("</answer>")], "yes") is None


def test_a_verdict_that_is_not_at_the_end_has_no_probabilities() -> None:
    assert shares([token("<answer>"), token("yes"), token("</answer>"), token(" Good night.")], "yes") is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.5, 10**400, -(10**400), True, "0", None, [], -1e9])
def test_hostile_log_probabilities_are_ignored(value: Any) -> None:
    tokens = [token("<answer>"), listed("yes", 0.6, {"no": 0.4}), token("</answer>")]
    assert shares(tokens, "yes") is not None
    tokens[1]["top_logprobs"][1]["logprob"] = value
    assert shares(tokens, "yes") is None


def test_chances_that_add_up_to_more_than_one_are_ignored() -> None:
    assert shares([token("<answer>"), listed("yes", 0.9, {"no": 0.9}), token("</answer>")], "yes") is None


def test_tokens_that_do_not_spell_the_text_are_ignored() -> None:
    spelt = spellings(TaggedFormat(), YES_NO)
    tokens = [token("<answer>"), token("no"), token("</answer>")]
    assert probabilities_of({"content": tokens}, "<answer>yes</answer>", 0, spelt) is None


def test_bytes_count_where_text_cannot_say_it() -> None:
    half = {"token": "\\xf0\\x9f", "logprob": 0.0, "bytes": [0xF0, 0x9F], "top_logprobs": []}
    other = {"token": "\\x98\\x80", "logprob": 0.0, "bytes": [0x98, 0x80], "top_logprobs": []}
    rest = [token("<answer>"), listed("yes", 0.75, {"no": 0.25}), token("</answer>")]
    raw = "\U0001f600<answer>yes</answer>"
    found = probabilities_of({"content": [half, other, *rest]}, raw, 0, spellings(TaggedFormat(), YES_NO))
    assert found == pytest.approx([0.75, 0.25])


JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.sampled_from(["yes", "no", ""])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["content", "token", "logprob", "bytes", "top_logprobs"]), inner, max_size=5),
    ),
    max_leaves=30,
)


@given(JSON)
def test_arbitrary_log_probabilities_never_raise(data: Any) -> None:
    check(data, "<answer>yes</answer>", spellings(TaggedFormat(), YES_NO))


@given(
    st.lists(st.sampled_from(["", "y", "ye", "yes", "s", "es", "1", "10", "0", "A", "\n"]), min_size=1, max_size=8),
    st.lists(st.tuples(st.sampled_from(["", "y", "yes", "1", "10", "B", "no"]), st.floats(-5, 0)), max_size=4),
    st.sampled_from([YES_NO, Score(1, 10, 1), Choice(("A", "AB", "yes"))]),
)
def test_whatever_is_given_is_a_distribution(
    texts: list[str], others: list[tuple[str, float]], space: AnswerSpace
) -> None:
    raw = "".join(texts)
    verdict = LabelFormat().parse(raw, space).verdict
    spelt = spellings(LabelFormat(), space)
    if verdict not in spelt.verdicts:
        return
    top = [{"token": text, "logprob": chance} for text, chance in others]
    tokens = [{"token": text, "logprob": -0.1, "top_logprobs": top} for text in texts]
    found = probabilities_of({"content": tokens}, raw, spelt.verdicts.index(verdict), spelt)
    assert found is None or sum(found) == pytest.approx(1)


def check(data: Any, raw: str, spelt: Spellings) -> None:
    for logprobs in (data, {"content": data}, {"content": [data]}):
        found = probabilities_of(logprobs, raw, 0, spelt)
        assert found is None or sum(found) == pytest.approx(1)


def test_empty_tokens_without_end_take_no_time() -> None:
    empty = [token("") for _ in range(40_000)]
    tokens = [token("<answer>"), *empty, listed("yes", 0.9, {"no": 0.1}), *empty, token("</answer>")]
    assert shares(tokens, "yes") == pytest.approx([0.9, 0.1])
