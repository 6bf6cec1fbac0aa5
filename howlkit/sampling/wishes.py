"""What people ask of the music, in the words of `howlkit sample` and `Trained.sample`, read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from howlkit import plugins
from howlkit.errors import ArgumentError, did_you_mean
from howlkit.music import general_midi
from howlkit.music.pitch_names import PITCH, pitch_name, pitch_of, plain_accidentals
from howlkit.protocols import Constraint
from howlkit.sampling.arguments import positive, whole

__all__ = [
    "ALL",
    "DEFAULTS",
    "Wishes",
    "density_of",
    "instruments_of",
    "range_of",
    "without_of",
]

DEFAULTS = ("restrikes", "loops", "bounds")
"""The constraints that hold unless they are switched off."""

ALL = "all"


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the music shall be like, as people write it; None: no such wish.

    key: "D minor", "F# dorian", "C D E G A" or "auto", which is that of the prompt
    (`howlkit.music.keys.Key.of`). range: "48-84", "C3-C6" or (48, 84). instruments:
    "violin,cello", names or numbers. max_polyphony: how many notes sound at once at most. density:
    about how many begin, "4", "4/beat" or "6/second". chords: "Dm | Gm | A7 | Dm", one a bar, or
    with beats "Dm:2 Gm:2". constraints: others, by name or of `howlkit.constraint`; one or several.
    without: what to leave out of the default constraints, "restrikes", "loops" and "bounds"; or
    "all".
    """

    key: str | None = None
    range: str | Sequence[int | str] | None = None
    instruments: str | int | Sequence[str | int] | None = None
    max_polyphony: int | None = None
    density: str | float | None = None
    chords: str | None = None
    constraints: str | Constraint | Sequence[str | Constraint] = ()
    without: str | Sequence[str] = ()

    @property
    def options(self) -> dict[str, dict[str, object]]:
        """The options of the constraints that are wished for by words of their own, by name.

        Raises ArgumentError for a wish that cannot be read.
        """
        found: dict[str, dict[str, object]] = {}
        if self.key is not None:
            found["key"] = {"scale": _text("key", self.key)}
        if self.range is not None:
            low, high = range_of(self.range)
            found["range"] = {"low": low, "high": high}
        if self.instruments is not None:
            found["instruments"] = {"names": instruments_of(self.instruments)}
        if self.max_polyphony is not None:
            found["polyphony"] = {"most": whole("max_polyphony", self.max_polyphony, 1, 1000)}
        if self.density is not None:
            rate, per = density_of(self.density)
            found["density"] = {"rate": rate, "per": per}
        if self.chords is not None:
            found["chords"] = {"progression": _text("chords", self.chords)}
        return found

    @property
    def others(self) -> list[str | Constraint]:
        """The names and the constraints of `constraints`; ArgumentError for what is neither."""
        given: Any = self.constraints
        several = isinstance(given, Iterable) and not isinstance(given, str | type)
        others: list[Any] = list(given) if several else [given]
        for each in others:
            if isinstance(each, str):
                continue
            if isinstance(each, type) or not (hasattr(each, "begin") and hasattr(each, "name")):
                raise ArgumentError(
                    f"constraints has {each!r}; names of constraints are needed, or constraints "
                    "that are made: howlkit.constraint('range', low=48)"
                )
        return others

    @property
    def names(self) -> list[str]:
        """The names of the constraints that are needed for it: the default ones first.

        Those of constraints that are made already are not among them. Raises ArgumentError as
        `options` does, and for a default constraint to leave out that there is not.
        """
        there = {component.name for component in plugins.components("constraint")}
        left_out = without_of(self.without)
        defaults = [name for name in DEFAULTS if name in there and name not in left_out]
        others = self.others
        made = {each.name for each in others if not isinstance(each, str)}
        named = [each for each in others if isinstance(each, str)]
        names = [*(name for name in defaults if name not in made), *self.options, *named]
        return list(dict.fromkeys(names))


def range_of(value: object) -> tuple[int, int]:
    """Return (low, high) of "48-84", "C3-C6", (48, 84) or ("C3", "C6"); ArgumentError otherwise.

    >>> range_of("48-84"), range_of("C3-C6")
    ((48, 84), (48, 84))
    """
    parts: Any = value
    if isinstance(value, str):
        text = plain_accidentals(value)
        found = re.fullmatch(rf"\s*({PITCH})\s*(?:-|\.\.|–|:)\s*({PITCH})\s*", text)
        parts = found.group(1, 4) if found else None  # each has the two groups of PITCH inside
    try:
        low, high = (pitch_of(part) for part in parts)
    except (TypeError, ValueError):
        raise ArgumentError(
            f"{value!r} is no range; give the lowest and the highest pitch, 0..127 or names, such "
            "as 48-84 or C3-C6 (60 is C4, middle C)"
        ) from None
    if low > high:
        raise ArgumentError(f"the range {value!r} goes down; write {_upwards(value, high, low)}")
    return low, high


def _upwards(value: object, low: int, high: int) -> str:
    """Return the range from low to high in numbers, or in names where `value` has names."""
    if re.search("[A-Ga-g]", str(value)):
        return f"{pitch_name(low)}-{pitch_name(high)}"
    return f"{low}-{high}"


def density_of(value: object) -> tuple[float, str]:
    """Return (rate, "beat" or "second") of "4", "4/beat" or "6/second"; ArgumentError otherwise.

    >>> density_of("6/second"), density_of(4)
    ((6.0, 'second'), (4.0, 'beat'))
    """
    rate, slash, per = value.partition("/") if isinstance(value, str) else (value, "", "")
    unit = {"": "beat", "beat": "beat", "second": "second", "s": "second"}
    try:
        if (per := per.strip().lower().removesuffix("s") or per.strip()) not in unit:
            raise ValueError(per)
        if slash and not per:
            raise ValueError(value)
        return positive("density", float(rate), 0.01, 1000.0), unit[per]  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise ArgumentError(
            f"{value!r} is no density; give notes in a beat or a second, 0.01 to 1000, such as "
            "4/beat or 6/second"
        ) from None


def instruments_of(value: object) -> tuple[str, ...]:
    """Return the names in "violin,cello", or in a list of names and numbers.

    Raises ArgumentError if there is none, and HowlkitError for one that General MIDI does not have.

    >>> instruments_of("violin, cello"), instruments_of([40, "drums"])
    (('violin', 'cello'), ('40', 'drums'))
    """
    parts: Iterable[object] = [value]
    if isinstance(value, str):
        parts = value.split(",")
    elif isinstance(value, Iterable):
        parts = value
    names = tuple(str(part).strip() for part in parts if str(part).strip())
    if not names:
        raise ArgumentError(f"{value!r} names no instrument; give some, such as violin,cello")
    for name in names:
        general_midi.programs(name)
    return names


def without_of(value: str | Sequence[str]) -> tuple[str, ...]:
    """Return the default constraints to leave out; ArgumentError for one that there is not."""
    names = [value] if isinstance(value, str) else list(value)
    for name in names:
        if name not in (*DEFAULTS, ALL):
            raise ArgumentError(
                f"without {name!r}: there is no such default."
                f"{did_you_mean(str(name), [*DEFAULTS, ALL])} There are: {', '.join(DEFAULTS)}; "
                f"{ALL} leaves out all of them"
            )
    return DEFAULTS if ALL in names else tuple(names)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise ArgumentError(f"{name} is {value!r}, a {type(value).__name__}; a text is needed")
    return value
