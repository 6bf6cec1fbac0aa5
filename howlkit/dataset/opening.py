"""Opens what users name as DATA: folders, files, collections, a prepared dataset, or nothing.

Folders are prepared into the user's cache folder, under a name made of their paths, so that a
second run on them starts at once and reads only what has changed. `HOWLKIT_CACHE` names another
folder.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import platformdirs

from howlkit import __version__
from howlkit.dataset.dataset import Dataset
from howlkit.dataset.names import MANIFEST
from howlkit.dataset.preparation import prepare, prepare_pieces
from howlkit.dataset.readers import Readers
from howlkit.dataset.report import PreparationReport
from howlkit.dataset.rights import RightsTables
from howlkit.errors import BusyError, DataError, printable
from howlkit.music import chorales

Tell = Callable[[str], None]

CHORALES_SEED = 3
"""The seed of the chorales' split: the first that comes near 80, 10 and 10 % (289, 35, 37)."""

__all__ = ["cache_folder", "describe", "is_dataset", "open_data"]


def open_data(
    sources: Sequence[Path],
    *,
    strict: bool = False,
    tell: Tell,
    progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Return the dataset that `sources` name, prepared if need be.

    sources: nothing for the chorales that ship; or one prepared dataset; or folders and files of
        music and names of collections, as in `dataset.prepare`.
    strict: stop at the first file that cannot be read or had to be mended. tell: called with lines
    for the user. progress: called with (files done, files in all).
    Raises DataError if a source does not exist or nothing can be read.
    """
    if len(sources) == 1 and is_dataset(sources[0]):
        return Dataset.open(sources[0])
    for source in sources:
        if is_dataset(source):
            raise DataError(f"{printable(source)} is a prepared dataset, and must be given alone")
    if not sources:
        return _shipped(tell)
    readers = Readers.installed()
    paths = [Path(readers.resolve(source)) for source in sources]
    out = cache_folder() / "datasets" / _name(paths)
    report = _in_turn(
        lambda: prepare(paths, out, readers=readers, strict=strict, progress=progress), out, tell
    )
    for line in (*report.left_out_lines(), report.line()):
        tell(line)
    return Dataset.open(out)


def _shipped(tell: Tell) -> Dataset:
    """Return the chorales as a dataset, prepared once for each version of howlkit."""
    out = cache_folder() / "datasets" / f"bach-chorales-{__version__}"
    if not is_dataset(out):
        rights = RightsTables([str(chorales.where())]).of(str(chorales.where()))
        _in_turn(
            lambda: prepare_pieces(chorales.load(), out, seed=CHORALES_SEED, rights=rights),
            out,
            tell,
        )
    data = Dataset.open(out)
    tell(f"No DATA given: taking the {len(data)} Bach chorales that come with howlkit")
    return data


def _in_turn(work: Callable[[], PreparationReport], out: Path, tell: Tell) -> PreparationReport:
    """Do the work once no other process prepares into `out`: runs may start together."""
    told = False
    while True:
        try:
            return work()
        except BusyError:
            if not told:
                shown = printable(out)
                tell(f"Another howlkit is reading the same music into {shown}; waiting for it")
            told = True
            time.sleep(0.2)


def is_dataset(path: Path) -> bool:
    """Say whether `path` is a prepared dataset."""
    return (path / MANIFEST).is_file()


def describe(sources: Sequence[Path], data: Dataset) -> str:
    """Return a line about the music, for a model card."""
    what = ", ".join(printable(source.name) for source in sources) or "Bach's four-part chorales"
    return f"{what}: {len(data)} pieces, {int(data.note_counts.sum()):,} notes"


def cache_folder() -> Path:
    """Return the folder in which datasets prepared on the way are kept."""
    own = os.environ.get("HOWLKIT_CACHE")
    return Path(own) if own else platformdirs.user_cache_path("howlkit")


def _name(sources: Sequence[Path]) -> str:
    paths = sorted(str(source.resolve()) for source in sources)
    digest = hashlib.sha256(os.fsencode("\0".join(paths))).hexdigest()[:12]
    return f"{re.sub(r'[^A-Za-z0-9_-]', '_', sources[0].resolve().name)[:40]}-{digest}"
