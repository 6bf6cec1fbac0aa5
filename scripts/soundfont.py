"""Read a soundfont whose samples are Vorbis (.sf3): its presets, and the recordings of their keys.

Source: SoundFont Technical Specification 2.04, E-mu Systems, 2006. What cut_bank.py needs is here:
no modulators, and of the generators those of key, velocity, sample, tuning, loop and filter.
"""

import io
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

KEYS, VELOCITIES, INSTRUMENT, SAMPLE, ROOT = 43, 44, 41, 53, 58
COARSE, FINE, FILTER, LOOPS, HOLD, DECAY, SUSTAIN = 51, 52, 8, 54, 35, 36, 37
"""Generators, by the specification's numbers (8.1.2)."""

SEMITONES_OF_HERTZ = 8.176  # Hz of an absolute pitch of 0 cents
LONG_HOLD = 0.2  # seconds
NO_FILTER = 13500  # cents: above what is heard
COMPRESSED = 0x10  # in the type of a sample: Vorbis, in .sf3


@dataclass(frozen=True)
class Zone:
    """A recording, and the keys that it serves.

    pitch: the MIDI note that the recording sounds, with a fraction. cutoff: of a low-pass, in Hz.
    loop: the first sample of the loop and the first after it; None if it does not loop. decay:
    seconds in which the soundfont's envelope falls to 1/e; infinity if it does not.
    """

    name: str
    low: int
    high: int
    pitch: float
    rate: int
    cutoff: float
    loop: tuple[int, int] | None
    decay: float
    sample: int


class SoundFont:
    """The tables of a soundfont file."""

    def __init__(self, path: Path) -> None:
        self.data = path.read_bytes()
        self.chunks = {}
        for name, start, size in self._chunks(12, len(self.data)):
            if name == b"LIST":
                for inner, at, length in self._chunks(start + 4, start + size):
                    self.chunks[inner] = (at, length)
        self.presets = self._table(b"phdr", "<20sHHHIII")
        self.instruments = self._table(b"inst", "<20sH")
        self.samples = self._table(b"shdr", "<20sIIIIIBbHH")
        self.bags = {kind: self._table(kind, "<HH") for kind in (b"pbag", b"ibag")}
        self.generators = {kind: self._table(kind, "<Hh") for kind in (b"pgen", b"igen")}

    def _chunks(self, at, end):
        while at + 8 <= end:
            size = struct.unpack("<I", self.data[at + 4 : at + 8])[0]
            yield self.data[at : at + 4], at + 8, size
            at += 8 + size
            # RIFF wants chunks of even length; some files leave the filling byte out.
            if size % 2 and self.data[at : at + 1] == b"\0":
                at += 1

    def _table(self, name, form):
        at, size = self.chunks[name]
        step = struct.calcsize(form)
        return [struct.unpack_from(form, self.data, at + k) for k in range(0, size, step)]

    def _zones(self, kind, first, end):
        """Yield the generators of each zone, with those of the global zone in them."""
        bags, generators = self.bags[kind + b"bag"], self.generators[kind + b"gen"]
        common, wanted = {}, INSTRUMENT if kind == b"p" else SAMPLE
        for bag in range(first, end):
            own = dict(generators[bags[bag][0] : bags[bag + 1][0]])
            if wanted in own:
                yield {**common, **own}
            else:
                common = own

    def zones(self, bank, program, velocity=100):
        """Return the zones of a preset that a note of this velocity plays, as `Zone`."""
        found = []
        number = next(
            k for k, each in enumerate(self.presets[:-1]) if (each[2], each[1]) == (bank, program)
        )
        for outer in self._zones(b"p", self.presets[number][3], self.presets[number + 1][3]):
            if not _holds(outer, VELOCITIES, velocity):
                continue
            instrument = outer[INSTRUMENT]
            first, end = (self.instruments[instrument + k][1] for k in (0, 1))
            for inner in self._zones(b"i", first, end):
                if _holds(inner, VELOCITIES, velocity):
                    found.append(self._zone(outer, inner))
        return found

    def _zone(self, outer, inner):
        header = self.samples[inner[SAMPLE]]
        (low, high), (least, most) = _range(inner, KEYS), _range(outer, KEYS)
        tuning = header[7] + sum(
            100 * each.get(COARSE, 0) + each.get(FINE, 0) for each in (outer, inner)
        )
        cutoff = inner.get(FILTER, NO_FILTER) + outer.get(FILTER, 0)
        return Zone(
            name=header[0].split(b"\0")[0].decode("latin-1"),
            low=max(low, least),
            high=min(high, most),
            pitch=inner.get(ROOT, header[6]) - tuning / 100,
            rate=header[5],
            cutoff=SEMITONES_OF_HERTZ * 2 ** (cutoff / 1200),
            loop=header[3:5] if inner.get(LOOPS, 0) & 1 else None,
            decay=_decay(inner),
            sample=inner[SAMPLE],
        )

    def sound(self, zone):
        """Return the samples (N,) of a zone; full scale is 1."""
        header, (at, _) = self.samples[zone.sample], self.chunks[b"smpl"]
        if header[9] & COMPRESSED:  # then the places are bytes
            file = io.BytesIO(self.data[at + header[1] : at + header[2]])
            return soundfile.read(file, dtype="float64")[0]
        raise SystemExit(f"{zone.name}: only the Vorbis samples of .sf3 are read here")


def _decay(generators):
    """Return the seconds to 1/e: a decay is given as the time to -100 dB (8.1.2, 36)."""
    # An envelope that holds for long is for the loop, after the recording has decayed by itself.
    held = 2 ** (generators.get(HOLD, -12000) / 1200)
    if generators.get(SUSTAIN, 0) < 200 or held > LONG_HOLD:  # centibels below the attack
        return np.inf
    return 2 ** (generators.get(DECAY, -12000) / 1200) / np.log(1e5)


def _range(generators, which):
    value = generators.get(which, 127 << 8) & 0xFFFF
    return value & 255, value >> 8


def _holds(generators, which, value):
    low, high = _range(generators, which)
    return low <= value <= high
