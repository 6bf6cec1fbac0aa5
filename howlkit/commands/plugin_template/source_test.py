"""The contract of a source, and what this one reads."""

from pathlib import Path

import pytest

from howlkit.errors import DataError
from howlkit.music import DRUMS
from howlkit.testing import check_source

from howlkit.commands.plugin_template.source import Stencil

BAR = "k.h.s.h.k.h.s.hh\n"


@pytest.fixture
def bar(tmp_path: Path) -> Path:
    path = tmp_path / "bar.stencil"
    path.write_text(BAR)
    return path


def test_it_keeps_to_the_contract(bar: Path) -> None:
    check_source(Stencil(), [bar])


def test_a_letter_is_a_sixteenth(bar: Path) -> None:
    (piece,) = Stencil(bpm=120).read(bar)
    assert len(piece) == len(BAR.strip().replace(".", ""))
    assert piece.notes["start"][:3].tolist() == [0, 240, 480]
    assert set(piece.notes["program"]) == {DRUMS}


def test_a_letter_that_is_no_drum_is_named(bar: Path) -> None:
    bar.write_text("k.x.")
    with pytest.raises(DataError, match="'x' is no drum; k, s, h and . are allowed"):
        list(Stencil().read(bar))
