"""Opens a benchmark on a folder, as a run would, and counts its items. No judge is asked and no picture is decoded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.api import UserError
from harness.console import say
from harness.discovery import Offer, Plugins
from harness.runner.context import default_options, plan_task
from harness.runner.plan import unfold_entry
from harness.runner.planned import Plan


def count_rows(offer: Offer, plugins: Plugins, folder: Path) -> Iterator[tuple[str, int]]:
    """Each subset and split of a task on a folder, with its number of items.

    A split beside `test` that cannot be opened is left out, with a line that says why.

    Raises:
        UserError: The folder is not in the layout of the task, or a row is broken. File and row are named.
    """
    # As in a run: what a task unpacks there, the run finds.
    plan = Plan(seed=0, plugins=plugins, workspace=Path("runs") / ".workspace")
    data = str(folder.resolve())
    splits = tuple(getattr(offer.card, "splits", ())) or ("test",)
    for name, options in unfold_entry(plan, offer, None, data, default_options(offer)):
        for split in splits:
            try:
                planned = plan_task(plan, offer, name=name, options=options, data=data, split=split)
                count = sum(1 for _ in planned.read(split))
            except UserError as error:
                if split == "test" or "test" not in splits:
                    raise
                # Some tasks keep these closed, or need options for them. A test split is what judges are asked.
                say(f"{name}, {split}: left out: {error}")
                continue
            yield f"{name}, {split}", count
