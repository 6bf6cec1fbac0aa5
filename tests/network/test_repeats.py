import numpy as np
import pytest
import torch

from howlkit.builtin.encoders.tuple.encoder import Tuple
from howlkit.builtin.models.lstm_gru import Lstm
from howlkit.errors import OptionError
from howlkit.head_options import HeadOptions
from howlkit.network.repeats import REACH, Repeats
from howlkit.sampling.limits import Limit
from howlkit.sampling.runners import make_runner
from howlkit.sampling.session import Session
from howlkit.schema import Field, Schema, bits
from howlkit.testing.schemas import MIXED, every_step
from tests.network.test_heads import batch_of, small

SCHEMA = Schema((Field("pitch", 100), Field("level", 9), bits("keys", 3)))


def steps_of(*rows):
    """A batch of rows of pitches; everything else is 0."""
    table = np.zeros((len(rows), len(rows[0])), SCHEMA.dtype)
    table["pitch"] = rows
    return {n: torch.from_numpy(table[n].astype(np.int64)) for n in SCHEMA.dtype.names}


def found_pitches(*rows, names=("pitch",), lag=1):
    match, _ = Repeats(SCHEMA, names, lag)(steps_of(*rows), None, None)
    matched = match.score_class > 0
    return match.steps["pitch"].where(matched, -1).tolist(), match.score_class.tolist()


def test_what_followed_the_same_passage_is_found():
    ((*_, last),), ((*_, score),) = found_pitches([1, 2, 3, 4, 5, 50, 1, 2, 3, 4, 5])
    assert last == 50 and score == 1
    ((*_, last),), _ = found_pitches([1, 2, 3, 50, 9, 1, 2, 3])
    assert last == -1  # three alike are too few


def test_a_passage_with_one_note_changed_is_still_found():
    phrase = list(range(20, 40))
    changed = [*phrase[:12], 90, *phrase[13:16]]
    (row,), _ = found_pitches([*phrase, 99, 98, 97, *changed])
    assert row[-4:] == [33, 34, 35, 36]  # after 90, and on


def test_the_nearest_of_equals_counts_and_no_lag_below_the_least():
    row = [1, 2, 3, 4, 50, 1, 2, 3, 4, 60, 1, 2, 3, 4]
    assert found_pitches(row)[0][0][-1] == 60
    assert found_pitches(row, lag=6)[0][0][-1] == 50
    assert found_pitches([7] * 9)[0][0][-1] == 7
    assert found_pitches([7] * 9, lag=9)[0][0][-1] == -1


def test_rows_of_a_batch_do_not_mix():
    one, other = [1, 2, 3, 4, 5, 1, 2, 3, 4], [5, 6, 7, 8, 9, 5, 6, 7, 8]
    both, _ = found_pitches(one, other)
    assert both == [found_pitches(one)[0][0], found_pitches(other)[0][0]]
    assert both[0][-1] == 5 and both[1][-1] == 9


def test_what_is_ahead_changes_nothing():
    row = np.random.default_rng(0).integers(0, 3, 60).tolist()
    whole, _ = found_pitches(row)
    for length in (1, 20, 59):
        assert found_pitches(row[:length])[0][0] == whole[0][:length]


def test_alike_means_alike_in_the_columns_that_are_named():
    steps = steps_of([1, 2, 3, 4, 5, 1, 2, 3, 4])
    steps["keys"][0, 6, 1] = 1
    assert Repeats(SCHEMA, ("pitch", "level"), 1)(steps, None, None)[0].score_class[0, -1] == 1
    assert Repeats(SCHEMA, ("all",), 1)(steps, None, None)[0].score_class[0, -1] == 0
    with pytest.raises(OptionError, match="'pich'.*Did you mean 'pitch'"):
        Repeats(SCHEMA, ("pich",), 1)


def test_a_search_in_parts_with_rows_of_any_length_is_the_search_at_once():
    rng = np.random.default_rng(1)
    rows = rng.integers(0, 2, (3, REACH + 80)).tolist()  # further than it reaches
    steps, search = steps_of(*rows), Repeats(SCHEMA, ("all",), 2)
    whole, end = search(steps, None, None)
    state, at = None, np.zeros(3, int)
    while (at < len(rows[0])).any():
        lengths = np.minimum(rng.integers(0, 40, 3), len(rows[0]) - at)
        index = np.minimum(at[:, None] + np.arange(lengths.max()), len(rows[0]) - 1)
        part = {n: torch.stack([c[r, index[r]] for r in range(3)]) for n, c in steps.items()}
        match, state = search(part, state, torch.from_numpy(lengths))
        for r in range(3):
            here = slice(at[r], at[r] + lengths[r])
            assert torch.equal(match.score_class[r, : lengths[r]], whole.score_class[r, here])
            there = whole.score_class[r, here] > 0
            for name, column in match.steps.items():
                assert torch.equal(
                    column[r, : lengths[r]][there], whole.steps[name][r, here][there]
                )
        at += lengths
    assert all(torch.equal(state[name], part) for name, part in end.items())


HINTED = {"repeats": ("all",)}


@pytest.mark.parametrize("chained", [True, False])
def test_the_likelihood_with_hints_is_normalised_and_what_is_decided_by(chained):
    network = small(MIXED, heads={**HINTED, "chained": chained})
    torch.nn.init.normal_(network.hints.bonus)
    rows = every_step(MIXED)
    targets = {n: torch.from_numpy(rows[n].astype(np.int64))[None] for n in rows.dtype.names}
    hidden = torch.randn(1, 1, network.from_hidden.in_features)
    hint = torch.tensor([[[5.0, 1.0, 2.0]]])  # a score, kind, length
    hidden = torch.cat((hidden, hint), -1).expand(1, len(rows), -1)
    with torch.no_grad():
        costs = network.nats(hidden, targets)
        assert torch.exp(-sum(costs.values())).sum().item() == pytest.approx(1.0, abs=1e-5)
        stepper = network.stepper()
        stepper.begin(hidden[0])
        for field in MIXED.decisions[:4]:
            values, active = targets[field.name][0], torch.from_numpy(MIXED.active(field, rows))
            cost = -torch.log_softmax(stepper.logits(field), -1).gather(1, values[:, None])[:, 0]
            assert torch.allclose(cost.where(active, 0), costs[field.name][0], atol=1e-4)
            stepper.decide(field, values, active)


def test_hints_teach_a_network_to_copy_what_it_has_never_seen():
    # Random phrases of their own, each played four times: only a hint can tell what comes next.
    rng = np.random.default_rng(0)
    schema = Schema((Field("pitch", 100),))

    def batch():
        phrase = np.tile(rng.integers(0, 100, (16, 12)), (1, 4))
        return {
            "mark": torch.zeros(16, 48, dtype=torch.long),
            "pitch": torch.from_numpy(phrase),
        }

    def train(heads):
        torch.manual_seed(0)
        network = Lstm(hidden=16, dropout=0.0).build(schema, HeadOptions(width=16, **heads))
        optimizer = torch.optim.Adam(network.parameters(), 0.02)
        for _ in range(60):
            steps = batch()
            hidden, _ = network.advance({n: c[:, :-1] for n, c in steps.items()}, None)
            nats = network.nats(hidden, {n: c[:, 1:] for n, c in steps.items()})["pitch"]
            optimizer.zero_grad()
            nats.mean().backward()
            optimizer.step()
        return nats[:, 30:].mean().item()

    assert train(HINTED) < 1.0 < 4.0 < train({})


def test_a_session_with_hints_equals_one_pass_and_forks_and_rewinds():
    encoder = Tuple()
    network = small(encoder.schema, heads=HINTED)
    session = Session(
        make_runner(network, encoder.schema, Lstm(hidden=16)),
        encoder,
        rows=2,
        seed=3,
        limit=Limit(notes=40, ends=False),
    )
    for _ in range(30):
        session.step()
    steps = session.steps.copy()
    twin = session.fork(same=True)
    session.rewind(11)
    session.feed(list(steps[:, 11:]))
    for name, part in session._at.state.items():
        assert torch.allclose(part.float(), twin._at.state[name].float(), atol=1e-5)
    assert torch.allclose(session._at.hidden, twin._at.hidden, atol=1e-5)
    inputs, _, _ = batch_of(encoder, [encoder.decode(steps[0])])
    hidden, _ = network.advance(inputs, None)
    assert hidden.shape[-1] == twin._at.hidden.shape[-1]
