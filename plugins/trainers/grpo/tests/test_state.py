"""What is kept of a training; that training goes on from it exactly is in `test_resume`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from torch.optim import AdamW

from harness_grpo import state
from harness_grpo.options import SftOptions
from harness_grpo.policy import Policy


def made(folder: Path, *, seed: int, freeze: str = "vision") -> tuple[Policy, AdamW]:
    """A model and its optimizer after a step of made-up gradients."""
    policy = Policy(str(folder), SftOptions(freeze=[freeze]), name="recipe", seed=0)
    optimizer = AdamW(list(policy.trained.values()), lr=0.1, foreach=False)
    dice = torch.Generator().manual_seed(seed)
    for name, one in policy.trained.items():
        if "lm_head" not in name:  # what no gradient reaches has no moments
            one.grad = torch.randn(one.shape, generator=dice)
    optimizer.step()
    return policy, optimizer


def moments(optimizer: AdamW) -> list[dict[str, torch.Tensor]]:
    return [optimizer.state.get(one, {}) for one in optimizer.param_groups[0]["params"]]


def test_a_state_brings_back_weights_moments_and_facts(tiny: Path, tmp_path: Path) -> None:
    policy, optimizer = made(tiny, seed=1)
    facts = {"sampler": {"red": [3, 0.1, None, 0.0]}, "best": {"score": None}}
    state.save(tmp_path, policy, optimizer, step=7, facts=facts)
    other, its = made(tiny, seed=2)
    kept = state.newest(tmp_path)
    assert kept is not None
    found = state.restore(kept, other, its)
    assert {key: found[key] for key in facts} == facts
    assert found["step"] == 7
    for name, one in policy.trained.items():
        assert torch.equal(one, other.trained[name]), name
    for mine, theirs in zip(moments(optimizer), moments(its), strict=True):
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[key], theirs[key]) for key in mine)


def test_the_newest_complete_state_counts_and_is_the_only_one(tiny: Path, tmp_path: Path) -> None:
    assert state.newest(tmp_path) is None
    policy, optimizer = made(tiny, seed=1)
    for step in (9, 10, 100):
        state.save(tmp_path, policy, optimizer, step=step, facts={})
        (tmp_path / ".state-00000500.17").mkdir()  # of a process that was killed
    assert [path.name for path in tmp_path.glob("state-*")] == ["state-00000100"]
    shutil.copytree(tmp_path / "state-00000100", tmp_path / "state-00000099")  # of one that was killed a little earlier
    (tmp_path / "state-00000101").mkdir()
    kept = state.newest(tmp_path)
    assert kept is not None
    assert kept.name == "state-00000100", "a folder without state.json is none"


def test_the_state_before_stays_until_the_next_is_complete(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy, optimizer = made(tiny, seed=1)
    state.save(tmp_path, policy, optimizer, step=1, facts={})

    def full(*_: object, **__: object) -> str:
        raise OSError("no space left")

    monkeypatch.setattr("harness_grpo.state.json.dumps", full)  # the last thing that is written
    with pytest.raises(OSError, match="no space"):
        state.save(tmp_path, policy, optimizer, step=2, facts={})
    kept = state.newest(tmp_path)
    assert kept is not None
    assert kept.name == "state-00000001"


def test_a_state_holds_no_code_and_nothing_that_is_not_trained(tiny: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    policy, optimizer = made(tiny, seed=1)
    state.save(tmp_path, policy, optimizer, step=1, facts={"skipped": {"red": 2}})
    folder = tmp_path / "state-00000001"
    assert sorted(path.name for path in folder.iterdir()) == [
        "optimizer.safetensors",
        "state.json",
        "weights.safetensors",
    ]
    assert not any("vision" in name for name in load_file(folder / "weights.safetensors"))
    assert json.loads((folder / "state.json").read_text())["skipped"] == {"red": 2}
