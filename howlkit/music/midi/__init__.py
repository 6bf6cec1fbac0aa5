"""MIDI files to Pieces and back; symusic is imported here only (parsing.py).

Positions and durations are ticks, lengths of files are seconds and beats. The format is that of the
Standard MIDI Files 1.0 specification (RP-001). symusic 0.6 parses the events; what it accepts too
freely is checked here: the header, the limits, and all values by `Piece` itself. Where the format
leaves a choice, these rules hold:

**Tracks.** Each (chunk, channel, program) of the file that has a note becomes a track of the Piece,
in that order, numbered from 0. A note has the program that its channel, in its chunk, had when it
began; on channel 10 its program is `DRUMS`.

**Pairing.** Where notes of one pitch sound at once in one chunk and channel, the first to begin is
the first to end (MIDI cannot say which note a release means). So a note inside another comes back
as two notes that overlap: the same starts and velocities, the same ends, in order.

**Repairs.** What has one sensible reading is repaired and counted by `inspect` (`REPAIRS` lists
all): a note of no length lasts one tick; a note never released is dropped; a pedal never released
is held until the last note of its track ends; of several tempos, metres or keys at one tick the
last counts (in symusic's order, whose sort is not stable where a file has dozens of them); track
chunks that the header does not count are read. Tempos and time signatures without a meaning are
refused.

**SMPTE divisions** count ticks a second. Such a file gets a constant tempo of a beat a second
(1.001 s at 29.97 frames a second), and its own tempo events are ignored. **RMID** files (MIDI in a
RIFF wrapper) are unwrapped. **Headers** longer than 6 bytes are legal; the rest is skipped.

**Writing.** The writer is ours, since symusic's drops pedals and numbers channels by track. It
writes format 1: a chunk of tempos, metres and keys, then a chunk for each (track, program) in
order. What every program reads in such a file is `as_written(piece)`:

- Up to 15 melodic chunks have a channel each, drums have channel 10. More of them share channels
  over time, with program changes (allocation.py says how); a chunk may then use several. Ports,
  which most players ignore, are not used. Of more than 15 programs that sound at once some share
  their channel: each note has a program change before it, but a player has one program a channel.
- A note ends where its key is struck again on its channel. Of several strokes of a key at one tick
  the one that ends last stays, with the velocity of the loudest. `Written` counts both.
- At one tick, notes end before others begin, so that touching notes stay apart.
- A channel has one pedal; what is said on a channel counts for all its tracks. On a channel that
  chunks share over time, controllers and bends are set anew when another chunk begins there.
- Bank selects stand before the program change, which is repeated after a later one. Texts stand in
  the chunk of their track, byte for byte, or in the first.

>>> from howlkit.music import Piece
>>> data = to_bytes(Piece.of([(0, 480, 60)]))
>>> read_bytes(data, name="one note.mid")
Piece('one note.mid', 1 notes, 0.5 s)
"""

from howlkit.errors import printable
from howlkit.music.midi.arrangement import Written, as_written
from howlkit.music.midi.container import check_file
from howlkit.music.midi.files import ENDINGS, find
from howlkit.music.midi.limits import Limits, check_limits
from howlkit.music.midi.reading import Reading, inspect, inspect_bytes, read, read_bytes
from howlkit.music.midi.repairs import REPAIRS
from howlkit.music.midi.writing import to_bytes, to_bytes_counted, write

__all__ = [
    "ENDINGS",
    "REPAIRS",
    "Limits",
    "Reading",
    "Written",
    "as_written",
    "check_file",
    "check_limits",
    "find",
    "inspect",
    "inspect_bytes",
    "printable",
    "read",
    "read_bytes",
    "to_bytes",
    "to_bytes_counted",
    "write",
]
