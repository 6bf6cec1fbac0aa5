"""MIDI files to Pieces and back; symusic is imported here only (parsing.py).

Positions and durations are ticks, lengths of files are seconds and beats. The format is that of the
Standard MIDI Files 1.0 specification (RP-001); symusic 0.6 parses the events, and what it lets pass
is checked here: header, limits, and all values by `Piece` itself. Rules where a file leaves room:

**Tracks.** A track of a Piece is one (chunk, channel, program) of the file that has a note, in that
order, numbered from 0. A note has the program that its channel, in its chunk, had when it began; on
channel 10 it is `DRUMS`, whatever the program.

**Pairing.** Of several notes of one pitch that sound at once in one chunk and channel, the first to
begin is the first to end (MIDI has no way to say which is meant). So notes that nest come back as
notes that overlap: the same starts and velocities, the same ends, in order.

**Mending.** What has one sensible reading is mended and counted by `inspect` (`REPAIRS` lists all):
a note of no length lasts one tick, a note never released is dropped, a pedal never released is held
until the last note of its track ends, of several tempos, metres or keys at one tick the last counts
(in symusic's order: its sort is not stable where a file has dozens of them), and track chunks that
the header does not count are read. Tempos and time signatures that say nothing are refused.

**SMPTE divisions** count ticks a second: such a file becomes one of a constant tempo, a beat a
second (1.001 s at 29.97 frames a second), and its own tempo events mean nothing. **RMID** files
(MIDI in a RIFF wrapper) are unwrapped. **Headers** longer than 6 bytes are legal, the rest skipped.

**Writing.** The writer is ours: symusic's leaves out pedals and numbers channels by track. Format
1: a chunk of tempos, metres and keys, then one for each (track, program) in order, drums on channel
10. Up to 15 melodic chunks have a channel each; more share a channel where they share a program;
past 15 programs the next 15 go to another port (meta event 0x21), which has channels of its own.
At one tick ends come before beginnings, so that touching notes stay apart.
"""

from howlkit.errors import printable
from howlkit.music.midi.container import check_file
from howlkit.music.midi.files import ENDINGS, find
from howlkit.music.midi.limits import Limits, check_limits
from howlkit.music.midi.reading import Reading, inspect, inspect_bytes, read, read_bytes
from howlkit.music.midi.repairs import REPAIRS
from howlkit.music.midi.writing import to_bytes, write

__all__ = [
    "ENDINGS",
    "REPAIRS",
    "Limits",
    "Reading",
    "check_file",
    "check_limits",
    "find",
    "inspect",
    "inspect_bytes",
    "printable",
    "read",
    "read_bytes",
    "to_bytes",
    "write",
]
