"""The beam against a search of every piece there is, with an encoder of ten different steps."""

import numpy as np
import pytest

from howlkit import plugins
from howlkit.builtin.samplers import Beam
from howlkit.errors import HowlkitError
from howlkit.sampling import generation
from howlkit.schema import STEP
from tests.builtin.samplers.tiny import TINY, every_continuation, nats_of, tiny_session

WIDE = 400  # more than there are pieces of three notes


def row_of(session, row=0):
    return session.steps[row, : session.lengths[row]]


def best(network, start, notes, *, penalty=0.0, ends=False):
    """The best of all continuations of `start`, and its nats."""
    every = every_continuation(start, notes, ends=ends)
    nats = nats_of(network, every) - (nats_of(network, [start])[0] if len(start) > 1 else 0)
    lengths = np.array([len(steps) for steps in every]) - len(start)
    at = int(np.argmin(nats / ((5 + lengths) / 6) ** penalty))
    return every[at], nats[at]


@pytest.mark.parametrize("stepping", ["plain", "compiled"])
def test_a_wide_beam_finds_what_a_search_of_all_pieces_finds(stepping):
    session, network = tiny_session(rows=1, stepping=stepping)
    wanted, _ = best(network, row_of(session), 3)
    assert generation.run(session, Beam(width=WIDE, length_penalty=0)) == ""
    assert session.rows == 1 and np.array_equal(row_of(session), wanted)


@pytest.mark.parametrize("weights", [6, 10])
def test_ends_and_the_length_penalty_are_those_of_the_formula(weights):
    lengths = []
    for penalty in (0.0, 0.7, 1.0, 3.0):
        session, network = tiny_session(ends=True, weights=weights)
        wanted, _ = best(network, row_of(session), 3, penalty=penalty, ends=True)
        generation.run(session, Beam(width=WIDE, length_penalty=penalty))
        assert np.array_equal(row_of(session), wanted)
        lengths.append(len(wanted))
    assert lengths[0] < lengths[-1]  # without a penalty short pieces are the likeliest


def test_every_row_has_a_beam_of_its_own_and_goes_on_from_where_it_stands():
    session, network = tiny_session(rows=3)
    rows = TINY.schema.steps(6).reshape(3, 2)
    rows["pitch"] = [[0, 1], [1, 2], [2, 0]]
    session.feed([rows[0], rows[1][:1], rows[2][:0]], made=True)
    starts = [row_of(session, row).copy() for row in range(3)]
    wanted = [best(network, start, 3)[0] for start in starts]
    generation.run(session, Beam(width=WIDE, length_penalty=0))
    assert session.rows == 3 and session.notes.tolist() == [3, 3, 3]
    for row in range(3):
        assert np.array_equal(row_of(session, row), wanted[row])


def test_a_beam_of_one_takes_the_likeliest_step_each_time():
    session, network = tiny_session(notes=6)
    greedy = session.fork(same=True)
    while not greedy.done.all():
        greedy.feed([greedy.likeliest_steps(1)[0][0]], made=True)
    generation.run(session, Beam(width=1))
    assert np.array_equal(row_of(session), row_of(greedy))


def test_a_wider_beam_finds_nothing_worse_here_and_better_than_the_greedy_way():
    found = []
    for width in (1, 4, 64):
        session, network = tiny_session(notes=5, weights=2)
        generation.run(session, Beam(width=width, length_penalty=0))
        found.append(nats_of(network, [row_of(session)])[0])
    assert found[0] > found[1] > found[2]


def test_steps_are_yielded_while_the_beam_grows_and_shrinks_again_when_it_is_broken_off():
    session, network = tiny_session(rows=2, notes=9)
    stream = Beam(width=5).generate(session)
    for _ in range(4):
        step = next(stream)
        assert step.shape == (session.rows,) and (step["mark"] == STEP).all()
    assert session.rows == 10
    stream.close()
    assert session.rows == 2 and session.notes.tolist() == [4, 4]
    for row in range(2):
        session.encoder.decode(row_of(session, row))


def test_a_session_that_is_done_is_left_as_it_is():
    session, _ = tiny_session(rows=2)
    generation.run(session, Beam(width=2))
    before = session.steps.copy()
    assert list(Beam(width=2).generate(session)) == []
    assert np.array_equal(session.steps, before)


def test_the_beam_takes_its_options_from_words():
    made = plugins.create("sampler", "beam", {"width": "3", "length_penalty": "0.5"})
    assert (made.width, made.length_penalty) == (3, 0.5)
    with pytest.raises(HowlkitError, match="beam.width is '0'"):
        plugins.create("sampler", "beam", {"width": "0"})
