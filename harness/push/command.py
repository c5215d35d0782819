"""`harness push`: a run to a repository of a hub."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.console import echo, load_plugins, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.push.licences import DataLicence
    from harness.push.records import Kind, Part, PushFile

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9_][A-Za-z0-9_.-]*")
"""A repository. What else the hub wants of a name, it says itself."""


@click.command("push")
@click.argument("run", type=click.Path(path_type=Path, file_okay=False))
@click.argument("repository", metavar="OWNER/NAME")
@click.option(
    "--what",
    "parts",
    multiple=True,
    type=click.Choice(["report", "bundle"]),
    help="Only this, beside the leaderboard; may be given twice.  [default: both]",
)
@click.option("--space", is_flag=True, help="To a static Space, which shows the report as a page. [default: a dataset]")
@click.option("--public", is_flag=True, help="Everybody may read it.  [default: a private repository]")
@click.option("--yes", is_flag=True, help="You may pass on the questions and pictures, though no open licence says so.")
@click.option("--dry-run", is_flag=True, help="Show the files and their sizes. Nothing is sent.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long the hub may be silent.",
)
@click.pass_context
def command(
    ctx: click.Context,
    run: Path,
    repository: str,
    parts: Sequence[Part],
    space: bool,
    public: bool,
    yes: bool,
    dry_run: bool,
    timeout: float,
) -> int:
    """Push RUN to a Hugging Face repository: its report, its bundle, and a page with the scores, in one commit.

    The repository is made where it is not there, and is private unless --public. To push again changes nothing where
    nothing has changed. The token is that of `hf auth login` or HF_TOKEN. The report shows questions, pictures and
    answers. The bundle has answers and gold labels, and no questions.

    \b
    Examples:
      harness push runs/ood-1a2b3c4d5e6f ann/my-run --dry-run
      harness push runs/ood-1a2b3c4d5e6f ann/my-run --what bundle
      harness push runs/ood-1a2b3c4d5e6f ann/my-run --space --public
    """
    from harness.api import UserError
    from harness.push.files import gather_files
    from harness.push.hub import push_files
    from harness.push.licences import find_obstacle, list_licences
    from harness.push.records import HubTarget
    from harness.recorded.load import load_run

    wanted = tuple(dict.fromkeys(parts)) or ("report", "bundle")
    kind: Kind = "space" if space else "dataset"
    # Before the files are made, which takes long, and with --dry-run as well, which never asks the hub.
    if not _NAME.fullmatch(repository):
        raise click.UsageError(f"{repository!r} is no repository; write OWNER/NAME, such as ann/my-run", ctx)
    if space and "report" not in wanted:
        raise click.UsageError("a Space shows the report; leave out --what bundle, or leave out --space", ctx)
    plugins = load_plugins(ctx)
    licences = list_licences(load_run(run), plugins)
    if public and "report" in wanted and (problem := find_obstacle(licences, answers_for=yes)):
        raise UserError(
            f"{run}: the report shows questions and pictures, and cannot be made public: {problem}. Push it without "
            "--public, or only `--what bundle`, which has neither; --yes where you may pass on data that are not gated"
        )
    files = gather_files(run, wanted, licences, plugins, kind=kind)
    _tell(files, licences, wanted, public=public)
    if dry_run:
        echo(f"nothing was sent: {sum(len(file.content) for file in files):,} bytes in {len(files)} files")
        return 0
    target = HubTarget(name=repository, kind=kind, public=public, timeout_s=timeout)
    pushed = push_files(target, files, message=f"Run {run.resolve().name}")
    echo(f"{pushed.url}: {'commit ' + pushed.commit[:12] if pushed.changed else 'is up to date'}")
    return 0


def _tell(files: Sequence[PushFile], licences: Sequence[DataLicence], parts: Sequence[Part], *, public: bool) -> None:
    for file in files:
        echo(f"{len(file.content):>12,}  {file.name}")
    shown = {"report": "questions, pictures and answers", "bundle": "gold labels and all that the judges wrote"}
    say(f"{'everybody' if public else 'who may read the repository'} will see "
        + ", and ".join(shown[part] for part in parts))  # fmt: skip
    for licence in licences:
        if not licence.is_open:
            say(f"data of {licence}")
