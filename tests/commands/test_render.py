"""`howlkit render` and `howlkit sample --out new.wav`: sound files of what people have."""

import io
import sys
import wave
from importlib.util import find_spec

import numpy as np
import pytest

import howlkit as door
from howlkit.errors import DataError, OptionError, PluginError
from howlkit.music import Piece, midi
from tests.builtin import soundfont
from tests.music.sound.heard import cents_off
from tests.training.test_trainer import trainer

NOTES = Piece.of([(480, 960, 69, 100), (1440, 960, 60)], bpm=60)


@pytest.fixture
def song(tmp_path):
    path = tmp_path / "song.mid"
    midi.write(NOTES, path)
    return path


def read(path):
    """The rate and the samples (T, 2) of a .wav file."""
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (2, 2)
        data = file.readframes(file.getnframes())
        return file.getframerate(), np.frombuffer(data, "<i2").reshape(-1, 2) / 32767


def test_a_file_becomes_sound(howlkit, song, tmp_path):
    out = tmp_path / "new.wav"
    code, stdout, err = howlkit("render", song, "--out", out)
    assert (code, stdout) == (0, "")
    assert f"{out}  2 notes, 5 s, by bank" in err and out.resolve().as_uri() in err
    rate, samples = read(out)
    assert rate == 44100 and 5 < len(samples) / rate < 6
    assert not samples[:rate].any()
    assert abs(cents_off(samples[int(1.1 * rate) : 3 * rate], rate, 69)) < 5
    again = tmp_path / "again.wav"
    assert howlkit("render", song, "--out", again)[0] == 0
    assert again.read_bytes() == out.read_bytes()


def test_rate_and_gain_are_options(howlkit, song, tmp_path):
    for name, more in (("a", []), ("b", ["-o", "bank.gain=-6"])):
        out = tmp_path / f"{name}.wav"
        assert howlkit("render", song, "--out", out, "--rate", 16000, *more)[0] == 0
    (rate, loud), (_, soft) = read(tmp_path / "a.wav"), read(tmp_path / "b.wav")
    assert rate == 16000
    assert np.abs(soft).max() == pytest.approx(np.abs(loud).max() / 2, rel=0.02)


def test_standard_input_is_read_and_a_folder_gets_a_name(howlkit, tmp_path, monkeypatch):
    stdin = io.TextIOWrapper(io.BytesIO(midi.to_bytes(NOTES)))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert howlkit("render", "-", "--out", tmp_path, "--rate", 8000)[0] == 0
    assert read(tmp_path / "stdin.wav")[0] == 8000


@pytest.mark.skipif(find_spec("soundfile") is None, reason="the package soundfile is not installed")
@pytest.mark.parametrize("suffix", ["flac", "ogg"])
def test_soundfile_writes_other_formats(howlkit, song, tmp_path, suffix):
    import soundfile

    out = tmp_path / f"new.{suffix}"
    assert howlkit("render", song, "--out", out)[0] == 0
    samples, rate = soundfile.read(out)
    assert rate == 44100 and 5 < len(samples) / rate < 6 and np.abs(samples).max() > 0.1


@pytest.mark.skipif(find_spec("midirenderer") is None, reason="midirenderer is not installed")
def test_a_soundfont_plays(howlkit, song, tmp_path):
    font = soundfont.write(tmp_path / "sine.sf2")
    out = tmp_path / "new.wav"
    more = ["--soundfont", font, "--renderer", "midirenderer"]
    code, _, err = howlkit("render", song, "--out", out, *more)
    assert code == 0 and "by midirenderer" in err
    rate, samples = read(out)
    assert abs(cents_off(samples[int(1.1 * rate) : int(2.9 * rate)], rate, 69)) < 5


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["song.mid", "--out", "new.mp3"], 1, "ends in .wav, .flac, .ogg; new.mp3 does not"),
        (["song.mid", "--out", "there.wav"], 1, "there.wav exists already; add --force"),
        (["song.mid", "--out", "new.wav", "--renderer", "bnak"], 2, "Did you mean 'bank'?"),
        (["song.mid", "--out", "new.wav", "--rate", "100"], 2, "8000<=x<=192000"),
        (["song.mid", "--out", "new.wav", "--soundfont", "no.sf2"], 2, "does not exist"),
        (["song.mid", "--out", "new.wav", "--soundfont", "there.wav"], 1, "is no soundfont (.sf2)"),
        (
            ["song.mid", "--out", "new.wav", "--renderer", "bank", "--soundfont", "there.wav"],
            1,
            "'bank' plays no soundfonts; leave out the soundfont, or name one of: fluids",
        ),
        (["song.mid", "--out", "new.wav", "--renderer", "fluidsynth"], 1, "it needs a soundfont"),
        (["song.mid", "--out", "new.wav", "-o", "fluidsynth.gain=1"], 2, "bank plays"),
        (["song.mid", "--out", "new.wav", "-o", "bank.gain=loud"], 2, "bank.gain"),
        (["there.wav", "--out", "new.wav"], 1, "there.wav"),
        (["gone.mid", "--out", "new.wav"], 1, "gone.mid"),
    ],
)
def test_what_cannot_be_done_is_a_line_and_nothing_is_written(
    howlkit, song, tmp_path, monkeypatch, arguments, code, said
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.wav").write_bytes(b"RIFF    WAVE")
    got, _, err = howlkit("render", *arguments)
    assert got == code and said in err, err
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        "song.mid",
        "there.wav",
    ]


def test_music_of_many_hours_is_refused_at_once(howlkit, tmp_path):
    midi.write(Piece.of([(480 * 3600 * 2, 480, 60)], bpm=60), tmp_path / "long.mid")
    out = tmp_path / "long.wav"
    code, _, err = howlkit("render", tmp_path / "long.mid", "--out", out, "--rate", 192000)
    assert code == 1, err
    assert "at most 1.6 hours at 192000 samples a second, and this lasts 2.0" in err
    assert not out.exists()


# Made by a model ----------------------------------------------------------------------------------


PLAIN = ["--stepping", "plain"]  # nothing to compile


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a tiny run."""
    made = trainer(tmp_path_factory.mktemp("render") / "run", steps=10)
    made.train()
    return made.run


def test_sample_writes_sound(howlkit, run, tmp_path):
    out = tmp_path / "new.wav"
    more = [*PLAIN, "--notes", 8, "--seed", 2, "-o", "audio.rate=16000"]
    code, _, err = howlkit("sample", run, "--out", out, "-n", 2, *more)
    assert code == 0, err
    for number in (1, 2):
        rate, samples = read(tmp_path / f"new-{number}.wav")
        assert rate == 16000 and np.abs(samples).max() > 0.01


def test_sample_says_what_a_renderer_lacks_and_keeps_the_music(howlkit, run, tmp_path):
    more = [*PLAIN, "--notes", 8, "-o", "audio.renderer=fluidsynth"]
    code, _, err = howlkit("sample", run, "--out", tmp_path / "new.wav", *more)
    assert code == 1 and "it needs a soundfont" in err and "the music is there as MIDI" in err
    assert len(midi.read(tmp_path / "new.wav.mid")) == 8


def test_sample_says_how_to_hear_what_it_made(howlkit, run, tmp_path):
    out = tmp_path / "new.mid"
    code, _, err = howlkit("sample", run, "--out", out, "--notes", 8, *PLAIN)
    assert code == 0 and f"Hear it: howlkit play {out}" in err


# In Python ----------------------------------------------------------------------------------------


def test_python_writes_sound_too(howlkit, song, tmp_path):
    assert door.write(NOTES, tmp_path / "a.wav", rate=16000) == tmp_path / "a.wav"
    assert howlkit("render", song, "--out", tmp_path / "b.wav", "--rate", 16000)[0] == 0
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    blocks = list(door.renderer("bank", gain=-6).render(NOTES, 16000))
    assert np.abs(np.concatenate(blocks)).max() < 0.6 * np.abs(read(tmp_path / "a.wav")[1]).max()


@pytest.mark.parametrize(
    ("name", "options", "error", "said"),
    [
        ("a.mp3", {}, DataError, r"nothing writes \.mp3.*\.wav"),
        ("a.wav", {"rate": 7}, OptionError, "rate"),
        ("a.wav", {"renderer": "kazoo"}, PluginError, "there is no renderer 'kazoo'"),
    ],
)
def test_python_says_what_is_wrong(tmp_path, name, options, error, said):
    with pytest.raises(error, match=said):
        door.write(NOTES, tmp_path / name, **options)
    assert not list(tmp_path.iterdir())
