"""Fuzz what howlkit reads of a run, a model and a dataset: a HowlkitError, or it can be used.

    python benchmarks/fuzz_runs.py [--mutants 10000] [--seed 0] [--kinds weights,configs,datasets]

A small model and a small dataset are made here; a mutant has some of their bytes changed, is cut,
or has values in its JSON replaced by others that hurt (numbers without bounds, deep lists, paths).
A mutant depends only on the seed and its number. A child process loads each, under a limit of
memory (200 MB more than it has before the first) and with an audit hook that refuses what runs code
of a file: pickle, marshal, compile, exec, and new processes. If the child dies, the mutant is
reported and another child goes on at the next.

Exits 1 after an error other than HowlkitError, a mutant that takes more than a second of CPU, and
one that the hook or the limit of memory stopped.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import typing
from collections import Counter
from pathlib import Path

import numpy as np

MORE_MEMORY = 200_000_000
SECONDS = 1.0
WARM = 60  # mutants before the hook is set
REFUSED = {"marshal.load", "marshal.loads", "compile", "exec", "pickle.find_class"}
REFUSED |= {"os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "import"}

WORSE = [
    *(None, True, -1, 0, 1, 2, 7, 255, 2**31, 2**63, -(2**63), 10**30, 1e308, -0.5, 0.5),
    *("", "x" * 10_000, "../../outside", "/etc/passwd", "\x1b[2J", "os.system", "tuple", "lstm"),
    *([], {}, [[]], [0] * 1000, [2**40, 2**40], [-1, 3], {"name": "os"}, {"name": "lstm"}),
]


def made(folder):
    """Write a run's model and a dataset; return the files to damage, by kind."""
    from howlkit.dataset import prepare_pieces
    from howlkit.music import Piece
    from howlkit.network.likelihood import unigram
    from howlkit.sampling.trained import Trained
    from howlkit.training.recipe import Recipe

    pieces = [
        Piece.of([(240 * k, 200, 60 + (k * (n + 1)) % 12) for k in range(40)], name=f"piece {n}")
        for n in range(6)
    ]
    recipe = Recipe.choose("tuple", "lstm", values={"lstm": {"hidden": 8, "layers": 1}})
    counts = unigram(recipe.encoder, pieces)
    network = recipe.model.build(recipe.encoder.schema, recipe.heads)
    facts = {"unigram": {name: count.tolist() for name, count in counts.items()}}
    Trained(recipe, network, facts, "plain").save_pretrained(folder / "model")
    prepare_pieces(pieces, folder / "data")
    data = sorted(p for p in (folder / "data").iterdir() if p.suffix in (".json", ".safetensors"))
    return {
        "weights": [folder / "model/model.safetensors"],
        "configs": [folder / "model/config.json", folder / "model/schema.json"],
        "datasets": [path for path in data if path.name != "report.json"],
    }


def mutant(data, rng):
    """Return damaged bytes of a file."""
    way = int(rng.integers(4))
    begin, stop = json_part(data)
    if way and stop > begin:
        try:
            changed = json.dumps(worse(json.loads(data[begin:stop]), rng)).encode()
        except ValueError:
            return data
        if begin and way == 1:  # a header that says its length
            return len(changed).to_bytes(8, "little") + changed + data[stop:]
        if not begin:
            return changed
        changed = changed[: stop - begin].ljust(stop - begin)
        return data[:begin] + changed + data[stop:]
    broken = bytearray(data)
    for _ in range(int(rng.integers(1, 6))):
        at = int(rng.integers(min(len(broken), 4000) if rng.random() < 0.7 else len(broken)))
        broken[at] = int(rng.integers(256))
    return bytes(broken[: int(rng.integers(len(broken)))] if rng.random() < 0.2 else broken)


def json_part(data):
    """Return where the JSON of a file begins and stops: all of it, or the header."""
    if data[:1] == b"{":
        return 0, len(data)
    size = int.from_bytes(data[:8], "little")
    return 8, min(8 + size, len(data))


def worse(value, rng):
    """Return JSON with one value in it, or one name, replaced."""
    if isinstance(value, dict) and value and rng.random() < 0.93:
        name = list(value)[int(rng.integers(len(value)))]
        if rng.random() < 0.1:
            kept = {key: item for key, item in value.items() if key != name}
            return kept if rng.random() < 0.5 else kept | {"x" + name: value[name]}
        return value | {name: worse(value[name], rng)}
    if isinstance(value, list) and value and rng.random() < 0.8:
        at = int(rng.integers(len(value)))
        return [*value[:at], worse(value[at], rng), *value[at + 1 :]]
    return WORSE[int(rng.integers(len(WORSE)))]


def load(kind, folder):
    """Read what a kind of mutant is part of, as commands do."""
    if kind == "datasets":
        from howlkit.dataset import Dataset

        data = Dataset.open(folder / "data")
        data.summary(), data.names, data.hashes, data.groups, data.note_counts
        for piece in data.pieces("all"):
            len(piece)
        return
    from howlkit.sampling.trained import Trained

    Trained.from_pretrained(folder / "model", stepping=None)


def watch():
    """Refuse from now on what runs code out of a file."""

    def refuse(event, arguments):
        known = event == "import" and arguments[0] in sys.modules
        if event in REFUSED and not known and not reads_annotations():
            raise RuntimeError(f"refused: {event} {str(arguments)[:200]}")

    sys.addaudithook(refuse)


def reads_annotations():
    """Say whether the typing module asks: for the annotations of howlkit's own classes."""
    frame = sys._getframe(2)
    return frame.f_code.co_filename == typing.__file__


def child(kind, folder, first, stop, seed, log):
    """Load the mutants first to stop - 1; write a line for each, what came of it."""
    from howlkit.errors import HowlkitError, printable

    printable("\x1b")  # loads the codec, which only messages need
    os.environ["HOWLKIT_CACHE"] = str(folder / "cache")
    files = [folder / line for line in (folder / f"{kind}.txt").read_text().splitlines()]
    whole = {path: path.read_bytes() for path in files}
    for number in range(WARM):  # imports what reading needs, and what errors need
        path, data = drawn(files, whole, seed + 1, number)
        path.write_bytes(data if number else whole[path])
        with contextlib.suppress(HowlkitError):
            load(kind, folder)
        path.write_bytes(whole[path])
    limit_memory()
    watch()
    with open(log, "a", buffering=1) as stream:
        for number in range(first, stop):
            path, data = drawn(files, whole, seed, number)
            stream.write(f"{number} begun\n")
            path.write_bytes(data)
            began = time.process_time()
            try:
                load(kind, folder)
                outcome = "loaded"
            except HowlkitError:
                outcome = "refused"
            except BaseException as error:
                frames = traceback.extract_tb(error.__traceback__)[-8:]
                way = " ".join(f"{Path(each.filename).stem}:{each.lineno}" for each in frames)
                outcome = f"BROKE {path.name}: {type(error).__name__}: {str(error)[:300]!r} {way}"
            took = time.process_time() - began
            if took > SECONDS:
                outcome = f"SLOW {path.name}: {took:.1f} s"
            path.write_bytes(whole[path])
            stream.write(f"{number} {outcome}\n")


def drawn(files, whole, seed, number):
    """Return the file that a mutant is of, and its bytes."""
    rng = np.random.default_rng((seed, number))
    path = files[int(rng.integers(len(files)))]
    return path, mutant(whole[path], rng)


def limit_memory():
    """Allow so much more memory than the process has now."""
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MORE_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def fuzz(kind, folder, mutants, seed):
    """Return how many mutants had each outcome, and print those that are wrong."""
    log = folder / f"{kind}.log"
    log.write_text("")
    done = 0
    while done < mutants:
        words = [sys.executable, __file__, "--child", kind, str(folder), str(done), str(mutants)]
        subprocess.run([*words, str(seed), str(log)], check=False)
        lines = log.read_text().splitlines()
        if not lines:
            raise SystemExit("the first child died before its first mutant")
        number, _, outcome = lines[-1].partition(" ")
        if outcome == "begun":
            with log.open("a") as stream:
                stream.write(f"{number} BROKE: the process died\n")
        done = int(number) + 1
    numbered = [line.partition(" ") for line in log.read_text().splitlines()]
    outcomes = [outcome for _, _, outcome in numbered]
    wrong = {}
    for number, _, outcome in numbered:
        if outcome.startswith(("BROKE", "SLOW")):
            wrong.setdefault(outcome, []).append(number)
    for outcome, numbers in sorted(wrong.items(), key=lambda found: -len(found[1]))[:20]:
        print(f"  {len(numbers)} x, first mutant {numbers[0]}: {outcome}")
    counts = Counter(outcome.split()[0] for outcome in outcomes if outcome != "begun")
    print(f"{kind}: {dict(counts)}", flush=True)
    return sum(map(len, wrong.values()))


def main():
    if sys.argv[1:2] == ["--child"]:
        kind, folder, first, stop, seed, log = sys.argv[2:]
        child(kind, Path(folder), int(first), int(stop), int(seed), log)
        return
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mutants", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", default="weights,configs,datasets")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="howlkit-fuzz-"))
    wrong = 0
    for kind, files in made(folder).items():
        if kind in given.kinds.split(","):
            names = [str(path.relative_to(folder)) for path in files]
            (folder / f"{kind}.txt").write_text("\n".join(names))
            wrong += fuzz(kind, folder, given.mutants, given.seed)
    shutil.rmtree(folder)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
