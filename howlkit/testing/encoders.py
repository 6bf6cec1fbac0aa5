"""The laws of an encoder, each a function that raises CheckFailed where it is broken."""

from __future__ import annotations

import dataclasses
import json
import math
import tracemalloc

import numpy as np

from howlkit.music import midi
from howlkit.music.piece import DRUMS, MAX_TICK, Piece
from howlkit.plugins.exemptions import exemptions
from howlkit.protocols import Encoder
from howlkit.schema import END, START, STEP, Schema, Steps
from howlkit.testing import exempt_laws, grammars, notes, prompts
from howlkit.testing.checks import Check, given, require, run_all
from howlkit.testing.compare import (
    require_same_decisions,
    require_same_notes,
    require_same_steps,
    seeded_walks,
)
from howlkit.testing.options import LAWS as OPTION_LAWS
from howlkit.testing.options import at_the_limits
from howlkit.testing.pieces import chord, drum_beat, late_note, metres, performance, pieces, scatter
from howlkit.testing.walks import first_difference

__all__ = ["check_encoder", "encoder_checks"]

MOST_MEGABYTES = 256

_NO_LIMITS = midi.Limits(max_seconds=math.inf, max_beats=math.inf)


def encoder_checks(encoder: Encoder) -> tuple[Check, ...]:
    """Return the checks of an encoder, one for each law.

    If the encoder declares that a law does not hold for it, the check is of a weaker law.
    """
    checks = tuple(Check("encoder", encoder, law) for law in LAWS)
    return tuple(exempt_laws.with_exemption(check) for check in checks)


def check_encoder(encoder: Encoder) -> None:
    """Raise CheckFailed, saying what is wrong, unless `encoder` keeps to its contract.

    >>> from howlkit.testing.fake_encoder import FakeEncoder
    >>> class DropsTheLastNote(FakeEncoder):
    ...     '''One step an onset, but the last note is lost.'''
    ...
    ...     def decode(self, steps, *, like=None):
    ...         piece = super().decode(steps, like=like)
    ...         return piece.replace(notes=piece.notes[:-1])
    >>> check_encoder(DropsTheLastNote())  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    howlkit.testing.checks.CheckFailed: encoder 'fake' fails 'round trip'
      law: ...
    """
    run_all(encoder_checks(encoder))


def schema_is_stored(encoder: Encoder) -> None:
    """A schema comes back unchanged from JSON, and is the same each time it is asked for."""
    schema = encoder.schema
    text = json.dumps(schema.to_json())
    back = Schema.from_json(json.loads(text))
    require(back == schema, expected=schema, got=back, look="the types of the fields' attributes")
    require(encoder.schema == schema, expected=schema, got=encoder.schema, look="`schema`")


def exemptions_are_known(encoder: Encoder) -> None:
    """Only laws that allow exemptions are declared not to hold, each with a reason."""
    for law, why in exemptions(encoder).items():
        require(
            law in exempt_laws.INSTEAD,
            expected=f"one of {', '.join(map(repr, exempt_laws.INSTEAD))}",
            got=repr(law),
            look="`exemptions`: no encoder is exempt from the other laws",
        )
        require(
            isinstance(why, str) and why.strip(),
            expected=f"why {law!r} does not hold, in a sentence",
            got=repr(why),
            look="`exemptions`",
        )


def steps_fit_the_schema(encoder: Encoder) -> None:
    """`encode` returns start, steps and end, of the schema's dtype; inactive fields are 0."""
    schema = encoder.schema
    for piece in (*pieces(), chord()):
        with given(piece.name):
            steps = encoder.encode(piece)
            require(
                isinstance(steps, np.ndarray) and steps.dtype == schema.dtype and steps.ndim == 1,
                expected=f"a 1-D array of {schema.dtype}",
                got=getattr(steps, "dtype", type(steps)),
                look="`encode`; `schema.steps(n)` makes one",
            )
            marks = steps["mark"].tolist()
            wanted = [START, *[STEP] * (len(marks) - 2), END]
            require(
                marks == wanted,
                expected="marks: start, steps, end",
                got=f"marks {marks[:3]} .. {marks[-3:]}",
                look="`schema.frame`",
            )
            _check_values(schema, steps)


def _check_values(schema: Schema, steps: Steps) -> None:
    """Check that values are in the range of their field, and 0 where the field is not active."""
    for field in schema.fields:
        values, most = steps[field.name], 1 if field.kind == "bits" else field.n - 1
        require(
            not len(values) or int(values.max()) <= most,
            expected=f"{field.name} of 0..{most}",
            got=int(values.max(initial=0)),
            look="`encode`",
        )
        if not field.derived:
            idle = values[~schema.active(field, steps)]
            require(
                not idle.any(),
                expected=f"{field.name}=0 where it is not active (its `when`, start and end rows)",
                got=f"{int(np.count_nonzero(idle))} other values",
                look="`encode`",
            )


def encode_is_pure(encoder: Encoder) -> None:
    """`encode` returns the same steps each time, in a new array, and does not change the piece."""
    for piece in pieces():
        with given(piece.name):
            before = dataclasses.replace(piece, notes=piece.notes.copy())
            first = encoder.encode(piece)
            kept = first.copy()
            if first.flags.writeable:
                first[:] = np.zeros(1, first.dtype)
            again = encoder.encode(piece)
            require_same_steps(encoder, kept, again, "what `encode` keeps between calls")
            require(piece == before, expected="the piece as it was", got="another", look="`encode`")


def an_empty_piece(encoder: Encoder) -> None:
    """A piece without notes is encoded as start and end, and decoded to no notes."""
    steps = encoder.encode(Piece())
    require(
        steps["mark"].tolist() == [START, END],
        expected="[start, end]",
        got=steps["mark"].tolist(),
        look="`encode`",
    )
    for rows in (steps, steps[:1], steps[:0]):
        notes = len(encoder.decode(rows))
        require(not notes, expected="no notes", got=notes, look="`decode`")


def drums_stay_drums(encoder: Encoder) -> None:
    """Drums are decoded as drums, or left out; they never become notes of an instrument."""
    back = encoder.decode(encoder.encode(drum_beat()))
    programs = set(back.notes["program"].tolist())
    require(
        programs <= {DRUMS},
        expected=f"program {DRUMS} or no notes",
        got=f"programs {sorted(programs)}",
        look="`encode`: leave out notes of program DRUMS if they cannot be kept",
    )


def round_trip(encoder: Encoder) -> None:
    """Steps that the grammar allows come back the same from `decode` and `encode`: one spelling.

    With `like=piece` only the notes have to come back, because the tempo and metre of that piece
    replace those in the steps.
    """
    for made, like in seeded_walks(encoder):
        for row, steps in enumerate(made.rows):
            with given(f"{made}, row {row}" + (f", like {like.name}" if like is not None else "")):
                piece = encoder.decode(steps, like=like)
                back = encoder.encode(piece)
                if like is None:
                    look = "which of the two spellings `allowed` should refuse, or `encode` avoid"
                    require_same_steps(encoder, steps, back, look)
                else:
                    require_same_notes(piece, encoder.decode(back, like=like))


def encode_is_stable(encoder: Encoder) -> None:
    """Music that was encoded and decoded once is encoded to the same steps again."""
    for piece in (*pieces(), chord(), metres(9, 300)):
        with given(piece.name):
            steps = encoder.encode(piece)
            again = encoder.encode(encoder.decode(steps, like=piece))
            look = "what rounds twice, in `encode` and in `decode`"
            require_same_steps(encoder, steps, again, look)


def excerpts_give_the_whole(encoder: Encoder) -> None:
    """Adjacent excerpts are encoded to the steps of the whole piece, wherever they are cut."""
    for piece in pieces():
        with given(piece.name):
            whole, n = encoder.encode(piece), len(piece)
        cuts = np.random.default_rng(0).choice(n + 1, 5, replace=False)
        for edges in (
            *(np.append(np.arange(0, n, size), n) for size in (1, 7, 60)),
            np.sort(np.concatenate(([0, n], cuts))),
        ):
            begin = 1
            for first, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
                with given(f"{piece.name}.excerpt({first}, {stop})"):
                    part = encoder.encode(piece.excerpt(first, stop))
                    wanted = whole[begin - 1 : begin - 1 + len(part)]
                    look = (
                        "whether steps from `since` up to `until` are kept, with both rounded as "
                        "onsets are, and which steps before the excerpt they depend on"
                    )
                    require_same_steps(encoder, wanted, part, look)
                    begin += len(part) - 1
            with given(f"{piece.name} in excerpts cut at notes {edges.tolist()[:5]} .."):
                require(
                    begin == len(whole),
                    expected=f"{len(whole) - 1} steps in all",
                    got=begin - 1,
                    look="the steps at the edges: `since` is inside, `until` is not",
                )


def decode_takes_over_like(encoder: Encoder) -> None:
    """`decode(steps, like=piece)` takes over the tempo map and metre, at no coarser resolution."""
    for piece in (scatter(1), performance(2), metres(3)):
        with given(piece.name):
            back = encoder.decode(encoder.encode(piece), like=piece)
            ticks = piece.tempos["tick"].astype(np.int64)
            there = (ticks * back.ticks_per_beat + piece.ticks_per_beat // 2) // (
                piece.ticks_per_beat
            )
            gap = float(np.abs(back.seconds(there) - piece.seconds(ticks)).max(initial=0))
            require(
                np.array_equal(back.tempos["microseconds"], piece.tempos["microseconds"])
                and gap < 0.01,
                expected=f"the tempos {piece.tempos.tolist()} at {piece.ticks_per_beat} a beat",
                got=f"{back.tempos.tolist()} at {back.ticks_per_beat} a beat",
                look="`decode`; `Piece.without_notes().at_resolution(...)` takes all over",
            )
            metre = ["numerator", "denominator"]
            require(
                np.array_equal(back.time_signatures[metre], piece.time_signatures[metre]),
                expected=f"time signatures {piece.time_signatures.tolist()}",
                got=back.time_signatures.tolist(),
                look="`decode`",
            )
            require(
                back.ticks_per_beat >= 0.99 * piece.ticks_per_beat,
                expected=f"at least {piece.ticks_per_beat} ticks a beat",
                got=back.ticks_per_beat,
                look="`decode`: joined to a prompt, music is moved to the coarser grid",
            )


def what_is_written_is_heard(encoder: Encoder) -> None:
    """Music that was decoded and written to a MIDI file is read as `midi.as_written` says."""
    for made, like in seeded_walks(encoder):
        for row, steps in enumerate(made.rows):
            with given(f"{made}, row {row}" + (f", like {like.name}" if like is not None else "")):
                _require_heard(encoder.decode(steps, like=like))
    for piece in (*pieces(), chord(), metres(9, 300)):
        with given(piece.name):
            _require_heard(encoder.decode(encoder.encode(piece)))


def _require_heard(piece: Piece) -> None:
    back = midi.read_bytes(midi.to_bytes(piece), limits=_NO_LIMITS)
    heard = midi.as_written(piece)
    require_same_notes(heard, back, "notes that no MIDI file can hold, in `decode`")
    for name in ("tempos", "time_signatures", "key_signatures"):
        expected, got = getattr(heard, name), getattr(back, name)
        require(
            np.array_equal(expected, got),
            expected=f"the {name} {expected.tolist()}",
            got=got.tolist(),
            look=f"the {name} that `decode` returns",
        )


def options_work_at_their_limits(encoder: Encoder) -> None:
    """Music comes back the same with each option at either limit and at each choice.

    An option may cut rests short, which moves the music against the tempo and metre of the piece.
    Then the steps are compared after `decode(steps)` alone.
    """
    for what, made in at_the_limits(encoder):
        with given(what):
            for piece in (scatter(7, 50), metres(8, 50)):
                with given(piece.name):
                    steps = made.encode(piece)
                    again = made.encode(made.decode(steps, like=piece))
                    if first_difference(made.schema, steps, again) is not None:
                        again = made.encode(made.decode(steps))
                        require_same_decisions(made, steps, again, "the range of this option")
                    grammars.require_allowed(made, steps, piece)
                    exempt_laws.pushing_check(made)(made, steps[:-1], piece)
                    notes.check_notes(made, steps[:-1][:60], piece)


def hostile_pieces(encoder: Encoder) -> None:
    """One note near tick 2^31, or 300 notes at once, take little memory and come back."""
    for tick in (2**20, 2**24, 2**27, MAX_TICK - 1):
        with given(f"late_note({tick})"):
            _check_memory(encoder, late_note(tick))
    with given("chord(300)"):
        _check_memory(encoder, chord(300))


def _check_memory(encoder: Encoder, piece: Piece) -> None:
    tracemalloc.start()
    try:
        steps = encoder.encode(piece)
        again = encoder.encode(encoder.decode(steps))
        peak = tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()
    require(
        peak < MOST_MEGABYTES,
        expected=f"less than {MOST_MEGABYTES} MB",
        got=f"{peak:.0f} MB and {len(steps)} rows for {len(piece)} notes",
        look="arrays that grow with ticks instead of notes; limit rests, or the length of a piece",
    )
    require_same_steps(encoder, steps, again, "how what does not fit is shortened")


LAWS = (
    *OPTION_LAWS,
    schema_is_stored,
    exemptions_are_known,
    steps_fit_the_schema,
    encode_is_pure,
    an_empty_piece,
    drums_stay_drums,
    round_trip,
    encode_is_stable,
    excerpts_give_the_whole,
    decode_takes_over_like,
    what_is_written_is_heard,
    grammars.grammar_allows_what_encode_gives,
    grammars.decode_equals_pushing,
    grammars.rows_are_independent,
    grammars.derived_fields_follow,
    grammars.step_mask_says_what_allowed_does,
    notes.note_choices_say_what_decode_gives,
    notes.possible_notes_are_all_that_decode_gives,
    options_work_at_their_limits,
    hostile_pieces,
    prompts.music_follows_a_prompt,
)
