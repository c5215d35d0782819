from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from harness_grpo.packing import (
    Piece,
    Rollouts,
    Rows,
    completions_of,
    groups_at_once,
    interleave_first_tokens,
    side_by_side,
    sources,
    tail,
    tails_in_rows,
    tails_together,
)
from harness_transformers.prompts import Prompt

TOKENS = st.lists(st.integers(1, 99), min_size=1, max_size=6).map(tuple)


@st.composite
def rollouts(draw: st.DrawFn) -> Rollouts:
    ids = draw(TOKENS)
    kinds = tuple(draw(st.lists(st.integers(1, 2), min_size=len(ids), max_size=len(ids))))
    completions = tuple(draw(st.lists(TOKENS, min_size=1, max_size=4)))
    return Rollouts(Prompt(ids=ids, per_token={"mm_token_type_ids": kinds}), completions)


BATCHES = st.lists(rollouts(), min_size=1, max_size=3)


def packed(groups: list[Rollouts]) -> Rows:
    return Rows.of(groups, [(number, side_by_side(group)) for number, group in enumerate(groups)], pad=0)


@given(BATCHES)
def test_each_token_side_by_side_sees_what_it_would_see_in_a_row_of_its_own(groups: list[Rollouts]) -> None:
    rows = packed(groups)
    seen = rows.attention_mask()
    for row, group in enumerate(groups):
        begin = len(group.prompt.ids)
        for owner, tokens in enumerate(group.completions, start=1):
            alone = [*group.prompt.ids, *tokens[:-1]]
            for place, token in enumerate(tokens[:-1], start=begin):
                here = begin + sum(len(one) - 1 for one in group.completions[: owner - 1]) + place - begin
                assert [int(one[row, here]) for one in (rows.ids, rows.place, rows.owner)] == [token, place, owner]
                visible = seen[row, here].nonzero()[:, 0]
                assert rows.ids[row, visible].tolist() == alone[: place + 1]
                assert rows.place[row, visible].tolist() == list(range(place + 1))
        for place in range(begin):
            assert seen[row, place].nonzero()[:, 0].tolist() == list(range(place + 1)), "a prompt sees no completion"


@given(BATCHES)
def test_every_token_is_predicted_by_the_one_ahead_of_it(groups: list[Rollouts]) -> None:
    rows = packed(groups)
    kept = rows.keep.nonzero().tolist()
    found = iter(sources(groups))
    for row, group in enumerate(groups):
        for owner, tokens in enumerate(group.completions, start=1):
            for step, _ in enumerate(tokens):
                at, place = kept[next(found)]
                assert at == row
                assert rows.place[row, place] == len(group.prompt.ids) + step - 1
                assert rows.owner[row, place] == (owner if step else 0)
    assert next(found, None) is None


@given(BATCHES)
def test_padding_is_seen_by_no_token_and_nothing_sees_nothing(groups: list[Rollouts]) -> None:
    rows = packed(groups)
    seen, real = rows.attention_mask(), rows.mask.bool()
    assert seen.any(-1).all()
    assert not (seen & real[:, :, None] & ~real[:, None, :]).any()
    assert not (rows.keep & ~real).any()
    assert (rows.ids[~real] == 0).all()


@given(BATCHES)
def test_kinds_are_those_of_the_prompt_and_zero_elsewhere(groups: list[Rollouts]) -> None:
    for rows in (
        packed(groups),
        Rows.of(groups, [(n, [tail(g, t)]) for n, g in enumerate(groups) for t in g.completions], pad=0),
        Rows.of(groups, [(number, [Piece(group.prompt.ids)]) for number, group in enumerate(groups)], pad=0),
    ):
        kinds = rows.kinds["mm_token_type_ids"]
        assert kinds.shape == rows.ids.shape
        for row, number in enumerate(rows.group.tolist()):
            inside = rows.owner[row] == 0
            expected = groups[number].prompt.per_token["mm_token_type_ids"] if inside.any() else ()
            assert kinds[row][inside].tolist() == list(expected)
            assert not kinds[row][~inside].any()


@given(BATCHES)
def test_first_tokens_and_the_rest_come_together_in_the_order_of_completions(groups: list[Rollouts]) -> None:
    completions = completions_of(groups)
    apart = [one[0] for one in completions] + [token for one in completions for token in one[1:]]
    order = interleave_first_tokens([len(one) for one in completions])
    assert torch.tensor(apart)[order].tolist() == [token for one in completions for token in one]


def test_groups_share_a_pass_up_to_a_number_of_tokens() -> None:
    def at_once(count: int, prompt: int, *lengths: int, shared: bool = True) -> int:
        group = Rollouts(Prompt(ids=(1,) * prompt), tuple((2,) * length for length in lengths))
        return groups_at_once([group] * count, shared=shared)

    assert at_once(16, 307, *[32] * 8) == 8, "14 would fit: two passes of 8, and not one of 14 and one of 2"
    assert at_once(4, 307, *[32] * 8) == 4
    assert at_once(40, 4000, 96) == 2
    assert at_once(3, 9000, 50) == 1
    assert at_once(16, 307, *[32] * 8, shared=False) == 3, "a row of 339 tokens for each answer"
    short = Rollouts(Prompt(ids=(1,)), ((2,),))
    longest = Rollouts(Prompt(ids=(1,) * 4000), ((2,) * 96,))
    assert groups_at_once([short, short, longest, short], shared=True) == 2, "rows are as long as the longest"


def test_short_completions_share_a_row_after_a_cache() -> None:
    def together(prompt: int, *lengths: int) -> int:
        return tails_together([Rollouts(Prompt(ids=(1,) * prompt), tuple((2,) * length for length in lengths))])

    assert [together(307, 3, tokens) for tokens in (8, 32, 64, 96, 512)] == [19, 4, 2, 1, 1]
    group = Rollouts(Prompt(ids=(1,) * 9), ((2, 3), (4, 5, 6), (7, 8)))
    rows = tails_in_rows(group, 2)
    assert [[list(piece.tokens) for piece in row] for row in rows] == [[[2], [4, 5]], [[7]]]
    assert [[piece.owner for piece in row] for row in rows] == [[1, 2], [3]]
