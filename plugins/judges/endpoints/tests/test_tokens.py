from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.api import AnswerSpace, Choice, Preference, Score, Spellings, VerdictFormat, spell_answers
from harness.formats.brackets import BracketsFormat
from harness.formats.json_object import JsonFormat
from harness.formats.label import LabelFormat
from harness.formats.tagged import TaggedFormat
from harness.testing import read
from harness_endpoints.tokens import probabilities_of

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
    spelt = spell_answers(form, space)
    assert read(form, raw, space).verdict == verdict, "the test's own text must read as it says"
    return weighed({"content": tokens}, raw, spelt.verdicts.index(verdict), spelt, form, space)


def weighed(
    logprobs: Any, raw: str, verdict: int, spelt: Spellings, form: VerdictFormat, space: AnswerSpace
) -> list[float] | None:
    return probabilities_of(logprobs, raw, verdict, spelt, lambda text: read(form, text, space).verdict)


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
    tokens = [token("<answer>"), listed("Yes", 0.4, {"yes": 0.2, "NO": 0.2, "no": 0.1, "n": 0.1}), token("</answer>")]
    assert shares(tokens, "yes") == pytest.approx([0.6, 0.4])


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


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.5, 10**400, -(10**400), True, "0", None, [], -1e9])
def test_hostile_log_probabilities_are_ignored(value: Any) -> None:
    tokens = [token("<answer>"), listed("yes", 0.6, {"no": 0.4}), token("</answer>")]
    assert shares(tokens, "yes") is not None
    tokens[1]["top_logprobs"][1]["logprob"] = value
    assert shares(tokens, "yes") is None


def test_chances_that_add_up_to_more_than_one_are_ignored() -> None:
    assert shares([token("<answer>"), listed("yes", 0.9, {"no": 0.9}), token("</answer>")], "yes") is None


def test_tokens_that_do_not_spell_the_text_are_ignored() -> None:
    spelt = spell_answers(TaggedFormat(), YES_NO)
    tokens = [token("<answer>"), token("no"), token("</answer>")]
    assert weighed({"content": tokens}, "<answer>yes</answer>", 0, spelt, TaggedFormat(), YES_NO) is None


def test_bytes_count_where_text_cannot_say_it() -> None:
    half = {"token": "\\xf0\\x9f", "logprob": 0.0, "bytes": [0xF0, 0x9F], "top_logprobs": []}
    other = {"token": "\\x98\\x80", "logprob": 0.0, "bytes": [0x98, 0x80], "top_logprobs": []}
    rest = [token("<answer>"), listed("yes", 0.75, {"no": 0.25}), token("</answer>")]
    raw = "\U0001f600<answer>yes</answer>"
    spelt = spell_answers(TaggedFormat(), YES_NO)
    found = weighed({"content": [half, other, *rest]}, raw, 0, spelt, TaggedFormat(), YES_NO)
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
    check(data, "<answer>yes</answer>", spell_answers(TaggedFormat(), YES_NO))


@given(
    st.lists(st.sampled_from(["", "y", "ye", "yes", "s", "es", "1", "10", "0", "A", "\n"]), min_size=1, max_size=8),
    st.lists(st.tuples(st.sampled_from(["", "y", "yes", "1", "10", "B", "no"]), st.floats(-5, 0)), max_size=4),
    st.sampled_from([YES_NO, Score(1, 10, 1), Choice(("A", "AB", "yes"))]),
)
def test_whatever_is_given_is_a_distribution(
    texts: list[str], others: list[tuple[str, float]], space: AnswerSpace
) -> None:
    raw = "".join(texts)
    verdict = read(LabelFormat(), raw, space).verdict
    spelt = spell_answers(LabelFormat(), space)
    if verdict not in spelt.verdicts:
        return
    top = [{"token": text, "logprob": chance} for text, chance in others]
    tokens = [{"token": text, "logprob": -0.1, "top_logprobs": top} for text in texts]
    found = weighed({"content": tokens}, raw, spelt.verdicts.index(verdict), spelt, LabelFormat(), space)
    assert found is None or sum(found) == pytest.approx(1)


def check(data: Any, raw: str, spelt: Spellings) -> None:
    for logprobs in (data, {"content": data}, {"content": [data]}):
        found = weighed(logprobs, raw, 0, spelt, TaggedFormat(), YES_NO)
        assert found is None or sum(found) == pytest.approx(1)


def test_empty_tokens_without_end_take_no_time() -> None:
    empty = [token("") for _ in range(40_000)]
    tokens = [token("<answer>"), *empty, listed("yes", 0.9, {"no": 0.1}), *empty, token("</answer>")]
    assert shares(tokens, "yes") == pytest.approx([0.9, 0.1])


# -- alignment -----------------------------------------------------------------------------------------------------

YES = [token("<answer>"), listed("yes", 0.75, {"no": 0.25}), token("</answer>")]
CONTENT = "<answer>yes</answer>"


def aligned_shares(tokens: list[dict[str, Any]], content: str, space: AnswerSpace = YES_NO, form: Any = None) -> Any:
    """With the content apart from what the tokens spell."""
    form = form or TaggedFormat()
    spelt = spell_answers(form, space)
    verdict = spelt.verdicts.index(read(form, content, space).verdict)
    return weighed({"content": tokens}, content, verdict, spelt, form, space)


@pytest.mark.parametrize(
    ("before", "after", "content"),
    [
        (["<think>", "yes", " or no", "</think>", "\n\n"], [], CONTENT),
        ([], ["<|im_end|>"], CONTENT),
        ([], ["\n", "</s>", ""], CONTENT),
        (["<|channel|>", "final", "<|message|>"], ["<|return|>"], CONTENT),
        (["hm"], ["\n\n"], CONTENT + "\n\n"),
        ([" \n"], ["\n"], CONTENT),
        ([], ["\n\n", "Done", "."], CONTENT + "\n\nDone."),
        (["**Note** 4/5\n"], [" B."], "**Note** 4/5\n" + CONTENT + " B."),
        (["\ufffd", " caf\ufffd. ", "Well. " * 12], [], "\u2615 caf\u00e9. " + "Well. " * 12 + CONTENT),
    ],
)
def test_tokens_are_laid_over_the_text(before: list[str], after: list[str], content: str) -> None:
    tokens = [*map(token, before), *YES, *map(token, after)]
    assert aligned_shares(tokens, content) == pytest.approx([0.75, 0.25])


@pytest.mark.parametrize("after", ["Not at all", "<answer>no</answer>", "no"])
def test_a_list_that_goes_on_with_other_words_is_another_text(after: str) -> None:
    assert aligned_shares([*YES, token(after)], CONTENT) is None


def test_a_verdict_that_only_ends_another_word_is_another_text() -> None:
    tokens = [listed("eyes", 0.7, {"no": 0.3})]
    assert aligned_shares(tokens, "yes", form=LabelFormat()) is None


@pytest.mark.parametrize("with_bytes", [True, False])
@pytest.mark.parametrize(
    "spelt",
    [
        ["\u2581So", "<0x0A>", "<0x0A>", "\u2581yes"],  # sentencepiece
        ["So", "\u010a\u010a", "\u0120yes"],  # byte-level
    ],
)
def test_tokens_in_the_tokenizers_own_spelling_are_read(spelt: list[str], with_bytes: bool) -> None:
    blank = spelt[-1][0]
    tokens = [*map(token, spelt[:-1]), listed(spelt[-1], 0.5, {f"{blank}no": 0.25, "no": 0.125, "yes": 0.125})]
    if not with_bytes:
        for one in tokens:
            for entry_ in (one, *one["top_logprobs"]):
                entry_["bytes"] = None
    assert aligned_shares(tokens, "So\n\n yes", form=LabelFormat()) == pytest.approx([0.625, 0.375])


@pytest.mark.parametrize(
    ("form", "pieces"),
    [
        (JsonFormat(), ['{\n    "', "reasoning", '": "', "A", '",\n    "', "verdict", '": "', "|", '"\n', "}"]),
        (JsonFormat(), ["```json\n", '{"verdict": "', "|", '", "reasoning": "A or B"}', "\n```"]),
        (LabelFormat(), ["So.\n\n", "**", "|", "**"]),
        (LabelFormat(), ["So.\n\n", "Answer", ":", "|", "."]),
        (BracketsFormat(), ["So.\n\n", "[[", "|", "]]", "\n\n", "That", " is", " all", "."]),
    ],
)
def test_spelling_around_the_verdict_is_no_matter(form: VerdictFormat, pieces: list[str]) -> None:
    blank = " " if ":" in pieces else ""
    others = {f"{blank}A": 0.25, f"{blank}b": 0.125}
    tokens = [listed(f"{blank}B", 0.625, others) if piece == "|" else token(piece) for piece in pieces]
    assert shares(tokens, 1, form=form, space=Preference(2)) == pytest.approx([0.25, 0.75])


def test_a_score_of_a_scale_is_read_at_its_own_number() -> None:
    form, scale = BracketsFormat(), Score(1, 5, 1)
    tokens = [token("Of 5: [["), listed("4", 0.5, {"5": 0.5}), token("]]")]
    assert shares(tokens, 4, form=form, space=scale) == pytest.approx([0, 0, 0, 0.5, 0.5])


# -- what cannot be known ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [-9999.0, -9999, -math.inf, None])
def test_a_verdict_that_was_written_against_all_odds_has_no_probabilities(value: Any) -> None:
    tokens = [token("<answer>"), listed("yes", 0.6, {"no": 0.4}), token("</answer>")]
    for written in (tokens[1], tokens[1]["top_logprobs"][0]):
        written["logprob"] = value
    assert shares(tokens, "yes") is None


def test_a_written_token_that_its_own_entry_calls_impossible_is_not_believed_from_the_list() -> None:
    tokens = [token("<answer>"), listed("yes", 0.6, {"no": 0.4}), token("</answer>")]
    tokens[1]["logprob"] = -9999.0
    assert shares(tokens, "yes") is None


def test_what_is_written_must_come_to_what_was_read() -> None:
    scale = Score(1, 5, 0.5)
    tokens = [token("So.\n\n"), listed("4", 0.3, {"3.5": 0.7}), token(".0")]
    assert read(LabelFormat(), "So.\n\n4.0", scale).verdict == 4
    assert shares(tokens, 4, form=LabelFormat(), space=scale) is None


def test_what_a_server_does_not_list_is_not_nothing() -> None:
    bare = [token("<answer>"), listed("yes", 0.6, {}), token("</answer>")]
    assert shares(bare, "yes") is None  # the other 40 % may all be `no`
    low = [token("<answer>"), listed("no", 0.05, {"yes": 0.55}), token("</answer>")]
    assert shares(low, "no") is None
    low = [token("<answer>"), listed("no", 0.05, {"yes": 0.55, "I": 0.2, "One": 0.19}), token("</answer>")]
    assert shares(low, "no") == pytest.approx([0.55 / 0.6, 0.05 / 0.6])
    scale = Score(1, 9, 1)
    flat = [token("<answer>"), listed("7", 0.4, {"8": 0.3, "6": 0.2}), token("</answer>")]
    assert shares(flat, 7, space=scale) is None
    sharp = [token("<answer>"), listed("7", 0.6, {"8": 0.3, "6": 0.099}), token("</answer>")]
    assert shares(sharp, 7, space=scale) is not None


def test_an_alternative_that_begins_no_answer_yet_is_anybodys() -> None:
    for piece in (" ", "\n", "**", '"', " **"):
        tokens = [token("So.\n\n"), listed("yes", 0.6, {"no": 0.2, piece: 0.2})]
        assert shares(tokens, "yes", form=LabelFormat()) is None


def test_an_alternative_that_joins_the_token_before_and_a_verdict_counts() -> None:
    tokens = [token("<answer"), listed(">", 0.8, {">no": 0.2}), listed("yes", 0.75, {"no": 0.25}), token("</answer>")]
    assert shares(tokens, "yes") == pytest.approx([0.6, 0.4])


@pytest.mark.parametrize(
    ("written", "others", "expected"),
    [
        ("good", {"very": 0.3, "bad": 0.2}, [0.5, 0.3, 0.2]),
        ("good", {"very good": 0.3, "bad": 0.2}, [0.5, 0.3, 0.2]),
        ("very", {"good": 0.3, "bad": 0.2}, [0.3, 0.5, 0.2]),
        ("good", {"goodish": 0.3, "bad": 0.2}, [5 / 7, 0, 2 / 7]),  # goodish is no answer
    ],
)
def test_labels_of_several_words_are_told_apart(written: str, others: dict[str, float], expected: list[float]) -> None:
    space = Choice(("good", "very good", "bad"))
    rest = [token(" good")] if written == "very" else []
    tokens = [token("<answer>"), listed(written, 0.5, others), *rest, token("</answer>")]
    verdict = "very good" if rest else "good"
    found = shares(tokens, verdict, space=space)
    assert found == pytest.approx(expected)


# -- against a model whose probabilities are known -----------------------------------------------------------------


@st.composite
def written_answers(draw: st.DrawFn) -> tuple[AnswerSpace, dict[tuple[str, ...], float], str, tuple[str, ...], int]:
    """A space, the probability of every way to write an answer (or something else), what stands around it, the one
    that was written, and how many alternatives the server lists."""
    space = draw(
        st.sampled_from(
            [
                YES_NO,
                Score(1, 10, 1),
                Score(0, 1, 0.25),
                Preference(3, ("tie",)),
                Choice(("good", "very good", "bad")),
                Choice(("A", "AB", "B")),
                Choice(("\u597d", "\u4e0d\u597d")),
            ]
        )
    )
    leaves: dict[tuple[str, ...], float] = {}
    for verdict in space.verdicts():
        name = space.name(verdict)
        for _ in range(draw(st.integers(1, 2))):
            word = draw(st.sampled_from([name, name.upper(), " " + name, name]))
            cuts = sorted(draw(st.sets(st.integers(1, max(1, len(word) - 1)), max_size=2)))
            parts = [word[a:b] for a, b in zip([0, *cuts], [*cuts, len(word)], strict=True) if word[a:b]]
            joined = draw(st.booleans())
            leaf = (*parts[:-1], parts[-1] + "</answer>") if joined else (*parts, "</answer>")
            leaves[leaf] = leaves.get(leaf, 0.0) + draw(st.sampled_from([0.0, 0.001, 0.05, 0.3, 1.0, 4.0]))
    for word in ("?", "zebra", "\n"):
        leaves[(word, "</answer>")] = draw(st.sampled_from([0.0, 0.0, 0.001, 0.2]))
    possible = [leaf for leaf, weight in leaves.items() if weight and leaf[0] not in ("?", "zebra", "\n")]
    assume(possible)
    total = sum(leaves.values())
    before = draw(st.sampled_from(["<answer>", "<think>yes 1 A good</think><answer>"]))
    return (
        space,
        {leaf: weight / total for leaf, weight in leaves.items() if weight},
        before,
        draw(st.sampled_from(possible)),
        draw(st.integers(1, 20)),
    )


@given(written_answers())
@settings(max_examples=400, deadline=None)
def test_probabilities_are_those_of_the_model_or_there_are_none(
    case: tuple[AnswerSpace, dict[tuple[str, ...], float], str, tuple[str, ...], int],
) -> None:
    space, leaves, before, written, most = case
    form, tokens = TaggedFormat(), [token(before)]
    for depth, piece in enumerate(written):
        chances: dict[str, float] = {}
        for leaf, weight in leaves.items():
            if leaf[:depth] == written[:depth] and len(leaf) > depth:
                chances[leaf[depth]] = chances.get(leaf[depth], 0.0) + weight
        total = sum(chances.values())
        top = sorted(chances.items(), key=lambda pair: -pair[1])[:most]
        tokens.append(listed(piece, chances[piece] / total, {text: p / total for text, p in top}))
    found = shares(tokens, read(form, before + "".join(written), space).verdict, space=space)
    true = dict.fromkeys(space.verdicts(), 0.0)
    for leaf, weight in leaves.items():
        verdict = read(form, before + "".join(leaf), space).verdict
        if verdict is not None:
            true[verdict] += weight
    if found is not None:
        known = sum(true.values())
        assert found == pytest.approx([true[verdict] / known for verdict in space.verdicts()], abs=0.05)
