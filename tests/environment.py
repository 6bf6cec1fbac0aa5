"""A fresh environment with howlkit in it as its users have it: built as a wheel, and installed."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[1]
OFFLINE = ("--no-deps", "--no-index", "--disable-pip-version-check", "--quiet")


class Environment:
    """A virtual environment of its own; what howlkit requires comes from the one tests run in."""

    def __init__(self, folder):
        self.folder = folder
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
        programs = "Scripts/python.exe" if os.name == "nt" else "bin/python"
        self.python = folder / "venv" / programs
        (site,) = folder.glob("venv/**/site-packages")
        (site / "requirements.pth").write_text(f"{self._requirements()}\n")
        self.install(self._wheel_of_howlkit())

    def _requirements(self):
        """Return a folder of all that is installed where tests run, but howlkit and its plugins."""
        folder = self.folder / "requirements"
        folder.mkdir()
        for place in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
            for entry in Path(place).iterdir():
                if not entry.name.startswith(("howlkit", "__editable__")):
                    (folder / entry.name).symlink_to(entry)
        return folder

    def _wheel_of_howlkit(self):
        source = self.folder / "source"  # a copy, since building writes beside the source
        leave = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "howlkit", source / "howlkit", ignore=leave)
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, source)
        command = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", *OFFLINE]
        subprocess.run([*command, "-w", self.folder, source], check=True)
        return next(self.folder.glob("howlkit-*.whl"))

    def install(self, *wheels):
        # The other environment's packages are seen from here: they are none of pip's business.
        command = [self.python, "-m", "pip", "install", "--ignore-installed", *OFFLINE]
        subprocess.run([*command, "--no-compile", *wheels], check=True)

    def run(self, *arguments, cwd=None, **environment):
        """Run Python with these arguments in it; return it finished."""
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run(
            [self.python, *map(str, arguments)],
            cwd=cwd or self.folder,
            # Compiling the code of steps for each environment would take longer than its tests.
            env={
                **kept,
                "OMP_NUM_THREADS": "1",
                "HOWLKIT_SAMPLE_STEPPING": "plain",
                **environment,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def howlkit(self, *arguments, cwd=None, **environment):
        """Run a command of howlkit's in it; return it finished."""
        return self.run("-m", "howlkit", *arguments, cwd=cwd, **environment)


def wheel(folder, name, source, *, version, requires=()):
    """Write a wheel of one module that is a plugin (PyPA, "Binary distribution format")."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    metadata = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {r}" for r in requires)]
    files = {
        f"{module}.py": dedent(source),
        f"{info}/METADATA": "\n".join(["Metadata-Version: 2.1", *metadata, ""]),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[howlkit]\n{name.removeprefix('howlkit-')} = {module}\n",
    }
    path = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
        record = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
        archive.writestr(f"{info}/RECORD", record)
    return path
