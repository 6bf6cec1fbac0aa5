import io
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from howlkit.errors import HowlkitError, OptionError, PieceError
from howlkit.music import chorales, general_midi, plot
from howlkit.music.piece import Piece
from howlkit.music.plot import colours, lanes, roll
from howlkit.music.plot.drawing import Boxes, Drawing, Label, boxes
from howlkit.music.tables import DRUMS, TEMPO, TIME_SIGNATURE

SVG = "{http://www.w3.org/2000/svg}"
SCALE = Piece.of([(480 * i, 480, 60 + i) for i in range(12)], name="scale")


def with_metre(piece, *signatures):
    return piece.replace(time_signatures=np.array(list(signatures), TIME_SIGNATURE))


def texts(drawing):
    return [s.text for s in drawing.shapes if isinstance(s, Label)]


def noted(drawing, fill):
    """All rectangles of one colour, as rows of x, y, width, height."""
    found = [s.where for s in drawing.shapes if isinstance(s, Boxes) and s.fill == fill]
    return np.concatenate(found) if found else np.empty((0, 4))


def random_piece(count, *, seconds, seed=0):
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, int(seconds * 960), count)
    rows = [
        (int(s), int(d), int(p), int(v))
        for s, d, p, v in zip(
            starts,
            rng.integers(1, 900, count),
            rng.integers(21, 109, count),
            rng.integers(1, 128, count),
            strict=True,
        )
    ]
    return Piece.of(rows)


def test_higher_pitches_are_drawn_higher_and_later_notes_further_right():
    rows = noted(plot.draw(SCALE), colours.PALETTE[0])
    rows = rows[np.argsort(rows[:, 0])]
    assert len(rows) == 12
    assert (np.diff(rows[:, 0]) > 0).all()
    assert (np.diff(rows[:, 1]) < 0).all()


def test_a_note_twice_as_long_is_twice_as_wide():
    rows = noted(plot.draw(Piece.of([(0, 480, 60), (480, 960, 62)])), colours.PALETTE[0])
    short, long = np.sort(rows[:, 2]) + 0.7  # the gap before the next note
    assert long == pytest.approx(2 * short, abs=0.15)


def test_louder_notes_are_darker():
    piece = Piece.of([(0, 480, 60, 20), (480, 480, 62, 120)])
    drawing = plot.draw(piece)
    fills = {colours.shaded(colours.PALETTE[0], v * colours.SHADES // 128): v for v in (20, 120)}
    assert all(len(noted(drawing, fill)) == 1 for fill in fills)
    brightness = {v: sum(int(f[i : i + 2], 16) for i in (1, 3, 5)) for f, v in fills.items()}
    assert brightness[20] > brightness[120]


def test_instruments_are_named_when_there_is_more_than_one():
    band = Piece.of([(0, 480, 60, 80, 0), (0, 480, 40, 80, 33), (0, 480, 42, 80, DRUMS)])
    shown = texts(plot.draw(band))
    assert {"Acoustic Grand Piano", "Fingered Bass", "Drums", "Closed Hi-hat"} <= set(shown)
    assert "Acoustic Grand Piano" not in texts(plot.draw(SCALE))


def test_voices_of_one_instrument_are_told_apart_by_track():
    drawing = plot.draw(chorales.load()[0])
    assert [f"Track {i}" for i in (1, 2, 3, 4)] == [t for t in texts(drawing) if "Track" in t]
    assert all(len(noted(drawing, fill)) > 20 for fill in colours.PALETTE[:4])


def test_drums_stand_below_the_pitches_and_have_no_length():
    piece = Piece.of([(0, 480, 60), (0, 9600, 38, 80, DRUMS), (480, 1, 38, 80, DRUMS)])
    drawing = plot.draw(piece)
    drums = noted(drawing, colours.DRUM_COLOUR)
    struck = drums[drums[:, 2] == 3.0]
    assert len(struck) == 2
    assert (struck[:, 1] > noted(drawing, colours.PALETTE[0])[:, 1].max()).all()


def test_a_drum_that_is_never_released_is_struck_once_however_many_systems_there_are():
    piece = Piece.of([(0, 480 * 400, 38, 80, DRUMS), *((480 * i, 480, 60) for i in range(400))])
    drums = noted(plot.draw(piece), colours.DRUM_COLOUR)
    assert (drums[:, 2] == 3.0).sum() == 1


def test_one_instrument_with_drums_is_named_beside_them():
    drawing = plot.draw(Piece.of([(0, 480, 60), (0, 480, 38, 80, DRUMS)]))
    assert {"Acoustic Grand Piano", "Drums"} <= set(texts(drawing))


def test_many_drums_or_drums_alone_can_be_drawn():
    many = Piece.of([(i * 480, 10, 30 + i, 80, DRUMS) for i in range(40)])
    drawing = plot.draw(many)
    assert "Drums" in texts(drawing)
    assert not any(re.fullmatch(r"C\d", t) for t in texts(drawing))


def test_middle_c_is_c4_and_the_range_is_cropped_to_the_music():
    shown = [t for t in texts(plot.draw(SCALE)) if re.fullmatch(r"C-?\d", t)]
    assert shown == ["C4", "C5"]
    extremes = plot.draw(Piece.of([(0, 480, 0), (480, 480, 127)]))
    assert {"C-1", "C9"} <= set(texts(extremes))


def test_bars_follow_the_time_signatures():
    piece = with_metre(SCALE, (0, 3, 4))
    assert [t for t in texts(plot.draw(piece)) if t.isdigit()] == ["1", "2", "3", "4"]
    changing = with_metre(SCALE, (0, 4, 4), (1920, 2, 4))
    assert [t for t in texts(plot.draw(changing)) if t.isdigit()] == ["1", "2", "3", "4", "5"]


def test_bar_lines_stand_where_bars_begin():
    drawing = plot.draw(with_metre(SCALE, (0, 3, 4)))
    lines = np.unique(noted(drawing, colours.BAR)[:, 0]) + 0.5
    notes = np.sort(noted(drawing, colours.PALETTE[0])[:, 0])
    assert np.allclose(lines[:4], notes[::3], atol=0.06)


def test_a_performance_off_the_grid_is_shown_in_seconds():
    rng = np.random.default_rng(1)
    free = Piece.of([(int(t), 100, 60) for t in np.cumsum(rng.integers(50, 400, 200))])
    assert any(re.fullmatch(r"\d:\d\d", t) for t in texts(plot.draw(free)))
    assert texts(plot.draw(free, unit="bars"))[1].count("bars") == 1
    assert "bars" in texts(plot.draw(SCALE))[1]


def test_seconds_follow_the_tempo_map():
    slow = SCALE.replace(tempos=np.array([(0, 500_000), (2880, 1_000_000)], TEMPO))
    rows = noted(plot.draw(slow, unit="seconds"), colours.PALETTE[0])
    steps = np.diff(np.sort(rows[:, 0]))
    assert steps[-1] == pytest.approx(2 * steps[0], abs=0.15)


def test_a_long_piece_wraps_and_a_very_long_one_stays_small():
    song = plot.draw(random_piece(3000, seconds=240))
    assert song.height > 800
    concert = plot.draw(random_piece(20_000, seconds=1800))
    assert concert.width == roll.WIDTH
    assert concert.height <= roll.TALLEST + 200
    assert len(concert.to_svg()) < 1_500_000


def test_every_note_is_inside_the_picture_and_right_of_the_keyboard():
    piece = random_piece(2000, seconds=200)
    drawing = plot.draw(piece)
    x, y, wide, high = np.concatenate(
        [noted(drawing, colours.shaded(colours.PALETTE[0], s)) for s in range(colours.SHADES)]
    ).T
    assert len(x) >= len(piece)  # a note at a system's edge is drawn in both
    assert x.min() >= lanes.MARGIN + lanes.KEYBOARD
    assert (x + wide).max() <= drawing.width - lanes.MARGIN + 2
    assert y.min() > roll.HEADER
    assert (y + high).max() < drawing.height


def test_a_piece_without_notes_says_so():
    drawing = plot.draw(Piece(name="nothing"))
    assert "no notes" in texts(drawing)
    assert drawing.to_png().startswith(b"\x89PNG")


@pytest.mark.parametrize("unit", ["bars", "seconds"])
def test_absurd_lengths_and_metres_are_drawn_without_growing(unit):
    year = Piece.of([(0, 1, 60), (2**31 - 2, 1, 61)], ticks_per_beat=1, bpm=4)
    finest = with_metre(year, (0, 1, 128))
    for piece in (year, finest, with_metre(SCALE, (0, 255, 1)), with_metre(SCALE, (9, 4, 4))):
        assert len(plot.draw(piece, unit=unit).to_svg()) < 300_000


def test_the_same_piece_gives_the_same_bytes():
    piece = chorales.load()[3]
    assert plot.to_svg(piece) == plot.to_svg(piece)
    assert plot.to_png(piece) == plot.to_png(piece)


def test_svg_is_well_formed_and_escapes_a_hostile_title():
    hostile = '</text><script>alert("x")</script>&\x1b[31m\x00\ud800'
    root = ET.fromstring(plot.to_svg(SCALE.replace(name=hostile)))
    assert root.tag == f"{SVG}svg"
    assert not list(root.iter(f"{SVG}script"))
    assert any("<script>" in (t.text or "") for t in root.iter(f"{SVG}text"))
    assert not re.search(r"https?:", plot.to_svg(SCALE).replace("http://www.w3.org/2000/svg", ""))


def test_png_and_svg_have_the_same_layout():
    drawing = plot.draw(SCALE)
    image = Image.open(io.BytesIO(drawing.to_png(scale=2)))
    assert image.size == (2 * drawing.width, 2 * drawing.height)
    for x, y, wide, high in noted(drawing, colours.PALETTE[0]):
        pixel = image.getpixel((round(2 * (x + wide / 2)), round(2 * (y + high / 2))))
        assert "#{:02x}{:02x}{:02x}".format(*pixel) == colours.PALETTE[0]


def test_letters_that_the_png_font_lacks_are_spelt_plainly_and_not_as_boxes():
    def picture(text):
        return Drawing(400, 60, (Label(10, 40, text, 20),)).to_png()

    assert picture("Wälder, Süße") == picture("Walder, Susse")
    assert picture("日本") == picture("??")


def test_a_rectangle_thinner_than_a_pixel_is_still_seen():
    image = Image.open(
        io.BytesIO(Drawing(10, 10, (boxes([5, 5, 0.1, 0.1], "#000000"),)).to_png(scale=1))
    )
    assert image.getpixel((5, 5)) == (0, 0, 0)


def test_save_chooses_by_the_ending(tmp_path):
    plot.save(SCALE, tmp_path / "roll.svg")
    plot.save(SCALE, str(tmp_path / "roll.PNG"))
    assert (tmp_path / "roll.svg").read_text().startswith("<svg")
    assert (tmp_path / "roll.PNG").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(HowlkitError, match=r"roll\.pdf.*\.svg or \.png"):
        plot.save(SCALE, tmp_path / "roll.pdf")
    with pytest.raises(HowlkitError, match="nowhere"):
        plot.save(SCALE, tmp_path / "nowhere" / "roll.svg")


def test_wrong_options_are_refused_with_what_is_allowed():
    with pytest.raises(OptionError, match="auto, bars or seconds"):
        plot.draw(SCALE, unit="ticks")
    for width in (0, 1e9, float("nan")):
        with pytest.raises(OptionError, match="300 to 10000"):
            plot.draw(SCALE, width=width)


def test_general_midi_names_are_those_of_the_standard():
    assert len(general_midi.NAMES) == 128
    known = {
        0: "Acoustic Grand Piano",
        24: "Nylon Guitar",
        40: "Violin",
        73: "Flute",
        127: "Gunshot",
    }
    assert {program: general_midi.name(program) for program in known} == known
    assert general_midi.name(DRUMS) == "Drums"
    assert general_midi.drum_name(36) == "Bass Drum 1"
    assert general_midi.drum_name(81) == "Open Triangle"
    assert general_midi.drum_name(20) == "Drum 20"
    with pytest.raises(PieceError, match=r"0\.\.127"):
        general_midi.name(129)
