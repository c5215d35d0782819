"""The trainers of the base model: `eyes` makes it from nothing, `reading` teaches it to copy what it reads.

`shipped` trains nothing: it hands over a judge that comes with this distribution, for recipes that start from it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from harness.api import Context, Training, TrainingResult, UserError, write_share

_GENERATION = 1  # raise it whenever the same options give other weights
_REPORTS = 20
"""Lines of progress, and points of each curve."""


class EyesOptions(BaseModel):
    """Options of `eyes`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: int = Field(default=5000, ge=1, description="Optimizer steps.")
    batch: int = Field(default=64, ge=1, description="Pictures in a step.")
    lr: float = Field(default=3e-3, gt=0, le=1, description="Highest learning rate of AdamW.")
    pictures: int = Field(default=50_000, ge=1, description="Pictures that are painted and kept in memory.")
    checked: int = Field(default=1800, ge=6, description="Pictures of the validation split to measure on.")


class EyesTrainer:
    """Trains a vision tower on the names of what is in train pictures. Everything else keeps its random weights.

    The tasks of the recipe are not read: scenes are records, and their attributes are learnt from the records.

    Args:
        options: Of the recipe.
        context: Of the harness.
    """

    def __init__(self, options: EyesOptions, context: Context) -> None:
        self._options = options

    def fingerprint(self, training: Training) -> str:
        """Covers the generation of this code. The seed is in the recipe."""
        return _generation()

    def train(self, training: Training) -> TrainingResult:
        """Train. An attempt that was stopped begins again.

        Raises:
            UserError: The recipe names a model to start from.
        """
        if training.model is not None:
            raise UserError(f"recipe {training.name}: eyes makes a model from nothing; remove model: and train:")
        # torch is imported only where something is trained.
        from harness_miniature_judges.eyes import train_eyes

        options = self._options

        def report(step: int, metrics: dict[str, float]) -> None:
            training.log(step, {name if name == "loss" else f"recall/{name}": value for name, value in metrics.items()})
            reading = f"loss {metrics['loss']:.3g}  digits {write_share(metrics['digit'])} %"
            print(f"{training.name}: step {step} of {options.steps}  {reading}", file=sys.stderr)  # noqa: T201

        found = train_eyes(
            training.checkpoint,
            seed=training.seed,
            steps=options.steps,
            batch=options.batch,
            rate=options.lr,
            pictures=options.pictures,
            checked=options.checked,
            report_every=max(1, options.steps // _REPORTS),
            report=report,
        )
        scores = {f"recall/{name}": value for name, value in found.items() if name not in ("loss", "cpu_seconds")}
        return TrainingResult(steps=options.steps, selected=options.steps, scores=scores)


class ReadingOptions(BaseModel):
    """Options of `reading`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: int = Field(default=600, ge=1, description="Optimizer steps.")
    batch: int = Field(default=64, ge=1, description="Lists of words in a step.")
    lr: float = Field(default=3e-3, gt=0, le=1, description="Highest learning rate of AdamW.")


class ReadingTrainer:
    """Trains the language model to copy random words that it has read. Its eyes stay as they are.

    The tasks of the recipe are not read.

    Args:
        options: Of the recipe.
        context: Of the harness.
    """

    def __init__(self, options: ReadingOptions, context: Context) -> None:
        self._options = options

    def fingerprint(self, training: Training) -> str:
        """Covers the generation of this code. The seed is in the recipe, and so is where it starts."""
        return _generation()

    def train(self, training: Training) -> TrainingResult:
        """Train. An attempt that was stopped begins again.

        Raises:
            UserError: The recipe names no model to start from.
        """
        if training.model is None:
            raise UserError(f"recipe {training.name}: reading goes on from eyes; give train: with the recipe of eyes")
        from harness_miniature_judges.reading import train_reading

        options = self._options

        def report(step: int, metrics: dict[str, float]) -> None:
            training.log(step, metrics)
            reading = f"loss {metrics['loss']:.3g}  copied {write_share(metrics['copied'])} %"
            print(f"{training.name}: step {step} of {options.steps}  {reading}", file=sys.stderr)  # noqa: T201

        found = train_reading(
            training.model,
            training.checkpoint,
            seed=training.seed,
            steps=options.steps,
            batch=options.batch,
            rate=options.lr,
            report_every=max(1, options.steps // _REPORTS),
            report=report,
        )
        return TrainingResult(steps=options.steps, selected=options.steps, scores={"copied": found["copied"]})


class ShippedOptions(BaseModel):
    """Options of `shipped`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    judge: Literal[
        "off-the-shelf",
        "sft-single-alignment-digit",
        "sft-single-safety",
        "sft-unified",
        "sft-rationale",
        "rl-single-alignment-digit",
        "rl-single-safety",
        "mt-rl-judge",
    ] = Field(default="off-the-shelf", description="The judge whose weights are handed over.")


class ShippedTrainer:
    """Writes the weights of a shipped judge as a checkpoint, so that a recipe can start from them within seconds.

    The tasks of the recipe are not read.

    Args:
        options: Of the recipe.
        context: Of the harness.
    """

    def __init__(self, options: ShippedOptions, context: Context) -> None:
        self._judge = options.judge
        self._workspace = context.workspace

    def fingerprint(self, training: Training) -> str:
        """Covers the shipped files."""
        from harness_miniature_judges.shipped import read_record

        return json.dumps(read_record()[self._judge]["sha256"], sort_keys=True)

    def train(self, training: Training) -> TrainingResult:
        """Write the checkpoint. The weights were shipped in half precision, and are handed over in float32.

        Raises:
            UserError: The recipe names a model to start from, or the shipped files are not what was shipped.
        """
        if training.model is not None:
            raise UserError(f"recipe {training.name}: shipped hands over what is there; remove model: and train:")
        from safetensors.torch import load_file, save_file

        from harness_miniature_judges.shipped import assemble, read_record

        folder = assemble(self._judge, self._workspace)
        shutil.copytree(folder, training.checkpoint, dirs_exist_ok=True)
        # Training all weights in half precision would round its updates away.
        weights = {name: weight.float() for name, weight in load_file(folder / "model.safetensors").items()}
        save_file(weights, training.checkpoint / "model.safetensors", metadata={"format": "pt"})
        steps = int(read_record()[self._judge]["steps"])
        return TrainingResult(steps=steps, selected=steps, scores={}, notes=("Trained elsewhere, and shipped.",))


def _generation() -> str:
    return hashlib.sha256(json.dumps([_GENERATION]).encode()).hexdigest()[:32]
