"""Renderer `fluidsynth`: a soundfont, by the program FluidSynth, in a process of its own."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from howlkit.builtin.renderers.soundfonts import fault_of, sound_in
from howlkit.errors import DataError, HowlkitError, printable
from howlkit.music import midi
from howlkit.music.piece import Piece
from howlkit.music.sound.audio_files import check_length
from howlkit.options import option

__all__ = ["FluidSynth"]

PROGRAM = "fluidsynth"
REFUSAL = "Failed to load SoundFont"
INSTALL = (
    "the program fluidsynth is not installed: apt install fluidsynth, brew install fluid-synth, or "
    "https://www.fluidsynth.org"
)


@dataclass(frozen=True)
class FluidSynth:
    """A soundfont (.sf2, .sf3), played by the program fluidsynth."""

    soundfont: str = option("", "the path of the soundfont")
    gain: float = option(0.5, "loudness, as fluidsynth's -g", low=0.0, high=10.0)
    name: ClassVar[str] = "fluidsynth"

    @property
    def missing(self) -> str:
        """What it lacks to play here; "" if nothing."""
        return fault_of(self.soundfont) or ("" if shutil.which(PROGRAM) else INSTALL)

    def render(self, piece: Piece, rate: int) -> Iterator[NDArray[np.float32]]:
        """Yield the sound of a piece in blocks (T, 2)."""
        if self.missing:
            raise HowlkitError(self.missing)
        check_length(piece.seconds_long, rate)
        with tempfile.TemporaryDirectory(prefix="howlkit-") as folder:
            music, sound = Path(folder, "music.mid"), Path(folder, "sound.wav")
            midi.write(piece, music)
            settings = ["-n", "-i", "-q", "-r", str(rate), "-g", str(self.gain)]
            to_file = ["-T", "wav", "-O", "s16", "-F", str(sound)]
            program = shutil.which(PROGRAM) or PROGRAM
            done = subprocess.run(
                [program, *settings, *to_file, self.soundfont, str(music)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
            said = (done.stderr or done.stdout).strip().splitlines()
            if any(REFUSAL in line for line in said):  # it writes silence then, and exits with 0
                raise DataError(f"{printable(self.soundfont)} cannot be played by fluidsynth")
            if done.returncode or not sound.is_file():
                raise DataError(
                    f"fluidsynth wrote no sound (exit code {done.returncode})"
                    + (f": {said[-1]}" if said else "")
                )
            with open(sound, "rb") as file:
                _, blocks = sound_in(file)
                yield from blocks
