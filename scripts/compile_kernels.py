"""Let numba compile the code of steps before the tests run, which would else do so twice at once.

    python scripts/compile_kernels.py

Does nothing where numba is not installed. The machine code lies where numba keeps it; a second run
finds it there and takes seconds.
"""

import importlib.util
import os
import tempfile
from pathlib import Path

import howlkit

STEPS = 2
MUSIC = [
    howlkit.Piece.of([(240 * k, 200, 60 + (k + seed) % 12) for k in range(60)], name=f"{seed}")
    for seed in range(10)
]
PLAIN = {"heads.repeats": (), "heads.elapsed": False, "heads.pitch_classes": 0}
ALL = {"heads.repeats": "all", "heads.elapsed": True, "heads.pitch_classes": 64}
OPTIONS = (PLAIN, ALL, {**ALL, "heads.relative": True})  # each has kernels of its own
SMALL = {"lstm.hidden": 8, "training.batch": 2}


def main() -> None:
    if importlib.util.find_spec("numba") is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HOWLKIT_CACHE"] = folder
        data = howlkit.prepare(MUSIC, Path(folder, "data"), quiet=True)
        for number, heads in enumerate(OPTIONS):
            run = Path(folder, f"run{number}")
            trained = howlkit.train(
                data, options=SMALL | heads, steps=STEPS, out_dir=run, device="cpu", quiet=True
            )
            for rows in (1, 2):  # one row and several have kernels of their own
                trained.sample(rows, notes=4, seed=0)
                trained.sample(rows, notes=4, seed=0, without=["all"])


if __name__ == "__main__":
    main()
