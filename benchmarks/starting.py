"""The time of `howlkit --help`, and of `howlkit sample` with a small model for one note.

    python benchmarks/starting.py [--repeats 7]

Whole processes are timed, in turns with the limits: `python -c "import click"` and `python -c
"import torch"`. The sample has one note and is written to a file. The run is trained first, for
twenty steps on the chorales that come with howlkit.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from measuring import alternated, arguments, machine, row, write


def process(*words):
    """Return a call that runs Python with these words, its bytecode kept as for any user."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

    def call():
        subprocess.run(
            [sys.executable, *map(str, words)],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
        )

    return call


def howlkit(*words):
    return process("-m", "howlkit", *words)


def main():
    options = arguments(__doc__, "starting").parse_args()
    before = machine()
    with tempfile.TemporaryDirectory() as folder:
        run, out = Path(folder) / "run", Path(folder) / "new.mid"
        howlkit("train", "--steps", 20, "--out-dir", run)()
        cases = [
            ("howlkit --help", howlkit("--help"), "import click", "<= 2"),
            ("howlkit plugins list", howlkit("plugins", "list"), "import click", ""),
            (
                "howlkit sample, one note",
                howlkit("sample", run, "--notes", 1, "--out", out, "--force"),
                "import torch",
                "<= 1.3",
            ),
            (
                "howlkit sample, one note, --stepping plain",
                howlkit(
                    "sample", run, "--notes", 1, "--out", out, "--force", "--stepping", "plain"
                ),
                "import torch",
                "",
            ),
        ]
        rows = []
        for what, call, limit, asked in cases:
            ours, theirs = alternated(options.repeats, call, process("-c", limit))
            name = f'python -c "{limit}"'
            rows.append(row(what, ours, "s", limit=theirs, limit_name=name, asked=asked))
    write(options.json, "starting", rows, machine_before=before)


if __name__ == "__main__":
    main()
