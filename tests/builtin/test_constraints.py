"""What the rules of the built-in constraints say about notes, choice by choice."""

import numpy as np
import pytest

from howlkit.builtin.constraints import (
    Bounds,
    Chords,
    Density,
    InKey,
    Instruments,
    Loops,
    Polyphony,
    Range,
    Restrikes,
)
from howlkit.builtin.constraints.chords import strong_beats
from howlkit.constraints import Heard, RestrikeRule, Setting, flat
from howlkit.constraints.heard import FIRST, LAST_ONSET, LAST_PITCH, NOTES
from howlkit.errors import HowlkitError, OptionError
from howlkit.music.piece import Piece
from howlkit.music.tables import DRUMS, TEMPO, TIME_SIGNATURE
from howlkit.note_choices import AHEAD, BEGINS, LASTS, NOTHING, OPEN, NoteChoices

GRID = 12
SETTING = Setting("beats", GRID)


def like(numerator=4, denominator=4, *, bpm=120, tick=0):
    return Piece(
        tempos=np.array([(0, round(60e6 / bpm))], TEMPO),
        time_signatures=np.array([(tick, numerator, denominator)], TIME_SIGNATURE),
    )


def begin(notes, role=BEGINS):
    """Choices that begin notes (onset, pitch, program, length) on track 0, in one row."""
    onset, pitch, program, length = np.array(notes).T[:, None, :]
    zeros = np.zeros_like(onset)
    return NoteChoices(zeros.astype(np.uint8) + role, onset, pitch, program, zeros, onset + length)


def pitches(rule, *, onset=0, program=0, heard=None):
    """What a rule adds to each of the 128 pitches."""
    choices = begin([(onset, pitch, program, GRID) for pitch in range(128)])
    return rule.logits(choices, heard or Heard.nothing(1))[0]


def free(rule, **where):
    """The pitches that a rule has nothing against."""
    return set(np.flatnonzero(pitches(rule, **where) == 0).tolist())


def after_first_note(onset=0):
    heard = Heard.nothing(1)
    heard.at[:, [NOTES, FIRST]] = 1, onset
    return heard


def test_a_note_that_ends_the_one_before_it_on_its_track_may_take_its_place():
    for alone in (False, True):
        heard = Heard.nothing(1, alone=alone)
        heard.notes[0, :2] = [(60, 0, 0, 0, OPEN), (72, 0, 1, 0, OPEN)]  # on tracks 0 and 1
        struck = set(range(128)) - ({60} if not alone else set())
        assert free(RestrikeRule(), onset=GRID, heard=heard) == struck
        rule = Polyphony(2).begin(SETTING)
        assert free(rule, onset=GRID, heard=heard) == (set(range(128)) if alone else set())
        assert not free(Polyphony(1).begin(SETTING), onset=GRID, heard=heard)


def test_key_leaves_the_notes_of_the_scale():
    rule = InKey("D minor").begin(SETTING)
    assert free(rule) == {p for p in range(128) if p % 12 in (2, 4, 5, 7, 9, 10, 0)}
    assert set(pitches(rule).tolist()) == {0.0, -np.inf}


def test_key_leaves_drums_alone():
    assert free(InKey("D minor").begin(SETTING), program=DRUMS) == set(range(128))


def test_key_auto_is_that_of_the_prompt():
    prompt = Piece.of([(480 * i, 480, 60 + s) for i, s in enumerate([2, 5, 9, 2, 10, 9, 7, 5, 2])])
    there = Setting("beats", GRID, prompt=prompt)
    assert free(InKey("auto").begin(there)) == free(InKey("D minor").begin(there))
    assert InKey() == InKey("auto")
    with pytest.raises(HowlkitError, match="name the key"):
        InKey("auto").begin(SETTING)


def test_range_leaves_the_pitches_from_low_to_high():
    assert free(Range(48, 84).begin(SETTING)) == set(range(48, 85))


def test_instruments_leave_their_programs():
    rule = Instruments(("violin", "42", "drums")).begin(SETTING)
    choices = begin([(0, 60, program, GRID) for program in range(129)])
    said = rule.logits(choices, Heard.nothing(1))[0]
    assert np.flatnonzero(said == 0).tolist() == [40, 42, 128]


def test_density_counts_in_the_unit_of_the_encoders_clock():
    slow = like(bpm=60)
    rates = {
        (per, clock): Density(6, per).begin(Setting(clock, GRID, like=like(bpm=90))).rate
        for per in ("beat", "second")
        for clock in ("beats", "seconds")
    }
    assert rates == pytest.approx(
        {
            ("beat", "beats"): 6,
            ("second", "seconds"): 6,
            ("beat", "seconds"): 9,
            ("second", "beats"): 4,
        }
    )
    assert Density(6, "second").begin(Setting("beats", GRID, like=slow)).rate == 6


def notes_at(*onsets):
    """What is heard after notes at these positions, all made."""
    heard = after_first_note(onsets[0])
    heard.at[:, NOTES], heard.at[:, [LAST_ONSET, LAST_PITCH]] = len(onsets), (onsets[-1], 60)
    moves = np.diff(onsets)[:-65:-1]
    heard.moves[0, : len(moves), 1] = moves
    return heard


def test_density_pushes_back_notes_that_are_too_many_and_calls_for_those_that_lack():
    rule = Density(2, "beat").begin(SETTING)
    heard = notes_at(*range(9))  # in one beat
    assert (pitches(rule, onset=GRID, heard=heard) < 0).all()
    assert (pitches(rule, onset=8 * GRID, heard=heard) == 0).all()
    later = begin([(4 * GRID, 60, 0, GRID)], role=NOTHING)  # time moves on without a note
    assert rule.logits(later, heard)[0, 0] == 0
    later = begin([(20 * GRID, 60, 0, GRID)], role=NOTHING)
    assert rule.logits(later, heard)[0, 0] < 0


def test_density_forgets_what_was_long_ago():
    """Fifty notes in a beat, and then as many notes as are due."""
    rule = Density(1, "beat").begin(SETTING)
    heard = notes_at(*[0] * 50, *range(GRID, 20 * GRID, GRID))
    assert not pitches(rule, onset=20 * GRID, heard=heard).any()
    assert (pitches(rule, onset=GRID, heard=notes_at(*[0] * 20)) < -4).all()


def test_a_note_ahead_is_judged_by_its_latest_onset():
    """Nothing else is known of it: -1 in all other columns."""
    onset = np.array([[GRID - 1, 2 * GRID - 1, 40 * GRID]])
    unknown = np.full_like(onset, -1)
    ahead = NoteChoices(
        np.full(onset.shape, AHEAD, np.uint8), onset, unknown, unknown, unknown, unknown
    )
    heard = notes_at(0)
    heard.notes[0, 0] = 60, 0, 0, 0, 2 * GRID - 1  # sounds until then
    assert Polyphony(1).begin(SETTING).logits(ahead, heard).tolist() == [[-np.inf, 0, 0]]
    heard.at[:, NOTES] = 10
    heard.moves[0, :9, 1] = 0
    early, sooner, late = Density(1, "beat").begin(SETTING).logits(ahead, heard)[0]
    assert early < sooner < 0 and late < sooner
    for rule in (InKey("D").begin(SETTING), Loops().begin(SETTING), RestrikeRule()):
        assert not rule.logits(ahead, heard).any()
    heard.notes[0, 0] = 60, 0, 0, 0, OPEN
    length, _ = flat([Bounds().begin(habits(longest={"beats": 1.0}, polyphony=9))])
    assert not length.logits(ahead, heard).any()


def chord_notes(progression, beat, *, setting=SETTING, first=0.0, soft=2.0):
    """The pitch classes that are free at a beat, and what stands against the others."""
    rule = Chords(progression, soft).begin(setting)
    heard = after_first_note(round(first * setting.divisions))
    said = pitches(rule, onset=round(beat * setting.divisions), heard=heard)
    against = set(said[said < 0].tolist())
    return set((np.flatnonzero(said == 0) % 12).tolist()), against


C, F, G = {0, 4, 7}, {5, 9, 0}, {7, 11, 2}


def test_each_chord_has_its_bar_and_the_progression_repeats():
    for beat, notes in [(0, C), (4, F), (8, G), (12, C), (16, F), (24, C)]:
        assert chord_notes("C | F | G", beat) == (notes, {-np.inf})


def test_other_notes_are_forbidden_on_strong_beats_and_pushed_back_elsewhere():
    assert [chord_notes("C", beat)[1] for beat in (0, 1, 2, 3)] == [
        {-np.inf}, {-2.0}, {-np.inf}, {-2.0}
    ]  # fmt: skip
    assert chord_notes("C", 1, soft=0)[0] == set(range(12))
    assert chord_notes("C", 1, soft=5)[1] == {-5.0}


def test_strong_is_what_lies_within_an_eighth_of_a_beat():
    fine = Setting("beats", 48)
    for beat, against in [(2.1, -np.inf), (1.9, -np.inf), (2.15, -2.0), (1.85, -2.0)]:
        assert chord_notes("C", beat, setting=fine)[1] == {against}
    # A note just before a bar belongs to the chord of that bar.
    assert chord_notes("C | F", 3.9, setting=fine) == (F, {-np.inf})
    assert chord_notes("C | F", 3.8, setting=fine) == (C, {-2.0})


def test_chords_begin_with_the_bar_of_the_first_new_note():
    assert chord_notes("C | F", 9, first=9)[0] == C
    assert chord_notes("C | F", 12, first=9) == (F, {-np.inf})


def test_in_seconds_and_without_a_prompt_bars_begin_with_the_first_note_as_in_the_file():
    setting = Setting("seconds", 100, like=like(bpm=60))
    assert chord_notes("C | F", 3.5, first=3.5, setting=setting) == (C, {-np.inf})
    assert chord_notes("C | F", 7.5, first=3.5, setting=setting) == (F, {-np.inf})
    prompted = Setting("seconds", 100, like=like(bpm=60), prompt=like(bpm=60))
    assert chord_notes("C | F", 7.5, first=3.5, setting=prompted) == (F, {-2.0})


@pytest.mark.parametrize(
    ("metre", "beats"),
    [
        ((4, 4), [0, 2]),
        ((3, 4), [0]),
        ((2, 4), [0]),
        ((2, 2), [0, 2]),
        ((5, 4), [0]),
        ((7, 8), [0]),
        ((8, 8), [0, 2]),
        ((3, 8), [0]),
        ((6, 8), [0, 1.5]),
        ((9, 8), [0, 1.5, 3]),
        ((12, 8), [0, 1.5, 3, 4.5]),
        ((6, 4), [0, 3]),
    ],
)
def test_strong_beats_go_by_the_metre(metre, beats):
    assert [float(beat) for beat in strong_beats(*metre)] == beats
    setting = Setting("beats", 24, like=like(*metre))
    bar = 4 * metre[0] / metre[1]
    hard = [
        step / 4
        for step in range(round(bar * 4))
        if chord_notes("C", bar + step / 4, setting=setting, first=0)[1] == {-np.inf}
    ]
    assert hard == beats


@pytest.mark.parametrize("metre", [(5, 16), (7, 32), (13, 64)])
def test_chords_keep_to_bars_of_any_length(metre):
    setting = Setting("beats", 96, like=like(*metre))
    bar = 4 * metre[0] / metre[1]
    for number, notes in enumerate([C, F, G, C, F, G, C]):
        onset = np.ceil(number * bar * 96) / 96
        assert chord_notes("C | F | G", onset, setting=setting) == (notes, {-np.inf})


def test_chords_that_go_on_over_bars_keep_strong_beats_in_place():
    for beat, notes, against in [
        (0, C, -np.inf), (3, F, -2.0), (4, F, -np.inf), (7, C, -2.0), (8, C, -np.inf)
    ]:  # fmt: skip
        assert chord_notes("C:3 F:4 C:1", beat) == (notes, {against})
    for beat, notes in [(1.2, C), (1.25, F), (2.5, F), (2.75, G)]:
        assert chord_notes("C F G", beat, setting=Setting("beats", 192))[0] == notes


def test_chords_go_by_the_tempo_and_by_where_bars_begin():
    setting = Setting("seconds", 100, like=like(bpm=60))
    assert chord_notes("C | F", 4, setting=setting) == (F, {-np.inf})
    upbeat = Setting("beats", GRID, like=like(tick=480))  # bars begin a beat late
    assert chord_notes("C | F", 5, setting=upbeat, first=1) == (F, {-np.inf})
    assert chord_notes("C | F", 4, setting=upbeat, first=1) == (C, {-2.0})


def test_beats_that_do_not_fill_the_bars_of_the_music_are_told():
    waltz = Setting("beats", GRID, like=like(3, 4))
    with pytest.raises(HowlkitError, match="bar 1 of the chords has 4 beats .* has 3"):
        Chords("C:4 | F:4").begin(waltz)
    with pytest.raises(HowlkitError, match="bar 1 .* has 6 beats .* has 4.*, or .* than 4/4"):
        Chords("C:3 G:3").begin(SETTING)
    prompted = Setting("beats", GRID, like=like(3, 4), prompt=like(3, 4))
    with pytest.raises(HowlkitError, match="bar 2 of the chords has 2 beats .* has 3") as error:
        Chords("C:3 | G:2").begin(prompted)
    assert "time signature" not in str(error.value)
    Chords("C:3 G:3").begin(waltz)


def test_chords_that_begin_nowhere_near_a_grid_are_told():
    beats = (f"C:1/{n} F:{n - 1}/{n}" for n in (47, 43, 41, 37))
    with pytest.raises(HowlkitError, match="no common grid"):
        Chords(" ".join(beats)).begin(SETTING)


def habits(**said):
    return Setting("beats", GRID, facts={"habits": said})


def test_keys_are_not_struck_again_unless_the_training_music_does_it():
    for setting in (SETTING, habits(), habits(restrikes=0.01)):
        assert [*flat([Restrikes().begin(setting)])] == [RestrikeRule()]
    often = habits(restrikes=0.02)
    assert [*flat([Restrikes().begin(often)])] == []
    assert [*flat([Restrikes(unless=1.0).begin(often)])] == [RestrikeRule()]
    assert (pitches(Restrikes().begin(often)) == 0).all()


def last_moves(*, lag, runs):
    """Notes 2 semitones and a beat apart, for so many notes as they were `lag` notes before."""
    heard = after_first_note()
    heard.at[:, [LAST_ONSET, LAST_PITCH]] = 0, 60
    heard.moves[:, lag - 1] = 2, GRID
    heard.runs[:, lag - 1] = runs
    return heard


def test_a_passage_comes_five_times_and_not_again():
    rule = Loops().begin(SETTING)
    for lag in (8, 9, 64):
        whole = 4 * lag - 1  # of the steps from note to note, those after the first copy
        assert 62 in free(rule, onset=GRID, heard=last_moves(lag=lag, runs=whole - 1))
        stopped = free(rule, onset=GRID, heard=last_moves(lag=lag, runs=whole))
        assert stopped == set(range(128)) - {62}
    assert 62 in free(rule, onset=GRID, heard=last_moves(lag=7, runs=100_000))


def test_loops_go_as_far_as_those_of_the_training_music():
    rule = Loops().begin(habits(loop_copies=9.0))
    assert 62 in free(rule, onset=GRID, heard=last_moves(lag=8, runs=8 * 8 - 2))
    assert 62 not in free(rule, onset=GRID, heard=last_moves(lag=8, runs=8 * 8 - 1))
    rule = Loops().begin(habits(loop_copies=2.5))  # the third time breaks off half way
    assert 62 in free(rule, onset=GRID, heard=last_moves(lag=8, runs=12 - 2))
    assert 62 not in free(rule, onset=GRID, heard=last_moves(lag=8, runs=12 - 1))
    assert np.array_equal(Loops().begin(SETTING).most, Loops(most=5).begin(SETTING).most)
    with pytest.raises(OptionError, match=r"loops\.most is 1; it is from 2 on"):
        Loops(most=1)
    asked = Loops(most=2).begin(habits(loop_copies=9.0))
    assert np.array_equal(asked.most, Loops().begin(habits(loop_copies=1.2)).most)


def test_lengths_and_polyphony_are_bounded_by_the_training_music():
    setting = habits(longest={"beats": 4.0, "seconds": 1.0}, polyphony=3)
    length, polyphony = flat([Bounds().begin(setting)])
    assert (length.longest, polyphony.most) == (4 * GRID, 3)
    choices = begin([(0, 60, 0, 4 * GRID), (0, 60, 0, 4 * GRID + 1)], role=LASTS)
    assert length.logits(choices, Heard.nothing(1)).tolist() == [[0.0, -np.inf]]
    in_seconds = Setting("seconds", 100, facts=setting.facts)
    assert next(flat([Bounds().begin(in_seconds)])).longest == 100


def test_polyphony_is_the_number_asked_for():
    assert Polyphony(3).begin(SETTING).most == 3


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: InKey("D minr"), "key.scale: .*Did you mean 'minor'"),
        (lambda: Range(84, 48), "swap them"),
        (lambda: Range("C6", 48), "swap them"),
        (lambda: Range("H3", 48), "range.low: 'H3' is no pitch"),
        (lambda: Instruments(("celo",)), "instruments.names: .*Did you mean 'cello'"),
        (lambda: Instruments(()), "name one"),
        (lambda: Chords("C | H"), "chords.progression: bar 2"),
    ],
)
def test_a_wrong_option_is_refused_when_it_is_given(make, said):
    with pytest.raises(OptionError, match=said):
        make()
