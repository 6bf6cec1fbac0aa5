"""Writes MusicXML files, plain or compressed (MusicXML 4.0): equal scores give equal bytes.

music21 (10.5) names parts and instruments at random, writes the date, and names itself as the
composer.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from xml.etree import ElementTree

__all__ = ["text", "tidy", "write"]

HEAD = b"""<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN"
  "http://www.musicxml.org/dtds/partwise.dtd">
"""

TYPE = b"application/vnd.recordare.musicxml"

CONTAINER = b"""<?xml version="1.0" encoding="UTF-8"?>
<container>
  <rootfiles>
    <rootfile full-path="score.musicxml" media-type="application/vnd.recordare.musicxml+xml"/>
  </rootfiles>
</container>
"""


def tidy(root: ElementTree.Element) -> None:
    """Rename parts and instruments to P1, P1-I1 ..; remove music21's date and composer."""
    new: dict[str, str] = {}
    for number, part in enumerate(root.findall("part-list/score-part"), 1):
        new[part.get("id", "")] = f"P{number}"
        for which, instrument in enumerate(part.findall("score-instrument"), 1):
            new[instrument.get("id", "")] = f"P{number}-I{which}"
    for element in root.iter():
        name = element.get("id", "")
        if name in new:
            element.set("id", new[name])
    for about in root.findall("identification"):
        for creator in about.findall("creator"):
            if creator.text == "Music21":
                about.remove(creator)
        for encoding in about.findall("encoding"):
            for date in encoding.findall("encoding-date"):
                encoding.remove(date)


def text(root: ElementTree.Element) -> bytes:
    """Return a score as the text of a file."""
    return HEAD + bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=False))


def write(path: Path, score: bytes) -> None:
    """Write the text of a score to a new file, compressed if its name ends in .mxl."""
    if path.suffix.lower() != ".mxl":
        path.write_bytes(score)
        return
    parts = {"mimetype": TYPE, "META-INF/container.xml": CONTAINER, "score.musicxml": score}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            entry = zipfile.ZipInfo(name)  # dated 1980, so that the bytes do not depend on the day
            entry.external_attr = 0o644 << 16
            first = name == "mimetype"  # uncompressed, as the format asks
            entry.compress_type = zipfile.ZIP_STORED if first else zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
