"""A tiny soundfont, made for the tests: one instrument, a sine at every key.

Source: SoundFont Technical Specification 2.04, E-mu Systems, 2006.
"""

import struct

import numpy as np

RATE = 44100
ROOT = 69  # A, 440 Hz
INSTRUMENT, SAMPLE, KEYS, LOOPS = 41, 53, 43, 54  # generators


def chunk(name, data):
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def name(text):
    return text.encode().ljust(20, b"\0")


def write(path):
    """Write the soundfont; its sample is 100 periods of a sine, and loops."""
    count = 100 * RATE // 440
    sine = np.rint(12000 * np.sin(2 * np.pi * 100 * np.arange(count) / count)).astype("<i2")
    samples = np.concatenate((sine, sine, np.zeros(64, "<i2")))
    generators = struct.pack("<HH", INSTRUMENT, 0) + struct.pack("<HH", 0, 0)
    of_instrument = struct.pack("<HBB", KEYS, 0, 127) + struct.pack("<HH", LOOPS, 1)
    of_instrument += struct.pack("<HH", SAMPLE, 0) + struct.pack("<HH", 0, 0)
    modulator = bytes(10)
    preset = name("Sine") + struct.pack("<HHHIII", 0, 0, 0, 0, 0, 0)
    last_preset = name("EOP") + struct.pack("<HHHIII", 0, 0, 1, 0, 0, 0)
    header = name("Sine") + struct.pack(
        "<IIIIIBbHH", 0, 2 * count, count, 2 * count, RATE, ROOT, 0, 0, 1
    )
    parts = (
        (b"phdr", preset + last_preset),
        (b"pbag", struct.pack("<HHHH", 0, 0, 1, 0)),
        (b"pmod", modulator),
        (b"pgen", generators),
        (b"inst", name("Sine") + struct.pack("<H", 0) + name("EOI") + struct.pack("<H", 1)),
        (b"ibag", struct.pack("<HHHH", 0, 0, 3, 0)),
        (b"imod", modulator),
        (b"igen", of_instrument),
        (b"shdr", header + name("EOS") + bytes(26)),
    )
    info = chunk(b"ifil", struct.pack("<HH", 2, 4)) + chunk(b"isng", b"EMU8000\0")
    info += chunk(b"INAM", b"Sine\0\0")
    body = b"sfbk" + chunk(b"LIST", b"INFO" + info)
    body += chunk(b"LIST", b"sdta" + chunk(b"smpl", samples.tobytes()))
    body += chunk(b"LIST", b"pdta" + b"".join(chunk(*part) for part in parts))
    path.write_bytes(chunk(b"RIFF", body))
    return path
