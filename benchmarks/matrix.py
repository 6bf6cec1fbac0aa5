"""Every encoder with every model and both kinds of heads, on real music; prints a table.

    HOWLKIT_DATA=folder python benchmarks/matrix.py [--steps 20] [--files 40] [--only TEXT]

HOWLKIT_DATA has the folders of `FOLDERS`. Each case is trained for a few steps on some of a
folder's files, samples 10 seconds of music, which are written as MIDI and read again, and is
evaluated, with the commands as users call them. This checks that all parts work together, and
measures nothing. Exits 1 if a case fails, and prints the error.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path

from howlkit import options, plugins
from howlkit.music import midi

FOLDERS = ("nottingham", "asap_performances")
SMALL = {"hidden": 64, "width": 64, "layers": 1}  # options of models, where they have them


class CommandFailed(Exception):
    """A command that did not exit 0; what it said last."""


def howlkit(*arguments):
    command = [sys.executable, "-m", "howlkit", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise CommandFailed(f"howlkit {arguments[0]} exited {done.returncode}: {last}")
    return done.stdout


def small(model):
    there = {option.name for option in options.describe(plugins.get("model", model).cls)}
    return [w for n, v in SMALL.items() if n in there for w in ("-o", f"{model}.{n}={v}")]


def prepared(folder, files, out):
    """Prepare the first files of a folder, by name; return the dataset."""
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".mid", ".midi"))
    if not found:
        raise CommandFailed(f"there is no MIDI file in {folder}")
    howlkit("prepare", *found[:files], "--out", out)
    return out


def run(data, encoder, model, heads, *, steps, folder):
    chained = f"heads.chained={str(heads == 'chained').lower()}"
    small_options = [*small(model), "-o", "training.batch=8", "-o", chained]
    plan = ["--encoder", encoder, "--model", model, *small_options, "--steps", steps]
    howlkit("train", data, *plan, "--out-dir", folder)
    howlkit("sample", folder, "--seconds", 10, "--seed", 1, "--out", folder / "new.mid")
    notes = len(midi.read(folder / "new.mid"))
    if not notes:
        raise CommandFailed("howlkit sample made no notes")
    ratio = json.loads(howlkit("evaluate", folder, "--json"))["ratio"]
    return f"{notes} | {ratio:.3f}" if ratio is not None else f"{notes} | -"


def cases(only):
    names = {kind: [c.name for c in plugins.components(kind)] for kind in ("encoder", "model")}
    for case in product(FOLDERS, names["encoder"], names["model"], ("chained", "independent")):
        if only in " ".join(case):
            yield case


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--files", type=int, default=40)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    if "HOWLKIT_DATA" not in os.environ:
        print("skipped: HOWLKIT_DATA does not name a folder with " + ", ".join(FOLDERS))
        return
    failed, datasets = 0, {}
    print("| folder | encoder | model | heads | notes | of unigram | seconds |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        for number, case in enumerate(cases(arguments.only)):
            name, *parts = case
            began = time.perf_counter()
            try:
                if name not in datasets:
                    source, out = Path(os.environ["HOWLKIT_DATA"]) / name, Path(scratch) / name
                    datasets[name] = prepared(source, arguments.files, out)
                folder = Path(scratch) / str(number)
                cells = run(datasets[name], *parts, steps=arguments.steps, folder=folder)
            except Exception as error:
                failed, cells = failed + 1, f"FAILED | {type(error).__name__}: {error}"
            seconds = time.perf_counter() - began
            print(f"| {' | '.join(case)} | {cells} | {seconds:.0f} |", flush=True)
    if failed:
        sys.exit(f"{failed} cases failed")


if __name__ == "__main__":
    main()
