from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.generation.logits_process import TopKLogitsWarper, TopPLogitsWarper

from harness_transformers.sampling import Sampling, draw

GRID = torch.linspace(0, 1, 20_001)[:-1].double()


def shares(logits: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """How often each token comes out over a fine grid of numbers."""
    tokens = draw(logits.expand(len(GRID), -1), sampling, GRID)
    return torch.bincount(tokens, minlength=logits.shape[-1]) / len(GRID)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(-4, 4), min_size=3, max_size=12),
    st.floats(0.3, 3),
    st.floats(0.2, 1),
    st.integers(0, 12),
)
def test_tokens_come_out_as_often_as_transformers_says_they_should(
    raw: list[float], temperature: float, top_p: float, top_k: int
) -> None:
    logits = torch.tensor([raw], dtype=torch.float64)
    expected = logits / temperature
    if top_k:
        expected = TopKLogitsWarper(top_k)(None, expected)
    if top_p < 1:
        expected = TopPLogitsWarper(top_p)(None, expected)
    found = shares(logits, Sampling(temperature=temperature, top_p=top_p, top_k=top_k))
    kept = torch.isfinite(expected[0])
    if len({round(value, 9) for value in raw}) == len(raw):  # among equals, which are kept is anybody's choice
        assert torch.equal(found > 0, kept & (found > 0))
        assert torch.allclose(found.double(), expected.softmax(-1)[0], atol=2e-3)


def test_a_number_of_almost_one_gives_a_token_that_has_weight() -> None:
    logits = torch.tensor([[0.0, 1.0, float("-inf")]])
    assert draw(logits, Sampling(temperature=1.0), torch.tensor([1 - 1e-16], dtype=torch.float64)).item() == 1


@pytest.mark.parametrize("sampling", [Sampling(temperature=0.7), Sampling(temperature=1.3, top_p=0.8, top_k=20)])
def test_a_row_does_not_depend_on_its_batch(sampling: Sampling) -> None:
    dice = torch.Generator().manual_seed(1)
    logits, numbers = torch.randn(16, 50, generator=dice), torch.rand(16, generator=dice)
    together = draw(logits, sampling, numbers)
    alone = torch.cat([draw(logits[row : row + 1], sampling, numbers[row : row + 1]) for row in range(16)])
    assert torch.equal(together, alone)
