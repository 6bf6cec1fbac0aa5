"""What the adapter must keep to, for each of MidiTok's tokenizers: the contract, and MidiTok."""

import json
import pickle
import warnings

import miditok
import numpy as np
import pytest
from click.testing import CliRunner
from howlkit_miditok import MidiTok
from howlkit_miditok.export import export

from howlkit import midi, options, plugins, run
from howlkit.errors import OptionError
from howlkit.piece import TEMPO, Piece
from howlkit.progress import Budget
from howlkit.schema import STEP
from howlkit.session import Limit
from howlkit.testing import encoder_checks
from howlkit.testing.options import at_the_limits
from howlkit.testing.pieces import metres, scatter, tune
from howlkit.testing.walks import walk
from howlkit.trained import Trained

NAMES = options.describe(MidiTok)[0].choices
SEVERAL = ("CPWord", "Octuple", "MuMIDI")

# The README's table says why. Nobody keeps the first: MidiTok's decoders take many spellings.
NOT_KEPT = {name: {"round trip", "options work at their limits"} for name in NAMES}
NOT_KEPT["MIDILike"] |= {"encode is stable"}
NOT_KEPT["MMM"] |= {"excerpts give the whole", "decode equals pushing"}
NOT_KEPT["PerTok"] |= {"decode equals pushing"}
NOT_KEPT_LEARNT = {"excerpts give the whole", "decode equals pushing"}


@pytest.mark.parametrize("name", NAMES)
def test_it_keeps_to_the_contract_but_for_what_the_readme_says(name):
    encoder = MidiTok(tokenizer=name)
    for check in encoder_checks(encoder):
        if check.name not in NOT_KEPT[name]:
            check()


@pytest.fixture(scope="module", params=["BPE", "Unigram"])
def learnt(request):
    """An encoder with a learnt vocabulary."""
    encoder = MidiTok(tokenizer="REMI", learn=request.param, size=900)
    return encoder.fitted([tune(seed) for seed in range(12)])


def test_a_learnt_vocabulary_keeps_to_it_but_for_what_the_readme_says(learnt):
    for check in encoder_checks(learnt):
        if check.name not in NOT_KEPT["REMI"] | NOT_KEPT_LEARNT:
            check()


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
    plan = run.Plan(
        [tmp_path], encoder="miditok", model=model, values=all_values, budget=Budget(steps=2)
    )
    run.begin(plan, tmp_path / "run", device="cpu", tell=lambda line: None).train()

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
