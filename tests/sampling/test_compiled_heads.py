"""Compiled code computes what torch does, whatever the fields, the heads and their inputs."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from howlkit.builtin.encoders.event.encoder import Event
from howlkit.builtin.encoders.howl import Howl
from howlkit.builtin.encoders.pianoroll.encoder import Pianoroll
from howlkit.builtin.encoders.tuple.encoder import Tuple
from howlkit.builtin.encoders.voices.encoder import Voices
from howlkit.builtin.models.lstm_gru import Gru, Lstm
from howlkit.constraints import PolyphonyRule, RestrikeRule
from howlkit.errors import HowlkitError
from howlkit.head_options import HeadOptions
from howlkit.network.repeat_scores import PREFIX, REACH
from howlkit.plugins.checked import CheckedEncoder
from howlkit.sampling.compiled_inputs import PASSAGES
from howlkit.sampling.limits import Limit
from howlkit.sampling.logits import SamplingParams
from howlkit.sampling.runners import make_runner
from howlkit.sampling.session import Session
from howlkit.sampling.stored_network import StoredNetwork
from howlkit.schema import START, Field, Schema, real
from howlkit.testing.schemas import CONDITIONAL, MIXED, NOTES, random_steps
from tests.conftest import tune

pytest.importorskip("numba")

RELATED = Schema(
    (
        Field("pitch", 12, ordered=True, relative_to=(("sound", 2), ("pitch", 0))),
        Field("sound", 9, derived=True),
        Field("level", 300, relative_to=(("level", 0), ("pitch", -1))),
        Field("low", 9, when=("pitch", (1, 2, 3, 4)), relative_to=(("sound", 0), ("level", -200))),
    )
)
WIDE = Schema((real("long", 0, 9, resolution=0.01), real("none", 3, 3, resolution=1)))
ALL = {"repeats": ("all",), "relative": True, "skip": True}
TOLD = {
    "elapsed": True,
    "pitch_classes": 5,
    "scale": True,
    "harmony": 3,
    "intervals": True,
}
OPTIONS = [
    {},
    {"repeats": ("all",)},
    {"repeats": ("all",), "chained": False},
    {"relative": True},
    {"relative": True, "chained": False},
    {"skip": True},
    {"skip": True, "input": 5},
    {"repeats": ("all",), "input": 5, "repeats_lag": 4},
    ALL,
    {"elapsed": True},
    {"elapsed": True, "elapsed_scale": 1.0},
    {"pitch_classes": 5, "chained": False},
    {"pitch_classes": 5, "scale": True},
    {"harmony": 3, "chained": False},
    {"intervals": True},
    {"repeats": ("all",), **TOLD},
    {**ALL, **TOLD},
    {**ALL, **TOLD, "input": 5},
    {"ordered": "logistics", "components": 3, **ALL},
    {"real": "squared", "chained": False},
]
SCHEMAS = {
    "notes": NOTES, "conditional": CONDITIONAL, "mixed": MIXED, "related": RELATED, "wide": WIDE,
}  # fmt: skip
MODEL = Lstm(hidden=9)


def build(schema, options, model=MODEL, std=0.5):
    torch.manual_seed(0)
    heads = HeadOptions(**{"embedding": 4, "width": 8, **options})
    network = model.build(schema, heads).eval()
    for weight in network.parameters():  # far from where all values are alike
        torch.nn.init.normal_(weight, std=std)
    network.embed.table.weight.data[0] = 0  # what is not active: always so
    return network


def runners(schema, options, model=MODEL):
    network = build(schema, options, model)
    return [make_runner(network, schema, model, stepping=how) for how in ("plain", "compiled")]


def repetitive(schema, rows, length):
    """Steps (B, T) in which passages come again, now and then with a change."""
    steps = random_steps(schema, 0, rows=rows, length=length)
    for row in range(rows):
        for at in range(11, length):
            if at % (13 + row):
                steps[row, at] = steps[row, at - 9 - row]
    steps["mark"][:, 1:] = 0
    return steps


def choices(field, step, active):
    """Return the choices (B,) that a step makes of a field, and where each is made."""
    values = step[field.name]
    if field.kind != "bits":
        return [(values.astype(np.int64), active)]
    rows = [[*np.flatnonzero(bits), field.n] for bits in values]
    made = []
    for turn in range(max(map(len, rows))):
        chosen = np.array([row[min(turn, len(row) - 1)] for row in rows])
        made.append((chosen, active & (chosen < field.n)))
    return made


def check_step(plain, compiled, states, step):
    """Compare the logits of every choice that a step makes, and the nats of the step."""
    for runner, (_, hidden) in zip((plain, compiled), states, strict=True):
        runner.begin(hidden, by_logits=True)
    for field in plain.schema.decisions:
        active = plain.schema.active(field, step)
        for chosen, accepted in choices(field, step, active):
            wanted, got = (torch.from_numpy(r.logits(field)) for r in (plain, compiled))
            assert wanted.shape == got.shape == (len(step), field.choices)
            wanted, got = wanted.log_softmax(-1)[active], got.log_softmax(-1)[active]
            torch.testing.assert_close(got.exp(), wanted.exp(), rtol=1e-3, atol=1e-4)
            for runner in (plain, compiled):
                runner.accept(field, chosen, accepted)
    everywhere = np.ones(len(step), bool)
    nats = [
        runner.nats(hidden, step, everywhere)
        for runner, (_, hidden) in zip((plain, compiled), states, strict=True)
    ]
    assert np.allclose(*nats, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", SCHEMAS)
def test_every_choice_has_the_probability_that_torch_gives_it(name, options, rows):
    schema = SCHEMAS[name]
    if schema.notes is None and {"intervals", "pitch_classes", "harmony"} & set(options):
        pytest.skip("its values begin no notes")
    plain, compiled = runners(schema, options)
    steps = repetitive(schema, rows, 40)
    states = [runner.start(steps[:, :1]) for runner in (plain, compiled)]
    hints = 0
    for t in range(1, steps.shape[1]):
        check_step(plain, compiled, states, steps[:, t])
        going = np.arange(rows) != t % 4  # the rows come to have different lengths
        states = [
            runner.read(steps[:, t : t + 1], *state, going.astype(np.int64))
            for runner, state in zip((plain, compiled), states, strict=True)
        ]
        if options.get("repeats"):
            hints += int((states[0][1][:, -1 - len(plain.network.hints.fields)] > 0).sum())
    assert hints > 3 or not options.get("repeats")


@pytest.mark.parametrize("name", ["notes", "mixed"])
def test_the_search_finds_what_torch_finds_however_far_back(name):
    schema = SCHEMAS[name]
    names = ("all",) if name == "notes" else ("keys", "kind", "level")
    plain, compiled = runners(schema, {"repeats": names, "repeats_lag": 2})
    steps = repetitive(schema, 2, REACH + 60)
    states = [runner.start(steps[:, :1]) for runner in (plain, compiled)]
    found = set()
    for first in range(1, steps.shape[1], 30):
        some = steps[:, first : first + 30]
        lengths = np.array([some.shape[1], some.shape[1] - first % 2])
        states = [
            runner.read(some, *state, lengths)
            for runner, state in zip((plain, compiled), states, strict=True)
        ]
        (torchs, wanted), (ours, got) = states
        keys, scores, _ = np.split(ours[PASSAGES], (8 * REACH, 12 * REACH), axis=1)
        assert (torchs[PREFIX + "key"].numpy() == keys.copy().view(np.int64)).all()
        assert (torchs[PREFIX + "score"].numpy() == scores.copy().view(np.float32)).all()
        width = 1 + len(plain.network.hints.fields)
        assert (wanted[:, -width:].numpy() == got[:, -width:]).all()
        found |= set(got[:, -width].tolist())
    assert len(found) > 1


@pytest.mark.parametrize("rows", [1, 2])
def test_a_state_that_is_gone_on_from_stays_as_it_is(rows):
    _, compiled = runners(NOTES, ALL)
    steps, ones = repetitive(NOTES, rows, 30), np.ones(rows, np.int64)
    state, hidden = compiled.read(steps[:, 1:20], *compiled.start(steps[:, :1]), 19 * ones)
    kept = {name: part.copy() for name, part in state.items()}, hidden.copy()
    first = compiled.read(steps[:, 20:], state, hidden, 10 * ones)
    again = compiled.read(steps[:, 20:], state, hidden, 10 * ones)
    assert all((kept[0][name] == state[name]).all() for name in state)
    assert (kept[1] == hidden).all() and (first[1] == again[1]).all()


# In sessions -----------------------------------------------------------------------------------

SMALL = Tuple(grid=4, durations=4, velocities=4)
CASES = [
    (SMALL, ALL, MODEL),
    (Tuple(grid=4, pitch="octave", tracks=3, pedals=True), {**ALL, **TOLD}, MODEL),
    (SMALL, {"repeats": ("pitch", "shift")}, Gru(hidden=9, layers=2, block=1, block_width=5)),
    (SMALL, {"ordered": "logistics"}, MODEL),
    (Voices(), ALL, MODEL),
    (Pianoroll(), {}, MODEL),
    (Pianoroll(velocities=4), {**ALL, **TOLD}, MODEL),
    (Event(), {**ALL, **TOLD}, MODEL),
    (Pianoroll(), {"chained": False, "repeats": ("onset",)}, MODEL),
    (Howl(), TOLD, MODEL),
    (Howl(), {"real": "squared", "chained": False, "skip": True}, MODEL),
]


SOME = [CASES[0], CASES[4], CASES[5], CASES[9]]  # tuple, voices, pianoroll, howl


def named(case):
    encoder, options, _ = case
    return f"{encoder.name} {options}"


def both(case, *, rows=1, **arguments):
    encoder, options, model = case
    encoder = CheckedEncoder.of(encoder)  # which says what notes its values begin
    network = build(encoder.schema, options, model, std=0.4)
    made = []
    for how in ("plain", "compiled"):
        runner = make_runner(network, encoder.schema, model, stepping=how)
        limit = Limit(notes=10**6, ends=False)
        made.append(Session(runner, encoder, rows=rows, seed=4, limit=limit, **arguments))
    assert [session.stepping for session in made] == ["plain", "compiled"]
    return made


def steps_alike(made, count, **choice):
    for _ in range(count):
        one, other = (session.step(**choice) for session in made)
        assert (one == other).all()


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("case", CASES, ids=named)
def test_sessions_make_the_same_after_prompts_forks_and_going_back(case, rows):
    made = both(case, rows=rows)
    for session in made:
        session.prompt(tune(1, bars=2).replace(has_end=False))
    steps_alike(made, 12, params=SamplingParams(temperature=0.8, top_p=0.95))
    forks = [session.fork(same=True) for session in made]
    steps_alike(made, 6)
    for session in made:
        session.rewind(session.lengths - np.arange(rows) - 5)
    steps_alike(made, 6)
    for fork in forks:
        fork.select([rows - 1, 0])
    steps_alike(forks, 6)
    assert np.allclose(*(fork.cost for fork in forks), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("case", SOME, ids=named)
def test_sessions_make_the_same_under_rules(case, rows):
    made = both(case, rows=rows, rules=[PolyphonyRule(2), RestrikeRule()])
    steps_alike(made, 25)


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("case", SOME, ids=named)
def test_functions_on_logits_see_those_of_torch(case, rows):
    seen = []

    def look(field, logits, given):
        seen.append(logits)
        return logits / 2

    made = both(case, rows=rows)
    half = []
    for session in made:
        for _ in range(8):
            session.step(functions=[look])
        half.append(len(seen))
    assert half[1] == 2 * half[0] and (made[0].steps == made[1].steps).all()
    for one, other in zip(seen[: half[0]], seen[half[0] :], strict=True):
        one, other = (np.exp(x - x.max(axis=1, keepdims=True)) for x in (one, other))
        assert np.allclose(one, other, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("case", SOME, ids=named)
def test_the_likeliest_steps_are_those_of_torch(case):
    made = both(case, rows=2)
    for session in made:
        session.prompt(tune(1, bars=1).replace(has_end=False))
    (steps, nats), (ours, our_nats) = (session.likeliest_steps(4) for session in made)
    assert (steps == ours).all() and np.allclose(nats, our_nats, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("case", SOME[:2], ids=named)
def test_a_step_decided_at_once_is_the_one_decided_field_by_field(monkeypatch, case, rows):
    made = [both(case, rows=rows)[1] for _ in range(2)]
    for session in made:
        for _ in range(30):
            session.step()
        grammar = type(case[0].grammar(rows))
        assert session is made[1] or case[0].grammar(rows).step_mask() is not None
        monkeypatch.setattr(grammar, "step_mask", lambda grammar: None)
    assert (made[0].steps == made[1].steps).all()


@pytest.mark.parametrize("rows", [1, 2])
def test_damaged_weights_are_an_error_for_every_kind_of_head(rows):
    for encoder, options, model in SOME:
        encoder = CheckedEncoder.of(encoder)
        network = build(encoder.schema, options, model)
        network.from_hidden.weight.data[:] = torch.nan
        runner = make_runner(network, encoder.schema, model, stepping="compiled")
        with pytest.raises(HowlkitError, match="a logit is NaN"):
            Session(runner, encoder, rows=rows).step()


def test_it_never_loads_the_network():
    def load():
        raise AssertionError("the network was loaded")

    for encoder, options, model in CASES:
        encoder = CheckedEncoder.of(encoder)
        stored = replace(StoredNetwork.of(build(encoder.schema, options, model)), load=load)
        session = Session(model.compiled_runner(stored), encoder, limit=Limit(ends=False))
        for number in range(4):
            session.step(functions=[lambda field, logits, given: logits] if number % 2 else ())
        assert session.steps["mark"][0, 0] == START and session.cost > 0
