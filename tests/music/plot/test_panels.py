"""Several pieces in one picture, a part that is marked, and notes coloured by numbers."""

import numpy as np
import pytest

from howlkit.errors import OptionError
from howlkit.music import Piece, plot
from howlkit.music.plot.colours import MARKED, RAMP, Colours
from howlkit.music.plot.drawing import Boxes, Curve, Drawing, Label
from howlkit.music.plot.panels import MOST, beside, draw_takes
from tests.conftest import tune


def filled(drawing, *fills):
    return [s for s in drawing.shapes if isinstance(s, Boxes) and s.fill in fills]


def texts(drawing):
    return [s.text for s in drawing.shapes if isinstance(s, Label)]


def test_takes_have_the_same_axes_and_colours():
    low = Piece.of([(0, 1920, 40, 80, 0), (7680, 1920, 45, 80, 40)], name="low")
    high = Piece.of([(0, 1920, 90, 80, 40)], ticks_per_beat=960, name="high")
    alone = {name: names_of_octaves(plot.draw(piece)) for name, piece in [("l", low), ("h", high)]}
    takes = draw_takes([low, high])
    assert takes.width == 1200 and {"low", "high"} <= set(texts(takes))
    octaves = names_of_octaves(takes)
    assert alone["l"] != alone["h"] and octaves[: len(octaves) // 2] == octaves[len(octaves) // 2 :]
    both = Colours.of(low, [low, high]), Colours.of(high, [low, high])
    assert both[0].names == both[1].names and both[1].names[both[1].part[0]] == "Violin"
    assert Colours.of(low).names[0] != "Violin"


def names_of_octaves(drawing):
    return [text for text in texts(drawing) if text[0] == "C" and text[1:].isdecimal()]


def test_short_takes_stand_in_two_columns_and_long_ones_do_not():
    short, long = tune(1, bars=4), tune(1, bars=40)
    assert draw_takes([short] * 4).height < draw_takes([short] * 2).height * 2.1
    narrow = draw_takes([long] * 2)
    assert narrow.height == 2 * plot.draw(long).height and narrow.width == 1200
    for count in (0, MOST + 1):
        with pytest.raises(OptionError, match=f"1 to {MOST} pieces"):
            draw_takes([short] * count)


def test_a_marked_part_has_another_ground_in_its_bars_alone():
    piece = tune(0, bars=16)
    assert not filled(plot.draw(piece), *MARKED)
    marked = filled(plot.draw(piece, mark=(1920 * 2, 1920 * 4)), MARKED[0])
    bars = filled(plot.draw(piece, mark=(0, 1920)), MARKED[0])
    assert sum(s.where[:, 2].sum() for s in marked) == pytest.approx(
        2 * sum(s.where[:, 2].sum() for s in bars)
    )


def test_notes_are_coloured_by_their_nats_and_a_scale_says_what_is_what():
    piece = Piece.of([(480 * k, 400, 60 + k) for k in range(50)])
    drawing = plot.draw(piece, nats=np.linspace(0, 7, 50))
    assert {s.fill for s in filled(drawing, *RAMP)} == set(RAMP)
    assert "nats a note" in texts(drawing) and "0 to 1" in texts(drawing)
    assert "above 7" in texts(drawing)
    assert Colours.of_values(np.zeros(3), "x").part.tolist() == [0, 0, 0]
    with pytest.raises(OptionError, match="50 notes"):
        plot.draw(piece, nats=[1.0])
    assert "no notes" in texts(plot.draw(Piece(), nats=[]))


def test_pictures_beside_each_other_keep_their_shapes():
    curve = Drawing(10, 20, [Curve(np.array([[0.0, 0], [5, 5]]), "#123456"), Label(1, 2, "a")], "t")
    both = beside([curve, curve, curve])
    assert (both.width, both.height, both.title) == (20, 40, "t")
    assert both.shapes[2].points.tolist() == [[10, 0], [15, 5]] and both.shapes[5].y == 22
    assert both.to_svg().count("<polyline ") == 3 and both.to_png()[:4] == b"\x89PNG"
