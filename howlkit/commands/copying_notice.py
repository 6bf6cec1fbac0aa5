"""The line of `howlkit sample` about music that copies more than held-out pieces do.

It needs the file that `howlkit train` leaves beside a run; without it nothing is said, since to
make it takes seconds. So much is looked at that it costs some hundredths of a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from howlkit.commands.shared_options import quoted, tell
from howlkit.errors import printable

if TYPE_CHECKING:
    from howlkit.evaluation.copying.auditing import Audit
    from howlkit.music.piece import Piece

__all__ = ["tell_of_copies"]

MOST_NOTES = 1000
"""The notes that are looked at: those of the first pieces, of one piece its beginning."""


def tell_of_copies(
    run: Path, facts: Mapping[str, Any], pieces: Sequence[Piece], paths: Sequence[Path]
) -> None:
    """Say in one line whether pieces share more with the training music than held-out ones do.

    facts: of the model. pieces: the new music. paths: where it was written; none if nowhere.
    """
    from howlkit.evaluation.copying import auditing, stored

    data = facts.get("data")
    fingerprint = data.get("fingerprint") if isinstance(data, Mapping) else None
    music = stored.load(run / stored.FILE, str(fingerprint))
    if music is None:
        return
    audits = list(auditing.audit([*_first(pieces)], music, piece_of=lambda number: None, most=1))
    above = [number for number, audit in enumerate(audits) if audit.above]
    if above:
        worst = max(above, key=lambda number: audits[number].longest)
        tell(_line(audits, len(above), worst, paths, run))


def _first(pieces: Sequence[Piece]) -> Iterable[Piece]:
    """Yield the first pieces that have `MOST_NOTES` notes together, the last one of them cut."""
    left = MOST_NOTES
    for piece in pieces:
        if left <= 0:
            return
        yield piece if len(piece) <= left else piece.replace(notes=piece.notes[:left])
        left -= len(piece)


def _line(audits: Sequence[Audit], above: int, worst: int, paths: Sequence[Path], run: Path) -> str:
    audit = audits[worst]
    passage, standard = audit.passages[0], audit.standard
    assert standard is not None  # for mypy: what is above has one
    name = printable(paths[worst]) if worst < len(paths) else f"Piece {worst + 1}"
    also = f" (and {above - 1} more)" if above > 1 else ""
    file = paths[worst] if worst < len(paths) else Path("FILE")
    return (
        f"{name}{also} repeats {passage.notes} notes of {printable(passage.piece)}, more than "
        f"held-out music shares ({standard.limit} in 95 of 100 pieces): "
        f"howlkit audit {quoted(file)} --data {quoted(run)}"
    )
