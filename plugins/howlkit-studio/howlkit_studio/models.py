"""The model of the studio: loaded in a thread of its own, so that the page is there at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Literal

import howlkit
from howlkit import HowlkitError, Piece, Trained

__all__ = ["Model", "NO_MODEL"]

NO_MODEL = (
    "No model is open, so the studio edits and plays, and makes no music of its own. Train one "
    "(howlkit train my_midi_files --minutes 10), and begin with it: howlkit studio runs/NAME"
)


class Model:
    """A model, or the place of one.

    run: the folder of a run, or what else `howlkit.load` takes; None: there is none. usual: take
    the model that `howlkit.load` takes without a name, if there is one.
    state, text: as `model` of PROTOCOL.md says them. name: what passages call it.
    """

    def __init__(self, run: str | None = None, *, usual: bool = False) -> None:
        self.name = run.rstrip("/\\").replace("\\", "/").rpartition("/")[2] if run else ""
        wanted = bool(run) or usual
        self.state: Literal["none", "loading", "ready", "failed"] = "loading" if wanted else "none"
        self.text = "" if wanted else NO_MODEL
        self._run = run
        self._trained: Trained | None = None
        self._there = threading.Event()
        if not wanted:
            self._there.set()

    def load(self, tell: Callable[[], None]) -> None:
        """Begin to load it in a thread, which calls `tell` when it is there or has failed."""
        if self.state == "loading":
            threading.Thread(target=self._load, args=(tell,), name="loading", daemon=True).start()

    def trained(self) -> Trained:
        """Return it, as soon as it is there; HowlkitError if it is not to be had."""
        self._there.wait()
        if self._trained is None:
            raise HowlkitError(self.text)
        return self._trained

    def _load(self, tell: Callable[[], None]) -> None:
        try:
            trained = howlkit.load(self._run)
            _warm(trained)
            self.name = self.name or (trained.path.name if trained.path else "")
            self._trained, self.state = trained, "ready"
        except HowlkitError as error:
            if self._run is None:  # nobody has asked for one
                self.state, self.text = "none", NO_MODEL
            else:
                self.state, self.text = "failed", str(error)
        except Exception as error:  # a fault of a plugin; the studio still edits
            self.state, self.text = "failed", f"{type(error).__name__}: {error}"
        self._there.set()
        tell()


def _warm(trained: Trained) -> None:
    """Make a bar anew once, so that whoever asks first does not wait for compiled code."""
    piece = Piece.of([(480 * k, 480, 60 + k) for k in range(8)])
    trained.replace(piece, beats=(3.0, 5.0), takes=1, candidates=4, watch=lambda notes: None)
