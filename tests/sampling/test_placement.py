"""New music stands behind its prompt, at the place in the bar that its steps say."""

import numpy as np
import pytest

from howlkit import plugins
from howlkit.errors import HowlkitError
from howlkit.music.piece import DRUMS, MAX_TICK, TEMPO, TIME_SIGNATURE, Piece
from howlkit.sampling.generation import cut_prompt, music
from howlkit.sampling.limits import Limit
from howlkit.sampling.placement import PromptEnd, new_rows
from howlkit.testing.pieces import drum_beat, tune
from howlkit.testing.samplers import session

ENCODERS = ("tuple", "event", "remi", "voices", "pianoroll", "howl")
BEAT = 480


def piano_and_rest(beats, *, bpm=120.0, ticks_per_beat=BEAT):
    """Four beats of piano, a rest, and a last chord."""
    rows = [(n * ticks_per_beat, ticks_per_beat // 2, 60 + n) for n in range(4)]
    last = (4 + beats) * ticks_per_beat
    rows += [(last, ticks_per_beat, 64), (last, ticks_per_beat, 67)]
    return Piece.of(rows, bpm=bpm, ticks_per_beat=ticks_per_beat, name=f"rest of {beats} beats")


def piano_then_drums():
    """Eight beats of piano, then drums alone."""
    piano = [(n * BEAT, BEAT // 2, 60 + n % 5) for n in range(8)]
    drums = [(n * BEAT // 2, 60, 38, 90, DRUMS, 1) for n in range(16, 64)]
    return Piece.of(piano + drums, name="piano, then drums")


def going_on(encoder, prompt, *, rows=1, seed=1, limit=Limit(notes=12, ends=False)):
    made = session(encoder, rows=rows, seed=seed, limit=limit, like=prompt)
    made.prompt([prompt] * rows)
    for _ in range(400):
        if made.done.all():
            break
        made.step()
    return made


@pytest.mark.parametrize("prompt", [
    piano_and_rest(5, bpm=60), piano_and_rest(20), piano_and_rest(70),
    piano_and_rest(90, ticks_per_beat=10), piano_then_drums(),
], ids=lambda piece: piece.name)  # fmt: skip
@pytest.mark.parametrize("name", ENCODERS)
def test_new_music_begins_at_the_last_onset_of_the_prompt_or_later(name, prompt):
    made = going_on(plugins.create("encoder", name), prompt, rows=2)
    last = prompt.notes["start"][-1] / prompt.ticks_per_beat
    for row in range(2):
        piece = made.made(row)
        assert len(piece) == made.notes[row] > 0
        assert (piece.notes["start"] / piece.ticks_per_beat).min() >= last
        whole = music(made, row, prompt)
        assert len(whole) == len(prompt) + len(piece)
        assert np.array_equal(whole.seconds(0), prompt.seconds(0))


def decoded(made, row=0):
    """What was made, where its steps place it: positions in beats."""
    fed = made.encoder.decode(made.steps[row, : made._at.fed[row]], like=made.like)
    whole = made.piece(row)
    new = new_rows(whole.notes, fed.notes, ("start", "program", "pitch"))
    return whole.notes["start"][new] / whole.ticks_per_beat


def test_a_shortened_rest_moves_what_follows_by_whole_positions_of_the_grid():
    made = going_on(plugins.create("encoder", "tuple", {"longest_shift": 8}), piano_and_rest(20))
    shortened_by = 21 - (8 - 1 / 24)  # from the fourth note to the chord
    piece = made.made()
    starts = piece.notes["start"] / piece.ticks_per_beat
    assert np.allclose(starts - decoded(made), shortened_by)
    assert np.allclose(starts * 24 % 1, 0)
    assert made.beats[0] == pytest.approx(starts.max())


def test_a_prompt_that_loses_no_time_moves_nothing():
    for name in ENCODERS:
        made = going_on(plugins.create("encoder", name), tune(1, 2), seed=3)
        assert made._at.moved[0] == 0


def test_where_the_last_notes_are_left_out_music_keeps_its_place_in_the_bar():
    piano = [(n * 240, 240, 60 + n) for n in range(7)]  # the last at beat 3
    drums = [(n * BEAT, 60, 38, 90, DRUMS) for n in range(26)]  # the last at beat 25
    metre = np.array([(0, 3, 4)], TIME_SIGNATURE)
    prompt = Piece.of(piano + drums, name="waltz").replace(time_signatures=metre)
    made = going_on(plugins.create("encoder", "voices"), prompt)
    moved = made._at.moved[0]
    assert moved > 0 and moved % 3 == 0
    piece = made.made()
    assert np.allclose(piece.notes["start"] / piece.ticks_per_beat - decoded(made), moved)


def test_drums_before_the_first_new_note_move_nothing():
    prompt = Piece.of([(0, 4 * BEAT, 60), (BEAT, 60, 38, 90, DRUMS)], name="a long note")
    made = going_on(plugins.create("encoder", "pianoroll"), prompt)
    assert made._at.moved[0] == 0 and made.notes[0] > 0  # new keys come after the long note


def test_in_seconds_music_goes_on_from_the_last_onset_in_the_tempo_of_the_prompt():
    tempos = np.array([(0, 500_000), (8 * BEAT, 1_000_000)], TEMPO)
    prompt = piano_then_drums().replace(tempos=tempos)
    last = float(prompt.seconds(prompt.notes["start"][-1]))
    encoder = plugins.create("encoder", "tuple", {"clock": "seconds", "programs": False})
    made = session(encoder, rows=1, limit=Limit(notes=3), like=prompt)
    made.prompt([prompt])
    steps = made.encoder.schema.steps(3)
    steps["shift_fine"], steps["pitch"] = (10, 25, 5), 20
    made.feed([steps], made=True)
    piece = music(made, 0, prompt)
    new = piece.notes[piece.notes["pitch"] == 20]
    assert piece.seconds(new["start"]) == pytest.approx([last, last + 0.25, last + 0.3], abs=0.002)
    assert made.seconds[0] == pytest.approx(last + 0.3)


@pytest.mark.parametrize("limit", [Limit(beats=24, ends=False), Limit(seconds=12, ends=False)])
@pytest.mark.parametrize("name", ["tuple", "howl", "pianoroll"])
@pytest.mark.parametrize(
    "prompt", [piano_and_rest(70), piano_then_drums()], ids=lambda piece: piece.name
)
def test_lengths_are_counted_from_the_last_onset_of_the_prompt(name, limit, prompt):
    options = {"longest_shift": 4} if name == "tuple" else {}
    made = going_on(plugins.create("encoder", name, options), prompt, limit=limit)
    assert made.done.all()
    piece = made.made()
    since = prompt.notes["start"][-1] / BEAT  # both limits are 24 beats
    held = name == "pianoroll"  # then lengths are counted from the last slice of the last chord
    beats = piece.notes["start"] / piece.ticks_per_beat
    assert len(beats) and since <= beats.min() and beats.max() < since + held + 24.1
    assert made.beats[0] >= since + 24


def test_rows_have_prompts_of_their_own_through_fork_select_and_rewind():
    encoder = plugins.create("encoder", "howl")
    prompts = [piano_and_rest(20), tune(1, 2), Piece()]
    made = session(encoder, rows=3, limit=Limit(notes=5, ends=False))
    made.prompt(prompts)
    fed = made.lengths.copy()
    for _ in range(3):
        made.step()
    last = [float(p.seconds(p.notes["start"].max(initial=0))) for p in prompts]
    for twin, rows in ((made.fork(), [0, 1, 2]), (made.fork(), [2, 0])):
        twin.select(rows)
        twin.rewind(fed[rows])
        while not twin.done.all():
            twin.step()
        for number, row in enumerate(rows):
            piece = twin.made(number)
            assert len(piece) == 5
            assert piece.seconds(piece.notes["start"]).min() >= last[row] - 1e-9
            assert twin.seconds[number] >= last[row]
    made.rewind(1)
    assert made.now.tolist() == [0, 0, 0]


def test_a_prompt_of_which_nothing_is_kept_is_refused_and_leaves_the_session_as_it_was():
    made = session(plugins.create("encoder", "pianoroll"), rows=1, limit=Limit(notes=3))
    with pytest.raises(HowlkitError, match="leaves out all 32 notes of the prompt .*all of them d"):
        made.prompt([drum_beat()])
    assert made.lengths.tolist() == [1]
    made.prompt([tune(1, 1)])
    assert made.lengths[0] > 1


def test_an_excerpt_is_a_prompt_on_its_own():
    whole = tune(1, 8)
    prompt = whole.excerpt(30, 50)
    made = going_on(plugins.create("encoder", "tuple"), prompt)
    assert made.made().notes["start"].min() >= prompt.notes["start"][-1]
    cut = cut_prompt(whole, 4.0)
    made = going_on(plugins.create("encoder", "tuple"), cut)
    assert made.made().notes["start"].min() >= cut.notes["start"][-1]


def test_a_prompt_at_the_last_tick_leaves_no_room_but_no_error():
    prompt = Piece.of([(0, 10, 60), (MAX_TICK - 5, 4, 62)], name="the last tick")
    made = going_on(plugins.create("encoder", "howl"), prompt)
    assert (made.made().notes["start"].astype(np.int64) >= MAX_TICK - 5).all()


def test_the_last_note_that_an_encoder_keeps_is_found_among_many():
    encoder = plugins.create("encoder", "pianoroll", {"clock": "seconds"})
    for drums in (1, 2, 3, 7, 30):
        rows = [(0, 60, 60), (40 * BEAT, 60, 62)]
        rows += [((41 + n) * BEAT, 60, 38, 90, DRUMS) for n in range(drums)]
        piece = Piece.of(rows)
        checked = session(encoder, rows=1, limit=Limit(notes=1)).encoder
        steps = checked.encode(piece)[:-1]
        found = PromptEnd.of(checked, piece, steps)
        assert found.last == pytest.approx((40 + drums) / 2)
        assert found.ahead == pytest.approx(3.95)  # seconds of silence beyond 16


def test_new_rows_are_those_beyond_what_was_fed():
    rows = [(0, 60), (0, 60), (0, 62), (5, 60)]
    table = np.array(rows, [("start", int), ("pitch", int)])
    columns = ("start", "pitch")
    assert new_rows(table, table[[0, 2]], columns).tolist() == [False, True, False, True]
    assert new_rows(table, table[:0], columns).all()
    assert not new_rows(table[:0], table, columns).size


@pytest.mark.parametrize("name", ENCODERS)
def test_a_rest_after_the_cut_of_a_prompt_is_no_part_of_it(name):
    whole = Piece.of([(0, BEAT, 60), (BEAT, BEAT, 62), (90 * BEAT, BEAT, 64)], name="late")
    prompt = cut_prompt(whole, 5.0)
    made = session(plugins.create("encoder", name), rows=1, limit=Limit(notes=1), like=prompt)
    made.prompt([prompt])
    assert made.beats[0] <= 2
