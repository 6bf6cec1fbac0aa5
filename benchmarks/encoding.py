"""The speed from MIDI files to steps: howlkit's encoders against parsers and tokenizers.

    HOWLKIT_DATA=folder python benchmarks/encoding.py [--files 100] [--peer-files 20] [--repeats 3]

Measures notes a second of CPU time on one core, parsing included, on the same files of each of
`FOLDERS`, read from the disk's cache each time. The limit is symusic's parser alone. Peers are
MidiTok's tokenizers and other libraries that read MIDI; those that are not installed are left out
(`pip install howlkit[benchmarks]`). Peers are slow, so they get fewer files, and are compared with
howlkit on the same files. All take turns within a round; the medians, minima and maxima over the
rounds are written in the form of measuring.py.
"""

import contextlib
import importlib
import operator
import os
import random
import sys
import time
import warnings
from pathlib import Path

import measuring
from symusic import Score

from howlkit.music import midi
from howlkit.plugins import unwrapped
from howlkit.training.recipe import Recipe

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
UNIT = "notes/s"
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
        encoder = unwrapped(Recipe.choose(name, "lstm").encoder)  # the encoder, not its checks
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


def measure(folder, files, peer_files, rounds):
    """Return rows about a folder, and for `together` its notes and what howlkit had a second."""
    paths = sorted(midi.find([Path(os.environ["HOWLKIT_DATA"]) / folder]))
    paths = random.Random(0).sample(paths, min(files, len(paths)))
    counts = [len(midi.read(path)) for path in paths]
    parse = {"symusic": lambda path: Score.from_midi(path.read_bytes())}
    ours = rates(parse | howlkit_works(), paths, sum(counts), rounds)
    result = beside_the_parser(ours, folder)
    few, notes = paths[:peer_files], sum(counts[:peer_files])
    works, peers = howlkit_works(), tokenizers()
    for name, (kind, _) in TOKENIZERS.items():
        if kind in peers:
            found = rates({name: works[name], kind: peers[kind]}, few, notes, min(rounds, 3))
            result.append(against(name, found[name], f"MidiTok's {kind}", found[kind], folder, few))
    few, notes = paths[:READER_FILES], sum(counts[:READER_FILES])
    for reader, read in other_readers().items():
        found = rates({"read": midi.read, reader: read}, few, notes, 1)
        result.append(against("read", found["read"], reader, found[reader], folder, few))
    return result, (sum(counts), ours)


def together(measured):
    """Return by name the notes a second of each round over the files of all folders."""
    counts = [notes for notes, _ in measured]
    return {
        name: [
            sum(counts) / sum(map(operator.truediv, counts, rates))  # notes by seconds
            for rates in zip(*(ours[name] for _, ours in measured), strict=True)
        ]
        for name in measured[0][1]
    }


def beside_the_parser(rates, data):
    limit = {"limit": rates["symusic"], "limit_name": "symusic's parser"}
    return [
        measuring.row(name, found, UNIT, data=data, asked=asked(name, data), **limit)
        for name, found in rates.items()
    ]


def against(name, ours, peer, theirs, folder, paths):
    data = f"{len(paths)} files of {folder}"
    return measuring.row(name, ours, UNIT, data=data, peer=theirs, peer_name=peer)


def asked(name, folder):
    """Return the ratio to the parser that is aimed at: more of encoders of a step a note."""
    if name not in ENCODERS:
        return ""
    return ">= 0.30" if name in ("tuple", "howl") and folder != "pop909" else ">= 0.20"


def main():
    parser = measuring.arguments(__doc__, "encoding")
    parser.set_defaults(repeats=3)
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--peer-files", type=int, default=20)
    options = parser.parse_args()
    if "HOWLKIT_DATA" not in os.environ:
        sys.exit(f"HOWLKIT_DATA must name a folder that has {' and '.join(FOLDERS)} in it")
    before, rows = measuring.machine(), []
    measured = []
    for folder in FOLDERS:
        found, rates = measure(folder, options.files, options.peer_files, options.repeats)
        rows += found
        measured.append(rates)
    rows += beside_the_parser(together(measured), "the files of both")
    peers = ("miditok", "mido", "pretty_midi", "music21")
    notes = ["CPU time of one core; parsing is included everywhere"]
    measuring.write(options.json, "encoding", rows, notes=notes, peers=peers, machine_before=before)


if __name__ == "__main__":
    main()
