"""Curves for TensorBoard. Imported only where it is installed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def write(folder: Path, step: int, metrics: Mapping[str, float]) -> None:
    """Append the scalars of a step to `folder/tensorboard`. A file for each call, so that nothing is held open."""
    from torch.utils.tensorboard.writer import SummaryWriter

    # The suffix keeps files of one second apart: their names have the time in whole seconds.
    with SummaryWriter(log_dir=str(folder / "tensorboard"), filename_suffix=f".{step:08d}") as writer:
        for name, value in metrics.items():
            writer.add_scalar(name, value, step)
