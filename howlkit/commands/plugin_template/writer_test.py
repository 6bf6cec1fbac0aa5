"""The contract of a writer, and what this one writes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from howlkit.errors import DataError
from howlkit.music import DRUMS, Piece
from howlkit.testing import writer_checks

from howlkit.commands.plugin_template.writer import Stencil

CHECKS = writer_checks(Stencil())


@pytest.mark.parametrize("check", CHECKS, ids=[check.name for check in CHECKS])
def test_it_keeps_to_the_contract(check: Callable[[], None]) -> None:
    check()


def test_a_note_is_a_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    notes = [(480, 960, 69, 100, 40), (480, 240, 38, 90, DRUMS)]
    Stencil(digits=1).write(Piece.of(notes, bpm=60), path)
    assert path.read_text().splitlines() == [
        "onset,length,pitch,name,velocity,instrument",
        "1.0,2.0,69,A4,100,40",
        "1.0,0.5,38,,90,drums",
    ]


def test_music_with_too_many_notes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has 2 notes, and at most 1 are written"):
        Stencil(most=1).write(Piece.of([(0, 480, 60), (480, 480, 60)]), tmp_path / "a.csv")
