"""`harness.run`, `harness.load` and `harness.train`: the verbs of the command line as functions.

They take the options of the command line under its names, raise what it prints as errors, and print nothing but
progress. How a run goes is `harness.pipeline.session`, which `harness run` calls as well.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from harness.api import UserError
from harness.console import CalledWith, say
from harness.library.checkpoint import Checkpoint
from harness.library.runs import Run
from harness.library.showing import WARNING, show_progress
from harness.runner.folder import JOURNAL

Files = Sequence[str | os.PathLike[str]]
"""Files or modules."""


def run(
    manifest: str | os.PathLike[str],
    *,
    set: Mapping[str, object] | None = None,
    limit: int | None = None,
    shard: str | None = None,
    fresh: bool = False,
    reuse: bool | None = None,
    fail_on_error: float | None = None,
    runs: str | os.PathLike[str] = "runs",
    checkpoints: str | os.PathLike[str] = "checkpoints",
    executor: str | None = None,
    executor_options: Mapping[str, object] | None = None,
    plugin: Files = (),
    no_plugin: Sequence[str] = (),
    allow_code: Sequence[str] = (),
    progress: bool | None = None,
) -> Run:
    """Judge and score a manifest, as `harness run` does. The same call goes on where it stopped, for any reason.

    Args:
        manifest: A YAML file, or the name of one that a plugin ships.
        set: Values of the manifest to replace, by path: `{"tasks.0.limit": 10, "vars.data": folder}`.
        limit: At most so many items of each task.
        shard: Only a part of every task, such as `"1/4"`.
        fresh: Start again. The older run folder is kept beside the new one.
        reuse: Whether answers are taken over from earlier runs of the manifest. `None`: they are, unless the run was
            begun with `fresh` or without.
        fail_on_error: Stop when more than this share of a cell's judgements failed.
        runs: Where run folders are kept.
        checkpoints: Where the checkpoints of recipes are kept.
        executor: Where judges are asked. `None`: in this process.
        executor_options: Options of the executor.
        plugin: Python files or modules to use as plugins.
        no_plugin: Plugins or distributions to leave alone.
        allow_code: Other code that may run, as `harness --allow-code` takes it.
        progress: Whether to show how far it is. `None`: on a terminal and in a notebook.

    Returns:
        The run. `Run.problems` says what went wrong, such as judges that stopped.

    Raises:
        UserError: The manifest, the options or the data are wrong. What was judged is kept.
        KeyboardInterrupt: It was interrupted. What was judged is kept, and the same call goes on.
    """
    from harness.pipeline.session import describe_end, resolve_options, run_manifest

    called = _call_with(plugin, no_plugin, allow_code)
    with show_progress(progress) as shown:
        plugins = called.plugins()
        loaded, part, asked_by = resolve_options(
            Path(manifest),
            plugins,
            sets=write_sets(set),
            limit=limit,
            fail_on_error=fail_on_error,
            shard=shard,
            executor=executor,
            executor_options=write_sets(executor_options),
        )
        session = run_manifest(
            loaded,
            plugins,
            runs=Path(runs),
            fresh=fresh,
            shard=part,
            progress=shown,
            checkpoints=Path(checkpoints),
            say=say,
            reuse=reuse,
            executor=asked_by,
        )
        if session.outcome.interrupted:
            raise KeyboardInterrupt(f"interrupted; the same call goes on ({session.folder})")
        _, problems = describe_end(session, loaded.manifest.report.min_coverage)
        for problem in problems:
            say(f"{WARNING}{problem}")
    return Run([session.folder.absolute()], lambda: plugins, problems=problems)


def load(
    *runs: str | os.PathLike[str],
    signers: str | os.PathLike[str] | None = None,
    plugin: Files = (),
    no_plugin: Sequence[str] = (),
    allow_code: Sequence[str] = (),
) -> Run:
    """A run that was made before, or several on one board. No judge is asked.

    Args:
        runs: Run folders and bundles. The numbers of a bundle are computed here.
        signers: Whose signatures of bundles are trusted: a file as of `ssh-keygen -Y verify`.
        plugin: Python files or modules to use as plugins.
        no_plugin: Plugins or distributions to leave alone.
        allow_code: Other code that may run, as `harness --allow-code` takes it.

    Raises:
        UserError: One of them is no run folder and no bundle.
    """
    if not runs:
        raise UserError("name a run folder or a bundle, such as harness.load('runs/ood-1a2b3c4d5e6f')")
    # Read when something is wanted, which may be after the program has changed its working directory.
    paths = [Path(path).absolute() for path in runs]
    for path in paths:
        # Now, and not when the first number is wanted, far from the name that was mistyped.
        if not (path / JOURNAL).is_file() and not path.is_file():
            raise UserError(f"{path}: no run folder (it has no {JOURNAL}) and no bundle; {_list_near(path)}")
    called = _call_with(plugin, no_plugin, allow_code)
    called = replace(
        called, extra=tuple(os.path.abspath(file) if os.path.isfile(file) else file for file in called.extra)
    )
    return Run(paths, cache(called.load), signers=None if signers is None else Path(signers).absolute())


def train(
    recipe: str | os.PathLike[str],
    *,
    set: Mapping[str, object] | None = None,
    checkpoints: str | os.PathLike[str] = "checkpoints",
    fresh: bool = False,
    plugin: Files = (),
    no_plugin: Sequence[str] = (),
    allow_code: Sequence[str] = (),
    progress: bool | None = None,
) -> Checkpoint:
    """Train a judge by a recipe, as `harness train` does. Nothing is trained twice, and the same call goes on.

    Args:
        recipe: A YAML file, or the name of one that a plugin ships.
        set: Values of the recipe to replace, by path: `{"seed": 1}`.
        checkpoints: Where checkpoint folders are kept.
        fresh: Train again. The older checkpoint folder is kept beside the new one.
        plugin: Python files or modules to use as plugins.
        no_plugin: Plugins or distributions to leave alone.
        allow_code: Other code that may run, as `harness --allow-code` takes it.
        progress: Whether to show what is trained. `None`: on a terminal and in a notebook.

    Raises:
        UserError: The recipe cannot be trained. What was done is kept.
        KeyboardInterrupt: It was interrupted. What was done is kept, and the same call goes on.
    """
    from harness.manifest.load import load_recipe
    from harness.training.plan import plan_recipe
    from harness.training.session import train as train_recipe

    called = _call_with(plugin, no_plugin, allow_code)
    with show_progress(progress):
        plugins = called.plugins()
        loaded = load_recipe(Path(recipe), sets=write_sets(set), plugins=plugins)
        planned = plan_recipe(loaded, plugins, checkpoints=Path(checkpoints), say=say)
        train_recipe(planned, plugins, fresh=fresh, say=say)
    return Checkpoint(planned.folder.absolute())


def write_sets(values: Mapping[str, object] | None) -> list[str]:
    """Values by path, as `--set` takes them.

    Raises:
        UserError: A value is nothing that a manifest can hold.
    """
    return [f"{path}={_write_value(path, value)}" for path, value in (values or {}).items()]


def _write_value(path: str, value: object) -> str:
    try:
        # As JSON, which YAML reads to the letter: the text no stays a text.
        text = json.dumps(value, default=_make_plain, ensure_ascii=False, allow_nan=False)
        # What YAML folds or refuses is escaped. It knows no pairs of surrogates, so what is above stays.
        return re.sub("[\x7f-\uffff]", lambda found: f"\\u{ord(found[0]):04x}", text)
    except (TypeError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: {value!r} is nothing that a manifest holds ({error})") from error


def _make_plain(value: object) -> Any:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return dict(value)
    # Numbers of NumPy and of torch give a plain one.
    item = getattr(value, "item", None)
    if callable(item):
        return item()
    raise TypeError(f"it is of the type {type(value).__name__}")


def _call_with(plugin: Files, no_plugin: Sequence[str], allow_code: Sequence[str]) -> CalledWith:
    for name, given in (("plugin", plugin), ("no_plugin", no_plugin), ("allow_code", allow_code)):
        # A text is a sequence of texts, each of one letter.
        if isinstance(given, str):
            raise UserError(f"{name}={given!r}: give a list, such as {name}=[{given!r}]")
    extra = tuple(os.fspath(file) for file in plugin)
    return CalledWith(extra=extra, blocked=tuple(no_plugin), allowed=tuple(allow_code))


def _list_near(path: Path) -> str:
    """The runs beside a place where there is none."""
    known = sorted(found.parent.name for found in path.parent.glob(f"*/{JOURNAL}"))
    return f"beside it: {', '.join(known[-5:])}" if known else "give a folder that `harness run` made"
