from dataclasses import replace

import numpy as np
import pytest
import torch

from howlkit import encoder
from howlkit.builtin.encoders.tuple import Tuple
from howlkit.builtin.models.lstm_gru import Lstm
from howlkit.errors import OptionError
from howlkit.head_options import HeadOptions
from howlkit.music.piece import Piece
from howlkit.network.note_places import LAGS, NotePlaces
from howlkit.network.repeat_scores import REACH
from howlkit.network.repeats import Repeats
from howlkit.network.repeats_by_beats import RepeatsByBeats
from howlkit.sampling.limits import Limit
from howlkit.sampling.runners import make_runner
from howlkit.sampling.session import Session
from howlkit.testing.checks import CheckFailed
from howlkit.testing.networks import stir_weights
from howlkit.testing.notes import check_notes
from tests.network.test_heads import small

TUPLE = encoder("tuple")
GRID = 24  # positions a beat
NAMES = ("program", "pitch")


def table_of(*notes):
    """Steps of (onset in positions, pitch), which rise, without start and end."""
    steps, before = TUPLE.schema.steps(len(notes)), 0
    for step, (onset, pitch) in zip(steps, notes, strict=True):
        step["shift"], step["shift_fine"] = divmod(onset - before, GRID)
        step["pitch"], before = pitch, onset
    return steps


def batch(*tables):
    names = TUPLE.schema.dtype.names
    return {n: torch.from_numpy(np.stack([t[n] for t in tables]).astype(np.int64)) for n in names}


def tune(*pitches, at=0, every=12):
    return [(at + i * every, pitch) for i, pitch in enumerate(pitches)]


def found(*notes, lag=1, names=NAMES, least=4):
    """The hint after each note: its pitch and how many positions later; None: its score is less."""
    match, _ = RepeatsByBeats(TUPLE.schema, names, lag)(batch(table_of(*notes)), None, None)
    hints = []
    for t in range(len(notes)):
        step = {name: int(column[0, t]) for name, column in match.steps.items()}
        there = int(match.score_class[0, t]) >= least
        hints.append((step["pitch"], GRID * step["shift"] + step["shift_fine"]) if there else None)
    return hints


def test_what_was_played_some_beats_ago_is_hinted_at():
    phrase = [60, 64, 67, 72, 71, 69]
    hints = found(*tune(*phrase), *tune(*phrase, at=96))
    assert hints[:9] == [None] * 9  # nothing yet, then three alike
    assert hints[9:11] == [(71, 12), (69, 12)]
    assert found(*tune(*phrase), *tune(*phrase, at=96), least=1)[6:9] == [
        (64, 12),
        (67, 12),
        (72, 12),
    ]


def test_a_passage_is_followed_where_a_note_was_added_or_left_out():
    phrase = list(range(60, 76))
    added = tune(*phrase, at=384)
    added.insert(7, (384 + 6 * 12 + 5, 90))
    left_out = [note for i, note in enumerate(tune(*phrase, at=384)) if i != 7]
    for changed in (added, left_out):
        hints = found(*tune(*phrase), *changed)
        assert hints[-2] == (75, 12)
    assert found(*tune(*phrase), *added)[16 + 7] == (67, 7)  # at its place, not a step later
    # A search by steps has lost its way there, and begins anew.
    table = batch(table_of(*tune(*phrase), *added))
    match, _ = Repeats(TUPLE.schema, ("pitch",), 1)(table, None, None)
    assert int(match.score_class[0, 16 + 9]) == 0


def test_a_lag_is_a_whole_number_of_half_beats():
    phrase = [60, 64, 67, 72, 71, 69]
    assert found(*tune(*phrase), *tune(*phrase, at=96 + 6), least=1) == [None] * 12
    assert found(*tune(*phrase), *tune(*phrase, at=96 + 12))[-2] == (69, 12)


def test_the_nearest_of_equals_counts_and_no_lag_below_the_least():
    passages = [60, 61, 62, 63, 50, 60, 61, 62, 63, 55, 60, 61, 62, 63]
    assert found(*tune(*passages))[-1] == (55, 12)
    assert found(*tune(*passages), lag=6)[-1] == (50, 12)
    far = [(GRID * 63 * i, 40) for i in range(1, 3)]
    for beats, hint in ((LAGS // 2, (50, 12)), (LAGS // 2 + 1, None)):
        again = tune(60, 61, 62, 63, at=GRID * beats)
        assert found(*tune(60, 61, 62, 63, 50), *far, *again)[-1] == hint


def test_alike_means_alike_in_the_columns_that_are_named_but_for_shifts():
    steps = table_of(*tune(60, 64, 67, 72, 71), *tune(60, 64, 67, 72, at=96))
    steps["velocity"][6] = 9

    def score(*names):
        search = RepeatsByBeats(TUPLE.schema, names, 1)
        return int(search(batch(steps), None, None)[0].score_class[0, -1])

    assert score("shift", "shift_fine", "pitch") == score("pitch") == 4
    assert score("all") == 2
    with pytest.raises(OptionError, match="'pich'.*Did you mean 'pitch'"):
        score("pich")


def random_table(seed, notes, *, programs=1):
    rng = np.random.default_rng(seed)
    steps = TUPLE.schema.steps(notes)
    steps["shift_fine"] = rng.choice([0, 12], notes)
    steps["program"] = rng.integers(0, programs, notes)
    steps["pitch"] = rng.integers(60, 63, notes)
    return steps


def test_rows_of_a_batch_do_not_mix_and_what_is_ahead_changes_nothing():
    one, other = random_table(0, 60), random_table(1, 60)
    search = RepeatsByBeats(TUPLE.schema, NAMES, 1)
    both, _ = search(batch(one, other), None, None)
    for row, table in enumerate((one, other)):
        for length in (1, 20, 59, 60):
            alone, _ = search(batch(table[:length]), None, None)
            assert torch.equal(alone.score_class[0], both.score_class[row, :length])
            assert torch.equal(alone.steps["pitch"][0], both.steps["pitch"][row, :length])


def test_a_search_in_parts_with_rows_of_any_length_is_the_search_at_once():
    tables = [random_table(seed, REACH + 80, programs=2) for seed in range(3)]
    search = RepeatsByBeats(TUPLE.schema, NAMES, 1)
    whole, _ = search(batch(*tables), None, None)
    assert (whole.score_class > 0).any()
    cuts, state, found = np.zeros(3, int), None, [[], [], []]
    for lengths in ([7, 1, 30], [40, 0, 300], [REACH, REACH, 100], [33, 79, 162]):
        part = np.stack([np.resize(t[c:], max(lengths)) for t, c in zip(tables, cuts, strict=True)])
        match, state = search(batch(*part), state, torch.tensor(lengths))
        for row, length in enumerate(lengths):
            found[row] += match.score_class[row, :length].tolist()
        cuts += lengths
    assert found == whole.score_class.tolist()


def test_start_and_end_are_no_notes():
    piece = table_of(*tune(60, 64, 67, 72), *tune(60, 64, 67, 72, at=96))
    framed = TUPLE.schema.frame(piece)
    search = RepeatsByBeats(TUPLE.schema, NAMES, 1)
    match, state = search(batch(framed), None, None)
    assert match.score_class[0, 0] == 0
    _, without = search(batch(framed[:-1]), None, None)
    assert torch.equal(state["repeats_score"], without["repeats_score"])


def test_the_notes_of_tuples_in_beats_have_places_and_others_are_refused():
    assert NotePlaces.possible(TUPLE.schema)
    assert NotePlaces.possible(encoder("tuple", pitch="octave", tracks=3, pedals=True).schema)
    others = [("tuple", {"clock": "seconds"}), ("tuple", {"grid": 3}), ("howl", {})]
    for name, options in [*others, *((n, {}) for n in ("remi", "event", "voices", "pianoroll"))]:
        schema = encoder(name, **options).schema
        assert not NotePlaces.possible(schema)
        with pytest.raises(OptionError, match=r"repeats_by=beats needs .* leave the option out"):
            NotePlaces(schema, "heads.repeats_by=beats")


def test_fields_that_do_not_add_up_to_the_onset_break_a_law(monkeypatch):
    made = Tuple()
    steps = made.encode(Piece.of([(0, 480, 60), (1680, 480, 64)]))[:-1]
    check_notes(made, steps, None)
    tables = replace(made.grammar(1).note_tables, shifts=("shift",))
    monkeypatch.setitem(vars(made), "_note_tables", tables)
    with pytest.raises(CheckFailed, match="to which .'shift'. add up"):
        check_notes(made, steps, None)


@pytest.mark.parametrize("options", [{}, {"pitch": "octave", "tracks": 2}, {"pedals": True}])
@pytest.mark.parametrize("rows", [1, 3])
def test_compiled_steps_find_what_torch_finds(options, rows):
    made, model = encoder("tuple", **options), Lstm(hidden=16, dropout=0.0)
    heads = HeadOptions(embedding=4, width=8, repeats=("all",), repeats_by="beats", repeats_lag=2)
    torch.manual_seed(0)
    network = stir_weights(model.build(made.schema, heads).eval())
    rng = np.random.default_rng(0)
    grammar, steps = made.grammar(rows), made.schema.steps((rows, 700))
    rising = np.arange(700) % 4  # of a field, so that steps at one onset come in order
    steps["shift_fine"] = np.where(rising == 0, 12, 0)
    last = "semitone" if "pitch" in options else "pitch"
    steps[last] = rising * 2 + rng.integers(0, 2, (rows, 700)) * (rng.random((rows, 700)) < 0.1)
    steps["shift"][:, 400] = 5
    if "pedals" in options:
        steps["kind"] = 1
    assert len(grammar.now) == rows
    hints, nats, count = [], [], 1 + len(heads.hinted(made.schema))
    for stepping in ("plain", "compiled"):
        runner = make_runner(network, made.schema, model, stepping=stepping)
        assert runner.name == stepping
        session = Session(runner, made, rows=rows, limit=Limit(notes=900, ends=False))
        for begin, stop in ((0, 1), (1, 2), (2, 300), (300, 650), (650, 700)):
            session.feed(list(steps[:, begin:stop]))
            hidden = session._at.hidden
            hints.append(np.asarray(hidden)[:, -count:])
            nats.append(runner.nats(hidden, steps[:, 8], np.ones(rows, bool)))
    assert np.array_equal(hints[:5], hints[5:])
    assert (np.array(hints)[:, :, 0] > 0).any()
    assert np.allclose(nats[:5], nats[5:], atol=0.02)  # as without hints


def test_hints_pass_through_training_and_make_repeated_music_cheaper():
    heads = {"repeats": ("all",), "repeats_by": "beats"}
    tunes = [np.random.default_rng(seed).integers(40, 90, 8).tolist() * 4 for seed in (0, 1)]
    rows = [table_of(*tune(*pitches)) for pitches in tunes]
    network = small(TUPLE.schema, heads=heads)
    inputs, targets = batch(*(row[:-1] for row in rows)), batch(*(row[1:] for row in rows))
    optimizer, costs = torch.optim.Adam(network.parameters(), 0.02), []
    for _ in range(30):
        hidden, _ = network.advance(inputs, None)
        cost = network.nats(hidden, targets)["pitch"][:, 16:].mean()
        optimizer.zero_grad()
        cost.backward()
        optimizer.step()
        costs.append(float(cost.detach()))
    assert costs[-1] < 0.5 * costs[0]
    assert network.hints.bonus.grad.abs().sum() > 0
