"""The sound of a Piece, by analysis of what comes out."""

import numpy as np
import pytest

from howlkit.errors import HowlkitError
from howlkit.music import Piece, sound
from howlkit.music.extras import CONTROL, Extras
from howlkit.music.sound.limiter import CEILING
from howlkit.music.tables import DRUMS, PEDAL, TEMPO
from tests.music.sound.heard import cents_off, decibels, mono, onset

RATE = 44100


def rendered(piece, rate=RATE, **options):
    return np.concatenate(list(sound.render(piece, rate, **options)))


def at(samples, first, last, rate=RATE):
    return samples[int(first * rate) : int(last * rate)]


def note(pitch, *, program=0, velocity=100, seconds=1.0, start=0.0):
    """A row of a piece at one beat a second."""
    return (round(480 * start), round(480 * seconds), pitch, velocity, program)


def piece_of(*rows):
    return Piece.of(rows, bpm=60)


PIANO, RHODES, ORGAN, CHURCH, NYLON, BASS = 0, 4, 16, 19, 24, 33
CELLO, TRUMPET, FLUTE, SQUARE = 42, 56, 73, 80


@pytest.mark.parametrize(
    ("program", "pitches"),
    [
        (PIANO, (33, 36, 45, 50, 57, 61, 69, 74, 81, 84)),
        (RHODES, (36, 48, 55, 67, 79)),
        (ORGAN, (36, 48, 60, 72, 84)),
        (NYLON, (40, 47, 56, 64, 72)),
        (BASS, (28, 34, 40, 45)),
        (CELLO, (40, 52, 62)),
        (TRUMPET, (58, 66, 74, 81)),
        (FLUTE, (62, 71, 78, 86)),
        (SQUARE, (45, 57, 64, 76, 88)),
    ],
)
def test_notes_are_in_tune(program, pitches):
    for pitch in pitches:
        made = rendered(piece_of(note(pitch, program=program, seconds=1.5)))
        off = cents_off(at(made, 0.1, 1.4), RATE, pitch)
        assert abs(off) < 5, (program, pitch, off)


@pytest.mark.parametrize("rate", [22050, 32000, 48000])
def test_notes_are_in_tune_and_as_loud_at_every_rate(rate):
    piece = piece_of(note(64, seconds=1.5), note(76, seconds=1.5))
    made, usual = rendered(piece, rate), rendered(piece)
    assert abs(cents_off(at(made, 0.1, 1.4, rate), rate, 64)) < 5
    assert decibels(made) == pytest.approx(decibels(usual), abs=0.5)
    assert len(made) / rate == pytest.approx(len(usual) / RATE, abs=0.001)


def test_every_program_sounds_and_ends_in_silence():
    for program in range(128):
        made = rendered(piece_of(note(60, program=program, seconds=0.4)), 16000)
        assert decibels(at(made, 0, 0.4, 16000)) > -45, program
        assert not at(made, len(made) / 16000 - 0.04, 99, 16000).any(), program


def test_every_drum_sounds_whatever_its_length():
    for pitch in range(27, 88):
        short, long = (
            rendered(piece_of((0, ticks, pitch, 100, DRUMS)), 16000) for ticks in (1, 2000)
        )
        assert decibels(at(short, 0, 0.1, 16000)) > -55, pitch
        assert np.array_equal(short, long[: len(short)])


@pytest.mark.parametrize("program", [PIANO, NYLON, CELLO, TRUMPET, DRUMS])
def test_the_level_rises_with_the_velocity(program):
    pitch = 38 if program == DRUMS else 60
    levels = [
        decibels(at(rendered(piece_of(note(pitch, program=program, velocity=v))), 0, 0.5))
        for v in range(7, 128, 10)
    ]
    assert (np.diff(levels) > 0.3).all()
    assert levels[-1] - levels[0] > 35


def test_soft_notes_of_a_piano_are_darker():
    def brightness(velocity):
        part = mono(at(rendered(piece_of(note(60, velocity=velocity))), 0, 0.5))
        power = np.abs(np.fft.rfft(part)) ** 2
        return power[np.fft.rfftfreq(len(part), 1 / RATE) > 1500].sum() / power.sum()

    assert brightness(20) < 0.5 * brightness(120)


def test_instruments_are_about_as_loud_as_each_other():
    levels = {
        program: decibels(at(rendered(piece_of(note(60, program=program)), 16000), 0, 0.3, 16000))
        for program in range(0, 128, 3)
    }
    assert max(levels.values()) - min(levels.values()) < 14, levels


def test_nothing_is_beyond_full_scale_and_nothing_is_cut_off():
    rows = [note(30 + pitch, velocity=127, program=p) for pitch in range(32) for p in (0, 61)]
    made = rendered(piece_of(*rows))
    assert len(rows) == 64 and 0.5 < np.abs(made).max() <= CEILING
    # A sample that is cut off stands at the ceiling; a limiter leaves peaks as they are.
    assert (np.abs(made) > CEILING - 1e-4).sum() < 50


def test_silence_is_where_nothing_sounds():
    made = rendered(piece_of(note(60, start=1.0), note(64, start=8.0)))
    assert not at(made, 0, 1.0).any()
    assert at(made, 1.0, 1.1).any()
    assert not at(made, 6.0, 8.0).any()
    assert not made[-round(0.04 * RATE) :].any()


@pytest.mark.parametrize("program", [*range(0, 128, 5), DRUMS])
def test_a_note_is_heard_within_5_ms_of_its_onset_and_not_before(program):
    start = 0.75
    made = rendered(piece_of(note(48, program=program, start=start, velocity=110)))
    assert not at(made, 0, start - 0.0001).any()
    assert 0 <= onset(made, RATE) - start < 0.005


def test_no_note_ends_or_is_struck_again_with_a_click():
    """Above 12 kHz there is nothing of a low flute, except in a click."""
    rows = [note(62, program=FLUTE, start=k * 0.37, seconds=0.3711) for k in range(8)]
    made = mono(rendered(piece_of(*rows)))
    spectrum = np.fft.rfft(made)
    spectrum[: int(12000 * len(made) / RATE)] = 0
    assert np.abs(np.fft.irfft(spectrum, len(made))).max() < 2e-3 * np.abs(made).max()


def test_a_held_note_goes_on_evenly_beyond_its_recording():
    made = rendered(piece_of(note(60, program=CHURCH, seconds=9)), 16000)
    levels = [decibels(at(made, s, s + 0.5, 16000)) for s in np.arange(0.5, 8.5, 0.5)]
    assert max(levels) - min(levels) < 3
    assert abs(cents_off(at(made, 6, 8, 16000), 16000, 60)) < 5


def test_a_piano_dies_away_by_itself():
    made = rendered(piece_of(note(60, seconds=12)))
    levels = [decibels(at(made, s, s + 0.25)) for s in (0.1, 1, 2, 3, 4)]
    assert (np.diff(levels) < -2).all() and levels[-1] < levels[0] - 15


def test_the_same_piece_gives_the_same_samples():
    rows = [note(40 + 3 * k, start=k / 5, program=8 * k) for k in range(16)]
    first, second = rendered(piece_of(*rows)), rendered(piece_of(*rows))
    assert first.tobytes() == second.tobytes()


def test_the_pedal_holds_notes_until_it_lifts():
    rows = [note(60, seconds=0.2)]
    plain = piece_of(*rows)
    held = plain.replace(pedals=np.array([(0, 960, 0)], PEDAL))  # two seconds
    assert len(rendered(plain)) < 1.2 * RATE
    made = rendered(held)
    assert decibels(at(made, 1.2, 1.8)) > -60
    assert 2.2 * RATE < len(made) < 3 * RATE


def test_a_key_that_is_struck_again_does_not_pile_up():
    rows = [note(60, start=k / 4, seconds=8) for k in range(16)]
    made = rendered(piece_of(*rows))
    first, last = (np.abs(at(made, s, s + 0.25)).max() for s in (0, 3.75))
    assert last < 1.3 * first


def test_a_closed_hi_hat_ends_an_open_one():
    open_hat = note(46, program=DRUMS)
    choked = rendered(piece_of(open_hat, note(42, program=DRUMS, start=0.2, velocity=1)))
    alone = rendered(piece_of(open_hat))
    assert decibels(at(choked, 0.5, 0.7)) < decibels(at(alone, 0.5, 0.7)) - 25
    assert np.array_equal(at(choked, 0, 0.19), at(alone, 0, 0.19))


def test_it_is_stereo_low_keys_of_a_piano_to_the_left():
    low, high = (np.abs(rendered(piece_of(note(p)))).sum(axis=0) for p in (36, 84))
    assert low[0] > 1.1 * low[1] and high[1] > 1.1 * high[0]


def test_volume_expression_and_pan_of_a_file_count():
    plain = piece_of(note(60), note(60, start=2))
    controls = [(0, 0, 7, 100), (0, 0, 10, 64), (960, 0, 7, 50), (960, 0, 10, 127)]
    changed = plain.replace(extras=Extras(np.array(controls, CONTROL)))
    made, usual = rendered(changed), rendered(plain)
    assert decibels(at(made, 0, 1)) == pytest.approx(decibels(at(usual, 0, 1)), abs=0.3)
    later = at(made, 2, 3)
    assert decibels(later[:, :1]) < decibels(later[:, 1:]) - 20
    quiet = plain.replace(extras=Extras(np.array([(0, 0, 11, 64)], CONTROL)))
    assert decibels(at(rendered(quiet), 0, 1)) == pytest.approx(
        decibels(at(usual, 0, 1)) - 11.9, abs=0.5
    )


def test_gain_is_in_decibels():
    piece = piece_of(note(60))
    assert decibels(rendered(piece, gain=-6)) == pytest.approx(
        decibels(rendered(piece)) - 6, abs=0.1
    )


def test_it_follows_the_tempo_map():
    tempos = np.array([(0, 500_000), (480, 2_000_000)], TEMPO)
    piece = Piece.of([(480, 240, 60), (960, 240, 60)]).replace(tempos=tempos)
    made = rendered(piece)
    assert not at(made, 0, 0.5).any() and at(made, 0.5, 0.51).any()
    assert not at(made, 2.3, 2.5).any() and at(made, 2.5, 2.51).any()


def test_it_lasts_as_long_as_the_music_and_its_release():
    for program, most in ((PIANO, 0.8), (ORGAN, 0.4), (89, 2.6)):
        piece = piece_of(note(60, program=program, seconds=2.5))
        assert 2.5 <= len(rendered(piece)) / RATE <= 2.5 + most


def test_long_music_comes_in_blocks_of_bounded_size():
    piece = piece_of(note(60), note(60, program=ORGAN, seconds=60), note(64, start=59))
    blocks = list(sound.render(piece, 16000))
    assert len(blocks) > 2 and max(map(len, blocks)) <= 2**18
    assert {(block.ndim, block.shape[1], block.dtype.name) for block in blocks} == {
        (2, 2, "float32")
    }


def test_music_is_the_same_wherever_blocks_are_cut(monkeypatch):
    rows = [note(48 + k, start=k / 3, seconds=1, velocity=127) for k in range(12)]
    whole = rendered(piece_of(*rows), 16000, gain=20)
    monkeypatch.setattr("howlkit.music.sound.mixing.BLOCK", 64 * 150)
    assert np.allclose(rendered(piece_of(*rows), 16000, gain=20), whole, atol=2e-3)


def test_a_piece_without_notes_is_a_moment_of_silence():
    made = rendered(Piece())
    assert 0 < len(made) < RATE and not made.any()


def test_a_rate_that_is_not_allowed_is_refused_at_once():
    with pytest.raises(HowlkitError, match=r"100 samples a second are not allowed: 8000\.\.192000"):
        sound.render(piece_of(note(60)), 100)
