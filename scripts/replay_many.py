"""Sample files in many ways, replay each, and count those that come back byte for byte.

    python scripts/replay_many.py [RUN] [--files 200] [--without-numba]

RUN: by default the model that comes with howlkit. Exits 1 if a file does not come back.
--without-numba: as where numba is not installed, so that torch steps the network.
"""

import argparse
import contextlib
import io
import sys
import tempfile
import time
from pathlib import Path

WAYS = [
    ["--beats", "16"],
    ["--bars", "4", "--temperature", "0.9"],
    ["--notes", "40", "--key", "D minor"],
    ["--seconds", "10", "--range", "40-76", "--max-polyphony", "3"],
    ["--beats", "8", "-o", "autoregressive.top_p=1", "-o", "autoregressive.min_p=0.02"],
    ["--bars", "3", "--time-signature", "3/4", "--tempo", "72"],
    ["--beats", "8", "--prompt", "PROMPT", "--prompt-seconds", "6"],
    ["--prompt", "PROMPT", "--replace", "2-3", "--candidates", "4"],
]
TOGETHER = 4
"""Files of each call."""


def call(*arguments):
    """Run a command in this process; return its exit code and what it printed."""
    from howlkit.cli import main

    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as stop:
            return stop.code or 0, out.getvalue()
    return 0, out.getvalue()


def made(run, folder, number):
    """Sample the files of one call; return their paths and the prompt, if there is one."""
    way = WAYS[number % len(WAYS)]
    prompt = folder / "prompt.mid"
    words = [prompt if word == "PROMPT" else word for word in way]
    out = folder / f"{number}.mid"
    code, said = call("sample", run, "--seed", number, "-n", TOGETHER, "--out", out, *words)
    if code:
        sys.exit(said)
    return sorted(folder.glob(f"{number}-*.mid")), prompt if "PROMPT" in way else None


def replay(run, paths, prompt):
    """Return how many of the files come back byte for byte."""
    given = ["--prompt", prompt] if prompt is not None else []
    code, said = call("replay", *paths, "--run", run, *given)
    same = said.count(": the same ")
    if code:
        print(said, file=sys.stderr)
    return same


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", nargs="?", default="chorales")
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--without-numba", action="store_true")
    given = parser.parse_args()
    if given.without_numba:
        sys.modules["numba"] = None  # importing it fails, as where it is not installed
    began, same, total = time.process_time(), 0, 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        code, said = call(
            *("sample", given.run, "--bars", 6, "--seed", 1, "--out", folder / "prompt.mid")
        )
        if code:
            sys.exit(said)
        for number in range(given.files // TOGETHER):
            paths, prompt = made(given.run, folder, number)
            same, total = same + replay(given.run, paths, prompt), total + len(paths)
    how = "without" if given.without_numba else "with"
    print(f"{same} of {total} files come back byte for byte, {how} numba", end="; ")
    print(f"{time.process_time() - began:.0f} s of CPU")
    sys.exit(same < total)


if __name__ == "__main__":
    main()
