"""Scores come in as Pieces: MusicXML, ABC, Humdrum, and the corpora of music21."""

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from howlkit_music21 import Music21, corpora, reading

from howlkit.dataset import Dataset, Readers, prepare
from howlkit.errors import DataError, HowlkitError
from howlkit.music import DRUMS, chorales
from howlkit.testing import source_checks

SCORE = """<?xml version="1.0" encoding="UTF-8"?>
<score-partwise version="3.1">
  <part-list>{parts}</part-list>
  {music}
</score-partwise>
"""

CLARINET = """<score-part id="P1"><part-name>Clarinet</part-name>
  <score-instrument id="I1"><instrument-name>Clarinet</instrument-name></score-instrument>
  <midi-instrument id="I1"><midi-channel>1</midi-channel><midi-program>72</midi-program>
  </midi-instrument></score-part>"""

DRUM_KIT = """<score-part id="P2"><part-name>Drums</part-name>
  <score-instrument id="D36"><instrument-name>Bass Drum</instrument-name></score-instrument>
  <score-instrument id="D42"><instrument-name>Hi-Hat</instrument-name></score-instrument>
  <midi-instrument id="D36"><midi-channel>10</midi-channel><midi-unpitched>37</midi-unpitched>
  </midi-instrument>
  <midi-instrument id="D42"><midi-channel>10</midi-channel><midi-unpitched>43</midi-unpitched>
  </midi-instrument></score-part>"""


def note(step, octave, duration, *, tie="", grace=False, chord=False):
    length = "<grace/>" if grace else f"<duration>{duration}</duration>"
    joined = "<chord/>" if chord else ""
    ties = "".join(f'<tie type="{kind}"/>' for kind in tie.split())
    pitch = f"<pitch><step>{step}</step><octave>{octave}</octave></pitch>"
    if grace:
        return f"<note>{length}{pitch}<type>eighth</type></note>"
    return f"<note>{joined}{pitch}{length}{ties}</note>"


def stroke(instrument, duration):
    return (
        "<note><unpitched><display-step>F</display-step><display-octave>4</display-octave>"
        f'</unpitched><duration>{duration}</duration><instrument id="{instrument}"/></note>'
    )


ATTRIBUTES = """<attributes><divisions>2</divisions><key><fifths>1</fifths><mode>minor</mode></key>
<time><beats>3</beats><beat-type>4</beat-type></time>{transpose}</attributes>"""
DOWN = "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>"
FORTE = "<direction><direction-type><dynamics><ff/></dynamics></direction-type></direction>"
TEMPO = """<direction><direction-type><metronome><beat-unit>half</beat-unit><per-minute>60
</per-minute></metronome></direction-type><sound tempo="120"/></direction>"""


def measures(part, *bars, transpose=""):
    first, *rest = bars
    text = f'<measure number="0" implicit="yes">{ATTRIBUTES.format(transpose=transpose)}{first}'
    text += "</measure>"
    for number, bar in enumerate(rest, 1):
        text += f'<measure number="{number}">{bar}</measure>'
    return f'<part id="{part}">{text}</part>'


@pytest.fixture
def save(tmp_path):
    def save(name, text):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return save


def only(path, **options):
    (piece,) = Music21(**options).read(path)
    assert not isinstance(piece, HowlkitError), piece
    return piece


@pytest.fixture
def score(save):
    """An upbeat, a tie over a bar line, a grace note, a chord, drums; a clarinet in B flat."""
    bars = [
        TEMPO + note("D", 5, 2),
        note("E", 5, 6, tie="start"),
        note("E", 5, 2, tie="stop") + note("G", 5, 0, grace=True) + FORTE + note("F", 5, 4),
        note("C", 5, 6) + note("E", 5, 6, chord=True),
    ]
    beats = [stroke("D36", 2), *[stroke("D36", 2) + stroke("D42", 2) * 2] * 3]
    music = measures("P1", *bars, transpose=DOWN) + measures("P2", *beats)
    return save("waltz.musicxml", SCORE.format(parts=CLARINET + DRUM_KIT, music=music))


def test_a_score_is_heard_as_it_is_written(score):
    piece = only(score).at_resolution(2)
    clarinet = piece.notes[piece.notes["program"] == 71]
    # The upbeat stands at the end of the first bar; all sounds a tone lower than written.
    assert clarinet[["start", "duration", "pitch"]].tolist() == [
        (4, 2, 72),
        (6, 8, 74),
        (14, 4, 75),
        (18, 6, 70),
        (18, 6, 74),
    ]
    assert clarinet["velocity"].tolist() == [80, 80, *[clarinet["velocity"][2]] * 3]
    assert clarinet["velocity"][2] > 100
    assert piece.time_signatures.tolist() == [(0, 3, 4)]
    assert piece.key_signatures.tolist() == [(0, -1, 1)]  # it sounds a tone lower too
    assert piece.tempos.tolist() == [(0, 500_000)]


def test_percussion_is_drums(score):
    piece = only(score)
    drums = piece.notes[piece.notes["program"] == DRUMS]
    assert set(drums["track"]) == {1} and set(piece.notes["track"]) == {0, 1}
    assert drums["pitch"].tolist() == [36, *[36, 42, 42] * 3]


def test_options_stand_in_where_the_score_says_nothing(save):
    music = measures("P1", note("C", 4, 6), note("D", 4, 6))
    path = save("plain.xml", SCORE.format(parts=CLARINET, music=music))
    piece = only(path, bpm=90, velocity=33)
    assert piece.tempos["microseconds"].tolist() == [round(60e6 / 90)]
    assert set(piece.notes["velocity"]) == {33}


def test_a_compressed_score_is_the_same(score, tmp_path):
    container = """<container><rootfiles><rootfile full-path="waltz.musicxml"/></rootfiles>
    </container>"""
    with zipfile.ZipFile(tmp_path / "waltz.mxl", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/container.xml", container)
        archive.write(score, "waltz.musicxml")
    assert only(tmp_path / "waltz.mxl") == only(score)


def test_an_archive_that_would_fill_the_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MOST_UNPACKED", 10_000)
    with zipfile.ZipFile(tmp_path / "bomb.mxl", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("score.xml", bytes(20_000))
    with pytest.raises(DataError, match="20000 bytes when unpacked"):
        list(Music21().read(tmp_path / "bomb.mxl"))


def test_xml_of_another_kind_is_said_to_be_no_music(save):
    with pytest.raises(DataError, match="is no MusicXML"):
        list(Music21().read(save("pom.xml", "<project><version>1</version></project>")))


TUNE = """X:{number}
T:{title}
M:6/8
L:1/8
K:{key}
|:G3 B2A|{notes}:|
"""


def test_a_tune_book_is_a_piece_for_each_tune(save):
    book = "%abc-2.1\nC:trad.\n\n" + TUNE.format(number=1, title="One", key="G", notes="G6")
    book += "\n" + TUNE.format(number=7, title="Two", key="Ador", notes="A3 c3")
    one, two = Music21().read(save("book.abc", book))
    assert (one.name, two.name) == ("One", "Two")
    assert one.at_resolution(2).notes[["start", "duration", "pitch"]].tolist() == [
        (0, 3, 67),
        (3, 2, 71),
        (5, 1, 69),
        (6, 6, 67),
    ]
    assert one.time_signatures.tolist() == [(0, 6, 8)]
    assert one.key_signatures.tolist() == [(0, 1, 0)]
    assert two.key_signatures.tolist() == [(0, 1, 1)]  # Dorian: its third is minor


def test_repeats_are_played_if_asked_for(save):
    text = TUNE.format(number=1, title="One", key="G", notes="G6|c3B3")
    path = save("tune.abc", text)
    once, twice = only(path), only(path, repeats=True)
    assert len(twice) == 2 * len(once) == 12
    assert twice.time_signatures.tolist() == [(0, 6, 8)]


def test_chord_symbols_are_played_if_asked_for(save):
    path = save("tune.abc", TUNE.format(number=1, title="One", key="G", notes='"G"G3 "D7"A3'))
    assert set(only(path).notes["track"]) == {0}
    notes = only(path, chords=True).at_resolution(2).notes
    chords = notes[notes["track"] == 1]
    assert set(chords["pitch"][chords["start"] == 6] % 12) == {7, 11, 2}
    assert set(chords["pitch"][chords["start"] == 9] % 12) == {2, 6, 9, 0}
    assert set(chords["duration"]) == {3}


def test_a_broken_tune_costs_its_line_and_no_more(save, tmp_path):
    good = TUNE.format(number=1, title="One", key="G", notes="G6")
    empty = "X:2\nT:Nothing\nM:6/8\nL:1/8\nK:C\n\n"
    broken = TUNE.format(number=3, title="Three", key="G", notes="G6").replace("6/8", "6/0")
    last = TUNE.format(number=4, title="Four", key="D", notes="D6")
    path = save("book.abc", good + "\n" + empty + broken + "\n" + last)
    found = list(Music21().read(path))
    assert [isinstance(piece, DataError) for piece in found] == [False, True, True, False]
    assert str(found[1]) == "X:2: it has no notes"
    assert str(found[2]).startswith("X:3: music21 cannot read it: ")
    report = prepare([path], tmp_path / "data")
    assert (report.found, report.read, len(report.skipped)) == (4, 2, 2)
    assert Dataset.open(tmp_path / "data").names == ("book.abc#1 One", "book.abc#4 Four")


def test_text_of_old_files_is_read_as_latin_1(tmp_path):
    tune = TUNE.format(number=1, title="Jägermarsch", key="G", notes="G6")
    path = tmp_path / "old.abc"
    path.write_bytes((tune + "\n" + tune).encode("latin-1"))
    first, _ = Music21().read(path)
    assert first.name == "Jägermarsch"


KERN = (
    "**kern\t**kern\n*M3/4\t*M3/4\n*k[f#]\t*k[f#]\n*G:\t*G:\n4GG\t4b\n[2G\t8cc\n.\t8dd\n.\t4ee\n=\t=\n"
    "4G]\t2.ff\n4A\t.\n4B\t.\n==\t==\n*-\t*-\n"
)


def test_humdrum_is_read(save):
    piece = only(save("two.krn", KERN)).at_resolution(2)
    bass = piece.notes[piece.notes["pitch"] < 60]
    assert bass[["start", "duration", "pitch"]].tolist() == [
        (0, 2, 43),
        (2, 6, 55),
        (8, 2, 57),
        (10, 2, 59),
    ]
    assert len(piece) == 9 and len(set(piece.notes["track"])) == 2
    assert piece.time_signatures.tolist() == [(0, 3, 4)]
    assert piece.key_signatures.tolist() == [(0, 1, 0)]


# --- Corpora -------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["3.6", "10.7", "253", "269"])
def test_bachs_chorales_are_those_that_howlkit_ships(number):
    (shipped,) = [piece for piece in chorales.load() if piece.name.split()[1] == number]
    (bach,) = [folder for folder in corpora() if folder.name == "bach"]
    piece = only(bach / f"bwv{number}.mxl").at_resolution(shipped.ticks_per_beat)
    columns = ["start", "duration", "pitch", "track"]
    assert np.array_equal(np.sort(piece.notes[columns]), np.sort(shipped.notes[columns]))
    assert np.array_equal(piece.time_signatures, shipped.time_signatures)
    assert np.array_equal(piece.key_signatures, shipped.key_signatures)


def test_a_corpus_is_prepared_by_its_name(tmp_path):
    readers = Readers.installed()
    assert {"bach", "palestrina", "essenFolksong", "ryansMammoth"} <= {*readers.collections}
    report = prepare(["chopin"], tmp_path / "chopin")
    assert report.read == 1
    assert Dataset.open(tmp_path / "chopin").names == ("mazurka06-2.krn",)
    assert prepare(["chopin"], tmp_path / "chopin").unchanged == 1


def test_collections_are_named_without_importing_music21():
    code = """
import sys
from howlkit.dataset import Readers
assert "bach" in Readers.installed().collections
assert not [name for name in sys.modules if name == "music21" or name.startswith("music21.")]
"""
    subprocess.run([sys.executable, "-c", code], check=True)


CHECKS = source_checks(Music21(), [Path(__file__).parent / "waltz.abc"])


@pytest.mark.parametrize("check", CHECKS, ids=[check.name for check in CHECKS])
def test_it_keeps_to_the_contract(check):
    check()
