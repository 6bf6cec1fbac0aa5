"""Draw the pictures of docs/steering.md: what each of its commands makes, as a piano-roll.

    python scripts/steering_pictures.py
    HOWLKIT_DATA=folder python scripts/steering_pictures.py    # with the picture of instruments

RUN on the page is a run on the chorales that come with howlkit, BAND one on the folder freedoom of
HOWLKIT_DATA. A run that is not there is trained first, for `--minutes`. The commands are read from
the page, each with the picture below it, so the page says how its pictures are made.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from howlkit.music import midi, plot

DOCS = Path(__file__).parents[1] / "docs"
PICTURE = re.compile(r"^    howlkit (sample \w+.*)\n\n!\[.*\]\((pictures/.+\.svg)\)$", re.MULTILINE)
"""A command of the page, and the picture below it."""

WIDTH = 720  # CSS pixels


def pictures(page: str) -> list[tuple[list[str], str]]:
    """Return the words of each command that has a picture on the page, and the picture's file."""
    return [(shlex.split(command), file) for command, file in PICTURE.findall(page)]


def main() -> None:
    """Train what is not there, sample and draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=Path, default=Path("runs/steering"))
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--out", type=Path, default=DOCS, help="the folder of pictures/")
    arguments = parser.parse_args()
    music = os.environ.get("HOWLKIT_DATA")
    sources = {"RUN": []} | ({"BAND": [Path(music) / "freedoom"]} if music else {})
    for name, data in sources.items():
        train(data, arguments.runs / name.lower(), arguments.minutes)
    for words, file in pictures((DOCS / "steering.md").read_text(encoding="utf-8")):
        if words[1] in sources:
            draw(words, arguments.runs / words[1].lower(), arguments.out / file)
        else:
            print(f"{file} is left out: HOWLKIT_DATA does not say where freedoom is")


def train(data: list[Path], run: Path, minutes: float) -> None:
    """Train a run on some folders, or on the chorales, unless there is one."""
    if not (run / "model" / "model.safetensors").is_file():
        howlkit("train", *data, "--augment", "transpose", "--minutes", minutes, "--out-dir", run)


def draw(words: list[str], run: Path, picture: Path) -> None:
    """Sample as the words of a command say, and write the picture."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "new.mid"
        howlkit("sample", run, *words[2:], "--out", made)
        piece = midi.read(made)
    picture.parent.mkdir(parents=True, exist_ok=True)
    plot.save(piece, picture, width=WIDTH, unit="bars", title=picture.stem.replace("-", " "))
    print(f"{picture}  {len(piece)} notes, {picture.stat().st_size:,} bytes")


def howlkit(*words: object) -> None:
    """Run a command of howlkit."""
    subprocess.run([sys.executable, "-m", "howlkit", *map(str, words)], check=True)


if __name__ == "__main__":
    main()
