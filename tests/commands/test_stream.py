"""`howlkit sample --stream`: notes as JSON lines, as they are decided."""

import json
import os
import subprocess
import sys

import pytest

from howlkit.commands.note_stream import SessionStream
from howlkit.music import midi
from howlkit.sampling.decided import DecidedNotes, ends_at_once
from tests.conftest import tune, write
from tests.sampling.small_models import small_model

HEARD = ("start_beats", "duration_beats", "pitch", "velocity", "program")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a function from the name of an encoder to the folder of a small model."""
    base = tmp_path_factory.mktemp("models")
    return lambda name: small_model(name).save_pretrained(base / name)


@pytest.fixture
def stream(howlkit, folder, tmp_path):
    """Run `howlkit sample --stream`; returns its exit code, its lines, stderr."""

    def run(name, *arguments):
        code, out, err = howlkit(
            "sample", folder(name), "--stepping", "plain", "--stream", *arguments
        )
        return code, [json.loads(line) for line in out.splitlines()], err

    return run


def told(lines, row=1):
    """The notes of a row that count in the end, by number."""
    notes = []
    for line in lines:
        if line.get("row") != row:
            continue
        if "taken_back" in line:
            assert 0 < line["taken_back"] <= len(notes)
            del notes[-line["taken_back"] :]
        else:
            notes.append(line)
            assert line["note"] == len(notes)
    return notes


def heard(lines):
    return sorted(tuple(line[name] for name in HEARD) for line in lines)


def heard_in(piece, notes=None):
    notes = piece.notes if notes is None else notes
    beat = piece.ticks_per_beat
    return sorted(
        (round(n["start"] / beat, 6), round(n["duration"] / beat, 6), *map(int, rest))
        for n in notes
        for rest in [(n["pitch"], n["velocity"], n["program"])]
    )


@pytest.mark.parametrize("name", ["tuple", "event", "remi", "pianoroll", "voices"])
def test_the_notes_of_every_row_are_those_of_its_file(stream, tmp_path, name):
    out = tmp_path / "new.mid"
    code, lines, err = stream(name, "--notes", 12, "-n", 2, "--out", out)
    assert code == 0, err
    for row in (1, 2):
        piece = midi.read(tmp_path / f"new-{row}.mid")
        assert len(piece) and heard(told(lines, row)) == heard_in(piece)
    first = told(lines)[0]
    assert first["start_seconds"] == pytest.approx(first["start_beats"] / 2, abs=1e-5)
    assert first["duration_seconds"] == pytest.approx(first["duration_beats"] / 2, abs=1e-5)


@pytest.mark.parametrize("name", ["tuple", "event"])
def test_notes_come_while_the_music_is_made(stream, name, monkeypatch, capsys):
    shown, seen = SessionStream.show, []

    def show(self, *, whole=False):
        shown(self, whole=whole)
        row = self._stream._rows.get(0)
        seen.append((int(self._session.notes[0]), row.count if row else 0, whole))

    monkeypatch.setattr(SessionStream, "show", show)
    assert stream(name, "--notes", 30, "--without", "all")[0] == 0
    while_made = [(made, count) for made, count, whole in seen if not whole]
    if name == "tuple":
        assert all(count == made for made, count in while_made)
    else:  # a note that is held has no end yet
        assert any(0 < count < made for made, count in while_made)
    assert seen[-1] == (30, 30, True)


def test_a_note_of_event_comes_when_its_end_is_known(stream):
    _, lines, _ = stream("event", "--notes", 40, "--without", "all")
    ends = [line["start_beats"] + line["duration_beats"] for line in lines]
    starts = [line["start_beats"] for line in lines]
    assert starts != sorted(starts)
    last = max(starts)
    before = [end for end in ends if end < last]
    assert before == sorted(before) or len(before) < len(ends)  # those still held come last
    assert ends_at_once(small_model("tuple").encoder)
    assert not ends_at_once(small_model("event").encoder)


def test_positions_are_those_of_the_file(stream, tmp_path):
    write(tune(bars=2), tmp_path / "prompt.mid")
    prompt = ["--prompt", tmp_path / "prompt.mid", "--notes", 10]
    code, lines, err = stream("tuple", *prompt, "--out", tmp_path / "whole.mid")
    assert code == 0, err
    whole = midi.read(tmp_path / "whole.mid")
    assert heard(told(lines)) == heard_in(whole, whole.notes[len(tune(bars=2)) :])
    _, lines, _ = stream("tuple", *prompt, "--without-prompt", "--out", tmp_path / "new.mid")
    assert heard(told(lines)) == heard_in(midi.read(tmp_path / "new.mid"))
    assert min(line["start_beats"] for line in lines) < 4


@pytest.mark.parametrize(
    "sampler", [["beam", "-o", "beam.width=3"], ["best-of", "-o", "best-of.candidates=3"]]
)
def test_what_a_sampler_chooses_is_what_counts(stream, tmp_path, sampler):
    out = tmp_path / "new.mid"
    code, lines, err = stream("tuple", "--notes", 12, "--out", out, "--sampler", *sampler)
    assert code == 0, err
    assert heard(told(lines)) == heard_in(midi.read(out))


def test_without_out_no_file_is_written(stream, folder):
    code, lines, err = stream("tuple", "--notes", 5)
    assert code == 0 and len(lines) == 5
    assert not (folder("tuple") / "samples").exists()
    assert ".mid" not in err and "--seed 0" in err


def test_the_same_seed_streams_the_same_lines(stream):
    one, same, other = (stream("tuple", "--notes", 9, "--seed", s)[1] for s in (1, 1, 2))
    assert one == same != other


def test_stdout_is_for_one_thing(stream):
    code, lines, err = stream("tuple", "--notes", 5, "--out", "-")
    assert code == 2 and not lines and "let --out name a file" in err


@pytest.mark.parametrize("name", ["tuple", "event"])
def test_replacing_streams_the_first_candidate_and_then_the_takes(stream, tmp_path, name):
    song = tune(bars=6)
    write(song, tmp_path / "song.mid")
    code, lines, err = stream(
        *(name, "--prompt", tmp_path / "song.mid", "--replace", "3-4", "-n", 2),
        *("--candidates", 4, "--out", tmp_path / "takes.mid"),
    )
    assert code == 0, err
    first = next(k for k, line in enumerate(lines) if "take" in line)
    assert first > 0 and told(lines[:first])
    assert all(8 <= note["start_beats"] < 16 for note in told(lines[:first]))
    assert not any("row" in line for line in lines[first:])
    for number in (1, 2):
        head, *notes = [line for line in lines if line.get("take") == number]
        take = midi.read(tmp_path / f"takes-{number}.mid")
        inside = (take.notes["start"] >= 3840) & (take.notes["start"] < 7680)
        assert heard(notes) == heard_in(take, take.notes[inside])
        assert head["notes"] == len(notes) == notes[-1]["note"]
        assert head["join"] > 0 and 0 <= head["distance"] <= 1


@pytest.mark.parametrize("replacing", [False, True])
def test_a_reader_that_goes_away_ends_it_quietly(folder, tmp_path, replacing):
    write(tune(), tmp_path / "song.mid")
    more = ["--notes", "100000"]
    if replacing:
        more = ["--prompt", str(tmp_path / "song.mid"), "--replace", "3-14", "--candidates", "2"]
    command = [sys.executable, "-m", "howlkit", "sample", str(folder("tuple")), "--stream", *more]
    out = ["--stepping", "plain", "--out", str(tmp_path / "new.mid")]
    with subprocess.Popen(
        [*command, *out], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ)
    ) as process:
        line = json.loads(process.stdout.readline())
        assert line["row"] == 1 and line["note"] == 1
        process.stdout.close()
        err = process.stderr.read().decode()
    assert process.returncode == 0, err
    assert "Traceback" not in err and "Broken" not in err
    assert len(midi.read(tmp_path / "new.mid"))  # what was made is kept


def test_notes_that_change_are_taken_back():
    told = DecidedNotes(at_once=True)
    piece = tune(bars=1)
    assert told.update(piece.notes)[0] == 0 and told.count == len(piece)
    other = piece.notes.copy()
    other["pitch"][-2] += 1
    back, new = told.update(other)
    assert back >= 2 and len(new) == back and told.count == len(piece)
