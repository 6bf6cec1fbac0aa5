"""What `howlkit sample` has ready before it makes music: components, the model, names of files."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from howlkit.commands import sampled_files
from howlkit.commands.component_options import merged
from howlkit.commands.output_files import check_new, is_device, next_free
from howlkit.commands.shared_options import quoted, tell
from howlkit.commands.steering_options import with_flags
from howlkit.errors import printable

if TYPE_CHECKING:
    from howlkit.errors import HowlkitError
    from howlkit.music.piece import Piece
    from howlkit.protocols import Constraint, Sampler, Writer
    from howlkit.sampling.runner import Stepping
    from howlkit.sampling.trained import Trained
    from howlkit.sampling.wishes import Wishes

__all__ = ["Setup", "load", "read", "ready"]

STDOUT = Path("-")


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The components and the files of one call.

    folder: of the run. out, count, force, reads: as in `sampled_files.claimed`. writes: whether
    files are written at all. writer: None: they are MIDI. player: as people said; sampler, drawing:
    its name and the options that were given. values: options by component. emphasis: None: as the
    run advises.
    """

    folder: Path
    out: Path | None
    count: int
    force: bool
    reads: Sequence[Path]
    stream: bool
    writer: Writer | None
    player: Sampler
    sampler: str
    drawing: Mapping[str, object]
    values: Mapping[str, Mapping[str, object]]
    constraints: Sequence[Constraint]
    emphasis: Mapping[str, float] | None

    @property
    def writes(self) -> bool:
        """Whether files are written: a stream alone writes none."""
        return self.out is not None or not self.stream

    def player_of(self, trained: Trained) -> Sampler:
        """Return the sampler with what the run advises where nothing was said."""
        from howlkit import plugins
        from howlkit.sampling.advice import advised

        options = advised(trained.facts, self.sampler, self.drawing)
        made: Sampler = plugins.create("sampler", self.sampler, options)
        return made

    def claimed(self) -> contextlib.AbstractContextManager[list[Path]]:
        """Give the files, kept for this process until the block ends; none if none are written."""
        if not self.writes:
            return contextlib.nullcontext([])
        return sampled_files.claimed(
            self.out,
            self.folder,
            self.count,
            midi=self.writer is None,
            force=self.force,
            reads=self.reads,
        )

    def write(
        self, pieces: Sequence[Piece], paths: Sequence[Path]
    ) -> tuple[list[Path], list[HowlkitError]]:
        """Write the pieces to the first of the files, as `sampled_files.write_all` does."""
        if not paths:
            return [], []
        return sampled_files.write_all(pieces, paths[: len(pieces)], self.writer)

    def tell_what_is_written(self, pieces: Sequence[Piece]) -> None:
        """Say what the MIDI files of the pieces cannot say, if anything."""
        from howlkit.music import midi

        if self.writer is not None or not self.writes:
            return
        written = sum((midi.to_bytes_counted(piece)[1] for piece in pieces), midi.Written())
        if said := written.describe():
            tell(f"In MIDI: {said}")

    def tell_how_to_see(self, paths: Sequence[Path]) -> None:
        """Say how the first file is heard and drawn, if it can be."""
        if self.writer is None and paths and paths[0].is_file():
            picture = next_free(paths[0].with_suffix(".svg"))
            tell(f"Hear it: howlkit play {quoted(paths[0])}")
            tell(f"See it: howlkit plot {quoted(paths[0])} --out {quoted(picture)}")


def ready(
    run: Path | None,
    out: Path | None,
    *,
    force: bool,
    count: int,
    stream: bool,
    reads: Sequence[Path],
    wishes: Wishes,
    sampler: str,
    flags: Mapping[str, object],
    option: Sequence[str],
    config: Mapping[str, Mapping[str, object]],
    emphasis: Mapping[str, float] | None,
) -> Setup:
    """Return what is ready, before anything is loaded; a usage error for what does not fit.

    reads: the files that the command reads. flags: options of the sampler, None where not given.
    """
    from howlkit import plugins
    from howlkit.sampling import steering
    from howlkit.training.run_folders import default_model

    to_stdout = out is not None and (out == STDOUT or is_device(out))
    if to_stdout and count > 1:
        raise click.UsageError(
            f"--out {printable(out)} writes one file; leave out -n, or name a file"
        )
    if stream and out in (STDOUT, Path("/dev/stdout")):
        raise click.UsageError("--stream writes notes to stdout; let --out name a file")
    component = sampled_files.writer_of(out)  # an unknown suffix is an error before music is made
    used = [sampler, *([] if component is None else [component.name]), *wishes.names]
    paths = sampled_files.paths_of(out, count, midi=component is None)
    check_new(paths, force=force, reads=reads)
    values = merged(config, option, used)
    _refuse_others(values, used)
    writer = None
    if component is not None:
        writer = plugins.create("writer", component.name, values.get(component.name))
    drawing = with_flags(sampler, values.get(sampler), **flags)
    player = plugins.create("sampler", sampler, drawing)
    constraints = steering.constraints_of(wishes, values)
    folder, said = (run, "") if run is not None else default_model()
    if said:
        tell(said)
    return Setup(
        folder=folder,
        out=out,
        count=count,
        force=force,
        reads=reads,
        stream=stream,
        writer=writer,
        player=player,
        sampler=sampler,
        drawing=drawing,
        values=values,
        constraints=constraints,
        emphasis=emphasis,
    )


def read(path: Path) -> Piece:
    """Return the piece in a file that the user names."""
    from howlkit.dataset.music_file import read_music

    return read_music(path, tell=tell)


def load(
    setup: Setup, device: str, stepping: Stepping, rows: int, checkpoint: int | None = None
) -> Trained:
    """Return the model of the run, ready to make `rows` pieces at once.

    checkpoint: the step of a checkpoint, for its weights instead of the best ones.
    """
    from howlkit.network.device import FEW_ROWS, pick_device
    from howlkit.sampling.trained import Trained

    few = device in ("auto", "cpu") and rows <= FEW_ROWS  # then torch may not be needed
    place = device if few else pick_device(device)
    trained = Trained.from_pretrained(
        setup.folder, device=place, stepping=stepping, checkpoint=checkpoint
    )
    return trained if setup.emphasis is None else trained.with_emphasis(setup.emphasis)


def _refuse_others(values: Mapping[str, object], used: Sequence[str]) -> None:
    others = [name for name in values if name not in used]
    if others:
        raise click.UsageError(
            f"-o sets an option of {others[0]!r}, which is not used here; only those of the "
            f"sampler, the writer and the constraints can be set when sampling: {', '.join(used)}"
        )
