"""Against `log_softmax` of all places, in values, gradients and entropies."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from harness_grpo import prefix
from harness_grpo.likelihoods import entropies, token_logps

M, V, N = 23, 101, 40


def drawn(dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, tokens and their places; the same token is asked for twice at the same place."""
    dice = torch.Generator().manual_seed(0)
    logits = (4 * torch.randn(M, V, generator=dice, dtype=torch.float64)).to(dtype).requires_grad_()
    tokens = torch.randint(V, (N,), generator=dice)
    source = torch.randint(M, (N,), generator=dice)
    tokens[1], source[1] = tokens[0], source[0]
    return logits, tokens, source


def plain(logits: Tensor, tokens: Tensor, source: Tensor, temperature: float) -> Tensor:
    dtype = torch.promote_types(logits.dtype, torch.float32)
    return (logits.to(dtype) / temperature).log_softmax(-1)[source, tokens]


@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("at_once", [1, 5 * V, M * V, 2**24])
def test_values_and_gradients_are_those_of_log_softmax(temperature: float, at_once: int) -> None:
    logits, tokens, source = drawn()
    weights = torch.randn(N, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    expected = plain(logits, tokens, source, temperature)
    (gradient,) = torch.autograd.grad((weights * expected).sum(), logits)
    found = token_logps(logits, tokens, source, temperature, at_once=at_once)
    (own,) = torch.autograd.grad((weights * found).sum(), logits)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-13)
    torch.testing.assert_close(own, gradient, rtol=0, atol=1e-13)


def test_gradients_are_those_of_small_differences() -> None:
    logits, tokens, source = drawn()
    assert torch.autograd.gradcheck(
        lambda given: token_logps(given, tokens[:6], source[:6], 0.7, at_once=3 * V), (logits,)
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_of_half_precision_the_sums_are_made_in_whole(dtype: torch.dtype) -> None:
    logits, tokens, source = drawn(dtype)
    exact = plain(logits.detach().double(), tokens, source, 0.7)
    found = token_logps(logits, tokens, source, 0.7, at_once=3 * V)
    assert found.dtype is torch.float32
    torch.testing.assert_close(found.double(), exact, rtol=0, atol=2e-6)
    (own,) = torch.autograd.grad(found.sum(), logits)
    (gradient,) = torch.autograd.grad(plain(logits, tokens, source, 0.7).sum(), logits)
    assert own.dtype is dtype
    close = 1e-6 if dtype is torch.float32 else 2 * torch.finfo(dtype).eps
    torch.testing.assert_close(own, gradient, rtol=close, atol=close)


def test_logits_that_are_far_apart_do_not_overflow() -> None:
    logits = torch.tensor([[3e4, -3e4, 0.0]], requires_grad=True)
    found = token_logps(logits, torch.tensor([1, 0]), torch.tensor([0, 0]), 1.0)
    assert found.tolist() == [-6e4, 0.0]
    (own,) = torch.autograd.grad(found.sum(), logits)
    assert own.tolist() == [[-1.0, 1.0, 0.0]]


@pytest.mark.parametrize("at_once", [1, 2**24])
def test_entropies_are_those_of_the_distributions(at_once: int) -> None:
    logits, _, _ = drawn()
    shares = (logits.detach() / 0.7).softmax(-1)
    expected = -(shares * shares.log()).sum(-1)
    found = entropies(logits, 0.7, at_once=at_once)
    assert not found.requires_grad
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("entropy", [False, True])
def test_a_scorer_takes_them_for_large_logits_alone(monkeypatch: pytest.MonkeyPatch, entropy: bool) -> None:
    logits, tokens, source = drawn(torch.float32)
    wanted = prefix._Drawn(0.7, entropy)
    small = prefix._likelihoods(logits, tokens, wanted, source)
    assert "TokenLogps" not in str(small.logps.grad_fn)
    monkeypatch.setattr(prefix, "LARGE", M * V - 1)
    large = prefix._likelihoods(logits, tokens, wanted, source)
    assert "TokenLogps" in str(large.logps.grad_fn)
    torch.testing.assert_close(large.logps, small.logps, rtol=0, atol=1e-5)
    assert (large.entropy is None) == (small.entropy is None) == (not entropy)
    if small.entropy is not None and large.entropy is not None:
        torch.testing.assert_close(large.entropy, small.entropy, rtol=0, atol=1e-5)


def test_no_float32_copy_of_the_logits_is_kept() -> None:
    logits, tokens, source = drawn(torch.bfloat16)
    kept: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        token_logps(logits, tokens, source, 0.7)
    assert {tensor.dtype for tensor in kept if tensor.ndim == 2} == {torch.bfloat16}
