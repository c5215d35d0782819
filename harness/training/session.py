"""One training from recipe to checkpoint folder: what it starts from first, then its trainer, card and record."""

from __future__ import annotations

import json
import math
import os
import platform
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import __version__
from harness.api import PluginError, Training, TrainingResult, UserError, read_launch
from harness.libraries.config import render
from harness.runner.folder import lock_folder, make_folder, write_atomically
from harness.training.card import model_card
from harness.training.folder import (
    CARD,
    RECIPE,
    TRAINED,
    Attempts,
    Curves,
    Record,
    has_model,
    list_files,
    read_curves,
    read_result,
    read_trained,
    write_result,
)
from harness.training.plan import PlannedRecipe, call, plan_recipe

if TYPE_CHECKING:
    from harness.discovery import Plugins
    from harness.manifest.load import LoadedRecipe

PROCESSES = "processes"
"""Capability of a trainer that several processes of one launch may share."""


def train(
    planned: PlannedRecipe, plugins: Plugins, *, fresh: bool = False, say: Callable[[str], None]
) -> dict[str, Any] | None:
    """Train a recipe where it is not trained yet, or go on where an earlier attempt stopped.

    Of the processes that one launcher starts (torchrun, accelerate), the first does so; see `helps`.

    Args:
        planned: The recipe. What it starts from is trained first.
        plugins: The installed plugins. Their hooks hear what is logged.
        fresh: Train again. The older checkpoint folder is kept beside the new one. Not for what it starts from.
        say: Takes lines for people.

    Returns:
        The content of `trained.json`; `None` in a process that only helps.

    Raises:
        UserError: The recipe cannot be trained, or another process trains it. What was done is kept.
    """
    _check_launch(planned, fresh=fresh)
    # Before the lock, which one process alone may hold: the others would be refused.
    if helps():
        _help(planned, fresh=fresh)
        return None
    if not fresh and planned.is_trained:
        say(f"{planned.name} is trained already ({planned.folder})")
        return read_record(planned)
    if planned.start is not None:
        train(planned.start, plugins, say=say)
    make_folder(planned.folder, fresh=fresh)
    with lock_folder(planned.folder):
        if planned.is_trained:  # by another process, while this one came here
            return read_record(planned)
        return _attempt(planned, plugins, say)


@dataclass(frozen=True, kw_only=True)
class LocalTraining:
    """A recipe that is trained in this process."""

    planned: PlannedRecipe
    """The recipe, ready to train."""
    plugins: Plugins
    """The installed plugins."""
    say: Callable[[str], None]
    """Takes lines for people."""

    @property
    def name(self) -> str:
        """Name of the recipe."""
        return self.planned.name

    @property
    def folder(self) -> Path:
        """The checkpoint folder."""
        return self.planned.folder

    @property
    def model(self) -> Path:
        """Where the trained model is, absolute."""
        return self.planned.model

    @property
    def is_trained(self) -> bool:
        """Whether it is trained already."""
        return self.planned.is_trained

    def train(self) -> None:
        """Train it, or go on where an earlier attempt stopped."""
        train(self.planned, self.plugins, say=self.say)


def plan_training(
    recipe: LoadedRecipe, plugins: Plugins, *, checkpoints: Path, say: Callable[[str], None]
) -> LocalTraining:
    """Plan the training of a recipe on this machine.

    Raises:
        UserError: A plugin object of the recipe cannot be made, or breaks its contract.
    """
    planned = plan_recipe(recipe, plugins, checkpoints=checkpoints, say=say)
    return LocalTraining(planned=planned, plugins=plugins, say=say)


def _check_launch(planned: PlannedRecipe, *, fresh: bool) -> None:
    """Several processes train what is made for several, and nothing else: the others would write over one another.

    Raises:
        UserError: A trainer of the chain, that has something to do, is made for one process.
    """
    processes = read_launch().processes
    if processes == 1 or (not fresh and planned.is_trained):
        return
    if PROCESSES not in planned.offer.card.capabilities:
        raise UserError(
            f"recipe {planned.name}: trainer {planned.offer.id} is made for one process, and this launch has "
            f"{processes}; train it first without the launcher (`harness train`), or use another trainer"
        )
    if planned.start is not None:
        _check_launch(planned.start, fresh=False)


def helps() -> bool:
    """Whether this is one of several processes of one launch and not the first.

    Such a process calls the trainer, which finds the others by itself. It takes no lock, logs nothing and writes
    nothing: the first one does.
    """
    return read_launch().rank > 0


def _help(planned: PlannedRecipe, *, fresh: bool) -> None:
    if not fresh and planned.is_trained:
        return
    if planned.start is not None:
        _help(planned.start, fresh=False)
    # The first process makes it too. Which of them comes first is not known.
    planned.folder.mkdir(parents=True, exist_ok=True)
    call(planned.offer, "train", planned.trainer.train, _with_model(planned))


def _with_model(planned: PlannedRecipe) -> Training:
    """What the trainer is given, with the model of the recipe that it starts from."""
    if planned.start is None:
        return planned.training
    return replace(planned.training, model=str(planned.start.model))


def read_record(planned: PlannedRecipe) -> dict[str, Any]:
    """The content of `trained.json`.

    Raises:
        JournalError: It is damaged.
    """
    return read_trained(planned.folder)


def _attempt(planned: PlannedRecipe, plugins: Plugins, say: Callable[[str], None]) -> dict[str, Any]:
    folder = planned.folder
    (folder / TRAINED).unlink(missing_ok=True)  # of a training whose model was taken away
    write_atomically(folder / RECIPE, render(planned.loaded.content))
    curves, attempts = Curves(folder), Attempts(folder)
    tasks = ", ".join(task.name for task in planned.tasks)
    say(f"training {planned.name} by {planned.offer.id} on {tasks} ({folder}, attempt {attempts.count})")

    def log(step: int, metrics: Mapping[str, float]) -> None:
        plain = curves.add(step, metrics)
        attempts.note()
        plugins.notify(
            "harness_training_logged", recipe=planned.name, folder=planned.training.folder, step=step, metrics=plain
        )

    kept: dict[str, Any] | None = None
    try:
        try:
            trained = read_result(folder)
            if trained is None:
                trained = call(planned.offer, "train", planned.trainer.train, replace(_with_model(planned), log=log))
        finally:  # an attempt that fails or is killed by Ctrl-C took its time as well
            attempts.note(force=True)
        _check(planned, trained)
        write_result(folder, trained)
        record = _record(planned, trained, attempts)
        # The record comes last: where it is, the training is done, and a killed process leaves none.
        write_atomically(planned.model / CARD, model_card(planned, record, read_curves(folder)))
        write_atomically(folder / TRAINED, json.dumps(asdict(record), indent=2, allow_nan=False) + "\n")
        say(f"trained {planned.name}: {trained.steps} steps, kept step {trained.selected} ({attempts.seconds:.0f} s)")
        kept = read_record(planned)
    finally:
        plugins.notify("harness_training_ended", recipe=planned.name, folder=planned.training.folder, record=kept)
    return kept


def _check(planned: PlannedRecipe, trained: object) -> None:
    """What a trainer must return, and the model that it must leave."""
    trainer = f"trainer {planned.offer.id} ({planned.offer.distribution} {planned.offer.version})"
    if not isinstance(trained, TrainingResult):
        raise PluginError(f"{trainer}: train returned {trained!r}, which is no TrainingResult")
    if not has_model(planned.folder):
        raise PluginError(f"{trainer}: it left no file in {planned.model}; the trained model belongs there")


def _record(planned: PlannedRecipe, trained: TrainingResult, attempts: Attempts) -> Record:
    offers = [
        planned.offer,
        *(task.offer for task in planned.loaded.tasks),
        *(reward.offer for reward in planned.loaded.rewards),
    ]
    plugins = {offer.distribution: offer.version for offer in offers}
    return Record(
        recipe=planned.name,
        hash=planned.hash,
        start=planned.training.model if planned.start is None else planned.start.folder.name,
        steps=int(trained.steps),
        selected=int(trained.selected),
        scores={str(name): _finite(value) for name, value in trained.scores.items()},
        notes=(*(str(note) for note in trained.notes), *planned.golds_lacking),
        skipped=planned.items_not_shown,
        harness=__version__,
        python=platform.python_version(),
        platform=platform.platform(),
        processors=os.cpu_count(),
        plugins=dict(sorted(plugins.items())),
        libraries=_libraries(plugins),
        command=tuple(sys.argv),
        finished=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        seconds=attempts.seconds,
        seconds_of_all_attempts=attempts.seconds_of_all,
        attempts=attempts.count,
        files=list_files(planned.folder),
    )


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None  # JSON has no NaN


def _libraries(distributions: Mapping[str, str]) -> dict[str, str]:
    """Versions of what the distributions depend on, as installed."""
    found: dict[str, str] = {}
    for distribution in distributions:
        try:
            needed = requires(distribution) or []
        except (PackageNotFoundError, ValueError):
            continue  # a file given with `--plugin`
        for requirement in needed:
            # "torch>=2.2; python_version<'3.13'" is about torch.
            name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
            try:
                found[name] = version(name)
            except PackageNotFoundError:
                continue  # an extra that is not installed
    return dict(sorted(found.items()))
