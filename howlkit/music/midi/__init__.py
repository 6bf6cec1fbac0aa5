"""MIDI files to Pieces and back; symusic is imported here only (parsing.py).

Positions and durations are ticks, lengths of files are seconds and beats. The format is that of the
Standard MIDI Files 1.0 specification (RP-001). Where it leaves a choice, these rules hold:

**Tracks.** Each (chunk, channel, program) of the file that has a note becomes a track of the Piece,
in that order, numbered from 0. A note has the program that its channel had when it began. Programs,
pedals and other controllers count for their channel (at one port) in all chunks, and so each track
of a channel gets its pedal.

**Drums.** Channel 10 plays drums (their program is `DRUMS`), and others do as the file says, by the
banks of General MIDI 2 and Yamaha XG and the part modes of Roland GS and XG: channels.py.

**Pairing.** Where notes of one pitch sound at once in one chunk and channel, the first to begin is
the first to end (MIDI cannot say which note a release means). So a note inside another comes back
as two notes that overlap: the same starts and velocities, the same ends, in order. What stays
unmatched in its chunk is matched across the chunks of the channel.

**Repairs.** Damage costs what stands there, not the file. All that is mended is counted by
`inspect` (`REPAIRS` lists it); with `strict`, a file with `DAMAGE` is refused. A note of no length
lasts one tick, or is dropped if its key is struck again at its tick; a note never released lasts to
the end of its chunk; controllers 120 and 123 end the notes of their channel; a pedal never released
is held until the last note of its channel ends; of several tempos, metres or keys at one tick the
last counts; events cut short or without a meaning are dropped; track chunks that the header does
not count are read, and those with a wrong length as far as they go. A file without a header,
without a resolution, or that runs past tick 2^31 - 1 is refused.

**Two readers.** exact.py reads event by event, and is the reference. quick.py lets symusic read
where that gives the same, many times as fast; tests hold one against the other.

**SMPTE divisions** count ticks a second. Such a file gets a constant tempo of a beat a second
(1.001 s at 29.97 frames a second), and its own tempo events are ignored. **RMID** files (MIDI in a
RIFF wrapper) are unwrapped. **Headers** longer than 6 bytes are legal; the rest is skipped.

**Compressed files.** What gzip has compressed is unpacked, whatever its name, and so is a zip
archive of one MIDI file; neither to more bytes than the limits allow (compressed.py, archives.py).

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
from howlkit.music.midi.archives import ARCHIVES
from howlkit.music.midi.arrangement import Written, as_written
from howlkit.music.midi.container import check_file
from howlkit.music.midi.files import ENDINGS, find, kind_of
from howlkit.music.midi.limits import Limits, check_limits
from howlkit.music.midi.reading import Reading, inspect, inspect_bytes, read, read_bytes
from howlkit.music.midi.repairs import DAMAGE, REPAIRS
from howlkit.music.midi.writing import to_bytes, to_bytes_counted, write

__all__ = [
    "ARCHIVES",
    "DAMAGE",
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
    "kind_of",
    "printable",
    "read",
    "read_bytes",
    "to_bytes",
    "to_bytes_counted",
    "write",
]
