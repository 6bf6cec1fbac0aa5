"""The sound of the pieces of a page.

By default a page holds the recordings of the instruments that its pieces use, each once, as they
are stored, and for each piece its voices; the browser plays them. A piano takes some 0.6 MB, once.
A sound file takes as much for 3.5 seconds, as .wav at 32,000 samples a second. So instruments are
smaller for all but the shortest pieces, and they are what a page holds, whatever its pieces are.
Another renderer has no recordings to give: then the page holds a .wav file of each piece.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.music.piece import Piece
from howlkit.music.sound import audio_files
from howlkit.music.sound.bank import Recording
from howlkit.music.sound.voices import Voices

__all__ = ["FADE", "PageSound", "Playing"]

FADE = 0.3
"""Seconds in which a piece falls silent where it is cut."""

_RATE = 10_000  # units of time a second: a tenth of a millisecond is not heard

Blocks = Iterable[NDArray[np.float32]]


@dataclass(frozen=True)
class Playing:
    """What plays the pieces of a page.

    gain: decibels to add, for recorded instruments. render: what renders a piece at a sampling
    rate, in blocks (T, 2); None: the recorded instruments. rate: of what is rendered.
    """

    gain: float = 0.0
    render: Callable[[Piece, int], Blocks] | None = None
    rate: int = 32_000


@dataclass
class PageSound:
    """Collects what the pieces of one page need to sound.

    >>> sound = PageSound()
    >>> piece = sound.of(Piece.of([(0, 480, 60), (480, 480, 67)]))
    >>> len(piece["voices"]["start"]), len(sound.recordings())
    (2, 2)
    """

    playing: Playing = Playing()
    _used: dict[Recording, int] = field(default_factory=dict)

    def of(self, piece: Piece, *, gain: float = 0.0, until: float | None = None) -> dict[str, Any]:
        """Return the length of a piece in seconds and what plays it, JSON-ready.

        gain: decibels to add, for this piece. until: the second at which whatever sounds is
        released, so that pieces have one length; None: it ends by itself.
        """
        if self.playing.render is not None:
            return self._file(piece, gain, until)
        voices = Voices.of(piece, _RATE, gain=self.playing.gain + gain)
        if until is not None:
            voices = _cut(voices, until)
        last = int(voices.table["end"].max(initial=0)) / _RATE
        seconds = max(piece.seconds_long, last) if until is None else until + FADE
        return {"seconds": round(seconds, 3), "voices": self._voices(voices)}

    def recordings(self) -> list[dict[str, Any]]:
        """Return the recordings that the pieces so far need, in the order of their numbers."""
        return [_stored(each) for each in self._used]

    def _voices(self, voices: Voices) -> dict[str, Any]:
        table = voices.table
        columns = {name: table[name].tolist() for name in ("start", "stop", "end", "tone")}
        levels = {
            side: [float(f"{level:.4g}") for level in table[side].tolist()]
            for side in ("left", "right")
        }
        tones = [
            (self._number(tone.recording), round(tone.pitch, 4), tone.layer, release)
            for tone, release in zip(voices.tones, voices.releases, strict=True)
        ]
        return {**columns, **levels, "tones": tones}

    def _number(self, recording: Recording) -> int:
        return self._used.setdefault(recording, len(self._used))

    def _file(self, piece: Piece, gain: float, until: float | None) -> dict[str, Any]:
        render, rate = self.playing.render, self.playing.rate
        assert render is not None  # for mypy
        sound = np.concatenate([np.zeros((0, 2), np.float32), *render(piece, rate)])
        if until is not None:
            sound = _faded(sound, round(until * rate), round(FADE * rate))
        sound = np.clip(sound * np.float32(10 ** (gain / 20)), -1, 1)
        data = base64.b64encode(audio_files.to_wav([sound], rate)).decode("ascii")
        seconds = round(len(sound) / rate, 3)
        return {"seconds": seconds, "file": {"type": "audio/wav", "data": data}}


def _cut(voices: Voices, until: float) -> Voices:
    """Return the voices that begin before a second, all released by then."""
    table = voices.table[voices.table["start"] < until * _RATE].copy()
    table["stop"] = np.minimum(table["stop"], round(until * _RATE))
    table["end"] = np.minimum(table["end"], round((until + FADE) * _RATE))
    return replace(voices, table=table)


def _faded(sound: NDArray[np.float32], at: int, count: int) -> NDArray[np.float32]:
    """Return sound (T, 2) that falls to silence in `count` samples from `at` on."""
    sound = np.concatenate((sound[: at + count], np.zeros((max(at + count - len(sound), 0), 2))))
    sound[at:] *= np.linspace(1, 0, count)[:, None]
    return sound.astype(np.float32)


def _stored(recording: Recording) -> dict[str, Any]:
    """Return a recording as script/recordings.js takes it."""
    return {
        "rate": recording.rate,
        "pitch": round(recording.pitch, 4),
        "loop": recording.loop,
        "decay": None if np.isinf(recording.decay) else round(recording.decay, 5),
        "order": recording.order,
        "codes": _text(zlib.compress(recording.codes.tobytes(), 9)),
        "steps": _text(recording.steps.astype("<u2").tobytes()),
    }


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
