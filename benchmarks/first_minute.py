"""The time of each command of a first minute: whole processes, with the model that comes along.

    python benchmarks/first_minute.py [--repeats 5]

The first `sample` fills the cache of machine code and the first `audit` makes what it searches, so
both are done once before. `sample --stepping plain` is what people have without numba.
"""

import os
import tempfile
import time
from pathlib import Path

from measuring import arguments, machine, row, write
from starting import howlkit

MODEL = "chorales"


def commands(folder):
    """Yield the name, the words and what is asked, in seconds, of each command."""
    music = folder / "music.mid"
    beats = ("--beats", 32, "--seed", 1, "--force")
    yield "sample", ("sample", MODEL, *beats, "--out", music), "<= 1"
    plain = ("--stepping", "plain", "--out", folder / "plain.mid")
    yield "sample --stepping plain", ("sample", MODEL, *beats, *plain), "<= 4"
    yield "render", ("render", music, "--out", folder / "music.wav", "--force"), ""
    yield "plot", ("plot", music, "--out", folder / "music.svg", "--force"), ""
    yield "report", ("report", music, "--out", folder / "music.html", "--force"), ""
    yield "replay", ("replay", music), ""
    yield "audit", ("audit", music, "--data", MODEL), ""


def seconds(call):
    """Return how long a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def main():
    parser = arguments(__doc__, "first_minute")
    parser.set_defaults(repeats=5)
    options = parser.parse_args()
    before, rows, total = machine(), [], []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HOWLKIT_CACHE"] = str(Path(folder, "cache"))
        for name, words, asked in commands(Path(folder)):
            call = howlkit(*words)
            call()
            taken = [seconds(call) for _ in range(options.repeats)]
            rows.append(row(f"howlkit {name}", taken, "s", data="32 beats", asked=asked))
            if "plain" not in name:
                total.append(taken)
    together = [sum(each) for each in zip(*total, strict=True)]
    rows.append(row("together, without plain", together, "s", data="32 beats", asked="<= 20"))
    write(options.json, "first_minute", rows, peers=["numba"], machine_before=before)


if __name__ == "__main__":
    main()
