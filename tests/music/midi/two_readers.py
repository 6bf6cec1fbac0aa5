"""The quick and the exact reader, held against each other."""

from howlkit.errors import MidiError, PieceError
from howlkit.music.midi.container import standard_file
from howlkit.music.midi.exact.reader import read_exactly
from howlkit.music.midi.limits import Limits
from howlkit.music.midi.quick.reader import read_quickly
from howlkit.music.piece import Piece

EVERYTHING = Limits(max_seconds=float("inf"), max_beats=float("inf"))
TABLES = ("notes", "tempos", "time_signatures", "key_signatures", "pedals")


def settled(contents, file):
    """Return the tables of a Piece with these contents, and the repairs."""
    tables = {name: getattr(contents, name) for name in TABLES}
    piece = Piece(ticks_per_beat=file.ticks_per_beat, **tables)
    repairs = {name: count for name, count in contents.repairs.items() if count}
    return {name: getattr(piece, name).tolist() for name in TABLES}, repairs


def compare(data):
    """Return the way that a file is read, "quick", "exact" or "refused", and what is different.

    The second is empty if both readers agree, or if only the exact one is asked.
    """
    try:
        file = standard_file(data)
    except MidiError:
        return "refused", ""
    try:
        found = read_quickly(file, EVERYTHING)
        quick = None if found is None else settled(found, file)
    except PieceError:  # then a reading asks the exact reader, as after None
        quick = None
    if quick is None:
        return "exact", ""
    try:
        exact = settled(read_exactly(file, EVERYTHING, extras=False), file)
    except (MidiError, PieceError) as error:
        return "quick", f"quick: {quick}\nexact: {error}"
    if "broken_events" not in quick[1]:
        exact[1].pop("broken_events", None)  # in bends and pressure, which symusic does not check
    return "quick", "" if quick == exact else f"quick: {quick}\nexact: {exact}"
