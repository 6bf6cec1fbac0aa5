import numpy as np
import pytest
import torch

from howlkit.builtin.encoders.tuple.encoder import Tuple
from howlkit.builtin.models.lstm_gru import Gru, Lstm
from howlkit.builtin.samplers import Autoregressive
from howlkit.errors import HowlkitError, OptionError
from howlkit.head_options import HeadOptions
from howlkit.sampling.history import KEEP_EVERY, NEAR_EVERY
from howlkit.sampling.limits import Limit
from howlkit.sampling.logits import SamplingParams
from howlkit.sampling.runners import make_runner
from howlkit.sampling.session import Session
from howlkit.schema import END, START, STEP
from tests.conftest import random_piece, tune

ENCODER = Tuple(grid=4, durations=4, velocities=4)


STEPPING = ["plain"]


@pytest.fixture(autouse=True, params=["plain", "compiled"])
def stepping(request):
    """Both ways of running a network keep every promise of a session."""
    if request.param == "compiled":
        pytest.importorskip("numba")
    STEPPING[0] = request.param


def hidden(made, row=slice(None)):
    return torch.as_tensor(made._at.hidden)[row]


def network_of(model=Lstm):
    torch.manual_seed(0)
    return (
        model(hidden=16, layers=2).build(ENCODER.schema, HeadOptions(embedding=4, width=8)).eval()
    )


def session(rows=1, seed=0, model=Lstm, **limits):
    network = network_of(model)
    limit = Limit(**({"notes": 40, "ends": False} | limits))
    runner = make_runner(network, ENCODER.schema, model(hidden=16, layers=2), stepping=STEPPING[0])
    return Session(runner, ENCODER, rows=rows, seed=seed, limit=limit)


def play(made, shaping=SamplingParams()):
    while not made.done.all():
        made.step(shaping)
    return made


@pytest.mark.parametrize("model", [Lstm, Gru])
def test_stepping_equals_the_whole_at_once(model):
    made = play(session(rows=2, model=model))
    steps = made.steps
    batch = {n: torch.from_numpy(steps[n].astype(np.int64)) for n in steps.dtype.names}
    with torch.no_grad():
        whole, _ = network_of(model).advance(batch, None)
    assert torch.allclose(hidden(made), whole[:, -1], atol=1e-5)


def test_the_same_seed_gives_the_same_steps_and_another_seed_others():
    first, second, third = (play(session(rows=3, seed=s)) for s in (1, 1, 2))
    assert np.array_equal(first.steps, second.steps)
    assert not np.array_equal(first.steps, third.steps)
    assert not np.array_equal(first.steps[0], first.steps[1])


def test_a_row_does_not_depend_on_the_rows_beside_it():
    assert np.array_equal(play(session(rows=4)).steps[0], play(session(rows=1)).steps[0])


def test_a_twin_goes_on_alike_and_does_not_touch_its_origin():
    made = session(rows=2)
    for _ in range(10):
        made.step()
    twin = made.fork(same=True)
    before = made.steps.copy()
    ahead = play(twin).steps
    assert np.array_equal(made.steps, before)
    assert np.array_equal(play(made).steps, ahead)


def test_forks_draw_numbers_of_their_own_which_follow_from_the_seed():
    def played():
        made = session(rows=2, seed=3)
        first = made.fork()
        for _ in range(5):
            made.step()
        second, of_first = made.fork(), first.fork()
        return [play(each).steps for each in (made, first, second, of_first)]

    once, again = played(), played()
    assert all(np.array_equal(*pair) for pair in zip(once, again, strict=True))
    for a in range(4):
        for b in range(a):
            for row in range(2):
                assert not np.array_equal(once[a][row, 6:], once[b][row, 6:])
    alone = play(session(rows=2, seed=3))  # a fork changes nothing in its origin
    assert np.array_equal(once[0], alone.steps)


def test_twins_have_the_same_forks():
    made = session(rows=1)
    made.fork()
    made.step()
    twin = made.fork(same=True)
    assert np.array_equal(play(made.fork()).steps, play(twin.fork()).steps)


@pytest.mark.parametrize("back", [1, 2, 17, 41])
def test_rewind_goes_back_to_exactly_that_state(back):
    made, fresh = play(session(rows=2)), session(rows=2)
    made.rewind(back)
    fresh.feed([row[:back] for row in play(session(rows=2)).steps])
    assert made.lengths.tolist() == [back, back]
    assert torch.allclose(hidden(made), hidden(fresh), atol=1e-6)
    assert np.array_equal(made.steps, fresh.steps)
    made.limit = fresh.limit = Limit(notes=100)
    made.rngs, fresh.rngs = (
        [np.random.default_rng(r) for r in (5, 6)],
        [np.random.default_rng(r) for r in (5, 6)],
    )
    assert np.array_equal(made.step(), fresh.step())


def test_rewind_works_far_back_and_row_by_row():
    made = play(session(rows=2, notes=3 * KEEP_EVERY))
    steps = made.steps.copy()
    targets = [KEEP_EVERY + 3, 2 * KEEP_EVERY + 9]
    made.rewind(targets)
    assert made.lengths.tolist() == targets
    assert made.notes.tolist() == [t - 1 for t in targets]
    for row, target in enumerate(targets):
        alone = session(rows=1)
        alone.feed([steps[row, :target]])
        assert torch.allclose(hidden(made, row), hidden(alone, 0), atol=1e-5)


def test_rewind_refuses_what_is_not_behind():
    made = session()
    with pytest.raises(HowlkitError, match="1..\\[1\\] are allowed"):
        made.rewind(2)


def test_select_reorders_drops_and_repeats_rows():
    made = session(rows=3)
    for _ in range(5):
        made.step()
    before = made.steps.copy()
    other, twins = made.fork(same=True), made.fork(same=True)
    made.select([2, 0, 2])
    assert np.array_equal(made.steps, before[[2, 0, 2]])
    twins.select([2, 0, 2], same=True)
    other.select([2, 0])
    for each in (made, twins, other):
        for _ in range(3):
            each.step()
    assert np.array_equal(twins.steps[0], twins.steps[2])
    assert not np.array_equal(made.steps[0], made.steps[2])
    for each in (made, twins):  # the first of them is the row itself
        assert np.array_equal(each.steps[:2], other.steps)
    made.rewind(3)
    assert np.array_equal(made.steps, before[[2, 0, 2], :3])


def test_limits_end_each_row_at_notes_seconds_or_beats():
    assert play(session(rows=2, notes=7)).notes.tolist() == [7, 7]
    for limit in ({"beats": 40}, {"seconds": 12}):
        made = play(session(rows=8, notes=None, **limit))
        for row in range(8):
            whole, piece = made.piece(row), made.made(row)
            beats = piece.notes["start"] / piece.ticks_per_beat
            begin = beats[0] // 4 * 4  # silence before the first bar is not counted
            length = (beats - begin) / (2 if "seconds" in limit else 1)  # 120 beats a minute
            assert (length < next(iter(limit.values()))).all()
            assert len(whole) == len(piece) + 1  # the step that showed that it is enough


def test_what_was_fed_is_not_counted():
    for limit in ({"beats": 40}, {"seconds": 20}):
        made = session(rows=1, notes=None, **limit)
        made.prompt([tune(bars=8)])  # its last onset is at 31.5 beats
        play(made)
        beats = made.made(0).notes["start"] / made.made(0).ticks_per_beat
        assert len(beats) and beats[0] >= 31.5 and (beats < 31.5 + 40).all()
        assert made.beats[0] >= 31.5 + 40


def test_a_row_that_has_ended_waits_for_the_others():
    made = play(session(rows=16, notes=200, ends=True))
    ended = made.steps["mark"][np.arange(16), made.lengths - 1] == END
    assert ended.any() and len(set(made.lengths.tolist())) > 1
    for row in range(16):
        steps = made.steps[row, : made.lengths[row]]
        assert (steps["mark"][1:-1] == STEP).all() and steps["mark"][0] == START
        alone = session(rows=1)
        alone.feed([steps])
        assert torch.allclose(hidden(made, row), hidden(alone, 0), atol=1e-5)


def test_a_prompt_is_kept_and_what_is_made_is_told_apart():
    made = session(rows=2, notes=5)
    prompt = tune(bars=2)
    made.prompt([prompt, random_piece(1, 30)])
    assert made.notes.tolist() == [0, 0]
    play(made)
    assert len(made.piece(0)) == len(prompt) + 5
    assert len(made.made(0)) == 5 and len(made.made(1)) == 5
    assert made.made(0).notes["start"].min() >= made.piece(0).notes["start"][len(prompt) - 1]


def test_one_piece_is_the_prompt_of_all_rows():
    made, other = session(rows=3), session(rows=3)
    made.prompt(tune(bars=1))
    other.prompt([tune(bars=1)] * 3)
    assert np.array_equal(made.steps, other.steps) and made.lengths[0] > 5
    with pytest.raises(HowlkitError, match="2 pieces for 3 rows; give one for all, or one each"):
        session(rows=3).prompt([tune(bars=1)] * 2)


def test_a_second_prompt_is_refused_and_says_what_to_do():
    made = session(rows=1)
    made.prompt(tune(bars=1))
    before = made.steps.copy()
    with pytest.raises(HowlkitError, match=r"has \d+ steps already. rewind\(1\) takes them back"):
        made.prompt(tune(bars=1))
    assert np.array_equal(made.steps, before)
    made.rewind(1)
    made.prompt(tune(bars=1))
    assert np.array_equal(made.steps, before)


def test_a_prompt_without_its_end_leaves_room_to_go_on():
    made = session(rows=1)
    made.prompt([tune(bars=1)])
    assert not made.done.any()


def test_steps_that_the_grammar_forbids_are_refused():
    made = session()
    wrong = ENCODER.encode(random_piece(1, 40))[::-1]
    with pytest.raises(HowlkitError, match="not allowed here|after the end"):
        made.feed([wrong])


def test_a_refused_step_leaves_the_session_as_it_was():
    made, other = session(), session()
    steps = ENCODER.encode(random_piece(1, 40))[:20]
    steps["mark"][9] = END
    with pytest.raises(HowlkitError, match="after the end"):
        made.feed([steps])
    assert made.lengths.tolist() == [1] and made.now.tolist() == other.now.tolist()
    assert np.array_equal(play(made).steps, play(other).steps)


def test_a_field_to_shape_that_there_is_not_is_an_error():
    with pytest.raises(OptionError, match="Did you mean 'pitch'"):
        session().step(SamplingParams(fields={"pich": SamplingParams(temperature=0.5)}))


def test_rows_that_go_back_often_read_only_a_few_steps_again(monkeypatch):
    made = session(rows=2, notes=400)
    for _ in range(KEEP_EVERY - 20):
        made.step()
    made._rows.rewind(made.lengths - [0, 4], often=True)
    take_all, again = made._rows.take_all, []

    def counted(steps, lengths, **others):
        again.append(int(lengths.max()))
        take_all(steps, lengths, **others)

    monkeypatch.setattr(made._rows, "take_all", counted)
    for back in ([0, 4], [7, 0], [0, 4], [4, 0], [2, 2]) * 4:
        for _ in range(4):
            made.step()
        again.clear()
        made._rows.rewind(made.lengths - back, often=True)
        assert sum(again) <= max(back) + 4 * NEAR_EVERY
    for row, steps in enumerate(made._rows.steps_of(row) for row in range(2)):
        alone = session(rows=1)
        alone.feed([steps[1:]])
        assert torch.allclose(hidden(made, row), hidden(alone, 0), atol=1e-5)


def test_states_close_by_are_dropped_once_no_row_goes_back_any_more():
    made = session(rows=1, notes=2 * KEEP_EVERY)
    for _ in range(20):
        made.step()
    made._rows.rewind(made.lengths - 4, often=True)
    made.step()
    assert made._rows.history.near
    play(made)
    assert not made._rows.history.near


@pytest.mark.parametrize("at_most", [3, 8])
def test_rewind_works_when_most_kept_states_were_dropped(monkeypatch, at_most):
    monkeypatch.setattr("howlkit.sampling.history.KEEP_EVERY", 4)
    monkeypatch.setattr("howlkit.sampling.history.KEEP_AT_MOST", at_most)
    made = play(session(rows=2, notes=200))
    kept = [int(place.lengths.max()) for place in made._rows.history.states]
    assert len(kept) <= at_most and kept[0] == 1 and kept[-1] > 100
    assert max(np.diff(kept)) <= 3 * made._rows.history.every
    steps = made.steps.copy()
    made.rewind([150, 61])
    for row, target in enumerate([150, 61]):
        alone = session(rows=1)
        alone.feed([steps[row, :target]])
        assert torch.allclose(hidden(made, row), hidden(alone, 0), atol=1e-5)


@pytest.mark.parametrize("states", [0.5, 3.5, 9.5])
def test_rewind_works_when_states_were_dropped_for_their_size(monkeypatch, states):
    monkeypatch.setattr("howlkit.sampling.history.KEEP_EVERY", 4)
    size = session(rows=2)._at.nbytes
    monkeypatch.setattr("howlkit.sampling.history.KEEP_BYTES", int(states * size))
    made = play(session(rows=2, notes=200))
    kept = [int(place.lengths.max()) for place in made._rows.history.states]
    assert (
        kept[0] == 1
        and sum(place.nbytes for place in made._rows.history.states[1:]) <= states * size
    )
    # Of those that fit, at least half are there, far apart.
    assert len(kept) - 1 >= int(states) // 2 and (states < 1 or kept[-1] > 60)
    steps = made.steps.copy()
    made.rewind([150, 61])
    for row, target in enumerate([150, 61]):
        alone = session(rows=1)
        alone.feed([steps[row, :target]])
        assert torch.allclose(hidden(made, row), hidden(alone, 0), atol=1e-5)


def test_states_are_dropped_when_rows_are_repeated(monkeypatch):
    monkeypatch.setattr("howlkit.sampling.history.KEEP_EVERY", 4)
    made = play(session(rows=1, notes=100))
    size = made._at.nbytes
    assert len(made._rows.history.states) > 20
    monkeypatch.setattr("howlkit.sampling.history.KEEP_BYTES", 20 * size)
    made.select([0] * 4)
    assert (
        made._rows.history.states[0].longest == 1
        and sum(p.nbytes for p in made._rows.history.states[1:]) <= 20 * size
    )
    made.rewind(50)
    assert made.lengths.tolist() == [50] * 4


def test_rows_that_are_not_there_cannot_be_selected():
    for rows in ([], [2], [-1]):
        with pytest.raises(HowlkitError, match="cannot select"):
            session(rows=2).select(rows)


def test_functions_on_logits_steer_but_cannot_break_the_grammar():
    def white_keys(field, logits, given):
        if field.name == "pitch":
            black = np.isin(np.arange(field.n) % 12, [1, 3, 6, 8, 10])
            logits = np.where(black, logits - 30, logits)
        if field.name == "mark":
            logits[:, START] = 1e9
        return logits

    made = session(rows=4)
    while not made.done.all():
        made.step(functions=[white_keys])
    pitches = np.concatenate([made.piece(row).notes["pitch"] for row in range(4)])
    forced = np.isin(pitches % 12, [1, 3, 6, 8, 10]).mean()
    assert forced < 0.05  # only where a chord's order leaves nothing else


def test_the_sampler_streams_and_can_begin_with_a_random_note():
    made = session(rows=2)
    stream = Autoregressive(first="random").generate(made)
    next(stream)
    assert made.lengths.tolist() == [3, 3]  # start, the random note, one made
    assert made.notes.tolist() == [2, 2]
    assert len(made.made(0)) == 2  # the random one is part of the music
    stream.close()
    fresh = session(rows=1)
    assert len(list(Autoregressive().generate(fresh))) == 40


def test_temperature_zero_by_field_takes_the_likeliest():
    greedy = SamplingParams(fields={"pitch": SamplingParams(temperature=0)})
    made = session(rows=1)
    for _ in range(20):
        before, last = hidden(made), made.lengths[0]
        made.step(greedy)
        step = made.steps[0, last]
        with torch.inference_mode():
            stepper = network_of().stepper()
            stepper.begin(before)
            for field in ENCODER.schema.decisions:
                if field.name == "pitch":
                    break
                stepper.decide(field, torch.tensor([int(step[field.name])]), torch.tensor([True]))
            logits = stepper.logits(field)[0].numpy()
        assert logits[step["pitch"]] >= np.sort(logits)[-1] - 1e-6 or step["shift_fine"] == 0
