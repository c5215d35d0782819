"""`harness bundle`: a run as one file."""

from __future__ import annotations

from pathlib import Path

import click

from harness.console import echo, say


@click.command("bundle")
@click.argument("run", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--output", "-o", "out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The file to write."
)
@click.option(
    "--with-requests",
    "requests",
    is_flag=True,
    help="Put the texts of the questions and the tags of the items in too. Look at the licence of the data first.",
)
@click.option(
    "--sign",
    "key",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="KEYFILE",
    help="Sign it with this SSH key (ssh-ed25519): the signature is FILE.sig.",
)
def command(run: Path, out: Path, requests: bool, key: Path | None) -> None:
    """Put RUN into one file, to hand over: judgements, numbers, versions, hashes of all of it.

    Equal runs give equal bytes. The file has the ids, groups, categories and gold labels of the items and all that the
    judges wrote. It has no questions and no pictures, unless --with-requests adds the texts of the questions.

    \b
    Examples:
      harness bundle runs/ood-1a2b3c4d5e6f -o ood.bundle
      harness bundle runs/ood-1a2b3c4d5e6f -o ood.bundle --sign ~/.ssh/id_ed25519
    """
    from harness.bundle.write import write_bundle

    index = write_bundle(run, out, requests=requests)
    echo(f"{out}: run {index.name}, {out.stat().st_size:,} bytes, hash {index.root[:16]}")
    if key is not None:
        from harness.bundle.signatures import sign_file

        echo(f"signed: {sign_file(out, key)}")
    say(f"`harness verify {out}` computes its numbers again")
