"""Prints constraints for pip: the lowest version of each package that howlkit may run with.

    python scripts/lowest_versions.py [--torch] > lowest.txt

The bounds are those of pyproject.toml, with what its extras for users need, and those of the
packages in plugins/; where several name a package, the highest bound counts. torch, which is large,
has the version of constraints.txt, and its lowest with --torch (.github/workflows/tests.yml).
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOR_USERS = ("png", "fast", "told", "sound", "soundfont")
BOUND = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?>=([0-9.]+)")


def projects():
    """Yield the table [project] of howlkit and of each package in plugins/."""
    for path in [ROOT / "pyproject.toml", *sorted(ROOT.glob("plugins/*/pyproject.toml"))]:
        yield tomllib.loads(path.read_text(encoding="utf-8"))["project"]


def lowest():
    """Return the lower bound of each package, by name."""
    found = {}
    for project in projects():
        extras = project.get("optional-dependencies", {})
        listed = [line for name in FOR_USERS for line in extras.get(name, ())]
        for line in [*project["dependencies"], *listed]:
            name, bound = BOUND.match(line).groups()
            found[name] = max(found.get(name, bound), bound, key=parts)
    return found


def parts(version):
    """Return the numbers of a version, which order it."""
    return [int(number) for number in version.split(".")]


def constraints(*, torch):
    """Return the lines of a constraints file; pip finds what else fits them.

    torch: whether torch has its lowest version too.
    """
    bounds = lowest()
    del bounds["howlkit"]
    if not torch:
        tested = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
        line = next(line for line in tested if line.startswith("torch=="))
        bounds["torch"] = line.partition("==")[2]
    return [f"{name}=={version}" for name, version in sorted(bounds.items())]


if __name__ == "__main__":
    print(*constraints(torch="--torch" in sys.argv[1:]), sep="\n")
