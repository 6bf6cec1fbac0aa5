"""Cut howlkit's recorded instruments out of the soundfont FluidR3Mono_GM: data/instruments.npz.

    apt-get download fluidr3mono-gm-soundfont && dpkg-deb -x fluidr3mono-gm-soundfont_*.deb font
    pip install soundfile
    python scripts/cut_bank.py font/usr/share/fluidr3mono-gm-soundfont/FluidR3Mono_GM.sf3

The soundfont is under the MIT licence, which lies beside the result. The same soundfont and the
same libraries give the same bytes. What is done to a recording, in order: its filter; another
sampling rate; its beginning, cut at the onset; its decay, measured and taken out, so that its last
part can be repeated; a loop with a crossfade; its pitch and its loudness, measured; a byte a
sample (howlkit/music/sound/coding.py). The card of the result is howlkit/data/instruments.md.
"""

import argparse
import dataclasses
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from soundfont import SoundFont

from howlkit.music.sound import coding
from howlkit.music.sound.bank import REGION

OUT = Path(__file__).parents[1] / "howlkit" / "data" / "instruments.npz"

FIRST_KEY, LAST_KEY = 0, 127

ENOUGH = 46  # dB
MOST_OFF = 45  # cents; a recording that seems further off has no clear pitch


@dataclass(frozen=True)
class Cut:
    """What is cut for one instrument.

    program: of the soundfont. pitches: of the recordings to take, the nearest to each of these.
    seconds: how long they are, of the lowest and of the highest. rate: samples a second.
    most: the largest code that may be chosen, see `coding.encode`. loop: whether the last part is
    repeated. holds: whether it sounds as loud for as long as it is played. cutoff: of a low-pass in
    Hz, in place of the soundfont's.
    """

    program: int
    pitches: tuple[int, ...]
    seconds: tuple[float, float]
    rate: int = 22050
    most: int = 64
    loop: bool = True
    holds: bool = False
    cutoff: float | None = None


CUTS = {
    "piano": Cut(0, (*range(26, 88, 4), 91, 95, 99, 104), (3.4, 0.8), most=90),
    "electric-piano": Cut(4, (24, 36, 48, 60, 72, 84, 96), (1.8, 0.7)),
    "harpsichord": Cut(6, (38, 48, 60, 71, 86), (1.6, 0.7)),
    "glockenspiel": Cut(9, (79, 91, 103), (0.9, 0.5)),
    "vibraphone": Cut(11, (57, 71, 85, 99), (0.7, 0.4)),
    "marimba": Cut(12, (48, 60, 72, 84), (0.8, 0.5), loop=False),
    "organ": Cut(16, (96,), (0.6, 0.6), rate=32000, holds=True),
    "church-organ": Cut(19, (36, 48, 60, 72, 84), (1.3, 1.0), holds=True),
    "accordion": Cut(21, (60, 72, 84), (0.9, 0.6), holds=True),
    "nylon-guitar": Cut(24, (40, 45, 50, 55, 59, 64, 69, 76, 84), (1.6, 0.7)),
    "steel-guitar": Cut(25, (40, 45, 50, 55, 59, 64, 69, 76), (1.6, 0.8)),
    "clean-guitar": Cut(27, (40, 45, 50, 55, 59, 64, 71, 79), (1.4, 0.7)),
    "distortion-guitar": Cut(30, (40, 50, 59, 69, 79), (1.2, 0.8)),
    "acoustic-bass": Cut(32, (28, 36, 46, 54, 66), (1.2, 0.7)),
    "finger-bass": Cut(33, (28, 32, 36, 41, 48), (1.3, 1.0)),
    "synth-bass": Cut(38, (45, 57, 69), (0.2, 0.2), holds=True, cutoff=1500),
    "violin": Cut(40, (56, 62, 68, 74, 80, 86, 92), (1.3, 1.0), holds=True),
    "cello": Cut(42, (37, 43, 49, 55, 61, 67, 73), (1.4, 1.1), holds=True),
    "pizzicato": Cut(45, (36, 45, 52, 59, 66, 74, 83), (0.8, 0.4), loop=False),
    "harp": Cut(46, (34, 44, 54, 61, 70, 78, 83), (1.0, 0.5)),
    "timpani": Cut(47, (36, 43), (1.5, 1.5), loop=False),
    "strings": Cut(48, (31, 37, 43, 49, 54, 61, 67, 73, 79), (1.9, 1.3), holds=True),
    "choir": Cut(52, (39, 45, 51, 57, 63, 69, 75, 81), (1.6, 1.3), holds=True),
    "trumpet": Cut(56, (64, 72, 79, 88), (0.6, 0.6), holds=True),
    "trombone": Cut(57, (43, 48, 53, 58, 63, 68), (0.8, 0.5), holds=True),
    "horn": Cut(60, (39, 45, 51, 57, 63, 69), (1.1, 0.9), holds=True),
    "brass": Cut(61, (41, 48, 54, 60, 66, 72, 77), (1.3, 1.0), holds=True),
    "sax": Cut(65, (50, 54, 58, 62, 67, 72, 76, 80), (0.9, 0.6), holds=True),
    "oboe": Cut(68, (63, 67, 74, 82), (0.8, 0.6), holds=True),
    "bassoon": Cut(70, (35, 43, 52, 61, 73), (0.8, 0.6), holds=True),
    "clarinet": Cut(71, (52, 59, 65, 72, 78, 84), (0.7, 0.3), holds=True),
    "flute": Cut(73, (61, 67, 74, 80, 90), (1.0, 0.7), holds=True),
    "square-lead": Cut(80, (45, 57, 69, 81, 93), (0.15, 0.1), rate=32000, holds=True),
    "saw-lead": Cut(81, (45, 57, 69, 81, 93), (0.15, 0.1), rate=32000, holds=True),
    "pad": Cut(89, (84,), (1.6, 1.6), holds=True, cutoff=1500),
    "banjo": Cut(105, (50, 55, 66, 74), (1.0, 0.7)),
}
"""The pitched instruments."""

DRUMS = {
    **{36: 0.4, 37: 0.35, 38: 0.5, 39: 0.35, 40: 0.5, 42: 0.35, 44: 0.3, 46: 0.9, 49: 2.2},
    **{41: 0.8, 43: 0.8, 45: 0.8, 48: 0.8, 51: 1.6, 52: 1.2, 53: 1.2, 54: 0.4, 55: 0.9},
    **{56: 0.35, 58: 0.9, 60: 0.3, 61: 0.35, 62: 0.25, 63: 0.5, 64: 0.5, 65: 0.6, 66: 0.6},
    **{67: 0.3, 68: 0.4, 69: 0.2, 70: 0.15, 71: 0.2, 72: 0.45, 73: 0.25, 74: 0.5, 75: 0.12},
    **{76: 0.25, 77: 0.3, 78: 0.4, 79: 0.5, 80: 0.3, 81: 1.2},
}
"""The seconds of each drum, by its key."""

METAL = (42, 44, 46, 49, 51, 52, 53, 55, 54, 69, 70, 80, 81)
"""The drums with much above 11 kHz."""

DRUM = Cut(0, (), (0, 0), most=48, loop=False)
DRUM_OF_METAL = dataclasses.replace(DRUM, rate=32000)

STANDARD_KIT = (128, 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("soundfont", type=Path)
    font = SoundFont(parser.parse_args().soundfont)
    members = {}
    for name, cut in CUTS.items():
        zones = chosen(font.zones(0, cut.program), cut.pitches)
        lengths = np.linspace(*cut.seconds, len(zones))
        regions = [
            region(font, zone, seconds, cut) for zone, seconds in zip(zones, lengths, strict=True)
        ]
        members |= tables(name, regions, edges([zone.pitch for zone in zones]))
    kit = {
        key: zone for zone in font.zones(*STANDARD_KIT) for key in range(zone.low, zone.high + 1)
    }
    drums = [
        region(font, kit[key], seconds, DRUM_OF_METAL if key in METAL else DRUM, key=key)
        for key, seconds in DRUMS.items()
    ]
    members |= tables("drums", drums, [(key, key) for key in DRUMS])
    write(members, OUT)
    print(f"{OUT}: {OUT.stat().st_size:,} bytes")


def chosen(zones, pitches):
    """Return the zones nearest to each of the pitches (the brightest of several), by pitch."""
    found = {}
    for pitch in pitches:
        zone = min(zones, key=lambda each: (abs(each.pitch - pitch), -each.cutoff))
        found.setdefault(zone.sample, zone)
    return sorted(found.values(), key=lambda each: each.pitch)


def edges(pitches):
    """Return the lowest and the highest key of each recording: the border is half way."""
    borders = [int(np.ceil((a + b) / 2)) for a, b in zip(pitches, pitches[1:], strict=False)]
    lows, highs = [FIRST_KEY, *borders], [*(each - 1 for each in borders), LAST_KEY]
    return list(zip(lows, highs, strict=True))


def region(font, zone, seconds, cut, *, key=None):
    """Return what `tables` needs of one recording. key: of a drum, which has no pitch."""
    rate = cut.rate
    sound = font.sound(zone)
    if cut.holds:
        sound = extended(sound, zone, seconds)
    sound = filtered(sound, cut.cutoff or zone.cutoff, zone.rate)
    sound = begun(resampled(sound, zone.rate, rate), rate)
    available = sound[: int(seconds * rate)].copy()
    decay, start = np.inf, len(available)
    if cut.loop:
        if not cut.holds:
            own = decay_of(sound[: int(4 * seconds * rate)], rate)
            available *= np.exp(np.arange(len(available)) / rate / own)
            both = 1 / own + 1 / zone.decay
            decay = 1 / both if both else np.inf
        available, start = looped(available, rate)
    else:
        fade = len(available) // 4
        available[-fade:] *= np.linspace(1, 0, fade) ** 2
    played = np.concatenate((available, np.resize(available[start:], 2 * rate if cut.loop else 0)))
    pitch = float(key) if key is not None else pitch_of(played, rate, zone.pitch)
    available /= np.abs(available).max() * 1.02
    whole = np.rint(available * (coding.FULL_SCALE - 1)).astype(np.int16)
    order, codes, steps = best(whole, cut.most)
    decoded = coding.decode(codes, steps, order=order)
    noise = decoded - whole / coding.FULL_SCALE
    heard = decoded[: int(0.35 * rate)]
    heard = heard * np.exp(-np.arange(len(heard)) / rate / decay)
    return {
        "name": zone.name,
        "pitch": pitch,
        "off": 100 * (pitch - zone.pitch),
        "rate": rate,
        "order": order,
        "loop": start,
        "decay": decay,
        "gain": 1 / loudness(heard, rate),
        "codes": codes,
        "steps": steps,
        "db": 10 * np.log10((decoded**2).mean() / (noise**2).mean()),
    }


def extended(sound, zone, seconds):
    """Return the sound; one that is too short goes on with its loop."""
    missing = int(1.5 * seconds * zone.rate) - len(sound)
    if zone.loop is None or missing <= 0:
        return sound
    first, end = zone.loop
    return np.concatenate((sound[:end], np.resize(sound[first:end], missing + len(sound) - end)))


def filtered(sound, cutoff, rate):
    """Return the sound after a low-pass of second order."""
    if cutoff > 11000:
        return sound
    padded = np.pad(sound, (0, rate - len(sound) % rate))  # a length that is quick to transform
    hertz = np.fft.rfftfreq(len(padded), 1 / rate)
    spectrum = np.fft.rfft(padded) / np.sqrt(1 + (hertz / cutoff) ** 4)
    return np.fft.irfft(spectrum, len(padded))[: len(sound)]


def resampled(sound, before, after):
    """Return the sound at another rate, by its spectrum; exact below the lower half rate."""
    if before == after:
        return sound
    padded = np.pad(sound, (0, 2 * before - len(sound) % before))  # whole seconds
    count = len(padded) * after // before
    spectrum = np.fft.rfft(padded)[: count // 2 + 1]
    width = max(len(spectrum) // 50, 1) if after < before else 1  # a border that rings little
    if after < before:
        spectrum[-width:] *= np.cos(np.linspace(0, np.pi / 2, width)) ** 2
    spectrum = np.pad(spectrum, (0, count // 2 + 1 - len(spectrum)))
    return np.fft.irfft(spectrum, count)[: len(sound) * after // before] * after / before


def begun(sound, rate):
    """Return the sound from its onset on, with a ramp of half a millisecond."""
    loud = np.abs(sound)
    onset = int(np.argmax(loud > 0.03 * loud[: int(0.5 * rate)].max()))
    first = max(onset - rate // 1000, 0)
    cut = sound[first:].copy()
    ramp = rate // 2000
    cut[:ramp] *= np.linspace(0, 1, ramp)
    return cut


def decay_of(sound, rate):
    """Return the seconds in which the sound falls to 1/e; infinity if it does not fall."""
    frame = rate // 20
    count = len(sound) // frame
    level = np.sqrt((sound[: count * frame].reshape(count, frame) ** 2).mean(axis=1)) + 1e-9
    first = int(np.argmax(level)) + 2
    level = level[first:]
    if len(level) < 6:
        return np.inf
    slope = np.polyfit(np.arange(len(level)) * frame / rate, np.log(level), 1)[0]
    return float(-1 / slope) if slope < -1 / 12 else np.inf


def looped(sound, rate):
    """Return the sound, its end blended into its loop, and the first sample of the loop."""
    end, fade = len(sound), max(rate // 50, 32)
    fade = min(fade, end // 4)
    tail = sound[end - fade :]
    starts = np.arange(max(end // 2 - rate, end // 3, fade), end - max(end // 6, fade))
    if len(starts) < 2:
        starts = np.arange(fade, end - fade)
    windows = np.lib.stride_tricks.sliding_window_view(sound, fade)[starts - fade]
    alike = windows @ tail / (np.linalg.norm(windows, axis=1) + 1e-9) / np.linalg.norm(tail)
    start = int(starts[np.argmax(alike)])
    likeness = float(alike.max())
    weight = np.linspace(0, 1, fade, endpoint=True)
    # The power stays the same for sounds of any likeness.
    scale = np.sqrt(weight**2 + (1 - weight) ** 2 + 2 * weight * (1 - weight) * max(likeness, 0))
    sound[end - fade :] = (tail * (1 - weight) + sound[start - fade : start] * weight) / scale
    return sound, start


def pitch_of(sound, rate, expected):
    """Return the MIDI note that a sound has: of its partials near whole multiples, weighted."""
    part = sound[len(sound) // 8 :]
    size = 1 << 20
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), size))
    hertz = 440 * 2 ** ((expected - 69) / 12)
    found, weights = [], []
    for partial in range(1, 5):
        low, high = (int(partial * hertz * 2 ** (c / 1200) * size / rate) for c in (-60, 60))
        if high >= len(spectrum) or high - low < 3:
            break
        for _ in range(3):  # the middle of the power, then of what lies around that
            power = spectrum[low:high] ** 2
            middle = float((np.arange(low, high) * power).sum() / power.sum())
            reach = max(int(middle * 0.015), 2)  # 25 cents
            low, high = int(middle) - reach, int(middle) + reach + 1
        found.append(1200 * np.log2(middle * rate / size / (partial * hertz)))
        weights.append(power.sum())
    off = float(np.average(found, weights=weights))
    return expected + (off / 100 if abs(off) < MOST_OFF else 0)


def loudness(sound, rate):
    """Return how loud a sound is: its level, by half of the A-weighting (IEC 61672) in dB."""
    spectrum = np.abs(np.fft.rfft(sound)) ** 2
    f2 = np.fft.rfftfreq(len(sound), 1 / rate) ** 2
    a = (
        12194**2
        * f2**2
        / ((f2 + 20.6**2) * np.sqrt((f2 + 107.7**2) * (f2 + 737.9**2)) * (f2 + 12194**2))
    )
    return float(np.sqrt((spectrum * a).sum() * 2) / len(sound)) * 1.26


def best(whole, most):
    """Return the order of differences with the smallest steps, the codes and the steps.

    The codes are as large as the noise of rounding asks for: `ENOUGH` dB below the sound.
    """
    level = (whole.astype(float) ** 2).mean()

    def noise(order, largest):
        return (coding.steps_for(whole, order=order, most=largest).astype(float) ** 2).mean() / 12

    order = min(range(3), key=lambda each: noise(each, most))
    sizes = [size for size in (12, 16, 23, 32, 45, 64, 90) if size < most]
    enough = (s for s in sizes if noise(order, s) < level / 10 ** (ENOUGH / 10))
    return order, *coding.encode(whole, order=order, most=next(enough, most))


def tables(name, regions, keys):
    """Return the members of the archive for one instrument, and print what it is made of."""
    made = np.zeros(len(regions), REGION)
    first = 0
    for row, each, (low, high) in zip(made, regions, keys, strict=True):
        row["low"], row["high"] = low, high
        for column in ("pitch", "rate", "order", "loop", "decay", "gain"):
            row[column] = each[column]
        row["first"], row["count"] = first, len(each["codes"])
        first += len(each["codes"])
        print(
            f"{name:18} {low:3}-{high:3} {each['name']:22.22} {each['pitch']:6.2f} "
            f"({each['off']:+5.1f} cents) {len(each['codes']) / each['rate']:.2f} s, "
            f"decay {each['decay']:.2f}, order {each['order']}, {each['db']:.0f} dB"
        )
    return {
        f"{name}/regions": made,
        f"{name}/codes": np.concatenate([each["codes"] for each in regions]),
        f"{name}/steps": np.concatenate([each["steps"] for each in regions]),
    }


def write(members, path):
    """Write an .npz file, as numpy does, without the date."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in members.items():
            info = zipfile.ZipInfo(f"{name}.npy")
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w") as file:
                np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)


if __name__ == "__main__":
    main()
