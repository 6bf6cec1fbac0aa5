"""What an encoder loses: each piece is encoded, decoded, and compared with the result.

Conventions. The decoded piece is called the version. Positions are seconds, in each piece by its
own tempo map. note_matching.py pairs the notes of the two; errors are absolute, and of pairs only,
so that a lost note is counted once. Notes are compared after `decode(steps, like=piece)`, which
takes over the tempo map of the piece. So the version has that tempo and metre whether the steps
hold them or not; they are compared after `decode(steps)` alone (tempo.py), and a table counts as
kept only if a change of it shows there.

Only `encode` and `decode` of an encoder are used. If one raises an error on a piece, that counts
against the encoder, and the other pieces are still compared.
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
from howlkit.evaluation.note_matching import TimedNotes, match_notes
from howlkit.evaluation.pedal import compare_pedals
from howlkit.evaluation.tally import Tally
from howlkit.evaluation.tempo import compare_tempo_and_metre
from howlkit.music.piece import DRUMS, PEDAL, TEMPO, TIME_SIGNATURE, Piece
from howlkit.music.tables import Table
from howlkit.plugins.checked import CheckedEncoder, unwrapped
from howlkit.protocols import Encoder
from howlkit.schema import STEP

__all__ = [
    "EncoderFailure",
    "EncodingLoss",
    "Errors",
    "RoundTripReport",
    "compare_encoders",
    "encoding_loss",
    "loss_between",
]

Errors32 = NDArray[np.float32]


@dataclass(frozen=True)
class Errors:
    """Absolute errors of pairs, (pairs,) each: seconds, and for velocity MIDI units."""

    onset: Errors32
    duration: Errors32
    velocity: Errors32


@dataclass(frozen=True)
class EncodingLoss:
    """What an encoder lost of one piece, or of several together (then without a name)."""

    name: str
    tally: Tally
    errors: Errors

    @property
    def lost(self) -> int:
        """How many notes of the original were not found in the version."""
        return self.tally.notes - self.tally.pairs

    @property
    def added(self) -> int:
        """How many notes of the version match no note of the original."""
        return self.tally.version - self.tally.pairs

    @property
    def severity(self) -> tuple[float, float]:
        """The share of notes lost or added, then the onset error (99 %), to sort pieces by."""
        wrong = _share(self.lost + self.added, max(self.tally.notes, 1))
        return wrong or 0.0, _median_and_p99(self.errors.onset, 1)["p99"] or 0.0


@dataclass(frozen=True)
class EncoderFailure:
    """The name of a piece on which an encoder raised an error, and the error in words."""

    piece: str
    error: str


@dataclass(frozen=True)
class RoundTripReport:
    """What one encoder lost, piece by piece.

    keeps: the tables among tempos, time_signatures and pedals that its steps hold.
    """

    encoder: Encoder
    keeps: frozenset[str]
    losses: list[EncodingLoss] = field(default_factory=list)
    failures: list[EncoderFailure] = field(default_factory=list)

    @property
    def whole(self) -> EncodingLoss:
        """The loss of all pieces together."""
        tally = sum((one.tally for one in self.losses), Tally())
        columns = {
            name: np.concatenate(
                [np.empty(0, np.float32), *(getattr(one.errors, name) for one in self.losses)]
            )
            for name in (f.name for f in dataclasses.fields(Errors))
        }
        return EncodingLoss("", tally, Errors(**columns))

    def worst(self, count: int | None = None) -> list[EncodingLoss]:
        """Return the `count` pieces (None: all) that lost most, the worst first."""
        return sorted(self.losses, key=lambda one: one.severity, reverse=True)[:count]

    def facts(self, one: EncodingLoss) -> dict[str, Any]:
        """Return what was lost, JSON-ready; None if the music has nothing of the kind to lose."""
        tally, errors = one.tally, one.errors
        return {
            "notes": tally.notes,
            "lost": one.lost,
            "lost_share": _share(one.lost, tally.notes),
            "added": one.added,
            "added_share": _share(one.added, tally.notes),
            "onset_error_ms": _median_and_p99(errors.onset, 1000),
            "duration_error_ms": _median_and_p99(errors.duration, 1000),
            "velocity_error": _median_and_p99(errors.velocity, 1),
            "wrong_program_share": _share(tally.wrong_program, tally.pairs),
            "drums_kept_share": _share(tally.drums_kept, tally.drums),
            "tempo": self._map("tempos", "error_share", tally.tempo_error, tally.tempo),
            "metre": self._map("time_signatures", "kept_share", tally.metre_kept, tally.metre),
            "pedal": self._pedal(tally),
            "steps_per_note": _share(tally.steps, tally.version),
        }

    def summary(self) -> dict[str, float | None]:
        """Return three figures for a table of likelihoods: notes lost, onset and duration error."""
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
        """Return everything, JSON-ready, with the `worst` pieces that lost most (None: all)."""
        return {
            "encoder": self.encoder.name,
            "options": options.to_json(unwrapped(self.encoder)),
            "pieces": len(self.losses),
            **self.facts(self.whole),
            "failed": [dataclasses.asdict(failed) for failed in self.failures],
            "worst": [{"piece": one.name, **self.facts(one)} for one in self.worst(worst)],
        }


def compare_encoders(
    encoders: Sequence[Encoder],
    pieces: Iterable[Piece],
    *,
    progress: Callable[[int], None] | None = None,
) -> list[RoundTripReport]:
    """Return a report for each encoder; `progress` is called with the number of pieces done.

    >>> from howlkit.builtin.encoders.tuple.encoder import Tuple
    >>> piece = Piece.of([(0, 480, 60), (480, 480, 64), (960, 480, 67, 80, DRUMS)])
    >>> (report,) = compare_encoders([Tuple(programs=False)], [piece])
    >>> report.whole.lost
    1
    """
    # Stdout belongs to data (`--json`): what an encoder prints goes to stderr.
    with contextlib.redirect_stdout(sys.stderr):
        chosen = [CheckedEncoder.of(encoder) for encoder in encoders]
        reports = [RoundTripReport(encoder, _kept_tables(encoder)) for encoder in chosen]
        for done, piece in enumerate(pieces, 1):
            for report in reports:
                try:
                    report.losses.append(encoding_loss(report.encoder, piece, report.keeps))
                except (Exception, SystemExit) as error:
                    words = f"{type(error).__name__}: {error}"
                    report.failures.append(EncoderFailure(piece.name, printable(words)))
            if progress:
                progress(done)
    return reports


def encoding_loss(encoder: Encoder, piece: Piece, keeps: frozenset[str]) -> EncodingLoss:
    """Return what `encoder` loses of `piece`. Errors of the encoder are not caught."""
    encoder = CheckedEncoder.of(encoder)
    steps = encoder.encode(piece)
    version, alone = encoder.decode(steps, like=piece), encoder.decode(steps)
    if "pedals" not in keeps:
        version = version.replace(pedals=version.pedals[:0])
    found = loss_between(piece, version, alone)
    count = int((steps["mark"] == STEP).sum())
    return dataclasses.replace(found, tally=dataclasses.replace(found.tally, steps=count))


def loss_between(piece: Piece, version: Piece, alone: Piece) -> EncodingLoss:
    """Return what `piece` has and its version lacks.

    version: decoded with `like=piece`; its notes are compared. alone: decoded without; its tempo
    and metre are compared.
    """
    here, there = TimedNotes.of(piece), TimedNotes.of(version)
    pairs = match_notes(here, there)
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
    tally += compare_tempo_and_metre(piece, alone)
    tally += compare_pedals(piece, version, pairs, here, there)
    return EncodingLoss(piece.name, tally, errors)


def _difference(original: Table, version: Table) -> Errors32:
    return np.abs(original.astype(np.float64) - version).astype(np.float32)


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _median_and_p99(errors: Errors32, factor: float) -> dict[str, float | None]:
    """Return the median and the 99th percentile, times `factor`; None if there are no errors."""
    if not len(errors):
        return {"median": None, "p99": None}
    median, most = np.quantile(errors, (0.5, 0.99)) * factor
    return {"median": round(float(median), 6), "p99": round(float(most), 6)}


def _kept_tables(encoder: Encoder) -> frozenset[str]:
    """Return the tables that an encoder's steps hold: a change of one shows in `decode(steps)`.

    An encoder that raises an error here counts as holding all; the pieces will show the error.
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
