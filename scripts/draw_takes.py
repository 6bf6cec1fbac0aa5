"""Draw the pictures of docs/replacing.md: a chorale, the bars that are made anew, and four takes.

    howlkit train --encoder tuple --model lstm --augment transpose --minutes 2.5 --out-dir demo/run
    python scripts/draw_takes.py demo/run --out docs/pictures

Any run that knows beats does; `make demo` trains the one above. The chorale comes with howlkit.
Writes replaced.svg and takes.svg.
"""

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

import howlkit
from howlkit.music import chorales, plot
from howlkit.music.bars import tick_of_bar
from howlkit.music.plot.drawing import Drawing, Label, Shape
from howlkit.music.plot.panels import beside
from howlkit.music.plot.saving import save_drawing
from howlkit.sampling import Region

AROUND = 3
"""Bars that are shown before and after those that are made anew."""

WIDTH = 600

WORDS = {"Track 1": "kept", "Track 2": "made anew"}
OLD = {"Track 1": "kept", "Track 2": "to be made anew"}


def main() -> None:
    """Make the takes, and draw them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="a folder for the pictures")
    parser.add_argument("--bwv", default="269", help="the number of the chorale")
    parser.add_argument("--bars", type=int, nargs=2, default=(5, 6))
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    [piece] = [p for p in chorales.load() if p.name.split()[1] == given.bwv]
    bars = tuple(given.bars)
    region = Region.of(piece, bars=bars)
    takes = howlkit.load(given.run).replace(piece, bars=bars, takes=4, seed=given.seed)
    given.out.mkdir(parents=True, exist_ok=True)
    old = drawn(piece, region.original, bars, piece.name, OLD)
    save_drawing(old, given.out / "replaced.svg")
    print(piece.name)
    drawings = []
    for number, take in enumerate(takes, 1):
        print(f"take {number}: join {take.join:.2f}, distance {take.distance:.2f}")
        drawings.append(drawn(take.piece, take.notes, bars, f"Take {number}", WORDS))
    save_drawing(replace(beside(drawings), title="Takes"), given.out / "takes.svg")


def drawn(
    piece: howlkit.Piece,
    marked: np.ndarray,
    bars: tuple[int, int],
    title: str,
    words: dict[str, str],
) -> Drawing:
    """Return a picture of the bars around a part, with some notes in a colour of their own."""
    begin = tick_of_bar(piece, max(bars[0] - AROUND, 1))
    stop = tick_of_bar(piece, bars[1] + AROUND + 1)
    notes = piece.notes.copy()
    notes["track"] = np.isin(notes, marked)  # the roll colours tracks
    shown = (notes["start"] >= begin) & (notes["start"] < stop)
    notes["velocity"] = 80  # one shade
    part = piece.replace(notes=notes[shown])
    picture = plot.draw(part, unit="bars", width=WIDTH, title=title)
    return replace(picture, shapes=[*named(picture.shapes, words)])


def named(shapes: Iterable[Shape], words: dict[str, str]) -> Iterator[Shape]:
    """Yield shapes with other words in the legend, and without the counts, which are of a part."""
    for shape in shapes:
        if not isinstance(shape, Label):
            yield shape
        elif "notes" not in shape.text:
            yield replace(shape, text=words.get(shape.text, shape.text))


if __name__ == "__main__":
    main()
