"""Random MIDI files with every kind of event, as strategies of hypothesis."""

from hypothesis import strategies as st

from tests.midi_bytes import END, file, wait

# Waits that look like status bytes, and like meta events, when they are written.
LOOKALIKES = [0x90 << 7 & 0x3FFF | 0x3C, 0x7F << 7 | 0x51, 0x70 << 7 | 5, 0x40 << 7 | 7, 0x30 << 7]
TICKS = st.one_of(st.integers(0, 8), st.integers(0, 60), st.sampled_from(LOOKALIKES))
CHANNELS = st.sampled_from([0, 0, 0, 1, 1, 2, 9, 10])
DATA = st.one_of(st.sampled_from([0, 1, 60, 63, 64, 127]), st.integers(0, 127))
SYSTEMS = [
    b"\xf0\x05\x7e\x7f\x09\x01\xf7", b"\xf0\x05\x7e\x7f\x09\x03\xf7",
    b"\xf0\x08\x43\x10\x4c\x00\x00\x7e\x00\xf7", b"\xf0\x08\x43\x10\x4c\x08\x0a\x07\x02\xf7",
    b"\xf0\x0a\x41\x10\x42\x12\x40\x00\x7f\x00\x41\xf7",
    b"\xf0\x0a\x41\x10\x42\x12\x40\x1a\x15\x01\x10\xf7",
]  # fmt: skip


def event(*parts):
    """Return a strategy of (tick, bytes) from integers, bytes, and strategies of either."""

    def join(found):
        data = b"".join(part if isinstance(part, bytes) else bytes((part,)) for part in found)
        return data

    parts = [part if isinstance(part, st.SearchStrategy) else st.just(part) for part in parts]
    return st.tuples(TICKS, st.tuples(*parts).map(join))


def on_channel(kind, *parts):
    return event(CHANNELS.map(lambda channel: kind | channel), *parts)


def meta(kind, data):
    return st.tuples(TICKS, data.map(lambda said: bytes((0xFF, kind)) + wait(len(said)) + said))


def exclusive(data):
    return st.tuples(TICKS, data.map(lambda said: b"\xf0" + wait(len(said) + 1) + said + b"\xf7"))


ANY = st.binary(max_size=6) | st.sampled_from([b"\x90\x3c\x40", b"\xff\x51\x02", b"\xc0\x05"])
SMALL = st.binary(max_size=6).map(lambda said: bytes(byte & 127 for byte in said))
KINDS = {
    "programs": on_channel(0xC0, st.sampled_from([0, 5, 6, 127])),
    "pedal": on_channel(0xB0, 64, st.sampled_from([0, 63, 64, 127])),
    "resets": on_channel(0xB0, 121, 0),
    "controllers": on_channel(0xB0, st.sampled_from([1, 7, 10, 32, 91]), DATA),
    "bends": on_channel(0xE0, DATA, DATA),
    "pressure": on_channel(0xD0, DATA),
    "pressure of keys": on_channel(0xA0, DATA, DATA),
    "texts": meta(1, ANY) | meta(3, ANY) | meta(5, st.binary(min_size=127, max_size=130)),
    "tempos": meta(
        0x51, st.sampled_from([b"\x07\xa1\x20", b"\x08\0\0", b"\xf0\x90\xff", b"\0\0\1"])
    ),
    "metres": meta(0x58, st.sampled_from([b"\4\2\x18\x08", b"\3\3\x18\x08", b"\xff\7\xff\xff"])),
    "keys": meta(0x59, st.sampled_from([b"\0\0", b"\xf9\1", b"\7\0"])),
    "unknown": meta(0x7F, ANY)
    | meta(0x20, DATA.map(lambda byte: bytes((byte,))))
    | meta(0x60, ANY),
    "lone strokes": on_channel(0x90, st.integers(60, 62), st.sampled_from([0, 1, 80])),
    "lone releases": on_channel(0x80, st.integers(60, 62), DATA),
    # What test_drums.py covers, and what the rules of rule_reader.py leave out, comes from here on.
    "exclusive": exclusive(SMALL) | meta(0x7F, SMALL),
    "escapes": st.tuples(TICKS, SMALL.map(lambda said: b"\xf7" + wait(len(said)) + said)),
    "ports": meta(0x21, st.sampled_from([b"\0", b"\1"])),
    "ends of notes": on_channel(0xB0, st.sampled_from([120, 123]), 0),
    "systems": st.tuples(TICKS, st.sampled_from(SYSTEMS)),
    "banks": on_channel(0xB0, 0, st.sampled_from([0, 3, 120, 121, 126, 127])),
    "impossible": meta(0x51, st.sampled_from([b"\0\0\0", b"\7", b"\1\2\3\4"]))
    | meta(0x58, st.sampled_from([b"\0\2\x18\x08", b"\4\x08\x18\x08", b"\4"]))
    | meta(0x59, st.sampled_from([b"\x08\0", b"\0\2", b"\1"])),
    "system messages": event(st.sampled_from([b"\xf6", b"\xf2\1\2", b"\xf3\1", b"\xf8", b"\xfe"])),
    "broken": on_channel(0x90, st.just(60), st.just(200)),
    "early ends": st.tuples(TICKS, st.just(END)),
}
WHOLE = tuple(KINDS)[: tuple(KINDS).index("systems")]  # files that a plain reader understands
MANY_TIMES = st.sampled_from([0, 1, 1, 2, 2, 3, 8])


@st.composite
def notes(draw):
    """Two or more events: notes of a key of a channel, some touching, some of no length."""
    channel, key, tick = draw(CHANNELS), draw(st.integers(60, 63)), draw(TICKS)
    release = draw(st.sampled_from([0x80, 0x90]))
    found = []
    for velocity in draw(st.lists(st.sampled_from([1, 80, 90, 127]), min_size=1, max_size=3)):
        found.append((tick, bytes((0x90 | channel, key, velocity))))
        tick += draw(st.sampled_from([0, 1, 30, 60, 200]))
        value = 64 if release == 0x80 and velocity == 1 else 0
        found.append((tick, bytes((release | channel, key, value))))
        tick += draw(st.sampled_from([0, 0, 30]))
    return found


def spelled(events, running):
    """Return a track chunk of events; with running status where two have the same status."""
    body, now, status = b"", 0, -1
    for tick, data in sorted(events, key=lambda found: found[0]):
        body += wait(tick - now)
        now = tick
        if data[0] < 0xF0:
            body += data[1:] if running and data[0] == status else data
            status = data[0]
        else:
            body += data  # running status lasts over it
    body += b"\0" + END
    return b"MTrk" + len(body).to_bytes(4, "big") + body


@st.composite
def files(draw, kinds=tuple(KINDS), most=3):
    """Return the bytes of a file of notes and of some kinds of other events."""
    others = draw(st.lists(st.sampled_from(kinds), max_size=most, unique=True))
    chunks = []
    for _ in range(draw(st.sampled_from([1, 1, 2, 2, 3]))):
        head = [(0, said) for _, said in draw(st.lists(KINDS["programs"], max_size=2))]
        its = [one for many in draw(st.lists(notes(), max_size=6)) for one in many]
        for kind in others:
            times = draw(MANY_TIMES)
            its += [draw(KINDS[kind]) for _ in range(times)]
        chunks.append(spelled([*head, *its], draw(st.booleans())))
    form = int(len(chunks) > 1)
    return file(*chunks, form=form, division=draw(st.sampled_from([480, 480, 480, 0xE728])))


@st.composite
def mutants(draw):
    """Return the bytes of a file with some bytes changed, lost, or doubled."""
    data = bytearray(draw(files(most=2)))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(14, max(len(data) - 1, 14)))
        match draw(st.integers(0, 5)):
            case 0:
                del data[at : at + draw(st.integers(1, 4))]
            case 1:
                data[at:at] = data[at : at + draw(st.integers(1, 4))]
            case 2:
                del data[max(at, len(data) - 30) :]
            case _:
                data[at : at + 1] = bytes(
                    (
                        draw(
                            st.sampled_from([0, 1, 64, 127, 128, 0x90, 0xF0, 0xFF])
                            | st.integers(0, 255)
                        ),
                    )
                )
    return bytes(data)
