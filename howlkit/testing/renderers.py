"""The laws of a renderer, each a function that raises CheckFailed where it is broken."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import HowlkitError
from howlkit.music.piece import Piece
from howlkit.protocols import Renderer
from howlkit.testing.checks import Check, given, require, run_all
from howlkit.testing.options import LAWS as OPTION_LAWS
from howlkit.testing.pieces import chord, drum_beat, late_note, performance, tune

__all__ = ["check_renderer", "renderer_checks"]

RATE = 22050
SILENCE = 1e-3  # -60 dB
FEW_BLOCKS = 4
LONGEST_AFTER = 30.0  # seconds of sound after the last note


def renderer_checks(renderer: Renderer) -> tuple[Check, ...]:
    """Return the checks of a renderer, one for each law."""
    return tuple(Check("renderer", renderer, law) for law in LAWS)


def check_renderer(renderer: Renderer) -> None:
    """Raise CheckFailed, saying what is wrong, unless `renderer` keeps to its contract."""
    run_all(renderer_checks(renderer))


def has_what_it_needs(renderer: Renderer) -> None:
    """Nothing is missing that it needs to play here."""
    missing = getattr(renderer, "missing", "")
    require(
        missing == "",
        expected="nothing missing",
        got=missing or repr(missing),
        look="`missing`, the options, and what is installed",
    )


def yields_sound(renderer: Renderer) -> None:
    """It yields blocks (T, 2) of float32 from -1 to 1, loud music included."""
    loud = [(0, 960, pitch, 127) for pitch in range(36, 84)]
    for piece in (tune(bars=2), performance(2, 40), drum_beat(1), Piece.of(loud, name="loud")):
        with given(piece.name):
            for block in renderer.render(piece, RATE):
                _require_sound(block)


def lasts_as_long_as_the_music(renderer: Renderer) -> None:
    """The sound lasts until the last note ends and not much longer, at every sampling rate."""
    piece = tune(bars=2)
    for rate in (22050, 44100):
        with given(f"{piece.name}, {rate} samples a second"):
            seconds = len(_rendered(renderer, piece, rate)) / rate
            require(
                piece.seconds_long <= seconds + 0.01 <= piece.seconds_long + LONGEST_AFTER,
                expected=f"{piece.seconds_long:.2f} seconds, and a release",
                got=f"{seconds:.2f} seconds",
                look="the blocks of `render`, and `rate`",
            )


def is_silent_until_a_note_sounds(renderer: Renderer) -> None:
    """It is silent before the first note, and not after its onset."""
    piece = Piece.of([(480, 480, 69, 100)], bpm=60, name="a note after a second")
    with given(piece.name):
        sound = np.abs(_rendered(renderer, piece, RATE))
        before = float(sound[: int(0.95 * RATE)].max(initial=0))
        after = float(sound[RATE : int(1.5 * RATE)].max(initial=0))
        require(
            before < SILENCE,
            expected="silence in the first second",
            got=f"samples up to {before:.3f}",
            look="where notes begin",
        )
        require(
            after > SILENCE,
            expected="sound in the half second after the onset",
            got=f"samples up to {after:.5f}",
            look="the loudness of notes",
        )


def renders_the_same_twice(renderer: Renderer) -> None:
    """It yields the same sound for the same piece each time."""
    piece = performance(3, 30)
    with given(piece.name):
        first, second = (_rendered(renderer, piece, RATE) for _ in range(2))
        require(
            np.array_equal(first, second),
            expected="the same samples, rendered twice",
            got="different ones",
            look="random numbers in `render`",
        )


def odd_music_is_sound_or_an_error(renderer: Renderer) -> None:
    """It renders pieces that are empty, crowded or very long, or raises a HowlkitError."""
    for piece in (Piece(name="Piece()"), chord(), late_note()):
        with given(piece.name):
            try:
                for block in itertools.islice(renderer.render(piece, RATE), FEW_BLOCKS):
                    _require_sound(block)
            except HowlkitError as error:
                require(
                    str(error),
                    expected="a message that says what cannot be played",
                    got="none",
                    look="`render`",
                )


def _rendered(renderer: Renderer, piece: Piece, rate: int) -> NDArray[np.float32]:
    blocks = list(renderer.render(piece, rate))
    for block in blocks:
        _require_sound(block)
    return np.concatenate(blocks) if blocks else np.zeros((0, 2), np.float32)


def _require_sound(block: Any) -> None:  # noqa: ANN401 - whatever it yielded
    is_array = isinstance(block, np.ndarray)
    require(
        is_array and block.ndim == 2 and block.shape[1] == 2 and block.dtype == np.float32,
        expected="an array (T, 2) of float32",
        got=f"an array {block.shape} of {block.dtype}" if is_array else type(block).__name__,
        look="the blocks of `render`",
    )
    most = float(np.abs(block).max(initial=0))
    require(
        most <= 1,  # not so for NaN
        expected="samples from -1 to 1",
        got=f"{most}",
        look="a limiter, or a lower level",
    )


LAWS = (
    *OPTION_LAWS,
    has_what_it_needs,
    yields_sound,
    lasts_as_long_as_the_music,
    is_silent_until_a_note_sounds,
    renders_the_same_twice,
    odd_music_is_sound_or_an_error,
)
