"""The state of a training, from which it goes on exactly: weights, optimizer, cursors, in files that hold no code.

    state-000150/weights.safetensors     the trained parameters
    state-000150/optimizer.safetensors   what the optimizer keeps of each: both moments
    state-000150/state.json              everything else
    start.json                           what the model scored before the first step

Random draws are functions of the seed and the step, so that no generator has a state to keep.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api import UserError
from harness.api.files import put_in_place, read_whole, write_whole
from harness_grpo.policy import Policy, load_weights
from harness_grpo.sharding import like

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer

log = logging.getLogger(__name__)

_START = "start.json"
_MOST_BYTES = 2**20
_EIGHT_BITS = "state1"
"""A part of what the optimizer in eight bits keeps of a parameter."""


def keep_start(folder: Path, facts: Mapping[str, Any]) -> None:
    """Keep what the validation before the first step found: an attempt that stops then need not repeat it."""
    write_whole(folder / _START, json.dumps(dict(facts)))


def read_start(folder: Path) -> dict[str, Any] | None:
    """What an earlier attempt found before its first step, where it came so far."""
    try:
        found = json.loads(read_whole(folder / _START, most=_MOST_BYTES))
        return {"start": float(found["start"]), "skipped": {str(k): int(n) for k, n in found["skipped"].items()}}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        log.warning("%s: cannot be read (%s); the start is validated again", folder / _START, error)
        return None


def forget_start(folder: Path) -> None:
    """Remove it: the training is done."""
    (folder / _START).unlink(missing_ok=True)


def newest(folder: Path) -> Path | None:
    """The newest complete state in a training's folder."""
    states = sorted(path for path in folder.glob("state-*") if path.is_dir() and (path / "state.json").is_file())
    return states[-1] if states else None


def newest_name(folder: Path) -> str:
    """The name of the newest complete state in a training's folder. Empty where there is none."""
    found = newest(folder)
    return "" if found is None else found.name


def save(folder: Path, policy: Policy, optimizer: Optimizer, *, step: int, facts: Mapping[str, Any]) -> None:
    """Keep a state. It is complete or not there, and the one before goes only when it is.

    Called by all processes of a launch. The first one writes.

    Args:
        folder: Of the training.
        policy: Its trained parameters are kept.
        optimizer: AdamW over them.
        step: Steps done.
        facts: All else, as plain data.
    """
    # The optimizer knows tensors and no names; files need names.
    names = {id(parameter): name for name, parameter in policy.trained.items()}
    weights = policy.whole(policy.trained)
    # AdamW corrects its moments by the number of steps of each parameter.
    counts = {names[id(parameter)]: float(kept["step"]) for parameter, kept in optimizer.state.items()}
    moments = policy.whole(
        {
            f"{names[id(parameter)]}#{moment}": kept[moment]
            for parameter, kept in optimizer.state.items()
            for moment in kept.keys() - {"step"}
        }
    )
    facts = {"step": step, "counts": counts, **facts}
    policy.processes.once(lambda: _write(folder, weights, moments, facts))


def _write(folder: Path, weights: dict[str, Tensor], moments: dict[str, Tensor], facts: Mapping[str, Any]) -> None:
    from safetensors.torch import save_file

    step = facts["step"]
    final = folder / f"state-{step:08d}"
    temporary = folder / f".state-{step:08d}.{os.getpid()}"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    # In eight bits all parameters have one table of values, and a file holds no tensor twice.
    moments = {name: value.clone() if "#qmap" in name else value for name, value in sorted(moments.items())}
    save_file(weights, temporary / "weights.safetensors")
    save_file(moments, temporary / "optimizer.safetensors")
    (temporary / "state.json").write_text(json.dumps(facts), encoding="utf-8")
    shutil.rmtree(final, ignore_errors=True)
    # The rename makes it complete. Older states go only afterwards.
    put_in_place(temporary, final)
    for older in folder.glob("state-*"):
        if older != final:
            shutil.rmtree(older, ignore_errors=True)
    for torn in folder.glob(".state-*"):
        shutil.rmtree(torn, ignore_errors=True)


def restore(kept: Path, policy: Policy, optimizer: Optimizer) -> dict[str, Any]:
    """Put a state back and return its facts.

    Raises:
        UserError: The files are damaged, or belong to another model.
    """
    import torch
    from safetensors.torch import load_file

    from harness_grpo.optimizers import OffloadedAdamW

    try:
        facts: dict[str, Any] = json.loads((kept / "state.json").read_text(encoding="utf-8"))
        weights = load_file(kept / "weights.safetensors")
        moments = load_file(kept / "optimizer.safetensors")
    except Exception as error:  # a torn or foreign file fails in many ways
        raise UserError(f"{kept}: cannot be read ({error}); remove it, or run with --fresh to start again") from error
    load_weights(policy, weights, kept)
    parts: dict[str, dict[str, Tensor]] = {}
    for key, value in moments.items():
        name, _, part = key.rpartition("#")
        parts.setdefault(name, {})[part] = value
    fused = any(group.get("fused") for group in optimizer.param_groups)
    for name, parameter in policy.trained.items():
        if name in facts["counts"]:
            mine, count = parts[name], facts["counts"][name]
            apart = isinstance(optimizer, OffloadedAdamW)
            place = torch.device("cpu") if apart else parameter.device
            optimizer.state[parameter] = {
                # A fused optimizer counts on the device, and the one in eight bits in plain numbers.
                "step": int(count) if _EIGHT_BITS in mine else torch.tensor(count, device=place if fused else None),
                **{part: value.to(place) if apart else like(value, parameter) for part, value in mine.items()},
            }
    return facts
