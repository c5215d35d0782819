"""`harness view`: the pages of a run in the browser, served on this machine."""

from __future__ import annotations

import socket
from pathlib import Path

import click

from harness.console import load_plugins, say

_RUNS = Path("runs")


@click.command("view")
@click.argument("run", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=7570,
    show_default=True,
    help="Where to listen; 0: any that is free.",
)
@click.pass_context
def command(ctx: click.Context, run: Path | None, port: int) -> int:
    """Serve the pages of RUN on 127.0.0.1 until Ctrl-C: all items, with pictures at full size, also while it goes on.

    Without RUN it is the one in `runs` that was written to last. Nothing is written, and no other machine can connect.

    \b
    Examples:
      harness view
      harness view runs/ood-1a2b3c4d5e6f --port 8080
    """
    from harness.recorded.load import load_run
    from harness.view.server import Viewer, make_app

    # Plugins are loaded for the pictures alone, which their tasks make again.
    folder = _find_last(ctx) if run is None else run
    load_run(folder)  # so that a slip in the name is told here, and not in the browser
    viewer = Viewer(folder, load_plugins(ctx))
    with _listen(port) as listener:
        say(f"{folder} is at http://127.0.0.1:{listener.getsockname()[1]}/ (Ctrl-C ends)")
        import uvicorn

        config = uvicorn.Config(make_app(viewer), log_level="warning", server_header=False, lifespan="off")
        uvicorn.Server(config).run(sockets=[listener])
    return 0


def _find_last(ctx: click.Context) -> Path:
    from harness.runner.folder import JOURNAL

    journals = sorted(_RUNS.glob(f"*/{JOURNAL}"), key=lambda path: path.stat().st_mtime)
    if not journals:
        raise click.UsageError("there is no run in `runs`; give a run folder", ctx)
    return journals[-1].parent


def _listen(port: int) -> socket.socket:
    from harness.api import UserError

    listener = socket.socket()
    # The port of a viewer that has just ended can be used at once.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))  # never 0.0.0.0: a run is not for the network
        listener.listen(64)
    except OSError as error:
        listener.close()
        why = error.strerror or error
        raise UserError(f"port {port}: cannot be listened on ({why}); give another one with --port") from error
    return listener
