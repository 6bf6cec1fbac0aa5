"""Which source of a plugin reads a file, and which folder or file a collection is.

howlkit itself reads MIDI files, those in zip archives too. A source reads files with its suffixes,
and a file that it names as its collection, whatever suffix that has. A name stands for a collection
if there is no file or folder of that name, or if that folder is the one to prepare into.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from howlkit import options, plugins
from howlkit.errors import DataError, HowlkitError, PluginError, did_you_mean, printable
from howlkit.music import midi
from howlkit.music.piece import Piece
from howlkit.plugins.checked import CheckedSource, unwrapped
from howlkit.protocols import Source

__all__ = ["KNOWN", "Reader", "Readers"]

KNOWN: Mapping[str, str] = MappingProxyType(
    dict.fromkeys((".musicxml", ".mxl", ".xml", ".abc", ".krn"), "howlkit-music21")
)
"""Distributions by suffix, to name the one to install if no installed source has the suffix."""

PathLike = str | os.PathLike[str]

_OWN = (*midi.ENDINGS, *midi.ARCHIVES)


@dataclass(frozen=True)
class Reader:
    """A source of a plugin, ready to read.

    identity: text with everything that its reading depends on. provider: its distribution.
    """

    source: Source
    identity: str
    provider: str

    @classmethod
    def of(cls, component: plugins.Component, values: Mapping[str, object]) -> Reader:
        """Return the reader for a registered source with these options."""
        source = CheckedSource.of(options.build(component.cls, values))
        provider = f"{component.distribution} {component.version}"
        said = json.dumps(options.to_json(unwrapped(source)), sort_keys=True)
        return cls(source, f"{component.name} of {provider} {said}", provider)

    def read(self, path: str, limits: midi.Limits) -> list[Piece | str]:
        """Return the pieces in a file, and the reason in place of each that cannot be used.

        Raises HowlkitError if nothing can be read.
        """
        midi.check_file(path, limits)
        # What a library prints must not get among the data on stdout.
        with contextlib.redirect_stdout(sys.stderr):
            found = list(self.source.read(Path(path)))
        if not found:
            raise DataError("it has no music in it")
        return [self._within(piece, limits) for piece in found]

    def _within(self, piece: Piece | HowlkitError, limits: midi.Limits) -> Piece | str:
        """Return a piece within the limits, or the reason why it is left out."""
        if isinstance(piece, HowlkitError):
            return str(piece)
        if not len(piece):
            return "it has no notes"
        try:
            midi.check_limits(piece, limits)
        except HowlkitError as error:
            return str(error)
        return piece


class Readers:
    """Readers by the suffixes and the collections that they read."""

    def __init__(self, readers: Sequence[Reader] = ()) -> None:
        self._by_suffix: dict[str, list[Reader]] = {}
        self._by_name: dict[str, list[tuple[Reader, Callable[[], Path]]]] = {}
        self._by_path: dict[str, Reader] = {}
        for reader in readers:
            for suffix in reader.source.suffixes:
                self._by_suffix.setdefault(suffix, []).append(reader)
            for name, where in reader.source.collections.items():
                self._by_name.setdefault(name, []).append((reader, where))

    @classmethod
    def installed(cls, values: Mapping[str, Mapping[str, object]] | None = None) -> Readers:
        """Return the readers for the sources of installed plugins.

        values: options by the name of the source, as `options.parse` returns them. Raises
        OptionError for wrong options.
        """
        found = plugins.components("source")
        return cls([Reader.of(source, (values or {}).get(source.name, {})) for source in found])

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The suffixes of the files that can be read, MIDI's first."""
        return (*_OWN, *sorted(self._by_suffix.keys() - set(_OWN)))

    @property
    def collections(self) -> tuple[str, ...]:
        """The names of the collections."""
        return tuple(sorted(self._by_name))

    def reader(self, path: str) -> Reader | None:
        """Return the reader for a file; None for MIDI and unknown files, which howlkit reads.

        Raises DataError if two sources claim the suffix.
        """
        name = os.path.basename(path).lower()
        # The longest one of ".musicxml.zip" and ".zip"; of the same one, howlkit's own comes first.
        fits = [suffix for suffix in (*_OWN, *self._by_suffix) if name.endswith(suffix)]
        suffix = max(fits, key=len, default="")
        if suffix in midi.ENDINGS:
            return None
        if not suffix or suffix in midi.ARCHIVES:
            return self._by_path.get(path)
        return _only(self._by_suffix[suffix], f"read {suffix} files")

    def is_archive(self, path: str) -> bool:
        """Say whether howlkit reads the MIDI files inside a file."""
        return path.lower().endswith(midi.ARCHIVES) and self.reader(path) is None

    def resolve(self, source: PathLike, out: PathLike | None = None) -> str:
        """Return the absolute path of a file or folder, or of the collection with that name.

        out: the folder to prepare into. Raises DataError if there is nothing of that name, and
        PluginError as `check_known` does.
        """
        name = os.fspath(source)
        if name in self._by_name and _may_be_a_name(name, out):
            reader = _only([reader for reader, _ in self._by_name[name]], f"have {name!r}")
            where = dict(self._by_name[name])[reader]
            with contextlib.redirect_stdout(sys.stderr):
                path = os.path.abspath(where())
            if not os.path.exists(path):
                raise DataError(
                    f"the collection {name!r} of {reader.provider} should be in {printable(path)}, "
                    "which does not exist; install it again"
                )
            self._by_path[path] = reader
            return path
        if not os.path.exists(name):
            raise DataError(self.absent(name))
        if os.path.isfile(name):
            self.check_known(name)
        return os.path.abspath(name)

    def check_known(self, path: str) -> None:
        """Raise PluginError, with the package to install, for a file of a format in `KNOWN`.

        Files that a source reads pass.
        """
        suffix = next((known for known in KNOWN if path.lower().endswith(known)), None)
        if suffix is None or self.reader(path) is not None:
            return
        message = (
            f"{printable(path)}: {suffix} files are read by {KNOWN[suffix]}, which is not there: "
            f"howlkit plugins install --upgrade {KNOWN[suffix]}"
        )
        if plugins.RESTRICTION in os.environ:
            restricted = os.environ[plugins.RESTRICTION]
            message += f" ({plugins.RESTRICTION}={restricted!r} keeps other plugins out)"
        raise PluginError(message)

    def absent(self, name: str) -> str:
        """Return the message that `name` is no file, folder or collection, with what there is."""
        known = self.collections
        return (
            f"{printable(name)} does not exist; name music files, folders of them, or a collection"
            f".{did_you_mean(name, known)} Collections: {', '.join(known) or 'none'}"
        )


def _may_be_a_name(name: str, out: PathLike | None) -> bool:
    """Say whether the path `name` is free, or is the folder to prepare the collection into."""
    if out is not None and os.path.abspath(name) == os.path.abspath(out):
        return True
    return not os.path.exists(name)


def _only(readers: Sequence[Reader], what: str) -> Reader:
    """Return the only reader; DataError if there are more, with their names and what to do."""
    if len(readers) > 1:
        who = " and ".join(f"{reader.source.name} ({reader.provider})" for reader in readers)
        raise DataError(
            f"the sources {who} both {what}; uninstall one, or name in {plugins.RESTRICTION} the "
            "plugins to load"
        )
    return readers[0]
