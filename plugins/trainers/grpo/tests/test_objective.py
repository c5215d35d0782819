from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any, get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from harness_grpo.objective import (
    Estimator,
    Kind,
    aggregate,
    combine_diagnostics,
    diagnostics,
    kl,
    mask_truncated,
    row_weights,
    token_loss,
)

KINDS = get_args(Kind)
ESTIMATORS = get_args(Estimator)
LONGEST = 9


@dataclass(frozen=True)
class Batch:
    """Log-probabilities a step or two apart, of answers of unlike length."""

    logp: Tensor
    old: Tensor
    ref: Tensor
    advantage: Tensor
    mask: Tensor


def batch(seed: int = 0, *, rows: int = 6, spread: float = 0.5, ragged: bool = True) -> Batch:
    draw = torch.Generator().manual_seed(seed)
    old = -3 * torch.rand(rows, 5, generator=draw, dtype=torch.float64)
    logp = (old + spread * torch.randn(rows, 5, generator=draw, dtype=torch.float64)).requires_grad_()
    ref = (old + 0.3 * torch.randn(rows, 5, generator=draw, dtype=torch.float64)).requires_grad_()
    advantage = torch.randn(rows, generator=draw, dtype=torch.float64)
    lengths = torch.randint(1, 6, (rows,), generator=draw)
    if ragged:
        lengths[-1] = 0  # masked as truncated
    return Batch(logp, old, ref, advantage, torch.arange(5) < lengths[:, None])


def loss_of(one: Batch, weights: Tensor, rows: Any = slice(None), *, beta: float = 0.0, **options: Any) -> Tensor:
    mask, logp = one.mask[rows], one.logp[rows]
    term = token_loss(logp, one.old[rows], one.advantage[rows], mask, **options)
    penalty = beta * kl(logp, one.ref[rows], mask, kind="k3", ratio=term.ratio) if beta else 0.0
    return aggregate(term.loss + penalty, mask, weights[rows])


def gradient(loss: Tensor, of: Tensor) -> Tensor:
    (result,) = torch.autograd.grad(loss, of)
    return result


def trl_loss(
    one: Batch,
    *,
    kind: Kind,
    epsilon_low: float,
    epsilon_high: float,
    delta: float | None,
    beta: float,
    corrected: bool,
) -> Tensor:
    """`GRPOTrainer._compute_loss` of TRL 1.16: one process, no accumulation."""
    mask, advantages = one.mask.int(), one.advantage.unsqueeze(1)
    log_ratio = one.logp - one.old
    if kind == "gspo":  # importance_sampling_level="sequence" with loss_type="grpo"
        log_ratio = ((log_ratio * mask).sum(-1) / mask.sum(-1).clamp(min=1.0)).unsqueeze(-1)
    coef_1 = torch.exp(log_ratio)
    per_token_kl = torch.exp(one.ref - one.logp) - (one.ref - one.logp) - 1
    if corrected:
        per_token_kl = per_token_kl * coef_1
    if kind == "cispo":
        per_token_loss = -torch.clamp(coef_1, max=epsilon_high).detach() * advantages * one.logp
    else:
        coef_2 = torch.clamp(coef_1, 1 - epsilon_low, 1 + epsilon_high)
        if delta is not None:
            coef_1 = torch.clamp(coef_1, max=delta)
        per_token_loss = -torch.min(coef_1 * advantages, coef_2 * advantages)
    per_token_loss = per_token_loss + beta * per_token_kl
    if kind in ("grpo", "gspo"):
        return ((per_token_loss * mask).sum(-1) / mask.sum(-1).clamp(min=1.0)).mean()
    if kind == "dr_grpo":
        return (per_token_loss * mask).sum() / (per_token_loss.size(0) * LONGEST)
    return (per_token_loss * mask).sum() / mask.sum().clamp(min=1.0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("corrected", [True, False])
@pytest.mark.parametrize("delta", [None, 1.6])
@pytest.mark.parametrize("seed", range(3))
def test_loss_and_gradient_agree_with_trl(kind: Kind, corrected: bool, delta: float | None, seed: int) -> None:
    one, beta = batch(seed), 0.04
    delta = None if kind == "cispo" else delta
    cap = 1.28 if kind == "cispo" else 0.28
    expected = trl_loss(one, kind=kind, epsilon_low=0.2, epsilon_high=cap, delta=delta, beta=beta, corrected=corrected)
    term = token_loss(one.logp, one.old, one.advantage, one.mask, kind=kind, dual_clip=delta)
    penalty = kl(one.logp, one.ref, one.mask, kind="k3", ratio=term.ratio if corrected else None)
    weights = row_weights(one.mask, kind=kind, longest=LONGEST)
    got = aggregate(term.loss + beta * penalty, one.mask, weights)
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(gradient(got, one.logp), gradient(expected, one.logp), rtol=0, atol=1e-6)
    assert torch.autograd.grad(got, one.ref, allow_unused=True)[0] is None


def test_dual_clip_agrees_with_verl() -> None:
    one = batch(2, spread=1.5)
    advantages = one.advantage[:, None]
    ratio = torch.exp(torch.clamp(one.logp - one.old, min=-20.0, max=20.0))
    clipped = torch.maximum(-advantages * ratio, -advantages * torch.clamp(ratio, 0.8, 1.28))
    stopped = torch.min(-advantages * 3.0, clipped)
    expected = torch.where(advantages < 0, stopped, clipped)
    term = token_loss(one.logp, one.old, one.advantage, one.mask, kind="grpo", dual_clip=3.0)
    torch.testing.assert_close(term.loss[one.mask], expected[one.mask], rtol=0, atol=1e-6)
    bites = (clipped > -advantages * 3.0) & (advantages < 0) & one.mask
    assert bites.any()
    assert (term.high & (advantages < 0)).equal(bites)
    assert (gradient(term.loss.sum(), one.logp)[bites] == 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_on_policy_every_kind_has_the_policy_gradient(kind: Kind) -> None:
    """-weight A d log pi at every token of the mask, and nothing elsewhere."""
    one = batch(4, spread=0.0)
    weights = row_weights(one.mask, kind=kind, longest=LONGEST)
    got = gradient(loss_of(one, weights, kind=kind), one.logp)
    expected = -(weights * one.advantage)[:, None] * one.mask
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_the_policy_itself_may_stand_for_the_old_one(kind: Kind) -> None:
    one = batch(4, spread=0.0)
    itself = token_loss(one.logp, one.logp, one.advantage, one.mask, kind=kind)
    apart = token_loss(one.logp, one.old, one.advantage, one.mask, kind=kind)
    assert torch.equal(gradient(itself.loss.sum(), one.logp), gradient(apart.loss.sum(), one.logp))


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_finite_differences(kind: Kind) -> None:
    one = batch(6)
    weights = row_weights(one.mask, kind=kind, longest=LONGEST)
    if kind == "cispo":  # its weight is taken as constant, so the loss as a function says something else
        ratio = (one.logp - one.old).exp().clamp(max=1.28).detach()
        expected = -(weights * one.advantage)[:, None] * ratio * one.mask
        torch.testing.assert_close(gradient(loss_of(one, weights, kind=kind), one.logp), expected)
        return
    assert torch.autograd.gradcheck(
        lambda logp: loss_of(Batch(logp, one.old, one.ref, one.advantage, one.mask), weights, kind=kind, beta=0.1),
        (one.logp,),
    )


def test_the_gradient_of_gspo_is_that_of_its_token_form() -> None:
    """The paper's GSPO-token: sg(s) pi / sg(pi) at each token."""
    one = batch(1, spread=0.2)
    mean = ((one.logp - one.old) * one.mask).sum(-1) / one.mask.sum(-1).clamp(min=1)
    ratio = (one.logp - one.logp.detach() + mean.detach()[:, None]).exp()
    gain = one.advantage[:, None]
    tokens = -torch.minimum(ratio * gain, ratio.clamp(0.9, 1.1) * gain)
    weights = row_weights(one.mask, kind="gspo")
    expected = aggregate(tokens, one.mask, weights)
    got = loss_of(one, weights, kind="gspo", clip_low=0.1, clip_high=0.1)
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(gradient(got, one.logp), gradient(expected, one.logp), rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"cispo"}))
def test_what_is_marked_as_clipped_has_no_gradient_and_all_else_has(kind: Kind) -> None:
    one = batch(3)
    term = token_loss(one.logp, one.old, one.advantage, one.mask, kind=kind, clip_low=0.1, clip_high=0.15)
    assert term.low.any()
    assert term.high.any()
    clipped = term.low | term.high
    gradients = gradient(torch.where(one.mask, term.loss, 0.0).sum(), one.logp)
    assert torch.equal(gradients == 0, clipped | ~one.mask)
    assert not (clipped & ~one.mask).any()
    assert (one.advantage[:, None].expand_as(clipped)[term.low] < 0).all()
    assert (one.advantage[:, None].expand_as(clipped)[term.high] > 0).all()


def test_cispo_keeps_the_gradient_of_a_token_whose_weight_is_cut() -> None:
    one = batch(3)
    term = token_loss(one.logp, one.old, one.advantage, one.mask, kind="cispo", clip_high=0.1)
    assert torch.equal(term.high, ((one.logp - one.old).exp() > 1.1) & one.mask)
    assert not term.low.any()
    assert (one.advantage[:, None] * term.high < 0).any()
    cut = gradient(term.loss.sum(), one.logp)
    expected = (-1.1 * one.advantage[:, None]).expand_as(cut)
    torch.testing.assert_close(cut[term.high], expected[term.high])


def reference_loss(tokens: Tensor, mask: Tensor, kind: Kind) -> Tensor:
    """By the names of the kinds, over rows of one task in one micro-batch."""
    total, lengths = (tokens * mask).sum(-1), mask.sum(-1)
    if kind in ("grpo", "gspo"):
        return (total / lengths.clamp(min=1)).mean()
    return total.sum() / (len(mask) * LONGEST if kind == "dr_grpo" else lengths.sum().clamp(min=1))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 999),
    kind=st.sampled_from(KINDS),
    cuts=st.lists(st.integers(0, 12), max_size=4),
    by_task=st.booleans(),
)
def test_micro_batches_add_up_to_the_loss_and_gradient_of_the_whole(
    seed: int, kind: Kind, cuts: list[int], by_task: bool
) -> None:
    one = batch(seed, rows=12)
    draw = torch.Generator().manual_seed(seed)
    tasks = torch.randint(3, (12,), generator=draw) if by_task else None
    order = torch.randperm(12, generator=draw)
    bounds = [0, *sorted(cuts), 12]
    parts = [order[begin:end] for begin, end in itertools.pairwise(bounds) if end > begin]
    micro = torch.zeros(12, dtype=torch.long)
    for number, rows in enumerate(parts):
        micro[rows] = number
    weights = row_weights(one.mask, kind=kind, longest=LONGEST, tasks=tasks, micro=micro)
    whole = loss_of(one, weights, kind=kind, beta=0.1)
    pieces = sum((loss_of(one, weights, rows, kind=kind, beta=0.1) for rows in parts), torch.zeros(()))
    torch.testing.assert_close(pieces, whole, rtol=0, atol=1e-12)
    torch.testing.assert_close(gradient(pieces, one.logp), gradient(whole, one.logp), rtol=0, atol=1e-12)
    if kind != "bnpo" and tasks is None:
        term = token_loss(one.logp, one.old, one.advantage, one.mask, kind=kind)
        tokens = term.loss + 0.1 * kl(one.logp, one.ref, one.mask, kind="k3", ratio=term.ratio)
        torch.testing.assert_close(whole, reference_loss(tokens, one.mask, kind), rtol=0, atol=1e-12)


def test_bnpo_is_the_mean_over_micro_batches_of_means_over_tokens() -> None:
    one = batch(8)
    micro = torch.tensor([5, 5, 2, 5, 2, 2])
    tokens = token_loss(one.logp, one.old, one.advantage, one.mask, kind="bnpo").loss
    got = aggregate(tokens, one.mask, row_weights(one.mask, kind="bnpo", micro=micro))
    means = [tokens[micro == number][one.mask[micro == number]].mean() for number in (2, 5)]
    torch.testing.assert_close(got, sum(means, torch.zeros(())) / 2)
    assert torch.equal(row_weights(one.mask, kind="bnpo"), row_weights(one.mask, kind="dapo"))


@pytest.mark.parametrize("kind", KINDS)
def test_with_tasks_the_loss_is_the_weighted_sum_of_the_losses_of_each(kind: Kind) -> None:
    one = batch(9, rows=8)
    tasks, shares = torch.tensor([2, 0, 0, 2, 2, 0, 2, 2]), torch.tensor([0.7, 9.0, 0.1], dtype=torch.float64)
    micro = torch.tensor([0, 0, 0, 0, 1, 0, 1, 0])
    tokens = token_loss(one.logp, one.old, one.advantage, one.mask, kind=kind).loss
    alone = {}
    for task in (0, 2):
        mine = tasks == task
        if kind == "bnpo":
            parts = [mine & (micro == number) for number in set(micro[mine].tolist())]
            alone[task] = torch.stack([reference_loss(tokens[part], one.mask[part], kind) for part in parts]).mean()
        else:
            alone[task] = reference_loss(tokens[mine], one.mask[mine], kind)
    options: dict[str, Any] = {"kind": kind, "longest": LONGEST, "tasks": tasks, "micro": micro}
    weighted = aggregate(tokens, one.mask, row_weights(one.mask, **options, task_weights=shares))
    torch.testing.assert_close(weighted, 0.7 * alone[0] + 0.1 * alone[2], rtol=0, atol=1e-12)
    equal = aggregate(tokens, one.mask, row_weights(one.mask, **options))
    torch.testing.assert_close(equal, (alone[0] + alone[2]) / 2, rtol=0, atol=1e-12)


def policies(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Logits of the policy, and log-probabilities of an old policy and of the reference, over all of 7 tokens."""
    draw = torch.Generator().manual_seed(seed)
    logits, old, ref = torch.randn(3, 1, 7, generator=draw, dtype=torch.float64)
    return logits.clone().requires_grad_(), old.log_softmax(-1), ref.log_softmax(-1)


ALL = torch.ones(1, 7, dtype=torch.bool)


def divergence(first: Tensor, second: Tensor) -> Tensor:
    return (first.exp() * (first - second)).sum()


def test_k1_and_k3_are_unbiased_and_k2_is_half_the_square() -> None:
    logits, _, ref = policies()
    logp = logits.log_softmax(-1)
    for kind in ("k1", "k3"):
        expected = (logp.exp() * kl(logp, ref, ALL, kind=kind)).sum()
        torch.testing.assert_close(expected, divergence(logp, ref))
    assert (kl(logp, ref, ALL, kind="k3") >= 0).all()
    torch.testing.assert_close(kl(logp, ref, ALL, kind="k2"), (logp - ref) ** 2 / 2)
    assert torch.equal(kl(logp, ref, ALL, kind="k1"), logp - ref)


def test_expected_gradients_of_the_estimators_are_as_documented() -> None:
    logits, old, ref = policies(1)
    logp = logits.log_softmax(-1)
    backward, forward = (
        gradient(divergence(logp, ref), logits),
        gradient(divergence(ref, logits.log_softmax(-1)), logits),
    )
    plain = {"k1": torch.zeros_like(backward), "k2": backward, "k3": forward}
    for kind, expected in plain.items():
        logp = logits.log_softmax(-1)
        loss = (logp.exp().detach() * kl(logp, ref, ALL, kind=kind)).sum()  # type: ignore[arg-type]
        torch.testing.assert_close(gradient(loss, logits), expected)
    for behaviour in (old, logits.log_softmax(-1).detach()):
        for kind in ("k1", "k3"):
            logp = logits.log_softmax(-1)
            ratio = token_loss(logp, behaviour, torch.zeros(1), ALL, kind="dapo").ratio
            loss = (behaviour.exp() * kl(logp, ref, ALL, kind=kind, ratio=ratio)).sum()  # type: ignore[arg-type]
            torch.testing.assert_close(loss, divergence(logp, ref))
            torch.testing.assert_close(gradient(loss, logits), backward)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("distance", [-1000.0, 1000.0])
def test_far_away_policies_give_finite_losses(kind: Kind, distance: float) -> None:
    one = batch(ragged=False)
    far = Batch((one.old + distance).requires_grad_(), one.old, one.old, one.advantage, one.mask)
    loss = loss_of(far, row_weights(far.mask, kind=kind, longest=LONGEST), kind=kind, beta=0.1)
    assert torch.isfinite(loss)
    assert torch.isfinite(gradient(loss, far.logp)).all()
    term = token_loss(far.logp, far.old, far.advantage, far.mask, kind=kind)
    torch.testing.assert_close(
        term.ratio[far.mask].log(), torch.full_like(far.logp, math.copysign(20, distance))[far.mask]
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("where", ["logp", "old"])
def test_a_fault_shows_inside_the_mask_and_not_outside(kind: Kind, fault: float, where: str) -> None:
    one = batch(0)
    weights = row_weights(one.mask, kind=kind, longest=LONGEST)
    for inside in (True, False):
        faulty = {"logp": one.logp.detach().clone(), "old": one.old.clone()}
        faulty[where][tuple(torch.nonzero(one.mask == inside)[0])] = fault
        logp = faulty["logp"].requires_grad_()
        loss = loss_of(Batch(logp, faulty["old"], one.ref, one.advantage, one.mask), weights, kind=kind)
        assert bool(torch.isfinite(loss)) is not inside
        if not inside:
            assert torch.equal(gradient(loss, logp), gradient(loss_of(one, weights, kind=kind), one.logp))


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("fault", [math.nan, math.inf, -math.inf])
def test_a_fault_shows_in_the_kl_inside_the_mask_and_not_outside(kind: Estimator, fault: float) -> None:
    one = batch(0)
    weights = row_weights(one.mask, kind="gspo")
    for inside in (True, False):
        broken = one.logp.detach().clone()
        broken[tuple(torch.nonzero(one.mask == inside)[0])] = fault
        broken.requires_grad_()
        ratio = token_loss(broken, one.old, one.advantage, one.mask, kind="gspo").ratio
        assert (
            bool(torch.isfinite(aggregate(kl(broken, one.ref, one.mask, kind=kind), one.mask, weights))) is not inside
        )
        if not inside:
            loss = aggregate(kl(broken, one.ref, one.mask, kind=kind, ratio=ratio), one.mask, weights)
            assert torch.isfinite(gradient(loss, broken)).all()


def test_truncated_rows_leave_the_mask_and_the_mask_given_stays() -> None:
    mask = torch.tensor([[True, True], [True, False]])
    got = mask_truncated(mask, torch.tensor([False, True]))
    assert got.tolist() == [[True, True], [False, False]]
    assert mask.tolist() == [[True, True], [True, False]]


def test_a_truncated_row_still_counts_as_a_row_and_not_as_tokens() -> None:
    mask = mask_truncated(torch.ones(4, 2, dtype=torch.bool), torch.tensor([True, False, False, False]))
    assert row_weights(mask, kind="grpo")[1].item() == 1 / (4 * 2)
    assert row_weights(mask, kind="dr_grpo", longest=10)[1].item() == 1 / (4 * 10)
    assert row_weights(mask, kind="dapo")[1].item() == 1 / 6


@pytest.mark.parametrize("kind", KINDS)
def test_no_token_at_all_is_a_loss_of_zero(kind: Kind) -> None:
    one = batch(0)
    empty = Batch(one.logp, one.old, one.ref, one.advantage, torch.zeros_like(one.mask))
    assert loss_of(empty, row_weights(empty.mask, kind=kind, longest=LONGEST), kind=kind, beta=0.1).item() == 0


def test_diagnostics_are_means_over_the_tokens_that_count() -> None:
    one = batch(2)
    term = token_loss(one.logp, one.old, one.advantage, one.mask, kind="dapo")
    estimate = kl(one.logp, one.ref, one.mask, kind="k3")
    ratios = (one.logp - one.old).exp()[one.mask]
    gains = one.advantage[:, None].expand_as(one.mask)[one.mask]
    got = diagnostics(term, one.mask, kl=estimate, entropy=one.old)
    expected = {
        "tokens": len(ratios),
        "clip_low": ((ratios < 0.8) & (gains < 0)).sum().item() / len(ratios),
        "clip_high": ((ratios > 1.28) & (gains > 0)).sum().item() / len(ratios),
        "kl": estimate[one.mask].mean().item(),
        "entropy": one.old[one.mask].mean().item(),
        "ratio_max": ratios.max().item(),
    }
    assert got == pytest.approx(expected, abs=1e-12)
    assert 0 < expected["clip_low"] != expected["clip_high"] > 0
    assert all(type(value) is float for value in got.values())
    assert set(diagnostics(term, one.mask)) == {"tokens", "clip_low", "clip_high", "ratio_max"}


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99), cut=st.integers(1, 5))
def test_diagnostics_of_parts_combine_to_those_of_the_whole(seed: int, cut: int) -> None:
    one = batch(seed)
    parts = []
    for rows in (slice(0, cut), slice(cut, 6)):  # the last row has no token
        term = token_loss(one.logp[rows], one.old[rows], one.advantage[rows], one.mask[rows], kind="dapo")
        parts.append(diagnostics(term, one.mask[rows], entropy=one.old[rows]))
    whole = diagnostics(token_loss(one.logp, one.old, one.advantage, one.mask, kind="dapo"), one.mask, entropy=one.old)
    assert combine_diagnostics(parts) == pytest.approx(whole, abs=1e-12)


def test_diagnostics_of_nothing_are_nan_and_a_bad_ratio_stays_visible() -> None:
    one = batch(0)
    term = token_loss(one.logp, one.old, one.advantage, one.mask, kind="dapo")
    nothing = diagnostics(term, torch.zeros_like(one.mask))
    assert nothing["tokens"] == 0
    assert all(math.isnan(value) for name, value in nothing.items() if name != "tokens")
    assert math.isnan(combine_diagnostics([nothing, nothing])["ratio_max"])
    fine = diagnostics(term, one.mask)
    bad = fine | {"ratio_max": math.nan}
    for order in ([fine, bad], [bad, fine]):
        assert math.isnan(combine_diagnostics(order)["ratio_max"])


def test_inputs_are_left_alone_and_single_precision_stays() -> None:
    one = batch(0)
    before = [tensor.detach().clone() for tensor in (one.logp, one.old, one.advantage, one.mask, one.ref)]
    for kind in KINDS:
        loss_of(one, row_weights(one.mask, kind=kind, longest=LONGEST), kind=kind, beta=0.1).backward()  # type: ignore[no-untyped-call]
    for tensor, was in zip((one.logp, one.old, one.advantage, one.mask, one.ref), before, strict=True):
        assert torch.equal(tensor, was)
    assert (
        token_loss(one.logp.float(), one.old.float(), one.advantage, one.mask, kind="dapo").loss.dtype == torch.float32
    )


def test_what_cannot_be_meant_is_refused() -> None:
    one = batch(0)
    arguments = (one.logp, one.old, one.advantage, one.mask)
    with pytest.raises(ValueError, match="above 1"):
        token_loss(*arguments, kind="grpo", dual_clip=1.0)
    with pytest.raises(ValueError, match="must not be cispo"):
        token_loss(*arguments, kind="cispo", dual_clip=3.0)
    with pytest.raises(ValueError, match="`longest`"):
        row_weights(one.mask, kind="dr_grpo")
    with pytest.raises(ValueError, match="need `tasks`"):
        row_weights(one.mask, kind="dapo", task_weights=torch.ones(2))
