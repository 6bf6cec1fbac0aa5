"""The browser and the sound players of the system."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import webbrowser
from pathlib import Path

from howlkit.errors import HowlkitError

__all__ = ["PROGRAMS", "found", "open_page", "play"]

PROGRAMS: tuple[tuple[str, ...], ...] = (
    ("afplay",),
    ("pw-play",),
    ("paplay",),
    ("aplay", "-q"),
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"),
    ("mpv", "--no-video", "--really-quiet"),
    ("play", "-q"),
)
"""Programs that play a .wav file, in the order in which they are looked for."""

_WINDOWS = ("winsound",)  # a module of Python there


def open_page(page: Path) -> bool:
    """Open a page in the browser; return whether there is one.

    A browser in the terminal cannot play sound, so on systems with X11 or Wayland one is opened
    only if there is a display, or if BROWSER names it.
    """
    shown = sys.platform in ("win32", "darwin") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )
    if not shown:
        return False
    try:
        return webbrowser.open(page.resolve().as_uri())
    except (webbrowser.Error, OSError):
        return False


def found() -> tuple[str, ...]:
    """Return the first program that can play; HowlkitError if there is none."""
    if sys.platform == "win32":
        return _WINDOWS
    for program, *options in PROGRAMS:
        path = shutil.which(program)
        if path is not None:
            return path, *options
    names = ", ".join(program for program, *_ in PROGRAMS)
    raise HowlkitError(
        f"no program that plays sound is installed ({names}); leave out --player for a page that "
        "plays in the browser, or write a file: howlkit render FILE --out FILE.wav"
    )


def play(program: tuple[str, ...], file: Path) -> None:
    """Play a .wav file, and wait until it has ended; HowlkitError if the program fails."""
    if sys.platform == "win32":
        import winsound

        winsound.PlaySound(str(file), winsound.SND_FILENAME)
        return
    done = subprocess.run(
        [*program, str(file)], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise HowlkitError(
            f"{Path(program[0]).name} could not play the sound (exit code {done.returncode})"
            + (f": {said[-1]}" if said else "")
            + "; leave out --player for a page that plays in the browser"
        )
