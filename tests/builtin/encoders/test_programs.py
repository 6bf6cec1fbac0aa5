"""The instruments of encoder event: learnt, or chosen; and what becomes of notes of others."""

import numpy as np
import pytest

from howlkit.builtin.encoders.event.encoder import Event
from howlkit.errors import OptionError
from howlkit.music.piece import Piece
from howlkit.music.tables import DRUMS
from howlkit.schema import STEP


def test_the_instruments_are_those_of_the_music_trained_on():
    pieces = [Piece.of([(0, 480, 60, 80, program)]) for program in (33, DRUMS, 0, 33)]
    fitted = Event(velocities=4).fitted(pieces)
    assert fitted == Event(velocities=4, instruments="0,33,128")
    assert fitted.fitted([Piece.of([(0, 480, 60, 80, 1)])]) is fitted
    assert fitted.schema == Event(velocities=4).schema
    assert Event(programs=False).fitted(pieces) == Event(programs=False)
    assert Event().fitted([Piece()]) == Event()


def pieces_of(*counts):
    """Return pieces with a piano, of which so many have each of the programs 1, 2, 3 too."""
    pieces = []
    for number in range(counts[0]):
        programs = [0, *(1 + n for n, count in enumerate(counts[1:]) if number < count)]
        pieces.append(Piece.of([(0, 480, 60, 80, program) for program in programs]))
    return pieces


@pytest.mark.parametrize(
    ("counts", "kept"),
    [
        ((49, 1), "0,1"),  # few pieces: each may be the only one of its kind
        ((50, 1), "0"),
        ((50, 2), "0,1"),
        ((150, 1, 2), "0,2"),
        ((200, 1, 2), "0,2"),
        ((201, 2, 3), "0,2"),
        ((400, 3, 4, 5), "0,2,3"),
    ],
)
def test_programs_of_hardly_any_piece_are_left_out(counts, kept):
    assert Event().fitted(pieces_of(*counts)).instruments == kept


def test_programs_that_are_all_rare_stay():
    pieces = [Piece.of([(0, 480, 60, 80, number)]) for number in range(DRUMS)]
    assert len(Event().fitted(pieces)._palette.programs) == DRUMS
    more = [*pieces, Piece.of([(0, 480, 60, 80, 5)])]
    assert Event().fitted(more).instruments == "5"  # of two pieces
    hundreds = [Piece.of([(0, 480, 60, 80, n % DRUMS)]) for n in range(DRUMS * 7 + 1)]
    assert Event().fitted(hundreds).instruments == "0"  # eight of 897


def test_what_is_left_out_is_said():
    pieces = pieces_of(60, 1, 1)
    fitted = Event().fitted(pieces)
    assert fitted.left_out(pieces) == (
        "event leaves out 2 of 3 programs (Bright Acoustic Piano, Electric Grand Piano; each in 1 "
        "of 60 pieces); their notes get the nearest program that is left "
        "(-o event.instruments=0,1,2 keeps all)"
    )
    assert Event().fitted(pieces[:10]).left_out(pieces[:10]) == ""
    assert Event(programs=False).left_out(pieces) == "" == Event().left_out([])
    drums = [*pieces_of(60), Piece.of([(0, 480, 36, 80, DRUMS)])]
    assert "(Drums; in 1 of 61 pieces); for notes of Drums there is none" in Event(
        instruments="0"
    ).left_out(drums)
    many = [Piece.of([(0, 480, 60, 80, program) for program in range(9)])] * 3
    said = Event(instruments="0").left_out(many)
    assert "8 of 9 programs (Bright Acoustic Piano, " in said
    assert "Electric Piano 1 and 4 more; each in 3 or fewer of 3 pieces)" in said


def test_a_note_of_another_program_gets_the_nearest_of_its_family_or_by_number():
    encoder = Event(instruments="128,7,24,33")
    notes = [(480 * i, 480, 60, 80, program) for i, program in enumerate((0, 25, 39, 21, 127, 128))]
    played = encoder.decode(encoder.encode(Piece.of(notes))).notes["program"]
    assert played.tolist() == [7, 24, 33, 24, 33, 128]


def test_drums_become_no_instrument_and_instruments_no_drums():
    piece = Piece.of([(0, 480, 60, 80, 0), (0, 480, 36, 80, DRUMS), (480, 480, 62, 80, 9)])
    for text, kept in (("0", [60, 62]), ("128", [36])):
        encoder = Event(instruments=text)
        assert encoder.decode(encoder.encode(piece)).notes["pitch"].tolist() == kept


def test_a_key_that_sounds_is_struck_again_only_by_what_there_is():
    held = Event(instruments="0")
    grammar = held.grammar(1)
    for step in [(STEP, held._vocabulary.velocity, 0), (STEP, 60, 0)]:
        grammar.push(np.array([step], held.schema.dtype), np.array([True]))
    given = np.zeros(1, held.schema.dtype)
    allowed = grammar.allowed(held.schema.decisions[1], given)
    assert not allowed[0, 60] and not allowed[0, :60].any()  # notes come by pitch
    assert allowed[0, 61]
    given["event"] = 61
    assert np.flatnonzero(grammar.allowed(held.schema.decisions[2], given)).tolist() == [0]


@pytest.mark.parametrize("text", ["piano", "0,129", "-1", "0,,1", "1;2"])
def test_instruments_are_programs_with_commas_between(text):
    with pytest.raises(OptionError, match=r"instruments is .*0\.\.128.*0,33,128"):
        Event(instruments=text)
    with pytest.raises(OptionError, match="programs=false"):
        Event(instruments="0", programs=False)
