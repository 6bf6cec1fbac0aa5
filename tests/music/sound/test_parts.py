"""The parts that sound is made of: codes, recordings, waves, the limiter, files."""

import wave
from importlib.util import find_spec

import numpy as np
import pytest

from howlkit.errors import DataError, HowlkitError
from howlkit.music import general_midi
from howlkit.music.sound import audio_files, bank, coding
from howlkit.music.sound.bank import Recording
from howlkit.music.sound.instruments import DRUM_KIT, INSTRUMENTS, of_program
from howlkit.music.sound.limiter import CEILING, limited
from howlkit.music.sound.resampling import resampled
from howlkit.music.sound.waves import CHUNK, LAYERS, Tone, Waves
from howlkit.music.tables import DRUMS


def tone(hertz, rate, seconds=1.0, level=0.5):
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype("f4")


def noise_db(made, wanted):
    return 10 * np.log10(((made - wanted) ** 2).mean() / (wanted**2).mean() + 1e-12)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_codes_are_off_by_half_a_step_at_most(order):
    rng = np.random.default_rng(order)
    sound = 20000 * np.exp(-np.arange(3000) / 500) * np.sin(np.arange(3000) / 9)
    whole = np.rint(sound + rng.normal(0, 30, 3000)).astype(np.int16)
    codes, steps = coding.encode(whole, order=order, most=60)
    assert codes.dtype == np.int8 and len(codes) == 3000 and len(steps) == 47
    made = coding.decode(codes, steps, order=order) * coding.FULL_SCALE
    assert (np.abs(made - whole) <= np.repeat(steps, coding.BLOCK)[:3000] / 2 + 1e-3).all()


def test_the_recordings_fit_into_the_wheel_with_their_licence():
    assert bank.where().stat().st_size < 4_000_000
    card = bank.where().with_suffix(".md").read_text()
    assert "Permission is hereby granted, free of charge" in card
    assert "Frank Wen" in card and "Michael Cowgill" in card and "Ethan Winer" in card


def test_every_program_and_every_drum_has_a_recording():
    assert set(bank.names()) == set(INSTRUMENTS)
    assert {of_program(program).name for program in range(129)} == set(INSTRUMENTS)
    assert of_program(DRUMS).name == "drums"
    drums = {recording.low for recording in bank.instrument("drums")}
    assert {drum.key for drum in DRUM_KIT.values()} == drums
    first = general_midi.FIRST_DRUM
    assert set(range(first, first + len(general_midi.DRUM_NAMES))) <= set(DRUM_KIT)


@pytest.mark.parametrize("name", [name for name in INSTRUMENTS if name != "drums"])
def test_the_recordings_of_an_instrument_serve_every_key_once(name):
    recordings = bank.instrument(name)
    keys = [key for each in recordings for key in range(each.low, each.high + 1)]
    assert keys == list(range(128))
    for each in recordings:
        assert each.samples.dtype == np.float32 and 0.5 < np.abs(each.samples).max() <= 1
        assert 0 < each.loop <= len(each.samples) and each.decay > 0 and each.gain > 0


def test_an_instrument_that_is_not_there_is_an_error_that_says_what_to_do():
    with pytest.raises(DataError, match="no instrument 'kazoo' that can be read.*install howlkit"):
        bank.instrument("kazoo")


def recording(samples, rate, *, pitch=69.0, loop=None, decay=np.inf):
    loop = len(samples) if loop is None else loop
    codes, steps = np.empty(0, np.int8), np.empty(0, np.uint16)
    return Recording(samples, 0, 127, pitch, rate, loop, decay, 1.0, codes, steps, 0)


@pytest.mark.parametrize(("hertz", "most"), [(440, -85), (3000, -65), (7000, -45)])
def test_reading_between_samples_adds_hardly_any_noise(hertz, most):
    own = recording(tone(hertz, 22050), 22050)
    pitch = 69 - 1.37  # lower
    made = Waves(44100).chunk(Tone(own, pitch, LAYERS - 1), 0)
    wanted = tone(hertz * 2 ** (-1.37 / 12), 44100)[:CHUNK]
    inside = slice(500, CHUNK - 500)  # the beginning has a ramp
    assert noise_db(made[inside], wanted[inside]) < most


def test_what_would_be_mirrored_down_is_taken_out():
    own = recording(tone(9000, 22050), 22050)
    octave_up = Waves(22050).chunk(Tone(own, 81, LAYERS - 1), 0)[500:5000]
    assert np.abs(octave_up).max() < 0.01  # 18 kHz is above half of 22,050


def test_a_loop_goes_on_without_a_seam():
    period = 50  # 441 Hz at 22050: 100 whole periods are the loop
    own = recording(tone(441, 22050, 200 * period / 22050), 22050, loop=100 * period)
    waves = Waves(44100)
    made = np.concatenate([waves.chunk(Tone(own, 69, LAYERS - 1), n) for n in range(4)])
    wanted = tone(441, 44100, 3)[: len(made)]
    assert noise_db(made[500:], wanted[500:]) < -70
    assert Tone(own, 69, 0).length(44100) is None


def test_a_decay_that_was_taken_out_is_put_back():
    own = recording(tone(441, 22050, 0.5), 22050, loop=2205, decay=0.2)
    made = Waves(22050).chunk(Tone(own, 69, LAYERS - 1), 0)
    levels = [np.abs(made[int(s * 22050) :][:500]).max() for s in (0.1, 0.3, 0.5)]
    assert levels[1] / levels[0] == pytest.approx(np.exp(-1), rel=0.02)
    assert levels[2] / levels[1] == pytest.approx(np.exp(-1), rel=0.02)
    octave_down = Tone(own, 57, LAYERS - 1).length(22050)
    assert octave_down == pytest.approx(2 * Tone(own, 69, LAYERS - 1).length(22050), abs=2)


def test_chunks_are_kept_up_to_a_number_of_bytes(monkeypatch):
    monkeypatch.setattr("howlkit.music.sound.waves._MOST_BYTES", 3 * CHUNK * 4)
    waves, own = Waves(44100), recording(tone(441, 22050, 0.5), 22050, loop=2205)
    first = waves.chunk(Tone(own, 69, 0), 0)
    assert waves.chunk(Tone(own, 69, 0), 0) is first
    for number in range(1, 4):
        waves.chunk(Tone(own, 69, 0), number)
    again = waves.chunk(Tone(own, 69, 0), 0)
    assert again is not first and np.array_equal(again, first)


# The limiter --------------------------------------------------------------------------------------


def blocks_of(sound, size):
    return [sound[:, at : at + size] for at in range(0, sound.shape[1], size)]


def test_the_limiter_changes_nothing_that_is_not_too_loud():
    sound = np.stack([tone(300, 44100), tone(500, 44100, level=0.9)])
    out = np.concatenate(list(limited(blocks_of(sound, 6400))), axis=1)
    assert np.array_equal(out, sound)


@pytest.mark.parametrize("size", [6400, 44100, 99999])
def test_the_limiter_makes_loud_moments_softer_and_keeps_their_shape(size):
    loud = np.exp(-(((np.arange(88200) - 44100) / 9000) ** 2)) * 4
    sound = np.stack([loud * tone(300, 44100, 2), 0.5 * loud * tone(400, 44100, 2)]).astype("f4")
    out = np.concatenate(list(limited(blocks_of(sound, size))), axis=1)
    assert out.shape == sound.shape and 0.8 < np.abs(out).max() <= CEILING
    assert np.array_equal(out[:, :9000], sound[:, :9000])
    gains = out[:, 30000:60000] / np.where(np.abs(sound) > 0.05, sound, np.nan)[:, 30000:60000]
    left, right = gains
    both = ~np.isnan(left) & ~np.isnan(right)
    assert np.allclose(left[both], right[both], atol=1e-3)  # one gain, so nothing moves aside
    steps = np.diff(left[~np.isnan(left)])
    assert np.abs(steps).max() < 0.01


def test_the_limiter_takes_blocks_of_any_length_and_none():
    assert list(limited([])) == []
    short = np.full((2, 5), 3.0, np.float32)
    out = np.concatenate(list(limited([short, short])), axis=1)
    assert out.shape == (2, 10) and np.abs(out).max() <= CEILING


# Another rate -------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [22050, 48000, 44100])
def test_another_rate_has_the_same_tone(after):
    sound = np.repeat(tone(1000, 44100)[:, None], 2, axis=1)
    blocks = [sound[at : at + 10007] for at in range(0, len(sound), 10007)]
    made = np.concatenate(list(resampled(blocks, 44100, after)))
    assert len(made) == after
    inside = slice(500, -500)
    wanted = tone(1000, after)
    assert noise_db(made[inside, 0], wanted[inside]) < -60
    assert noise_db(made[inside, 1], wanted[inside]) < -60


def test_another_rate_mirrors_nothing_down():
    sound = np.repeat(tone(15000, 44100)[:, None], 2, axis=1)
    made = np.concatenate(list(resampled([sound], 44100, 22050)))
    assert np.abs(made[500:-500]).max() < 0.002


# Files --------------------------------------------------------------------------------------------


def stereo(seconds=1.0):
    return np.stack([tone(300, 44100, seconds), -tone(500, 44100, seconds)], axis=1)


def test_a_wav_file_has_the_samples_in_16_bits(tmp_path):
    sound = stereo()
    audio_files.write(tmp_path / "a.wav", [sound[:30000], sound[30000:]], 44100)
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 44100)
        read = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    assert np.abs(read / 32767 - sound).max() <= 0.51 / 32767
    assert (tmp_path / "a.wav").read_bytes() == audio_files.to_wav([sound], 44100)


@pytest.mark.skipif(find_spec("soundfile") is None, reason="the package soundfile is not installed")
@pytest.mark.parametrize(("suffix", "most"), [(".flac", 1e-4), (".ogg", 0.05)])
def test_soundfile_writes_flac_and_ogg_with_the_same_bytes_each_time(tmp_path, suffix, most):
    import soundfile

    assert audio_files.suffixes() == (".wav", ".flac", ".ogg")
    for name in "ab":
        audio_files.write(tmp_path / f"{name}{suffix}", [stereo()], 44100)
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    read, rate = soundfile.read(tmp_path / f"a{suffix}")
    assert rate == 44100 and len(read) == 44100
    assert np.abs(read[2000:-2000] - stereo()[2000:-2000]).max() < most


def test_a_suffix_that_is_no_sound_is_refused(tmp_path):
    with pytest.raises(HowlkitError, match=r"ends in \.wav, \.flac, \.ogg; .*a\.mp3 does not"):
        audio_files.write(tmp_path / "a.mp3", [stereo()], 44100)
    assert not list(tmp_path.iterdir())


def test_sound_that_a_file_cannot_hold_is_refused(tmp_path, monkeypatch):
    with pytest.raises(DataError, match="at most 6.8 hours at 44100 samples a second, and this la"):
        audio_files.check_length(7 * 3600, 44100)
    monkeypatch.setattr(audio_files, "_MOST_BYTES", 4 * 60000)
    with pytest.raises(DataError, match="cut the music into parts"):
        audio_files.to_wav([stereo(), stereo()], 44100)
