"""A trained model in a script: sampling, nats, and files."""

import numpy as np
import pytest

import howlkit as door
from howlkit.errors import ArgumentError, DataError, HowlkitError, OptionError, PluginError
from howlkit.head_options import HeadOptions
from howlkit.music import midi
from howlkit.network import likelihood
from howlkit.network.note_nats import note_nats
from howlkit.plugins import create
from tests.conftest import tune

SMALL = {"lstm.hidden": 16, "training.batch": 2, "training.window": 32}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    data = door.prepare([tune(seed, 6) for seed in range(9)], folder / "data", quiet=True)
    door.train(data, steps=60, options=SMALL, out_dir=folder / "run", quiet=True)
    return folder / "run"


@pytest.fixture(scope="module")
def trained(run):
    return door.load(run, stepping="plain")


def test_python_makes_the_music_of_the_command_line(run, trained, tmp_path, howlkit):
    prompt = tmp_path / "prompt.mid"
    midi.write(tune(3, 2), prompt)
    code, _, err = howlkit(
        "sample", run, "--out", tmp_path / "new.mid", "-n", 2, "--seed", 5, "--beats", 8,
        "--prompt", prompt, "--prompt-seconds", 2, "--without-prompt", "--stepping", "plain",
        "-o", "autoregressive.temperature=0.9", "-o", "autoregressive.pitch.top_k=4",
    )  # fmt: skip
    assert code == 0, err
    pieces = trained.sample(
        2, seed=5, beats=8, prompt=prompt, prompt_seconds=2, without_prompt=True,
        temperature=0.9, pitch={"top_k": 4},
    )  # fmt: skip
    for piece, number in zip(pieces, (1, 2), strict=True):
        assert midi.to_bytes(piece) == (tmp_path / f"new-{number}.mid").read_bytes()


def test_one_piece_comes_alone_and_several_as_a_list(trained):
    one = trained.sample(notes=9, seed=2)
    assert len(one) == 9 and trained.sample(1, notes=9, seed=2) == [one]
    assert [len(piece) for piece in trained.sample(n=3, notes=9)] == [9, 9, 9]


def test_a_sampler_is_given_by_name_or_made(trained):
    made = door.sampler("autoregressive", temperature=0.5)
    assert trained.sample(notes=9, sampler=made) == trained.sample(notes=9, temperature=0.5)


def test_tempo_and_time_signature_are_those_asked_for(trained):
    piece = trained.sample(notes=9, tempo=60, time_signature="3/4")
    assert piece.tempos["microseconds"][0] == 1_000_000
    assert piece.time_signatures.tolist() == [(0, 3, 4)]
    assert piece == trained.sample(notes=9, tempo=60, time_signature=(3, 4))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"secnds": 3}, ArgumentError, "no argument 'secnds'. Did you mean 'seconds'"),
        ({"tempature": 3}, ArgumentError, "no argument 'tempature'. Did you mean 'temperature'"),
        ({"temperature": -1}, OptionError, "autoregressive.temperature is -1"),
        ({"pitch": {"top_q": 1}}, OptionError, "Did you mean"),
        ({"sampler": "bean"}, PluginError, "there is no sampler 'bean'"),
        ({"sampler": 5}, ArgumentError, r"howlkit\.sampler\('autoregressive'"),
        ({"sampler": door.sampler("autoregressive"), "top_k": 2}, ArgumentError, "has its own"),
        ({"n": 0}, ArgumentError, r"n is 0; a whole number is needed, 1\.\.4096"),
        ({"n": True}, ArgumentError, "n is True"),
        ({"seed": -1}, ArgumentError, "seed is -1"),
        ({"beats": "8"}, ArgumentError, "beats is '8'; a number is needed, above 0"),
        ({"prompt": 5}, ArgumentError, "prompt is 5, a int; a Piece or the path"),
        ({"prompt": door.Piece()}, HowlkitError, "no notes"),
        ({"prompt": tune(), "tempo": 90}, ArgumentError, "Leave out tempo"),
        ({"without_prompt": True}, ArgumentError, "without_prompt needs a prompt"),
        ({"tempo": 2000}, ArgumentError, r"4\.\.1000"),
        ({"time_signature": "3/5"}, ArgumentError, "no time signature"),
    ],
)
def test_what_is_wrong_is_said(trained, arguments, error, message):
    with pytest.raises(error, match=message):
        trained.sample(**({"notes": 4} | arguments))


def test_nats_are_those_of_evaluate(trained, tmp_path):
    pieces = [tune(seed, 4) for seed in range(3)]
    encoded = likelihood.encode_all(trained.encoder, pieces)
    expected = likelihood.score(trained.network, encoded).nats_per_note
    assert trained.nats(pieces) == expected == trained.nats(iter(pieces))
    path = door.write(pieces[0], tmp_path / "tune.mid")
    assert trained.nats(str(path)) == pytest.approx(trained.nats(pieces[0]))
    with pytest.raises(ArgumentError, match="music is 5"):
        trained.nats(5)
    with pytest.raises(DataError, match="no notes"):
        trained.nats(door.Piece())


def test_a_wrong_note_costs_more_than_the_same_note_right(trained):
    piece = tune(0, 4)
    notes = piece.notes.copy()
    notes["pitch"][20] = 127
    before = trained.nats(piece, notes=True)
    after = trained.nats(piece.replace(notes=notes), notes=True)
    at = int(np.argmax(after))
    assert piece.replace(notes=notes).notes["pitch"][at] == 127
    assert after[at] > before[20] + 1
    np.testing.assert_array_equal(after[:20], before[:20])


@pytest.mark.parametrize("name", ["tuple", "event", "remi", "voices", "howl", "pianoroll"])
def test_nats_by_note_sum_to_those_of_the_piece(name):
    encoder = create("encoder", name)
    network = create("model", "gru", {"hidden": 16}).build(encoder.schema, HeadOptions())
    piece = tune(1, 3)
    if name == "voices":
        piece = piece.remove(piece.notes["velocity"] == 60)
    encoded = likelihood.encode_all(encoder, [piece])
    by_note = note_nats(network, encoder, piece)
    assert len(by_note) == encoded.notes and (by_note > 0).all()
    assert by_note.sum() == pytest.approx(likelihood.score(network, encoded).totals[0])


def test_notes_of_one_slice_share_its_nats():
    encoder = create("encoder", "pianoroll")
    network = create("model", "gru", {"hidden": 8}).build(encoder.schema, HeadOptions())
    chords = door.Piece.of([(960 * i, 480, p) for i in range(4) for p in (60, 64, 67)])
    by_note = note_nats(network, encoder, chords).reshape(4, 3)
    np.testing.assert_allclose(by_note, by_note[:, :1].repeat(3, axis=1))


def test_a_trained_model_shows_what_it_is(run, trained):
    assert repr(trained).startswith(f"Trained(tuple, lstm, {run}, ")
    assert trained.schema.names == trained.encoder.schema.names and trained.model.hidden == 16


def test_music_is_written_by_its_suffix_and_read_again(tmp_path, capsys):
    pieces = [tune(0, 2), tune(1, 2)]
    assert door.write(pieces[0], str(tmp_path / "one.mid")) == tmp_path / "one.mid"
    assert door.read(tmp_path / "one.mid") == pieces[0]
    paths = door.write(pieces, tmp_path / "two.mid")
    assert [path.name for path in paths] == ["two-1.mid", "two-2.mid"]
    assert [door.read(path) for path in paths] == pieces
    assert capsys.readouterr().err == ""


def test_what_midi_cannot_say_is_told(tmp_path, capsys):
    twice = door.Piece.of([(0, 480, 60), (0, 480, 60)])
    door.write(twice, tmp_path / "x.mid")
    assert "In MIDI: " in capsys.readouterr().err


def test_files_that_cannot_be_are_refused(tmp_path):
    for call, message in (
        (lambda: door.write(tune(), tmp_path / "x.midd"), "Did you mean '.mid'"),
        (lambda: door.write(tune(), tmp_path / "x"), "without a suffix"),
        (lambda: door.write("x.mid", tmp_path / "y.mid"), "takes a Piece"),
        (lambda: door.write([5], tmp_path / "y.mid"), "got 5"),
        (lambda: door.write(tune(), tmp_path / "y.mid", title="x"), "leave out title"),
        (lambda: door.read(tmp_path), "is a folder"),
        (lambda: door.read(tmp_path / "none.mid"), "none.mid"),
        (lambda: door.read(pth="x"), "Did you mean 'path'"),
        (lambda: door.read(b"MThd"), "a path is needed"),
    ):
        with pytest.raises(HowlkitError, match=message):
            call()
    assert not list(tmp_path.iterdir())


def test_components_say_which_there_are():
    assert len(door.encoder("tuple", grid=12).encode(tune())) == len(tune()) + 2
    for make, message in (
        (lambda: door.encoder("tupel"), "Did you mean 'tuple'"),
        (lambda: door.model("lstm", hiden=3), "Did you mean 'hidden'"),
        (lambda: door.sampler(5), "samplers: autoregressive"),
        (lambda: door.augmenter("transpose", low=3, high=2), "transpose"),
    ):
        with pytest.raises(HowlkitError, match=message):
            make()
