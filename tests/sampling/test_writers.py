"""Writers: `sample` writes what plugins know how to write, by the suffix of --out."""

import errno
import importlib.metadata
import json
import os
import sys
from functools import partial
from pathlib import Path
from textwrap import dedent

import pytest

from howlkit.errors import DataError, PluginError
from howlkit.music import midi
from howlkit.music.piece import Piece
from howlkit.plugins import RESTRICTION, registry, unwrapped
from howlkit.sampling import writers
from howlkit.testing import CheckFailed, check_writer
from tests.conftest import tune

LISTS = '''
"""A writer for the tests: `.list` files, the pitches as JSON."""
import json
import os
from dataclasses import dataclass
from typing import ClassVar

from howlkit.errors import DataError
from howlkit.hookspecs import hookimpl
from howlkit.options import option


@dataclass(frozen=True)
class Lists:
    """Lists of pitches."""

    shift: int = option(0, "added to every pitch", low=-12, high=12)
    fails: str = option("", "what goes wrong")
    name: ClassVar[str] = "lists"
    suffixes: ClassVar[tuple[str, ...]] = (".list", ".old.list")

    def write(self, piece, path):
        print("a library that talks")
        if self.fails == "nothing":
            return
        if not len(piece):
            raise DataError("there is no music in it")
        with open(path, "w") as file:
            file.write("[")
            if self.fails == "bug":
                raise KeyError("pitch")
            if self.fails == "exits":
                raise SystemExit(3)
            if self.fails == "words":
                raise DataError("it is too long")
            pitches = ", ".join(str(int(p) + self.shift) for p in piece.notes["pitch"])
            file.write(pitches + "]")


@hookimpl
def register_writers(register):
    register(Lists)
'''


class Desk:
    """A folder in which writers are installed as pip leaves them."""

    def __init__(self, folder):
        self.folder = folder

    def install(self, name, code=LISTS):
        module = name.replace("-", "_")
        (self.folder / f"{module}.py").write_text(dedent(code))
        info = self.folder / f"{module}.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[howlkit]\n{module} = {module}\n")
        registry.load.cache_clear()


@pytest.fixture
def desk(tmp_path, monkeypatch):
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    # Other plugins that are installed here are no part of what is tested.
    here = partial(importlib.metadata.distributions, path=[str(folder)])
    monkeypatch.setattr(importlib.metadata, "distributions", here)
    made = Desk(folder)
    made.install("howlkit-lists")
    yield made
    for name in ("howlkit_lists", "howlkit_other"):
        sys.modules.pop(name, None)
    registry.load.cache_clear()


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """A run after two steps of training."""
    from howlkit.cli import main

    folder = tmp_path_factory.mktemp("run")
    for seed in range(4):
        midi.write(tune(seed, 4), folder / f"{seed}.mid")
    small = ["-o", "lstm.hidden=8", "-o", "training.batch=2", "--steps", "2"]
    with pytest.raises(SystemExit) as stop:
        main(["train", str(folder), "--out-dir", str(folder / "run"), *small])
    assert stop.value.code == 0
    return folder / "run"


@pytest.fixture
def sample(run_folder, howlkit, tmp_path, monkeypatch, desk):
    """Sample thirty notes in a folder of its own; returns exit code, stdout, stderr and files."""
    folder = tmp_path / "out"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def run(*arguments):
        done = howlkit("sample", run_folder, "--notes", 30, "--stepping", "plain", *arguments)
        return *done, sorted(os.listdir("."))

    return run


def test_the_suffix_says_what_writes_and_the_music_is_that_of_the_midi_file(sample):
    code, out, err, files = sample("--out", "new.list", "-o", "lists.shift=3")
    assert (code, out, files) == (0, "", ["new.list"]), err
    assert "new.list  30 notes" in err and "a library that talks" in err
    assert sample("--out", "new.mid")[0] == 0
    pitches = midi.read("new.mid").notes["pitch"] + 3
    assert json.loads(Path("new.list").read_text()) == pitches.tolist()


def test_several_are_numbered_and_the_folder_is_made(sample):
    code, _, err, _ = sample("--out", "a/b/new.list", "-n", 4)
    assert code == 0, err
    assert sorted(os.listdir("a/b")) == [f"new-{number}.list" for number in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    ("fails", "said"),
    [
        ("bug", "writer 'lists' of howlkit-lists 1.0 failed: KeyError: 'pitch'"),
        ("exits", "writer 'lists' of howlkit-lists 1.0 failed: SystemExit: 3"),
        ("words", "writer 'lists' of howlkit-lists 1.0: it is too long"),
        ("nothing", "writer 'lists' of howlkit-lists 1.0 wrote no file"),
    ],
)
def test_a_writer_that_fails_costs_a_line_and_the_music_is_kept_as_midi(sample, fails, said):
    Path("new.list").write_text("an older one")
    code, _, err, files = sample("--out", "new.list", "--force", "-o", f"lists.fails={fails}")
    assert code == 1 and "Traceback" not in err
    assert err.splitlines()[-1] == f"howlkit: {said}; the music is there as MIDI"
    assert files == ["new.list", "new.list.mid"] and "new.list.mid  30 notes" in err
    assert len(midi.read("new.list.mid")) == 30
    assert Path("new.list").read_text() == "an older one"


def test_a_writer_that_fails_at_all_of_several_costs_one_line(sample):
    code, _, err, files = sample("--out", "new.list", "-n", 3, "-o", "lists.fails=bug")
    assert code == 1 and files == [f"new-{number}.list.mid" for number in (1, 2, 3)]
    assert err.count("KeyError") == 1 and "(and 2 more)" in err.splitlines()[-1]


def test_the_traceback_is_there_for_who_asks(sample, monkeypatch):
    monkeypatch.setenv("HOWLKIT_TRACEBACK", "1")
    _, _, err, _ = sample("--out", "new.list", "-o", "lists.fails=bug")
    assert "Traceback" in err and "howlkit_lists.py" in err


def test_music_is_not_lost_where_the_file_cannot_be_put(sample, monkeypatch):
    def full(**arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("howlkit.sampling.writers.tempfile.TemporaryDirectory", full)
    Path("new.list.mid").write_text("an older one")
    code, _, err, files = sample("--out", "new.list")
    assert code == 1 and files == ["new.list-2.mid", "new.list.mid"]
    assert len(midi.read("new.list-2.mid")) == 30
    assert Path("new.list.mid").read_text() == "an older one"
    assert "new.list cannot be written: " in err.splitlines()[-1]


@pytest.mark.parametrize(
    ("out", "written", "told"),
    [
        ("new", "new.mid", False),
        ("new.MID", "new.MID", False),
        ("new.midi", "new.midi", False),
        ("new.pdf", "new.pdf.mid", True),
    ],
)
def test_what_nothing_writes_is_midi_and_that_is_said_beforehand(sample, out, written, told):
    code, _, err, files = sample("--out", out)
    assert code == 0 and files == [written]
    first = f"Nothing writes {Path(out).suffix} files; this will be MIDI: {written}"
    assert (err.splitlines()[0] == first) == told


@pytest.mark.parametrize("suffix", [".musicxml", ".mxl", ".XML"])
def test_a_known_suffix_says_what_to_install_before_anything_is_loaded(
    howlkit, tmp_path, monkeypatch, desk, suffix
):
    monkeypatch.chdir(tmp_path)
    code, _, err = howlkit("sample", "no-run-at-all", "--out", f"new{suffix}")
    assert code == 1 and err.splitlines()[-1] == (
        f"howlkit: {suffix.lower()} files are written by howlkit-music21, which is not there: "
        "howlkit plugins install --upgrade howlkit-music21; .mid files can always be written"
    )
    monkeypatch.setenv(RESTRICTION, "lists")
    assert f"{RESTRICTION}='lists' keeps" in howlkit("sample", "--out", f"new{suffix}")[2]


def test_options_are_those_of_the_sampler_and_of_the_writer(sample):
    code, _, err, files = sample("--out", "new.list", "-o", "tuple.grid=4")
    assert code == 2 and not files
    assert "'tuple', which is not used here" in err and "sampling: autoregressive, lists," in err
    code, _, err, _ = sample("--out", "new.mid", "-o", "lists.shift=4")
    assert code == 2 and "sampling: autoregressive, restrikes, loops, bounds" in err
    code, _, err, _ = sample("--out", "new.list", "-o", "lists.shift=99")
    assert code == 2 and "shift" in err


def test_the_longest_suffix_decides_and_two_of_one_are_an_error_where_they_meet(desk):
    other = (
        LISTS.replace('"lists"', '"other"')
        .replace('".list", ".old', '".old')
        .replace('".old.list")', '".old.list",)')
    )
    desk.install("howlkit-other", other)
    assert writers.find("a/new.List").name == "lists"
    with pytest.raises(
        DataError,
        match=r"lists \(howlkit-lists 1.0\) and other \(howlkit-other 1.0\) both write .old.list",
    ):
        writers.find("new.old.list")


def test_nothing_is_left_beside_a_file_and_errors_name_it(desk, tmp_path):
    writer = registry.create("writer", "lists")
    target = tmp_path / "new.list"
    writers.write(tune(), target, writer)
    assert len(json.loads(target.read_text())) == len(tune())
    with pytest.raises(PluginError, match="howlkit-lists 1.0: there is no music in it"):
        writers.write(Piece(), target, writer)
    with pytest.raises(DataError, match=r"nowhere.new.list cannot be written: No such file"):
        writers.write(tune(), tmp_path / "nowhere" / "new.list", writer)
    assert {*os.listdir(tmp_path)} - {"cache"} == {"new.list", "site"}


def test_plugins_list_and_show_know_writers(desk, howlkit):
    code, out, _ = howlkit("plugins", "list", "--json")
    writers = [row for row in json.loads(out) if row["kind"] == "writer"]
    named = [(row["name"], row["distribution"]) for row in writers]
    assert code == 0 and named == [("audio", "howlkit"), ("lists", "howlkit-lists")]
    code, out, _ = howlkit("plugins", "show", "lists")
    assert code == 0 and "lists (writer): Lists of pitches." in out
    assert "files: .list, .old.list" in out


def test_plugins_check_checks_a_writer(desk, howlkit):
    code, out, _ = howlkit("plugins", "check", "lists")
    assert code == 0 and "All 7 checks passed" in out and "check_writer" in out


# --- The contract --------------------------------------------------------------------------------


def written(text):
    """A `write` that writes this text, whatever the music."""
    return lambda self, piece, path: path.write_text(text())


@pytest.mark.parametrize(
    ("changes", "law"),
    [
        ({"suffixes": ()}, "something to write"),
        ({"suffixes": ".list"}, "something to write"),
        ({"suffixes": (".LIST",)}, "something to write"),
        ({"suffixes": (".mid",)}, "something to write"),
        ({"write": lambda self, piece, path: None}, "the file and no other"),
        ({"write": written(lambda: "")}, "the file and no other"),
        (
            {
                "write": lambda self, piece, path: [
                    f.write_text("x") for f in (path, Path(f"{path}2"))
                ]
            },
            "the file and no other",
        ),
        ({"write": written(lambda: os.urandom(8).hex())}, "the same twice"),
        ({"write": lambda self, piece, path: path.write_text(str(piece.notes[0]))}, "odd music"),
    ],
)
def test_a_writer_that_breaks_a_law_is_told_which(desk, monkeypatch, changes, law):
    writer = registry.create("writer", "lists")
    check_writer(writer)
    for name, value in changes.items():
        monkeypatch.setattr(type(unwrapped(writer)), name, value)
    with pytest.raises(CheckFailed, match=law):
        check_writer(writer)
