"""Which encoder to train with, from the figures of the roundtrip table.

An encoder keeps some music if no column of its row is beyond a bound. A column counts only if the
music has something of the kind to lose. The bounds:

failures                no piece on which the encoder raises an error
lost, added             1 % of the notes
onset                   50 ms for 99 in 100 notes, the tolerance of mir_eval.transcription
                        (Raffel et al. 2014)
length                  50 ms for half of the notes; not asked where lengths include the pedal
velocity                16 for 99 in 100 notes, a step from one dynamic mark to the next
program, drums          1 % of the notes
tempo                   kept, and at most 2 % off
metre, pedal            kept for 95 % of the time; the pedal may be kept in the lengths of notes

If every encoder is beyond a bound, the one that loses least is found by what is beyond: failures
first, then losses of notes (lost, added, onset, program, drums), then of their sound (length,
velocity, pedal), then of tempo and metre.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from howlkit.evaluation.roundtrip import RoundTripReport

__all__ = ["BOUNDS", "Bound", "Loss", "least", "losses"]

Facts = Mapping[str, Any]

NOTES, SOUND, TIME = range(3)
"""How much a loss matters: which notes there are, how they sound, tempo and metre."""


@dataclass(frozen=True)
class Bound:
    """The most that an encoder may lose in one column of the table.

    name: of the column. group: NOTES, SOUND or TIME. loss: what is lost, from the facts of a
    report; None if the music has nothing of the kind. most: the greatest loss that is still kept.
    words: a greater loss in words, to follow "it loses".
    """

    name: str
    group: int
    loss: Callable[[Facts], float | None]
    most: float
    words: Callable[[float], str]


@dataclass(frozen=True)
class Loss:
    """A loss beyond its bound: 0..1 for shares, else milliseconds or MIDI units."""

    bound: Bound
    size: float

    def __str__(self) -> str:
        """Return the loss in words: "12 % of the notes", "the tempo" ..."""
        return self.bound.words(self.size)

    @property
    def weight(self) -> float:
        """The size from 0 to 1, to add up losses in different units."""
        return min(1.0, self.size if self.bound.most < 1 else self.size / (20 * self.bound.most))


def losses(report: RoundTripReport) -> list[Loss]:
    """Return what an encoder loses beyond the bounds, in the order of the table.

    >>> from howlkit.builtin.encoders.tuple.encoder import Tuple
    >>> from howlkit.evaluation.roundtrip import compare_encoders
    >>> from howlkit.music import Piece
    >>> piece = Piece.of([(beat * 480, 480, 60, 80, beat % 2) for beat in range(8)])
    >>> both = compare_encoders([Tuple(), Tuple(programs=False)], [piece])
    >>> [[str(loss) for loss in losses(report)] for report in both]
    [[], ['50 % of the instruments']]
    """
    pieces = len(report.losses) + len(report.failures)
    facts = report.facts(report.whole) | {"failed_share": len(report.failures) / max(pieces, 1)}
    found = ((bound, bound.loss(facts)) for bound in BOUNDS)
    return [Loss(bound, loss) for bound, loss in found if loss is not None and loss > bound.most]


def least(reports: Sequence[RoundTripReport]) -> RoundTripReport:
    """Return the report of the encoder that loses least; `reports` has at least one."""

    def rank(report: RoundTripReport) -> tuple[float, ...]:
        beyond = losses(report)
        by_group = [sum(b.weight for b in beyond if b.bound.group == g) for g in range(3)]
        return len(report.failures), *by_group, *report.whole.severity

    return min(reports, key=rank)


def _p99(name: str) -> Callable[[Facts], float | None]:
    return lambda facts: facts[name]["p99"]


def _share(name: str) -> Callable[[Facts], float | None]:
    return lambda facts: facts[name]


def _length(facts: Facts) -> float | None:
    if facts["pedal"] is not None and facts["pedal"]["in_durations"]:
        return None  # the errors are those of the pedal, which is kept this way
    median: float | None = facts["duration_error_ms"]["median"]
    return median


def _drums(facts: Facts) -> float | None:
    kept = facts["drums_kept_share"]
    return None if kept is None else 1 - kept


def _tempo(facts: Facts) -> float | None:
    tempo = facts["tempo"]
    if tempo is None:
        return None
    return float(tempo["error_share"]) if tempo["kept"] else 1.0


def _kept(name: str) -> Callable[[Facts], float | None]:
    def loss(facts: Facts) -> float | None:
        found = facts[name]
        if found is None or found.get("in_durations"):
            return None
        return 1 - found["kept_share"] if found["kept"] else 1.0

    return loss


def _part(whole: str, of: str) -> Callable[[float], str]:
    """Return the words for a share that is lost: `whole` if all is, else per cent `of` it."""
    return lambda share: whole if share > 0.995 else f"{_percent(share)} of {of}"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"


BOUNDS = (
    Bound("failures", NOTES, _share("failed_share"), 0.0, _part("every piece", "the pieces")),
    Bound("lost", NOTES, _share("lost_share"), 0.01, _part("every note", "the notes")),
    Bound(
        "added",
        NOTES,
        _share("added_share"),
        0.01,
        lambda share: f"the number of notes (it adds {_percent(share)})",
    ),
    Bound(
        "onset",
        NOTES,
        _p99("onset_error_ms"),
        50.0,
        lambda ms: f"when notes begin (1 in 100 is {ms:,.0f} ms off or more)",
    ),
    Bound(
        "length",
        SOUND,
        _length,
        50.0,
        lambda ms: f"how long notes are (half of them are {ms:,.0f} ms off or more)",
    ),
    Bound(
        "velocity",
        SOUND,
        _p99("velocity_error"),
        16.0,
        lambda units: f"how loud notes are (1 in 100 is {units:.0f} of 127 off or more)",
    ),
    Bound(
        "program",
        NOTES,
        _share("wrong_program_share"),
        0.01,
        _part("the instruments", "the instruments"),
    ),
    Bound("drums", NOTES, _drums, 0.01, _part("the drums", "the drum notes")),
    Bound(
        "tempo",
        TIME,
        _tempo,
        0.02,
        lambda share: "the tempo" if share >= 1 else f"the tempo ({_percent(share)} off)",
    ),
    Bound("metre", TIME, _kept("metre"), 0.05, _part("the metre", "the metre")),
    Bound("pedal", SOUND, _kept("pedal"), 0.05, _part("the pedal", "the pedal")),
)
"""The bound of each column, in the order of the table."""
