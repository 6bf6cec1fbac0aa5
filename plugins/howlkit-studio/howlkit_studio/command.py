"""Command `howlkit studio`: opens the studio in the browser."""

from __future__ import annotations

import contextlib
import os
import sys
import webbrowser
from pathlib import Path

import click

__all__ = ["command"]

PORT = 8765

EPILOG = """\b
Examples:
  howlkit studio                             go on with what was open last
  howlkit studio runs/tuple-lstm-1           let this model play along
  howlkit studio runs/tuple-lstm-1 mine.mid  open a copy of a MIDI file"""

WARNING = """\
Careful: anybody who can reach {host} and has the link may change your pieces and use your
computer's time. The connection is not encrypted: whoever is in between reads the link too."""


@click.command("studio", epilog=EPILOG)
@click.argument("run", required=False)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=PORT,
    show_default=True,
    help="The port to listen at; 0 takes any that is free.",
)
@click.option("--no-browser", is_flag=True, help="Print the link, and open no browser.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen at. Any other than this computer's own lets others in who have "
    "the link.",
)
def command(run: str | None, file: Path | None, port: int, no_browser: bool, host: str) -> None:
    """Write a piece together with a model, in the browser.

    RUN is the folder of a run; without it, the model that `howlkit sample` would take plays. FILE
    is a MIDI file: a copy is opened, and the file stays as it is. Without FILE, the piece that was
    changed last is opened.
    """
    from howlkit import HowlkitError
    from howlkit.music.midi import printable
    from howlkit_studio import server
    from howlkit_studio.models import Model

    if run and file is None and run.lower().endswith((".mid", ".midi")):
        file, run = Path(run), None
    if file is not None and not file.is_file():
        raise HowlkitError(f"{printable(file)} is not there; name a MIDI file")
    _check_host(host)
    listening = server.bound(host, port)
    studio = server.Studio(Model(run, usual=run is None), file)
    running, link = server.serve(studio, listening)
    if host not in server.LOCAL:
        click.echo(WARNING.format(host=host), err=True)
    click.echo(f"The studio is open at\n\n    {link}\n\nCtrl-C closes it; everything is kept.")
    sys.stdout.flush()
    if not no_browser:
        _open(link)
    with contextlib.suppress(KeyboardInterrupt):
        running.run(sockets=[listening])
    click.echo("howlkit: the studio is closed", err=True)


def _check_host(host: str) -> None:
    """Raise HowlkitError for an address that stands for many."""
    from howlkit import HowlkitError

    if host in ("0.0.0.0", "::", ""):
        raise HowlkitError(
            f"--host {host or repr(host)} would listen at every address of this computer; name "
            "the one by which others reach it, such as --host 192.168.1.20"
        )


def _open(link: str) -> None:
    """Open the link in the browser, if there is one on a screen."""
    shown = sys.platform in ("win32", "darwin") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )
    if shown:
        with contextlib.suppress(webbrowser.Error, OSError):
            webbrowser.open(link)
