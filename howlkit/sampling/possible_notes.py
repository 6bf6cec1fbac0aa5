"""Whether rules leave any note of those that an encoder has; said before music is made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from howlkit.constraints import PitchRule, ProgramRule, flat
from howlkit.errors import HowlkitError
from howlkit.music import general_midi
from howlkit.music.piece import Piece
from howlkit.music.tables import DRUMS
from howlkit.note_choices import QUANTITIES, NoteTables
from howlkit.plugins.checked import CheckedEncoder
from howlkit.protocols import Encoder, Rule
from howlkit.schema import Schema

__all__ = ["check_possible"]


def check_possible(rules: Iterable[Rule], encoder: Encoder, like: Piece | None = None) -> None:
    """Raise HowlkitError if rules about pitches and instruments leave none that the encoder has."""
    known = list(flat(rules))
    programs, pitches = (_possible(encoder, like, what) for what in ("program", "pitch"))
    playing = np.isin(np.arange(DRUMS + 1), programs)
    for rule in known:
        if isinstance(rule, ProgramRule):
            playing &= rule.allowed
    if not playing.any():
        names = [general_midi.name(program) for program in programs]
        shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
        raise HowlkitError(
            f"none of the instruments asked for is one that encoder {encoder.name!r} has here; it "
            f"has {shown}. Ask for one of these, or leave out the instruments"
        )
    if playing[DRUMS]:
        return  # rules about pitches leave drums alone
    for tables in _together([rule for rule in known if isinstance(rule, PitchRule)]):
        if not (tables[pitches] > -np.inf).any():
            raise HowlkitError(
                f"no note is left: key, range and chords together forbid all pitches that encoder "
                f"{encoder.name!r} has ({min(pitches)} to {max(pitches)}). Ask for a wider range, "
                "or for one thing less"
            )


def _together(rules: Sequence[PitchRule]) -> Iterator[NDArray[np.float64]]:
    """Yield (128,) what rules add to each pitch, together, at each beat that is like no other."""
    always = np.zeros(128)
    changing = []
    for rule in rules:
        if len(set(rule.which.tolist())) == 1:
            always = always + rule.tables[rule.which[0]]
        else:
            changing.append(rule)
    yield always
    for rule in changing:
        yield from (always + rule.tables[which] for which in set(rule.which.tolist()))


def _possible(encoder: Encoder, like: Piece | None, what: str) -> list[int]:
    """Return the pitches, or the programs, that notes of an encoder may have.

    Its grammar says them, or they follow from its tables; else all are taken to be possible.
    """
    highest = 127 if what == "pitch" else DRUMS
    grammar = CheckedEncoder.of(encoder).grammar(1, like=like)
    if (possible := grammar.possible_notes) is not None:
        return sorted(possible.pitches if what == "pitch" else possible.programs)
    if not grammar.has_note_tables:
        return list(range(highest + 1))
    column = QUANTITIES.index(what)
    sums = _sums(encoder.schema, grammar.note_tables, grammar.note_bases[0], column)
    return sorted(number for number in sums if 0 <= number <= highest) or list(range(highest + 1))


def _sums(schema: Schema, tables: NoteTables, bases: NDArray[np.int64], column: int) -> set[int]:
    """Return what a quantity of a note may come to: a base and a value of each field.

    bases: (Q,), of one row. More may be among it than the grammar allows, but nothing is missing.
    """
    anew = {int(bases[restart]) for restart in tables.restart[:, column] if restart >= 0}
    sums, at = {int(bases[column])} | anew, 0
    for field in schema.decisions:
        adds = set(tables.adds[at : at + field.choices, column].tolist()) | {0}
        sums = {before + more for before in sums for more in adds}
        at += field.choices
    return sums
