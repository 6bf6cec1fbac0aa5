"""A MIDI file to a Piece."""

from __future__ import annotations

import os
from dataclasses import dataclass

from howlkit.errors import MidiError, PieceError, printable
from howlkit.music.midi.container import StandardFile, load, standard_file
from howlkit.music.midi.contents import Contents
from howlkit.music.midi.exact.reader import read_exactly
from howlkit.music.midi.limits import Limits, check_length, too_big
from howlkit.music.midi.quick.reader import read_quickly
from howlkit.music.midi.repairs import DAMAGE, REPAIRS, count_overlapping
from howlkit.music.piece import Piece

__all__ = ["Reading", "inspect", "inspect_bytes", "read", "read_bytes"]


@dataclass(frozen=True)
class Reading:
    """The piece in a file, and the number of each of `REPAIRS`, without zeros."""

    piece: Piece
    repairs: dict[str, int]


def read(
    path: str | os.PathLike[str],
    *,
    limits: Limits = Limits(),
    strict: bool = False,
    extras: bool = False,
) -> Piece:
    """Return the piece in a MIDI file.

    strict: refuse a file with `DAMAGE` in place of mending it. extras: keep its controllers, bends
    and texts, which takes longer (`Piece.extras`).

    >>> import pathlib, tempfile
    >>> from howlkit.music import midi
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "scale.mid")
    ...     midi.write(Piece.of([(0, 480, 60), (480, 480, 62)]), path)
    ...     midi.read(path)
    Piece('scale.mid', 2 notes, 1.0 s)

    Raises MidiError, naming the file and the cause, for anything that is not a readable MIDI file
    within `limits`. Only regular files are opened.
    """
    data = load(path, limits)
    return _parse(data, _name(path), str(path), limits, strict=strict, extras=extras).piece


def read_bytes(
    data: bytes,
    *,
    name: str = "<bytes>",
    limits: Limits = Limits(),
    strict: bool = False,
    extras: bool = False,
) -> Piece:
    """Return the piece in the bytes of a MIDI file, such as standard input; otherwise as `read`."""
    return _parse(data, _name(name), name, limits, strict=strict, extras=extras).piece


def inspect(
    path: str | os.PathLike[str],
    *,
    limits: Limits = Limits(),
    strict: bool = False,
    extras: bool = False,
) -> Reading:
    """Return the piece in a MIDI file and its repairs; otherwise as `read`."""
    return _inspect(load(path, limits), str(path), limits, strict=strict, extras=extras)


def inspect_bytes(
    data: bytes,
    *,
    name: str = "<bytes>",
    limits: Limits = Limits(),
    strict: bool = False,
    extras: bool = False,
) -> Reading:
    """Return what `inspect` does for the bytes of a MIDI file, such as standard input."""
    return _inspect(data, name, limits, strict=strict, extras=extras)


def _inspect(data: bytes, where: str, limits: Limits, *, strict: bool, extras: bool) -> Reading:
    reading = _parse(data, _name(where), where, limits, strict=strict, extras=extras)
    if overlapping := count_overlapping(reading.piece.notes):
        reading.repairs["overlapping_notes"] = overlapping
    return reading


def _name(path: str | os.PathLike[str]) -> str:
    return printable(os.path.basename(os.fspath(path)))


def _parse(
    data: bytes, name: str, where: str, limits: Limits, *, strict: bool, extras: bool
) -> Reading:
    """Return the piece of a file's bytes, and what was mended but for overlapping notes."""
    if len(data) > limits.max_bytes:
        raise MidiError(too_big(printable(where), len(data), limits))
    try:
        file = standard_file(data)
        reading = None if extras else _quick_reading(file, name, limits)
        if reading is None:
            found = read_exactly(file, limits, extras=extras)
            reading = _reading(found, file.ticks_per_beat, name)
        if strict:
            _refuse_damage(reading.repairs)
        check_length(reading.piece, limits)
    except (MidiError, PieceError) as error:
        says = "" if isinstance(error, MidiError) else "holds what no piece can: "
        raise MidiError(f"{printable(where)} {says}{error}") from error
    return reading


def _quick_reading(file: StandardFile, name: str, limits: Limits) -> Reading | None:
    found = read_quickly(file, limits)
    try:
        return None if found is None else _reading(found, file.ticks_per_beat, name)
    except PieceError:  # a value that the exact reader leaves out, or refuses by name
        return None


def _reading(found: Contents, ticks_per_beat: int, name: str) -> Reading:
    piece = Piece(
        notes=found.notes,
        ticks_per_beat=ticks_per_beat,
        tempos=found.tempos,
        time_signatures=found.time_signatures,
        key_signatures=found.key_signatures,
        pedals=found.pedals,
        extras=found.extras,
        name=name,
    )
    return Reading(piece, {what: count for what, count in found.repairs.items() if count})


def _refuse_damage(repairs: dict[str, int]) -> None:
    """Raise MidiError, naming what had to be mended, if anything was damaged."""
    damage = [f"{REPAIRS[what]}: {repairs[what]}" for what in repairs if what in DAMAGE]
    if damage:
        raise MidiError(f"is damaged ({'; '.join(damage)}); without strict it is read all the same")
