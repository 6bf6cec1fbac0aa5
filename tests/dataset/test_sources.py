"""Sources: what plugins read is prepared as MIDI files are."""

import importlib.metadata
import itertools
import json
import os
import sys
import zipfile
from functools import partial
from pathlib import Path
from textwrap import dedent

import pytest

from howlkit.commands.plugin_template.source import Stencil
from howlkit.dataset import Dataset, Readers, opening, prepare, readers
from howlkit.errors import DataError, OptionError
from howlkit.music import midi
from howlkit.music.piece import DRUMS, Piece
from howlkit.plugins import registry
from howlkit.testing import CheckFailed, check_source
from tests.conftest import walk, write

ROOT = Path(__file__).parents[2]
COUNT = itertools.count()

BOOKS = '''
"""A source for the tests: `.book` files, a JSON list of tunes, each a title and its pitches."""
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from howlkit.errors import DataError
from howlkit.hookspecs import hookimpl
from howlkit.options import option
from howlkit.music import Piece

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Books:
    """Tune books."""

    shift: int = option(0, "semitones up", low=-12, high=12)
    name: ClassVar[str] = "books"
    suffixes: ClassVar[tuple[str, ...]] = (".book", ".old.book")
    collections: ClassVar[dict] = {"hymns": lambda: HERE / "hymns", "one": lambda: HERE / "one.txt"}

    def read(self, path):
        print("a library that chats")
        with open(HERE / "reads.txt", "a") as file:
            file.write(path.name + "\\n")
        try:
            tunes = json.loads(path.read_text())
        except ValueError as error:
            raise DataError(f"is no tune book: {error}") from None
        for title, pitches in tunes:
            if title == "dies":
                os._exit(3)
            if title == "exits":
                raise SystemExit(3)
            if title == "bug":
                raise KeyError(title)
            if pitches == "wrong":
                yield DataError(f"{title} has wrong notes")
            elif pitches == "alien":
                yield pitches
            else:
                rows = [(i * 240, 240, p + self.shift) for i, p in enumerate(pitches)]
                yield Piece.of(rows, name=title)


@hookimpl
def register_sources(register):
    register(Books)
'''


class Shelf:
    """A folder with tune books, and the installed plugin that reads them."""

    def __init__(self, folder):
        self.folder = folder
        self.music = folder / "music"
        self.music.mkdir()
        (folder / "hymns").mkdir()
        self.install("howlkit-books", BOOKS)

    def install(self, name, code, version="1.0"):
        module = name.replace("-", "_")
        (self.folder / f"{module}.py").write_text(dedent(code))
        info = self.folder / f"{module}.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[howlkit]\n{module} = {module}\n")
        registry.load.cache_clear()

    def write(self, name, *tunes):
        (self.folder / name).write_text(json.dumps(tunes))

    @property
    def reads(self):
        """The names of the files read since this was last asked."""
        path = self.folder / "reads.txt"
        names = path.read_text().split() if path.exists() else []
        path.unlink(missing_ok=True)
        return sorted(names)


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    # Other plugins that are installed here are no part of what is tested.
    here = partial(importlib.metadata.distributions, path=[str(tmp_path)])
    monkeypatch.setattr(importlib.metadata, "distributions", here)
    yield Shelf(tmp_path)
    sys.modules.pop("howlkit_books", None)
    registry.load.cache_clear()


def melody(seed, notes=40):
    return [int(pitch) for pitch in walk(seed, notes).notes["pitch"]]


def test_what_a_source_reads_stands_beside_midi_files(shelf, tmp_path):
    write(walk(1), shelf.music / "b.mid")
    shelf.write("music/a.book", ["Air", melody(2)])
    shelf.write("music/C.BOOK", ["Jig", melody(3)], ["Reel", melody(4)], ["", melody(5)])
    report = prepare([shelf.music], tmp_path / "data")
    data = Dataset.open(tmp_path / "data")
    assert data.names == ("C.BOOK#1 Jig", "C.BOOK#2 Reel", "C.BOOK#3", "a.book", "b.mid")
    assert data.piece(1).notes["pitch"].tolist() == melody(4)
    assert (report.files, report.found, report.read) == (3, 5, 5)
    assert report.line().startswith("5 pieces in 3 files found: 5 read")


def test_running_again_reads_only_books_that_changed(shelf, tmp_path):
    for number in range(3):
        shelf.write(
            f"music/{number}.book", ["a", melody(2 * number)], ["b", melody(2 * number + 1)]
        )
    prepare([shelf.music], tmp_path / "data")
    assert shelf.reads == ["0.book", "1.book", "2.book"]
    shelf.write("music/1.book", ["new", melody(9)])
    os.utime(shelf.music / "2.book", (1, 1))  # touched, its bytes as before
    report = prepare([shelf.music], tmp_path / "data")
    assert shelf.reads == ["1.book"]
    assert (report.files, report.read, report.unchanged) == (3, 5, 4)
    assert Dataset.open(tmp_path / "data").names[2] == "1.book"
    prepare([shelf.music], tmp_path / "data")
    assert shelf.reads == []


def test_files_are_read_anew_with_other_options_or_by_another_version(shelf, tmp_path):
    shelf.write("music/a.book", ["a", melody(1)])
    prepare([shelf.music], tmp_path / "data")
    up = Readers.installed({"books": {"shift": "2"}})
    prepare([shelf.music], tmp_path / "data", readers=up)
    piece = Dataset.open(tmp_path / "data").piece(0)
    assert piece.notes["pitch"].tolist() == [pitch + 2 for pitch in melody(1)]
    assert shelf.reads == ["a.book", "a.book"]
    prepare([shelf.music], tmp_path / "data", readers=up)
    assert shelf.reads == []
    shelf.install("howlkit-books", BOOKS, version="1.1")
    prepare([shelf.music], tmp_path / "data", readers=Readers.installed({"books": {"shift": "2"}}))
    assert shelf.reads == ["a.book"]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_broken_book_or_tune_costs_a_line(shelf, tmp_path, workers, capfd):
    shelf.write("music/good.book", ["a", melody(1)], ["b", "wrong"], ["c", "alien"], ["d", []])
    shelf.write("music/bug.book", ["bug", []])
    shelf.write("music/exits.book", ["exits", []])
    (shelf.music / "text.book").write_text("no JSON")
    (shelf.music / "none.book").write_text("[]")
    if workers == 2:
        shelf.write("music/dies.book", ["dies", []])
    report = prepare([shelf.music], tmp_path / "data", workers=workers)
    assert report.read == 1
    assert report.read + report.exact_duplicates + len(report.skipped) == report.found
    reasons = {
        Path(path).stem + str(number): reason.replace(f"{shelf.music}{os.sep}", "")
        for number, (path, reason) in enumerate(report.skipped)
    }
    bug, *rest = [reasons[name] for name in sorted(reasons)]
    assert bug.startswith("bug.book makes the source 'books' of howlkit-books 1.0 fail (KeyError")
    if workers == 2:
        assert rest.pop(0) == "dies.book crashed the source 'books'; please report it"
    assert rest == [
        "exits.book makes the source 'books' of howlkit-books 1.0 fail (SystemExit(3)); please "
        "report it",
        "good.book, piece 2 of 4: b has wrong notes",
        "good.book, piece 3 of 4: source 'books' of howlkit-books 1.0: read yielded the str "
        "'alien'; a Piece is needed. It is for its author to mend: howlkit plugins check books",
        "good.book, piece 4 of 4: it has no notes",
        "none.book: it has no music in it",
        "text.book: is no tune book: Expecting value: line 1 column 1 (char 0)",
    ]
    assert capfd.readouterr().out == ""  # what a library prints is no data of ours


def test_a_book_with_a_broken_tune_is_not_read_every_time(shelf, tmp_path):
    shelf.write("music/a.book", ["a", melody(1)], ["b", "wrong"])
    for _ in range(2):
        report = prepare([shelf.music], tmp_path / "data")
        assert len(report.skipped) == report.read == 1
    assert shelf.reads == ["a.book"]


def test_strict_stops_at_a_broken_tune(shelf, tmp_path):
    shelf.write("music/a.book", ["a", melody(1)], ["b", "wrong"])
    with pytest.raises(DataError, match="a.book, piece 2 of 2: b has wrong notes; strict stops"):
        prepare([shelf.music], tmp_path / "data", strict=True)


def test_limits_hold_for_what_sources_read(shelf, tmp_path):
    shelf.write("music/a.book", ["a", melody(1, 40)], ["b", melody(2, 10)])
    report = prepare([shelf.music], tmp_path / "data", limits=midi.Limits(max_notes=20))
    assert report.read == 1 and "--max-notes of howlkit prepare" in report.skipped[0][1]
    with pytest.raises(DataError, match="--max-megabytes of howlkit prepare"):
        prepare([shelf.music], tmp_path / "data", limits=midi.Limits(max_bytes=10))


def test_tunes_of_one_book_are_split_and_doubles_found(shelf, tmp_path):
    tunes = [[f"t{number}", melody(number)] for number in range(30)]
    shelf.write("music/a.book", *tunes, ["again", melody(3)], ["up", [p + 3 for p in melody(4)]])
    report = prepare([shelf.music], tmp_path / "data")
    assert (report.read, report.exact_duplicates, report.near_duplicate_groups) == (31, 1, 1)
    assert all(count.pieces for count in report.parts.values())
    own = {"test": [shelf.music / "a.book"]}
    shelf.write("music/b.book", ["x", melody(50)])
    prepare([shelf.music], tmp_path / "own", split=own)
    assert len(Dataset.open(tmp_path / "own").indices("test")) == 31


def test_the_bytes_do_not_depend_on_the_number_of_workers(shelf, tmp_path):
    for number in range(20):
        shelf.write(
            f"music/{number}.book", ["a", melody(2 * number)], ["b", melody(2 * number + 1)]
        )
    folders = [tmp_path / "one", tmp_path / "two"]
    for workers, folder in enumerate(folders, 1):
        prepare([shelf.music], folder, workers=workers)
    one, two = ({p.name: p.read_bytes() for p in sorted(f.iterdir())} for f in folders)
    assert one == two


# --- Collections ---------------------------------------------------------------------------------


def test_a_collection_is_prepared_by_its_name(shelf, tmp_path, monkeypatch, howlkit):
    monkeypatch.chdir(tmp_path)
    os.rename(tmp_path / "hymns", tmp_path / "shelf")  # so that no folder of that name is here
    hymns = (tmp_path / "howlkit_books.py").read_text().replace('HERE / "hymns"', 'HERE / "shelf"')
    shelf.install("howlkit-books", hymns)
    shelf.write("shelf/a.book", ["a", melody(1)])
    code, out, err = howlkit("prepare", "hymns", "--out", "hymns", "-o", "books.shift=1")
    assert code == 0, err
    assert Dataset.open(tmp_path / "hymns").piece(0).notes["pitch"][0] == melody(1)[0] + 1
    # Now there is a folder of that name, the dataset; it is brought up to date nevertheless.
    code, out, err = howlkit("prepare", "hymns", "--out", "hymns", "-o", "books.shift=1")
    assert code == 0 and "(1 unchanged)" in out


def test_a_collection_may_be_a_file_of_any_name(shelf, tmp_path):
    shelf.write("one.txt", ["a", melody(1)], ["b", melody(2)])
    prepare(["one"], tmp_path / "data")
    assert Dataset.open(tmp_path / "data").names == ("one.txt#1 a", "one.txt#2 b")


def test_the_chorales_are_a_collection(tmp_path, howlkit):
    out = tmp_path / "data"
    code, told, err = howlkit("prepare", "chorales", "--out", out, "--seed", opening.CHORALES_SEED)
    assert code == 0, err
    data, shipped = Dataset.open(out), opening.open_data([], tell=lambda line: None)
    assert len(data) == 361 and data.fingerprint == shipped.fingerprint
    assert data.names[1] == "chorales.npz#2 BWV 3.6 Ach Gott, wie manches Herzeleid"


def test_training_takes_collections_and_folders_of_sources(shelf, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shelf.write("one.txt", ["a", melody(1)], ["b", melody(2)])
    shelf.write("music/a.book", ["c", melody(3)])
    data = opening.open_data([Path("one"), Path("music")], tell=lambda line: None)
    assert data.names == ("one.txt#1 a", "one.txt#2 b", "a.book")


# --- What goes wrong -----------------------------------------------------------------------------


def test_a_name_that_leads_nowhere_is_wrong_usage_and_says_what_there_is(shelf, tmp_path, howlkit):
    code, out, err = howlkit("prepare", "hyms", "--out", tmp_path / "data")
    assert code == 2 and "Did you mean 'hymns'?" in err and "chorales, hymns, one" in err
    with pytest.raises(DataError, match="hyms does not exist.*Did you mean 'hymns'"):
        opening.open_data([Path("hyms")], tell=lambda line: None)


def test_a_folder_without_music_says_what_would_be_read(shelf, tmp_path):
    with pytest.raises(DataError, match=r"no music files \(.mid, .*, .zip, .book, .old.book\)"):
        prepare([shelf.music], tmp_path / "data")


def test_a_source_may_read_archives_of_an_ending_of_its_own(shelf, tmp_path):
    shelf.install("howlkit-books", BOOKS.replace(".old.book", ".book.zip"))
    shelf.write("music/a.book.zip", ["Air", melody(2)])
    with zipfile.ZipFile(shelf.music / "b.zip", "w") as archive:
        archive.writestr("c.mid", midi.to_bytes(walk(1)))
        archive.writestr("d.book", json.dumps([["Jig", melody(3)]]))
    report = prepare([shelf.music], tmp_path / "data")
    assert Dataset.open(tmp_path / "data").names == ("a.book.zip", "b.zip/c.mid")
    assert report.left_out == {".book": 1}


def test_a_collection_that_is_not_where_it_should_be_is_named(shelf, tmp_path):
    with pytest.raises(DataError, match="collection 'one' of howlkit-books 1.0 should be in .*one"):
        prepare(["one"], tmp_path / "data")


def test_two_sources_of_one_suffix_or_collection_are_an_error_only_where_they_meet(shelf, tmp_path):
    other = BOOKS.replace('"books"', '"other"').replace(', "one": lambda: HERE / "one.txt"', "")
    shelf.install("howlkit-other", other)
    write(walk(1), shelf.music / "a.mid")
    assert prepare([shelf.music], tmp_path / "data").read == 1
    shelf.write("one.txt", ["a", melody(1)])
    assert prepare(["one"], tmp_path / "data").read == 1
    shelf.write("music/a.book", ["a", melody(1)])
    who = r"books \(howlkit-books 1.0\) and other \(howlkit-other 1.0\)"
    with pytest.raises(DataError, match=rf"{who} both read .book files; uninstall one"):
        prepare([shelf.music], tmp_path / "data")
    with pytest.raises(DataError, match=rf"{who} both have 'hymns'; uninstall one"):
        prepare(["hymns"], tmp_path / "data")


def test_options_for_what_is_no_source_are_wrong_usage(shelf, tmp_path, howlkit):
    code, _, err = howlkit("prepare", shelf.music, "--out", tmp_path / "d", "-o", "tuple.grid=4")
    assert code == 2 and "'tuple' is no source; options can be given for: chorales, books" in err
    code, _, err = howlkit("prepare", shelf.music, "--out", tmp_path / "d", "-o", "books.shift=99")
    assert code == 2 and "shift" in err
    with pytest.raises(OptionError):
        Readers.installed({"books": {"shft": 1}})


def test_plugins_show_says_what_a_source_reads(shelf, howlkit):
    code, out, _ = howlkit("plugins", "show", "books")
    assert code == 0
    assert "files: .book, .old.book" in out and "hymns, one" in out


# --- The contract --------------------------------------------------------------------------------


@pytest.fixture
def example():
    return Stencil


def test_the_template_keeps_to_the_contract_and_reads_its_grids(example, tmp_path):
    path = tmp_path / "rock.stencil"
    path.write_text("k.h.s.h.k.h.s.h.\n" * 4)
    check_source(example(), [path])
    (piece,) = example(bpm=120).read(path)
    assert len(piece) == 32 and set(piece.notes["program"]) == {DRUMS}
    assert piece.seconds_long == pytest.approx(4 * 2 - 0.125)


@pytest.mark.parametrize(
    ("changes", "law"),
    [
        ({"suffixes": (".MID",)}, "something to read"),
        ({"suffixes": (".mid",)}, "something to read"),
        ({"suffixes": ()}, "something to read"),
        ({"collections": {"a/b": Path.cwd}}, "can be typed"),
        ({"collections": {"gone": lambda: Path("/no/where")}}, "the same twice"),
        ({"read": lambda self, path: [1]}, "broken files"),
        ({"read": lambda self, path: path.read_text(encoding="utf-8")}, "broken files"),
        ({"read": lambda self, path: []}, "the same twice"),
        ({"read": lambda self, path: [Piece.of([(0, 1, next(COUNT) % 128)])]}, "the same twice"),
    ],
)
def test_a_source_that_breaks_a_law_is_told_which(example, tmp_path, monkeypatch, changes, law):
    path = tmp_path / "rock.stencil"
    path.write_text("k.h.s.h.")
    for name, value in changes.items():
        monkeypatch.setattr(example, name, value)
    with pytest.raises(CheckFailed, match=law):
        check_source(example(), [path])


def test_the_longest_suffix_decides(example):
    class Old(example):
        suffixes = (".old.stencil",)

    made = [readers.Reader(source(), name, "") for source, name in ((example, "a"), (Old, "b"))]
    table = Readers(made)
    assert table.reader("/x/y.stencil").identity == "a"
    assert table.reader("/x/y.Old.Stencil").identity == "b"
    assert table.reader("/x/y.mid") is None is table.reader("/x/stencil")
