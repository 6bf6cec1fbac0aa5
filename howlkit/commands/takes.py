"""`howlkit sample --replace` and `--accompany`: takes, written in the order of their ranking."""

from __future__ import annotations

import math
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from howlkit.commands import sampled_files, sampling_setup
from howlkit.commands.loading_notices import loading_notices
from howlkit.commands.note_stream import NoteStream, ReaderGoneError
from howlkit.commands.replacing_options import Replacing
from howlkit.commands.sampling_setup import Setup
from howlkit.commands.shared_options import tell
from howlkit.errors import printable

if TYPE_CHECKING:
    from types import FrameType

    from howlkit.music.tables import Table
    from howlkit.sampling.replacing import Region, Take
    from howlkit.sampling.runner import Stepping
    from howlkit.sampling.wishes import Wishes

__all__ = ["make"]

ALIKE, NEARLY = 0.1, 0.5
"""Nats a note by which takes join as well as the old notes, or nearly so."""


def make(
    ctx: click.Context,
    setup: Setup,
    replacing: Replacing,
    source: Path,
    wishes: Wishes,
    seed: int,
    device: str,
    stepping: Stepping,
    *,
    provenance: bool,
) -> None:
    """Make and write takes of the piece in a file, and say how well each joins.

    Ctrl-C ends the work after the present step; what there is by then is written, and the exit
    code is 130.
    """
    from howlkit.plugins.checked import unwrapped
    from howlkit.sampling.replacing.asked import candidates_of, takes_of
    from howlkit.training import stop_signals

    region = replacing.region(sampling_setup.read(source))
    if replacing.accompany is not None and wishes.instruments is None:
        wishes = replace(wishes, instruments="piano")
    with loading_notices():
        rows = candidates_of(replacing.candidates, setup.count)
        trained = sampling_setup.load(setup, device, stepping, rows)
    paths = ctx.with_resource(setup.claimed())
    watch = _Watch(region, NoteStream(trained.encoder) if setup.stream else None)
    with stop_signals.handled(watch.stop):
        takes = takes_of(
            trained,
            region,
            takes=setup.count,
            candidates=replacing.candidates,
            seed=seed,
            params=unwrapped(setup.player).params,
            wishes=wishes,
            given=replacing.given,
            values=setup.values,
            watch=watch,
            provenance=provenance,
        )
    pieces = [take.piece for take in takes]
    written, failures = setup.write(pieces, paths)
    watch.show_takes(takes)
    if watch.stopped_by is not None:
        tell("Stopped; the music made so far is written.")
    before = math.nan
    if not math.isnan(takes[0].join):
        from howlkit.sampling.replacing.as_it_was import join_as_it_was

        before = join_as_it_was(trained, region)
        tell(_before(region, before))
    for number, take in enumerate(takes):
        name = printable(written[number]) if written else f"Take {number + 1}"
        tell(f"{name}  {_about(take, takes, region, before)}")
    setup.tell_what_is_written(pieces)
    tell(f"To make the same again: --seed {seed} --stepping {trained.runner.name}")
    sampled_files.tell_of_failures(failures)
    if watch.stopped_by is not None:
        ctx.exit(128 + watch.stopped_by)
    setup.tell_how_to_see(written)


class _Watch:
    """Called after every step: shows new notes, and says whether to stop."""

    def __init__(self, region: Region, stream: NoteStream | None) -> None:
        self.stopped_by: int | None = None
        self._region, self._stream = region, stream
        self._last: Table | None = None
        self._gone = False

    def __call__(self, notes: Table) -> bool:
        if self._stream is not None and notes is not self._last and not self._gone:
            self._last = notes
            try:
                self._stream.show(0, self._region.fitted(notes), self._region.piece)
            except ReaderGoneError:
                self._gone = True
        return self._gone or self.stopped_by is not None

    def stop(self, number: int, frame: FrameType | None) -> None:
        """Stop after this step; a second Ctrl-C stops at once."""
        if self.stopped_by is not None:
            raise KeyboardInterrupt
        self.stopped_by = number if number != signal.SIGINT else 2

    def show_takes(self, takes: Sequence[Take]) -> None:
        """Write the takes to the stream, if there is one."""
        if self._stream is None or self._gone:
            return
        try:
            for number, take in enumerate(takes, 1):
                weighed = not math.isnan(take.join)
                facts = {
                    "notes": len(take.notes),
                    "join": round(take.join, 6) if weighed else None,
                    "distance": round(take.distance, 6),
                }
                self._stream.take(number, facts, take.notes, take.piece)
        except ReaderGoneError:
            self._gone = True


def _before(region: Region, nats: float) -> str:
    """Return in words what takes are compared with: the nats of what is kept, as the piece was."""
    if region.own_track:
        return f"Without a new part, a note of the piece surprises the model by {nats:.2f} nats."
    old, after = len(region.original), "the end of the piece"
    if len(region.inside) or len(region.after):
        after = "a note of what is kept" if len(region.inside) else "a note of what follows"
    had = f"The old music of this part has {old} note{'s' * (old != 1)}. After them"
    return (
        f"{had if old else 'This part was empty. There'} {after} surprises the model by "
        f"{nats:.2f} nats; the fewer, the better a take joins."
    )


def _about(take: Take, takes: Sequence[Take], region: Region, before: float) -> str:
    """Return how many new notes a take has, how well it joins and how it differs, in words."""
    from howlkit.sampling.replacing.takes import difference

    count = len(take.notes)
    parts = [f"{count} new note{'s' * (count != 1)}"]
    parts.append(_joins(take, before, alone=region.own_track))
    others = [difference(take.notes, other.notes) for other in takes if other is not take]
    if others:
        parts.append(f"differs from the other takes in at least {min(others):.0%} of the notes")
    elif not region.own_track:
        parts.append(f"differs from the old music in {take.distance:.0%} of the notes")
    return "; ".join(parts)


def _joins(take: Take, before: float, *, alone: bool) -> str:
    """Return how well a take joins, beside what was there."""
    if math.isnan(take.join):
        return "not weighed, since it was stopped"
    if not take.complete:
        return "not all that was to be kept fitted in"
    worse = take.join - before
    if alone:
        how = "fits" if worse < -ALIKE else "hardly changes" if worse < ALIKE else "disturbs"
        return f"{how} the piece: {take.join:.2f} nats a note"
    how = (
        "better than" if worse <= -ALIKE
        else "as well as" if worse < ALIKE
        else "nearly as well as" if worse < NEARLY
        else "less well than"
    )  # fmt: skip
    return f"joins {how} the old notes did: {take.join:.2f} nats a note"
