"""`howlkit sample --replace` and `--accompany`: files, lines, errors, and what stays."""

import math
import os
import re
import signal

import numpy as np
import pytest

from howlkit.commands import takes as takes_command
from howlkit.music import CONTROL, Extras, Piece, midi
from howlkit.sampling.replacing import Region
from howlkit.sampling.replacing.as_it_was import join_as_it_was
from howlkit.sampling.replacing.takes import difference
from howlkit.sampling.trained import Trained
from tests.conftest import tune, write
from tests.sampling.small_models import small_model

FEW = ["--candidates", 4]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return small_model("tuple").save_pretrained(tmp_path_factory.mktemp("model") / "run")


@pytest.fixture(scope="module")
def song():
    """A tune on two tracks: a melody over a held bass, with a controller."""
    piece = tune(bars=8)
    notes = piece.notes.copy()
    notes["track"] = notes["pitch"] < 50
    notes["program"][notes["track"] == 1] = 32
    extras = Extras(np.array([(0, 0, 7, 100), (1000, 1, 10, 64)], CONTROL))
    return Piece(notes, tempos=piece.tempos, extras=extras)


@pytest.fixture
def file(song, tmp_path):
    write(song, tmp_path / "song.mid")
    return tmp_path / "song.mid"


@pytest.fixture
def replace(howlkit, folder, file, tmp_path):
    """Run `howlkit sample --replace`; returns its exit code, stdout, stderr and the takes."""

    def run(span, *arguments, out="takes.mid"):
        code, shown, err = howlkit(
            *("sample", folder, "--stepping", "plain", "--prompt", file, "--replace", span),
            *("--out", tmp_path / out, *arguments),
        )
        named = re.findall(r"^(\S+\.mid)  ", err, re.MULTILINE)
        return code, shown, err, [midi.read(path, extras=True) for path in named]

    return run


def rows(notes):
    return sorted(notes.tolist())


def outside(piece, begin, stop):
    starts = piece.notes["start"]
    return rows(piece.notes[(starts < begin) | (starts >= stop)])


def test_takes_keep_all_that_is_outside_and_differ(replace, song, file, tmp_path):
    code, _, err, takes = replace("3-4", "-n", 3, *FEW)
    assert code == 0, err
    assert [path.name for path in sorted(tmp_path.glob("takes*"))] == [
        f"takes-{n}.mid" for n in (1, 2, 3)
    ]
    original = midi.read(file, extras=True)
    begin, stop = 2 * 1920, 4 * 1920
    for take in takes:
        assert take.ticks_per_beat == original.ticks_per_beat
        assert outside(take, begin, stop) == outside(original, begin, stop)
        assert take.extras.controls.tolist() == original.extras.controls.tolist()
        inside = take.notes[(take.notes["start"] >= begin) & (take.notes["start"] < stop)]
        assert len(inside) and rows(inside) != rows(song.notes[(song.notes["start"] >= begin)])
    for one in range(3):
        for other in range(one):
            assert difference(takes[one].notes, takes[other].notes) > 0


def test_the_lines_say_how_takes_join_and_differ(replace, folder, file):
    _, _, err, takes = replace("3-4", "-n", 2, *FEW)
    trained = Trained.from_pretrained(folder, stepping="plain")
    before = join_as_it_was(trained, Region.of(midi.read(file, extras=True), bars=(3, 4)))
    lines = err.splitlines()
    at = next(k for k, line in enumerate(lines) if line.startswith("The old music of this part"))
    assert (
        f"has 18 notes. After them a note of what follows surprises the model by {before:.2f}"
        in (lines[at])
    )
    same = trained.replace(file, bars=(3, 4), takes=2, candidates=4)
    assert same[0].join <= same[1].join
    for number, take in enumerate(same):
        line = lines[at + 1 + number]
        assert re.search(rf"takes-{number + 1}\.mid  {len(take.notes)} new notes; joins ", line)
        assert f" the old notes did: {take.join:.2f} nats a note; " in line
        share = difference(same[0].notes, same[1].notes)
        assert line.endswith(f"differs from the other takes in at least {share:.0%} of the notes")
        assert rows(take.piece.notes) == rows(takes[number].notes)
    assert "--seed 0 --stepping plain" in err


def test_the_same_seed_writes_the_same_bytes_and_another_seed_others(replace, tmp_path):
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        assert replace("3", "--seed", seed, *FEW, out=f"{name}.mid")[0] == 0
    a, b, c = ((tmp_path / f"{name}.mid").read_bytes() for name in "abc")
    assert a == b != c


def test_nothing_is_overwritten(replace, tmp_path, file):
    (tmp_path / "takes-2.mid").write_bytes(b"mine")
    code, _, err, _ = replace("3", "-n", 2, *FEW)
    assert code == 1 and "takes-2.mid exists already" in err
    assert (tmp_path / "takes-2.mid").read_bytes() == b"mine"
    before = file.read_bytes()
    code, _, err, _ = replace("3", "--force", out="song.mid")
    assert code == 1 and "is read by this command" in err and file.read_bytes() == before


def test_without_out_takes_go_to_the_samples_of_the_run(howlkit, folder, file):
    code, _, err = howlkit(
        *("sample", folder, "--prompt", file, "--replace", 2, "-n", 2, "--stepping", "plain"),
        *FEW,
    )
    assert code == 0, err
    assert len(list((folder / "samples").glob("sample-1-*.mid"))) == 2


def test_only_the_tracks_that_are_named_are_made_anew(replace, song):
    code, _, err, [take] = replace("3-4", "--tracks", "1", *FEW)
    assert code == 0, err
    melody = song.notes["track"] == 0
    assert rows(take.notes[take.notes["track"] == 0]) == rows(song.notes[melody])
    assert set(take.notes["program"][take.notes["track"] == 1].tolist()) == {32}
    assert "a note of what is kept surprises the model" in err


@pytest.mark.parametrize("keep", ["36-47", "C2-B2"])
def test_notes_of_pitches_to_keep_stay(replace, song, keep):
    code, _, err, [take] = replace("3-4", "--keep", keep, *FEW)
    assert code == 0, err
    kept = song.notes[(song.notes["pitch"] >= 36) & (song.notes["pitch"] <= 47)]
    assert set(rows(kept)) <= set(rows(take.notes))


def test_rhythm_or_pitches_are_kept(replace, song):
    old = song.notes[(song.notes["start"] >= 3840) & (song.notes["start"] < 5760)]
    _, _, err, [take] = replace("3", "--keep-rhythm", *FEW)
    new = take.notes[(take.notes["start"] >= 3840) & (take.notes["start"] < 5760)]
    for column in ("start", "duration", "velocity"):
        assert sorted(new[column].tolist()) == sorted(old[column].tolist()), err
    _, _, err, [take] = replace("3", "--keep-pitches", *FEW, out="pitches.mid")
    new = take.notes[(take.notes["start"] >= 3840) & (take.notes["start"] < 5760)]
    assert sorted(new["pitch"].tolist()) == sorted(old["pitch"].tolist()), err


def test_a_part_by_beats_or_seconds(replace, song):
    for unit, span, begin, stop in (
        ("beats", "8.5-10", 4080, 4800),
        ("seconds", "4-5", 3840, 4800),
    ):
        code, _, err, [take] = replace(span, "--unit", unit, *FEW, out=f"{unit}.mid")
        assert code == 0, err
        assert outside(take, begin, stop) == outside(song, begin, stop)


def test_held_notes_last_unless_they_are_cut(replace, song):
    for flags, end in (((), 5760), (("--cut-held",), 4320)):
        name = f"held{len(flags)}.mid"
        _, _, err, [take] = replace("9-10", "--unit", "beats", *flags, *FEW, out=name)
        held = take.notes[(take.notes["start"] == 3840) & (take.notes["track"] == 1)]
        assert (held["start"] + held["duration"]).tolist() == [end], err


def test_wishes_and_sampling_parameters_hold_in_the_part(replace):
    code, _, err, [take] = replace(
        "3-4", "--key", "D minor", "--range", "60-72", "--instruments", "piano", "--temperature",
        0.8, "--top-p", 0.9, "-o", "autoregressive.pitch.top_k=4", "-o", "loops.most=9", *FEW,
    )  # fmt: skip
    assert code == 0, err
    new = take.notes[(take.notes["start"] >= 3840) & (take.notes["start"] < 7680)]
    assert new["pitch"].min() >= 60 and new["pitch"].max() <= 72
    assert set((new["pitch"] % 12).tolist()) <= {2, 4, 5, 7, 9, 10, 0}
    cold = replace("3", "--temperature", 0, *FEW, out="cold.mid")[3][0]
    colder = replace("3", "--temperature", 0, "--seed", 9, *FEW, out="colder.mid")[3][0]
    assert rows(cold.notes) == rows(colder.notes)  # nothing is left to chance


def test_a_part_at_the_end_joins_the_end(replace):
    code, _, err, [take] = replace("7-8", *FEW)
    assert code == 0, err
    assert "After them the end of the piece surprises the model by" in err
    assert take.notes["start"].max() < 8 * 1920


def test_accompany_keeps_all_and_adds_a_track(howlkit, folder, file, song, tmp_path):
    out = tmp_path / "with.mid"
    code, _, err = howlkit(
        *("sample", folder, "--accompany", file, "--instruments", "violin", "--out", out),
        *("--stepping", "plain", *FEW),
    )
    assert code == 0, err
    piece = midi.read(out)
    mine = np.isin(piece.notes["program"], [0, 32])
    assert rows(piece.notes[mine]) == rows(song.notes)
    new = piece.notes[~mine]
    assert set(new["program"].tolist()) == {40} and set(new["track"].tolist()) == {2}
    assert "Without a new part, a note of the piece surprises the model by" in err
    assert " new note" in err and " the piece: " in err


def test_accompany_is_by_the_piano_unless_said(howlkit, folder, file, tmp_path):
    out = tmp_path / "with.mid"
    code, _, err = howlkit(
        "sample", folder, "--accompany", file, "--out", out, "--stepping", "plain", *FEW
    )
    assert code == 0, err
    new = midi.read(out).notes
    assert set(new["program"][new["track"] == 2].tolist()) <= set(range(8))


def test_ctrl_c_keeps_what_there_is(replace, song, monkeypatch):
    calls = []
    asked = takes_command._Watch.__call__

    def watch(self, notes):
        calls.append(len(notes))
        if len(calls) == 6:
            os.kill(os.getpid(), signal.SIGINT)
        return asked(self, notes)

    monkeypatch.setattr(takes_command._Watch, "__call__", watch)
    code, _, err, takes = replace("3-6", "-n", 2, *FEW)
    assert code == 130
    assert len(calls) == 6  # not a step more
    assert "Stopped; the music made so far is written." in err
    assert "not weighed, since it was stopped" in err and "surprises" not in err
    assert len(takes) == 2
    for take in takes:
        assert outside(take, 3840, 11520) == outside(song, 3840, 11520)
        assert len(take) < len(song)


def test_ctrl_c_in_the_second_half_keeps_what_was_weighed(folder, file):
    """The candidates with other ends are made after the first ones were weighed."""
    trained = Trained.from_pretrained(folder, stepping="plain")
    counts = []

    def watch(notes):
        counts.append(len(notes))
        return False

    trained.replace(file, bars=(3, 6), takes=2, candidates=4, watch=watch)
    steps, full = len(counts), counts[-1]
    first_at_its_end = counts.index(full)
    assert first_at_its_end < steps - 1  # the others are watched too
    assert full == max(counts)  # and what is shown stays the first candidate
    counts.clear()
    stopped = trained.replace(
        file,
        bars=(3, 6),
        takes=2,
        candidates=4,
        watch=lambda notes: len(notes) and stop(counts, steps),
    )
    assert all(not math.isnan(take.join) for take in stopped)


def stop(counts, steps):
    counts.append(1)
    return len(counts) >= steps - 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--notes", "5"], "--notes makes no sense with --replace: the part that is made anew"),
        (["--seconds", "5"], "--replace 10-20 --unit seconds"),
        (["--beats", "5"], "--replace 16-32 --unit beats"),
        (["--bars", "5"], "--bars makes no sense with --replace: the bars to make anew are"),
        (["--may-end"], "--may-end makes no sense with --replace"),
        (["--tempo", "90"], "--tempo makes no sense with --replace: the piece keeps its tempo"),
        (["--time-signature", "3/4"], "the piece keeps its time signature"),
        (["--without-prompt"], "a take is the whole piece"),
        (["--prompt-seconds", "5"], "--prompt-seconds makes no sense with --replace"),
        (["--sampler", "beam"], "--sampler beam makes no sense with --replace"),
        (["--keep-rhythm", "--keep-pitches"], "nothing is left to make anew"),
        (["--candidates", "2", "-n", "3"], "--candidates 2 are too few for -n 3"),
        (["--keep", "H2"], "'H2' is no pitch"),
        (["--tracks", "bass"], "'bass' names no tracks"),
        (["--unit", "notes"], "--unit"),
    ],
)
def test_options_that_make_no_sense_say_what_to_do_instead(replace, arguments, said):
    code, _, err, _ = replace("3-4", *arguments)
    assert code == 2
    assert said in " ".join(err.split())


@pytest.mark.parametrize(
    ("span", "arguments", "code", "said"),
    [
        ("x", [], 2, "'x' is no part of a piece; give it as 8-12"),
        ("3.5-4", [], 2, "bars are whole numbers"),
        ("4-3", [], 1, "the last bar comes before the first"),
        ("0-3", [], 1, "bars is 0"),
        ("5-5", ["--unit", "beats"], 1, "the region must end after it begins"),
        ("40-42", [], 1, "lie after the end of song.mid"),
        (
            "3-4",
            ["--tracks", "7"],
            1,
            "track 7 has no notes in song.mid; those with notes are 0, 1",
        ),
        ("3-4", ["--keep", "0-127", "--keep-rhythm"], 1, "no notes in the region whose rhythm"),
    ],
)
def test_a_part_that_cannot_be_made_is_told(replace, span, arguments, code, said):
    status, _, err, takes = replace(span, *arguments, *FEW)
    assert status == code and said in " ".join(err.split()) and not takes


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--replace", "3"], "--replace needs --prompt FILE, the piece"),
        (["--tracks", "1"], "--tracks is for a part of a piece that is made anew"),
        (["--candidates", "4"], "--candidates is for a part of a piece"),
        (["--accompany", "FILE", "--keep", "60"], "--keep is for --replace"),
        (["--accompany", "FILE", "--replace", "3"], "leave out one"),
        (["--accompany", "FILE", "--prompt", "FILE"], "leave out --prompt"),
        (["--accompany", "FILE", "--bars", "3"], "--bars makes no sense with --accompany"),
    ],
)
def test_options_that_need_others_say_which(howlkit, folder, file, arguments, said):
    code, _, err = howlkit("sample", folder, *(file if a == "FILE" else a for a in arguments))
    assert code == 2
    assert said in " ".join(err.split())
