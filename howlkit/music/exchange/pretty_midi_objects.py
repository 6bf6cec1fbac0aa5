"""Pieces to and from pretty_midi's PrettyMIDI, by the bytes of a MIDI file.

pretty_midi keeps a tempo map only of a file that it reads, so a file is made in memory, by symusic;
and so it is the other way round.
"""

from __future__ import annotations

import importlib
import io
from typing import Any

from howlkit.errors import PieceError, PluginError
from howlkit.music.exchange import symusic_scores
from howlkit.music.extras import SUSTAIN
from howlkit.music.piece_tables import PieceTables

__all__ = ["object_of", "tables_of"]


def object_of(piece: PieceTables) -> Any:  # noqa: ANN401 - PrettyMIDI, imported late
    """Return the PrettyMIDI of a piece; PluginError if pretty_midi is not installed."""
    try:
        pretty_midi = importlib.import_module("pretty_midi")  # it has no types
    except ImportError as error:
        raise PluginError(
            f"to_pretty_midi needs the package pretty_midi ({error}): pip install pretty_midi"
        ) from error
    import symusic

    score = symusic_scores.score_of(piece)
    for track in score.tracks:
        # symusic writes controllers, but not its pedals.
        for pedal in track.pedals:
            track.controls.append(symusic.ControlChange(pedal.time, SUSTAIN, 127))
            track.controls.append(symusic.ControlChange(pedal.time + pedal.duration, SUSTAIN, 0))
    return pretty_midi.PrettyMIDI(io.BytesIO(score.dumps_midi()))


def tables_of(music: Any) -> dict[str, Any]:  # noqa: ANN401 - what users give
    """Return the tables of a PrettyMIDI as the arguments of a Piece; PieceError if it is none."""
    import symusic

    if not (hasattr(music, "instruments") and hasattr(music, "write")):
        raise PieceError(
            f"from_pretty_midi takes a pretty_midi.PrettyMIDI; got {type(music).__name__}"
        )
    file = io.BytesIO()
    music.write(file)
    return symusic_scores.tables_of(symusic.Score.from_midi(file.getvalue()))
