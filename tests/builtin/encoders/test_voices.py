import dataclasses
import itertools
import tracemalloc

import numpy as np
import pytest
import torch

from howlkit.builtin.encoders.voices import encoder as module
from howlkit.builtin.encoders.voices.derived import held_slices
from howlkit.builtin.encoders.voices.encoder import Voices
from howlkit.builtin.models.lstm_gru import Lstm
from howlkit.errors import OptionError
from howlkit.head_options import HeadOptions
from howlkit.music import chorales
from howlkit.music.piece import Piece
from howlkit.music.tables import DRUMS, NOTE, TIME_SIGNATURE
from howlkit.sampling.limits import Limit
from howlkit.sampling.runners import make_runner
from howlkit.sampling.session import Session
from howlkit.schema import END, START, STEP
from howlkit.testing.walks import answers
from howlkit.testing.walks import walk as made_by_chance
from tests.conftest import random_piece, sung

ENCODERS = [
    Voices(),
    Voices(restrikes=False),
    Voices(assign="pitch"),
    Voices(assign="pitch", restrikes=False, order=(3, 1, 4, 2), grid=7, low=50, high=63),
    Voices(voices=1, grid=3, low=50, high=50),
    Voices(voices=2, grid=24, derived="none"),
    Voices(voices=16, order=tuple(range(16, 0, -1)), assign="pitch", low=40, high=52),
    Voices(voices=3, grid=12, low=50, high=61, order=(2, 3, 1), restrikes=False),
    Voices(steps="changes"),
    Voices(steps="changes", restrikes=False),
    Voices(steps="changes", assign="pitch"),
    Voices(steps="changes", assign="pitch", restrikes=False, low=50, high=62, order=(3, 1, 4, 2)),
    Voices(steps="changes", grid=3, voices=2),
]
CHANGES = [e for e in ENCODERS if e.steps == "changes"]
NAMES = [str(dataclasses.astuple(e)) for e in ENCODERS]
every_encoder = pytest.mark.parametrize("encoder", ENCODERS, ids=NAMES)

WALTZ = Piece(
    ticks_per_beat=480,
    time_signatures=np.array([(0, 3, 4), (1440, 5, 8), (6000, 2, 2)], TIME_SIGNATURE),
)


def choir(seed, notes=300, *, ticks_per_beat=480, longest_gap=300):
    """Random notes in six tracks, off the grid, some drums among them; many clashes.

    The last to end is one that every encoder here keeps.
    """
    piece = random_piece(seed, notes, ticks_per_beat=ticks_per_beat, longest_gap=longest_gap)
    rng = np.random.default_rng([seed, 1])
    table = piece.notes.copy()
    table["track"] = rng.integers(0, 6, notes)
    table["pitch"] = rng.choice([rng.integers(0, 128), 50, 60, 61, 62, 64], notes)
    table["duration"] = rng.choice([1, 60, 120, 240, 480, 2000, 9000], notes)
    table[-1] = (table["start"][-1], 12_000, 50, 80, 0, 0)
    return piece.replace(notes=table, time_signatures=WALTZ.time_signatures)


def random_steps(encoder, grammar, seed, length, *, hold=0.5):
    """Steps drawn from what a grammar of two rows allows, (2, T), and what is derived in each.

    hold: how likely a voice goes on as before where it may. It goes on until both rows may end: at
    last all voices sound, as far as may be, and then none, in turn.
    """
    rng, schema = np.random.default_rng(seed), encoder.schema
    made = []
    while True:
        step = schema.steps(2)
        may_end = grammar.allowed(schema["mark"], step)[:, END].all()
        if len(made) >= length and may_end:
            return np.stack(made, axis=1), grammar
        for field in schema.decisions:
            allowed = grammar.allowed(field, step)
            assert allowed.any(axis=1).all()
            weights = allowed / np.maximum(allowed.sum(1, keepdims=True), 1)
            if field.name == "mark":
                step["mark"] = STEP
                continue
            held = (rng.random(2) < hold) & allowed[:, 0]
            if len(made) >= length and encoder.steps == "changes" and field.name != "shift":
                order = [1, 0] if len(made) % 2 else [*range(2, field.n), 0]
                step[field.name] = [next(v for v in [*order, 1, 2] if a[v]) for a in allowed]
                continue
            drawn = [rng.choice(field.n, p=w) for w in weights]
            if field.name == "shift":
                step["shift"] = drawn
                continue
            silent = (rng.random(2) < 0.2) & allowed[:, 1]
            step[field.name] = np.where(held, 0, np.where(silent, 1, drawn))
        begun = grammar.push(step, np.array([True, True]))
        values = np.stack([step[f"voice{k + 1}"] for k in range(encoder.voices)])
        assert begun.tolist() == (values >= 2).sum(axis=0).tolist()
        for field in schema.derived:
            step[field.name] = grammar.derived(field)
        made.append(step)


@every_encoder
@pytest.mark.parametrize("like", [None, WALTZ, WALTZ.at_resolution(7)], ids=["none", "waltz", "7"])
def test_whatever_the_grammar_allows_decodes_and_is_the_only_spelling(encoder, like):
    steps, grammar = random_steps(encoder, encoder.grammar(2, like=like), 1, 120)
    for row, now in zip(steps, grammar.now, strict=True):
        piece = encoder.decode(row, like=like)
        framed = encoder.schema.frame(row, end=True)
        assert np.array_equal(encoder.encode(piece), framed)  # what is derived, too
        names = [f"voice{k + 1}" for k in range(encoder.voices)]
        assert len(piece) == sum((row[name] >= 2).sum() for name in names)
        ticks = encoder.ticks(framed, like=like)
        assert ticks[0] == 0 and ticks[-1] == ticks[-2] == round(now * piece.ticks_per_beat)
        last = 0 if encoder.steps == "changes" else piece.ticks_per_beat // encoder.grid
        assert ticks[-1] + last == piece.end


@every_encoder
def test_encoded_pieces_are_allowed_by_the_grammar_which_derives_the_same(encoder):
    for seed in range(4):
        piece = choir(seed)
        steps = encoder.encode(piece)
        assert steps["mark"][0] == START and steps["mark"][-1] == END
        grammar = encoder.grammar(1, like=piece)
        for t, step in enumerate(np.split(steps, len(steps))):
            for field in encoder.schema.decisions if t else ():
                if encoder.schema.active(field, step)[0]:
                    assert grammar.allowed(field, step)[0, step[field.name][0]], (t, field)
            if step["mark"][0] != END:
                grammar.push(step, step["mark"] == STEP)
                for field in encoder.schema.derived:
                    assert grammar.derived(field)[0] == step[field.name][0], (t, field)


@every_encoder
@pytest.mark.parametrize("size", [1, 7, 60])
def test_excerpts_side_by_side_are_the_whole(encoder, size):
    for seed in range(3):
        piece = choir(seed)
        whole = encoder.encode(piece)
        parts = [encoder.encode(piece.excerpt(i, min(i + size, 300))) for i in range(0, 300, size)]
        assert np.array_equal(np.concatenate([whole[:1], *(part[1:] for part in parts)]), whole)
        begin = 1
        for part in parts:  # the row before is input only, and the one that stands before
            assert part[0] == whole[begin - 1]
            begin += len(part) - 1


def test_music_without_a_voice_that_outlasts_the_voices_is_silence_until_the_last_excerpt():
    drums = [(i * 480, 480, 36, 80, DRUMS) for i in range(4)]
    piece = Piece.of([(0, 480, 60), *drums])
    assert len(Voices().encode(piece)) == 4 + 2
    parts = [len(Voices().encode(piece.excerpt(i, i + 1))) for i in range(5)]
    assert parts == [1, 5, 5, 5, 2]
    changes = Voices(steps="changes")
    assert len(changes.encode(piece)) == 2 + 2
    parts = [len(changes.encode(piece.excerpt(i, i + 1))) for i in range(5)]
    assert parts == [1, 2, 2, 2, 2]


@every_encoder
def test_nothing_derived_knows_the_future(encoder):
    piece = choir(5)
    whole = encoder.encode(piece)
    for n in range(1, 300, 23):
        early = piece.replace(notes=piece.notes[:n])
        cut = encoder._time.positions(piece, piece.notes["start"][n])
        known = encoder.encode(early)
        known = known[(known["mark"] != END) & (encoder._slices_of(known) < cut)]
        assert np.array_equal(known, whole[: len(known)])


@pytest.mark.parametrize("assign", ["track", "pitch"])
@pytest.mark.parametrize("restrikes", [True, False])
@pytest.mark.parametrize("decided_last", [1, 3])
def test_a_piece_at_its_longest_ends_with_a_note(monkeypatch, assign, restrikes, decided_last):
    monkeypatch.setattr(module, "MOST_SLICES", 5)
    order = (2, 3, 1) if decided_last == 1 else (1, 2, 3)
    encoder = Voices(voices=3, low=60, high=63, assign=assign, restrikes=restrikes, order=order)
    for seed in range(40):
        grammar = encoder.grammar(2)
        steps, grammar = random_steps(encoder, grammar, seed, 5, hold=0.8)
        mark = grammar.allowed(encoder.schema["mark"], steps[:, 0])
        assert mark.tolist() == [[False, True, False]] * 2
        for row in steps:
            assert np.array_equal(
                encoder.encode(encoder.decode(row)), encoder.schema.frame(row, end=True)
            )


def is_step(encoder, most, sounds, slices, values):
    """Whether values, as they are decided, are a step after so many slices and what sounds."""
    shift, *values = values if encoder.steps == "changes" else (0, *values)
    by_voice = dict(zip(encoder.decided, values, strict=True))
    values = [by_voice[k] for k in sorted(by_voice)]
    after = [now if v == 0 else v - 1 for now, v in zip(sounds, values, strict=True)]
    spelt = all(now or v != 1 for now, v in zip(sounds, values, strict=True))
    if not encoder.restrikes:
        spelt &= all(v != now + 1 for now, v in zip(sounds, values, strict=True))
    if encoder.assign == "pitch":
        spelt &= all(below < above or below == 0 for above, below in itertools.pairwise(after))
    at, to_beat = slices + shift, -slices % encoder.grid
    if encoder.steps == "grid":
        return spelt and (at < most - 1 or (at == most - 1 and any(after)))
    if at >= most:
        return spelt and shift <= to_beat and at == most and any(sounds) and not any(after)
    changes = at % encoder.grid > 0 or (at == most - 1 and not any(sounds))
    return spelt and shift <= to_beat and (any(values) or not changes)


@pytest.mark.parametrize("steps", ["grid", "changes"])
@pytest.mark.parametrize("assign", ["track", "pitch"])
@pytest.mark.parametrize("restrikes", [True, False])
@pytest.mark.parametrize("order", [(1, 3, 2), (2, 3, 1), (3, 2, 1)])
def test_the_grammar_allows_every_step_and_no_other(monkeypatch, steps, assign, restrikes, order):
    monkeypatch.setattr(module, "MOST_SLICES", 10)
    encoder = Voices(3, 3, 60, 63, assign, restrikes, order, steps)
    mark, *fields = encoder.schema.decisions
    for seed in range(6):
        rng, grammar, slices = np.random.default_rng(seed), encoder.grammar(1), 0
        for _ in range(30):
            step = encoder.schema.steps(1)
            sounds = [int(grammar.derived(encoder.schema[f"sound{k}"])[0]) for k in (1, 2, 3)]
            every = itertools.product(*(range(field.n) for field in fields))
            some = [values for values in every if is_step(encoder, 10, sounds, slices, values)]
            assert grammar.allowed(mark, step)[0, STEP] == bool(some)
            if not some:
                break
            for at, field in enumerate(fields):
                allowed = np.flatnonzero(grammar.allowed(field, step)[0]).tolist()
                assert allowed == sorted({values[at] for values in some}), (sounds, step)
                step[field.name] = 0 if 0 in allowed and rng.random() < 0.4 else rng.choice(allowed)
                some = [values for values in some if values[at] == step[field.name][0]]
            grammar.push(step, np.array([True]))
            slices += 1 + (int(step["shift"][0]) if steps == "changes" else 0)


@every_encoder
def test_a_row_that_does_not_move_stays_as_it_is(encoder):
    steps, grammar = random_steps(encoder, encoder.grammar(2), 4, 20)
    step = steps[:, -1]
    before = answers(encoder.schema, grammar, step)
    grammar.push(step, np.array([True, False]))
    for name, said in answers(encoder.schema, grammar, step).items():
        assert np.array_equal(said[1], before[name][1]), name


@every_encoder
def test_a_whole_step_is_foreseen_where_no_voice_has_a_say_in_another(encoder):
    grammar = random_steps(encoder, encoder.grammar(2), 3, 20)[1]
    step_mask = grammar.step_mask()
    if encoder.steps == "changes" or (encoder.assign == "pitch" and encoder.voices > 1):
        assert step_mask is None
        return
    given = encoder.schema.steps(2)
    said = [grammar.allowed(field, given) for field in encoder.schema.decisions]
    assert np.array_equal(step_mask.allowed, np.concatenate(said, axis=1))
    assert step_mask.least.shape == (2, 1 + encoder.voices) and not step_mask.least.any()


def test_a_step_is_foreseen_until_the_longest_piece_nearly_ends(monkeypatch):
    monkeypatch.setattr(module, "MOST_SLICES", 40)
    encoder = Voices()
    grammar, foreseen = encoder.grammar(2), []
    for _ in range(40):
        foreseen.append(grammar.step_mask() is not None)
        grammar.push(encoder.schema.steps(2), np.array([True, False]))
    assert foreseen == [True] * 36 + [False] * 4  # what the last slice may be, voices settle


@pytest.mark.parametrize("encoder", [ENCODERS[0], ENCODERS[2], *CHANGES[:3]])
def test_a_row_at_its_end_leaves_the_others_as_they_are(monkeypatch, encoder):
    monkeypatch.setattr(module, "MOST_SLICES", 9)
    steps = made_by_chance(encoder, 1).rows[0]
    both, alone, fresh = encoder.grammar(2), encoder.grammar(1), encoder.grammar(1)
    for row in steps[1:]:
        said = answers(encoder.schema, both, np.repeat(row[None], 2))
        for number, grammar in enumerate((alone, fresh)):
            for name, wanted in answers(encoder.schema, grammar, row[None]).items():
                assert np.array_equal(said[name][number], wanted[0]), name
        both.push(np.repeat(row[None], 2), np.array([True, False]))
        alone.push(row[None], np.array([True]))
    assert alone.now[0] == (9 - (encoder.steps == "grid")) / 4 and fresh.now[0] == 0


@pytest.mark.parametrize("encoder", CHANGES, ids=[str(dataclasses.astuple(e)) for e in CHANGES])
@pytest.mark.parametrize("most", [5, 9])
def test_a_piece_of_changes_at_its_longest_ends_in_silence(monkeypatch, encoder, most):
    monkeypatch.setattr(module, "MOST_SLICES", most)
    ends = set()
    for seed in range(40):
        for row in made_by_chance(encoder, seed).rows:  # goes on until it must end
            assert np.array_equal(encoder.encode(encoder.decode(row)), row)
            ends.add(int(encoder._slices_of(row)[-1]))
    assert max(ends) == most


def test_steps_of_changes_stand_on_beats_and_where_a_voice_changes():
    rows = [(0, 360, 60, 80, 0, 0), (240, 240, 48, 80, 0, 1), (360, 720, 62, 80, 0, 0)]
    steps = Voices(voices=2, steps="changes").encode(Piece.of(rows))
    assert steps["mark"].tolist() == [START, *[STEP] * 6, END]
    steps = steps[1:-1]
    assert steps["shift"].tolist() == [0, 1, 0, 0, 3, 0]  # slices 0, 2, 3, 4, 8, 9
    assert steps["voice1"].tolist() == [41, 0, 43, 0, 0, 1]
    assert steps["voice2"].tolist() == [0, 29, 0, 1, 0, 0]
    assert steps["position"].tolist() == [0, 2, 3, 4, 8, 9]
    assert steps["beat"].tolist() == [0, 0, 0, 1, 2, 2]
    assert steps["sound1"].tolist() == [40, 40, 42, 42, 42, 0]
    assert steps["held1"].tolist() == [1, 3, 1, 2, 6, 0]
    assert steps["held2"].tolist() == [0, 1, 2, 0, 0, 0]


def test_a_piece_of_changes_may_end_only_where_it_falls_silent():
    encoder = Voices(voices=2, steps="changes")
    piece = Piece.of([(480, 240, 60), (1920, 240, 62)])  # slices 4, 5 and 16, 17
    steps, grammar = encoder.encode(piece)[1:-1], encoder.grammar(1)
    mark, may_end = encoder.schema["mark"], []
    for step in np.split(steps, len(steps)):
        may_end.append(grammar.allowed(mark, step)[0, END])
        grammar.push(step, np.array([True]))
    may_end.append(grammar.allowed(mark, steps[:1])[0, END])
    # before any; after slices 0, 4, 6 (silence begins), 8, 12, 16, 18 (silence begins)
    assert may_end == [True, False, False, True, False, False, False, True]


def test_off_a_beat_the_last_voice_must_change_if_no_other_has():
    encoder = Voices(voices=2, steps="changes")
    grammar, step = encoder.grammar(2), encoder.schema.steps(2)
    shift, last = encoder.schema["shift"], encoder.schema["voice2"]
    assert grammar.allowed(shift, step).tolist() == [[True, False, False, False]] * 2
    step["voice1"] = 40
    grammar.push(step, np.array([True, True]))
    assert grammar.allowed(shift, step).all()
    step["voice1"], step["shift"] = 0, (2, 3)  # to slice 3, to the beat
    assert grammar.allowed(last, step)[:, 0].tolist() == [False, True]
    step["voice1"] = 42
    assert grammar.allowed(last, step)[:, 0].tolist() == [True, True]


def test_an_excerpt_of_changes_begins_like_the_whole_behind_a_note_shorter_than_a_slice():
    encoder = Voices(steps="changes")
    for tick in range(0, 961, 15):
        short = [(tick, 10, 60), (tick + 1920, 1, 61, 80, 0, 1)]
        chord = [(2880 + at, 480, 70 + at % 7, 80, 0, at % 4) for at in (-59, -30, 0, 30, 59)]
        piece = Piece.of([*short, *chord])
        whole, begin = encoder.encode(piece), 1
        for i in range(len(piece)):
            part = encoder.encode(piece.excerpt(i, i + 1))
            assert np.array_equal(part, whole[begin - 1 : begin - 1 + len(part)])
            begin += len(part) - 1


def test_the_chorales_come_back_but_for_what_is_shorter_than_the_grid():
    columns = ["start", "duration", "pitch", "track", "velocity", "program"]
    encoder, exact = Voices(), Voices(grid=24)
    for piece in chorales.load()[::6]:
        back = exact.decode(exact.encode(piece), like=piece)
        assert np.array_equal(back.notes[columns], piece.notes[columns])
        assert np.array_equal(back.time_signatures, piece.time_signatures)
        coarse = encoder.decode(encoder.encode(piece), like=piece)
        on_grid = (piece.notes["start"] % 6 == 0) & (piece.notes["duration"] % 6 == 0)
        if on_grid.all():
            assert np.array_equal(coarse.notes[columns], piece.notes[columns])


def test_crossings_and_unisons_of_tracks_are_kept():
    rows = [(0, 480, 60, 80, 0, 0), (0, 480, 67, 80, 0, 1), (480, 480, 64, 80, 0, 0)]
    piece = Piece.of([*rows, (480, 480, 64, 80, 0, 1)])
    encoder = Voices(voices=2)
    assert encoder.decode(encoder.encode(piece), like=piece).notes.tolist() == piece.notes.tolist()


def test_voices_by_pitch_are_the_highest_that_sound():
    rows = [(0, 480, p) for p in (60, 72, 48, 64, 50)]
    piece = Piece.of([*rows, (120, 120, 62), (480, 480, 40, 80, 0, 7), (480, 480, 40)])
    encoder = Voices(voices=3, assign="pitch")
    assert sung(encoder, piece) == [
        [72, 64, 60],
        [72, 64, 62],
        [72, 64, 60],
        [72, 64, 60],
        *[[40, -1, -1]] * 4,
    ]


def test_of_the_notes_of_a_track_the_newest_sounds_and_then_the_one_below_it():
    piece = Piece.of([(0, 960, 60), (240, 240, 55), (240, 120, 50), (480, 120, 60)])
    encoder = Voices(voices=1)
    assert sung(encoder, piece) == [[60]] * 2 + [[55]] * 2 + [[60]] * 4
    steps = encoder.encode(piece)[1:-1]
    pitch = 60 - 21 + 2
    assert steps["voice1"].tolist() == [pitch, 0, pitch - 5, 0, pitch, 0, 0, 0]
    nested = Piece.of([(0, 960, 60), (240, 240, 60)])  # struck again, and held to the later end
    assert encoder.encode(nested)[1:-1]["voice1"].tolist() == [pitch, 0, pitch, 0, 0, 0, 0, 0]


def test_of_the_notes_that_a_track_begins_in_one_slice_the_highest_sounds():
    piece = Piece.of([(0, 480, 64), (10, 480, 60), (0, 240, 57)])
    assert sung(Voices(voices=1), piece) == [[64]] * 4


def test_rows_of_a_grammar_are_copied_and_reordered():
    encoder = Voices(voices=2)
    grammar, step = encoder.grammar(2), encoder.schema.steps(2)
    step["voice1"], step["voice2"] = (50, 60), (0, 40)
    assert grammar.push(step, np.array([True, True])).tolist() == [1, 2]
    copy = grammar.select(np.array([1, 1, 0]))
    step["voice1"] = 1
    grammar.push(step, np.array([True, False]))
    assert copy.derived(encoder.schema["sound1"]).tolist() == [59, 59, 49]
    assert copy.derived(encoder.schema["held2"]).tolist() == [1, 1, 0]
    assert copy.now.tolist() == [0, 0, 0] and grammar.now.tolist() == [0.25, 0]
    assert grammar.derived(encoder.schema["sound1"]).tolist() == [0, 59]


def test_a_pitch_struck_again_is_told_apart_if_asked_for():
    piece = Piece.of([(0, 240, 60), (240, 240, 60)])
    assert Voices(voices=1).encode(piece)[1:-1]["voice1"].tolist() == [41, 0, 41, 0]
    merged = Voices(voices=1, restrikes=False)
    assert merged.encode(piece)[1:-1]["voice1"].tolist() == [41, 0, 0, 0]
    assert merged.decode(merged.encode(piece), like=piece).notes["duration"].tolist() == [480]
    for encoder in (Voices(voices=1), merged):
        grammar = encoder.grammar(1)
        grammar.push(encoder.encode(piece)[1:2], np.array([True]))
        allowed = grammar.allowed(encoder.schema["voice1"], encoder.schema.steps(1))[0]
        assert allowed[41] == encoder.restrikes and allowed.sum() == 90 - (not encoder.restrikes)


def test_a_note_of_a_tick_has_a_slice_and_silences_are_kept_but_the_last():
    piece = Piece.of([(130, 1, 60), (600, 1, 62), (1500, 400, 30, 80, DRUMS)])
    assert sung(Voices(voices=1), piece) == [[-1], [60], [-1], [-1], [-1], [62]]


def test_the_place_in_the_bar_is_that_of_the_next_slice():
    piece = Piece.of([(0, 480 * 20, 60)])
    four = Voices().encode(piece)["position"]
    assert four[:19].tolist() == [*range(16), 0, 1, 2]
    waltz = Voices().encode(piece.replace(time_signatures=WALTZ.time_signatures))["position"]
    bars = [*range(12), *range(10), *range(10), *range(10), *range(8), *range(16), *range(14)]
    assert waltz[:-1].tolist() == [*bars, 14]  # from tick 6000, in a bar of 5/8, on: 2/2
    eighths = Voices(grid=6).encode(piece.replace(time_signatures=WALTZ.time_signatures))
    assert eighths["position"][:20].tolist() == [*range(18), 0, 1]


def test_of_a_bar_longer_than_eight_beats_the_rest_is_one_place():
    piece = Piece.of([(0, 480 * 11, 60)])
    piece = piece.replace(time_signatures=np.array([(0, 10, 4)], TIME_SIGNATURE))
    position = Voices().encode(piece)["position"][:-1].tolist()
    assert position == [*range(32), *[31] * 8, 0, 1, 2, 3, 4]


def test_beats_are_counted_round():
    steps = Voices(grid=3).encode(Piece.of([(0, 480 * 13, 60)]))
    assert steps["beat"][:-1:3].tolist() == [*range(12), 0, 1]


def test_a_bar_off_the_grid_does_not_drift():
    signature = np.array([(0, 3, 32)], TIME_SIGNATURE)  # a bar is a slice and a half
    piece = Piece.of([(0, 480 * 3, 60)]).replace(time_signatures=signature)
    assert Voices().encode(piece)["position"][:-1].tolist() == [
        0,
        1,
        0,
        0,
        1,
        0,
        0,
        1,
        0,
        0,
        1,
        0,
        0,
    ]


def test_how_long_a_pitch_is_held_is_counted_up_to_two_beats():
    steps = Voices().encode(Piece.of([(0, 1200, 60), (1200, 120, 60), (1440, 120, 62)]))[1:-1]
    assert steps["held1"].tolist() == [1, 2, 3, 4, 5, 6, 7, 7, 7, 7, 1, 0, 1]
    steps = Voices(restrikes=False).encode(Piece.of([(0, 120, 60), (120, 240, 60)]))[1:-1]
    assert steps["held1"].tolist() == [1, 2, 3]
    assert steps["sound1"].tolist() == [40, 40, 40]


@pytest.mark.parametrize("longest", [1, 2, 5, 7, 47])
def test_slices_since_a_change_are_counted_voice_by_voice(longest):
    rng = np.random.default_rng(longest)
    changed, sounds = rng.random((3, 200)) < 0.05, rng.integers(0, 3, (3, 200)).astype(np.uint8)
    expected = np.zeros((3, 200), int)
    for voice in range(3):
        count = 0
        for at in range(200):
            count = 1 if changed[voice, at] else count + 1
            expected[voice, at] = min(count, longest) if sounds[voice, at] else 0
    assert held_slices(sounds, changed, longest).tolist() == expected.tolist()


def test_every_field_is_a_byte_whatever_the_options():
    for steps in ("grid", "changes"):
        schema = Voices(voices=16, grid=24, low=0, high=127, steps=steps).schema
        assert schema.dtype.itemsize == len(schema.columns)


def test_pitches_beyond_the_range_are_left_out_and_those_at_its_ends_are_not():
    notes = [(480 * i, 480, pitch) for i, pitch in enumerate((0, 49, 50, 60, 61, 127, 60))]
    assert sung(Voices(voices=1, low=50, high=60), Piece.of(notes))[::4] == [
        [-1],
        [-1],
        [50],
        [60],
        [-1],
        [-1],
        [60],
    ]
    everything = [(0, 480, 0), (480, 480, 127)]
    assert sung(Voices(voices=1, low=0, high=127), Piece.of(everything))[::4] == [[0], [127]]


def test_an_empty_piece_and_one_of_drums_are_a_start_and_an_end():
    for piece in (Piece(), Piece.of([(0, 480, 36, 80, DRUMS)]), Piece.of([(0, 480, 3)])):
        steps = Voices().encode(piece)
        assert steps["mark"].tolist() == [START, END]
        assert len(Voices().decode(steps)) == 0


def test_a_piece_of_a_million_beats_is_cut_off_and_ends_with_a_note():
    long = Piece.of([(0, 480, 60), (480 * 10**6, 480, 62)])
    assert len(Voices().encode(long)) == 4 + 2  # of the long rest, nothing is left to hold
    held = Piece.of([(480, 480 * 10**6, 60)])
    steps = Voices().encode(held)
    assert len(steps) == module.MOST_SLICES + 2
    assert len(Voices().decode(steps)) == 1
    changes = Voices(steps="changes")
    assert len(changes.encode(long)) == 2 + 2
    steps = changes.encode(held)  # a step a beat, and where it ends
    assert len(steps) == module.MOST_SLICES // 4 + 1 + 2
    assert changes._slices_of(steps)[-1] == module.MOST_SLICES


@pytest.mark.parametrize("steps", ["grid", "changes"])
@pytest.mark.parametrize("assign", ["track", "pitch"])
def test_hostile_pieces_take_little_memory(assign, steps):
    notes = np.zeros(20_000, NOTE)
    notes["start"] = np.arange(20_000)
    notes["duration"], notes["velocity"] = 2**31 - 30_000, 80
    notes["pitch"], notes["track"] = np.arange(20_000) % 128, np.arange(20_000) % 5
    piece = Piece(notes, ticks_per_beat=32_767)
    tracemalloc.start()
    Voices(assign=assign, steps=steps).encode(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200e6


def test_every_option_does_something():
    piece = choir(9)
    plain = Voices()
    for changes in (
        {"voices": 3},
        {"grid": 12},
        {"low": 61},
        {"high": 61},
        {"assign": "pitch"},
        {"restrikes": False},
        {"steps": "changes"},
        {"derived": "none"},
        {"derived": "sounds"},
    ):
        other = dataclasses.replace(plain, **changes)
        assert other.encode(piece).tolist() != plain.encode(piece).tolist(), changes
    assert plain.schema.names[:4] == ("voice1", "voice4", "voice2", "voice3")
    assert Voices(order=(4, 3, 2, 1)).schema.names[:4] == ("voice4", "voice3", "voice2", "voice1")


def test_options_that_contradict_each_other_are_refused():
    with pytest.raises(OptionError, match="low=70 is above high=60"):
        Voices(low=70, high=60)
    with pytest.raises(OptionError, match="order=1,2,2,4 must name each of the voices 1..4 once"):
        Voices(order=(1, 2, 2, 4))


@pytest.mark.parametrize("encoder", [*ENCODERS[:4], *CHANGES[:2]])
def test_a_session_makes_music_that_is_spelt_as_it_was_decided(encoder):
    torch.manual_seed(0)
    network = Lstm(hidden=8, layers=1).build(encoder.schema, HeadOptions(embedding=4, width=8))
    made = Session(
        make_runner(network, encoder.schema, Lstm(hidden=8)),
        encoder,
        rows=2,
        limit=Limit(beats=6, ends=False),
        like=WALTZ,
    )
    while not made.done.all():
        made.step()
    for row in range(2):
        steps = made.steps[row, : made.lengths[row]]
        again = encoder.encode(made.piece(row))
        spelt = again[again["mark"] != END]
        both = min(len(spelt), len(steps))  # that of changes falls silent behind the last step
        assert len(made.piece(row)) and np.array_equal(spelt[:both], steps[:both])
        assert len(spelt) <= len(steps) + (encoder.steps == "changes")


def test_a_run_trains_and_samples(howlkit, tmp_path):
    run = tmp_path / "run"
    small = [
        "-o",
        "lstm.hidden=16",
        "-o",
        "training.batch=2",
        "-o",
        "training.validation_notes=500",
    ]
    given = ["--encoder", "voices", "--model", "lstm", "--augment", "transpose", *small]
    code, _, told = howlkit("train", *given, "--steps", "3", "--out-dir", run)
    assert code == 0, told
    out = tmp_path / "new.mid"
    code, _, told = howlkit("sample", run, "--seconds", "5", "--seed", "1", "--out", out)
    assert code == 0, told
    assert out.stat().st_size > 100
