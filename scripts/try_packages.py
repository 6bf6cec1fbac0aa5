"""Tries the packages as users get them: wheels of howlkit and of plugins/, in one environment.

    python scripts/try_packages.py [--keep FOLDER]

Builds the wheels and installs them into a new environment outside the repository, with the versions
of constraints.txt. There it makes music with the model that comes along and opens the studio,
without a network where the system can take it away; trains and samples with an encoder of one
package and a model of another, checks each package with howlkit.testing, and writes a score. It
takes some five minutes, most of them for installing. Exits 1 at the first command that fails.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))

SMALL = {
    "lstm": ["lstm.hidden=32"],
    "transformer": ["transformer.width=32", "transformer.layers=2", "transformer.window=64"],
    "ssm": ["ssm.width=32", "ssm.inner=32", "ssm.heads=2", "ssm.states=8"],
}
RUNS = [
    ("tuple", "transformer", []),
    ("pianoroll", "ssm", ["pianoroll.grid=2"]),
    ("voices", "transformer", ["voices.steps=changes"]),
    ("miditok", "transformer", ["miditok.tokenizer=Octuple"]),
    ("miditok", "ssm", ["miditok.learn=BPE", "miditok.size=800"]),
    ("miditok", "lstm", ["miditok.tokenizer=CPWord"]),
]
CHECKS = [
    ("transformer", SMALL["transformer"]),
    ("ssm", SMALL["ssm"]),
    ("music21", []),
    ("miditok", []),
    ("miditok", ["miditok.tokenizer=CPWord"]),
    ("miditok", ["miditok.tokenizer=MMM"]),
]


class Environment:
    """A new environment, and a folder to work in."""

    def __init__(self, folder):
        self.folder = folder
        self.python = folder / "venv" / "bin" / "python"
        self.run(sys.executable, "-m", "venv", folder / "venv")

    def run(self, *command):
        """Run a command in the folder; CalledProcessError if it fails."""
        print("$", *command, file=sys.stderr)
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        subprocess.run(list(map(str, command)), check=True, cwd=self.folder, env=kept)

    def pip(self, *arguments):
        """Run pip with the versions of constraints.txt."""
        quiet = ("--quiet", "--disable-pip-version-check", "-c", ROOT / "constraints.txt")
        self.run(self.python, "-m", "pip", *arguments, *quiet)

    def howlkit(self, *arguments, before=()):
        """Run a command of howlkit; every plugin must load. before: what runs the command."""
        self.run(*before, self.python, "-m", "howlkit", "--strict-plugins", *arguments)


def options(words):
    return [argument for word in words for argument in ("-o", word)]


def install(environment):
    wheels = environment.folder / "wheels"
    for source in (ROOT, *PACKAGES):
        environment.pip("wheel", "--no-deps", "-w", wheels, source)
    environment.pip("install", *sorted(wheels.glob("*.whl")))
    environment.howlkit("plugins", "list")


def train_and_sample(environment):
    for number, (encoder, model, words) in enumerate(RUNS):
        chosen = options([*words, *SMALL[model], "training.batch=4"])
        run, new = f"run{number}", f"new{number}.mid"
        parts = "--encoder", encoder, "--model", model, *chosen
        environment.howlkit("train", *parts, "--steps", 20, "--out-dir", run)
        environment.howlkit("sample", run, "--notes", 40, "--out", new)
        environment.howlkit("info", new)
        environment.howlkit("render", new, "--out", f"new{number}.wav")
        environment.howlkit("play", new, "--out", f"new{number}.html")
        environment.howlkit("plot", new, "--out", f"new{number}.svg")
        environment.howlkit("audit", new, "--data", run)
    environment.howlkit("report", "run0", "--pieces", 2, "--seconds", 5, "--out", "report.html")
    environment.howlkit("report", "new0.mid", "new1.mid", "--model", "run0", "--out", "files.html")
    environment.howlkit("report", "--blind", "run0", "chorales", "--pairs", 2, "--out", "test.html")


def scores(environment):
    """Prepare a corpus of music21, train on it, and write a sample as a score."""
    environment.howlkit("prepare", "schoenberg", "--out", "schoenberg")
    small = options([*SMALL["transformer"], "training.batch=2"])
    environment.howlkit(
        "train", "schoenberg", "--model", "transformer", *small, "--steps", 5, "--out-dir", "score"
    )
    environment.howlkit("sample", "score", "--notes", 40, "--out", "score.mid")
    environment.howlkit("notate", "score.mid", "--out", "score.musicxml")


def first_minute(environment):
    """Do what a newcomer does, with the network off: sample, replay, listen, open the studio."""
    offline = [] if shutil.which("unshare") is None else ["unshare", "--net", "--map-root-user"]
    environment.howlkit("models", before=offline)
    environment.howlkit("sample", "--beats", 32, "--seed", 3, "--out", "first.mid", before=offline)
    environment.howlkit("replay", "first.mid", before=offline)
    environment.howlkit("play", "first.mid", "--out", "first.html", before=offline)
    environment.run(*offline, environment.python, ROOT / "scripts" / "try_studio.py", "studio")


def sizes(environment):
    """Print the size of the wheel of howlkit, and what takes how much of it."""
    [wheel] = (environment.folder / "wheels").glob("howlkit-[0-9]*.whl")
    parts = Counter()
    with zipfile.ZipFile(wheel) as packed:
        for each in packed.infolist():
            words = each.filename.split("/")
            data = words[1:2] == ["data"]
            parts["/".join(words[:3]) if data else "code"] += each.compress_size
    for part, size in parts.most_common():
        print(f"{size / 1e6:8.3f} MB  {part}")
    print(f"{wheel.stat().st_size / 1e6:8.3f} MB  {wheel.name}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--keep", type=Path, help="a new folder, which stays")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        environment = Environment(folder.resolve())
        install(environment)
        sizes(environment)
        first_minute(environment)
        train_and_sample(environment)
        scores(environment)
        for name, words in CHECKS:
            environment.howlkit("plugins", "check", name, *options(words))
    print(f"{len(RUNS)} runs and {len(CHECKS)} checks: all well")


if __name__ == "__main__":
    main()
