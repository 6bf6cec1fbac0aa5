"""From MIDI files to steps, parsing included: howlkit's encoders beside parsers and tokenizers.

    HOWLKIT_DATA=folder python benchmarks/encoding.py [--files 100] [--peer-files 20] [--rounds 5]

Measures notes a second of CPU time on one core, on the same files of each of `FOLDERS`, the files
read from the disk's cache each time. The limit is symusic's parser alone. Peers are MidiTok's
tokenizers, and other libraries that read MIDI; each is left out where it is not installed (`pip
install howlkit[benchmarks]`). They are slow, and so get fewer files; what they are compared with is
howlkit on those files. Everything takes turns within a round; medians and, as spread, the least and
the most over the rounds are printed as JSON.
"""

import argparse
import contextlib
import importlib
import importlib.metadata
import json
import os
import platform
import random
import statistics
import sys
import time
import warnings
from pathlib import Path

from symusic import Score

from howlkit import midi
from howlkit.recipe import Recipe

FOLDERS = ("pop909", "asap_performances")
ENCODERS = ("tuple", "howl", "remi", "event", "pianoroll", "voices")
TOKENIZERS = {  # of the same kind, told to keep what the encoder keeps
    "tuple": ("Octuple", {"use_programs": True}),
    "remi": (
        "REMI",
        {"use_programs": True, "use_tempos": True, "use_time_signatures": True},
    ),
    "event": ("MIDILike", {"use_programs": True}),
}
READERS = {
    "mido": lambda mido, path: mido.MidiFile(path),
    "pretty_midi": lambda pretty_midi, path: pretty_midi.PrettyMIDI(str(path)),
    "music21": lambda music21, path: music21.converter.parse(path, forceSource=True),
}
READER_FILES = 3  # of these: music21 takes seconds a file


def installed(name):
    """Return a module, or None and a word about it on stderr."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        print(f"{name} is left out: {error}", file=sys.stderr)
        return None


def howlkit_works():
    """Return by name what howlkit does with a path."""
    works = {"read": midi.read}
    for name in ENCODERS:
        encoder = Recipe.choose(name, "lstm").encoder
        works[name] = lambda path, encode=encoder.encode: encode(midi.read(path))
    return works


def tokenizers():
    """Return by name what MidiTok's tokenizers do with a path; none if it is not installed."""
    miditok = installed("miditok")
    if miditok is None:
        return {}
    return {
        kind: getattr(miditok, kind)(miditok.TokenizerConfig(**options)).encode
        for kind, options in TOKENIZERS.values()
    }


def other_readers():
    found = {name: installed(name) for name in READERS}
    return {
        name: lambda path, read=READERS[name], module=module: read(module, path)
        for name, module in found.items()
        if module is not None
    }


def timed(work, paths):
    began = time.process_time()
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        for path in paths:
            work(path)
    return time.process_time() - began


def rates(works, paths, notes, rounds):
    """Return by name the notes a second of each round; a first round, not counted, warms up."""
    seconds = {name: [] for name in works}
    for number in range(rounds + 1):
        for name, work in works.items():
            took = timed(work, paths)
            if number:
                seconds[name].append(took)
    return {name: [notes / took for took in times] for name, times in seconds.items()}


def summary(found):
    return {
        "notes_a_second": round(statistics.median(found)),
        "spread": [round(min(found)), round(max(found))],
    }


def of(one, other):
    """Return the median over the rounds of the ratio of two rates, and its spread."""
    ratios = [a / b for a, b in zip(one, other, strict=True)]
    return {
        "median": round(statistics.median(ratios), 3),
        "spread": [round(min(ratios), 3), round(max(ratios), 3)],
    }


def measure(folder, files, peer_files, rounds):
    paths = sorted(midi.find([Path(os.environ["HOWLKIT_DATA"]) / folder]))
    paths = random.Random(0).sample(paths, min(files, len(paths)))
    counts = [len(midi.read(path)) for path in paths]
    parse = {"symusic": lambda path: Score.from_midi(path.read_bytes())}
    ours = rates(parse | howlkit_works(), paths, sum(counts), rounds)
    result = {"files": len(paths), "notes": sum(counts), "works": {}}
    for name, found in ours.items():
        result["works"][name] = summary(found) | {"of_symusic": of(found, ours["symusic"])}
    few, notes = paths[:peer_files], sum(counts[:peer_files])
    peers = tokenizers()
    beside = {name: work for name, work in howlkit_works().items() if name in TOKENIZERS}
    found = rates(peers | beside, few, notes, min(rounds, 3)) if peers else {}
    result["miditok"] = {
        kind: summary(found[kind]) | {f"{name}_is_faster_by": of(found[name], found[kind])}
        for name, (kind, _) in TOKENIZERS.items()
        if found
    }
    few, notes = paths[:READER_FILES], sum(counts[:READER_FILES])
    found = rates(other_readers() | {"read": midi.read}, few, notes, 1)
    result["readers"] = {
        name: summary(rate) | {"read_is_faster_by": of(found["read"], rate)}
        for name, rate in found.items()
        if name != "read"
    }
    return result


def versions():
    known = {}
    for name in ("howlkit", "numpy", "symusic", "miditok", "mido", "pretty_midi", "music21"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            known[name] = importlib.metadata.version(name)
    return {"python": platform.python_version(), **known}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--peer-files", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if "HOWLKIT_DATA" not in os.environ:
        sys.exit(f"HOWLKIT_DATA must name a folder that has {' and '.join(FOLDERS)} in it")
    folders = {
        folder: measure(folder, options.files, options.peer_files, options.rounds)
        for folder in FOLDERS
    }
    about = {"machine": platform.processor() or platform.machine(), "cores": 1}
    print(json.dumps({**about, "versions": versions(), "folders": folders}, indent=1))


if __name__ == "__main__":
    main()
