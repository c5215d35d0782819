"""`harness verify`: every number of a bundle or a run, computed again from its judgements."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import click

from harness.console import echo, load_plugins


@click.command("verify")
@click.argument("path", metavar="FILE|RUN", type=click.Path(path_type=Path))
@click.option(
    "--data",
    "manifest",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="MANIFEST",
    help="Compare items and gold labels with the data of a manifest of yours, task by task.",
)
@click.option(
    "--signers",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="ALLOWED_SIGNERS",
    help="Whose signatures are trusted: a file as of `ssh-keygen -Y verify`. A signature is then needed.",
)
@click.option("--signer", metavar="NAME", help="With --signers: who must have signed.")
@click.option(
    "--signature",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The signature.  [default: FILE.sig]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.pass_context
def command(
    ctx: click.Context,
    path: Path,
    manifest: Path | None,
    signers: Path | None,
    signer: str | None,
    signature: Path | None,
    as_json: bool,
) -> int:
    """Compute every number of a bundle FILE, or of a RUN folder, again from its judgements, and say which rows hold.

    Nothing in the file is trusted, and no code that it names is loaded: metrics and formats are those of the plugins
    that are installed here. Answers are read again from their texts. No judge is asked.

    Exit code 0: all rows hold. 2: no bundle, or one that was changed. 3: a row differs from what was computed. 4: a row
    needs a plugin that is not installed, and all others hold. 5: the signature is bad, or not one that --signers asks
    for.

    \b
    Examples:
      harness verify ood.bundle
      harness verify ood.bundle --signers allowed_signers --signer ann@example.org
      harness verify ood.bundle --data benchmarks/ood.yaml
    """
    from harness.bundle.records import NOT_SIGNED
    from harness.bundle.show import describe_verification, shorten
    from harness.bundle.signers import find_signature, read_signers
    from harness.bundle.verify import verify_bundle

    if signer is not None and signers is None:
        raise click.UsageError("--signer needs --signers, which says whose keys are whose", ctx)
    if path.is_dir() and (signers is not None or signature is not None):
        raise click.UsageError("a run folder has no signature; `harness bundle --sign` makes a file with one", ctx)
    trusted = None if signers is None else read_signers(signers)
    plugins = load_plugins(ctx)
    check = None
    if manifest is not None:
        from functools import partial

        from harness.bundle.data import compare_data

        check = partial(compare_data, manifest=manifest, plugins=plugins)
    found = verify_bundle(path, plugins, check_data=check)
    if not path.is_dir():
        found = replace(found, signature=find_signature(path, trusted, signer=signer, file=signature))
    if as_json:
        echo(json.dumps(found.to_json(), indent=2), document=True)
    else:
        for line in describe_verification(found):
            echo(shorten(line))
    unsigned = trusted is not None and found.signature.state != "signed"
    return found.exit_code or (NOT_SIGNED if unsigned else 0)
