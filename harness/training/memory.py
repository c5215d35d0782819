"""The memory that a training would take, in lines, as far as its trainer can say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.api import PluginError, Trainer, Training
from harness.training.plan import call

if TYPE_CHECKING:
    from harness.discovery import Offer

_ALWAYS, _HOST = "always", "host"


def memory_lines(offer: Offer, trainer: Trainer, training: Training, *, devices: int) -> list[str]:
    """The memory of each device, a line for each phase, and the peak.

    Args:
        offer: Where the trainer comes from.
        trainer: The plugin's trainer.
        training: The recipe, with the model that it starts from.
        devices: Number of devices that train together.

    Raises:
        UserError: The trainer does not train on so many, or cannot say.
        PluginError: What it says is no plan.
    """
    plan_memory = getattr(trainer, "plan_memory", None)
    if plan_memory is None:
        return [f"memory: trainer {offer.id} does not say"]
    phases = call(offer, "plan_memory", lambda given: plan_memory(given, devices=devices), training)
    _check(offer, phases)
    lines = [f"memory of each of {devices} devices:" if devices > 1 else "memory:"]
    for phase, parts in phases.items():
        named = ", ".join(f"{part} {_show(size)}" for part, size in parts.items())
        lines.append(f"  {phase}: {_show(sum(parts.values()))} ({named})")
    most, phase = find_peak(phases)
    lines.append(f"  most at once: {_show(most)}" + (f", {phase}" if phase else ""))
    return lines


def find_peak(phases: Mapping[str, Mapping[str, int]]) -> tuple[int, str]:
    """Bytes that a device needs at once, and the phase in which it does."""
    always = sum(phases.get(_ALWAYS, {}).values())
    sums = {phase: sum(parts.values()) for phase, parts in phases.items() if phase not in (_ALWAYS, _HOST)}
    phase = max(sums, key=sums.__getitem__, default="")
    return always + sums.get(phase, 0), phase


def _check(offer: Offer, phases: Any) -> None:
    is_plan = isinstance(phases, Mapping) and all(
        isinstance(parts, Mapping) and all(type(size) is int and size >= 0 for size in parts.values())
        for parts in phases.values()
    )
    if not is_plan:
        raise PluginError(
            f"trainer {offer.id}: plan_memory gave {str(phases)[:200]}; it must give bytes by part, by phase"
        )


def _show(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e8 else f"{size / 1e6:,.1f} MB"
