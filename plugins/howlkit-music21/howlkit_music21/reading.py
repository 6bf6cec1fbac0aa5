"""Files to music21's scores, and these to Pieces, with what can go wrong put into words.

music21 keeps pickles of the files that it has parsed and would load them again; here it is always
given the text, so that nothing is unpickled and nothing stale is read.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from howlkit.errors import DataError, HowlkitError, printable
from howlkit.music import Piece
from howlkit_music21 import drums
from howlkit_music21.playing import Playing

__all__ = ["read"]

CONTAINER = "META-INF/container.xml"

MOST_UNPACKED = 256 * 2**20
"""Bytes that a compressed score may have once it is unpacked."""


def read(path: Path, playing: Playing) -> Iterator[Piece | HowlkitError]:
    """Yield the pieces in a file, with an error in place of one that music21 cannot read.

    Raises DataError if the file holds nothing that could be read.
    """
    kind = path.suffix.lower()
    if kind == ".abc":
        for number, tune in _tunes(_text(path)):
            try:
                yield from _pieces(tune, "abc", playing)
            except DataError as error:
                yield DataError(f"X:{number}: {error}" if number else str(error))
    elif kind == ".krn":
        text = _text(path)
        if "**kern" not in text:
            raise DataError("is no Humdrum file with notes: it has no **kern spine")
        yield from _pieces(text, "humdrum", playing)
    else:
        yield from _pieces(_musicxml(path), "musicxml", playing)


def _pieces(source: str, form: str, playing: Playing) -> list[Piece]:
    """Return the pieces of a text: one, or those of an Opus."""
    from music21 import converter, stream

    from howlkit_music21.pieces import piece_of

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what it mends, by the hundred
        try:
            parsed = converter.parseData(source, format=form)
            scores = list(parsed.scores) if isinstance(parsed, stream.Opus) else [parsed]
            return [piece_of(score, playing) for score in scores]
        except HowlkitError:
            raise
        except Exception as error:  # of any kind: a parser of strangers' files, without promises
            raise DataError(f"music21 cannot read it: {_line(error)}") from error


def _line(error: Exception) -> str:
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return printable(text if len(text) < 200 else f"{text[:200]} ..")


def _text(path: Path) -> str:
    """Return the text of a file, in UTF-8 or else Latin-1, as old ones are."""
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _tunes(text: str) -> Iterator[tuple[str, str]]:
    """Yield the number and the text of each tune of an ABC file, what stands above all with it.

    A tune begins with its X: field (ABC 2.1, section 2.2); without any, the file is one tune.
    Raises DataError for what is no ABC: no K: field.
    """
    if not re.search(r"^K:", text, re.MULTILINE):
        raise DataError("is no ABC file: no tune in it has a key (a line K:...)")
    above, *tunes = re.split(r"^(?=X:)", text.replace("\r\n", "\n"), flags=re.MULTILINE)
    if not tunes:
        yield "", text
    fields = "".join(re.findall(r"^[A-Z]:.*\n", above, re.MULTILINE))
    for tune in tunes:
        first, _, rest = tune.partition("\n")
        yield first.removeprefix("X:").strip(), f"{first}\n{fields}{rest}"


def _musicxml(path: Path) -> str:
    """Return the text of a MusicXML file, plain or compressed, with drums as pitches.

    Raises DataError for what is none, or too big when unpacked.
    """
    data = _unpacked(path) if zipfile.is_zipfile(path) else path.read_bytes()
    if not re.search(rb"<(score-partwise|score-timewise|opus)\b", data.replace(b"\x00", b"")):
        raise DataError("is no MusicXML: neither <score-partwise> nor <score-timewise> in it")
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise DataError(f"is no MusicXML: {error}") from error
    drums.as_pitches(root)
    return ElementTree.tostring(root, encoding="unicode")


def _unpacked(path: Path) -> bytes:
    """Return the score in a compressed file: the first that its container names (MusicXML 4.0)."""
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
            names = [name for name in sizes if not name.startswith("META-INF")]
            names = [name for name in names if name.endswith((".xml", ".musicxml"))]
            if CONTAINER in sizes and sizes[CONTAINER] <= MOST_UNPACKED:
                stated = re.findall(rb'full-path="([^"]+)"', archive.read(CONTAINER))
                names = [*(name.decode("utf-8", "replace") for name in stated[:1]), *names]
            name = next((name for name in names if name in sizes), None)
            if name is None:
                raise DataError("is a compressed file without a score in it")
            if sizes[name] > MOST_UNPACKED:
                raise DataError(
                    f"has {sizes[name]} bytes when unpacked; at most {MOST_UNPACKED} are read"
                )
            return archive.read(name)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise DataError(f"is no compressed MusicXML: {error}") from error
