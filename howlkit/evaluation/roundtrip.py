"""What an encoder loses: pieces beside what is left of them once encoded and decoded.

Conventions. Everything is compared in seconds, each piece's by its own tempo map. Notes are paired
by note_matching.py; errors are absolute and of pairs only, so that a lost note is counted once.
Notes are compared after `decode(steps, like=piece)`, which gives them the piece's own tempo map.
What `like` hands over cannot be told from what the steps hold, so tempo and metre are compared
after `decode(steps)` alone, and so is whether there are pedals at all.

Only `encode` and `decode` of an encoder are used. Whatever one raises on a piece counts against it
and stops nothing.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit import options
from howlkit.errors import printable
from howlkit.evaluation.note_matching import Pairs, Timed, match
from howlkit.music.piece import DRUMS, PEDAL, TEMPO, TIME_SIGNATURE, Piece
from howlkit.music.tables import Table
from howlkit.plugins.checked import CheckedEncoder, unwrapped
from howlkit.protocols import Encoder
from howlkit.schema import STEP

__all__ = ["Errors", "Failed", "Loss", "Report", "Tally", "compare", "loss", "loss_of"]

_PLAIN_TEMPO = 500_000  # microseconds a beat where a piece says nothing, as in a MIDI file
_AUDIBLE = 0.05  # seconds by which a pedal must lengthen a note to tell whether an encoder did

Floats = NDArray[np.float64]
Errors32 = NDArray[np.float32]


@dataclass(frozen=True)
class Tally:
    """What is counted in a piece, and adds up over pieces; lengths in seconds of the original.

    notes, drums: of the original, pairs of them with a note of the version, which has `version`.
    steps: without start and end. wrong_program: pairs. drums_kept: pairs of two drums.
    tempo, metre: the length of pieces whose tempo is not always 120 (metre not always 4/4).
    tempo_error: length times relative error of the tempo. metre_kept: length in the right metre.
    pedal: how long it is down; pedal_kept: in both. held: pairs that it lengthens, held_long: those
    whose duration in the version is nearer to that than to the written one.
    """

    notes: int = 0
    version: int = 0
    pairs: int = 0
    steps: int = 0
    wrong_program: int = 0
    drums: int = 0
    drums_kept: int = 0
    tempo: float = 0.0
    tempo_error: float = 0.0
    metre: float = 0.0
    metre_kept: float = 0.0
    pedal: float = 0.0
    pedal_kept: float = 0.0
    held: int = 0
    held_long: int = 0

    def __add__(self, other: Tally) -> Tally:
        names = [f.name for f in dataclasses.fields(self)]
        return Tally(**{name: getattr(self, name) + getattr(other, name) for name in names})


@dataclass(frozen=True)
class Errors:
    """Absolute errors of pairs, (pairs,) each: onset and duration in seconds, velocity in 1/127."""

    onset: Errors32
    duration: Errors32
    velocity: Errors32


@dataclass(frozen=True)
class Loss:
    """What an encoder lost of one piece, or of several."""

    name: str
    tally: Tally
    errors: Errors

    @property
    def lost(self) -> int:
        """How many notes have no note in the version."""
        return self.tally.notes - self.tally.pairs

    @property
    def added(self) -> int:
        """How many notes of the version are of no note."""
        return self.tally.version - self.tally.pairs

    @property
    def badness(self) -> tuple[float, float]:
        """The share of notes lost or added, then the onset error (99 %): what sorts pieces."""
        wrong = _share(self.lost + self.added, max(self.tally.notes, 1))
        return wrong or 0.0, _spread(self.errors.onset, 1)["p99"] or 0.0


@dataclass(frozen=True)
class Failed:
    """The name of a piece at which an encoder raised an error."""

    piece: str
    error: str


@dataclass(frozen=True)
class Report:
    """What one encoder lost, piece by piece.

    keeps: which of tempos, time_signatures and pedals its steps hold, whatever the pieces are.
    """

    encoder: Encoder
    keeps: frozenset[str]
    losses: list[Loss] = field(default_factory=list)
    failures: list[Failed] = field(default_factory=list)

    @property
    def whole(self) -> Loss:
        """All pieces as if they were one."""
        tally = sum((one.tally for one in self.losses), Tally())
        columns = {
            name: np.concatenate(
                [np.empty(0, np.float32), *(getattr(one.errors, name) for one in self.losses)]
            )
            for name in (f.name for f in dataclasses.fields(Errors))
        }
        return Loss("", tally, Errors(**columns))

    def worst(self, count: int | None = None) -> list[Loss]:
        """Return the `count` pieces (None: all) that lost most, the worst first."""
        return sorted(self.losses, key=lambda one: one.badness, reverse=True)[:count]

    def facts(self, one: Loss) -> dict[str, Any]:
        """Return what was lost, JSON-ready; None stands for what there is nothing to say of."""
        tally, errors = one.tally, one.errors
        return {
            "notes": tally.notes,
            "lost": one.lost,
            "lost_share": _share(one.lost, tally.notes),
            "added": one.added,
            "added_share": _share(one.added, tally.notes),
            "onset_error_ms": _spread(errors.onset, 1000),
            "duration_error_ms": _spread(errors.duration, 1000),
            "velocity_error": _spread(errors.velocity, 1),
            "wrong_program_share": _share(tally.wrong_program, tally.pairs),
            "drums_kept_share": _share(tally.drums_kept, tally.drums),
            "tempo": self._map("tempos", "error_share", tally.tempo_error, tally.tempo),
            "metre": self._map("time_signatures", "kept_share", tally.metre_kept, tally.metre),
            "pedal": self._pedal(tally),
            "steps_per_note": _share(tally.steps, tally.version),
        }

    def in_short(self) -> dict[str, float | None]:
        """Return what a table has room for beside a likelihood: of the notes, and of their time."""
        facts = self.facts(self.whole)
        return {
            "notes_lost": facts["lost_share"],
            "onset_error_ms": facts["onset_error_ms"]["p99"],
            "duration_error_ms": facts["duration_error_ms"]["p99"],
        }

    def _map(self, table: str, what: str, part: float, whole: float) -> dict[str, Any] | None:
        share = _share(part, whole)
        return None if share is None else {"kept": table in self.keeps, what: share}

    def _pedal(self, tally: Tally) -> dict[str, Any] | None:
        share = _share(tally.pedal_kept, tally.pedal)
        if share is None:
            return None
        in_durations = not share and tally.held_long > tally.held / 2
        return {"kept": share > 0, "kept_share": share, "in_durations": in_durations}

    def to_json(self, worst: int | None = None) -> dict[str, Any]:
        """Return everything, JSON-ready: of the pieces, the `worst` first (None: all of them)."""
        return {
            "encoder": self.encoder.name,
            "options": options.to_json(unwrapped(self.encoder)),
            "pieces": len(self.losses),
            **self.facts(self.whole),
            "failed": [dataclasses.asdict(failed) for failed in self.failures],
            "worst": [{"piece": one.name, **self.facts(one)} for one in self.worst(worst)],
        }


def compare(
    encoders: Sequence[Encoder],
    pieces: Iterable[Piece],
    *,
    progress: Callable[[int], None] | None = None,
) -> list[Report]:
    """Return a report for each encoder; `progress` is called with how many pieces are done."""
    # Stdout belongs to data (`--json`): what an encoder prints goes to stderr.
    with contextlib.redirect_stdout(sys.stderr):
        chosen = [CheckedEncoder.of(encoder) for encoder in encoders]
        reports = [Report(encoder, _keeps(encoder)) for encoder in chosen]
        for done, piece in enumerate(pieces, 1):
            for report in reports:
                try:
                    report.losses.append(loss(report.encoder, piece, report.keeps))
                except (Exception, SystemExit) as error:
                    words = f"{type(error).__name__}: {error}"
                    report.failures.append(Failed(piece.name, printable(words)))
            if progress:
                progress(done)
    return reports


def loss(encoder: Encoder, piece: Piece, keeps: frozenset[str]) -> Loss:
    """Return what `encoder` loses of `piece`; raises whatever the encoder raises."""
    encoder = CheckedEncoder.of(encoder)
    steps = encoder.encode(piece)
    version, alone = encoder.decode(steps, like=piece), encoder.decode(steps)
    if "pedals" not in keeps:
        version = version.replace(pedals=version.pedals[:0])
    found = loss_of(piece, version, alone)
    count = int((steps["mark"] == STEP).sum())
    return dataclasses.replace(found, tally=dataclasses.replace(found.tally, steps=count))


def loss_of(piece: Piece, version: Piece, alone: Piece) -> Loss:
    """Return what of `piece` is not in its version.

    version: with the tempo map of `piece`. alone: with the tempo map and metre to compare.
    """
    here, there = Timed.of(piece), Timed.of(version)
    pairs = match(here, there)
    a, b = pairs.original, pairs.version
    velocities = piece.notes["velocity"][a], version.notes["velocity"][b]
    errors = Errors(
        _difference(here.onset[a], there.onset[b]),
        _difference(here.duration[a], there.duration[b]),
        _difference(*velocities),
    )
    drums = here.program == DRUMS
    tally = Tally(
        notes=len(piece),
        version=len(version),
        pairs=len(a),
        wrong_program=int((here.program[a] != there.program[b]).sum()),
        drums=int(drums.sum()),
        drums_kept=int((drums[a] & (there.program[b] == DRUMS)).sum()),
    )
    tally += _maps(piece, alone)
    tally += _pedals(piece, version, pairs, here, there)
    return Loss(piece.name, tally, errors)


def _difference(original: Table, version: Table) -> Errors32:
    return np.abs(original.astype(np.float64) - version).astype(np.float32)


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _spread(errors: Errors32, factor: float) -> dict[str, float | None]:
    """Return the median and the value that 99 of 100 do not exceed, times `factor`."""
    if not len(errors):
        return {"median": None, "p99": None}
    median, most = np.quantile(errors, (0.5, 0.99)) * factor
    return {"median": round(float(median), 6), "p99": round(float(most), 6)}


def _keeps(encoder: Encoder) -> frozenset[str]:
    """Return which tables an encoder's steps hold: those whose change shows when decoded alone.

    What it raises here is left to the pieces to show; such an encoder counts as holding all.
    """
    plain = Piece.of([(480 * beat, 480, 60 + beat % 12) for beat in range(32)])
    changed = {
        "tempos": np.array([(0, 400_000), (8 * 480, 800_000)], TEMPO),
        "time_signatures": np.array([(0, 3, 4)], TIME_SIGNATURE),
        "pedals": np.array([(0, 4 * 480, 0), (8 * 480, 4 * 480, 0)], PEDAL),
    }
    try:
        before = encoder.decode(encoder.encode(plain))
        return frozenset(
            name
            for name, table in changed.items()
            if not np.array_equal(
                getattr(encoder.decode(encoder.encode(plain.replace(**{name: table}))), name),
                getattr(before, name),
            )
        )
    except (Exception, SystemExit):
        return frozenset(changed)


def _maps(piece: Piece, alone: Piece) -> Tally:
    """Compare tempo and metre beat by beat, which is where an encoder without `like` puts them."""
    total = piece.beats_long
    tables = [t for p in (piece, alone) for t in ((p, p.tempos), (p, p.time_signatures))]
    changes = [table["tick"] / owner.ticks_per_beat for owner, table in tables]
    cuts = np.unique(np.clip(np.concatenate([[0.0, total], *changes]), 0.0, total))
    middles = (cuts[1:] + cuts[:-1]) / 2  # between two cuts nothing changes
    beat, other_beat = (_tempo(p, middles) for p in (piece, alone))
    metre, other_metre = (_metre(p, middles) for p in (piece, alone))
    seconds = np.diff(cuts) * beat / 1e6
    tempo = (beat != _PLAIN_TEMPO).any() * seconds
    metres = (metre != _metre(Piece(), middles)).any() * seconds
    return Tally(
        tempo=float(tempo.sum()),
        tempo_error=float((tempo * np.abs(beat / other_beat - 1)).sum()),
        metre=float(metres.sum()),
        metre_kept=float((metres * (metre == other_metre)).sum()),
    )


def _tempo(piece: Piece, beats: Floats) -> Floats:
    """Return microseconds a beat at each of `beats`."""
    return _in_force(piece, piece.tempos, piece.tempos["microseconds"], _PLAIN_TEMPO, beats)


def _metre(piece: Piece, beats: Floats) -> Floats:
    """Return a number for the metre at each of `beats`; 4/4 where a piece says nothing."""
    table = piece.time_signatures
    code = table["numerator"] * np.int64(256) + table["denominator"]
    return _in_force(piece, table, code, 4 * 256 + 4, beats)


def _in_force(piece: Piece, table: Table, values: Table, default: int, beats: Floats) -> Floats:
    at = np.searchsorted(table["tick"] / piece.ticks_per_beat, beats, side="right")
    return np.concatenate(([default], values)).astype(np.float64)[at]


def _pedals(piece: Piece, version: Piece, pairs: Pairs, here: Timed, there: Timed) -> Tally:
    """Compare how long the pedal is down, and whether notes last as long as it holds them."""
    downs, ups = _stretches(piece)
    if not len(downs):
        return Tally()
    kept = np.diff(_covered(*_stretches(version), np.stack((downs, ups))), axis=0).sum()
    held = _held(piece, here, downs, ups)[pairs.original]
    written, decoded = here.duration[pairs.original], there.duration[pairs.version]
    longer = held > written + _AUDIBLE
    nearer = np.abs(decoded - held) < np.abs(decoded - written)
    return Tally(
        pedal=float((ups - downs).sum()),
        pedal_kept=float(kept),
        held=int(longer.sum()),
        held_long=int((longer & nearer).sum()),
    )


def _stretches(piece: Piece) -> tuple[Floats, Floats]:
    """Return where a pedal goes down and all are up again, in seconds, rising, none touching."""
    starts = piece.pedals["start"].astype(np.int64)
    down, up = piece.seconds(starts), piece.seconds(starts + piece.pedals["duration"])
    order = np.argsort(down, kind="stable")
    down, until = down[order], np.maximum.accumulate(up[order])
    fresh = np.concatenate(([True], down[1:] > until[:-1]))[: len(down)]
    last = np.concatenate((fresh[1:], [True]))[: len(down)]
    return down[fresh], until[last]


def _covered(downs: Floats, ups: Floats, until: Floats) -> Floats:
    """Return for how long the pedal has been down until each moment."""
    if not len(downs):
        return np.zeros_like(until)
    total = np.cumsum(ups - downs)
    corners = np.stack((downs, ups), axis=1).ravel()
    heights = np.stack((total - (ups - downs), total), axis=1).ravel()
    return np.asarray(np.interp(until, corners, heights))


def _held(piece: Piece, notes: Timed, downs: Floats, ups: Floats) -> Floats:
    """Return how long each note sounds: to the pedal's end, or till its key is struck again."""
    ends = notes.onset + notes.duration
    at = np.maximum(np.searchsorted(downs, ends, side="right") - 1, 0)
    inside = (downs[at] <= ends) & (ends < ups[at])
    released = np.where(inside, ups[at], ends)
    key = piece.notes["track"] * np.int64(128) + notes.pitch
    order = np.lexsort((notes.onset, key))
    again = np.full(len(order), np.inf)
    same = np.diff(key[order]) == 0
    again[order[:-1][same]] = notes.onset[order[1:][same]]
    return np.asarray(np.maximum(np.minimum(released, again), ends) - notes.onset)
