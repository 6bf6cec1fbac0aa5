"""What the adapter must keep to, for each of MidiTok's tokenizers: the contract, and MidiTok."""

import json
import os
import pickle
import warnings

import miditok
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from howlkit_miditok import MidiTok
from howlkit_miditok.export import export
from howlkit_miditok.scores import metres_of

from howlkit import options, plugins
from howlkit.errors import OptionError
from howlkit.music import DRUMS, TEMPO, TIME_SIGNATURE, Piece, midi
from howlkit.note_choices import COMING
from howlkit.sampling import Limit, Session, Trained
from howlkit.sampling.runners import make_runner
from howlkit.sampling.steering import constraints_of, rules_of, told
from howlkit.sampling.wishes import Wishes
from howlkit.schema import END, MARK, STEP
from howlkit.testing import check_encoder, encoder_checks
from howlkit.testing.options import at_the_limits
from howlkit.testing.pieces import metres, scatter, tune
from howlkit.testing.walks import walk
from howlkit.training import setup
from howlkit.training.progress import Budget
from howlkit.training.recipe import Recipe

NAMES = options.describe(MidiTok)[0].choices
SEVERAL = ("CPWord", "Octuple", "MuMIDI")
ONS = ("NoteOn", "DrumOn")

# What the README's table says; the other tokenizers keep every law.
DEPARTURES = {
    "MMM": {"round trip", "excerpts give the whole", "decode equals pushing"},
    "PerTok": {"round trip", "decode equals pushing"},
}
LEARNT = {"round trip", "excerpts give the whole", "decode equals pushing"}


# `make tokenizers` tries all; these are of every kind: bars, shifts, events, several at once.
TRIED = NAMES if os.environ.get("HOWLKIT_TOKENIZERS") == "all" else ("REMI", "MIDILike", "CPWord")


@pytest.mark.parametrize("name", TRIED)
def test_it_keeps_to_the_contract_and_declares_what_does_not_hold(name):
    encoder = MidiTok(tokenizer=name)
    assert set(encoder.exemptions) == DEPARTURES.get(name, set())
    check_encoder(encoder)


@pytest.fixture(scope="module", params=["BPE", "Unigram"])
def learnt(request):
    """An encoder with a learnt vocabulary."""
    encoder = MidiTok(tokenizer="REMI", learn=request.param, size=900)
    return encoder.fitted([tune(seed) for seed in range(12)])


def test_a_learnt_vocabulary_keeps_to_it_and_declares_what_does_not_hold(learnt):
    assert set(learnt.exemptions) == LEARNT
    check_encoder(learnt)


def test_no_learnt_token_leaves_a_short_bar(learnt):
    values = learnt._layout.tokens["token"]
    field, grammar, one = learnt.schema["token"], learnt.grammar(1), np.array([True])
    for token in ("Bar", "None"), ("TimeSig", "3/8"):
        step = learnt.schema.steps(1)
        step["token"] = values.index((token,))
        grammar.push(step, one)
    allowed = grammar.allowed(field, learnt.schema.steps(1))[0]

    def places(parts):
        stop = next((n for n, (kind, _) in enumerate(parts) if kind == "Bar"), len(parts))
        return [int(value) for kind, value in parts[:stop] if kind == "Position"]

    assert any(len(places(parts)) > 1 and max(places(parts)) >= 24 for parts in values)
    reached = [max(places(values[n]), default=0) for n in np.flatnonzero(allowed)]
    assert 0 < max(reached) < 24  # three eighths of eight positions each


@pytest.mark.parametrize(
    "values",
    [
        {"tokenizer": "REMI", "grid": 3},
        {"tokenizer": "TSD", "velocities": 0},
        {"tokenizer": "MIDILike", "programs": False},
        {"tokenizer": "CPWord", "programs": False},
        {"tokenizer": "MuMIDI", "velocities": 0},
    ],
    ids=str,
)
def test_music_has_one_spelling_with_other_options_too(values):
    encoder = options.build(MidiTok, values)
    assert not encoder.exemptions
    names = "round trip", "encode is stable", "grammar allows what encode gives"
    for check in encoder_checks(encoder):
        if check.name in names:
            check()


@pytest.mark.parametrize("name", ["REMI", "CPWord", "Octuple"])
def test_with_tempi_there_are_several_spellings_and_it_says_so(name):
    encoder = MidiTok(tokenizer=name, tempos=True)
    assert set(encoder.exemptions) == {"round trip"}
    (check,) = [check for check in encoder_checks(encoder) if check.name == "round trip"]
    check()


FEW = {"Program_-1", "Program_0", "Program_40", *(f"{on}_{n}" for on in ONS for n in (60, 61, 62))}


@pytest.mark.parametrize("seed", range(12))
def test_note_ons_and_note_offs_have_one_spelling(seed):
    """Of few pitches and programs, so that keys are struck again while they sound."""
    encoder, rng = MidiTok(tokenizer="MIDILike"), np.random.default_rng(seed)
    texts = ["_".join(parts[0]) if parts else "" for parts in encoder._layout.tokens["token"]]
    kept = np.array([text in FEW or text.split("_")[0] not in ("Program", *ONS) for text in texts])
    kinds = np.array([text.split("_")[0] for text in texts])
    grammar, field, written = encoder.grammar(1), encoder.schema["token"], []

    def push(token):
        step = encoder.schema.steps(1)
        assert grammar.allowed(field, step)[0, token], texts[token]
        step["token"] = token
        grammar.push(step, np.array([True]))
        written.append(token)

    for _ in range(120):  # a type first, or almost all would be shifts
        allowed = grammar.allowed(field, encoder.schema.steps(1))[0] & kept
        there = sorted(set(kinds[allowed]))
        ends = [kind for kind in there if kind.endswith("Off")]
        kind = rng.choice(ends if ends and rng.random() < 0.6 else there)
        push(int(rng.choice(np.flatnonzero(allowed & (kinds == kind)))))
    while grammar.clocks[0].pending or texts[written[-1]].startswith("Program"):
        push(int(rng.choice(np.flatnonzero(grammar.allowed(field, encoder.schema.steps(1))[0]))))
    if not texts[written[-1]].startswith(("TimeShift", "TimeSig")):
        push(texts.index("TimeShift_1.0.8"))
    sounding = grammar.clocks[0].order.onsets
    for program in sorted({of for of, _ in sounding}, key=lambda of: of % 129):  # drums last
        rows = sorted(
            (on, key) for (of, key), ons in sounding.items() if of == program for on in ons
        )
        for _, pitch in rows:
            push(texts.index(f"Program_{program}"))
            push(texts.index(f"{'Drum' if program < 0 else 'Note'}Off_{pitch}"))
    step = encoder.schema.steps(1)
    assert not rows or grammar.allowed(MARK, step)[0, END]
    steps = encoder.schema.steps(len(written))
    steps["token"] = written
    piece = encoder.decode(steps)
    assert len(piece) > 5
    assert encoder.encode(piece)["token"][1:-1].tolist() == written


@pytest.mark.parametrize("name", ["REMI", "TSD", "CPWord"])
def test_metres_are_those_of_a_piece_that_says_some_and_free_otherwise(name):
    encoder, waltz = MidiTok(tokenizer=name), metres(3)

    def told(like):
        walks = [walk(encoder, seed, like=like) for seed in range(4)]
        pieces = [encoder.decode(steps) for made in walks for steps in made.rows]
        return [in_bars(piece) for piece in pieces if len(piece)]

    def in_bars(piece):
        return list(metres_of(encoder._tokenizer, piece, encoder._rules.division))

    two = waltz.replace(time_signatures=waltz.time_signatures[:2])
    for like, count in ((waltz, 4), (two, 2)):
        settled, found = in_bars(like), told(like)
        assert len(settled) == count and len(found) > 4
        assert all(some == settled[: len(some)] for some in found)
        assert max(len(some) for some in found) > 1
    assert len({metre for found in told(None) for _, metre in found}) > 3


def test_metres_that_are_told_are_kept_where_the_piece_to_be_like_says_none():
    piece = tune(1).replace(time_signatures=np.array([(0, 3, 4)], TIME_SIGNATURE))
    back = MidiTok().decode(MidiTok().encode(piece), like=Piece())
    assert back.time_signatures.tolist() == [(0, 3, 4)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(4))
def test_what_the_grammar_allows_is_decoded_as_it_was_pushed(name, seed):
    check_counts(MidiTok(tokenizer=name, tempos=True), seed)


@pytest.mark.parametrize("seed", range(4))
def test_learnt_tokens_that_the_grammar_allows_are_decoded_as_they_were_pushed(learnt, seed):
    check_counts(learnt, seed)


def check_counts(encoder, seed):
    for steps in walk(encoder, seed, length=30).rows:
        grammar, begun, now = encoder.grammar(1), 0, [0.0]
        for t in range(1, len(steps) - 1):
            begun += int(grammar.push(steps[t : t + 1], np.array([True]))[0])
            now.append(grammar.now[0])
        piece = encoder.decode(steps)
        assert len(piece) == begun
        ticks = encoder.ticks(steps[:-1]) / encoder.decode(steps[:-1]).ticks_per_beat
        np.testing.assert_allclose(ticks, now)


@pytest.mark.parametrize("name", NAMES)
def test_options_work_at_their_limits(name):
    for what, encoder in at_the_limits(MidiTok(tokenizer=name)):
        if encoder.tokenizer != name or encoder.learn != "none":
            continue
        for piece in (tune(3), scatter(7, 50), metres(8, 50)):
            steps = encoder.encode(piece)
            again = encoder.encode(encoder.decode(steps, like=piece))
            assert len(steps) == len(again), f"{what}, {piece.name}"


# MidiTok ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_ids_of_a_whole_piece_are_those_of_miditok(name, tmp_path):
    piece = tune(5)
    midi.write(piece, tmp_path / "tune.mid")
    encoder = MidiTok(tokenizer=name)
    tokenizer = loaded(encoder, tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ids = tokenizer.encode(tmp_path / "tune.mid").ids
    steps = encoder.encode(piece)[1:-1]
    if name not in SEVERAL:
        assert steps["token"].tolist() == ids
        return
    columns = [steps[field.name].tolist() for field in encoder.schema.fields]
    assert len(steps) == len(ids)
    for row, values in zip(zip(*columns, strict=True), ids, strict=True):
        assert {value for value in row if value} <= set(values)


def loaded(encoder, folder):
    """Return MidiTok's own tokenizer of an encoder."""
    path = folder / "tokenizer.json"
    path.write_text(encoder.tokenizer_json(), encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(miditok, json.loads(path.read_text())["tokenization"])(params=path)


@pytest.mark.parametrize("split", ["bar", "no"])
def test_a_tokenizer_json_of_miditoks_own_is_read_and_stored_whole(split, tmp_path):
    config = miditok.TokenizerConfig(encode_ids_split=split)  # one piano, all else by default
    tokenizer = miditok.REMI(config)
    for seed in range(8):
        midi.write(tune(seed), tmp_path / f"{seed}.mid")
    tokenizer.train(vocab_size=500, files_paths=sorted(tmp_path.glob("*.mid")))
    path = tmp_path / "tokenizer.json"
    tokenizer.save(path)

    encoder = options.build(MidiTok, {"params": str(path)})
    path.unlink()
    stored = json.loads(json.dumps(options.to_json(encoder)))
    again = options.build(MidiTok, stored)
    assert again == encoder == pickle.loads(pickle.dumps(encoder))
    steps = again.encode(tune(2))
    assert steps["token"][1:-1].tolist() == tokenizer.encode(tmp_path / "2.mid")[0].ids
    assert len(again.decode(steps)) == len(tune(2))


def test_a_vocabulary_is_learnt_once_and_decodes_to_the_same_music(learnt):
    plain = MidiTok(tokenizer="REMI")
    assert learnt.fitted([]) is learnt
    assert len(learnt.encode(tune(3))) < 0.7 * len(plain.encode(tune(3)))
    for piece in (tune(3), scatter(4)):
        assert learnt.decode(learnt.encode(piece)) == plain.decode(plain.encode(piece))


def test_tempi_are_kept_where_they_are_tokens():
    piece = tune(1).replace(tempos=np.array([(0, 500_000), (1920, 400_000)], TEMPO))
    for name in ("REMI", "TSD", "CPWord", "Octuple"):
        encoder = MidiTok(tokenizer=name, tempos=True)
        assert encoder.sets_tempo
        back = encoder.decode(encoder.encode(piece))
        assert back.seconds_long == pytest.approx(piece.seconds_long, rel=0.03)
    assert not MidiTok().sets_tempo


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"params": "no/such.json"}, "tokenizer.json, as MidiTok's"),
        ({"params": "packed:nothing"}, "damaged"),
        ({"tokenizer": "Octuple", "learn": "BPE"}, "several fields"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(values, message):
    with pytest.raises(OptionError, match=message):
        options.build(MidiTok, values)


def test_what_no_piece_has_is_refused(tmp_path):
    path = tmp_path / "tokenizer.json"
    miditok.TSD(miditok.TokenizerConfig(use_pitch_bends=True)).save(path)
    with pytest.raises(OptionError, match="pitch bends; set use_pitch_bends to false"):
        MidiTok(params=str(path))


def test_a_vocabulary_smaller_than_what_is_there_is_refused():
    with pytest.raises(OptionError, match=r"miditok\.size is 100"):
        MidiTok(learn="BPE", size=100).fitted([tune(1)])


# Runs -------------------------------------------------------------------------------------------

MODELS = {"lstm": {"hidden": 16}, "transformer": {"width": 32, "layers": 1}}
CASES = [
    ("lstm", {"tokenizer": "REMI", "learn": "BPE", "size": 800}),
    ("lstm", {"tokenizer": "CPWord", "tempos": True}),
    ("lstm", {"tokenizer": "MIDILike"}),
    ("lstm", {"tokenizer": "MMM"}),
    ("transformer", {"tokenizer": "Octuple"}),
    ("transformer", {"tokenizer": "MuMIDI"}),
]


@pytest.mark.parametrize(("model", "values"), CASES)
def test_it_trains_and_samples(model, values, tmp_path):
    if model not in [component.name for component in plugins.components("model")]:
        pytest.skip("howlkit-transformer is not installed")
    for seed in range(8):
        midi.write(tune(seed), tmp_path / f"{seed}.mid")
    training = {"batch": 2, "validate_every": 2}
    all_values = {"miditok": values, model: MODELS[model], "training": training}
    plan = setup.TrainingPlan(
        [tmp_path], encoder="miditok", model=model, values=all_values, budget=Budget(steps=2)
    )
    setup.begin(plan, tmp_path / "run", device="cpu", tell=lambda line: None).train()

    trained = Trained.from_pretrained(tmp_path / "run")
    if "learn" in values:
        assert trained.recipe.encoder.params.startswith("packed:")
    session = trained.session(rows=2, limit=Limit(notes=12))
    session.prompt([tune(9).excerpt(0, 9).replace(has_end=False), Piece()])
    while not session.done.all():
        session.step()
    for row in range(2):
        assert (session.piece(row).notes["velocity"] > 0).all()

    result = CliRunner().invoke(export, [str(tmp_path / "run"), "--out", str(tmp_path / "t.json")])
    assert result.exit_code == 0, result.output
    assert MidiTok(params=str(tmp_path / "t.json")).schema == trained.recipe.encoder.schema
    again = CliRunner().invoke(export, [str(tmp_path / "run"), "--out", str(tmp_path / "t.json")])
    assert again.exit_code == 1 and "t.json exists already" in str(again.exception)


def ruled(values, stepping, **wishes):
    """Return three pieces of random weights that keep what is asked for."""
    torch.manual_seed(0)
    recipe = Recipe.choose("miditok", "lstm", values={"miditok": values, "lstm": {"hidden": 16}})
    network = recipe.model.build(recipe.encoder.schema, recipe.heads)
    runner = make_runner(network, recipe.encoder.schema, recipe.model, stepping=stepping)
    rules = rules_of(constraints_of(Wishes(**wishes)), recipe.encoder)
    limit = Limit(notes=12, ends=False)
    session = Session(runner, recipe.encoder, rows=3, seed=1, limit=limit, rules=rules)
    while not session.done.all():
        session.step()
    return [session.piece(row) for row in range(3)]


@pytest.mark.parametrize("name", ["TSD", "REMI", "MIDILike"])
def test_rules_are_kept_token_by_token_by_compiled_code_as_by_python(name):
    pytest.importorskip("numba")
    wishes = {"key": "D minor", "range": "48-84", "max_polyphony": 2}
    made = ruled({"tokenizer": name}, "compiled", **wishes)
    assert made == ruled({"tokenizer": name}, "plain", **wishes)
    for piece in made:
        notes, ends = piece.notes, piece.ends
        pitched = notes["pitch"][notes["program"] != DRUMS]
        assert len(piece) >= 12 and set((pitched % 12).tolist()) <= {0, 2, 4, 5, 7, 9, 10}
        assert pitched.min() >= 48 and pitched.max() <= 84
        for start in notes["start"].tolist():
            assert np.count_nonzero((notes["start"] <= start) & (ends > start)) <= 2


def test_a_shift_that_no_other_may_follow_leads_to_a_note():
    encoder = MidiTok(tokenizer="TSD")
    grammar, field = encoder.grammar(1), encoder.schema["token"]
    ids = {parts[0]: n for n, parts in enumerate(grammar.graph.values) if parts}
    shifts = {value: n for (kind, value), n in ids.items() if kind == "TimeShift"}
    step = encoder.schema.steps(1)
    step["mark"] = STEP

    def push(token):
        step["token"] = token
        grammar.push(step, np.ones(1, bool))

    def leading():
        role = grammar.note_choices(field, step).role[0]
        return {value for value in allowed() if role[shifts[value]] == COMING}

    def allowed():
        mask = grammar.allowed(field, step)[0]
        return {value for value, n in shifts.items() if mask[n]}

    def beats(value):
        whole, parts, of = map(int, value.split("."))
        return whole + parts / of

    push(ids["TimeSig", "4/4"])
    longest, written = max(shifts, key=beats), allowed()
    assert longest in written
    # Longer ones are told in quarters of a beat, so an eighth may follow; or a metre, after a bar.
    assert leading() == {value for value in written if beats(value) < 4}
    for value, after in ((longest, written), ("5.1.4", {"0.1.8"}), ("0.1.8", set())):
        push(shifts[value])
        assert allowed() == after


def test_a_learnt_vocabulary_says_that_whole_steps_are_drawn_again(learnt):
    asked = constraints_of(Wishes(key="D minor"))
    assert not told(asked, MidiTok())
    (line,) = told(asked, learnt)
    assert "drawing whole steps again, which takes longer" in line


def test_it_is_installed_as_a_plugin_and_loads_without_miditok():
    found = plugins.get("encoder", "miditok")
    assert found.cls is MidiTok and found.distribution == "howlkit-miditok"
    assert set(MidiTok().__dict__) == {option.name for option in options.describe(MidiTok)}


def test_notes_that_begin_too_late_are_left_out_and_the_others_stay():
    late = Piece.of([(0, 480, 60), (480 * 20_000, 480, 62)])
    for name in NAMES:
        encoder = MidiTok(tokenizer=name)
        steps = encoder.encode(late)
        assert len(encoder.decode(steps)) == 1 and np.count_nonzero(steps["mark"] == STEP) < 20
