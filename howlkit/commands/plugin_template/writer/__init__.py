"""Writer `stencil`: tables (CSV) with a row for each note, for a spreadsheet."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from howlkit.errors import DataError
from howlkit.hookspecs import hookimpl
from howlkit.music import DRUMS, Piece
from howlkit.options import option
from howlkit.protocols import Writer

COLUMNS = ("onset", "length", "pitch", "name", "velocity", "instrument")
KEYS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


@dataclass(frozen=True)
class Stencil:
    """Tables (CSV), a row for each note: when, how long, which key, how loud, who plays."""

    digits: int = option(3, "digits of the seconds", low=0, high=9)
    most: int = option(1_000_000, "notes; more are refused", low=1, high=100_000_000)
    name: ClassVar[str] = "stencil"
    suffixes: ClassVar[tuple[str, ...]] = (".csv",)

    def write(self, piece: Piece, path: Path) -> None:
        """Write the piece to a new file."""
        if len(piece) > self.most:
            raise DataError(
                f"it has {len(piece):,} notes, and at most {self.most:,} are written: "
                f"-o {self.name}.most=NOTES"
            )
        with open(path, "w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(COLUMNS)
            table.writerows(self.rows(piece))

    def rows(self, piece: Piece) -> list[list[object]]:
        """Return the rows of a piece, in the order of its notes."""
        begins, ends = piece.seconds(piece.notes["start"]), piece.seconds(piece.held)
        rows: list[list[object]] = []
        for note, begin, end in zip(piece.notes, begins, ends, strict=True):
            pitch, program = int(note["pitch"]), int(note["program"])
            drum = program == DRUMS
            name = "" if drum else f"{KEYS[pitch % 12]}{pitch // 12 - 1}"
            seconds = [f"{begin:.{self.digits}f}", f"{end - begin:.{self.digits}f}"]
            who = "drums" if drum else program
            rows.append([*seconds, pitch, name, int(note["velocity"]), who])
        return rows


@hookimpl
def register_writers(register: Callable[[type[Writer]], None]) -> None:
    """Register the component."""
    register(Stencil)
