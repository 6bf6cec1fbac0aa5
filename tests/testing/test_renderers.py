"""Each law of renderers can fail: renderers broken on purpose, and the check that notices."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from howlkit.errors import PluginError
from howlkit.music import Piece
from howlkit.options import option
from howlkit.plugins.checked import checked
from howlkit.testing import CheckFailed, check_renderer, renderer_checks


@dataclass(frozen=True)
class Beeps:
    """A click at each onset; a sound renderer, from which the broken ones are made."""

    level: float = option(0.5, "of the click", low=0.0, high=1.0)
    name: ClassVar[str] = "beeps"

    def render(self, piece, rate):
        count = int(piece.seconds_long * rate) + rate // 10
        starts = np.rint(piece.seconds(piece.notes["start"]) * rate).astype(int)
        for first in range(0, count, 2**16):
            block = np.zeros((min(2**16, count - first), 2), np.float32)
            here = starts[(starts >= first) & (starts < first + len(block))] - first
            block[here] = self.level
            yield block


class Mono(Beeps):
    def render(self, piece, rate):
        return (block[:, 0] for block in super().render(piece, rate))


class Double(Beeps):
    def render(self, piece, rate):
        return (block.astype(float) for block in super().render(piece, rate))


class Loud(Beeps):
    def render(self, piece, rate):
        return (3 * block for block in super().render(piece, rate))


class NotANumber(Beeps):
    def render(self, piece, rate):
        return (
            np.where(block, np.nan, block).astype("f4") for block in super().render(piece, rate)
        )


class Short(Beeps):
    def render(self, piece, rate):
        yield next(super().render(piece, rate))[: rate // 10]


class OneRate(Beeps):
    def render(self, piece, rate):
        return super().render(piece, 22050)


class Hiss(Beeps):
    def render(self, piece, rate):
        for block in super().render(piece, rate):
            yield np.maximum(block, np.float32(0.01))


class Silent(Beeps):
    def render(self, piece, rate):
        return (0 * block for block in super().render(piece, rate))


class Dice(Beeps):
    def render(self, piece, rate):
        rng = np.random.default_rng()
        for block in super().render(piece, rate):
            yield block * np.float32(rng.random())


class Fragile(Beeps):
    def render(self, piece, rate):
        return super().render(piece, rate) if len(piece.notes[0:1]) else iter([piece.notes[0]])


class Lacking(Beeps):
    missing = "a bell"


@pytest.mark.parametrize(
    ("renderer", "check", "said"),
    [
        (Mono, "yields sound", "an array (T, 2) of float32"),
        (Double, "yields sound", "of float64"),
        (Loud, "yields sound", "samples from -1 to 1"),
        (NotANumber, "yields sound", "samples from -1 to 1"),
        (Short, "lasts as long as the music", "and a release"),
        (OneRate, "lasts as long as the music", "44100 samples a second"),
        (Hiss, "is silent until a note sounds", "silence in the first second"),
        (Silent, "is silent until a note sounds", "sound in the half second after the onset"),
        (Dice, "renders the same twice", "the same samples, rendered twice"),
        (Fragile, "odd music is sound or an error", "Piece()"),
        (Lacking, "has what it needs", "a bell"),
    ],
)
def test_a_broken_renderer_is_noticed(renderer, check, said):
    made = {each.name: each for each in renderer_checks(renderer())}[check]
    with pytest.raises(CheckFailed) as failed:
        made()
    assert said in str(failed.value)


def test_a_sound_renderer_passes_every_check():
    check_renderer(Beeps())


class Listed(Beeps):
    def render(self, piece, rate):
        return [*super().render(piece, rate)]


class Failing(Beeps):
    def render(self, piece, rate):
        yield np.zeros((10, 2), np.float32)
        raise KeyError("pitch")


@pytest.mark.parametrize(
    ("renderer", "said"),
    [
        (Mono, r"render yielded an array of shape .* an array \(T, 2\) of float32 is needed"),
        (Double, "dtype float64"),
        (Loud, "samples beyond full scale"),
        (NotANumber, "samples beyond full scale"),
        (Listed, "an iterator of blocks: a function that yields"),
        (Failing, "failed: KeyError: 'pitch'"),
    ],
)
def test_what_a_renderer_yields_is_checked(renderer, said):
    piece = Piece.of([(0, 480, 60)])
    with pytest.raises(PluginError, match=said):
        list(checked("renderer", renderer()).render(piece, 22050))
    assert checked("renderer", Beeps()).missing == ""
    assert checked("renderer", Lacking()).missing == "a bell"
