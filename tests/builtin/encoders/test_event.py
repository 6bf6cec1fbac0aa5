import numpy as np
import pytest
import torch

from howlkit.builtin.encoders.event import grammar as event_grammar
from howlkit.builtin.encoders.event.encoder import Event
from howlkit.builtin.models.lstm_gru import Lstm
from howlkit.errors import OptionError
from howlkit.head_options import HeadOptions
from howlkit.music import midi
from howlkit.music.piece import Piece
from howlkit.music.tables import DRUMS, MAX_TICK, NOTE, PEDAL, TEMPO
from howlkit.sampling.decoding import accepts
from howlkit.sampling.limits import Limit
from howlkit.sampling.runners import make_runner
from howlkit.sampling.session import Session
from howlkit.schema import END, MARK, START, STEP
from howlkit.training import setup
from howlkit.training.progress import Budget
from tests.conftest import random_piece, tune

ENCODERS = {
    "default": Event(),
    "paper": Event(programs=False),
    "beats": Event(clock="beats"),
    "some": Event(instruments="0,33,128"),
    "one": Event(instruments="40", clock="beats"),
    "coarse": Event(clock="beats", grid=7, longest_shift=2, velocities=5),
    "rests": Event(programs=False, grid=10, longest_rest=2, velocities=1, sustain="none"),
    "pedal": Event(programs=False, sustain="events", grid=20, longest_shift=3, longest_rest=7),
    "short": Event(
        programs=False, sustain="events", clock="beats", longest_shift=4, longest_rest=1
    ),
}
every = pytest.mark.parametrize("encoder", ENCODERS.values(), ids=ENCODERS.keys())


def with_pedals(piece, seed=0, presses=40):
    """The piece with the pedal pressed on two tracks, at random, also twice at once."""
    rng = np.random.default_rng(seed)
    pedals = np.zeros(presses, PEDAL)
    pedals["start"] = np.sort(rng.integers(0, max(piece.end, 1), presses))
    pedals["duration"] = rng.integers(0, 1500, presses)
    pedals["track"] = rng.integers(0, 2, presses)
    notes = piece.notes.copy()
    notes["track"] = rng.integers(0, 3, len(notes))
    return piece.replace(notes=notes, pedals=pedals)


def dense(seed, notes=300):
    """Notes of few pitches that overlap, nest, and repeat within one position."""
    piece = random_piece(seed, notes, longest_gap=300)
    table = piece.notes.copy()
    table["pitch"] = 60 + table["pitch"] % 5
    table["duration"] = np.random.default_rng(seed).choice([1, 30, 500, 9000], notes)
    return with_pedals(piece.replace(notes=table), seed)


def words(encoder, steps):
    """Steps as text: + note-on, - note-off, > shift, v velocity, up and down the pedal."""
    v, said = encoder._vocabulary, []
    for step in steps:
        code = int(step["event"])
        program = f"/{step['program']}" if encoder.programs and code < 256 else ""
        if step["mark"] != STEP:
            said.append({START: "start", END: "end"}[int(step["mark"])])
        elif code < 256:
            said.append(f"{'+-'[code // 128]}{code % 128}{program}")
        elif code < v.velocity:
            said.append(f">{code - 255}")
        else:
            is_velocity = code < v.pedal
            said.append(f"v{code - v.velocity}" if is_velocity else ["up", "down"][code - v.pedal])
    return " ".join(said)


def spelt(encoder, notes, pedals=()):
    """What `encoder` writes of notes in hundredths of a second."""
    piece = Piece.of(notes, bpm=60, ticks_per_beat=100)
    return words(encoder, encoder.encode(piece.replace(pedals=np.array(list(pedals), PEDAL))))


def keys_that_sound(grammar):
    """The keys of all rows, in no order."""
    layer, row, pitch = grammar._sounding.nonzero()
    return pitch + 128 * (grammar._sounding[layer, row, pitch].astype(int) - 1)


def walk(encoder, rng, length, *, rows=3, grammar=None):
    """Yield random allowed steps and the grammar after each; after `length` all wind up."""
    grammar, schema = grammar or encoder.grammar(rows), encoder.schema
    v, going = encoder._vocabulary, np.ones(rows, bool)
    for t in range(length + 1000):
        step = schema.steps(rows)
        step["mark"] = END
        for field in schema.decisions:
            active = going & schema.active(field, step)
            if not active.any():
                continue
            allowed = grammar.allowed(field, step)
            assert allowed[active].any(axis=1).all()
            liked = np.ones(field.n, bool)
            if field.name == "mark":
                liked[STEP], liked[END] = t < length, t >= length
            elif field.name == "event":
                liked[:256] = np.arange(256) % 128 % 61 == 0  # repeats are where it gets hard
                liked[256 : v.velocity] = rng.random(v.shifts) < rng.choice([0, 0.1, 1])
                liked[v.velocity - 1] = True
                if t >= length:
                    liked[128:256] = True
                    liked[[*range(128), *range(v.velocity, v.pedal), *range(v.pedal + 1, v.n)]] = 0
            elif field.name == "program":
                liked = np.isin(np.arange(field.n), (0, 1, DRUMS))
            wanted = np.where(
                (allowed & liked).any(axis=1, keepdims=True), allowed & liked, allowed
            )
            for row in np.flatnonzero(active):
                step[field.name][row] = rng.choice(np.flatnonzero(wanted[row]))
        begun = grammar.push(step, going)
        yield step, grammar, going.copy(), begun
        going &= step["mark"] != END
        if not going.any():
            return
    raise AssertionError("the rows do not come to an end")


@every
def test_whatever_the_grammar_allows_decodes_and_is_the_only_spelling(encoder):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        made = list(walk(encoder, rng, 200))
        for row in range(3):
            steps = np.array([step[row] for step, _, going, _ in made if going[row]])
            framed = encoder.schema.frame(steps[:-1], end=True)
            piece = encoder.decode(framed)
            assert len(piece) == sum(int(begun[row]) for _, _, _, begun in made) > 0
            again = encoder.encode(piece)
            assert words(encoder, again) == words(encoder, framed)
            assert np.array_equal(again, framed)
            assert np.array_equal(encoder.encode(encoder.decode(framed, like=tune())), framed)


@every
def test_pushing_equals_decoding_at_every_step(encoder):
    steps = []
    for step, grammar, going, _ in walk(encoder, np.random.default_rng(9), 120, rows=1):
        steps.append(step[0])
        if not going[0] or step["mark"][0] == END:
            break
        so_far = np.array(steps)
        piece, at = encoder.decode(so_far), encoder.ticks(so_far)
        clock = piece.seconds(at) if encoder.clock == "seconds" else at / piece.ticks_per_beat
        assert clock[-1] == pytest.approx(grammar.now[0], abs=0.0011)
        keys = piece.notes["pitch"] + 128 * (piece.notes["program"].astype(int))
        lasting = piece.ends >= at[-1]
        sounding = keys_that_sound(grammar)
        assert set(sounding.tolist()) <= set(keys[lasting].tolist())
        assert len(piece) == (so_far["event"][so_far["mark"] == STEP] < 128).sum()
        # What has ended lies behind.
        over = np.setdiff1d(keys, sounding)
        assert (piece.ends[np.isin(keys, over)] <= at[-1]).all()


@every
def test_rows_that_are_selected_go_on_alone(encoder):
    rng = np.random.default_rng(2)
    made = walk(encoder, rng, 400)
    for _ in range(60):
        _, grammar, _, _ = next(made)
    first, twin = (grammar.select(np.array([2, 0, 2])) for _ in range(2))
    before = twin.now.copy()
    assert np.array_equal(first.now, grammar.now[[2, 0, 2]])
    ways = [
        [step for step, _, _, _ in walk(encoder, np.random.default_rng(5), 40, grammar=g)]
        for g in (first, grammar.select(np.array([2, 0, 2])))
    ]
    assert np.array_equal(*ways)
    assert np.array_equal(twin.now, before)
    given = encoder.schema.steps(3)
    event = encoder.schema["event"]
    assert np.array_equal(twin.allowed(event, given), grammar.allowed(event, given)[[2, 0, 2]])


@pytest.mark.parametrize(
    ("events", "may_end"),
    [
        ([], True),
        ([260], False),  # a shift
        ([370], False),  # a velocity
        ([370, 60], False),  # something sounds
        ([370, 60, 260, 188], True),
        ([370, 60, 260, 188, 300], False),
        ([389], False),  # the pedal is down
        ([389, 260, 388], True),
    ],
)
def test_a_piece_ends_only_when_all_is_let_go_and_no_time_has_passed_since(events, may_end):
    encoder = Event(programs=False, sustain="events")
    grammar, step = encoder.grammar(1), encoder.schema.steps(1)
    for value in events:
        step["event"] = value
        assert grammar.allowed(encoder.schema["event"], step)[0, value]
        grammar.push(step, np.array([True]))
    assert grammar.allowed(MARK, step)[0].tolist() == [True, may_end, False]


def test_a_pitch_is_struck_while_a_program_is_left_that_does_not_sound():
    encoder, one = Event(velocities=1), np.array([True])
    event, program = encoder.schema["event"], encoder.schema["program"]
    grammar, step = encoder.grammar(1), encoder.schema.steps(1)

    def pitches():
        return np.flatnonzero(grammar.allowed(event, step)[0, :128]).tolist()

    def programs(value):
        step["event"] = value
        return np.flatnonzero(grammar.allowed(program, step)[0]).tolist()

    def push(value, of_program=0):
        step["event"], step["program"] = value, of_program
        assert grammar.allowed(event, step)[0, value]
        assert value >= 256 or grammar.allowed(program, step)[0, of_program]
        return grammar.push(step, one).tolist()

    for k in (*range(100), *range(101, DRUMS)):
        assert push(60, k) == [1]
    # Behind the last key are drums of all pitches, and of those above 60 the same program.
    assert programs(60) == [DRUMS] and programs(61) == [DRUMS - 1, DRUMS]
    push(60, DRUMS)
    assert pitches() == list(range(61, 128)) and programs(61) == [DRUMS]
    assert push(256) == [0]
    assert pitches() == list(range(128)) and programs(60) == [100]
    assert programs(188) == [k for k in range(DRUMS + 1) if k != 100]
    push(60, 100)
    push(256)
    assert pitches() == [p for p in range(128) if p != 60] and programs(59) == list(range(129))
    push(188, 7)
    assert programs(60) == [7] and programs(188) == list(range(8, DRUMS + 1))


def test_a_note_off_of_what_does_not_sound_lets_nothing_else_go():
    """Steps of an excerpt can be pushed from its beginning."""
    encoder = Event(velocities=1)
    grammar, step = encoder.grammar(2), encoder.schema.steps(2)
    for of_program, rows in ((3, [True, False]), (5, [True, True])):
        step["event"], step["program"] = (188, 60), of_program
        grammar.push(step, np.array(rows))
    assert keys_that_sound(grammar).tolist() == [60 + 128 * 5]
    assert grammar.allowed(MARK, step)[:, END].tolist() == [True, False]
    step["event"] = 60, 188
    grammar.push(step, np.array([True, True]))
    assert grammar.allowed(MARK, step)[:, END].tolist() == [False, True]


@every
@pytest.mark.parametrize("music", [random_piece, dense], ids=["random", "dense"])
def test_encoded_pieces_are_allowed_by_the_grammar_and_come_back(encoder, music):
    piece = with_pedals(music(5, 300))
    steps = encoder.encode(piece)
    assert steps["mark"][0] == START and steps["mark"][-1] == END
    grammar = encoder.grammar(1)
    for t in range(1, len(steps)):
        step = steps[t : t + 1]
        for field in encoder.schema.decisions:
            if encoder.schema.active(field, step)[0]:
                assert accepts(grammar, field, step)[0], words(encoder, steps[t - 9 : t + 1])
        grammar.push(step, np.array([True]))
    assert np.array_equal(encoder.encode(encoder.decode(steps)), steps)
    assert np.array_equal(encoder.encode(encoder.decode(steps, like=piece)), steps)


@every
@pytest.mark.parametrize("size", [1, 7, 60])
@pytest.mark.parametrize("music", [random_piece, dense], ids=["random", "dense"])
def test_excerpts_side_by_side_are_the_whole(encoder, size, music):
    for seed in range(3):
        piece = with_pedals(music(seed, 300), seed)
        if seed == 2:  # long rests, chords rolled within a position
            notes = piece.notes.copy()
            notes["start"] = notes["start"] // 2000 * 8000 + notes["start"] % 7
            notes["duration"] = np.minimum(notes["duration"], 900)
            piece = piece.replace(notes=notes)
        whole = encoder.encode(piece)
        parts = [encoder.encode(piece.excerpt(i, min(i + size, 300))) for i in range(0, 300, size)]
        assert np.array_equal(np.concatenate([whole[:1], *(part[1:] for part in parts)]), whole)
        begin = 1
        for part in parts:  # the row before is input only, and the one that stands before
            assert part[0] == whole[begin - 1]
            begin += len(part) - 1


@every
def test_excerpts_under_a_pedal_that_is_never_lifted_are_the_whole_too(encoder):
    piece = with_pedals(random_piece(4, 300), 4)
    down = 50 * piece.ticks_per_beat
    until = int(piece.end) + 4000 * piece.ticks_per_beat  # well over 30 seconds
    pedals = piece.pedals[piece.pedals["start"] + piece.pedals["duration"] < down]
    stuck = np.array([(down, until - down, track) for track in range(3)], PEDAL)
    piece = piece.replace(pedals=np.concatenate((pedals, stuck)))
    assert piece.sustained is not piece.held
    whole = encoder.encode(piece)
    parts = [encoder.encode(piece.excerpt(i, min(i + 7, 300))) for i in range(0, 300, 7)]
    assert np.array_equal(np.concatenate([whole[:1], *(part[1:] for part in parts)]), whole)


# What is written ----------------------------------------------------------------------------------


PAPER = ENCODERS["paper"]


def test_events_come_in_one_order():
    notes = [(50, 50, 64, 80), (0, 50, 64, 80), (0, 50, 60, 80), (50, 300, 48, 4)]
    assert spelt(PAPER, notes) == (
        "start v19 +60 +64 >50 -60 -64 v0 +48 v19 +64 >50 -64 >100 >100 >50 -48 end"
    )


def test_programs_are_told_with_each_note_and_drums_are_one():
    notes = [(0, 50, 64, 80, 40), (0, 50, 64, 80, 3), (0, 50, 36, 80, DRUMS)]
    assert spelt(Event(), notes) == (
        f"start v19 +64/3 +64/40 +36/{DRUMS} >50 -64/3 -64/40 -36/{DRUMS} end"
    )
    assert spelt(PAPER, notes) == "start v19 +64 >50 -64 end"


def test_a_piano_has_the_same_events_with_programs_and_without():
    piece = dense(3)
    notes = piece.notes.copy()
    notes["program"] = 0
    piece = piece.replace(notes=notes)
    for part in (piece, piece.excerpt(0, 20), piece.excerpt(50, 120)):
        with_programs, without = Event().encode(part), PAPER.encode(part)
        assert not with_programs["program"].any()
        for name in ("mark", "event"):
            assert np.array_equal(with_programs[name], without[name])


def test_the_rows_at_the_edges_of_a_piece_say_nothing_else():
    for notes in ([(0, 50, 60, 80)], [(30, 50, 60, 80)], []):
        steps = Event().encode(Piece.of(notes))
        edges = Event().schema.frame(Event().schema.steps(0))
        assert np.array_equal(steps[[0, -1]], edges)


def test_a_note_lasts_a_position_at_least():
    assert spelt(PAPER, [(0, 1, 60, 80)]) == "start v19 +60 >1 -60 end"
    piece = Piece.of([(0, 1, 60, 80), (3, 1, 61, 80)], ticks_per_beat=480)
    assert words(PAPER, PAPER.encode(piece)) == "start v19 +60 +61 >1 -60 -61 end"


def test_notes_of_one_pitch_that_begin_together_are_one_loud_and_long():
    assert spelt(PAPER, [(0, 90, 60, 10), (0, 10, 60, 50), (0, 20, 60, 127)]) == (
        "start v31 +60 >90 -60 end"
    )


def test_a_note_struck_again_ends_and_the_longest_decides_how_long_it_sounds():
    nested = [(0, 90, 60, 80), (20, 10, 60, 80)]
    assert spelt(PAPER, nested) == "start v19 +60 >20 -60 +60 >70 -60 end"
    overlapping = [(0, 30, 60, 80), (20, 40, 60, 80)]
    assert spelt(PAPER, overlapping) == "start v19 +60 >20 -60 +60 >40 -60 end"
    apart = [(0, 90, 60, 80, 1), (20, 10, 60, 80, 2)]
    assert spelt(Event(), apart) == "start v19 +60/1 >20 +60/2 >10 -60/2 >60 -60/1 end"


def test_a_long_time_without_events_is_shortened_and_one_spelling_remains():
    short = Event(programs=False, longest_rest=2)
    assert spelt(short, [(0, 50, 60, 80), (5000, 950, 60, 80)]) == (
        "start v19 +60 >50 -60 >100 >100 +60 >100 >100 -60 end"
    )
    assert spelt(short, [(250, 50, 60, 80)]) == "start >100 >100 v19 +60 >50 -60 end"


def test_the_pedal_makes_notes_longer_until_it_lifts_or_the_pitch_is_struck_again():
    notes, pedals = [(0, 50, 60, 80), (0, 50, 62, 80), (100, 10, 60, 80)], [(40, 160, 0)]
    assert spelt(PAPER, notes, pedals) == "start v19 +60 +62 >100 -60 +60 >100 -60 -62 end"
    none = Event(programs=False, sustain="none")
    assert spelt(none, notes, pedals) == "start v19 +60 +62 >50 -60 -62 >50 +60 >10 -60 end"


def test_the_pedal_can_be_an_event_of_its_own():
    encoder = Event(programs=False, sustain="events")
    notes = [(0, 50, 60, 80), (100, 10, 60, 80)]
    pedals = [(40, 60, 0), (100, 100, 1), (150, 20, 0), (300, 0, 0)]  # the last is no press at all
    assert spelt(encoder, notes, pedals) == (
        "start v19 +60 >40 down >10 -60 >50 up down +60 >10 -60 >90 up end"
    )
    piece = Piece.of(notes, bpm=60, ticks_per_beat=100).replace(pedals=np.array(pedals, PEDAL))
    back = encoder.decode(encoder.encode(piece), like=piece)
    scale = back.ticks_per_beat // 100
    assert (back.pedals["start"] // scale).tolist() == [40, 100]
    assert (back.pedals["duration"] // scale).tolist() == [60, 100]
    assert midi.read_bytes(midi.to_bytes(back)).pedals["start"].tolist() == [
        40 * scale,
        100 * scale,
    ]


def test_pedal_events_are_for_one_piano():
    with pytest.raises(OptionError, match="give programs=false too, or sustain=extend"):
        Event(sustain="events")


def test_shifts_may_be_longer_and_in_beats():
    piece = Piece.of([(0, 480, 60, 80), (960, 480, 62, 80)], bpm=99)
    beats = Event(clock="beats", grid=4, longest_shift=2, programs=False)
    assert words(beats, beats.encode(piece)) == "start v19 +60 >4 -60 >4 +62 >4 -62 end"
    assert beats.schema.clock == "beats" and beats.schema["event"].n == 256 + 8 + 32


def test_with_the_papers_options_there_are_388_values():
    assert PAPER.schema["event"].n == 388 and PAPER.schema.names == ("event",)


# What comes back ----------------------------------------------------------------------------------


def test_notes_come_back_within_half_a_position_and_half_a_velocity():
    rng = np.random.default_rng(0)
    notes = np.zeros(500, NOTE)
    notes["start"] = np.cumsum(rng.integers(0, 400, 500))
    notes["pitch"] = np.arange(500) % 100  # so that no two of a pitch meet
    notes["duration"], notes["velocity"] = rng.integers(1, 4000, 500), rng.integers(1, 128, 500)
    notes["program"] = rng.choice([0, 40, DRUMS], 500)
    tempos = np.array([(0, 500_000), (5000, 930_000), (90_000, 251_234)], TEMPO)
    piece = Piece(notes, tempos=tempos)
    back = Event().decode(Event().encode(piece), like=piece)
    assert len(back) == 500
    order = [np.lexsort((p.notes["start"], p.notes["pitch"])) for p in (piece, back)]
    for ours, theirs in (
        (piece.seconds(piece.notes["start"]), back.seconds(back.notes["start"])),
        (piece.seconds(piece.ends), back.seconds(back.ends)),
    ):
        error = np.abs(ours[order[0]] - theirs[order[1]])
        assert error.max() <= 0.0151 and np.median(error) < 0.005
    velocity = piece.notes["velocity"][order[0]].astype(int) - back.notes["velocity"][order[1]]
    assert np.abs(velocity).max() <= 2
    assert np.array_equal(piece.notes["program"][order[0]], back.notes["program"][order[1]])
    assert np.array_equal(back.tempos["microseconds"], tempos["microseconds"])


def test_an_empty_piece_is_a_start_and_an_end():
    for encoder in ENCODERS.values():
        steps = encoder.encode(Piece())
        assert steps["mark"].tolist() == [START, END]
        assert len(encoder.decode(steps)) == 0 and encoder.ticks(steps).tolist() == [0, 0]


def test_what_is_not_let_go_ends_with_the_last_step():
    steps = PAPER.encode(Piece.of([(0, 960, 60), (480, 480, 64)]))
    piece = PAPER.decode(steps[:5])  # start, velocity, on, shift, on
    assert piece.seconds(piece.ends).tolist() == pytest.approx([0.5, 0.51], abs=0.001)


@every
def test_a_piece_a_million_beats_long_comes_back(encoder):
    piece = Piece.of([(i * 480 * 250_000, 480, 60) for i in range(5)])
    steps = encoder.encode(piece)
    assert len(steps) < 5 * 200
    assert np.array_equal(encoder.encode(encoder.decode(steps)), steps)
    busy = Piece.of([(i * 480 * 50, 480, 60 + i % 9) for i in range(20_000)])
    steps = encoder.encode(busy)
    assert np.array_equal(encoder.encode(encoder.decode(steps)), steps)
    assert len(encoder.decode(steps, like=busy)) == 20_000


@every
def test_hostile_pieces_cost_no_more_than_their_notes(encoder):
    """The slowest and the fastest tempo, the coarsest resolution, as late as can be."""
    for microseconds in (1, 2**24 - 1):
        notes = [(0, MAX_TICK, p % 128) for p in range(300)]
        notes += [(MAX_TICK - 1, 1, 60), (MAX_TICK // 2, 7, 60)]
        piece = Piece.of(notes, ticks_per_beat=1).replace(
            tempos=np.array([(0, microseconds)], TEMPO),
            pedals=np.array([(5, MAX_TICK, 0), (MAX_TICK, MAX_TICK, 9)], PEDAL),
        )
        steps = encoder.encode(piece)
        assert len(steps) < 700
        assert len(encoder.decode(steps)) > 0 and len(encoder.decode(steps, like=piece)) > 0


@every
@pytest.mark.parametrize("units", [3, 25])
def test_a_row_that_is_too_long_lets_go_what_sounds_and_ends(encoder, units, monkeypatch):
    monkeypatch.setattr(event_grammar, "MOST_UNITS", units)
    made = list(walk(encoder, np.random.default_rng(4), 3000))
    assert len(made) < 3000 + 300
    for row in range(3):
        steps = np.array([step[row] for step, _, going, _ in made if going[row]])
        framed = encoder.schema.frame(steps[:-1], end=True)
        assert np.array_equal(encoder.encode(encoder.decode(framed)), framed)


# In the loop --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["default", "pedal"])
def test_a_model_of_it_trains_and_plays(name, tmp_path):
    for seed in range(12):
        midi.write(with_pedals(tune(seed, 4)), tmp_path / f"{seed}.mid")
    options = {"programs": False, "sustain": "events"} if name == "pedal" else {}
    values = {"lstm": {"hidden": 16}, "training": {"batch": 4}, "event": options}
    plan = setup.TrainingPlan([tmp_path], encoder="event", values=values, budget=Budget(steps=3))
    trainer = setup.begin(plan, tmp_path / "run", device="cpu", tell=lambda line: None)
    assert trainer.train().progress.step == 3
    encoder = trainer.recipe.encoder
    assert encoder == Event(**options | ({} if name == "pedal" else {"instruments": "0"}))
    session = Session(
        make_runner(trainer.network, encoder.schema, trainer.recipe.model),
        encoder,
        rows=2,
        limit=Limit(notes=50, ends=False),
    )
    session.prompt([tune(0).excerpt(0, 9).replace(has_end=False)] * 2)
    for _ in range(20):
        session.step()
    assert [len(session.piece(row)) for row in range(2)] == (9 + session.notes).tolist()


def test_an_untrained_network_stays_within_the_grammar():
    torch.manual_seed(0)
    encoder = ENCODERS["pedal"]
    network = Lstm(hidden=8).build(encoder.schema, HeadOptions(embedding=4, width=8))
    session = Session(
        make_runner(network, encoder.schema, Lstm(hidden=8)),
        encoder,
        rows=3,
        limit=Limit(notes=100, ends=False),
    )
    while not session.done.all():
        session.step()
    for row in range(3):
        steps = session.steps[row, : session.lengths[row]]
        assert len(encoder.decode(steps)) == 100
